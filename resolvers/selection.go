package resolvers

import (
	"context"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/providers"
)

// collect are the fields that are selected of a type, fragments resolved.
func collect(op *graphql.OperationContext, selections ast.SelectionSet, noun providers.Noun) []graphql.CollectedField {
	return graphql.CollectFields(op, selections, []string{string(noun), "Node"})
}

// names are the names of fields, each once. They are what a record must know to answer
// them; "id" where only __typename is asked for, so that names are never "all".
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

// selections is what is selected below the field being resolved.
func selections(ctx context.Context) ast.SelectionSet { return graph.FieldFrom(ctx).Selections }

// needed are the fields selected of the record that the field being resolved answers.
func needed(ctx context.Context, noun providers.Noun) []string {
	return names(collect(graphql.GetOperationContext(ctx), selections(ctx), noun))
}

// needKey is a selection of a noun. (A selection is never empty.)
type needKey struct {
	first *ast.Selection
	len   int
	noun  providers.Noun
}

// edgeLoad is how a field with one record is loaded: from where, and what is selected of it.
type edgeLoad[T providers.Record] struct {
	from *loader[want, *T]
	need string // as a [want] has it
}

// edgeLoad is that of the field being resolved. It is made once for all rows.
func (n records[T]) edgeLoad(ctx context.Context) *edgeLoad[T] {
	l, selected := loadersFrom(ctx), selections(ctx)
	var key needKey
	if len(selected) > 0 {
		key = needKey{&selected[0], len(selected), n.noun}
		l.mu.Lock()
		found, ok := l.edges[key].(*edgeLoad[T])
		l.mu.Unlock()
		if ok {
			return found
		}
	}
	made := &edgeLoad[T]{n.loader(l), strings.Join(needed(ctx, n.noun), " ")}
	if len(selected) > 0 {
		l.mu.Lock()
		l.edges[key] = made
		l.mu.Unlock()
	}
	return made
}

// selects says whether a field is selected, of whatever type.
func selects(op *graphql.OperationContext, selections ast.SelectionSet, name string) bool {
	return slices.ContainsFunc(graphql.CollectFields(op, selections, nil), func(f graphql.CollectedField) bool { return f.Name == name })
}

// rowFields are the fields selected of the rows of a connection: below nodes, and below
// edges.node.
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
