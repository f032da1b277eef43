package resolvers

import (
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/schema"
)

// TestEdgeNames wants each edge that vendors price to be a field of the schema or the read
// of a noun by id, to be found by its name, and to be followed if it is not of Query.
func TestEdgeNames(t *testing.T) {
	for _, e := range providers.Edges() {
		kind, field, _ := strings.Cut(e.String(), ".")
		def := schema.Parsed().Types[kind]
		byID := kind == "Query" && schema.Parsed().Types[strings.ToUpper(field[:1])+field[1:]] != nil
		if def == nil || def.Fields.ForName(field) == nil && !byID {
			t.Errorf("the schema has no %s", e)
		}
		if providers.EdgeNamed(e.String()) != e {
			t.Errorf("%s is not found by its name", e)
		}
		if _, ok := edges[e.String()]; !ok && kind != "Query" {
			t.Errorf("nothing follows %s", e)
		}
	}
	for name := range edges {
		if name == "" {
			t.Error("an edge has no name")
		}
	}
	if unknown := providers.EdgeNamed("Query.nothing"); unknown.String() != "" {
		t.Errorf("an unknown name is %q", unknown)
	}
}
