package resolvers

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/partnergraph/partnergraph/graph/model"
	"github.com/partnergraph/partnergraph/providers"
)

// records is how the records of a noun are read by id.
type records[T providers.Record] struct {
	noun  providers.Noun
	query providers.Edge // the field of Query that reads one
	byID  func(providers.Reader, context.Context, []providers.ID, ...string) (*providers.Batch[T], error)
}

// The nouns, as they are read by id.
var (
	affiliates    = records[providers.Affiliate]{providers.NounAffiliate, providers.QueryAffiliateEdge, providers.Reader.AffiliatesByID}
	memberships   = records[providers.Membership]{providers.NounMembership, providers.QueryMembershipEdge, providers.Reader.MembershipsByID}
	campaigns     = records[providers.Campaign]{providers.NounCampaign, providers.QueryCampaignEdge, providers.Reader.CampaignsByID}
	referrals     = records[providers.Referral]{providers.NounReferral, providers.QueryReferralEdge, providers.Reader.ReferralsByID}
	commissions   = records[providers.Commission]{providers.NounCommission, providers.QueryCommissionEdge, providers.Reader.CommissionsByID}
	payouts       = records[providers.Payout]{providers.NounPayout, providers.QueryPayoutEdge, providers.Reader.PayoutsByID}
	coupons       = records[providers.Coupon]{providers.NounCoupon, providers.QueryCouponEdge, providers.Reader.CouponsByID}
	subscriptions = records[providers.WebhookSubscription]{
		providers.NounWebhookSubscription,
		providers.QueryWebhookSubscriptionEdge,
		providers.Reader.WebhookSubscriptionsByID,
	}
)

// recordsByNoun are the nouns whose records are read at the vendors.
var recordsByNoun = map[providers.Noun]interface {
	nodes(ctx context.Context, ids []providers.ID, places []int, rows []model.Node, errs []error)
	cost(p *planner, f graphql.CollectedField, ids []providers.ID)
}{
	affiliates.noun: affiliates, memberships.noun: memberships, campaigns.noun: campaigns, referrals.noun: referrals,
	commissions.noun: commissions, payouts.noun: payouts, coupons.noun: coupons, subscriptions.noun: subscriptions,
}

// want is what a loader is asked for: a record, and the fields of it that will be read.
type want struct {
	id   providers.ID
	need string // joined by spaces
}

func (n records[T]) loader(l *loaders) *loader[want, *T] {
	return loaderOf(l, string(n.noun), n.fetch)
}

// fetch reads what was asked for: one read for each account and set of fields. A record
// that is not there, or whose account the viewer may not see, is nil without an error, and
// without a call.
func (n records[T]) fetch(r *Resolver, ctx context.Context, wants []want) ([]*T, []error) {
	type group struct{ account, need string }
	groups := map[group][]int{} // places in wants
	for i, w := range wants {
		g := group{w.id.Account, w.need}
		groups[g] = append(groups[g], i)
	}
	var wg providers.Group
	rows, failed := make([]*T, len(wants)), make([]error, len(wants)) // of each group, its own places
	for g, places := range groups {
		p, ok := r.provider(ctx, g.account)
		if !ok {
			continue
		}
		wg.Go(func() {
			ids := make([]providers.ID, len(places))
			for i, place := range places {
				ids[i] = wants[place].id
			}
			b, err := n.byID(p, ctx, ids, strings.Fields(g.need)...)
			for i, place := range places {
				if err != nil {
					failed[place] = err
				} else if failed[place] = b.Failed[ids[i]]; failed[place] == nil {
					rows[place] = b.Found[ids[i]]
				}
			}
		})
	}
	wg.Wait()
	return rows, failed
}

// load reads one record with what the field being resolved selects of it.
func (n records[T]) load(ctx context.Context, id providers.ID) (*T, error) {
	if id.IsZero() {
		return nil, nil
	}
	l := n.edgeLoad(ctx)
	return l.from.one(ctx, want{id, l.need})
}

// root is load for a field that no list is above of: it also reads what is selected below.
func (n records[T]) root(ctx context.Context, ids ...providers.ID) ([]*T, []error) {
	n.prefetchByID(ctx, ids, collect(graphql.GetOperationContext(ctx), selections(ctx), n.noun))
	rows, errs := make([]*T, len(ids)), make([]error, len(ids))
	for i, id := range ids {
		rows[i], errs[i] = n.load(ctx, id)
	}
	return rows, errs
}

// find is load for an id that a client sent in the argument where.
func (n records[T]) find(ctx context.Context, where string, id providers.ID) (*T, error) {
	if id.Noun != n.noun {
		return nil, wrongNoun(where, id, n.noun)
	}
	rows, errs := n.root(ctx, id)
	return rows[0], errs[0]
}

// complete are the rows with what is selected of them: those that know too little are read
// by id. Where that fails, what is known of them is shown: these are the rows of lists that
// cannot be null.
func (n records[T]) complete(ctx context.Context, rows []*T, need []string) ([]*T, []error) {
	var (
		wants  []want
		at     []int
		fields string
	)
	for i, row := range rows {
		if node := providers.NodeOf(row); !node.Known.Covers(need...) {
			if fields == "" {
				fields = strings.Join(need, " ")
			}
			wants, at = append(wants, want{node.ID, fields}), append(at, i)
		}
	}
	if len(wants) == 0 {
		return rows, nil
	}
	whole, failed := n.loader(loadersFrom(ctx)).all(ctx, wants)
	rows = append([]*T(nil), rows...)
	for i, row := range whole {
		if row != nil {
			rows[at[i]] = row
		}
	}
	return rows, distinctErrors(failed)
}

// completed is complete with an entry in errors for each that there is.
func (n records[T]) completed(ctx context.Context, rows []*T, need []string) []*T {
	rows, errs := n.complete(ctx, rows, need)
	for _, err := range errs {
		graphql.AddError(ctx, err)
	}
	return rows
}

// one is an edge to a single record: which it is, the row knows. One is declared for each
// such field, in edges.go.
type one[From, To providers.Record] struct {
	field providers.Edge // as the schema has it: providers.ReferralAffiliateEdge
	to    records[To]
	id    func(*From) providers.ID
}

// newOne makes the edge of a field to one record, whose id the row has.
func newOne[From, To providers.Record](field providers.Edge, to records[To], id func(*From) providers.ID) one[From, To] {
	return one[From, To]{field, to, id}
}

// follow answers the field for a row.
func (e one[From, To]) follow(ctx context.Context, from *From) (*To, error) {
	return e.to.load(ctx, e.id(from))
}

// edge is what one and many have in common: they can be prefetched, and say what that costs.
type edge interface {
	prefetcher
	name() string
	cost(p *planner, f graphql.CollectedField, from level)
}

func (e one[From, To]) name() string { return e.field.String() }
