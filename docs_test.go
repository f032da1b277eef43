package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/telemetry"
	"github.com/partnergraph/partnergraph/providers/all"
)

var update = flag.Bool("update", false, "write to the documentation what is generated from the code")

// maxREADME bounds README.md, so that it stays a front door.
const maxREADME = 10 << 10

// documents are the Markdown files of the repository.
func documents(t *testing.T) (paths []string) {
	t.Helper()
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/vendors/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) < 14 {
		t.Fatalf("the documentation is only %q", paths)
	}
	return paths
}

// block is a fenced block of a document. Behind its language it may have attributes:
//
//   - file=PATH: it is a copy of this file of the repository, which other tests run
//   - save=NAME: it is written to this file in the folder where the page's commands run
//   - run=TEST: this test executes it
//   - norun="REASON": it cannot be executed; its programs and their arguments are checked
//     nevertheless
//   - fault=VENDOR: this vendor does the first write of the block, and does not answer
//   - part: of an answer that has more than the block shows
type block struct {
	page, info, lang, text string
	line                   int
	attributes             map[string]string
}

var (
	fence     = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")
	attribute = regexp.MustCompile(`(\w+)(?:=(?:"([^"]*)"|(\S+)))?`)
)

// blocks are the fenced blocks of a document.
func blocks(t *testing.T, page string) (all []*block) {
	t.Helper()
	text := read(t, page)
	for _, m := range fence.FindAllStringSubmatchIndex(text, -1) {
		info := text[m[2]:m[3]]
		lang, rest, _ := strings.Cut(info, " ")
		line := 1 + strings.Count(text[:m[0]], "\n")
		b := &block{page: page, info: info, lang: lang, text: text[m[4]:m[5]], line: line, attributes: map[string]string{}}
		for _, a := range attribute.FindAllStringSubmatch(rest, -1) {
			b.attributes[a[1]] = a[2] + a[3]
		}
		all = append(all, b)
	}
	if strings.Count("\n"+text, "\n```") != 2*len(all) {
		t.Errorf("%s has a fence that does not end, or one that is indented", page)
	}
	return all
}

// pick is the only block of a page that this test executes, of this language.
func pick(t *testing.T, page, lang string) *block {
	t.Helper()
	var found *block
	for _, b := range blocks(t, page) {
		if b.lang == lang && b.attributes["run"] == t.Name() {
			if found != nil {
				t.Fatalf("%s has two blocks of %s for %s", page, lang, t.Name())
			}
			found = b
		}
	}
	if found == nil {
		t.Fatalf("%s has no block of %s for %s", page, lang, t.Name())
	}
	return found
}

