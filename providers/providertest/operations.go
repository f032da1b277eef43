package providertest

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// operationLine is an operation and its status: implemented and played by an exchange, a
// write that is not yet implemented, or left out with the reason.
var operationLine = regexp.MustCompile(`^((GET|POST|PUT|PATCH|DELETE) /\S*)  (played|not yet: write|no: \S.*)$`)

const operationComment = "//api:operation "

// Operations holds operations.txt of the working directory against the code beside it and
// the exchanges in testdata. The file lists every operation of the vendor's API once, a
// line each, "GET /affiliates/{id}  played"; the statuses are
//
//	played          it stands in the code, once, as a comment "//api:operation GET /affiliates/{id}", and in exchanges
//	not yet: write  it is no GET, and none of these is implemented
//	no: <reason>    it is not implemented, and will not be
//
// Lines that are empty or begin with "#" say nothing. Whatever is in the code or in an
// exchange must be listed as played. title is the vendor's name.
func Operations(t testing.TB, title string) {
	t.Helper()
	b, err := os.ReadFile("operations.txt")
	if err != nil {
		t.Fatal(err)
	}
	var listed, stored []string
	statuses, counts := map[string]string{}, map[string]int{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := operationLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("operations.txt: %q is no operation and its status", line)
			continue
		}
		operation, read, status := m[1], m[2] == "GET", m[3]
		if statuses[operation] != "" {
			t.Errorf("operations.txt: %s stands twice", operation)
		}
		if read && status == "not yet: write" {
			t.Errorf("operations.txt: %s cannot be %q", operation, status)
		}
		statuses[operation] = status
		word, _, _ := strings.Cut(status, ":")
		counts[word]++
		if status == "played" {
			listed = append(listed, operation)
		}
	}
	for _, e := range Exchanges(t, ".") {
		stored = append(stored, e.Operation)
	}
	slices.Sort(listed)
	slices.Sort(stored)
	if diff := cmp.Diff(listed, coded(t)); diff != "" {
		t.Errorf("listed as played, and in the code (-listed +coded)\n%s", diff)
	}
	if diff := cmp.Diff(listed, slices.Compact(stored)); diff != "" {
		t.Errorf("listed as played, and in exchanges (-listed +stored)\n%s", diff)
	}
	t.Logf("%s: %d operations: %d played, %d writes not yet, %d left out with a reason",
		title, len(statuses), counts["played"], counts["not yet"], counts["no"])
}

// coded are the operations that the code of the working directory names, tests left out, sorted.
func coded(t testing.TB) (operations []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range parsed.Comments {
			for _, c := range group.List {
				if operation, ok := strings.CutPrefix(c.Text, operationComment); ok {
					operations = append(operations, operation)
				}
			}
		}
	}
	slices.Sort(operations)
	return operations
}
