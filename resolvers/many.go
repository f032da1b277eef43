package resolvers

import (
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"

	"github.com/partnergraph/partnergraph/graph/model"
	"github.com/partnergraph/partnergraph/internal/listing"
	"github.com/partnergraph/partnergraph/providers"
)

// many is an edge to a list of records: the list that a filter made of the row narrows.
// Many is declared for each such field, in edges.go.
type many[From, To providers.Record, F filter[To]] struct {
	field providers.Edge // as the schema has it: "Referral.commissions"
	to    lists[To, F]
	by    func(*From) F
}

// newMany makes the edge of a field to a list, which the filter that a row makes narrows.
func newMany[From, To providers.Record, F filter[To]](field providers.Edge, to lists[To, F], by func(*From) F) many[From, To, F] {
	return many[From, To, F]{field, to, by}
}

// joined is a filter that can be joined with those of other rows: what their lists lie
// within is known only where they are planned together.
type joined[F any] interface{ Join(other F) F }

func (e many[From, To, F]) name() string { return e.field.String() }

// branch is one row's list, as it is asked for.
type branch[From providers.Record] struct {
	from *From
	window
}

// nestedList is what was read for a branch.
type nestedList[To providers.Record] struct {
	listing.Branch[To]
	start []listing.Position // where the sources were before
	count counter            // how many rows the whole list has
	err   error              // the whole list cannot be read
}

func (e many[From, To, F]) loader(l *loaders) *loader[branch[From], *nestedList[To]] {
	if made := madeLoader[branch[From], *nestedList[To]](l, e.field.String()); made != nil {
		return made
	}
	return loaderOf(l, e.field.String(), e.fetch)
}

func (e many[From, To, F]) bound(ctx context.Context, from *From) string {
	return e.field.String() + "\x00" + scope(ctx) + "\x00" + providers.NodeOf(from).ID.String()
}

// follow answers the field for a row. An account that fails makes an empty list and an
// entry in errors.
func (e many[From, To, F]) follow(ctx context.Context, from *From, first int, after *string) (*model.Connection[To], error) {
	w, err := newWindow(first, after)
	if err != nil {
		return nil, err
	}
	read, err := e.loader(loadersFrom(ctx)).one(ctx, branch[From]{from, w})
	if err != nil {
		return nil, err
	}
	if read.err != nil {
		if errors.Is(read.err, listing.ErrCursor) {
			return nil, errBadCursor
		}
		graphql.AddError(ctx, read.err)
	}
	e.to.report(ctx, read.Sources)
	c, _ := e.to.connection(ctx, read.Sources, read.Rows, read.start, e.bound(ctx, from))
	c.Count = read.count
	return c, nil
}

// all answers a field that is a plain list: the first hundred, which is more than anybody
// has of what is listed so.
func (e many[From, To, F]) all(ctx context.Context, from *From) ([]*To, error) {
	read, err := e.loader(loadersFrom(ctx)).one(ctx, branch[From]{from, window{first: maxFirst}})
	if err != nil {
		return nil, err
	}
	if read.err != nil {
		graphql.AddError(ctx, read.err)
	}
	rows := make([]*To, len(read.Rows))
	for i, r := range read.Rows {
		rows[i] = r.Record
	}
	e.to.report(ctx, read.Sources)
	return e.to.completed(ctx, rows, needed(ctx, e.to.noun)), nil
}

// fetch reads the lists of many rows together.
func (e many[From, To, F]) fetch(r *Resolver, ctx context.Context, branches []branch[From]) ([]*nestedList[To], []error) {
	lists := make([]*nestedList[To], len(branches))
	reads := make([]*listing.Branch[To], len(branches))
	for i, b := range branches {
		lists[i] = e.planBranch(r, ctx, b)
		lists[i].Refs = refsOf(b.from)
		reads[i] = &lists[i].Branch
	}
	e.widen(r, ctx, branches, lists)
	listing.Nested(ctx, reads)
	for _, l := range lists {
		l.count = e.to.count(l.Sources)
	}
	return lists, nil
}

// widen plans the lists of each account's rows together, and notes of each what it lies
// within. It does nothing where the plan of each row says it.
func (e many[From, To, F]) widen(r *Resolver, ctx context.Context, branches []branch[From], lists []*nestedList[To]) {
	filters := map[string]F{} // of all rows of an account
	rows := map[string]int{}
	for _, b := range branches {
		account, f := providers.NodeOf(b.from).ID.Account, e.by(b.from)
		j, ok := any(f).(joined[F])
		if !ok {
			return
		}
		if rows[account]++; rows[account] > 1 {
			f = j.Join(filters[account])
		}
		filters[account] = f
	}
	for account, f := range filters {
		p, ok := r.provider(ctx, account)
		if !ok || rows[account] < 2 {
			continue
		}
		planned, err := e.to.plan(p, f)
		if err != nil {
			continue // each row's own plan says it
		}
		within := map[string]*providers.List[To]{}
		for _, l := range planned {
			within[l.Key] = l.Within
		}
		for _, l := range lists {
			for _, s := range l.Sources {
				if s.Account() == account {
					s.LieWithin(within[s.Key()])
				}
			}
		}
	}
}

// refsOf are the records of which each row of an edge of from refers to one at least: from
// itself, or, for the refunds of an order, its affiliate.
func refsOf[From providers.Record](from *From) []providers.ID {
	refs := []providers.ID{providers.NodeOf(from).ID}
	if r, ok := any(from).(*providers.Referral); ok {
		refs = append(refs, r.AffiliateID)
	}
	return refs
}

// planBranch plans the list of one row.
func (e many[From, To, F]) planBranch(r *Resolver, ctx context.Context, b branch[From]) *nestedList[To] {
	account := providers.NodeOf(b.from).ID.Account
	p, ok := r.provider(ctx, account)
	if !ok {
		return &nestedList[To]{}
	}
	f := e.by(b.from)
	planned, err := e.to.plan(p, f)
	if errors.Is(err, errors.ErrUnsupported) {
		return &nestedList[To]{} // the vendor has no such edge; capabilities say so
	}
	if err != nil {
		return &nestedList[To]{err: located(p, err)}
	}
	l := &nestedList[To]{Branch: listing.Branch[To]{Sources: e.to.sources(r, p, f, planned), First: b.first}}
	if b.after != "" {
		positions, err := r.seals.Unseal(e.bound(ctx, b.from), b.after)
		if err != nil {
			return &nestedList[To]{err: err}
		}
		listing.Resume(l.Sources, positions)
	}
	l.start = listing.Positions(l.Sources)
	return l
}
