package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/needs"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// guide is a page whose blocks are executed in their order, in a folder of its own.
type guide struct {
	t    *testing.T
	page string
	dir  string
	env  map[string]string // of its commands
	kits map[string]*sandbox.Kit
	base string // of the server that its commands use
	said string // what the last block answered
}

// documented is the address that pages have for the server.
const documented = "127.0.0.1:8080"

// TestDocs executes the pages: each command, query and configuration of them, and compares
// what they show of the answers.
func TestDocs(t *testing.T) {
	for _, program := range []string{"bash", "curl", "make"} {
		needs.Program(t, program)
	}
	kits, accounts := simulated(t, providers.SandboxSmall, time.Minute)
	names := map[string]string{"promotekit": "saas", "firstpromoter": "app", "uppromote": "shop"}
	env := variables()
	for _, m := range regexp.MustCompile(`provider: (\w+),.*base_url: ("[^"]+")`).FindAllStringSubmatch(accounts, -1) {
		env["PARTNERGRAPH_ACCOUNTS_"+strings.ToUpper(names[m[1]])+"_BASE_URL"] = strings.Trim(m[2], `"`)
	}
	for _, f := range all.Registry().Factories() {
		sim := f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: time.Now})
		for name, secret := range sim.Credentials() {
			env["PARTNERGRAPH_ACCOUNTS_"+strings.ToUpper(names[f.Name]+"_CREDENTIALS_"+name)] = secret
		}
	}
	for _, f := range all.Registry().Factories() {
		accounts = strings.Replace(accounts, "id: "+f.Name+",", fmt.Sprintf("id: %s, name: %s sandbox,", f.Name, f.Title), 1)
	}
	s := start(t, "serve", "--config", write(t, accounts), "--listen", "127.0.0.1:0")
	base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	for _, page := range documents(t) {
		t.Run(page, func(t *testing.T) {
			g := &guide{t: t, page: page, dir: t.TempDir(), env: maps.Clone(env), kits: kits, base: base}
			g.shims()
			all := blocks(t, page)
			for i, b := range all {
				var before *block
				if i > 0 {
					before = all[i-1]
				}
				g.execute(b, before)
			}
		})
	}
}

// variables are those that configurations in the documentation read.
func variables() map[string]string {
	env := map[string]string{}
	for _, name := range []string{"PROMOTEKIT_KEY", "FIRSTPROMOTER_KEY", "FIRSTPROMOTER_ACCOUNT", "UPPROMOTE_KEY"} {
		env[name] = strings.Repeat("x", 32)
	}
	env["DASHBOARD_KEY_SHA256"] = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" // of "secret"
	env["REDIS_CACHE_URL"], env["REDIS_DURABLE_URL"] = "rediss://cache:6379", "rediss://durable:6379"
	return env
}

// shims makes `partnergraph` this program, and `make` a check that the target is there.
func (g *guide) shims() {
	g.t.Helper()
	self, err := os.Executable()
	if err != nil {
		g.t.Fatal(err)
	}
	sources, err := os.Getwd()
	if err != nil {
		g.t.Fatal(err)
	}
	bin := filepath.Join(g.dir, "bin")
	program := fmt.Sprintf("#!/bin/sh\n%s=program exec %q \"$@\"\n", childVariable, self)
	if err := os.Mkdir(bin, 0o700); err != nil {
		g.t.Fatal(err)
	}
	for name, text := range map[string]string{
		"partnergraph": program,
		"make": fmt.Sprintf("#!/bin/sh\nMAKEFLAGS= PATH=\"$REAL_PATH\" exec make --no-print-directory "+
			"-n -C %q \"$@\" >/dev/null\n", sources),
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700); err != nil {
			g.t.Fatal(err)
		}
	}
	g.env["REAL_PATH"], g.env["PATH"] = os.Getenv("PATH"), bin+":"+os.Getenv("PATH")
}

