//go:build stock

package stock_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/graph/stock"
)

// TestSameAnswers wants both executors to give the same answers to random documents, with
// resolvers that answer random values, and fail in each way that a resolver can.
func TestSameAnswers(t *testing.T) {
	var data, failed, null int
	for seed := range uint64(*documents) {
		fakes := stock.Fakes{Answer: func(ctx context.Context, value any) error { return answer(ctx, seed, value) }}
		d := newDocument(graph.NewExecutableSchema(graph.Config{}).Schema(), seed)
		own, ownErrors := execute(t, graph.NewExecutableSchema(graph.Config{Resolvers: fakes}), d)
		want, wantErrors := execute(t, stock.NewExecutableSchema(stock.Config{Resolvers: fakes}), d)
		if own != want || !slices.Equal(ownErrors, wantErrors) {
			t.Fatalf("seed %d:\n%s\n%v\ngraph: %s\n%s\nstock: %s\n%s", seed, d.text, d.variables,
				own, strings.Join(ownErrors, "\n"), want, strings.Join(wantErrors, "\n"))
		}
		if len(want) > 100 {
			data++
		}
		if len(wantErrors) > 0 {
			failed++
		}
		if want == "null" {
			null++
		}
	}
	t.Logf("%d documents: %d with much data, %d with errors, %d with nothing else", *documents, data, failed, null)
	if data < *documents/4 || failed < *documents/8 || null < *documents/100 || null > *documents/2 {
		t.Error("the documents do not try enough")
	}
}

// execute answers the data of a response, and its errors in an order that does not depend
// on which resolver was the first.
func execute(t *testing.T, schema graphql.ExecutableSchema, d *document) (data string, errs []string) {
	exec := executor.New(schema)
	exec.Use(extension.Introspection{})
	exec.SetRecoverFunc(func(_ context.Context, p any) error { return fmt.Errorf("panic: %v", p) })
	exec.AroundRootFields(func(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
		if field := graphql.GetRootFieldContext(ctx).Field; strings.HasSuffix(field.Alias, "13") {
			graphql.AddErrorf(ctx, "around %s", field.Name)
		}
		return next(ctx)
	})
	ctx := graphql.StartOperationTrace(t.Context())
	op, invalid := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: d.text, Variables: d.variables})
	var response *graphql.Response
	if len(invalid) > 0 {
		response = exec.DispatchError(graphql.WithOperationContext(ctx, op), invalid)
	} else {
		handler, ctx := exec.DispatchOperation(ctx, op)
		response = handler(ctx)
	}
	for _, err := range response.Errors {
		text, err := json.Marshal(err)
		if err != nil {
			t.Fatal(err)
		}
		errs = append(errs, string(text))
	}
	slices.Sort(errs)
	if len(response.Data) > 0 && !json.Valid(response.Data) && !strings.Contains(string(response.Data), `\x`) { // as enums write it
		t.Fatalf("%s\nno JSON: %s", d.text, response.Data)
	}
	return string(response.Data), errs
}

// answer makes the value of a field, which depends on the seed and the field's path only,
// or fails.
func answer(ctx context.Context, seed uint64, value any) error {
	fc := graphql.GetFieldContext(ctx)
	args, err := json.Marshal(fc.Args)
	if err != nil {
		return err
	}
	where := fmt.Sprintf("%s %s.%s(%s)", graphql.GetPath(ctx), fc.Object, fc.Field.Name, args)
	h := fnv.New64a()
	_, _ = h.Write([]byte(where))
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	if root := graphql.GetRootFieldContext(ctx); root.Field.Alias == "" {
		return errors.New("no root field")
	}
	v := values{r: r, where: where}
	v.fill(value)
	switch n := r.IntN(200); {
	case n < 6:
		return fmt.Errorf("failed at %s", where)
	case n < 8:
		return gqlerror.List{gqlerror.Errorf("first at %s", where), gqlerror.Errorf("second")}
	case n < 9:
		return gqlerror.ErrorPathf(fc.Parent.Path(), "elsewhere: %s", where)
	case n < 11:
		panic("panic at " + where)
	case n < 16:
		graphql.AddErrorf(ctx, "beside %s", where)
	case n < 18:
		graphql.AddError(graphql.WithPathContext(ctx, graphql.NewPathWithIndex(7)), errors.New("below"))
	}
	return nil
}
