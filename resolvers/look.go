package resolvers

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/listing"
	"github.com/partnergraph/partnergraph/providers"
)

// A plan that is made before anything is read has to take each list for full and each record for
// another one. Where such a plan is large, the operation looks before it is decided on: it
// reads the pages that it begins with in any case, and is planned again with what these tell. What
// was read is kept, for the execution or by the cache, and counts as spent. Partners' operations do
// not look: what they may ask for must not depend on what there is of others.

// maxBranches is how many lists below known rows are read to learn their rows.
const maxBranches = 10

// facts is what was learnt for the plan of one operation. It belongs to one goroutine, but for learn.
type facts struct {
	known  map[string]any
	failed map[string]bool // a read that panicked: the field that needs it reads again, and reports it
	wanted map[string]func(context.Context) any
}

func newFacts() *facts {
	return &facts{known: map[string]any{}, failed: map[string]bool{}, wanted: map[string]func(context.Context) any{}}
}

// fact is what is known under a key: the path of a field, or what names a page of a list at a vendor.
// What is not known yet is noted, to be learnt before the next plan. What is of another type is not
// known.
func fact[V any](f *facts, key string, learn func(context.Context) V) (v V, ok bool) {
	if known, found := f.known[key]; found {
		v, ok = known.(V)
		return v, ok
	}
	if f.failed[key] {
		return v, false
	}
	f.wanted[key] = func(ctx context.Context) any { return learn(ctx) }
	return v, false
}

// learn reads what is wanted, side by side. It answers false where nothing is.
func (f *facts) learn(ctx context.Context) bool {
	if len(f.wanted) == 0 {
		return false
	}
	var (
		wg providers.Group
		mu sync.Mutex
	)
	for key, learn := range f.wanted {
		wg.Go(func() {
			var v any
			panicked := true
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				if f.failed[key] = panicked; panicked {
					_ = recover()
				} else {
					f.known[key] = v
				}
			}()
			v = learn(ctx)
			panicked = false
		})
	}
	wg.Wait()
	clear(f.wanted)
	return true
}

// accountRows is how many rows one account has.
type accountRows struct {
	account providers.Provider
	rows    providers.Rows
}

// scaled is so many rows below each of the rows.
func scaled(parts []accountRows, rows int) []accountRows {
	var out []accountRows
	for _, p := range parts {
		p.rows.Count = min(p.rows.Count*rows, uncountable)
		out = append(out, p)
	}
	return out
}

// followParts is what an edge costs, where it is known which account has how many rows.
func followParts(edge providers.Edge, parts []accountRows, need []string) (calls int) {
	for _, p := range parts {
		if p.rows.Count > 0 {
			calls = min(calls+p.account.Calls(edge, p.rows, need...), uncountable)
		}
	}
	return calls
}

// spread is how rows are spread over the accounts, and over affiliates.
func spread[T providers.Record](p *planner, rows []*T) []accountRows {
	owners := make(map[providers.ID]bool, len(rows))
	counts := map[string]providers.Rows{}
	for _, row := range rows {
		account := providers.NodeOf(row).ID.Account
		n := counts[account]
		n.Count++
		if owner := cmp.Or(providers.BelongsTo(row), providers.NodeOf(row).ID); !owners[owner] {
			owners[owner] = true
			n.Affiliates++
		}
		counts[account] = n
	}
	parts := []accountRows{}
	for _, account := range p.r.order {
		if n := counts[account]; n.Count > 0 {
			if a, ok := p.r.provider(p.ctx, account); ok {
				parts = append(parts, accountRows{a, n})
			}
		}
	}
	return parts
}

// charge plans calls that are still to be made.
func (p *planner) charge(calls int) {
	p.calls.add(calls, p.path)
	p.rest.add(calls, p.path)
	p.least += min(calls, 1)
}

// look plans what a root list takes: calls, unless it was read before.
func (n lists[T, F]) look(p *planner, f graphql.CollectedField, first int, narrow F, calls int, below *level) {
	if p.facts == nil {
		p.charge(calls)
		return
	}
	read, ok := fact(p.facts, p.path, func(ctx context.Context) *rootRead[T] {
		ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Query", Field: f})
		if checkFilter(ctx, narrow) != nil {
			return nil // the field itself says so
		}
		w, err := windowOf(first, f.ArgumentMap(p.op.Variables))
		if err != nil {
			return nil
		}
		read := n.read(ctx, p.r, w, narrow, below.accounts)
		for _, s := range read.sources {
			if providers.OverAllowance(s.Err()) {
				return nil // the look has no more calls: the field itself reads again
			}
		}
		return read
	})
	if !ok || read == nil || read.err != nil {
		p.charge(calls)
		return
	}
	looked := 0
	for _, s := range read.sources {
		looked += s.Pages()
	}
	p.calls.add(looked, p.path)
	p.least += min(looked, 1)
	rows := make([]*T, 0, len(read.rows))
	for _, r := range read.rows[:min(first, len(read.rows))] {
		rows = append(rows, r.Record)
	}
	below.rows, below.parts, below.known = len(rows), spread(p, rows), rows
}

