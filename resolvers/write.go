package resolvers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/partnergraph/partnergraph/graph/model"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/providers"
)

// writeCalls is how many calls a mutation counts for in the plan: what it needs to know,
// and the write.
const writeCalls = 4

// partnerWriteCalls is how many a partner's counts for: also what the ledger wants left before
// a write is sent, so that its outcome can be found out. No more than that is made.
const partnerWriteCalls = 2 * writeCalls

// write answers every mutation: whose record it is about, whether the input is right,
// whether the account can, and then the ledger. Nothing is sent before all of these. Which
// mutation and which fields of it the viewer's role may use was settled for the operation.
func (r *Resolver) write(ctx context.Context, c providers.Command) (*model.Payload, error) {
	field, id := c.Subject()
	p, ok, err := r.writable(ctx, id)
	if err != nil {
		return nil, err
	}
	if !ok {
		if problems := c.Check("", r.now()); id.IsZero() && len(problems) > 0 { // it names no record at all
			return payload(nil, problems), nil
		}
		return payload(nil, providers.Problemf(providers.ProblemNotFound, field, "there is no such record")), nil
	}
	account := p.Account()
	if problems := c.Check(account.CurrencyCode, r.now()); len(problems) > 0 {
		return payload(nil, problems.With(p.Wants(c))), nil // all that is known without a call, in one answer
	}
	if !slices.Contains(account.Capabilities, c.Mutation()) {
		return nil, &providers.Error{
			Account: id.Account,
			Op:      string(c.Mutation()),
			Kind:    providers.KindUnsupported,
			Err:     errors.ErrUnsupported,
		}
	}
	out, err := r.ledger.Do(ctx, ledger.Request{Subject: auth.ViewerFrom(ctx).Subject, Command: c, Writer: p, Timeout: r.timeout})
	forget(ctx) // what the operation has read before may be another now
	providers.AllowanceFrom(ctx).Restart(id.Account)
	if err != nil {
		return nil, located(p, err)
	}
	answer := payload(&out.ID, out.Problems)
	if out.Written != nil && out.Written.Secret != "" {
		answer.Secret = &out.Written.Secret
	}
	return answer, nil
}

// payload is an outcome as the graph has it: the record, or what is wrong.
func payload(id *providers.ID, problems providers.Problems) *model.Payload {
	out := &model.Payload{ID: id, UserErrors: make([]*providers.Problem, len(problems))}
	for i := range problems {
		out.ID, out.UserErrors[i] = nil, &problems[i]
	}
	return out
}

// written reads the record that a mutation wrote.
func written[T providers.Record](ctx context.Context, n records[T], obj *model.Payload) (*T, error) {
	if obj.ID == nil {
		return nil, nil
	}
	rows, errs := n.root(ctx, *obj.ID)
	if errs[0] != nil {
		return nil, fmt.Errorf("the write was made, and what it wrote cannot be read: %w", errs[0])
	}
	return rows[0], nil
}
