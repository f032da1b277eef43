package resolvers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/schema"
)

// This file makes attacks of the schema: what is added to the schema is attacked without
// anyone remembering, and what cannot be attacked by what is here fails the test that says
// what to add.

// may says whether a role may use a field, or give one of an input. What it may not is left
// out of what is asked for: access_test.go has the rest.
func may(typ string, field *ast.FieldDefinition, role auth.Role) bool {
	return slices.Contains(schema.Roles(typ, field.Name), string(role))
}

// generator makes queries of the schema.
type generator struct {
	t      testing.TB
	schema *ast.Schema
}

func newGenerator(t testing.TB) *generator {
	t.Helper()
	if fields := schema.Parsed().Subscription.Fields; len(fields) != 1 || fields[0].Name != "changes" {
		t.Fatal("there are other subscriptions than that of TestAttackByEvents: say here how they are attacked")
	}
	return &generator{t, schema.Parsed()}
}

// kind is what the generator makes of a type of fields.
type kind int

const (
	leaf       kind = iota // a scalar or an enum
	plain                  // an object that is part of a record
	record                 // implements Node
	connection             // a page of a list
	node                   // any record
)

func (g *generator) kind(t *ast.Type) (kind, *ast.Definition) {
	def := g.schema.Types[t.Name()]
	switch {
	case def.Kind == ast.Scalar || def.Kind == ast.Enum:
		return leaf, def
	case def.Kind == ast.Interface && def.Name == "Node":
		return node, def
	case def.Kind == ast.Object && slices.Contains(def.Interfaces, "Node"):
		return record, def
	case def.Kind == ast.Object && def.Fields.ForName("pageInfo") != nil:
		return connection, def
	case def.Kind == ast.Object:
		return plain, def
	}
	g.t.Fatalf("%s is of kind %s: say in attack_ways_test.go how it is selected", def.Name, def.Kind)
	return 0, nil
}

