package resolvers

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/partner"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/schema"
)

// access goes through an operation before anything is read for it, in search of what the
// viewer's role may not select or give. Whose the records are is no matter of it, and so
// none of it is left for the values: see scope.go.
type access struct {
	op      *graphql.OperationContext
	role    auth.Role
	roles   func(typeName, field string) []string // schema.Roles
	seen    map[*ast.FragmentDefinition]bool
	refused []string            // as Type.field, in the order of the document
	at      []gqlerror.Location // of each
	null    error               // the first null where a value has to be
}

// allowed is the error of an operation that the viewer's role may not make; nil where it may.
func allowed(op *graphql.OperationContext, v *auth.Viewer) error {
	if v == nil {
		return errUnauthenticated
	}
	a := &access{op: op, role: v.Role, roles: schema.Roles, seen: map[*ast.FragmentDefinition]bool{}}
	a.selections(op.Operation.SelectionSet)
	if len(a.refused) == 0 {
		return a.null
	}
	named := make([]string, len(a.refused))
	for i, name := range a.refused {
		typeName, field, _ := strings.Cut(name, ".")
		named[i] = fmt.Sprintf("%s (for %s)", name, schema.Audience(schema.Roles(typeName, field)))
	}
	err := gqlerror.WrapIfUnwrapped(
		&apierror.Error{Code: apierror.Forbidden, Text: fmt.Sprintf("not for the role %s: %s", v.Role, strings.Join(named, ", ")),
			Extensions: map[string]any{"fields": a.refused}},
	)
	err.Locations = a.at
	return err
}

func (a *access) selections(set ast.SelectionSet) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if a.executed(s.Directives) && !strings.HasPrefix(s.Name, "__") {
				a.field(s)
			}
		case *ast.InlineFragment:
			if a.executed(s.Directives) {
				a.selections(s.SelectionSet)
			}
		case *ast.FragmentSpread:
			if a.executed(s.Directives) && !a.seen[s.Definition] {
				a.seen[s.Definition] = true
				a.selections(s.Definition.SelectionSet)
			}
		}
	}
}

// executed says whether a selection is one, with the variables of this request.
func (a *access) executed(directives ast.DirectiveList) bool {
	given := func(name string) (value, ok bool) {
		d := directives.ForName(name)
		if d == nil {
			return false, false
		}
		value, ok = d.ArgumentMap(a.op.Variables)["if"].(bool)
		return value, ok
	}
	skip, _ := given("skip")
	include, conditional := given("include")
	return !skip && (include || !conditional)
}

func (a *access) field(f *ast.Field) {
	if !a.check(f.ObjectDefinition.Name, f.Name, f.Position) {
		return
	}
	for _, arg := range f.Arguments {
		if _, given := a.op.Variables[arg.Value.Raw]; arg.Value.Kind == ast.Variable && !given {
			continue // the default holds
		}
		if value, err := arg.Value.Value(a.op.Variables); err == nil { // else the field itself refuses it
			of := f.Definition.Arguments.ForName(arg.Name).Type
			a.input(of.Name(), value, arg.Position)
			a.filled(of, value, arg)
		}
	}
	a.selections(f.SelectionSet)
}

// filled notes the first null where a value has to be. A nullable variable brings one there
// if its place has a default. The executor would take it for a zero, as it takes any null:
// where a value may be left out, null is the same as that.
func (a *access) filled(of *ast.Type, value any, arg *ast.Argument) {
	if at := nullIn(of, value, arg.Name); at != "" && a.null == nil {
		err := gqlerror.WrapIfUnwrapped(apierror.BadInput("%s must not be null", at))
		err.Locations = []gqlerror.Location{{Line: arg.Position.Line, Column: arg.Position.Column}}
		a.null = err
	}
}

// nullIn is the path of the first null of a value that must not be one; "" where there is none.
func nullIn(of *ast.Type, value any, at string) string {
	switch value := value.(type) {
	case nil:
		if of.NonNull {
			return at
		}
	case []any:
		for i, v := range value {
			if of.Elem != nil {
				if found := nullIn(of.Elem, v, fmt.Sprintf("%s[%d]", at, i)); found != "" {
					return found
				}
			}
		}
	case map[string]any:
		def := schema.Parsed().Types[of.Name()]
		if def == nil || def.Kind != ast.InputObject {
			return "" // a scalar's own value
		}
		for _, f := range def.Fields {
			if v, given := value[f.Name]; given {
				if found := nullIn(f.Type, v, at+"."+f.Name); found != "" {
					return found
				}
			}
		}
	}
	return ""
}

// input checks what is given of an input. Null is nothing given.
func (a *access) input(typeName string, value any, at *ast.Position) {
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			a.input(typeName, v, at)
		}
	case map[string]any:
		def := schema.Parsed().Types[typeName]
		if def == nil || def.Kind != ast.InputObject {
			return // a scalar's own value
		}
		for _, f := range def.Fields { // in their order, so that the error is the same each time
			if v := value[f.Name]; v != nil && a.check(typeName, f.Name, at) {
				a.input(f.Type.Name(), v, at)
			}
		}
	}
}

// check says whether the role may use a field, and notes if not.
func (a *access) check(typeName, field string, at *ast.Position) bool {
	if slices.Contains(a.roles(typeName, field), string(a.role)) {
		return true
	}
	if name := typeName + "." + field; !slices.Contains(a.refused, name) {
		a.refused, a.at = append(a.refused, name), append(a.at, gqlerror.Location{Line: at.Line, Column: at.Column})
	}
	return false
}

// capabilities are those of an account's that are for viewers of a role: a mutation that
// they may make, a list or an edge that they may select, a filter that is not refused to
// them; see finds.
func capabilities(all []providers.Capability, role auth.Role, emails CustomerEmails) []providers.Capability {
	return slices.DeleteFunc(slices.Clone(all), func(c providers.Capability) bool {
		if role == auth.RolePartner && emails != EmailsShown && slices.Contains(partner.CustomerFilters, c) {
			return true
		}
		roles, ruled := audiences()[c]
		return ruled && !slices.Contains(roles, string(role))
	})
}

// audiences are who may use what a capability is about, of those that are about one field
// of the schema.
var audiences = sync.OnceValue(func() map[providers.Capability][]string {
	out := map[providers.Capability][]string{}
	for _, v := range schema.Parsed().Types["Capability"].EnumValues {
		list, _ := strings.CutPrefix(v.Name, "LIST_")
		noun, edge, _ := strings.Cut(v.Name, "_")
		for _, at := range [][2]string{{"Mutation", v.Name}, {"Query", list}, {noun[:1] + strings.ToLower(noun[1:]), edge}} {
			if roles := schema.Roles(at[0], camel(at[1])); roles != nil {
				out[providers.Capability(v.Name)] = roles
			}
		}
	}
	return out
})

// camel is SOME_WORDS as someWords.
func camel(s string) string {
	words := strings.Split(strings.ToLower(s), "_")
	for i := 1; i < len(words); i++ {
		words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
	}
	return strings.Join(words, "")
}
