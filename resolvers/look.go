package resolvers

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/listing"
	"github.com/partnergraph/partnergraph/providers"
)

// A plan that is made before anything is read has to take each list for full and each
// record for another one. So an operation that takes calls looks before it is decided on:
// it reads what it begins with in any case, and is planned again with what this tells,
// level by level. Once the plan passes, the look reads the rest, too, so that the planned
// calls are those spent. What was read is kept, for the execution or by the cache, and
// counts as spent. Partners' operations do not look: what they may ask for must not depend
// on what there is of others.

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
		var (
			read  *rootRead[T]
			count error
		)
		spent := spentBy(ctx, func(ctx context.Context) {
			read = n.read(ctx, p.r, w, root)
			if read.count = n.count(read.sources); selects(p.op, f.Selections, "totalCount") {
				count = read.count.ask(ctx)
			}
		})
		read.cut = providers.OverAllowance(count)
		for _, s := range read.sources {
			read.cut = read.cut || providers.OverAllowance(s.Err())
			read.spent += s.Pages()
		}
		read.spent = max(read.spent, spent)
		return read
	}
	read, ok := fact(p, key, learn)
	if !ok {
		learnLater(p, key, learn)
	}
	if !ok || read == nil || read.err != nil || read.cut {
		n.begin(p, root)
		return nil
	}
	p.calls.add(read.spent, p.path)
	p.least += min(read.spent, 1)
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
	if read.isPartial() {
		return nil
	}
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
		return nil // what is below the rows is read of all of them at once
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

func (f *found[T]) isPartial() bool {
	for account, err := range f.failed {
		if providers.OverAllowance(err) {
			return true
		}
		if b := f.batches[account]; b != nil {
			for _, err := range b.Failed {
				if providers.OverAllowance(err) {
					return true
				}
			}
		}
	}
	return false
}

