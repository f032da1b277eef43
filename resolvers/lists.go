package resolvers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/graph/model"
	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/listing"
	"github.com/partnergraph/partnergraph/providers"
)

// filter is what narrows a list of T.
type filter[T providers.Record] interface {
	Match(*T) bool
	Unsure(*T) string
}

// lists is how a noun is listed.
type lists[T providers.Record, F filter[T]] struct {
	records[T]
	plan     func(providers.Provider, F) ([]providers.List[T], error)
	accounts func(F) []providers.ID // those that a filter names; nil for all
}

// The nouns, as they are listed.
var (
	affiliateLists = lists[providers.Affiliate, providers.AffiliateFilter]{affiliates, providers.Provider.Affiliates,
		func(f providers.AffiliateFilter) []providers.ID { return f.Accounts }}
	membershipLists = lists[providers.Membership, providers.MembershipFilter]{memberships, providers.Provider.Memberships,
		func(f providers.MembershipFilter) []providers.ID { return f.Accounts }}
	campaignLists = lists[providers.Campaign, providers.CampaignFilter]{campaigns, providers.Provider.Campaigns,
		func(f providers.CampaignFilter) []providers.ID { return f.Accounts }}
	referralLists = lists[providers.Referral, providers.ReferralFilter]{referrals, providers.Provider.Referrals,
		func(f providers.ReferralFilter) []providers.ID { return f.Accounts }}
	commissionLists = lists[providers.Commission, providers.CommissionFilter]{commissions, providers.Provider.Commissions,
		func(f providers.CommissionFilter) []providers.ID { return f.Accounts }}
	payoutLists = lists[providers.Payout, providers.PayoutFilter]{payouts, providers.Provider.Payouts,
		func(f providers.PayoutFilter) []providers.ID { return f.Accounts }}
	couponLists = lists[providers.Coupon, providers.CouponFilter]{coupons, providers.Provider.Coupons,
		func(f providers.CouponFilter) []providers.ID { return f.Accounts }}
	subscriptionLists = lists[providers.WebhookSubscription, providers.WebhookSubscriptionFilter]{subscriptions,
		func(p providers.Provider, _ providers.WebhookSubscriptionFilter) ([]providers.List[providers.WebhookSubscription], error) {
			return p.WebhookSubscriptions()
		},
		func(f providers.WebhookSubscriptionFilter) []providers.ID { return f.Accounts }}
)

// maxFirst bounds a page.
const maxFirst = 100

// window is which part of a list is asked for.
type window struct {
	first int
	after string // "" for the start
}

func newWindow(first int, after *string) (window, error) {
	if first < 1 || first > maxFirst {
		return window{}, apierror.BadInput("first must be 1 to %d, not %d", maxFirst, first)
	}
	w := window{first: first}
	if after != nil {
		if *after == "" {
			return window{}, errBadCursor
		}
		w.after = *after
	}
	return w, nil
}

// windowOf is the window in the arguments of a connection, with this first.
func windowOf(first int, args map[string]any) (window, error) {
	if asked, err := graphql.UnmarshalInt(args["first"]); args["first"] != nil && (err != nil || asked > maxFirst) {
		return newWindow(maxFirst+1, nil)
	}
	if after, ok := args["after"].(string); ok {
		return newWindow(first, &after)
	}
	return newWindow(first, nil)
}

// root answers a root list: all accounts that the viewer may see, or those that are named,
// each with this filter.
func (n lists[T, F]) root(ctx context.Context, r *Resolver, first int, after *string, f *F) (*model.Connection[T], error) {
	w, err := newWindow(first, after)
	if err != nil {
		return nil, err
	}
	var narrow F
	if f != nil {
		narrow = *f
	}
	if err := checkFilter(ctx, narrow); err != nil {
		return nil, err
	}
	var ps []providers.Provider
	if !providers.MatchesNothing(narrow) {
		if ps, err = r.visible(ctx, n.accounts(narrow)); err != nil {
			return nil, err
		}
	}
	plan, kept := n.planned(ctx, narrow, ps)
	var read *rootRead[T]
	if kept {
		read = n.looked(ctx)
	}
	if read == nil {
		read = n.read(ctx, r, w, plan)
		read.count = n.count(read.sources)
	}
	if read.err != nil {
		return nil, read.err
	}
	if len(read.rows) == 0 && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	n.report(ctx, read.sources)
	c, fields := n.connection(ctx, read.sources, read.rows, read.start, read.bound)
	for _, err := range read.failed {
		graphql.AddError(ctx, err)
	}
	var wg providers.Group
	if c.Count = read.count; c.Count != nil && selects(graphql.GetOperationContext(ctx), selections(ctx), "totalCount") {
		wg.Go(func() { _ = read.count.ask(ctx) }) // who resolves it reports the error
	}
	if !read.loaded {
		prefetch(ctx, c.Nodes, fields)
	}
	wg.Wait()
	return c, nil
}

