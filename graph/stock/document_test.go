//go:build stock

package stock_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/providers"
)

// document is a random request.
type document struct {
	schema    *ast.Schema
	r         *rand.Rand
	text      string
	variables map[string]any

	declared  []string // variables
	fragments []string
	fields    int
	aliases   int
}

func newDocument(schema *ast.Schema, seed uint64) *document {
	d := &document{schema: schema, r: rand.New(rand.NewPCG(seed, 1)), variables: map[string]any{}}
	kind, root := "query", schema.Query
	if d.r.IntN(4) == 0 {
		kind, root = "mutation", schema.Mutation
	}
	selection := d.selection(root, 0)
	d.text = kind + " Q"
	if len(d.declared) > 0 {
		d.text += "(" + strings.Join(d.declared, ", ") + ")"
	}
	d.text += " " + selection + "\n" + strings.Join(d.fragments, "\n")
	return d
}

// maxFields is about how many fields a document has.
const maxFields = 40

// selection selects fields of a type, in braces.
func (d *document) selection(def *ast.Definition, depth int) string {
	var parts []string
	for range 1 + d.r.IntN(5) {
		switch n := d.r.IntN(20); {
		case n == 0:
			parts = append(parts, d.alias()+"__typename"+d.directives())
		case n == 1 && depth < 6:
			parts = append(parts, "..."+d.condition(def)+d.directives()+" "+d.selection(def, depth+1))
		case n == 2 && depth < 6:
			name := fmt.Sprint("F", len(d.fragments))
			d.fragments = append(d.fragments, "") // the place of it
			place := len(d.fragments) - 1
			on := def
			d.fragments[place] = fmt.Sprintf("fragment %s on %s %s", name, on.Name, d.selection(on, depth+1))
			parts = append(parts, "..."+name+d.directives())
			if d.r.IntN(4) == 0 {
				parts = append(parts, "..."+name)
			}
		default:
			if f := d.field(def, depth); f != "" {
				parts = append(parts, f)
			}
		}
	}
	if def.IsAbstractType() {
		for _, possible := range d.schema.GetPossibleTypes(def) {
			if d.r.IntN(3) == 0 {
				parts = append(parts, "... on "+possible.Name+d.directives()+" "+d.selection(possible, depth+1))
			}
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "__typename")
	}
	return "{ " + strings.Join(parts, " ") + " }"
}

// condition is the type condition of an inline fragment on a type.
func (d *document) condition(def *ast.Definition) string {
	switch on := append(def.Interfaces, def.Name, ""); on[d.r.IntN(len(on))] {
	case def.Name:
		return " on " + def.Name
	}
	return ""
}

func (d *document) alias() string {
	if d.r.IntN(2) == 0 {
		return ""
	}
	d.aliases++
	return fmt.Sprintf("a%d: ", d.aliases)
}

// field selects a field, or nothing where that would go too deep.
func (d *document) field(def *ast.Definition, depth int) string {
	f := def.Fields[d.r.IntN(len(def.Fields))]
	if strings.HasPrefix(f.Name, "__") && d.r.IntN(3) > 0 {
		return ""
	}
	below := d.schema.Types[f.Type.Name()]
	if d.fields++; d.fields > maxFields || depth > 7 {
		if below.IsCompositeType() {
			return ""
		}
	}
	alias := d.alias()
	var args []string
	for _, a := range f.Arguments {
		if !a.Type.NonNull && d.r.IntN(3) > 0 || a.DefaultValue != nil && d.r.IntN(2) == 0 {
			continue
		}
		args = append(args, a.Name+": "+d.value(a.Type, 0))
	}
	if len(args) > 0 && alias == "" { // which must not differ from another selection's
		d.aliases++
		alias = fmt.Sprintf("a%d: ", d.aliases)
	}
	text := alias + f.Name
	if len(args) > 0 {
		text += "(" + strings.Join(args, ", ") + ")"
	}
	text += d.directives()
	if below.IsCompositeType() {
		text += " " + d.selection(below, depth+1)
	}
	return text
}

// directives are none most of the time.
func (d *document) directives() string {
	if d.r.IntN(10) > 0 {
		return ""
	}
	name := []string{"skip", "include"}[d.r.IntN(2)]
	condition := fmt.Sprint(d.r.IntN(4) > 0 == (name == "include"))
	if d.r.IntN(2) == 0 {
		v := fmt.Sprint("v", len(d.declared))
		d.declared = append(d.declared, "$"+v+": Boolean!")
		d.variables[v] = condition == "true"
		condition = "$" + v
	}
	return fmt.Sprintf(" @%s(if: %s)", name, condition)
}

// value is a literal of an input type.
func (d *document) value(t *ast.Type, depth int) string {
	if !t.NonNull && d.r.IntN(12) == 0 {
		return "null"
	}
	if t.Elem != nil {
		var all []string
		for range d.r.IntN(3) {
			all = append(all, d.value(t.Elem, depth+1))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	switch def := d.schema.Types[t.NamedType]; def.Kind {
	case ast.Enum:
		return def.EnumValues[d.r.IntN(len(def.EnumValues))].Name
	case ast.InputObject:
		var all []string
		for _, f := range def.Fields {
			if f.Type.NonNull || d.r.IntN(3) == 0 && depth < 3 {
				all = append(all, f.Name+": "+d.value(f.Type, depth+1))
			}
		}
		return "{ " + strings.Join(all, ", ") + " }"
	}
	bad := d.r.IntN(15) == 0
	switch t.NamedType {
	case "ID":
		if bad {
			return `"no id"`
		}
		return fmt.Sprintf("%q", providers.ID{Account: "shop", Noun: providers.NounAffiliate, Local: fmt.Sprint(d.r.IntN(9))})
	case "Int", "Long":
		return fmt.Sprint(d.r.IntN(200))
	case "Boolean":
		return fmt.Sprint(d.r.IntN(2) == 0)
	case "Decimal":
		return map[bool]string{true: `"1,5"`, false: `"19.99"`}[bad]
	case "CurrencyCode":
		return map[bool]string{true: `"usd"`, false: `"USD"`}[bad]
	case "DateTime":
		return map[bool]string{true: `"today"`, false: `"2026-11-21T09:30:00Z"`}[bad]
	}
	return fmt.Sprintf("%q", fmt.Sprint("text ", d.r.IntN(9)))
}
