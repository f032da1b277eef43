package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/providers"
)

// collect are the fields that are selected of a type, fragments resolved.
func collect(op *graphql.OperationContext, selections ast.SelectionSet, noun providers.Noun) []graphql.CollectedField {
	return graphql.CollectFields(op, selections, []string{string(noun), "Node"})
}

// names are the names of fields, each once. They are what a record must know to answer them; "id" where only
// __typename is asked for, so that names are never "all".
func names(fields []graphql.CollectedField) []string {
	out := make([]string, 0, len(fields))
	for _, f := range fields {
		if f.Name != "__typename" {
			out = append(out, f.Name)
		}
	}
	if len(out) == 0 {
		return []string{"id"}
	}
	return out
}

// needed are the fields selected of the record that the field being resolved answers.
func needed(ctx context.Context, noun providers.Noun) []string {
	return names(collect(graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx).Field.Selections, noun))
}

// rowFields are the fields selected of the rows of a connection: below nodes, and below edges.node.
func rowFields(op *graphql.OperationContext, selections ast.SelectionSet, noun providers.Noun) []graphql.CollectedField {
	var out []graphql.CollectedField
	for _, f := range graphql.CollectFields(op, selections, nil) {
		switch f.Name {
		case "nodes":
			out = append(out, collect(op, f.Selections, noun)...)
		case "edges":
			for _, e := range graphql.CollectFields(op, f.Selections, nil) {
				if e.Name == "node" {
					out = append(out, collect(op, e.Selections, noun)...)
				}
			}
		}
	}
	return out
}
