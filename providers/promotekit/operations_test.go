package promotekit

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOperations holds the list of the vendor's operations against the code and the stored exchanges.
func TestOperations(t *testing.T) {
	list, err := os.ReadFile("operations.txt")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^((GET|POST|PUT) /\S+)  (played|not yet: write|no: \S.*)$`)
	seen, counts := map[string]bool{}, map[string]int{}
	var listed []string
	for l := range strings.Lines(string(list)) {
		l = strings.TrimSpace(l)
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		m := line.FindStringSubmatch(l)
		if m == nil || seen[m[1]] || (m[2] == "GET") == (m[3] == "not yet: write") {
			t.Errorf("no operation and its status, or one that stands twice: %q", l)
			continue
		}
		seen[m[1]] = true
		status, _, _ := strings.Cut(m[3], ":")
		counts[status]++
		if status == "played" {
			listed = append(listed, m[1])
		}
	}

	var coded, stored []string
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		source, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`(?m)^//api:operation (.+)$`).FindAllStringSubmatch(string(source), -1) {
			coded = append(coded, m[1])
		}
	}
	for name, e := range exchanges(t) {
		path, _, _ := strings.Cut(e.request, "?")
		pattern := strings.ReplaceAll(e.operation, "{id}", "[0-9a-f-]{36}")
		if !regexp.MustCompile("^" + pattern + "$").MatchString(path) {
			t.Errorf("%s: %q is no request of %q", name, e.request, e.operation)
		}
		stored = append(stored, e.operation)
	}
	slices.Sort(listed)
	slices.Sort(coded)
	slices.Sort(stored)
	if diff := cmp.Diff(listed, coded); diff != "" {
		t.Errorf("listed as played, and in the code (-listed +coded)\n%s", diff)
	}
	if diff := cmp.Diff(listed, slices.Compact(stored)); diff != "" {
		t.Errorf("listed as played, and stored (-listed +stored)\n%s", diff)
	}
	t.Logf("PromoteKit: %d operations: %d played, %d writes not yet, %d left out with a reason",
		len(seen), counts["played"], counts["not yet"], counts["no"])
}
