package resolvers

import (
	"context"
	"errors"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"github.com/partnergraph/partnergraph/graph/model"
	"github.com/partnergraph/partnergraph/providers"
)

// many is an edge to a list of records: the list that a filter made of the row narrows. Many is declared for each such field, in edges.go.
type many[From, To providers.Record, F filter[To]] struct {
	field string // as the schema has it: "Referral.commissions"
	to    lists[To, F]
	by    func(*From) F
}

func (e many[From, To, F]) name() string { return e.field }

// branch is one row's list, as it is asked for.
type branch[From providers.Record] struct {
	from *From
	window
}

// leaf is what was read for a branch: the sources with where they stand, and the rows.
type leaf[To providers.Record] struct {
	sources []*source[To]
	start   []position
	rows    []row[To]
	err     error // the whole list cannot be read
}

func (e many[From, To, F]) bound(ctx context.Context, from *From) string {
	return e.field + "\x00" + scope(ctx) + "\x00" + providers.NodeOf(from).ID.String()
}

// follow answers the field for a row. An account that fails makes an empty list and an entry in errors.
func (e many[From, To, F]) follow(ctx context.Context, from *From, first int, after *string) (*model.Connection[To], error) {
	w, err := newWindow(first, after)
	if err != nil {
		return nil, err
	}
	read, err := loaderOf(ctx, e.field, e.fetch).one(ctx, branch[From]{from, w})
	if err != nil {
		return nil, err
	}
	if read.err != nil {
		if errors.Is(read.err, errBadCursor) {
			return nil, read.err
		}
		graphql.AddError(ctx, read.err)
	}
	report(ctx, read.sources)
	return e.to.connection(ctx, read.sources, read.rows, read.start, e.bound(ctx, from))
}

// all answers a field that is a plain list: the first hundred, which is more than anybody has of what is listed so.
func (e many[From, To, F]) all(ctx context.Context, from *From) ([]*To, error) {
	read, err := loaderOf(ctx, e.field, e.fetch).one(ctx, branch[From]{from, window{first: maxFirst}})
	if err != nil {
		return nil, err
	}
	if read.err != nil {
		graphql.AddError(ctx, read.err)
	}
	rows := make([]*To, len(read.rows))
	for i, r := range read.rows {
		rows[i] = r.record
	}
	report(ctx, read.sources)
	return e.to.complete(ctx, rows, needed(ctx, e.to.noun)), nil
}

// ahead starts the lists of all rows together.
func (e many[From, To, F]) ahead(ctx context.Context, rows any, f graphql.CollectedField) {
	args := f.ArgumentMap(graphql.GetOperationContext(ctx).Variables)
	first, err := graphql.UnmarshalInt(args["first"])
	if err != nil {
		return // the field itself will say so
	}
	var after *string
	if s, ok := args["after"].(string); ok {
		after = &s
	}
	w, err := newWindow(first, after)
	if err != nil {
		return
	}
	from := rows.([]*From)
	branches := make([]branch[From], len(from))
	for i := range from {
		branches[i] = branch[From]{from[i], w}
	}
	loaderOf(ctx, e.field, e.fetch).ahead(ctx, branches)
}

// fetch reads the lists of many rows. Those of one account that lie within the same longer list are read by walking it for as long
// as that costs fewer calls; the rest one by one.
func (e many[From, To, F]) fetch(r *Resolver, ctx context.Context, branches []branch[From]) ([]*leaf[To], []error) {
	leaves := make([]*leaf[To], len(branches))
	walks := map[string][]int{} // by account and longer list
	var single []int
	for i, b := range branches {
		leaves[i] = e.grow(r, ctx, b)
		if s := leaves[i].sources; len(s) == 1 && s[0].list.Within != nil && s[0].at.fresh() && !s[0].at.Done {
			key := providers.NodeOf(b.from).ID.Account + "\x00" + s[0].list.Within.Key
			walks[key] = append(walks[key], i)
		} else {
			single = append(single, i)
		}
	}
	var wg providers.Group
	one := func(i int) {
		wg.Go(func() { leaves[i].rows = merge(ctx, leaves[i].sources, branches[i].first) })
	}
	for _, i := range single {
		one(i)
	}
	for _, together := range walks {
		wg.Go(func() {
			for _, i := range walk(ctx, r.pages, together, leaves, branches) {
				one(i)
			}
		})
	}
	wg.Wait()
	return leaves, nil
}