// looked is the root list being resolved, where the look has read it; nil where it has not.
func (n lists[T, F]) looked(ctx context.Context) *rootRead[T] {
	l := loadersFrom(ctx)
	if l.facts == nil {
		return nil
	}
	read, _ := l.facts.known[graph.FieldFrom(ctx).Alias].(*rootRead[T])
	return read
}

// fill plans what it takes to complete rows with what is selected of them, and answers the rows as they
// are then: nil where the look cannot read them all.
func (n records[T]) fill(p *planner, rows []*T, need []string) any {
	var ids []providers.ID
	for _, row := range rows {
		if node := providers.NodeOf(row); !node.Known.Covers(need...) {
			ids = append(ids, node.ID)
		}
	}
	if len(ids) == 0 {
		return rows
	}
	f, ok := fact(p.facts, p.path+"\x00rows", func(ctx context.Context) *found[T] { return n.seek(ctx, p.r, ids, need) })
	if !ok {
		return rows // until it is known
	}
	p.calls.add(f.spent, p.path)
	filled := make([]*T, len(rows))
	open := 0
	for i, row := range rows {
		filled[i] = row
		id := providers.NodeOf(row).ID
		if f.open[id] {
			open++
		} else if whole := f.records[id]; whole != nil {
			filled[i] = whole
		}
	}
	p.charge(open)
	if open > 0 {
		return nil
	}
	return filled
}

// found is the records that an edge leads to, as far as the look reads them.
type found[T providers.Record] struct {
	records map[providers.ID]*T
	open    map[providers.ID]bool // those that take more calls than a look may make
	spent   int
}

// look plans an edge from rows that are known, and what is below it.
func (e one[From, To]) look(p *planner, from level, fields []graphql.CollectedField) {
	rows := from.known.([]*From)
	var ids []providers.ID
	counts := map[string]providers.Rows{}
	seen := make(map[providers.ID]bool, len(rows)) // an id is true as a row, and there as an owner
	for _, row := range rows {
		id := e.id(row)
		if id.IsZero() {
			continue
		}
		n := counts[id.Account]
		owner := cmp.Or(providers.BelongsTo(row), id)
		if e.to.noun == providers.NounAffiliate || e.to.noun == providers.NounCampaign {
			owner = id
		}
		if _, known := seen[owner]; !known {
			seen[owner] = false
			n.Affiliates++
		}
		if !seen[id] {
			seen[id] = true
			n.Count++
			ids = append(ids, id)
		}
		counts[id.Account] = n
	}
	below := level{rows: len(ids), times: from.times, accounts: from.accounts, parts: []accountRows{}}
	if e.to.noun == providers.NounAffiliate {
		below.affiliates = len(ids)
	}
	for _, a := range from.accounts {
		if n := counts[a.AccountID()]; n.Count > 0 {
			below.parts = append(below.parts, accountRows{a, n})
		}
	}
	need := names(fields)
	calls := followParts(e.field, below.parts, need)
	if calls > len(below.parts) || followed(fields) {
		if f, ok := fact(p.facts, p.path, func(ctx context.Context) *found[To] { return e.to.seek(ctx, p.r, ids, need) }); ok {
			var known []*To
			open := 0
			for _, id := range ids {
				if f.open[id] {
					open++
				} else if row := f.records[id]; row != nil {
					known = append(known, row)
				}
			}
			p.calls.add(f.spent, p.path)
			p.charge(open)
			if open == 0 {
				below.known = known
			}
			p.under(fields, below)
			return
		}
	}
	p.charge(calls)
	p.under(fields, below)
}

// followed says whether an edge is among the fields of a record.
func followed(fields []graphql.CollectedField) bool {
	for _, f := range fields {
		if _, ok := edges[f.ObjectDefinition.Name+"."+f.Name]; ok {
			return true
		}
	}
	return false
}

// seek reads records by id, as far as a look may.
func (n records[T]) seek(ctx context.Context, r *Resolver, ids []providers.ID, need []string) *found[T] {
	by := map[string][]providers.ID{}
	for _, id := range ids {
		by[id.Account] = append(by[id.Account], id)
	}
	f := &found[T]{records: map[providers.ID]*T{}, open: map[providers.ID]bool{}}
	f.spent = spentBy(ctx, func(ctx context.Context) {
		for account, ids := range by {
			p, ok := r.provider(ctx, account)
			if !ok {
				continue
			}
			b, err := n.byID(p, ctx, ids, need...)
			for _, id := range ids {
				switch {
				case err != nil && providers.OverAllowance(err):
					f.open[id] = true
				case err != nil:
				case providers.OverAllowance(b.Failed[id]):
					f.open[id] = true
				default:
					f.records[id] = b.Found[id]
				}
			}
		}
	})
	return f
}

// spentBy is how many calls to vendors read makes. They stand in the trace of ctx, too.
func spentBy(ctx context.Context, read func(ctx context.Context)) int {
	trace := new(providers.Trace)
	read(providers.WithTrace(ctx, trace))
	for _, c := range trace.Calls() {
		providers.TraceFrom(ctx).Add(c)
	}
	return trace.Spent()
}

