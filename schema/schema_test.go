package schema_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/partnergraph/partnergraph/schema"
)

func load(t *testing.T) *ast.Schema {
	t.Helper()
	s, err := gqlparser.LoadSchema(&ast.Source{Name: "schema", Input: schema.SDL()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEveryElementIsDescribed wants a sentence for every type, field, argument, input field
// and enum value, and one that says more than the element's name.
func TestEveryElementIsDescribed(t *testing.T) {
	elements := 0
	check := func(path, description string) {
		elements++
		if fault := faultOf(path[strings.LastIndexByte(path, '.')+1:], description); fault != "" {
			t.Errorf("%s: %s", path, fault)
		}
	}
	for name, def := range load(t).Types {
		if def.BuiltIn {
			continue
		}
		check(name, def.Description)
		for _, f := range def.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			check(name+"."+f.Name, f.Description)
			for _, a := range f.Arguments {
				check(name+"."+f.Name+"."+a.Name, a.Description)
			}
		}
		for _, v := range def.EnumValues {
			check(name+"."+v.Name, v.Description)
		}
	}
	t.Logf("%d elements are described", elements)
	if elements < 300 {
		t.Errorf("only %d elements were looked at", elements)
	}
}

// faultOf says what is wrong with a description; "" for nothing.
func faultOf(name, description string) string {
	switch {
	case description == "":
		return "it has no description"
	case !strings.HasSuffix(description, "."):
		return "its description is no sentence: " + description
	case strings.Contains(description, "TODO"):
		return "its description is not done: " + description
	}
	own := map[string]bool{"the": true, "a": true, "an": true, "of": true, "is": true, "this": true, "and": true}
	for _, w := range words(name) {
		own[w], own[w+"s"] = true, true
	}
	for _, w := range words(description) {
		if !own[w] {
			return ""
		}
	}
	return "its description says no more than its name: " + description
}

// words are the words of a sentence, or of a name in any case, in lower case.
func words(s string) []string {
	var b strings.Builder
	previous := ' '
	for _, r := range s {
		if unicode.IsUpper(r) && unicode.IsLower(previous) {
			b.WriteByte(' ')
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		} else {
			b.WriteByte(' ')
		}
		previous = r
	}
	return strings.Fields(b.String())
}

// TestFaults shows that the check above can fail.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name, description string
		ok                bool
	}{
		{"refCode", "", false},
		{"refCode", "The ref code.", false},
		{"STATUS_PAID", "Status paid.", false},
		{"refCode", "The affiliate's code in this campaign's links", false},
		{"refCode", "The affiliate's code in this campaign's links.", true},
	} {
		if got := faultOf(c.name, c.description) == ""; got != c.ok {
			t.Errorf("faultOf(%q, %q): sound = %v, want %v", c.name, c.description, got, c.ok)
		}
	}
}

// TestShape holds the schema to the rules that clients rely on: connections and lists are
// never null and hold no nulls (but for nodes, which says which id has no record), edges to
// single records are nullable, input enums have no UNKNOWN.
func TestShape(t *testing.T) {
	s := load(t)
	for name, def := range s.Types {
		if def.BuiltIn || strings.HasPrefix(name, "__") {
			continue
		}
		for _, f := range def.Fields {
			path := name + "." + f.Name
			switch target := s.Types[f.Type.Name()]; {
			case def.Kind == ast.InputObject:
			case strings.HasSuffix(f.Type.Name(), "Connection") && !f.Type.NonNull:
				t.Errorf("%s: a connection must not be null", path)
			case f.Type.Elem != nil && path != "Query.nodes" && path != "Affiliate.balances" && (!f.Type.NonNull || !f.Type.Elem.NonNull):
				t.Errorf("%s: a list must not be null, nor hold nulls", path)
			case target.Kind == ast.Object && isNode(target) && f.Type.Elem == nil && f.Type.NonNull && f.Name != "account" && f.Name != "node":
				t.Errorf("%s: an edge to another record must be nullable", path)
			}
		}
		if def.Kind == ast.Enum && strings.HasSuffix(name, "Filter") {
			for _, v := range def.EnumValues {
				if v.Name == "UNKNOWN" || v.Name == "MOVED" {
					t.Errorf("%s.%s cannot be asked for", name, v.Name)
				}
			}
			output := s.Types[strings.TrimSuffix(name, "Filter")]
			for _, v := range def.EnumValues {
				if output.EnumValues.ForName(v.Name) == nil {
					t.Errorf("%s.%s is no value of %s", name, v.Name, output.Name)
				}
			}
		}
	}
}