// execute does with a block what its language asks for.
func (g *guide) execute(b, before *block) {
	g.t.Helper()
	if name, ok := b.attributes["save"]; ok {
		if err := os.WriteFile(filepath.Join(g.dir, name), []byte(b.text), 0o600); err != nil {
			g.t.Fatal(err)
		}
	}
	if test, ok := b.attributes["run"]; ok {
		if !tested(g.t, ".", test) {
			g.fail(b, "there is no test %s", test)
		}
		return
	}
	if _, ok := b.attributes["file"]; ok {
		return // TestDocsFiles
	}
	_, skipped := b.attributes["norun"]
	if reason := b.attributes["norun"]; skipped && len(strings.Fields(reason)) < 2 {
		g.fail(b, "the reason why it is not executed is %q", reason)
	}
	switch b.lang {
	case "sh":
		g.programs(b)
		if !skipped {
			g.shell(b)
		}
	case "yaml":
		g.configuration(b)
	case "graphql":
		g.queries(b)
	case "json", "text":
		if before == nil || before.lang != "sh" && before.lang != "graphql" {
			g.fail(b, "it is not behind the command or query that it is the answer to")
		} else if _, ok := before.attributes["norun"]; !ok {
			g.answer(b)
		}
	default:
		g.fail(b, "nothing executes the language %q", b.lang)
	}
}

// fail reports something wrong with a block.
func (g *guide) fail(b *block, format string, args ...any) {
	g.t.Helper()
	g.t.Errorf("%s:%d: %s", b.page, b.line, fmt.Sprintf(format, args...))
}

// tested says whether the tests of a folder have one whose name begins so.
func tested(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(f string) bool { return strings.Contains(read(t, f), "\nfunc "+name) })
}

// programs checks the arguments of each `partnergraph` and each target of `make`, also in
// blocks that are not executed.
func (g *guide) programs(b *block) {
	g.t.Helper()
	for line := range strings.Lines(b.text) {
		if err := command(g.t, line); err != nil {
			g.fail(b, "%v", err)
		}
	}
}

var (
	ofProgram = regexp.MustCompile(`^\s*(?:go run \.|(?:bin/)?partnergraph)((?: +[^#&|>\n]*)?)`)
	ofMake    = regexp.MustCompile(`^\s*make +(\w+)`)
	ofTests   = regexp.MustCompile(`^go test (?:\./([\w/]+) )?-run '?\^?(\w+)`)
)

