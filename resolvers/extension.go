package resolvers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// Extension is what the resolvers need around each operation: the plan of its cost, its
// loaders, its trace, and the account of what was spent in the response.
type Extension struct{ r *Resolver }

// Extension makes the extension to install in the GraphQL handler. Without it nothing resolves.
func (r *Resolver) Extension() Extension { return Extension{r} }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
	graphql.OperationInterceptor
	graphql.ResponseInterceptor
} = Extension{}

// ExtensionName is how gqlgen calls it.
func (Extension) ExtensionName() string { return "partnergraph" }

// Validate accepts every schema.
func (Extension) Validate(graphql.ExecutableSchema) error { return nil }

const (
	plannedStat = "planned"
	accountStat = "planned by account"
	valuesStat  = "values"
	plannerStat = "planner" // the *planner of the plan that was made first
	traceStat   = "trace"   // the *providers.Trace of the execution
)

// TraceOf is what an executed operation has read; nil where it was not executed.
func TraceOf(op *graphql.OperationContext) *providers.Trace {
	trace, _ := op.Stats.GetExtension(traceStat).(*providers.Trace)
	return trace
}

// PlannedValues is how many field values the answer to an operation may have, after it was
// planned.
func PlannedValues(op *graphql.OperationContext) int {
	n, _ := op.Stats.GetExtension(valuesStat).(int)
	return n
}

// Planned is how many calls to vendors an operation is planned to take. For partners it
// depends on the operation alone, and not on what there is or is cached.
func Planned(op *graphql.OperationContext) int {
	n, _ := op.Stats.GetExtension(plannedStat).(int)
	return n
}

// PlannedByAccount is how many calls to each account a partner's operation is planned to take
// at most; nil for others.
func PlannedByAccount(op *graphql.OperationContext) map[string]int {
	calls, _ := op.Stats.GetExtension(accountStat).(map[string]int)
	return calls
}

// MutateOperationContext refuses what the viewer's role may not ask for, plans the
// operation, and refuses what costs too much, before anything is sent.
func (e Extension) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if op.Operation == nil {
		return nil
	}
	p := newPlanner(ctx, e.r, op, nil, nil)
	p.arguments(op.Operation.SelectionSet, map[*ast.FragmentDefinition]bool{})
	if p.ended() {
		return e.r.Present(ctx, p.refuseArguments())
	}
	if err := allowed(op, auth.ViewerFrom(ctx)); err != nil {
		return e.r.Present(ctx, err)
	}
	if err := checkEnums(op.Operation.VariableDefinitions, op.Variables); err != nil {
		return e.r.Present(ctx, err)
	}
	p.plan()
	op.Stats.SetExtension(plannedStat, p.calls.sum)
	if fromPartner(ctx) {
		op.Stats.SetExtension(accountStat, p.byAccount())
	}
	op.Stats.SetExtension(valuesStat, p.values.sum)
	op.Stats.SetExtension(plannerStat, p)
	if p.undecided = !e.r.blind && p.looks(); p.undecided {
		return nil
	}
	if err := p.refuse(); err != nil {
		return e.r.Present(ctx, err)
	}
	return nil
}

type explainKey struct{}

// WithExplain is ctx with the wish that the response lists every call. It is granted to admins.
func WithExplain(ctx context.Context) context.Context {
	return context.WithValue(ctx, explainKey{}, true)
}

// Explains says whether the response has to list every call.
func Explains(ctx context.Context) bool {
	v := auth.ViewerFrom(ctx)
	return ctx.Value(explainKey{}) != nil && v != nil && v.Role == auth.RoleAdmin
}

// InterceptOperation gives the operation its loaders, its trace, and its allowance of calls.
func (e Extension) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	trace := &providers.Trace{VendorsOnly: !Explains(ctx)}
	graphql.GetOperationContext(ctx).Stats.SetExtension(traceStat, trace)
	ctx = context.WithValue(providers.WithTrace(ctx, trace), failuresKey{}, new(failures))
	l := newLoaders(e.r)
	p, _ := graphql.GetOperationContext(ctx).Stats.GetExtension(plannerStat).(*planner)
	if v := auth.ViewerFrom(ctx); v == nil || v.Role == auth.RolePartner {
		ctx = providers.KeepReserve(ctx)
	} else if p != nil {
		l.lasting = p.lasting
	}
	ctx, end := providers.WithAfterwards(e.r.withAllowance(ctx))
	if p != nil && p.undecided {
		if err := e.r.look(ctx, p, l); err != nil {
			defer end()
			refusal := &graphql.Response{Errors: gqlerror.List{e.r.Present(ctx, err)}}
			return graphql.OneShot(e.tell(ctx, refusal))
		}
	}
	respond := next(withLoaders(ctx, l))
	return func(ctx context.Context) *graphql.Response {
		defer end()
		return respond(ctx)
	}
}