// rootRead is a root list as far as it was read.
type rootRead[T providers.Record] struct {
	sources []*listing.Source[T]
	start   []listing.Position // where the sources were before
	rows    []listing.Row[T]
	bound   string  // what its cursors are bound to
	failed  []error // accounts whose lists could not be planned
	err     error   // nothing can be read
	count   counter // how many rows the whole list has
	spent   int     // calls, by the look
	cut     bool    // the look had no more calls: the field itself reads again
	loaded  bool    // and all that is selected below it, by the look
}

func (r *rootRead[T]) isPartial() bool { return r != nil && r.cut }

// planned is the plan of the root list being resolved. kept says that it is the one by
// which the operation was planned.
func (n lists[T, F]) planned(ctx context.Context, narrow F, ps []providers.Provider) (plan *rootPlan[T, F], kept bool) {
	if root, ok := loadersFrom(ctx).lasting[graph.FieldFrom(ctx).Alias].(*rootPlan[T, F]); ok {
		return root, true
	}
	root := &rootPlan[T, F]{narrow: narrow, accounts: ps}
	for _, p := range ps {
		root.add(n.plan(p, narrow))
	}
	return root, false
}

// read reads the rows of a root list.
func (n lists[T, F]) read(ctx context.Context, r *Resolver, w window, root *rootPlan[T, F]) *rootRead[T] {
	narrow := root.narrow
	text, err := json.Marshal(narrow)
	if err != nil {
		return &rootRead[T]{err: fmt.Errorf("filter of %s: %w", n.noun, err)}
	}
	read := &rootRead[T]{bound: fmt.Sprintf("%s\x00%s\x00%s", n.noun, scope(ctx), text)}
	var positions []listing.Position
	if w.after != "" {
		if positions, err = r.seals.Unseal(read.bound, w.after); err != nil {
			return &rootRead[T]{err: errBadCursor}
		}
	}
	named := n.accounts(narrow)
	for i, p := range root.accounts {
		err := root.errs[i]
		if errors.Is(err, errors.ErrUnsupported) && named == nil {
			continue // it has none of these; asked for by name it says so
		}
		if err != nil {
			read.failed = append(read.failed, located(p, err))
			continue
		}
		read.sources = append(read.sources, n.sources(r, p, narrow, root.lists[i])...)
	}
	read.sources = listing.Widen(ctx, read.sources, narrow.Match, w.first, positions)
	if positions != nil {
		listing.Resume(read.sources, positions)
	}
	read.start = listing.Positions(read.sources)
	cursors := selects(graphql.GetOperationContext(ctx), selections(ctx), "edges")
	read.rows = listing.Merge(ctx, read.sources, w.first, cursors)
	return read
}

// located says at which account an error occurred, where the error does not say so itself.
func located(p providers.Provider, err error) error { return at(p.AccountID(), err) }

func at(account string, err error) error {
	var e *providers.Error
	if errors.As(err, &e) && e.Account == "" {
		copied := *e
		copied.Account = account
		return &locatedError{err, &copied}
	}
	return err
}

// locatedError is an error with whatever it wraps, and the vendor's part of it with the account.
type locatedError struct {
	error
	vendor *providers.Error
}

// Unwrap is the vendor's part, and then the error as it was.
func (e *locatedError) Unwrap() []error { return []error{e.vendor, e.error} }

func (n lists[T, F]) sources(r *Resolver, p providers.Provider, f F, planned []providers.List[T]) []*listing.Source[T] {
	account := p.AccountID()
	out := make([]*listing.Source[T], len(planned))
	for i, l := range planned {
		out[i] = listing.NewSource(account, p, l, f.Match, r.pages)
		out[i].JudgeBy(f.Unsure)
	}
	return out
}

// report adds to the response what kept sources from being read, and how many rows of each list
// could not be read or judged.
func (n lists[T, F]) report(ctx context.Context, sources []*listing.Source[T]) {
	r := resolverFrom(ctx)
	reportDoubts(ctx, r, sources)
	for _, s := range sources {
		if err := s.Err(); err != nil {
			graphql.AddError(ctx, at(s.Account(), err))
		}
		if rows := s.Unread(); rows > 0 {
			graphql.AddError(ctx, r.unread(s.Account(), rows, s.UnreadElsewhere()))
		}
		if promised, first, last, ok := s.RanOut(); ok {
			graphql.AddError(ctx, r.ranOut(s.Account(), promised, first, last))
		}
		if s.Repeats() {
			// Once for each noun: clients choose filters, and so how many lists there are.
			if _, known := r.noticed.LoadOrStore("repeats\x00"+s.Account()+"\x00"+string(n.noun), true); !known {
				r.log.WarnContext(ctx, "the vendor sends the same page again and again; the list is taken to end there",
					slog.String("account", s.Account()), slog.String("noun", string(n.noun)), slog.String("list", s.Key()))
			}
		}
	}
}

