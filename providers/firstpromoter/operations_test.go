package firstpromoter

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
	b, err := os.ReadFile("operations.txt")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^((?:GET|POST|PUT|DELETE) /\S+)  (played|not yet: write|no: \S.*)$`)
	status := map[string]string{}
	counts := map[string]int{}
	var listed []string
	for l := range strings.Lines(string(b)) {
		l = strings.TrimSuffix(l, "\n")
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		m := line.FindStringSubmatch(l)
		if m == nil {
			t.Errorf("not an operation and its status: %q", l)
			continue
		}
		if status[m[1]] != "" {
			t.Errorf("%s stands twice", m[1])
		}
		status[m[1]] = m[2]
		word, _, _ := strings.Cut(m[2], ":")
		counts[word]++
		if m[2] == "played" {
			listed = append(listed, m[1])
		}
		if isRead := strings.HasPrefix(m[1], "GET "); isRead == (m[2] == "not yet: write") {
			t.Errorf("%s cannot be %q", m[1], m[2])
		}
	}

	var coded, stored []string
	operation := regexp.MustCompile(`(?m)^//api:operation (.+)$`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		for _, m := range operation.FindAllStringSubmatch(string(b), -1) {
			coded = append(coded, m[1])
		}
	}
	for _, e := range exchanges(t) {
		if !slices.Contains(stored, e.operation) {
			stored = append(stored, e.operation)
		}
		if !of(e.operation, e.request) {
			t.Errorf("%s: %q is no request of %q", e.name, e.request, e.operation)
		}
	}
	slices.Sort(listed)
	slices.Sort(coded)
	slices.Sort(stored)
	if diff := cmp.Diff(listed, coded); diff != "" {
		t.Errorf("listed as played, and in the code (-listed +coded)\n%s", diff)
	}
	if diff := cmp.Diff(listed, stored); diff != "" {
		t.Errorf("listed as played, and stored (-listed +stored)\n%s", diff)
	}
	t.Logf("FirstPromoter: %d operations: %d played, %d writes not yet, %d not, with a reason",
		len(status), counts["played"], counts["not yet"], counts["no"])
}

// of says whether a request is one of an operation.
func of(operation, request string) bool {
	request, _, _ = strings.Cut(request, "?")
	pattern := regexp.MustCompile(`\\\{[a-z_]+\\\}`).ReplaceAllString(regexp.QuoteMeta(operation), `[^/]+`)
	return regexp.MustCompile("^" + pattern + "$").MatchString(request)
}
