package resolvers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vikstrous/dataloadgen"

	"github.com/partnergraph/partnergraph/graph/model"
	"github.com/partnergraph/partnergraph/providers"
)

// filter is what narrows a list of T.
type filter[T providers.Record] interface{ Match(*T) bool }

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
		return window{}, badInput("first must be 1 to %d, not %d", maxFirst, first)
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

// root answers a root list: all accounts that the viewer may see, or those that are named, each with this filter.
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
	named := n.accounts(narrow)
	var ps []providers.Provider
	if !providers.MatchesNothing(narrow) {
		if ps, err = r.visible(ctx, named); err != nil {
			return nil, err
		}
	}
	var (
		sources []*source[T]
		failed  []error
	)
	for _, p := range ps {
		planned, err := n.plan(p, narrow)
		if errors.Is(err, errors.ErrUnsupported) && named == nil {
			continue // it has none of these; asked for by name it says so
		}
		if err != nil {
			failed = append(failed, located(p, err))
			continue
		}
		sources = append(sources, n.sources(r, p, narrow, planned)...)
	}
	text, err := json.Marshal(narrow)
	if err != nil {
		return nil, fmt.Errorf("filter of %s: %w", n.noun, err)
	}
	c, err := n.connect(ctx, sources, w, fmt.Sprintf("%s\x00%s\x00%s", n.noun, scope(ctx), text))
	if err != nil {
		return nil, err
	}
	for _, err := range failed {
		graphql.AddError(ctx, err)
	}
	return c, nil
}

// located says at which account an error occurred, where the error does not say so itself.
func located(p providers.Provider, err error) error {
	var e *providers.Error
	if errors.As(err, &e) && e.Account == "" {
		at := *e
		at.Account = p.Account().ID.Account
		return &at
	}
	return err
}

func (n lists[T, F]) sources(r *Resolver, p providers.Provider, f F, planned []providers.List[T]) []*source[T] {
	account := p.Account().ID.Account
	out := make([]*source[T], len(planned))
	for i, l := range planned {
		out[i] = &source[T]{provider: p, list: l, match: f.Match, pages: r.pages,
			at: position{List: listTag(account, l.Key)}}
	}
	return out
}

// connect reads the window of all sources together. bound is what the cursors are bound to.
func (n lists[T, F]) connect(ctx context.Context, sources []*source[T], w window, bound string) (*model.Connection[T], error) {
	if w.after != "" {
		at, err := unseal(bound, w.after)
		if err != nil {
			return nil, err
		}
		resume(sources, at)
	}
	start := standing(sources)
	rows := merge(ctx, sources, w.first)
	if len(rows) == 0 && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	report(ctx, sources)
	return n.connection(ctx, sources, rows, start, bound)
}

// report adds to the response what kept sources from being read.
func report[T providers.Record](ctx context.Context, sources []*source[T]) {
	for _, s := range sources {
		if s.err != nil {
			graphql.AddError(ctx, located(s.provider, s.err))
		}
	}
}

// resume puts the sources where a cursor says that they stand. A list that the cursor does not know has been planned otherwise
// than then (a vendor turned out to ignore a filter, say): where as many lists were planned as now, it takes the place of the one it
// stands for, and looks for it from the start.
func resume[T providers.Record](sources []*source[T], at []position) {
	known := make(map[string]position, len(at))
	for _, p := range at {
		known[p.List] = p
	}
	for i, s := range sources {
		switch p, ok := known[s.at.List]; {
		case ok:
			s.at = p
		case len(at) == len(sources):
			p = at[i]
			p.List, p.Page = s.at.List, 0
			s.at = p
		}
	}
}

// connection makes the answer of rows that were read, completing those that know too little of what is selected.
func (n lists[T, F]) connection(ctx context.Context, sources []*source[T], rows []row[T], start []position, bound string) (*model.Connection[T], error) {
	op, fc := graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx)
	fields := rowFields(op, fc.Field.Selections, n.noun)
	records := make([]*T, len(rows))
	for i, r := range rows {
		records[i] = r.record
	}
	if len(fields) > 0 && len(records) > 0 {
		records = n.complete(ctx, records, names(fields))
	}
	c := &model.Connection[T]{Nodes: records, Count: n.count(sources)}
	for _, part := range graphql.CollectFields(op, fc.Field.Selections, nil) { // sealing a cursor costs as much as a few rows do
		switch part.Name {
		case "edges":
			c.Edges = edgesOf(rows, records, bound)
		case "pageInfo":
			c.PageInfo = pageInfo(sources, rows, start, bound)
		}
	}
	ahead(ctx, records, fields)
	return c, nil
}

// edgesOf are the records of rows with where they stand.
func edgesOf[T providers.Record](rows []row[T], records []*T, bound string) []*model.Edge[T] {
	out := make([]*model.Edge[T], len(rows))
	for i, r := range rows {
		out[i] = &model.Edge[T]{Node: records[i], At: func() string { return seal(bound, r.at) }}
	}
	return out
}

// pageInfo says where rows that were read stand, and whether there are more.
func pageInfo[T providers.Record](sources []*source[T], rows []row[T], start []position, bound string) (info model.PageInfo) {
	if len(rows) > 0 {
		first := seal(bound, rows[0].at)
		info.StartCursor = &first
	}
	for _, s := range sources {
		info.HasNextPage = info.HasNextPage || s.goesOn()
	}
	if end := standing(sources); len(rows) > 0 || !same(start, end) {
		cursor := seal(bound, end)
		info.EndCursor = &cursor
	}
	return info
}

func same(a, b []position) bool {
	for i := range a {
		if a[i].Page != b[i].Page || a[i].Done != b[i].Done || len(a[i].Last) != len(b[i].Last) ||
			len(a[i].Last) > 0 && a[i].Last[len(a[i].Last)-1] != b[i].Last[len(b[i].Last)-1] {
			return false
		}
	}
	return true
}

// unjoin are the single errors of a loader's, each kind of trouble once.
func unjoin(err error) (out []error) {
	many, ok := err.(dataloadgen.ErrorSlice)
	if !ok && err != nil {
		return []error{err}
	}
	seen := map[string]bool{}
	for _, err := range many {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			out = append(out, err)
		}
	}
	return out
}

// count adds the lengths of the sources' lists, or is nil where one of them cannot tell.
func (n lists[T, F]) count(sources []*source[T]) func(context.Context) (*int64, error) {
	for _, s := range sources {
		if !s.list.Exact || s.err != nil || s.total == nil && s.list.Count == nil {
			return nil
		}
	}
	return func(ctx context.Context) (*int64, error) {
		var sum int64
		for _, s := range sources {
			total := s.total
			if total == nil {
				n, err := s.list.Count(ctx)
				if err != nil {
					return nil, located(s.provider, err)
				}
				total = &n
			}
			sum += *total
		}
		return &sum, nil
	}
}
