package resolvers_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/schema"
)

// optionalInput is an argument of a field of the schema, or a field of an input in it, that
// may be left out.
type optionalInput struct {
	root  *ast.FieldDefinition
	path  []string    // the argument, and the fields of inputs below it
	write bool        // whether the field is a mutation
	oneOf bool        // whether the place is in an input of which one field has to be given: the specification refuses a null literal there
	types []*ast.Type // of each step of the path
}

// optionalInputs are all of them, of root fields.
func optionalInputs() (all []optionalInput) {
	sdl := schema.Parsed()
	var within func(p optionalInput)
	within = func(p optionalInput) {
		of := p.types[len(p.types)-1]
		if !of.NonNull {
			all = append(all, p)
		}
		if def := sdl.Types[of.Name()]; of.Elem == nil && def.Kind == ast.InputObject {
			for _, f := range def.Fields {
				inner := p
				inner.path, inner.types = append(slices.Clone(p.path), f.Name), append(slices.Clone(p.types), f.Type)
				inner.oneOf = def.Directives.ForName("oneOf") != nil
				within(inner)
			}
		}
	}
	for _, root := range []*ast.Definition{sdl.Query, sdl.Mutation} {
		for _, f := range root.Fields {
			for _, a := range f.Arguments {
				within(optionalInput{root: f, path: []string{a.Name}, types: []*ast.Type{a.Type}, write: root == sdl.Mutation})
			}
		}
	}
	return all
}

// inputSample is a value of an input type, with what has to be given, and nil for null at
// the end of a path. left says that the end is left out instead.
func inputSample(of *ast.Type, path []string, left bool) any {
	if len(path) == 0 && !left {
		return nil
	}
	if of.Elem != nil {
		return []any{inputSample(of.Elem, nil, true)}
	}
	def := schema.Parsed().Types[of.Name()]
	switch def.Kind {
	case ast.Enum:
		return enumWord(def.EnumValues[0].Name)
	case ast.InputObject:
		out := object{}
		for i, f := range def.Fields {
			oneOf := def.Directives.ForName("oneOf") != nil
			switch {
			case len(path) > 0 && f.Name == path[0]:
				if len(path) > 1 || !left {
					out[f.Name] = inputSample(f.Type, path[1:], left)
				}
			case f.Type.NonNull, oneOf && (len(path) < 2 && i == (fieldIndex(def, path)+1)%len(def.Fields)):
				out[f.Name] = inputSample(f.Type, nil, true)
			}
		}
		return out
	}
	return map[string]any{
		"ID": providers.ID{Account: "promotekit", Noun: providers.NounAffiliate, Local: "1"}.String(), "Int": 5, "Long": 5, "Boolean": true, "String": "text", "Decimal": "1.00", "CurrencyCode": "USD", "DateTime": "2026-01-02T00:00:00Z",
	}[of.Name()]
}

// fieldIndex is where the first step of a path stands in an input; -1 where there is none.
func fieldIndex(def *ast.Definition, path []string) int {
	return slices.IndexFunc(def.Fields, func(f *ast.FieldDefinition) bool { return len(path) > 0 && f.Name == path[0] })
}

// enumWord is a value of an enum, which literals have without quotes.
type enumWord string

