package resolvers

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/graph"
)

// withoutCalls are the resolvers below lists that read nothing from vendors.
var withoutCalls = []string{"Account.capabilities", "Account.lists", "Referral.maskedEmail"}

// TestPrefetched wants each field of a record that has a resolver to be prefetched for all
// rows of a list: else each row would read on its own, one after the other.
func TestPrefetched(t *testing.T) {
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	root := reflect.TypeFor[graph.ResolverRoot]()
	checked := 0
	for i := range root.NumMethod() {
		name := root.Method(i).Name
		if name == "Query" || name == "Mutation" || name == "Subscription" || name == "Change" || strings.HasSuffix(name, "Payload") {
			continue // which no list is above of
		}
		resolver := root.Method(i).Type.Out(0)
		for j := range resolver.NumMethod() {
			method := resolver.Method(j).Name
			field := slices.IndexFunc(schema.Types[name].Fields, func(f *ast.FieldDefinition) bool { return strings.EqualFold(f.Name, method) })
			if field < 0 {
				t.Fatalf("the schema has no %s.%s", name, method)
			}
			path := name + "." + schema.Types[name].Fields[field].Name
			checked++
			if _, ok := prefetchers[path]; !ok && method != "Account" && !slices.Contains(withoutCalls, path) {
				t.Errorf("%s is not prefetched", path)
			}
		}
	}
	if checked < 30 {
		t.Errorf("%d fields were looked at", checked)
	}
	for path := range prefetchers {
		name, field, _ := strings.Cut(path, ".")
		if schema.Types[name] == nil || schema.Types[name].Fields.ForName(field) == nil {
			t.Errorf("the schema has no %s", path)
		}
	}
}