// pageRead is a page of a list, which edges from different nouns may share.
type pageRead[T providers.Record] struct {
	page *providers.Page[T]
	err  error
}

// look plans the lists below rows that are known, and reads their rows where these lists are few: ok
// says that it did.
func (e many[From, To, F]) look(p *planner, args map[string]any, first int, from level, fields []graphql.CollectedField) (rows []*To, ok bool) {
	w, err := windowOf(first, args)
	if err != nil {
		return nil, false // the field itself says so
	}
	plan := func() []*listing.Branch[To] {
		var branches []*listing.Branch[To]
		for _, row := range from.known.([]*From) {
			if a, ok := any(row).(*providers.Affiliate); ok && e.to.noun == providers.NounCoupon && a.Coupons != nil {
				continue // they came with the affiliate
			}
			l := e.planBranch(p.r, p.ctx, branch[From]{row, w})
			l.Refs = refsOf(row)
			branches = append(branches, &l.Branch)
		}
		return branches
	}
	branches := plan()
	looked, rest := listing.Outlook(branches, func(account string, l providers.List[To], r providers.PageRequest) (*providers.Page[To], error) {
		key := fmt.Sprintf("%s\x00%s\x00%d\x00%s", account, e.to.noun, r.Number, l.Key)
		read, ok := fact(p.facts, key, func(ctx context.Context) pageRead[To] {
			page, err := l.Page(ctx, r)
			return pageRead[To]{page, err}
		})
		if !ok {
			return &providers.Page[To]{}, nil // until it is known
		}
		return read.page, read.err
	})
	need := names(fields)
	extra := max(followParts(e.field, from.parts, need)-followParts(e.field, from.parts, []string{"id"}), 0)
	p.calls.add(looked, p.path)
	if len(branches) <= maxBranches && extra == 0 && followed(fields) {
		type lists struct {
			records []*To
			spent   int
			cut     bool // the look had no more calls
		}
		read, ok := fact(p.facts, p.path, func(ctx context.Context) lists {
			var out lists
			read := plan()
			out.spent = spentBy(ctx, func(ctx context.Context) { listing.Nested(ctx, read) })
			for _, b := range read {
				for _, r := range b.Rows {
					out.records = append(out.records, r.Record)
				}
				for _, s := range b.Sources {
					out.cut = out.cut || providers.OverAllowance(s.Err())
				}
			}
			return out
		})
		if ok && !read.cut {
			p.calls.add(read.spent, p.path)
			return read.records, true
		}
	}
	p.charge(rest + extra)
	return nil, false
}

// newPlanner plans an operation: with the facts that are known of it, and other numbers of rows for
// the lists in firsts.
func newPlanner(ctx context.Context, r *Resolver, op *graphql.OperationContext, f *facts, firsts map[string]int) *planner {
	return &planner{r: r, ctx: ctx, op: op, facts: f, firsts: firsts, lists: map[string]int{}, spreads: map[*ast.FragmentDefinition]int{}}
}

// plan goes through the operation.
func (p *planner) plan() {
	switch p.op.Operation.Operation {
	case ast.Query:
		p.roots(p.op.Operation.SelectionSet)
	case ast.Mutation:
		p.writes(p.op.Operation.SelectionSet)
	}
}

// lookFrom is how many calls are planned without a look: a plan of more may be far from the truth.
const lookFrom = 10

// hopeless is how many times limits.calls an operation may be planned to take for a look at it.
const hopeless = 5

// looks says whether an operation is decided on after a look: the plan is uncertain, and it has not
// more fields that cost calls than calls are allowed.
func (p *planner) looks() bool {
	v := auth.ViewerFrom(p.ctx)
	return p.err == nil && !p.ended() && p.op.Operation.Operation == ast.Query && p.values.sum <= p.r.cost &&
		p.calls.sum > min(p.r.calls, lookFrom) && p.calls.sum <= hopeless*p.r.calls && p.least <= p.r.calls &&
		v != nil && v.Role != auth.RolePartner
}

// maxRounds bounds how often an operation is planned while it looks: each round knows one level more.
const maxRounds = 12

// lookShare is how much of limits.calls a look may take: three quarters. An operation that is refused
// after it has spent no more. With less, operations were refused that take few calls more than their
// look.
func lookShare(calls int) int { return calls * 3 / 4 }

// look learns what an operation takes, and refuses it where that is too much.
func (r *Resolver) look(ctx context.Context, op *graphql.OperationContext) (*facts, error) {
	ctx = providers.WithPart(ctx, lookShare(r.calls))
	f := newFacts()
	var p *planner
	for range maxRounds {
		p = newPlanner(ctx, r, op, f, nil)
		p.plan()
		if p.ended() || p.least > r.calls || !f.learn(ctx) {
			break
		}
	}
	err := p.refuse()
	planned := providers.TraceFrom(ctx).Spent() + p.rest.sum
	if err != nil {
		planned = p.calls.sum // as the error says
	}
	op.Stats.SetExtension(plannedStat, planned)
	return f, err
}
