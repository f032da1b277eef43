package resolvers

import (
	"context"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/listing"
	"github.com/partnergraph/partnergraph/providers"
)

// A plan that is made before anything is read has to take each list for full and each
// record for another one. Where such a plan is large, the operation looks before it is
// decided on: it reads the pages that it begins with in any case, and is planned again with
// what these tell. What was read is kept, for the execution or by the cache, and counts as
// spent. Partners' operations do not look: what they may ask for must not depend on what
// there is of others.

// maxBranches is how many lists below known rows are read to learn their rows.
const maxBranches = 10

// charge plans calls that are still to be made.
func (p *planner) charge(calls int) {
	p.calls.add(calls, p.path)
	p.rest.add(calls, p.path)
	p.least += min(calls, 1)
}

// look plans what a root list takes: calls, unless it was read before.
func (n lists[T, F]) look(p *planner, f graphql.CollectedField, root *rootPlan[T, F], below *level) *rootRead[T] {
	if p.facts == nil {
		n.begin(p, root)
		return nil
	}
	key := factKey{path: p.path}
	learn := func(ctx context.Context) *rootRead[T] {
		ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Query", Field: f})
		if checkFilter(ctx, root.narrow) != nil {
			return nil // the field itself says so
		}
		w, err := windowOf(below.rows, root.args)
		if err != nil {
			return nil
		}
		read := n.read(ctx, p.r, w, root)
		for _, s := range read.sources {
			if providers.OverAllowance(s.Err()) {
				return nil // the look has no more calls: the field itself reads again
			}
		}
		return read
	}
	read, ok := fact(p, key, learn)
	if !ok {
		learnLater(p, key, learn)
	}
	if !ok || read == nil || read.err != nil {
		n.begin(p, root)
		return nil
	}
	looked := 0
	for _, s := range read.sources {
		looked += s.Pages()
	}
	p.calls.add(looked, p.path)
	p.least += min(looked, 1)
	rows := make([]*T, 0, len(read.rows))
	for _, r := range read.rows[:min(below.rows, len(read.rows))] {
		rows = append(rows, r.Record)
	}
	below.rows, below.parts, below.known = len(rows), spread(p, rows), rows
	return read
}

// looked is the root list being resolved, where the look has read it; nil where it has not.
func (n lists[T, F]) looked(ctx context.Context) *rootRead[T] {
	l := loadersFrom(ctx)
	if l.facts == nil {
		return nil
	}
	read, _ := l.facts.known[factKey{path: graph.FieldFrom(ctx).Alias}].(*rootRead[T])
	return read
}

// fill plans what it takes to complete rows with what is selected of them, and answers the
// rows as they are then: nil where the look cannot read them all.
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
	key := factKey{path: p.path, whole: true}
	learn := func(ctx context.Context) *found[T] { return n.seek(ctx, p.r, ids, need) }
	f, ok := fact(p, key, learn)
	if !ok {
		learnLater(p, key, learn)
		p.unread++
		return rows // until it is known
	}
	_, open := n.take(p, f, ids, need)
	filled := slices.Clone(rows)
	for i, row := range rows {
		if whole, _ := f.record(providers.NodeOf(row).ID); whole != nil {
			filled[i] = whole
		}
	}
	p.charge(open)
	if open > 0 {
		return nil
	}
	return filled
}

// found is the records that an edge leads to, as far as the look reads them, by account.
type found[T providers.Record] struct {
	asked   map[providers.ID]bool // rows that are completed later may lead to others
	batches map[string]*providers.Batch[T]
	failed  map[string]error
	spent   int
}

// record is one of them, or why it was not read.
func (f *found[T]) record(id providers.ID) (*T, error) {
	if err := f.failed[id.Account]; err != nil {
		return nil, err
	}
	if b := f.batches[id.Account]; b != nil {
		return b.Found[id], b.Failed[id]
	}
	return nil, nil
}

// seek reads records by id, as far as a look may.
func (n records[T]) seek(ctx context.Context, r *Resolver, ids []providers.ID, need []string) *found[T] {
	by := map[string][]providers.ID{}
	f := &found[T]{asked: make(map[providers.ID]bool, len(ids)), batches: map[string]*providers.Batch[T]{}, failed: map[string]error{}}
	for _, id := range ids {
		f.asked[id] = true
		by[id.Account] = append(by[id.Account], id)
	}
	f.spent = spentBy(ctx, func(ctx context.Context) {
		for account, ids := range by {
			if p, ok := r.provider(ctx, account); ok {
				f.batches[account], f.failed[account] = n.byID(p, ctx, ids, need...)
			}
		}
	})
	return f
}

