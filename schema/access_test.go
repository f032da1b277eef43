package schema_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/schema"
)

var update = flag.Bool("update", false, "write what partners may use to testdata/partners.txt")

// TestPartners holds all that partners may use against testdata/partners.txt, so that
// whoever opens something to them sees it in the diff.
func TestPartners(t *testing.T) {
	const path = "testdata/partners.txt"
	got := strings.Join(usable(load(t), "PARTNER"), "\n") + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; -update stores it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s; if partners are meant to have it, go test ./schema -run %s -update writes it (-want +got)\n%s", path, t.Name(), diff)
	}
}

// usable are the fields that a role may select and the fields of inputs that it may give,
// of all that it gets to from Query and Mutation, sorted.
func usable(s *ast.Schema, role string) []string {
	var found []string
	reached := map[string]bool{}
	var reach func(name string)
	reach = func(name string) {
		if reached[name] {
			return
		}
		reached[name] = true
		for _, def := range s.GetPossibleTypes(s.Types[name]) {
			reach(def.Name)
		}
		for _, f := range s.Types[name].Fields {
			if strings.HasPrefix(f.Name, "__") || !slices.Contains(schema.Roles(name, f.Name), role) {
				continue
			}
			found = append(found, name+"."+f.Name)
			reach(f.Type.Name())
			for _, a := range f.Arguments {
				reach(a.Type.Name())
			}
		}
	}
	reach("Query")
	reach("Mutation")
	slices.Sort(found)
	return found
}
