package httpapi

import (
	"context"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// maxSchemaFields is how often a document may select __schema and __type, in all its
// operations and fragments together. Tools select one of them.
const maxSchemaFields = 2

// maxSchemaValues is how many values an answer may have of the schema: over three times
// what GraphiQL and code generators ask for.
const maxSchemaValues = 40_000

// maxSchemaSteps is how many selections of objects of the schema are visited to count the
// values. Inline fragments and fragments add visits, and no values.
const maxSchemaSteps = 4 * maxSchemaValues

// introspection bounds what an operation reads of the schema, before it is executed. It
// counts the values exactly: the schema is known. (The planner of the resolvers counts what
// records answer.)
type introspection struct {
	schema *ast.Schema
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = introspection{}

// ExtensionName is the name for gqlgen.
func (introspection) ExtensionName() string { return "introspection" }

// Validate accepts every schema.
func (introspection) Validate(graphql.ExecutableSchema) error { return nil }

const schemaValuesStat = "schemaValues"

// MutateOperationContext refuses an operation that reads too much of the schema, and notes
// how much another one reads.
func (i introspection) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	fields := 0
	for _, o := range op.Doc.Operations {
		fields += schemaFields(o.SelectionSet)
	}
	for _, f := range op.Doc.Fragments {
		fields += schemaFields(f.SelectionSet)
	}
	if fields == 0 {
		return nil
	}
	if fields > maxSchemaFields {
		return exceeded("introspection", int64(fields), maxSchemaFields, "",
			"the document selects __schema and __type %d times, and %d are allowed")
	}
	count := schemaCount{schema: i.schema, variables: op.Variables, known: map[schemaPart]int{}}
	values := count.values(op.Operation.SelectionSet, root{})
	if count.steps > maxSchemaSteps {
		return exceeded("introspection", int64(count.steps), maxSchemaSteps, "",
			"the operation visits %d selections of the schema or more, and %d are allowed")
	}
	if values > maxSchemaValues {
		return exceeded("introspection", int64(values), maxSchemaValues, "",
			"the operation reads %d values of the schema, and %d are allowed")
	}
	op.Stats.SetExtension(schemaValuesStat, values)
	return nil
}

// schemaFields counts the fields __schema and __type where they are written in a selection
// of Query.
func schemaFields(set ast.SelectionSet) (n int) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if s.Name == "__schema" || s.Name == "__type" {
				n++
			}
		case *ast.InlineFragment:
			n += schemaFields(s.SelectionSet)
		}
	}
	return n
}

// schemaCount counts the values that a selection reads of the schema. A part of the schema
// that is read twice by one selection is counted once and added twice. The count ends
// beyond maxSchemaSteps.
type schemaCount struct {
	schema    *ast.Schema
	variables map[string]any
	known     map[schemaPart]int
	steps     int
}

// schemaPart is a selection of an object of the schema.
type schemaPart struct {
	first  ast.Selection
	object any
}

// The objects that are not pointers into the schema.
type (
	root      struct{}
	typeOfRef struct { // a type as a field or argument refers to it
		t    *ast.Type
		bare bool // without its NonNull
	}
)

// values counts what a selection reads of an object.
func (c *schemaCount) values(set ast.SelectionSet, object any) (n int) {
	if len(set) == 0 {
		return 0
	}
	part := schemaPart{set[0], object}
	if n, ok := c.known[part]; ok {
		return n
	}
	n = c.sum(set, object)
	c.known[part] = n
	return n
}

// sum adds up what the selections of a set read of an object.
func (c *schemaCount) sum(set ast.SelectionSet, object any) (n int) {
	for _, s := range set {
		if c.steps++; c.steps > maxSchemaSteps {
			return n
		}
		switch s := s.(type) {
		case *ast.Field:
			if _, top := object.(root); top && s.Name != "__schema" && s.Name != "__type" {
				continue
			}
			children := c.children(object, s)
			n += 1 + len(children)
			for _, child := range children {
				n += c.values(s.SelectionSet, child)
			}
		case *ast.InlineFragment:
			n += c.sum(s.SelectionSet, object)
		case *ast.FragmentSpread:
			if s.Definition != nil {
				n += c.values(s.Definition.SelectionSet, object)
			}
		}
		n = min(n, 1<<31-1)
	}
	return n
}

// children are the objects that a field of an object leads to, or the values of its list.
func (c *schemaCount) children(object any, f *ast.Field) []any {
	switch o := object.(type) {
	case root:
		if f.Name == "__schema" {
			return []any{c.schema}
		}
		name, _ := f.ArgumentMap(c.variables)["name"].(string)
		return definitions(c.schema.Types[name])
	case *ast.Schema:
		switch f.Name {
		case "types":
			all := make([]any, 0, len(o.Types))
			for _, def := range o.Types {
				all = append(all, def)
			}
			return all
		case "queryType":
			return definitions(o.Query)
		case "mutationType":
			return definitions(o.Mutation)
		case "subscriptionType":
			return definitions(o.Subscription)
		case "directives":
			all := make([]any, 0, len(o.Directives))
			for _, d := range o.Directives {
				all = append(all, d)
			}
			return all
		}
	case *ast.Definition:
		return c.parts(o, f.Name)
	case typeOfRef:
		switch {
		case f.Name != "ofType":
		case o.t.NonNull && !o.bare:
			return c.reference(o.t, true)
		case o.t.Elem != nil:
			return c.reference(o.t.Elem, false)
		}
	case *ast.FieldDefinition:
		switch f.Name {
		case "type":
			return c.reference(o.Type, false)
		case "args":
			return objects(o.Arguments)
		}
	case *ast.ArgumentDefinition:
		if f.Name == "type" {
			return c.reference(o.Type, false)
		}
	case *ast.DirectiveDefinition:
		switch f.Name {
		case "args":
			return objects(o.Arguments)
		case "locations":
			return objects(o.Locations)
		}
	}
	return nil
}

// parts are the objects that a list of a type has. Deprecated ones are among them, asked
// for or not.
func (c *schemaCount) parts(def *ast.Definition, name string) []any {
	switch {
	case name == "fields" && (def.Kind == ast.Object || def.Kind == ast.Interface):
		return objects(slices.DeleteFunc(slices.Clone(def.Fields), func(f *ast.FieldDefinition) bool {
			return strings.HasPrefix(f.Name, "__") // which introspection does not show
		}))
	case name == "inputFields" && def.Kind == ast.InputObject:
		return objects(def.Fields)
	case name == "enumValues":
		return objects(def.EnumValues)
	case name == "interfaces":
		var all []any
		for _, i := range def.Interfaces {
			all = append(all, definitions(c.schema.Types[i])...)
		}
		return all
	case name == "possibleTypes" && def.IsAbstractType():
		return definitions(c.schema.GetPossibleTypes(def)...)
	}
	return nil
}

// reference is the object of a type as gqlgen makes it: the definition of a name, or what
// is around it.
func (c *schemaCount) reference(t *ast.Type, bare bool) []any {
	if (!t.NonNull || bare) && t.NamedType != "" {
		return definitions(c.schema.Types[t.NamedType])
	}
	return []any{typeOfRef{t, bare}}
}

// definitions are those that exist.
func definitions(defs ...*ast.Definition) (all []any) {
	for _, def := range defs {
		if def != nil {
			all = append(all, def)
		}
	}
	return all
}

// objects are values of any type.
func objects[T any](values []T) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
}
