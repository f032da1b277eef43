package httpapi

import (
	"cmp"
	"context"
	"maps"
	"math"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/core"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/resolvers"
)

// ExplainHeader asks, with the value 1, that a response lists every call it cost. It is
// granted to admins.
const ExplainHeader = "X-Partnergraph-Explain"

// graphQL answers what is asked at /graphql: gqlgen's executor, with our resolvers, behind
// our transport. (What gqlgen puts between the two, its handler.Server, would answer panics
// in a form of its own.)
func graphQL(o Options, partners *partnerQuota, valid *documents, kept keptAnswers) transport {
	o.State.load.resize(o)
	schema := served()
	exec := executor.New(graph.NewExecutableSchema(graph.Config{Resolvers: o.Resolvers, Schema: schema}))
	exec.SetQueryCache(prepared{})
	exec.SetErrorPresenter(o.Resolvers.Present)
	exec.SetRecoverFunc(func(_ context.Context, p any) error { return providers.Panicked(p) })
	if o.Introspection {
		exec.Use(extension.Introspection{})
	}
	exec.Use(recollection{kept}) // the first, so that nothing is planned where there is an answer
	exec.Use(crowd{o.State.load.execute, kept})
	exec.Use(introspection{schema})
	exec.Use(o.Resolvers.Extension())
	exec.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		op := graphql.GetOperationContext(ctx)
		note(ctx, func(l *line) { l.operation = nameOf(op) })
		return next(ctx)
	})
	bound := answers{max: cmp.Or(o.Answer, math.MaxInt64), gate: o.State.load.write}
	exec.Use(bound) // the last, so that the others see the error in the place of the data
	check := preparation{
		limits: limits{tokens: o.Tokens, depth: o.Depth, aliases: o.Aliases},
		schema: schema, valid: valid,
		rules: func(discreet bool) map[string]core.RuleFunc { return documentRules(discreet || !o.Introspection) },
	}
	return transport{
		exec:      exec,
		check:     check,
		schema:    schema,
		body:      o.Body,
		persisted: o.Persisted,
		trusted:   o.Trusted,
		partners:  partners,
		quota:     o.State.quota,
		answers:   bound,
		responses: kept,
		load:      o.State.load,
		traceText: o.TraceText,
	}
}

// served is the schema without what its parser adds that nobody serves here: @defer, for
// which the executor leaves null where a later response would bring the data, and there is
// none.
func served() *ast.Schema {
	s := *graph.NewExecutableSchema(graph.Config{}).Schema()
	s.Directives = maps.Clone(s.Directives)
	delete(s.Directives, "defer")
	return &s
}

// bounded gives a request its bound of time, and its wish to be explained.
func bounded(o Options, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), o.Timeout)
		defer cancel()
		if r.Header.Get(ExplainHeader) == "1" {
			ctx = resolvers.WithExplain(ctx)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
