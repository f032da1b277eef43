package resolvers_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// removing is given by `make checks`: a third of an hour on two cores.
var removing = flag.Bool("checks", false, "take out each check of testdata/checks.txt, and want the tests to fail")

// taken is the environment variable with the number of the check that is taken out.
const taken = "PARTNERGRAPH_CHECK"

// check is one of what keeps viewers from what is not theirs.
type check struct {
	file           string
	before, after  string // what it stands between
	text           string
	becomes, saves string
}

// checks are those of testdata/checks.txt.
func checks(t *testing.T) (all []check) {
	t.Helper()
	text, err := os.ReadFile("testdata/checks.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(text), "\n\n") {
		file, rest, ok := strings.Cut(strings.TrimSpace(part), ": ")
		if !ok || !strings.HasSuffix(file, ".go") {
			continue
		}
		lines := strings.Split(rest, "\n")
		n := len(lines)
		if n < 3 {
			t.Fatalf("not a check:\n%s", part)
		}
		c := check{file: file, becomes: lines[n-2], saves: lines[n-1]}
		context := strings.Join(lines[:n-2], "\n")
		var there, closed bool
		c.before, c.text, there = strings.Cut(context, "«")
		c.text, c.after, closed = strings.Cut(c.text, "»")
		if !there || !closed {
			t.Fatalf("no check is marked in\n%s", part)
		}
		all = append(all, c)
	}
	return all
}

func (c check) context() string { return c.before + c.text + c.after }

// find is where a source has the check with what it stands between, for each time: the
// begin and the end of all, and those of the check. White space may differ.
func (c check) find(source string) [][]int {
	loose := func(text string) string {
		return regexp.MustCompile(`\s+`).ReplaceAllString(regexp.QuoteMeta(text), `\s+`)
	}
	return regexp.MustCompile(loose(c.before)+"("+loose(c.text)+")"+loose(c.after)).FindAllStringSubmatchIndex(source, -1)
}

// without is the text of a check that can be taken out under a number.
func (c check) without(number int) string {
	switch c.becomes {
	case "true":
		return fmt.Sprintf("(less(%d) || (%s))", number, c.text)
	case "false":
		return fmt.Sprintf("(!less(%d) && (%s))", number, c.text)
	case "nothing":
		return fmt.Sprintf("if !less(%d) { %s }", number, c.text)
	}
	return strings.NewReplacer("without(", fmt.Sprintf("without(%d, ", number), "less()", fmt.Sprintf("less(%d)", number)).Replace(c.becomes)
}

// predicates are how checks look.
var predicates = regexp.MustCompile(`\.Owns\b|v\.joinedCampaigns\(|v\.ownsPayout\(|v\.rejectCustomerFilters\(|v\.referrals\(|v\.err != nil|view\.Err\(\) != nil|` +
	`v\.proveCommissionsNarrowed\(|\bmay\(id\)|\bmine\(|unidentified\(p\)|unasked\(|\.Sees\(|slices\.Contains\((v\.own|joined|allowed|asked)|` +
	`len\((v\.own|allowed|sent)\.?\w*\) == 0|Affiliates = affiliates|\.roles\(|schema\.Roles\b|scope\(ctx\)|\.Role [!=]= auth\.`)

// passing are predicates that keep nobody from anything, by what stands around them.
var passing = []string{
	"func (v *View) Owns(", "func (v *View) joinedCampaigns(", "func (v *View) ownsPayout(", "func (v *View) rejectCustomerFilters(",
	"func (v *View) referrals(", "func (v *View) proveCommissionsNarrowed(", "func unasked(",
	"bool { return slices.Contains(v.own, affiliate) }",
	"func belongsToOther[T", "return belongsToOther(row, mine)", "own := func(row *T) bool { return mine(providers.BelongsTo(row)) }",
	"if err := v.proveCommissionsNarrowed(ctx); err != nil", // which is the check of its page
	// what is planned, and read nowhere
	"return filterLists(v, n, lists, v.Owns, false, g), err", "|| v.Role != auth.RolePartner {\n\t\tp.plain(f, 1)", "!begun && v != nil && v.Role == auth.RolePartner && identity(v).ByEmail()",
	// what is said of a field, to those who may not have it and to those who may
	"schema.Audience(schema.Roles(typeName, field))", "if roles := schema.Roles(", "// schema.Roles", "roles: schema.Roles,",
}