// identityCalls is how many calls it takes to find the affiliate with an address.
const identityCalls = 2

// withAllowance is ctx with the calls to vendors that an operation may make. A partner's makes
// no more calls to an account than it was planned to take, for these were taken from the
// partner's share of the account.
func (r *Resolver) withAllowance(ctx context.Context) context.Context {
	if !fromPartner(ctx) || !graphql.HasOperationContext(ctx) {
		return providers.WithAllowance(ctx, r.calls)
	}
	return providers.WithAccounts(ctx, r.calls, PlannedByAccount(graphql.GetOperationContext(ctx)))
}

// callLimit is what bounds the calls of an operation, in words.
func (r *Resolver) callLimit(ctx context.Context) string {
	if fromPartner(ctx) {
		return "the number of calls to vendors that was planned for it"
	}
	return fmt.Sprintf("the limit of %d calls to vendors (limits.calls)", r.calls)
}

// Cost is extensions.cost of every response to staff.
type Cost struct {
	Planned int `json:"planned"` // the calls to vendors estimated beforehand
	Spent   int `json:"spent"`   // those made, retries included
}

// Explanation is extensions.explain of a response that was asked to explain itself.
type Explanation struct {
	Calls  []ExplainedCall          `json:"calls"`
	Totals map[providers.Source]int `json:"totals"`
}

// ExplainedCall is one thing that was read.
type ExplainedCall struct {
	Account      string           `json:"account"`
	Method       string           `json:"method,omitempty"`
	Path         string           `json:"path"`
	Status       int              `json:"status,omitempty"`
	Milliseconds float64          `json:"milliseconds"`
	Source       providers.Source `json:"source"`
	Attempt      int              `json:"attempt,omitempty"`
}

// InterceptResponse adds what was spent.
func (e Extension) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	defer e.r.logFailures(ctx)
	response := next(ctx)
	if response == nil || !graphql.HasOperationContext(ctx) {
		return response
	}
	if op := graphql.GetOperationContext(ctx).Operation; op != nil && op.Operation != ast.Mutation {
		response.Errors = onceOverAllowance(response.Errors)
	}
	return e.tell(ctx, response)
}

// tell adds to a response what was spent.
func (e Extension) tell(ctx context.Context, response *graphql.Response) *graphql.Response {
	planned := Planned(graphql.GetOperationContext(ctx))
	trace := providers.TraceFrom(ctx)
	if trace == nil {
		return response
	}
	v := auth.ViewerFrom(ctx)
	if v == nil || v.Role == auth.RolePartner { // what it takes to find what is theirs depends on how much there is of others'
		return response
	}
	if response.Extensions == nil {
		response.Extensions = map[string]any{}
	}
	response.Extensions["cost"] = Cost{Planned: planned, Spent: trace.Spent()}
	if Explains(ctx) {
		response.Extensions["explain"] = explain(trace.Calls())
	}
	return response
}

// onceOverAllowance keeps the first of the errors which say that a query reached
// limits.calls: it is one fact about the query, however many fields it left empty. (Of
// mutations each says whether it was sent.)
func onceOverAllowance(errs gqlerror.List) gqlerror.List {
	said := false
	return slices.DeleteFunc(errs, func(e *gqlerror.Error) bool {
		if !errors.Is(e, providers.ErrAllowance) {
			return false
		}
		again := said
		said = true
		return again
	})
}

func explain(calls []providers.Call) Explanation {
	x := Explanation{Calls: make([]ExplainedCall, len(calls)), Totals: map[providers.Source]int{}}
	for i, c := range calls {
		x.Calls[i] = ExplainedCall{Account: c.Account, Method: c.Method, Path: c.Path, Status: c.Status,
			Milliseconds: float64(c.Duration.Microseconds()) / 1000, Source: c.Source, Attempt: c.Attempt}
		x.Totals[c.Source]++
	}
	return x
}