// grow plans the list of one row.
func (e many[From, To, F]) grow(r *Resolver, ctx context.Context, b branch[From]) *leaf[To] {
	account := providers.NodeOf(b.from).ID.Account
	p, ok := r.provider(ctx, account)
	if !ok {
		return &leaf[To]{}
	}
	f := e.by(b.from)
	planned, err := e.to.plan(p, f)
	if errors.Is(err, errors.ErrUnsupported) {
		return &leaf[To]{} // the vendor has no such edge: nobody is on it, and capabilities say so
	}
	if err != nil {
		return &leaf[To]{err: located(p, err)}
	}
	l := &leaf[To]{sources: e.to.sources(r, p, f, planned)}
	if b.after != "" {
		at, err := unseal(e.bound(ctx, b.from), b.after)
		if err != nil {
			return &leaf[To]{err: err}
		}
		resume(l.sources, at)
	}
	l.start = standing(l.sources)
	return l
}

// walk reads the longer list that several leaves lie within, page by page, dealing its rows out to them, for as long as that
// costs fewer calls than reading each (providers.WalkOn). It answers the leaves that are still to be read one by one.
func walk[From, To providers.Record](ctx context.Context, pages int, open []int, leaves []*leaf[To], branches []branch[From]) []int {
	var (
		asked  = len(open)
		length = -1
		whole  = leaves[open[0]].sources[0].list.Within
		reader = leaves[open[0]].sources[0].provider
		dealt  = map[int][]*To{}
	)
	for read := 0; read < pages && providers.WalkOn(read, len(open), asked, length, true); {
		p, err := whole.Page(ctx, providers.PageRequest{Number: read + 1, Reader: reader})
		if err != nil {
			return open // each then fails, or does not, for itself
		}
		read++
		if size := len(p.Items); p.Total != nil && size > 0 && p.More {
			length = int((*p.Total + int64(size) - 1) / int64(size))
		}
		for _, row := range p.Items {
			for _, o := range open {
				if s := leaves[o].sources[0]; s.match(row) && !has(dealt[o], row) {
					dealt[o] = append(dealt[o], row)
				}
			}
		}
		open = slices.DeleteFunc(open, func(o int) bool {
			s := leaves[o].sources[0]
			ended := !p.More
			if !ended && len(dealt[o]) <= branches[o].first {
				return false
			}
			leaves[o].rows = s.deal(dealt[o], branches[o].first, ended)
			return true
		})
	}
	return open
}

// has says whether a row was dealt already: rows that were added at the head meanwhile push others onto the next page.
func has[T providers.Record](rows []*T, row *T) bool {
	id := providers.NodeOf(row).ID
	return slices.ContainsFunc(rows, func(r *T) bool { return providers.NodeOf(r).ID == id })
}

// deal takes rows that were read from a longer list as the head of this one. They are all of it if ended, else there is at least one more than first.
func (s *source[T]) deal(rows []*T, first int, ended bool) []row[T] {
	s.rows, s.page, s.more = rows, 1, !ended
	if ended && s.list.Exact {
		n := int64(len(rows))
		s.total = &n
	}
	out := make([]row[T], 0, min(first, len(rows)))
	for s.next < len(s.rows) && len(out) < first {
		r := s.rows[s.next]
		s.pass()
		out = append(out, row[T]{r, []position{s.at}})
	}
	s.at.Done = ended && s.next == len(s.rows)
	return out
}