// TestChecks wants the list of checks to be right and whole.
func TestChecks(t *testing.T) {
	sources := map[string]string{}
	for _, file := range []string{"scope.go", "../internal/partner/view.go", "../internal/partner/lists.go", "../internal/partner/ownership.go", "customers.go", "record.go", "write.go", "cost.go", "access.go", "extension.go", "lists.go", "many.go", "account.resolvers.go", "referral.resolvers.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources[file] = string(text)
	}
	all := checks(t)
	for _, c := range all {
		if got := len(c.find(sources[c.file])); got != 1 {
			t.Errorf("%s has %d of\n%s", c.file, got, c.context())
		}
	}
	for file, source := range sources {
		covered := map[int]bool{}
		cover := func(c check) {
			for _, at := range c.find(source) {
				for i := at[0]; i < at[1]; i++ {
					covered[i] = true
				}
			}
		}
		for _, c := range all {
			if c.file == file {
				cover(c)
			}
		}
		for _, text := range passing {
			cover(check{text: text})
		}
		for _, at := range predicates.FindAllStringIndex(source, -1) {
			if line := 1 + strings.Count(source[:at[0]], "\n"); !covered[at[0]] && !comment(source, at[0]) {
				t.Errorf("%s:%d: %s is missing in testdata/checks.txt", file, line, source[at[0]:at[1]])
			}
		}
	}
}

// comment says whether a place of a source is in one.
func comment(source string, at int) bool {
	return strings.Contains(source[strings.LastIndexByte(source[:at], '\n')+1:at], "//")
}

// TestEachCheck takes the checks out one by one, and wants the other tests to fail. All of
// them are made removable in one build.
func TestEachCheck(t *testing.T) {
	if !*removing {
		t.Skip("make checks")
	}
	dir := t.TempDir()
	overlay := map[string]string{}
	sources := map[string]string{}
	all := checks(t)
	for _, c := range all {
		if sources[c.file] == "" {
			text, err := os.ReadFile(c.file)
			if err != nil {
				t.Fatal(err)
			}
			sources[c.file] = string(text)
		}
	}
	for file, source := range sources {
		sources[file] = removable(source, file, all)
	}
	for _, folder := range []string{".", "../internal/partner"} {
		sources[filepath.Join(folder, "checks_overlay.go")] = "package " + strings.Replace(filepath.Base(folder), ".", "resolvers", 1) + `

import ("os"; "strconv")

var out, _ = strconv.Atoi(os.Getenv("` + taken + `"))

func less(n int) bool { return out == n+1 }

func without[T any](n int, with, less_ T) T { if less(n) { return less_ }; return with }
`
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for file, source := range sources {
		copied := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		overlay[filepath.Join(here, file)] = copied
		if err := os.WriteFile(copied, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "resolvers.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for number, c := range append([]check{{saves: "nothing is taken out"}}, all...) {
		t.Run(strconv.Itoa(number), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), binary, "-test.failfast", "-test.run", "Attack|Partner|Customer|Campaign|Owner|Access|Capabilities")
			cmd.Env = append(os.Environ(), taken+"="+strconv.Itoa(number))
			out, err := cmd.CombinedOutput()
			verdict := "nobody notices"
			if err != nil {
				verdict = first(regexp.MustCompile(`--- FAIL: \w+`).FindAllString(string(out), 1)) + firstLine(string(out))
			}
			t.Logf("%s: %s «%s»: %s\n\t%s", c.saves, c.file, c.text, c.becomes, verdict)
			if (err != nil) != (number > 0) {
				t.Errorf("%s: %s", c.context(), verdict)
			}
		})
	}
}

// removable is a source whose checks can be taken out. Checks on the same text are nested
// in each other.
func removable(source, file string, all []check) string {
	at := map[int][]int{} // by where they begin
	end := map[int]int{}  // of the check that begins there
	var begins []int
	for i, c := range all {
		if c.file == file {
			found := c.find(source)[0]
			begin := found[2]
			end[begin] = found[3]
			if at[begin] == nil {
				begins = append(begins, begin)
			}
			at[begin] = append(at[begin], i)
		}
	}
	slices.SortFunc(begins, func(a, b int) int { return b - a })
	for _, begin := range begins {
		c := all[at[begin][0]]
		for _, number := range at[begin] {
			next := all[number]
			if was := next.text; len(at[begin]) > 1 {
				next.text = c.text
				next.becomes = strings.ReplaceAll(next.becomes, was, c.text)
			}
			c.text = next.without(number)
		}
		source = source[:begin] + c.text + source[end[begin]:]
	}
	return source
}

// firstLine is where a test says first what is wrong.
func firstLine(out string) string {
	line := first(regexp.MustCompile(`(?m)^ +\w+\.go:\d+: .*$|^panic: .*$`).FindAllString(out, 1))
	return line[:min(len(line), 200)]
}