// command checks a line that runs this program, make, or tests; other lines are not checked.
func command(t *testing.T, line string) error {
	t.Helper()
	if m := ofProgram.FindStringSubmatch(line); m != nil && !strings.Contains(m[1], "--help") {
		parser, err := kong.New(&commandLine{}, kong.Vars{"probe": probeHelp}, kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(strings.Fields(m[1])); err != nil && !strings.HasPrefix(err.Error(), "missing flags") {
			return fmt.Errorf("%s: %w", line, err)
		}
	}
	if m := ofMake.FindStringSubmatch(line); m != nil && !strings.Contains(read(t, "Makefile"), "\n"+m[1]+":") {
		return fmt.Errorf("make has no target %s", m[1])
	}
	if m := ofTests.FindStringSubmatch(line); m != nil && !tested(t, m[1], m[2]) {
		return fmt.Errorf("no test begins with %s: %s", m[2], line)
	}
	return nil
}

// TestDocsCommands checks the commands within the text of the documentation.
func TestDocsCommands(t *testing.T) {
	inline := regexp.MustCompile("`([^`\n]+)`")
	for _, page := range documents(t) {
		for _, m := range inline.FindAllStringSubmatch(fence.ReplaceAllString(read(t, page), ""), -1) {
			if err := command(t, m[1]); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// startLine is a command that serves until it is ended.
var startLine = regexp.MustCompile(`^(?:make run|partnergraph(?: serve)?(?: +--config (\S+))?)(?: *#.*)?\n$`)

// shell runs a block of commands. A block that serves becomes the server of those behind it.
func (g *guide) shell(b *block) {
	g.t.Helper()
	if m := startLine.FindStringSubmatch(b.text); m != nil {
		args := []string{"--listen", "127.0.0.1:0"}
		if m[1] != "" {
			args = append([]string{"serve", "--config", filepath.Join(g.dir, m[1])}, args...)
		}
		g.base = startWith(g.t, func(name string) (string, bool) { v, ok := g.env[name]; return v, ok }, args...).
			stdout.await(g.t, `GraphQL +(http://\S+)/graphql`)[1]
		return
	}
	if vendor := b.attributes["fault"]; vendor != "" {
		lost := false
		g.kits[vendor].Choose(func(r *http.Request) (sandbox.Fault, bool) {
			if r.Method == http.MethodGet || lost {
				return sandbox.Fault{}, false
			}
			lost = true
			return sandbox.Fault{After: true}, true
		})
		defer g.kits[vendor].Choose(nil)
	}
	text := strings.ReplaceAll(b.text, documented, strings.TrimPrefix(g.base, "http://"))
	cmd := exec.CommandContext(g.t.Context(), "bash", "-ec", text+"\nenv -0 >.env")
	cmd.Dir = g.dir
	for name, value := range g.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		g.fail(b, "%v\n%s\n%s", err, &stderr, out)
	}
	g.said = string(out)
	exported, err := os.ReadFile(filepath.Join(g.dir, ".env"))
	if err != nil {
		g.t.Fatal(err)
	}
	for variable := range strings.SplitSeq(string(exported), "\x00") {
		if name, value, ok := strings.Cut(variable, "="); ok {
			g.env[name] = value
		}
	}
}

// configuration reads a block as the server does. One without accounts is read together with some.
func (g *guide) configuration(b *block) {
	g.t.Helper()
	text := b.text
	if !strings.Contains("\n"+text, "\naccounts:") {
		text += "accounts:\n  - { id: saas, provider: promotekit, currency: USD, credentials: { api_key: x } }\n"
	}
	getenv := config.Getenv(func(name string) (string, bool) {
		v, ok := g.env[name]
		return v, ok && !strings.HasPrefix(name, "PARTNERGRAPH_")
	})
	if _, err := config.Parse(fmt.Sprintf("%s:%d", b.page, b.line), []byte(text), getenv, all.Registry()); err != nil {
		g.fail(b, "%v", err)
	}
}

var operationName = regexp.MustCompile(`(?m)^(?:query|mutation) (\w+)`)

// queries sends each operation of a block to the server.
func (g *guide) queries(b *block) {
	g.t.Helper()
	names := operationName.FindAllStringSubmatch(b.text, -1)
	if names == nil {
		names = [][]string{{"", ""}}
	}
	for _, m := range names {
		text, err := json.Marshal(map[string]string{"query": b.text, "operationName": m[1]})
		if err != nil {
			g.t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.base+"/graphql", bytes.NewReader(text))
		if err != nil {
			g.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		var status int
		if status, g.said = do(g.t, r); status != http.StatusOK || strings.Contains(g.said, `"errors"`) {
			g.fail(b, "%s is answered %d %s", m[1], status, g.said)
		}
	}
}

var (
	instant = regexp.MustCompile(`\d{4}-\d\d-\d\d(T[\d:.]+Z)?`)
	random  = regexp.MustCompile(`"requestId": ?"\w+"`)
)

// same hides what differs each time: days, times, and ids of requests.
func same(text string) string {
	return random.ReplaceAllString(instant.ReplaceAllString(text, "TIME"), `"requestId":"…"`)
}

// answer compares a block with what the block before it answered. Text may leave out lines, by … in their place.
func (g *guide) answer(b *block) {
	g.t.Helper()
	if b.lang == "text" {
		pattern := regexp.QuoteMeta(same(b.text))
		pattern = strings.ReplaceAll(pattern, regexp.QuoteMeta("…\n"), "(?s:.*)")
		pattern = strings.ReplaceAll(pattern, regexp.QuoteMeta("…"), ".*")
		if !regexp.MustCompile("^" + pattern + "$").MatchString(same(g.said)) {
			g.fail(b, "the command printed\n%s", g.said)
		}
		return
	}
	var want, got any
	if err := json.Unmarshal([]byte(same(b.text)), &want); err != nil {
		g.fail(b, "%v", err)
		return
	}
	if err := json.Unmarshal([]byte(same(g.said)), &got); err != nil {
		g.fail(b, "%v\n%s", err, g.said)
		return
	}
	if _, part := b.attributes["part"]; part {
		got = common(want, got)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		g.fail(b, "the answer (-page +server)\n%s", diff)
	}
}

// common is what an answer has of the members that another value has.
func common(of, answer any) any {
	wanted, ok := of.(map[string]any)
	object, is := answer.(map[string]any)
	if ok && is {
		kept := map[string]any{}
		for name := range wanted {
			if value, there := object[name]; there {
				kept[name] = common(wanted[name], value)
			}
		}
		return kept
	}
	rows, ok := of.([]any)
	list, is := answer.([]any)
	if ok && is && len(rows) <= len(list) {
		kept := make([]any, len(rows))
		for i := range rows {
			kept[i] = common(rows[i], list[i])
		}
		return kept
	}
	return answer
}