// replace writes a document with one part of it replaced.
func replace(t *testing.T, page, old, text string) {
	t.Helper()
	content := read(t, page)
	if strings.Count(content, old) != 1 {
		t.Fatalf("%s has %d times %.80q, want it once", page, strings.Count(content, old), old)
	}
	if err := os.WriteFile(page, []byte(strings.Replace(content, old, text, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkGenerated compares what a page has between `<!-- name -->` and `<!-- /name -->` with what the code makes of it.
func checkGenerated(t *testing.T, page, name, want string) {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	_, rest, _ := strings.Cut(read(t, page), begin)
	got, _, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatalf("%s has no place for %s", page, name)
	}
	if got == want {
		return
	}
	if *update {
		replace(t, page, begin+got+end, begin+want+end)
		return
	}
	t.Errorf("%s shows %s as it is not; go test -run %s -update . writes it (-code +page)\n%s", page, name, t.Name(), cmp.Diff(want, got))
}

// TestDocsConfiguration requires docs/operations.md to have the reference that the program prints.
func TestDocsConfiguration(t *testing.T) {
	var b bytes.Buffer
	if err := config.WriteReference(&b, all.Registry()); err != nil {
		t.Fatal(err)
	}
	checkGenerated(t, "docs/operations.md", "settings", b.String())

	settings := map[string]bool{}
	for _, s := range config.Reference(all.Registry()) {
		settings[s.Path] = true
	}
	named := regexp.MustCompile("`((?:accounts|admin|auth|cache|cors|cursors|limits|log|redis|traces|writes)(?:\\[\\])?\\.[a-z_.]+)`")
	for _, page := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(fence.ReplaceAllString(read(t, page), ""), -1) {
			if !settings[m[1]] && filepath.Ext(m[1]) != ".mjs" {
				t.Errorf("%s names the setting %s, which does not exist", page, m[1])
			}
		}
	}
}

// TestDocsMetrics requires docs/operations.md to have the reference of the metrics, and what
// to do for each alert.
func TestDocsMetrics(t *testing.T) {
	var b bytes.Buffer
	if err := telemetry.WriteReference(&b); err != nil {
		t.Fatal(err)
	}
	checkGenerated(t, "docs/operations.md", "metrics", b.String())
	page := read(t, "docs/operations.md")
	for name := range alerts(t) {
		if !strings.Contains(page, "\n| `"+name+"` |") {
			t.Errorf("docs/operations.md does not say what to do for %s", name)
		}
	}
}

// TestDocsCodes requires docs/frontend.md to explain each code that errors have.
func TestDocsCodes(t *testing.T) {
	codes := regexp.MustCompile(`(?m)^\s+\w+ +(?:\w+\.)?Code *= "([A-Z_]+)"$`)
	var sources []string
	for _, pattern := range []string{"resolvers/*.go", "internal/*/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, found...)
	}
	page, n := read(t, "docs/frontend.md"), 0
	for _, path := range sources {
		for _, m := range codes.FindAllStringSubmatch(read(t, path), -1) {
			n++
			if !strings.Contains(page, "\n| `"+m[1]+"` |") {
				t.Errorf("docs/frontend.md does not explain the code %s", m[1])
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d codes are in the sources", n)
	}
}

// TestDocsSize requires README.md to be short.
func TestDocsSize(t *testing.T) {
	if n := len(read(t, "README.md")); n > maxREADME {
		t.Errorf("README.md has %d bytes, want at most %d: move something to docs/", n, maxREADME)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	noSlug  = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors are the fragments that a document's headings have at GitHub.
func anchors(t *testing.T, page string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(read(t, page), ""), -1) {
		slug := strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")
		if found[slug] {
			t.Errorf("%s has the heading %q twice", page, m[1])
		}
		found[slug] = true
	}
	return found
}

// TestDocsLinks requires each link within the repository to lead to a file and a heading that exist, and each page to be
// linked by another.
func TestDocsLinks(t *testing.T) {
	linked := map[string]bool{"README.md": true}
	for _, page := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(read(t, page), ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, fragment, _ := strings.Cut(m[1], "#")
			to := page
			if path != "" {
				to = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
				continue
			}
			if to != page {
				linked[to] = true
			}
			if fragment != "" && !anchors(t, to)[fragment] {
				t.Errorf("%s links to %s, which has no such heading", page, m[1])
			}
		}
	}
	for _, page := range documents(t) {
		if !linked[page] {
			t.Errorf("no page links to %s", page)
		}
	}
}

// TestDocsPaths requires each file and folder of the repository that the text names to exist. <noun> and <vendor> stand for any.
func TestDocsPaths(t *testing.T) {
	folders := "deploy|docs|graph|internal|providers|resolvers|schema|web"
	path := regexp.MustCompile("`((?:" + folders + ")/[A-Za-z0-9_./<>*-]*)`")
	other := regexp.MustCompile(`/dist\b|[.](Test|Fuzz)\w+$`) // built, or a test that TestSecurity looks for
	for _, page := range documents(t) {
		for _, m := range path.FindAllStringSubmatch(fence.ReplaceAllString(read(t, page), ""), -1) {
			pattern := regexp.MustCompile(`<\w+>`).ReplaceAllString(m[1], "*")
			if found, err := filepath.Glob(pattern); (err != nil || found == nil) && !other.MatchString(m[1]) {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
}

// TestDocsFiles requires the files that pages show to be those of the repository, and a test's program to use each.
func TestDocsFiles(t *testing.T) {
	shown := 0
	for _, page := range documents(t) {
		for _, b := range blocks(t, page) {
			path, ok := b.attributes["file"]
			if !ok {
				continue
			}
			shown++
			if want := read(t, path); b.text != want {
				if *update {
					head := "```" + b.info + "\n"
					replace(t, page, head+b.text+"```", head+want+"```")
				} else {
					t.Errorf("%s:%d shows %s as it is not; go test -run %s -update . writes it (-file +page)\n%s",
						page, b.line, path, t.Name(), cmp.Diff(want, b.text))
				}
			}
			if !mentioned(t, path) {
				t.Errorf("%s:%d shows %s, which no other file of its folder uses", page, b.line, path)
			}
		}
	}
	if shown < 3 {
		t.Errorf("only %d files are shown", shown)
	}
}

// mentioned says whether another file of its folder names a file.
func mentioned(t *testing.T, path string) bool {
	t.Helper()
	others, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(others, func(other string) bool {
		return other != path && strings.Contains(read(t, other), filepath.Base(path))
	})
}