func isNode(def *ast.Definition) bool {
	for _, i := range def.Interfaces {
		if i == "Node" {
			return true
		}
	}
	return false
}

// TestSDL wants each type in one piece: relay-compiler takes an extension for the client's own.
func TestSDL(t *testing.T) {
	doc, err := parser.ParseSchema(&ast.Source{Input: schema.SDL()})
	if err != nil {
		t.Fatal(err)
	}
	for _, extension := range doc.Extensions {
		t.Errorf("%s is extended", extension.Name)
	}
	query := doc.Definitions.ForName("Query")
	if query == nil || query.Fields.ForName("node") == nil || query.Fields.ForName("commissions") == nil {
		t.Errorf("Query is not whole: %+v", query)
	}
}

// TestEveryFieldHasAReader wants a rule for each field and each field of an input, that
// nobody reads a noun's new field by the rule of its type, and that descriptions say what
// rules do.
func TestEveryFieldHasAReader(t *testing.T) {
	s := load(t)
	partners := inputsOfPartners(s)
	ruled := 0
	for name, def := range s.Types {
		if def.BuiltIn || strings.HasPrefix(name, "__") || def.Kind == ast.Enum || def.Kind == ast.Scalar {
			continue
		}
		byField := isNode(def) || name == "Query" || name == "Viewer" || partners[name]
		if byField && def.Directives.ForName("everyone") != nil {
			t.Errorf("%s: what partners are shown of it is said field by field", name)
		}
		if all := def.Directives.ForName("only"); all != nil {
			said(t, name, def.Description, schema.Audience(schema.Roles(name, def.Fields[0].Name)))
		}
		for _, f := range def.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			path, roles := name+"."+f.Name, schema.Roles(name, f.Name)
			if ruled++; len(roles) == 0 {
				t.Errorf("%s: it is not said who may use it: @everyone or @only", path)
			}
			if f.Directives.ForName("everyone") != nil && f.Directives.ForName("only") != nil {
				t.Errorf("%s: it has two rules", path)
			}
			if f.Directives.ForName("only") != nil {
				said(t, path, f.Description, schema.Audience(roles))
			}
			for _, i := range def.Interfaces {
				if s.Types[i].Fields.ForName(f.Name) != nil && !slices.Equal(schema.Roles(i, f.Name), schema.Everyone) {
					t.Errorf("%s.%s: what can be asked of any record is everyone's", i, f.Name)
				}
			}
		}
	}
	if ruled < 250 {
		t.Errorf("only %d fields were looked at", ruled)
	}
	if roles := schema.Roles("Affiliate", "nothing"); roles != nil {
		t.Errorf("what is not there is for %q", roles)
	}
	var names []string
	for _, v := range s.Types["ViewerRole"].EnumValues {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	if all := slices.Sorted(slices.Values(schema.Everyone)); !slices.Equal(all, names) {
		t.Errorf("everyone is %q, and there are %q", all, names)
	}
}

// said wants a description to tell for whom an element is.
func said(t *testing.T, path, description, audience string) {
	t.Helper()
	if !strings.Contains(strings.ReplaceAll(description, "\n", " "), "For "+audience) {
		t.Errorf("%s: its description does not say that it is for %s", path, audience)
	}
}

// inputsOfPartners are the types of input of the mutations that partners may make.
func inputsOfPartners(s *ast.Schema) map[string]bool {
	found := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		if def := s.Types[name]; def.Kind == ast.InputObject && !found[name] {
			found[name] = true
			for _, f := range def.Fields {
				add(f.Type.Name())
			}
		}
	}
	for _, f := range s.Mutation.Fields {
		if slices.Contains(schema.Roles("Mutation", f.Name), "PARTNER") {
			for _, a := range f.Arguments {
				add(a.Type.Name())
			}
		}
	}
	return found
}

// TestAudience wants roles in words.
func TestAudience(t *testing.T) {
	for want, roles := range map[string][]string{
		"everyone": schema.Everyone, "staff": {"ADMIN", "EDITOR", "READER"}, "admins": {"ADMIN"}, "editors and admins": {"ADMIN", "EDITOR"},
		"editors, admins and partners": {"PARTNER", "ADMIN", "EDITOR"}, "nobody": nil,
	} {
		if got := schema.Audience(roles); got != want {
			t.Errorf("%q are %q, want %q", roles, got, want)
		}
	}
}