// graphqlText is a value as documents have it.
func graphqlText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case enumWord:
		return string(v)
	case string:
		return fmt.Sprintf("%q", v)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = graphqlText(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case object:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, name+": "+graphqlText(v[name]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// selectionOf is what is asked for of a root field, where it takes a selection.
func selectionOf(f *ast.FieldDefinition) string {
	sdl := schema.Parsed()
	def := sdl.Types[f.Type.Name()]
	switch {
	case def.Kind == ast.Scalar || def.Kind == ast.Enum:
		return ""
	case def.Fields.ForName("nodes") != nil:
		return "{ nodes { id } pageInfo { hasNextPage } }"
	case def.Fields.ForName("userErrors") != nil:
		return "{ userErrors { field code message } }"
	case def.Fields.ForName("id") != nil:
		return "{ id }"
	}
	return "{ __typename }"
}

// TestNullIsNothingGiven gives null, in a literal and in two kinds of variables, to each
// argument of the schema and each field of its inputs that may be left out, and wants the
// answer that leaving it out gives.
func TestNullIsNothingGiven(t *testing.T) {
	sequential(t)
	w := newWorld(t, setup{noBudget: true})
	tried := 0
	for _, p := range optionalInputs() {
		arguments := func(left bool) object {
			given := object{}
			for _, a := range p.root.Arguments {
				switch {
				case a.Name == p.path[0]:
					if len(p.path) > 1 || !left {
						given[a.Name] = inputSample(a.Type, p.path[1:], left)
					}
				case a.Type.NonNull && a.DefaultValue == nil:
					given[a.Name] = inputSample(a.Type, nil, true)
				}
			}
			return given
		}
		kind := "query"
		if p.write {
			kind = "mutation"
		}
		ask := func(declared, given string, variables object) string {
			a := w.ask(fmt.Sprintf("%s T%s { it: %s%s %s }", kind, declared, p.root.Name, given, selectionOf(p.root)), variables)
			for i := range a.Errors {
				delete(a.Errors[i].Extensions, "requestId")
			}
			return fmt.Sprint(string(a.Data), a.Errors)
		}
		inPlace := func(left bool) string {
			text := strings.TrimSuffix(strings.TrimPrefix(graphqlText(arguments(left)), "{"), "}")
			if text == "" {
				return ""
			}
			return "(" + text + ")"
		}
		inVariables := func(left bool) string {
			given := arguments(left)
			var declared, used []string
			for _, a := range p.root.Arguments {
				if _, is := given[a.Name]; is {
					declared, used = append(declared, fmt.Sprintf("$%s: %s", a.Name, a.Type)), append(used, fmt.Sprintf("%[1]s: $%[1]s", a.Name))
				}
			}
			if len(used) == 0 {
				return ask("", "", nil)
			}
			return ask("("+strings.Join(declared, ", ")+")", "("+strings.Join(used, ", ")+")", given)
		}
		name := p.root.Name + "." + strings.Join(p.path, ".")
		want := inVariables(true)
		if got := inVariables(false); got != want {
			t.Errorf("%s is null in a variable (-left out +null)\n%s", name, cmp.Diff(want, got))
		}
		tried++
		if p.oneOf {
			continue
		}
		if want, got := ask("", inPlace(true), nil), ask("", inPlace(false), nil); got != want {
			t.Errorf("%s is null in a literal (-left out +null)\n%s", name, cmp.Diff(want, got))
		} else if strings.Contains(got, "Expected") || strings.Contains(got, "Cannot") || strings.Contains(got, "not defined") {
			t.Errorf("%s: the document is not valid: %s", name, got)
		}
		// A variable that stands for the place alone.
		of := p.types[len(p.types)-1]
		with := strings.Replace(inPlace(false), p.path[len(p.path)-1]+": null", p.path[len(p.path)-1]+": $v", 1)
		if got := ask("($v: "+of.String()+")", with, object{"v": nil}); got != ask("", inPlace(true), nil) {
			t.Errorf("%s is null in a variable of its own: %s", name, got)
		}
	}
	if tried < 100 {
		t.Errorf("only %d places were tried", tried)
	}
	t.Logf("%d places", tried)
}

// TestUnknownAccounts wants who sees all accounts told which id of a filter names none,
// beside the rows of the others; who does not see all is told nothing.
func TestUnknownAccounts(t *testing.T) {
	w := newWorld(t, setup{noBudget: true, keys: staff})
	for _, list := range []string{"affiliates", "campaigns", "memberships", "referrals", "commissions", "payouts", "coupons"} {
		query := fmt.Sprintf(`{ %s(first: 2, filter: { accounts: [%q, %q] }) { nodes { id } } }`, list, account("firstpromoter"), account("nosuch"))
		a := w.ask(query, nil, bearer("reader-key")...)
		if len(a.Errors) != 1 || a.Errors[0].Message != "filter.accounts[1] names no account" || a.code() != "BAD_USER_INPUT" || !strings.Contains(string(a.Data), `"id"`) {
			t.Errorf("%s: %s", list, clipped(a.text))
		}
		if a := w.ask(query, nil, bearer("foreign-boss-key")...); len(a.Errors) != 0 {
			t.Errorf("%s, of who does not see all accounts: %s", list, clipped(a.text))
		}
		wrong := fmt.Sprintf(`{ %s(filter: { accounts: [%q] }) { nodes { id } } }`, list, providers.ID{Account: "firstpromoter", Noun: providers.NounPayout, Local: "1"})
		if a := w.ask(wrong, nil, bearer("reader-key")...); !strings.HasPrefix(a.Errors[0].Message, "filter.accounts takes ids of type Account") {
			t.Errorf("%s, of an id of another noun: %s", list, clipped(a.text))
		}
	}
}
