package httpapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/core"
)

// This file words the errors of values that clients send, in variables and in documents.
// The parser's own do not name what they are about.

// explain puts the errors of variables into words: which variable, where in it, what is
// expected and, of numbers and booleans, what was sent. Texts are repeated only where a
// word of an enum is expected, for others may be long, or personal.
func explain(schema *ast.Schema, op *ast.OperationDefinition, variables map[string]any, errs gqlerror.List) {
	for _, err := range errs {
		if len(err.Path) < 2 || err.Path[0] != ast.PathName("variable") || op == nil {
			continue
		}
		name, _ := err.Path[1].(ast.PathName)
		if v := op.VariableDefinitions.ForName(string(name)); v != nil {
			sent, given := variables[v.Variable]
			err.Message = fmt.Sprintf("Variable %q", "$"+v.Variable) + fault(schema, v.Type, sent, given, err.Path[2:])
		}
	}
}

// fault says what is wrong at a path in a value: it follows the name of the variable.
func fault(schema *ast.Schema, want *ast.Type, sent any, given bool, path ast.Path) string {
	owner := ""
	for _, step := range path {
		switch step := step.(type) {
		case ast.PathIndex:
			if list, ok := sent.([]any); ok && int(step) < len(list) { // any other value stands for a list of itself
				sent = list[step]
			}
			want, given = want.Elem, true
		case ast.PathName:
			owner = want.Name()
			members, _ := sent.(map[string]any)
			sent, given = members[string(step)]
			if def := schema.Types[owner]; def == nil || def.Fields.ForName(string(step)) == nil {
				want = nil
			} else {
				want = def.Fields.ForName(string(step)).Type
			}
		}
		if want == nil {
			break
		}
	}
	where := ""
	if len(path) > 0 {
		where = ": " + path.String()
	}
	switch {
	case want == nil:
		return where + " is not a field of " + owner
	case !given:
		return where + " is required"
	case sent == nil:
		return where + " must not be null"
	}
	return fmt.Sprintf("%s must be %s, not %s", where, expected(schema, want), shown(schema, want, sent))
}

// expected names a type for people.
func expected(schema *ast.Schema, t *ast.Type) string {
	name := t.Name()
	def := schema.Types[name]
	switch {
	case t.Elem != nil:
		return "a list of " + name
	case def != nil && def.Kind == ast.Enum:
		return "a value of the enum " + name
	case def != nil && def.Kind == ast.InputObject:
		return "an object, " + name
	case name == "Int":
		return "a whole number (Int)"
	case name == "Float":
		return "a number (Float)"
	case name == "ID":
		return "a string (ID)"
	}
	return "a " + strings.ToLower(name)
}

// shown is what was sent, or its kind.
func shown(schema *ast.Schema, want *ast.Type, sent any) string {
	const longest = 40 // bytes
	text := ""
	switch v := sent.(type) {
	case json.Number:
		text = v.String()
	case int64: // as the parser has put it in the place of a number
		text = strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case string:
		if def := schema.Types[want.Name()]; def == nil || def.Kind != ast.Enum {
			return "a string"
		}
		text = strconv.Quote(v)
	case []any:
		return "a list"
	default:
		return "an object"
	}
	if len(text) > longest {
		return strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

// named is a rule of the parser's about values whose errors begin with the argument that
// the value is in, and its path.
func named(rule core.RuleFunc) core.RuleFunc {
	return func(observers *core.Events, add core.AddErrFunc) {
		var (
			walker *core.Walker
			value  *ast.Value
			places map[*ast.Value]place // of all values; made for the first error
		)
		observers.OnValue(func(w *core.Walker, v *ast.Value) { walker, value = w, v }) // goes before the rule's own
		rule(observers, func(options ...core.ErrorOption) {
			if places == nil {
				places = placesOf(walker.Document)
			}
			if text := textOf(places, value); text != "" {
				options = append(options, func(err *gqlerror.Error) { err.Message = text + ": " + err.Message })
			}
			add(options...)
		})
	}
}

// place is where a value stands: in an argument or a variable, or in another value.
type place struct {
	in   *ast.Value // nil for the value of an argument or a variable
	step string     // the name of the argument, or of the field of in
	at   int        // the position in in, where that is a list
}

// textOf is the path to a value; "" for an unknown one.
func textOf(places map[*ast.Value]place, v *ast.Value) string {
	var steps []string
	for v != nil {
		p, ok := places[v]
		switch {
		case !ok:
			return ""
		case p.in == nil:
			steps = append(steps, p.step)
		case p.in.Kind == ast.ListValue:
			steps = append(steps, "["+strconv.Itoa(p.at)+"]")
		default:
			steps = append(steps, "."+p.step)
		}
		v = p.in
	}
	slices.Reverse(steps)
	return strings.Join(steps, "")
}

// placesOf are the values of a document, each with its place.
func placesOf(doc *ast.QueryDocument) map[*ast.Value]place {
	places := map[*ast.Value]place{}
	var within func(v *ast.Value, p place)
	within = func(v *ast.Value, p place) {
		if v == nil {
			return
		}
		places[v] = p
		for i, child := range v.Children {
			within(child.Value, place{v, child.Name, i})
		}
	}
	in := func(name string, v *ast.Value) { within(v, place{step: name}) }
	var set func(ast.SelectionSet)
	directives := func(list ast.DirectiveList) {
		for _, d := range list {
			for _, a := range d.Arguments {
				in("@"+d.Name+"."+a.Name, a.Value)
			}
		}
	}
	set = func(selections ast.SelectionSet) {
		for _, s := range selections {
			switch s := s.(type) {
			case *ast.Field:
				for _, a := range s.Arguments {
					in(a.Name, a.Value)
				}
				directives(s.Directives)
				set(s.SelectionSet)
			case *ast.InlineFragment:
				directives(s.Directives)
				set(s.SelectionSet)
			case *ast.FragmentSpread:
				directives(s.Directives)
			}
		}
	}
	for _, op := range doc.Operations {
		for _, v := range op.VariableDefinitions {
			in("$"+v.Variable, v.DefaultValue)
		}
		set(op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		set(f.SelectionSet)
	}
	return places
}