// seek reads records by id, as far as a look may. No account waits for another.
func (n records[T]) seek(ctx context.Context, r *Resolver, ids []providers.ID, need []string) *found[T] {
	by := map[string][]providers.ID{}
	f := &found[T]{batches: map[string]*providers.Batch[T]{}, failed: map[string]error{}}
	for _, id := range ids {
		by[id.Account] = append(by[id.Account], id)
	}
	f.spent = spentBy(ctx, func(ctx context.Context) {
		var mu sync.Mutex
		wg := providers.GroupFor(ctx)
		for account, ids := range by {
			p, ok := r.provider(ctx, account)
			if !ok {
				continue
			}
			wg.Go(func() {
				b, err := n.byID(p, ctx, ids, need...)
				mu.Lock()
				defer mu.Unlock()
				f.batches[account], f.failed[account] = b, err
			})
		}
		wg.Wait()
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
		if err != nil {
			n.loader(p.facts.loaders).fail(want{id, text}, err)
		} else {
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
	below := level{rows: len(ids), times: from.times, accounts: from.accounts, parts: e.parts(p, rows, ids)}
	if e.to.noun == providers.NounAffiliate {
		below.affiliates = len(ids)
	}
	need := names(fields)
	if len(ids) == 0 {
		below.known = []*To{}
	} else if known := e.to.known(p, ids, need, followed(fields), func() (int, int) {
		parts := below.parts()
		return p.followParts(e.field, parts, need), len(parts)
	}); known != nil {
		below.known = known
	}
	p.under(fields, below)
}

// known plans to read records by id, and answers them where the look has read them all; nil
// where it has not. price is how many calls that takes, and of how many accounts. What
// takes no more than a call of each is read late, unless something is below the records.
func (n records[T]) known(p *planner, ids []providers.ID, need []string, followed bool, price func() (calls, accounts int)) []*T {
	key := factKey{path: p.path}
	learn := func(ctx context.Context) *found[T] { return n.seek(ctx, p.r, ids, need) }
	f, ok := fact(p, key, learn)
	if !ok {
		calls, accounts := price()
		if calls > accounts || followed {
			learnLater(p, key, learn)
		} else {
			learnLast(p, key, learn)
		}
		p.unread++
		p.charge(calls)
		return nil
	}
	rows, open := n.take(p, f, ids, need)
	p.charge(open)
	if open > 0 {
		return nil
	}
	return rows
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

func (r pageRead[T]) isPartial() bool { return providers.OverAllowance(r.err) }

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
		if came, ok := e.came(row); ok {
			rows = append(rows, came...)
			continue
		}
		branches = append(branches, branch[From]{row, w})
	}
	key := factKey{path: p.path}
	learn := func(ctx context.Context) *branchesRead[From, To] {
		read := branchesRead[From, To]{branches: branches}
		read.spent = spentBy(ctx, func(ctx context.Context) {
			read.lists, _ = e.fetch(p.r, ctx, branches)
			if selects(p.op, f.Selections, "totalCount") {
				for _, l := range read.lists {
					read.cut = read.cut || providers.OverAllowance(l.count.ask(ctx))
				}
			}
		})
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
	extra := max(p.followParts(e.field, parts, need)-p.followParts(e.field, parts, []string{"id"}), 0)
	looked, rest := e.outlook(p, branches)
	p.calls.add(looked, p.path)
	switch {
	case ok:
	case len(branches) <= maxBranches && extra == 0 && followed(fields):
		learnLater(p, key, learn)
	default:
		learnLast(p, key, learn)
	}
	p.charge(rest + extra)
	return nil, false
}

// branchesRead are the lists below rows, as far as a look reads them.
type branchesRead[From, To providers.Record] struct {
	branches []branch[From]
	lists    []*nestedList[To] // of each branch
	spent    int
	cut      bool // the look had no more calls
}

func (r *branchesRead[From, To]) isPartial() bool { return r.cut }

// came are the rows of an edge that came with a row: an affiliate's coupons.
func (many[From, To, F]) came(from *From) (rows []*To, ok bool) {
	a, isAffiliate := any(from).(*providers.Affiliate)
	if !isAffiliate || a.Coupons == nil {
		return nil, false
	}
	rows, ok = any(a.Coupons).([]*To)
	return rows, ok
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
		at:       map[string]int{},
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
	case ast.Subscription:
		p.changes(p.op.Operation.SelectionSet)
	}
	if v := auth.ViewerFrom(p.ctx); p.values.sum > 0 && fromPartner(p.ctx) && identity(v).ByEmail() {
		p.path = ""
		p.at[p.r.first(v)] += identityCalls // of each account, which the first stands for
		p.charge(identityCalls)
	}
}

// maxLookFactor is how many times limits.calls an operation may be planned to take for a look
// at it.
const maxLookFactor = 5

// looks says whether an operation is decided on after a look: it takes calls, and has not
// more fields that cost calls than calls are allowed.
func (p *planner) looks() bool {
	v := auth.ViewerFrom(p.ctx)
	return p.err == nil && !p.ended() && p.op.Operation.Operation == ast.Query && p.values.sum <= p.r.cost &&
		p.calls.sum > 0 && p.calls.sum <= maxLookFactor*p.r.calls && p.least <= p.r.calls &&
		v != nil && v.Role != auth.RolePartner
}

// maxRounds bounds how often an operation is planned while it looks: each level may take a
// round for the first pages of its lists, one for the lists, and one for their rows.
const maxRounds = 24

// lookShare is how much of limits.calls a look may take before the operation has passed: three
// quarters. An operation that is refused has spent no more. With less, operations were refused
// that take few calls more than their look.
func lookShare(calls int) int { return calls * 3 / 4 }

// look learns what an operation takes, and refuses it where that is too much. It has begun
// with a plan by which it is worth a look.
func (r *Resolver) look(ctx context.Context, begun *planner, l *loaders) (err error) {
	defer func() {
		if recover() != nil { // the field at fault panics again when it is executed, and fails alone
			l.facts, err = nil, begun.refuse()
		}
	}()
	f, part := newFacts(l), providers.WithPart(ctx, lookShare(r.calls))
	var p *planner
	for range maxRounds {
		p = newPlanner(ctx, r, begun.op, f, nil)
		p.lasting = begun.lasting
		p.plan()
		if p.ended() || p.least > r.calls || !f.learn(ctx, part, p.calls.sum <= r.calls) {
			break
		}
	}
	l.facts = f
	spent := providers.TraceFrom(ctx).Spent()
	err = p.refuse()
	planned := min(spent+p.rest.sum, r.calls)
	if spent > lookShare(r.calls) { // it has passed
		err = nil
	} else if err != nil {
		planned = p.calls.sum // as the error says
	}
	p.op.Stats.SetExtension(plannedStat, planned)
	return err
}
