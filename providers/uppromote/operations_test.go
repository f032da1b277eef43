package uppromote

import (
	"bufio"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestOperations: operations.txt lists every operation of the API; what it calls played is named by the code and
// stored in testdata, and nothing else is.
func TestOperations(t *testing.T) {
	listed := map[string]string{}
	f, err := os.Open("operations.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	line := regexp.MustCompile(`^((?:GET|POST|PUT|DELETE) /\S+)  +(played|not yet: write|no: .+)$`)
	for s := bufio.NewScanner(f); s.Scan(); {
		m := line.FindStringSubmatch(s.Text())
		if m == nil {
			t.Fatalf("operations.txt: %q is no operation with its status", s.Text())
		}
		if listed[m[1]] != "" {
			t.Errorf("operations.txt lists %s twice", m[1])
		}
		listed[m[1]] = m[2]
	}
	named := map[string]bool{}
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
				if op, ok := strings.CutPrefix(c.Text, "//api:operation "); ok {
					named[op] = true
				}
			}
		}
	}
	stored := map[string]bool{}
	for _, e := range exchanges(t) {
		path, _, _ := strings.Cut(e.request, "?")
		stored[regexp.MustCompile(`/\d+`).ReplaceAllString(path, "/{id}")] = true
	}
	played := 0
	for op, status := range listed {
		is := status == "played"
		if is {
			played++
		}
		if named[op] != is {
			t.Errorf("%s is %q, but named by the code: %v", op, status, named[op])
		}
		if stored[op] != is {
			t.Errorf("%s is %q, but stored in testdata: %v", op, status, stored[op])
		}
	}
	for _, ops := range []map[string]bool{named, stored} {
		for op := range ops {
			if listed[op] == "" {
				t.Errorf("%s is not in operations.txt", op)
			}
		}
	}
	t.Logf("%d of %d operations are played", played, len(listed))
}