// records are the types of records, by name.
func (g *generator) records() []*ast.Definition {
	all := slices.Clone(g.schema.GetPossibleTypes(g.schema.Types["Node"]))
	slices.SortFunc(all, func(a, b *ast.Definition) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// rowsAsked is how many rows of an edge are asked for.
const rowsAsked = 2

// selection is everything that a role may read of a type, and of what its edges lead to, so
// many edges on. Where they end, records are told by their ids, and so is the account of
// each. Edges that lead further have an alias.
func (g *generator) selection(def *ast.Definition, role auth.Role, edges int) string {
	var b strings.Builder
	b.WriteString("{ __typename")
	for _, f := range def.Fields {
		if !may(def.Name, f, role) {
			continue
		}
		k, to := g.kind(f.Type)
		args := ""
		for _, a := range f.Arguments {
			switch {
			case a.Name == "first" && k == connection:
				args = fmt.Sprintf("(first: %d)", rowsAsked)
			case a.Type.NonNull && a.DefaultValue == nil:
				g.t.Fatalf("%s.%s takes %s: say in attack_ways_test.go what for", def.Name, f.Name, a.Name)
			}
		}
		switch {
		case k == leaf:
			fmt.Fprintf(&b, " %s%s", f.Name, args)
		case k == plain:
			fmt.Fprintf(&b, " %s%s %s", f.Name, args, g.selection(to, role, edges))
		case edges == 0 && k != connection, def.Fields.ForName("cursor") != nil, f.Name == "account": // the rows of a page stand among its nodes
			fmt.Fprintf(&b, " %s%s { __typename id }", f.Name, args)
		case edges == 1 && k == record:
			fmt.Fprintf(&b, " %s%s { ...%s }", f.Name, args, to.Name)
		case edges > 0:
			on := edges - 1
			if k == connection {
				on = edges // its nodes are the next
			}
			alias := ""
			if edges > 1 {
				alias = "to_" + f.Name + ": "
			}
			fmt.Fprintf(&b, " %s%s%s %s", alias, f.Name, args, g.selection(to, role, on))
		}
	}
	b.WriteString(" }")
	return b.String()
}

// fragments are a fragment for each type of records, of its name, with all that a role may
// read of it.
func (g *generator) fragments(role auth.Role) map[string]string {
	all := map[string]string{}
	for _, def := range g.records() {
		all[def.Name] = fmt.Sprintf("fragment %s on %s %s\n", def.Name, def.Name, g.selection(def, role, 0))
	}
	return all
}

// document is a query with the fragments that it needs.
func (g *generator) document(head, body string, role auth.Role) string {
	fragments := g.fragments(role)
	text := head + " {\n" + body + "\n}\n"
	used := map[string]bool{}
	for from := text; from != ""; {
		next := ""
		for name, fragment := range fragments {
			if !used[name] && (strings.Contains(from, "..."+name+" ") || strings.Contains(from, "..."+name+"}")) {
				used[name] = true
				next += fragment
			}
		}
		text += next
		from = next
	}
	return text
}

// slot is a place in a way for a value.
type slot struct {
	typ  string // of the variable: ID
	name string // of the argument or input field: affiliates
	noun string // of ids: the type of their records, where the argument takes any
	own  bool   // takes what is the viewer's own, beside what is not
}

// way is a field of Query with values in one argument or input field, or two.
type way struct {
	name  string // Query.commissions(filter.affiliates)
	text  string // the field, with {0} and {1} for the values
	slots []slot
}

// input is a place for a value within an argument.
type input struct {
	path string // filter.affiliates
	text string // filter: { affiliates: [{0}] }
	slot slot
	list bool
}

// inputs are the places for values in an argument or input field.
func (g *generator) inputs(name string, t *ast.Type, role auth.Role) []input {
	if t.Elem != nil {
		inner := g.inputs(name, t.Elem, role)
		for i := range inner {
			inner[i].text, inner[i].list = name+": ["+strings.TrimPrefix(inner[i].text, name+": ")+"]", true
		}
		return inner
	}
	def := g.schema.Types[t.NamedType]
	if _, ok := spans[def.Name]; def.Kind != ast.InputObject || ok {
		return []input{{path: name, text: name + ": {0}", slot: slot{typ: def.Name, name: name}}}
	}
	var all []input
	for _, f := range def.Fields {
		if !may(def.Name, f, role) {
			continue
		}
		if f.Type.NonNull && f.DefaultValue == nil {
			g.t.Fatalf("%s.%s has to be given: say in attack_ways_test.go what", def.Name, f.Name)
		}
		for _, in := range g.inputs(f.Name, f.Type, role) {
			all = append(all, input{name + "." + in.path, name + ": { " + in.text + " }", in.slot, in.list})
		}
	}
	return all
}

// ways are all ways in: each field of Query with each of its arguments and input fields
// alone, lists of ids with own ones among them, and each two such lists together.
func (g *generator) ways(role auth.Role) (all []way) {
	for _, f := range g.schema.Query.Fields {
		if !may("Query", f, role) {
			continue
		}
		switch k, to := g.kind(f.Type); k {
		case node, leaf:
			for _, def := range g.records() {
				selection := ""
				if k == node {
					selection = fmt.Sprintf("{ __typename id ... on %s { ...%s } }", def.Name, def.Name)
				}
				all = append(all, g.into(f, selection, def.Name, role)...)
			}
		case record:
			all = append(all, g.into(f, "{ ..."+to.Name+" }", to.Name, role)...)
		default:
			all = append(all, g.into(f, g.selection(to, role, 1), "", role)...)
		}
	}
	return all
}

// walks are the fields of Query that take nothing, with every two edges that can be
// followed behind them.
func (g *generator) walks(role auth.Role) (all []way) {
	for _, f := range g.schema.Query.Fields {
		if _, to := g.kind(f.Type); may("Query", f, role) && !slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.NonNull && a.DefaultValue == nil }) {
			all = append(all, way{name: "Query." + f.Name + ", and on from there", text: f.Name + " " + g.selection(to, role, 3)})
		}
	}
	return all
}

// into are the ways through one field of Query. noun is the type of the records that it has
// by their ids.
func (g *generator) into(f *ast.FieldDefinition, selection, noun string, role auth.Role) (all []way) {
	add := func(what, args string, slots ...slot) {
		all = append(all, way{"Query." + f.Name + what, f.Name + args + " " + selection, slots})
	}
	var required []string
	for _, a := range f.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil {
			required = append(required, a.Name)
		}
	}
	if len(required) > 1 || len(required) == 1 && len(f.Arguments) > 1 {
		g.t.Fatalf("Query.%s takes more than %s, which it wants: say in attack_ways_test.go what it is to be asked with", f.Name, required[0])
	}
	if len(required) == 0 {
		add("", "")
	}
	for _, a := range f.Arguments {
		ins := g.inputs(a.Name, a.Type, role)
		for i, in := range ins {
			if in.slot.name == "id" || in.slot.name == "ids" {
				in.slot.noun = noun
			}
			add("("+in.path+")", "("+in.text+")", in.slot)
			if !in.list || in.slot.typ != "ID" {
				continue
			}
			own := in.slot
			own.own = true
			add("("+in.path+", own)", "("+strings.ReplaceAll(in.text, "{0}", "{1}, {0}")+")", in.slot, own)
			for _, other := range ins[i+1:] {
				if other.list && other.slot.typ == "ID" {
					first, _ := strings.CutSuffix(in.text, " }")
					second := strings.ReplaceAll(strings.TrimPrefix(other.text, a.Name+": {"), "{0}", "{1}")
					add("("+in.path+", "+other.path+")", "("+first+","+second+")", in.slot, other.slot)
				}
			}
		}
	}
	return all
}
