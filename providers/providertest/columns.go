package providertest

import (
	"context"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// col says how one noun is read and what there is to try. T is its record, F its filter.
type col[T providers.Record, F any] struct {
	name       providers.Noun
	can, count providers.Capability // count is "" where no capability speaks of it
	rows       func(*world) *rows[T]
	plan       func(providers.Provider, F) ([]providers.List[T], error)
	byID       func(providers.Provider, context.Context, []providers.ID, ...string) (*providers.Batch[T], error)
	match      func(F, *T) bool
	every      F // with the empty filter: everything there is

	// parents are the filters that name records by their ids, all of them joined by "or".
	parents []parent[T, F]
	probes  []probe[T, F]

	// unsure says that this reading of a row cannot tell whether it passes; nil: each can.
	unsure func(F, *T) bool
	edge   providers.Edge // of Query, for a read by id
}

// parent is an edge of T that lists are filtered by.
type parent[T providers.Record, F any] struct {
	name   string
	can    providers.Capability // without which no row need pass; "" where no capability speaks of it
	noun   providers.Noun
	of     func(*T) providers.ID
	filter func(...providers.ID) F
}

// probe is another kind of filter, with values made from what was seen.
type probe[T providers.Record, F any] struct {
	name    string
	can     providers.Capability // as in parent
	filters func(w *world) []F
	all     bool             // rows that the lists of the empty filter leave out must be there, too
	must    func(F, *T) bool // the rows that must be there, where it is fewer than those that match
}

// distinct are some of the different values that rows have, spread evenly.
func distinct[T providers.Record, V comparable](rows []*T, value func(*T) (V, bool)) []V {
	var all []V
	seen := map[V]bool{}
	for _, r := range rows {
		if v, ok := value(r); ok && !seen[v] {
			seen[v] = true
			all = append(all, v)
		}
	}
	return spread(all)
}

// spread takes some values, evenly from first to last.
func spread[V any](all []V) []V {
	if len(all) <= samples {
		return all
	}
	some := make([]V, samples)
	for i := range some {
		some[i] = all[i*(len(all)-1)/(samples-1)]
	}
	return some
}

// by makes a probe of one value each.
func by[T providers.Record, F any, V comparable](
	name string,
	can providers.Capability,
	rows func(*world) *rows[T],
	value func(*T) (V, bool),
	filter func(V) F,
) probe[T, F] {
	return probe[T, F]{name: name, can: can, filters: func(w *world) (fs []F) {
		for _, v := range distinct(rows(w).all, value) {
			fs = append(fs, filter(v))
		}
		return fs
	}}
}

// text makes the value of a text that may be unknown.
func text[T providers.Record](field func(*T) *string) func(*T) (string, bool) {
	return func(r *T) (string, bool) {
		if s := field(r); s != nil {
			return *s, true
		}
		return "", false
	}
}

// ranges are half-open ranges of dates whose ends are dates of rows.
func ranges[T providers.Record](rows []*T) []providers.DateRange {
	var dated []*T
	for _, r := range rows {
		if providers.NodeOf(r).CreatedAt != nil {
			dated = append(dated, r)
		}
	}
	if len(dated) < 3 {
		return nil
	}
	to, from := providers.NodeOf(dated[len(dated)/3]).Listed(), providers.NodeOf(dated[2*len(dated)/3]).Listed()
	return []providers.DateRange{{From: from, To: to}, {From: from}, {To: to}}
}

func dated[T providers.Record, F any](rows func(*world) *rows[T], filter func(providers.DateRange) F) probe[T, F] {
	return probe[T, F]{name: "createdAt", filters: func(w *world) (fs []F) {
		for _, r := range ranges(rows(w).all) {
			fs = append(fs, filter(r))
		}
		return fs
	}}
}

// searched turns a probe by e-mail into one that searches: which other rows are found is the
// vendor's to say.
func searched[T providers.Record, F any](p probe[T, F], must func(F, *T) bool) probe[T, F] {
	p.name, p.must = "search", must
	return p
}

func is(s *string, want string) bool { return s != nil && strings.EqualFold(*s, want) }

func columns() []column {
	affiliates := func(w *world) *rows[providers.Affiliate] { return &w.affiliates }
	memberships := func(w *world) *rows[providers.Membership] { return &w.memberships }
	campaigns := func(w *world) *rows[providers.Campaign] { return &w.campaigns }
	referrals := func(w *world) *rows[providers.Referral] { return &w.referrals }
	commissions := func(w *world) *rows[providers.Commission] { return &w.commissions }
	payouts := func(w *world) *rows[providers.Payout] { return &w.payouts }

	type (
		af = providers.AffiliateFilter
		mf = providers.MembershipFilter
		rf = providers.ReferralFilter
		cf = providers.CommissionFilter
		pf = providers.PayoutFilter
	)
	affiliateEmail := text(func(a *providers.Affiliate) *string { return a.Email })
	referralEmail := text(func(r *providers.Referral) *string { return r.Email })

	return []column{
		col[providers.Affiliate, af]{
			name:  providers.NounAffiliate,
			edge:  providers.QueryAffiliateEdge,
			can:   providers.CanListAffiliates,
			count: providers.CountAffiliates,
			rows:  affiliates,
			plan:  providers.Provider.Affiliates,
			byID:  providers.Provider.AffiliatesByID,
			match: af.Match,
			every: af{
				Statuses: []providers.AffiliateStatus{providers.AffiliateActive, providers.AffiliatePending, providers.AffiliateInactive,
					providers.AffiliateRejected, providers.AffiliateBanned, providers.AffiliateArchived, providers.AffiliateUnknown},
			},
			parents: []parent[providers.Affiliate, af]{
				{"campaigns", providers.FilterAffiliatesByCampaign, providers.NounCampaign, func(a *providers.Affiliate) (id providers.ID) {
					for _, m := range a.Memberships {
						id = m.CampaignID
					}
					return id
				}, func(ids ...providers.ID) af { return af{Campaigns: ids} }},
				{
					"parent",
					providers.EdgeAffiliateChildren,
					providers.NounAffiliate,
					func(a *providers.Affiliate) providers.ID { return a.ParentID },
					func(ids ...providers.ID) af { return af{Parent: ids[0]} },
				},
			},
			probes: []probe[providers.Affiliate, af]{
				func() probe[providers.Affiliate, af] {
					p := by(
						"statuses",
						providers.FilterAffiliatesByStatus,
						affiliates,
						func(a *providers.Affiliate) (providers.AffiliateStatus, bool) { return a.Status, true },
						func(s providers.AffiliateStatus) af { return af{Statuses: []providers.AffiliateStatus{s}} },
					)
					p.all = true
					return p
				}(),
				by("email", providers.FilterAffiliatesByEmail, affiliates, affiliateEmail, func(s string) af { return af{Email: s} }),
				by("refCode", providers.FilterAffiliatesByRefCode, affiliates, func(a *providers.Affiliate) (string, bool) {
					for _, l := range a.Links {
						if l.Code != nil {
							return *l.Code, true
						}
					}
					return "", false
				}, func(s string) af { return af{RefCode: s} }),
				by("promoCode", providers.FilterAffiliatesByPromoCode, affiliates, func(a *providers.Affiliate) (string, bool) {
					for _, c := range a.Coupons {
						return c.Code, true
					}
					for _, m := range a.Memberships {
						if m.Coupon != nil {
							return *m.Coupon, true
						}
					}
					return "", false
				}, func(s string) af { return af{PromoCode: s} }),
				searched(by("", providers.FilterAffiliatesBySearch, affiliates, affiliateEmail, func(s string) af { return af{Search: s} }),
					func(f af, a *providers.Affiliate) bool { return is(a.Email, f.Search) }),
			},
		},
		col[providers.Membership, mf]{
			name:  providers.NounMembership,
			edge:  providers.QueryMembershipEdge,
			can:   providers.CanListMemberships,
			count: providers.CountMemberships,
			rows:  memberships,
			plan:  providers.Provider.Memberships,
			byID:  providers.Provider.MembershipsByID,
			match: mf.Match,
			parents: []parent[providers.Membership, mf]{
				{"affiliates", "", providers.NounAffiliate, func(m *providers.Membership) providers.ID { return m.AffiliateID },
					func(ids ...providers.ID) mf { return mf{Affiliates: ids} }},
				{
					"campaigns",
					providers.EdgeCampaignMemberships,
					providers.NounCampaign,
					func(m *providers.Membership) providers.ID { return m.CampaignID },
					func(ids ...providers.ID) mf { return mf{Campaigns: ids} },
				},
			},
			probes: []probe[providers.Membership, mf]{
				by("statuses", "", memberships, func(m *providers.Membership) (providers.MembershipStatus, bool) { return m.Status, true },
					func(s providers.MembershipStatus) mf { return mf{Statuses: []providers.MembershipStatus{s}} }),
			},
		},
		col[providers.Campaign, providers.CampaignFilter]{
			name:  providers.NounCampaign,
			edge:  providers.QueryCampaignEdge,
			can:   providers.CanListCampaigns,
			count: providers.CountCampaigns,
			rows:  campaigns,
			plan:  providers.Provider.Campaigns,
			byID:  providers.Provider.CampaignsByID,
			match: providers.CampaignFilter.Match,
		},
		col[providers.Referral, rf]{
			name:  providers.NounReferral,
			edge:  providers.QueryReferralEdge,
			can:   providers.CanListReferrals,
			count: providers.CountReferrals,
			rows:  referrals,
			plan:  providers.Provider.Referrals,
			byID:  providers.Provider.ReferralsByID,
			match: rf.Match,
			parents: []parent[providers.Referral, rf]{
				{
					"affiliates",
					providers.FilterReferralsByAffiliate,
					providers.NounAffiliate,
					func(r *providers.Referral) providers.ID { return r.AffiliateID },
					func(ids ...providers.ID) rf { return rf{Affiliates: ids} },
				},
				{
					"campaigns",
					providers.FilterReferralsByCampaign,
					providers.NounCampaign,
					func(r *providers.Referral) providers.ID { return r.CampaignID },
					func(ids ...providers.ID) rf { return rf{Campaigns: ids} },
				},
			},
			probes: []probe[providers.Referral, rf]{
				by(
					"statuses",
					providers.FilterReferralsByStatus,
					referrals,
					func(r *providers.Referral) (providers.ReferralStatus, bool) { return r.Status, true },
					func(s providers.ReferralStatus) rf { return rf{Statuses: []providers.ReferralStatus{s}} },
				),
				by("kinds", "", referrals, func(r *providers.Referral) (providers.ReferralKind, bool) { return r.Kind, true },
					func(k providers.ReferralKind) rf { return rf{Kinds: []providers.ReferralKind{k}} }),
				by("converted", providers.FilterReferralsByConverted, referrals, func(r *providers.Referral) (bool, bool) {
					return r.Converted != nil && *r.Converted, r.Converted != nil
				},
					func(b bool) rf { return rf{Converted: &b} }),
				by("email", providers.FilterReferralsByEmail, referrals, referralEmail, func(s string) rf { return rf{Email: s} }),
				by(
					"customerId",
					providers.FilterReferralsByCustomer,
					referrals,
					text(func(r *providers.Referral) *string { return r.CustomerID }),
					func(s string) rf { return rf{CustomerID: s} },
				),
				by(
					"orderId",
					providers.FilterReferralsByOrder,
					referrals,
					text(func(r *providers.Referral) *string { return r.OrderID }),
					func(s string) rf { return rf{OrderID: s} },
				),
				searched(by("", providers.FilterReferralsBySearch, referrals, referralEmail, func(s string) rf { return rf{Search: s} }),
					func(f rf, r *providers.Referral) bool { return is(r.Email, f.Search) }),
				dated(referrals, func(r providers.DateRange) rf { return rf{CreatedAt: r} }),
				{name: "several", filters: func(w *world) (fs []rf) {
					for _, r := range spread(w.referrals.all) {
						fs = append(fs, rf{Affiliates: []providers.ID{r.AffiliateID}, Statuses: []providers.ReferralStatus{r.Status}})
					}
					return fs
				}},
			},
		},
		col[providers.Commission, cf]{
			name:   providers.NounCommission,
			edge:   providers.QueryCommissionEdge,
			can:    providers.CanListCommissions,
			count:  providers.CountCommissions,
			rows:   commissions,
			plan:   providers.Provider.Commissions,
			byID:   providers.Provider.CommissionsByID,
			match:  cf.Match,
			unsure: func(f cf, c *providers.Commission) bool { return len(f.Payouts) > 0 && c.PayoutUnknown },
			parents: []parent[providers.Commission, cf]{
				{
					"affiliates",
					providers.FilterCommissionsByAffiliate,
					providers.NounAffiliate,
					func(c *providers.Commission) providers.ID { return c.AffiliateID },
					func(ids ...providers.ID) cf { return cf{Affiliates: ids} },
				},
				{
					"campaigns",
					providers.FilterCommissionsByCampaign,
					providers.NounCampaign,
					func(c *providers.Commission) providers.ID { return c.CampaignID },
					func(ids ...providers.ID) cf { return cf{Campaigns: ids} },
				},
				{
					"referrals",
					providers.FilterCommissionsByReferral,
					providers.NounReferral,
					func(c *providers.Commission) providers.ID { return c.ReferralID },
					func(ids ...providers.ID) cf { return cf{Referrals: ids} },
				},
				{
					"payouts",
					providers.FilterCommissionsByPayout,
					providers.NounPayout,
					func(c *providers.Commission) providers.ID { return c.PayoutID },
					func(ids ...providers.ID) cf { return cf{Payouts: ids} },
				},
			},
			probes: []probe[providers.Commission, cf]{
				by(
					"statuses",
					providers.FilterCommissionsByStatus,
					commissions,
					func(c *providers.Commission) (providers.CommissionStatus, bool) { return c.Status, true },
					func(s providers.CommissionStatus) cf { return cf{Statuses: []providers.CommissionStatus{s}} },
				),
				by(
					"orderId",
					providers.FilterCommissionsByOrder,
					commissions,
					text(func(c *providers.Commission) *string { return c.OrderID }),
					func(s string) cf { return cf{OrderID: s} },
				),
				by(
					"eventId",
					providers.FilterCommissionsByEvent,
					commissions,
					text(func(c *providers.Commission) *string { return c.EventID }),
					func(s string) cf { return cf{EventID: s} },
				),
				dated(commissions, func(r providers.DateRange) cf { return cf{CreatedAt: r} }),
				{name: "several", filters: func(w *world) (fs []cf) {
					for _, c := range spread(w.commissions.all) {
						fs = append(fs, cf{Affiliates: []providers.ID{c.AffiliateID}, Statuses: []providers.CommissionStatus{c.Status}})
					}
					return fs
				}},
			},
		},
		col[providers.Payout, pf]{
			name: providers.NounPayout, edge: providers.QueryPayoutEdge, can: providers.CanListPayouts, count: providers.CountPayouts,
			rows: payouts, plan: providers.Provider.Payouts, byID: providers.Provider.PayoutsByID, match: pf.Match,
			parents: []parent[providers.Payout, pf]{
				{
					"affiliates",
					providers.FilterPayoutsByAffiliate,
					providers.NounAffiliate,
					func(p *providers.Payout) providers.ID { return p.AffiliateID },
					func(ids ...providers.ID) pf { return pf{Affiliates: ids} },
				},
				{
					"campaigns",
					providers.FilterPayoutsByCampaign,
					providers.NounCampaign,
					func(p *providers.Payout) providers.ID { return p.CampaignID },
					func(ids ...providers.ID) pf { return pf{Campaigns: ids} },
				},
			},
			probes: []probe[providers.Payout, pf]{
				by(
					"statuses",
					providers.FilterPayoutsByStatus,
					payouts,
					func(p *providers.Payout) (providers.PayoutStatus, bool) { return p.Status, true },
					func(s providers.PayoutStatus) pf { return pf{Statuses: []providers.PayoutStatus{s}} },
				),
			},
		},
		col[providers.Coupon, providers.CouponFilter]{
			name: providers.NounCoupon, edge: providers.QueryCouponEdge, can: providers.CanListCoupons, count: providers.CountCoupons,
			rows: func(w *world) *rows[providers.Coupon] { return &w.coupons },
			plan: providers.Provider.Coupons, byID: providers.Provider.CouponsByID, match: providers.CouponFilter.Match,
			parents: []parent[providers.Coupon, providers.CouponFilter]{
				{"affiliates", "", providers.NounAffiliate, func(c *providers.Coupon) providers.ID { return c.AffiliateID },
					func(ids ...providers.ID) providers.CouponFilter { return providers.CouponFilter{Affiliates: ids} }},
			},
		},
		col[providers.WebhookSubscription, struct{}]{
			name: providers.NounWebhookSubscription,
			edge: providers.QueryWebhookSubscriptionEdge,
			can:  providers.CanListWebhookSubscriptions,
			rows: func(w *world) *rows[providers.WebhookSubscription] { return &w.subscriptions },
			plan: func(p providers.Provider, _ struct{}) ([]providers.List[providers.WebhookSubscription], error) {
				return p.WebhookSubscriptions()
			},
			byID:  providers.Provider.WebhookSubscriptionsByID,
			match: func(struct{}, *providers.WebhookSubscription) bool { return true },
		},
	}
}

// refs are the records that a row names.
func (c col[T, F]) refs(row *T) (ids []providers.ID) {
	for _, p := range c.parents {
		if id := p.of(row); !id.IsZero() {
			ids = append(ids, id)
		}
	}
	switch r := any(row).(type) {
	case *providers.Coupon:
		if !r.CampaignID.IsZero() {
			ids = append(ids, r.CampaignID)
		}
	case *providers.Payout:
		ids = append(ids, r.CommissionIDs...)
	}
	return slices.Compact(ids)
}