// reportDoubts adds an error to the response for each field of an account by which rows
// could not be judged. Several lists of one account may have the same row.
func reportDoubts[T providers.Record](ctx context.Context, r *Resolver, sources []*listing.Source[T]) {
	type doubt struct{ account, field string }
	rows := map[doubt]int{}
	told := map[providers.ID]bool{}
	for _, s := range sources {
		for id, field := range s.Doubts() {
			if !told[id] {
				told[id] = true
				rows[doubt{s.Account(), field}]++
			}
		}
	}
	order := func(a, b doubt) int {
		return cmp.Or(strings.Compare(a.account, b.account), strings.Compare(a.field, b.field))
	}
	for _, d := range slices.SortedFunc(maps.Keys(rows), order) {
		graphql.AddError(ctx, r.unjudged(d.account, d.field, rows[d]))
	}
}

// connection makes the answer of rows that were read, completing those that know too little
// of what is selected. It also says what is selected of them.
func (n lists[T, F]) connection(ctx context.Context, sources []*listing.Source[T], rows []listing.Row[T],
	start []listing.Position, bound string) (*model.Connection[T], []graphql.CollectedField) {
	op, selected := graphql.GetOperationContext(ctx), selections(ctx)
	fields := rowFields(op, selected, n.noun)
	records := make([]*T, len(rows))
	for i, r := range rows {
		records[i] = r.Record
	}
	if len(fields) > 0 && len(records) > 0 {
		records = n.completed(ctx, records, names(fields))
	}
	seals := resolverFrom(ctx).seals
	c := &model.Connection[T]{Nodes: records}
	for _, part := range graphql.CollectFields(op, selected, nil) { // sealing a cursor costs as much as a few rows do
		switch part.Name {
		case "edges":
			c.Edges = edgesOf(seals, rows, records, bound)
		case "pageInfo":
			c.PageInfo = pageInfo(seals, sources, rows, start, bound)
		}
	}
	return c, fields
}

// edgesOf are the records of rows with where they stand.
func edgesOf[T providers.Record](seals *listing.Seals, rows []listing.Row[T], records []*T, bound string) []*model.Edge[T] {
	out := make([]*model.Edge[T], len(rows))
	for i, r := range rows {
		out[i] = &model.Edge[T]{Node: records[i], At: func() string { return seals.Seal(bound, r.Positions) }}
	}
	return out
}

// pageInfo says where rows that were read stand, and whether there are more. There is a cursor to
// go on with wherever there may be more, also where nothing was read.
func pageInfo[T providers.Record](seals *listing.Seals, sources []*listing.Source[T], rows []listing.Row[T],
	start []listing.Position, bound string) (info model.PageInfo) {
	if len(rows) > 0 {
		first := seals.Seal(bound, rows[0].Positions)
		info.StartCursor = &first
	}
	for _, s := range sources {
		info.HasNextPage = info.HasNextPage || s.More()
	}
	if end := listing.Positions(sources); len(rows) > 0 || info.HasNextPage || listing.Moved(start, end) {
		cursor := seals.Seal(bound, end)
		info.EndCursor = &cursor
	}
	return info
}

// distinctErrors are the errors of a loader, each kind of trouble once.
func distinctErrors(errs []error) []error {
	var texts []string
	return slices.DeleteFunc(errs, func(err error) bool {
		text := err.Error()
		if slices.Contains(texts, text) {
			return true
		}
		texts = append(texts, text)
		return false
	})
}

// counter answers totalCount.
type counter func(context.Context) (*int64, error)

// ask has the count be known, or why it is not.
func (c counter) ask(ctx context.Context) (err error) {
	if c != nil {
		_, err = c(ctx)
	}
	return err
}

// count adds the lengths of the sources' lists, once; it is nil where one of them cannot tell.
func (n lists[T, F]) count(sources []*listing.Source[T]) counter {
	var (
		sum   int64
		asked []*listing.Source[T]
	)
	for _, s := range sources {
		total, known, count := s.Total()
		switch {
		case known:
			sum += total
		case count == nil:
			return nil
		default:
			asked = append(asked, s)
		}
	}
	var (
		once sync.Once
		err  error
	)
	return func(ctx context.Context) (*int64, error) {
		once.Do(func() {
			defer func() {
				if p := recover(); p != nil { // an error for each who asks, and not only for the first
					err = providers.Panicked(p)
				}
			}()
			for _, s := range asked {
				_, _, count := s.Total()
				n, failed := count(ctx)
				if failed != nil {
					err = at(s.Account(), failed)
					return
				}
				sum += n
			}
		})
		if err != nil {
			return nil, err
		}
		return &sum, nil
	}
}