// take hands what was found to the execution. It answers the records, and how many take
// more calls than a look may make.
func (n records[T]) take(p *planner, f *found[T], ids []providers.ID, need []string) (rows []*T, open int) {
	wants, values := make([]want, 0, len(ids)), make([]*T, 0, len(ids))
	text := strings.Join(need, " ")
	rows = make([]*T, 0, len(ids))
	for _, id := range ids {
		row, err := f.record(id)
		if providers.OverAllowance(err) {
			open++
			continue
		}
		if row != nil {
			rows = append(rows, row)
		}
		if err == nil && f.asked[id] {
			wants, values = append(wants, want{id, text}), append(values, row)
		}
	}
	n.loader(p.facts.loaders).prime(wants, values)
	if len(wants) < len(ids) {
		p.unread++
	}
	p.calls.add(f.spent, p.path)
	return rows, open
}

// look plans an edge from rows that are known, and what is below it.
func (e one[From, To]) look(p *planner, from level, fields []graphql.CollectedField) {
	rows := from.known.([]*From)
	ids := make([]providers.ID, 0, len(rows))
	seen := make(map[providers.ID]struct{}, len(rows))
	for _, row := range rows {
		id := e.id(row)
		if _, again := seen[id]; !again && !id.IsZero() {
			seen[id] = struct{}{}
			ids = append(ids, id)
		}
	}
	below := level{rows: len(ids), times: from.times, accounts: from.accounts, parts: e.parts(p, from, rows, ids)}
	if e.to.noun == providers.NounAffiliate {
		below.affiliates = len(ids)
	}
	need := names(fields)
	if len(ids) == 0 {
		below.known = []*To{}
		p.under(fields, below)
		return
	}
	key := factKey{path: p.path}
	learn := func(ctx context.Context) *found[To] { return e.to.seek(ctx, p.r, ids, need) }
	f, ok := fact(p, key, learn)
	if !ok {
		parts := below.parts()
		calls := followParts(e.field, parts, need)
		if calls > len(parts) || followed(fields) {
			learnLater(p, key, learn)
		}
		p.unread++
		p.charge(calls)
		p.under(fields, below)
		return
	}
	known, open := e.to.take(p, f, ids, need)
	p.charge(open)
	if open == 0 {
		below.known = known
	}
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

// spentBy is how many calls to vendors read makes. They stand in the trace of ctx, too.
func spentBy(ctx context.Context, read func(ctx context.Context)) int {
	trace := providers.TraceFrom(ctx).Part()
	read(providers.WithTrace(ctx, trace))
	providers.TraceFrom(ctx).Join(trace)
	return trace.Spent()
}

// pageRead is a page of a list, which edges from different nouns may share.
type pageRead[T providers.Record] struct {
	page *providers.Page[T]
	err  error
}

// look plans the lists below rows that are known, and reads their rows where they are
// cached, or these lists are few: ok says that it did.
func (e many[From, To, F]) look(
	p *planner,
	f graphql.CollectedField,
	args map[string]any,
	first int,
	from level,
	fields []graphql.CollectedField,
) (rows []*To, ok bool) {
	w, err := windowOf(first, args)
	if err != nil {
		return nil, false // the field itself says so
	}
	known := from.known.([]*From)
	branches := make([]branch[From], 0, len(known))
	for _, row := range known {
		if a, ok := any(row).(*providers.Affiliate); ok && e.to.noun == providers.NounCoupon && a.Coupons != nil {
			continue // they came with the affiliate
		}
		branches = append(branches, branch[From]{row, w})
	}
	key := factKey{path: p.path}
	learn := func(ctx context.Context) *branchesRead[From, To] {
		read := branchesRead[From, To]{branches: branches}
		read.spent = spentBy(ctx, func(ctx context.Context) { read.lists, _ = e.fetch(p.r, ctx, branches) })
		for _, l := range read.lists {
			for _, s := range l.Sources {
				read.cut = read.cut || providers.OverAllowance(s.Err())
			}
		}
		return &read
	}
	read, ok := fact(p, key, learn)
	if ok && !read.cut {
		p.calls.add(read.spent, p.path)
		e.loader(p.facts.loaders).prime(read.branches, read.lists)
		if !slices.Equal(read.branches, branches) || selects(p.op, f.Selections, "totalCount") {
			p.unread++
		}
		for _, l := range read.lists {
			for _, r := range l.Rows {
				rows = append(rows, r.Record)
			}
		}
		return rows, true
	}
	p.unread++
	need := names(fields)
	parts := from.parts()
	extra := max(followParts(e.field, parts, need)-followParts(e.field, parts, []string{"id"}), 0)
	looked, rest := e.outlook(p, branches)
	p.calls.add(looked, p.path)
	if !ok && len(branches) <= maxBranches && extra == 0 && followed(fields) {
		learnLater(p, key, learn)
	}
	p.charge(rest + extra)
	return nil, false
}

// branchesRead are the lists below rows, as far as a look reads them.
type branchesRead[From, To providers.Record] struct {
	branches []branch[From]    // rows that are completed later have others
	lists    []*nestedList[To] // of each branch
	spent    int
	cut      bool // the look had no more calls
}

// outlook is how many calls the lists below rows are expected to take; see [listing.Outlook].
func (e many[From, To, F]) outlook(p *planner, branches []branch[From]) (looked, rest int) {
	lists := make([]*listing.Branch[To], len(branches))
	for i, b := range branches {
		lists[i] = &e.planBranch(p.r, p.ctx, b).Branch
	}
	return listing.Outlook(lists, func(account string, l providers.List[To], r providers.PageRequest) (*providers.Page[To], error) {
		key := factKey{path: account, noun: e.to.noun, number: r.Number, list: l.Key}
		learn := func(ctx context.Context) pageRead[To] {
			page, err := l.Page(ctx, r)
			return pageRead[To]{page, err}
		}
		read, ok := fact(p, key, learn)
		if !ok {
			learnLater(p, key, learn)
			return &providers.Page[To]{}, nil // until it is known
		}
		return read.page, read.err
	})
}

// newPlanner plans an operation: with the facts that are known of it, and other numbers of
// rows for the lists in firsts.
func newPlanner(ctx context.Context, r *Resolver, op *graphql.OperationContext, f *facts, firsts map[string]int) *planner {
	return &planner{
		r:        r,
		ctx:      ctx,
		op:       op,
		facts:    f,
		firsts:   firsts,
		lists:    map[string]int{},
		lasting:  map[string]any{},
		searched: map[providers.ID]bool{},
		spreads:  map[*ast.FragmentDefinition]int{},
	}
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

// lookFrom is how many calls are planned without a look: a plan of more may be far from the
// truth.
const lookFrom = 10

// hopeless is how many times limits.calls an operation may be planned to take for a look at it.
const hopeless = 5

// looks says whether an operation is decided on after a look: the plan is uncertain, and it
// has not more fields that cost calls than calls are allowed.
func (p *planner) looks() bool {
	v := auth.ViewerFrom(p.ctx)
	return p.err == nil && !p.ended() && p.op.Operation.Operation == ast.Query && p.values.sum <= p.r.cost &&
		p.calls.sum > min(p.r.calls, lookFrom) && p.calls.sum <= hopeless*p.r.calls && p.least <= p.r.calls &&
		v != nil && v.Role != auth.RolePartner
}

// maxRounds bounds how often an operation is planned while it looks: each round knows one
// level more.
const maxRounds = 12

// lookShare is how much of limits.calls a look may take: three quarters. An operation that
// is refused after it has spent no more. With less, operations were refused that take few
// calls more than their look.
func lookShare(calls int) int { return calls * 3 / 4 }

// look learns what an operation takes, and refuses it where that is too much. It has begun
// with a plan by which it is worth a look.
func (r *Resolver) look(ctx context.Context, begun *planner, l *loaders) error {
	ctx = providers.WithPart(ctx, lookShare(r.calls))
	f := newFacts(l)
	var p *planner
	for range maxRounds {
		p = newPlanner(ctx, r, begun.op, f, nil)
		p.lasting = begun.lasting
		p.plan()
		if p.ended() || p.least > r.calls || !f.learn(ctx) {
			break
		}
	}
	l.facts = f
	err := p.refuse()
	planned := providers.TraceFrom(ctx).Spent() + p.rest.sum
	if err != nil {
		planned = p.calls.sum // as the error says
	}
	p.op.Stats.SetExtension(plannedStat, planned)
	return err
}
