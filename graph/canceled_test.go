package graph

import (
	"context"
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

// TestRowsEnd wants no row to be written after the one at which the client left.
func TestRowsEnd(t *testing.T) {
	ctx, leave := context.WithCancel(graphql.WithResponseContext(t.Context(), graphql.DefaultErrorPresenter, graphql.DefaultRecover))
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Query"})
	ec := &executionContext{ExecutionContextState: graphql.NewExecutionContextState[ResolverRoot, DirectiveRoot, ComplexityRoot](
		&graphql.OperationContext{}, &graphql.ExecutableSchemaState[ResolverRoot, DirectiveRoot, ComplexityRoot]{}, parsedSchema, nil)}
	rows := 0
	value := ec.value(ctx, graphql.CollectedField{}, func(w *writer, _ *field) bool {
		return each(w, 1000, func(i int) bool {
			if rows++; i == 9 {
				leave()
			}
			return true
		})
	})
	if rows != 10 || value != graphql.Null || len(graphql.GetErrors(ctx)) != 1 {
		t.Errorf("%d rows are written, errors %v", rows, graphql.GetErrors(ctx))
	}
}
