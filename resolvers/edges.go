package resolvers

import "github.com/partnergraph/partnergraph/providers"

// The edges of the graph: each field that leads from one record to others, in the order of
// the schema. A resolver follows its edge; lists prefetch it; the planner knows their cost.
// What a vendor does to follow one stands in the vendor's folder.
var (
	affiliateCampaign = newOne(providers.AffiliateCampaignEdge, campaigns, mainCampaign)
	affiliateParent   = newOne(providers.AffiliateParentEdge, affiliates,
		func(a *providers.Affiliate) providers.ID { return a.ParentID })
	affiliateChildren = newMany(providers.AffiliateChildrenEdge, affiliateLists,
		func(a *providers.Affiliate) providers.AffiliateFilter {
			return providers.AffiliateFilter{Parent: a.ID}
		})
	affiliateCoupons = newMany(providers.AffiliateCouponsEdge, couponLists,
		func(a *providers.Affiliate) providers.CouponFilter {
			return providers.CouponFilter{Affiliates: []providers.ID{a.ID}}
		})
	affiliateReferrals = newMany(providers.AffiliateReferralsEdge, referralLists,
		func(a *providers.Affiliate) providers.ReferralFilter {
			return providers.ReferralFilter{Affiliates: []providers.ID{a.ID}}
		})
	affiliateCommissions = newMany(providers.AffiliateCommissionsEdge, commissionLists,
		func(a *providers.Affiliate) providers.CommissionFilter {
			f := providers.CommissionFilter{Affiliates: []providers.ID{a.ID}}
			f.Parent.Affiliate = a
			return f
		})
	affiliatePayouts = newMany(providers.AffiliatePayoutsEdge, payoutLists,
		func(a *providers.Affiliate) providers.PayoutFilter {
			return providers.PayoutFilter{Affiliates: []providers.ID{a.ID}}
		})

	membershipAffiliate = newOne(providers.MembershipAffiliateEdge, affiliates,
		func(m *providers.Membership) providers.ID { return m.AffiliateID })
	membershipCampaign = newOne(providers.MembershipCampaignEdge, campaigns,
		func(m *providers.Membership) providers.ID { return m.CampaignID })

	campaignMemberships = newMany(providers.CampaignMembershipsEdge, membershipLists,
		func(c *providers.Campaign) providers.MembershipFilter {
			return providers.MembershipFilter{Campaigns: []providers.ID{c.ID}}
		})
	campaignReferrals = newMany(providers.CampaignReferralsEdge, referralLists,
		func(c *providers.Campaign) providers.ReferralFilter {
			return providers.ReferralFilter{Campaigns: []providers.ID{c.ID}}
		})
	campaignCommissions = newMany(providers.CampaignCommissionsEdge, commissionLists,
		func(c *providers.Campaign) providers.CommissionFilter {
			return providers.CommissionFilter{Campaigns: []providers.ID{c.ID}}
		})

	referralAffiliate = newOne(providers.ReferralAffiliateEdge, affiliates,
		func(r *providers.Referral) providers.ID { return r.AffiliateID })
	referralCampaign = newOne(providers.ReferralCampaignEdge, campaigns,
		func(r *providers.Referral) providers.ID { return r.CampaignID })
	referralCommissions = newMany(providers.ReferralCommissionsEdge, commissionLists,
		func(r *providers.Referral) providers.CommissionFilter {
			f := providers.CommissionFilter{Referrals: []providers.ID{r.ID}}
			f.Parent.Referral = r
			return f
		})

	commissionAffiliate = newOne(providers.CommissionAffiliateEdge, affiliates,
		func(c *providers.Commission) providers.ID { return c.AffiliateID })
	commissionCampaign = newOne(providers.CommissionCampaignEdge, campaigns,
		func(c *providers.Commission) providers.ID { return c.CampaignID })
	commissionReferral = newOne(providers.CommissionReferralEdge, referrals,
		func(c *providers.Commission) providers.ID { return c.ReferralID })
	commissionPayout = newOne(providers.CommissionPayoutEdge, payouts,
		func(c *providers.Commission) providers.ID { return c.PayoutID })

	payoutAffiliate = newOne(providers.PayoutAffiliateEdge, affiliates,
		func(p *providers.Payout) providers.ID { return p.AffiliateID })
	payoutCampaign = newOne(providers.PayoutCampaignEdge, campaigns,
		func(p *providers.Payout) providers.ID { return p.CampaignID })
	payoutCommissions = newMany(providers.PayoutCommissionsEdge, commissionLists,
		func(p *providers.Payout) providers.CommissionFilter {
			f := providers.CommissionFilter{Payouts: []providers.ID{p.ID}}
			f.Parent.Payout = p
			return f
		})

	couponAffiliate = newOne(providers.CouponAffiliateEdge, affiliates,
		func(c *providers.Coupon) providers.ID { return c.AffiliateID })
	couponCampaign = newOne(providers.CouponCampaignEdge, campaigns,
		func(c *providers.Coupon) providers.ID { return c.CampaignID })
)

// edges are all of them by field.
var edges = func() map[string]edge {
	m := map[string]edge{}
	for _, e := range []edge{
		affiliateCampaign, affiliateParent, affiliateChildren, affiliateCoupons, affiliateReferrals, affiliateCommissions, affiliatePayouts,
		membershipAffiliate, membershipCampaign,
		campaignMemberships, campaignReferrals, campaignCommissions,
		referralAffiliate, referralCampaign, referralCommissions,
		commissionAffiliate, commissionCampaign, commissionReferral, commissionPayout,
		payoutAffiliate, payoutCampaign, payoutCommissions,
		couponAffiliate, couponCampaign,
	} {
		m[e.name()] = e
	}
	return m
}()

func mainCampaign(a *providers.Affiliate) providers.ID {
	if len(a.Memberships) == 0 {
		return providers.ID{}
	}
	return a.Memberships[0].CampaignID
}
