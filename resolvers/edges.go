package resolvers

import "github.com/partnergraph/partnergraph/providers"

// The edges of the graph: each field that leads from one record to others, in the order of
// the schema. A resolver follows its edge; lists prefetch it; the planner knows their cost.
// What a vendor does to follow one stands in the vendor's folder.
var (
	affiliateCampaign = one[providers.Affiliate, providers.Campaign]{providers.AffiliateCampaignEdge, campaigns, mainCampaign}
	affiliateParent   = one[providers.Affiliate, providers.Affiliate]{
		providers.AffiliateParentEdge,
		affiliates,
		func(a *providers.Affiliate) providers.ID { return a.ParentID },
	}
	affiliateChildren = many[providers.Affiliate, providers.Affiliate, providers.AffiliateFilter]{
		providers.AffiliateChildrenEdge,
		affiliateLists,
		func(a *providers.Affiliate) providers.AffiliateFilter {
			return providers.AffiliateFilter{Parent: a.ID}
		},
	}
	affiliateCoupons = many[providers.Affiliate, providers.Coupon, providers.CouponFilter]{providers.AffiliateCouponsEdge, couponLists,
		func(a *providers.Affiliate) providers.CouponFilter {
			return providers.CouponFilter{Affiliates: []providers.ID{a.ID}}
		}}
	affiliateReferrals = many[providers.Affiliate, providers.Referral, providers.ReferralFilter]{
		providers.AffiliateReferralsEdge,
		referralLists,
		func(a *providers.Affiliate) providers.ReferralFilter {
			return providers.ReferralFilter{Affiliates: []providers.ID{a.ID}}
		},
	}
	affiliateCommissions = many[providers.Affiliate, providers.Commission, providers.CommissionFilter]{
		providers.AffiliateCommissionsEdge,
		commissionLists,
		func(a *providers.Affiliate) providers.CommissionFilter {
			f := providers.CommissionFilter{Affiliates: []providers.ID{a.ID}}
			f.Parent.Affiliate = a
			return f
		},
	}
	affiliatePayouts = many[providers.Affiliate, providers.Payout, providers.PayoutFilter]{providers.AffiliatePayoutsEdge, payoutLists,
		func(a *providers.Affiliate) providers.PayoutFilter {
			return providers.PayoutFilter{Affiliates: []providers.ID{a.ID}}
		}}

	membershipAffiliate = one[providers.Membership, providers.Affiliate]{
		providers.MembershipAffiliateEdge,
		affiliates,
		func(m *providers.Membership) providers.ID { return m.AffiliateID },
	}
	membershipCampaign = one[providers.Membership, providers.Campaign]{
		providers.MembershipCampaignEdge,
		campaigns,
		func(m *providers.Membership) providers.ID { return m.CampaignID },
	}

	campaignMemberships = many[providers.Campaign, providers.Membership, providers.MembershipFilter]{
		providers.CampaignMembershipsEdge,
		membershipLists,
		func(c *providers.Campaign) providers.MembershipFilter {
			return providers.MembershipFilter{Campaigns: []providers.ID{c.ID}}
		},
	}
	campaignReferrals = many[providers.Campaign, providers.Referral, providers.ReferralFilter]{
		providers.CampaignReferralsEdge,
		referralLists,
		func(c *providers.Campaign) providers.ReferralFilter {
			return providers.ReferralFilter{Campaigns: []providers.ID{c.ID}}
		},
	}
	campaignCommissions = many[providers.Campaign, providers.Commission, providers.CommissionFilter]{
		providers.CampaignCommissionsEdge,
		commissionLists,
		func(c *providers.Campaign) providers.CommissionFilter {
			return providers.CommissionFilter{Campaigns: []providers.ID{c.ID}}
		},
	}

	referralAffiliate = one[providers.Referral, providers.Affiliate]{
		providers.ReferralAffiliateEdge,
		affiliates,
		func(r *providers.Referral) providers.ID { return r.AffiliateID },
	}
	referralCampaign = one[providers.Referral, providers.Campaign]{
		providers.ReferralCampaignEdge,
		campaigns,
		func(r *providers.Referral) providers.ID { return r.CampaignID },
	}
	referralCommissions = many[providers.Referral, providers.Commission, providers.CommissionFilter]{
		providers.ReferralCommissionsEdge,
		commissionLists,
		func(r *providers.Referral) providers.CommissionFilter {
			f := providers.CommissionFilter{Referrals: []providers.ID{r.ID}}
			f.Parent.Referral = r
			return f
		},
	}

	commissionAffiliate = one[providers.Commission, providers.Affiliate]{
		providers.CommissionAffiliateEdge,
		affiliates,
		func(c *providers.Commission) providers.ID { return c.AffiliateID },
	}
	commissionCampaign = one[providers.Commission, providers.Campaign]{
		providers.CommissionCampaignEdge,
		campaigns,
		func(c *providers.Commission) providers.ID { return c.CampaignID },
	}
	commissionReferral = one[providers.Commission, providers.Referral]{
		providers.CommissionReferralEdge,
		referrals,
		func(c *providers.Commission) providers.ID { return c.ReferralID },
	}
	commissionPayout = one[providers.Commission, providers.Payout]{
		providers.CommissionPayoutEdge,
		payouts,
		func(c *providers.Commission) providers.ID { return c.PayoutID },
	}

	payoutAffiliate = one[providers.Payout, providers.Affiliate]{
		providers.PayoutAffiliateEdge,
		affiliates,
		func(p *providers.Payout) providers.ID { return p.AffiliateID },
	}
	payoutCampaign = one[providers.Payout, providers.Campaign]{
		providers.PayoutCampaignEdge,
		campaigns,
		func(p *providers.Payout) providers.ID { return p.CampaignID },
	}
	payoutCommissions = many[providers.Payout, providers.Commission, providers.CommissionFilter]{
		providers.PayoutCommissionsEdge,
		commissionLists,
		func(p *providers.Payout) providers.CommissionFilter {
			f := providers.CommissionFilter{Payouts: []providers.ID{p.ID}}
			f.Parent.Payout = p
			return f
		},
	}

	couponAffiliate = one[providers.Coupon, providers.Affiliate]{
		providers.CouponAffiliateEdge,
		affiliates,
		func(c *providers.Coupon) providers.ID { return c.AffiliateID },
	}
	couponCampaign = one[providers.Coupon, providers.Campaign]{
		providers.CouponCampaignEdge,
		campaigns,
		func(c *providers.Coupon) providers.ID { return c.CampaignID },
	}
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
