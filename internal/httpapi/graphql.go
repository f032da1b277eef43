package httpapi

import (
	"context"
	"maps"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/resolvers"
)

// ExplainHeader asks, with the value 1, that a response lists every call it cost. It is granted to admins.
const ExplainHeader = "X-Partnergraph-Explain"

// parsedQueries is how many documents are kept parsed and validated.
const parsedQueries = 1000

// graphQL answers what is asked at /graphql: gqlgen's executor, with our resolvers, behind our transport. (What gqlgen puts between the two, its
// handler.Server, would answer panics in a form of its own.)
func graphQL(o Options, s *shares, valid *documents) http.Handler {
	exec := executor.New(graph.NewExecutableSchema(graph.Config{Resolvers: o.Resolvers, Schema: served()}))
	exec.SetQueryCache(valid)
	exec.SetParserTokenLimit(o.Tokens)
	exec.Use(limits{tokens: o.Tokens, depth: o.Depth, aliases: o.Aliases, valid: valid})
	if !o.Introspection {
		exec.SetDisableSuggestion(true)
		exec.SetDefaultRulesFn(discreetRules)
	}
	exec.SetErrorPresenter(o.Resolvers.Present)
	exec.SetRecoverFunc(func(_ context.Context, p any) error { return providers.Panicked(p) })
	if o.Introspection {
		exec.Use(extension.Introspection{})
	}
	exec.Use(o.Resolvers.Extension())
	exec.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		op := graphql.GetOperationContext(ctx)
		note(ctx, func(l *line) { l.operation = op.Operation.Name })
		return next(ctx)
	})
	return transport{exec: exec, body: o.Body, persisted: o.Persisted, shares: s}
}

// served is the schema without what its parser adds that nobody serves here: @defer, for which the executor leaves null where a later
// response would bring the data, and there is none.
func served() *ast.Schema {
	s := *graph.NewExecutableSchema(graph.Config{}).Schema()
	s.Directives = maps.Clone(s.Directives)
	delete(s.Directives, "defer")
	return &s
}

// discreetRules validate without suggestions, which would tell the schema word by word. gqlgen leaves out those about fields by
// itself; these are the others.
func discreetRules() *rules.Rules {
	r := rules.NewDefaultRules()
	for chatty, discreet := range map[string]core.Rule{
		"KnownArgumentNames":  rules.KnownArgumentNamesRuleWithoutSuggestions,
		"KnownTypeNames":      rules.KnownTypeNamesRuleWithoutSuggestions,
		"ValuesOfCorrectType": rules.ValuesOfCorrectTypeRuleWithoutSuggestions,
	} {
		r.RemoveRule(chatty)
		r.AddRule(discreet.Name, discreet.RuleFunc)
	}
	return r
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
