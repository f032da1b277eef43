package resolvers

import "github.com/partnergraph/partnergraph/providers"

// The edges of the graph: each field that leads from one record to others, in the order of the schema. A
// resolver follows its edge; lists prefetch it; the planner knows their cost. What a vendor does to follow one stands in
// the vendor's folder.
var (
	affiliateCampaign = one[providers.Affiliate, providers.Campaign]{"Affiliate.campaign", campaigns, mainCampaign}
	affiliateParent   = one[providers.Affiliate, providers.Affiliate]{"Affiliate.parent", affiliates, func(a *providers.Affiliate) providers.ID { return a.ParentID }}
	affiliateChildren = many[providers.Affiliate, providers.Affiliate, providers.AffiliateFilter]{"Affiliate.children", affiliateLists,
		func(a *providers.Affiliate) providers.AffiliateFilter {
			return providers.AffiliateFilter{Parent: a.ID}
		}}
	affiliateCoupons = many[providers.Affiliate, providers.Coupon, providers.CouponFilter]{"Affiliate.coupons", couponLists,
		func(a *providers.Affiliate) providers.CouponFilter {
			return providers.CouponFilter{Affiliates: []providers.ID{a.ID}}
		}}
	affiliateReferrals = many[providers.Affiliate, providers.Referral, providers.ReferralFilter]{"Affiliate.referrals", referralLists,
		func(a *providers.Affiliate) providers.ReferralFilter {
			return providers.ReferralFilter{Affiliates: []providers.ID{a.ID}}
		}}
	affiliateCommissions = many[providers.Affiliate, providers.Commission, providers.CommissionFilter]{"Affiliate.commissions", commissionLists,
		func(a *providers.Affiliate) providers.CommissionFilter {
			f := providers.CommissionFilter{Affiliates: []providers.ID{a.ID}}
			f.Parent.Affiliate = a
			return f
		}}
	affiliatePayouts = many[providers.Affiliate, providers.Payout, providers.PayoutFilter]{"Affiliate.payouts", payoutLists,
		func(a *providers.Affiliate) providers.PayoutFilter {
			return providers.PayoutFilter{Affiliates: []providers.ID{a.ID}}
		}}

	membershipAffiliate = one[providers.Membership, providers.Affiliate]{"Membership.affiliate", affiliates, func(m *providers.Membership) providers.ID { return m.AffiliateID }}
	membershipCampaign  = one[providers.Membership, providers.Campaign]{"Membership.campaign", campaigns, func(m *providers.Membership) providers.ID { return m.CampaignID }}

	campaignMemberships = many[providers.Campaign, providers.Membership, providers.MembershipFilter]{"Campaign.memberships", membershipLists,
		func(c *providers.Campaign) providers.MembershipFilter {
			return providers.MembershipFilter{Campaigns: []providers.ID{c.ID}}
		}}
	campaignReferrals = many[providers.Campaign, providers.Referral, providers.ReferralFilter]{"Campaign.referrals", referralLists,
		func(c *providers.Campaign) providers.ReferralFilter {
			return providers.ReferralFilter{Campaigns: []providers.ID{c.ID}}
		}}
	campaignCommissions = many[providers.Campaign, providers.Commission, providers.CommissionFilter]{"Campaign.commissions", commissionLists,
		func(c *providers.Campaign) providers.CommissionFilter {
			return providers.CommissionFilter{Campaigns: []providers.ID{c.ID}}
		}}

	referralAffiliate   = one[providers.Referral, providers.Affiliate]{"Referral.affiliate", affiliates, func(r *providers.Referral) providers.ID { return r.AffiliateID }}
	referralCampaign    = one[providers.Referral, providers.Campaign]{"Referral.campaign", campaigns, func(r *providers.Referral) providers.ID { return r.CampaignID }}
	referralCommissions = many[providers.Referral, providers.Commission, providers.CommissionFilter]{"Referral.commissions", commissionLists,
		func(r *providers.Referral) providers.CommissionFilter {
			f := providers.CommissionFilter{Referrals: []providers.ID{r.ID}}
			f.Parent.Referral = r
			return f
		}}

	commissionAffiliate = one[providers.Commission, providers.Affiliate]{"Commission.affiliate", affiliates, func(c *providers.Commission) providers.ID { return c.AffiliateID }}
	commissionCampaign  = one[providers.Commission, providers.Campaign]{"Commission.campaign", campaigns, func(c *providers.Commission) providers.ID { return c.CampaignID }}
	commissionReferral  = one[providers.Commission, providers.Referral]{"Commission.referral", referrals, func(c *providers.Commission) providers.ID { return c.ReferralID }}
	commissionPayout    = one[providers.Commission, providers.Payout]{"Commission.payout", payouts, func(c *providers.Commission) providers.ID { return c.PayoutID }}

	payoutAffiliate   = one[providers.Payout, providers.Affiliate]{"Payout.affiliate", affiliates, func(p *providers.Payout) providers.ID { return p.AffiliateID }}
	payoutCampaign    = one[providers.Payout, providers.Campaign]{"Payout.campaign", campaigns, func(p *providers.Payout) providers.ID { return p.CampaignID }}
	payoutCommissions = many[providers.Payout, providers.Commission, providers.CommissionFilter]{"Payout.commissions", commissionLists,
		func(p *providers.Payout) providers.CommissionFilter {
			f := providers.CommissionFilter{Payouts: []providers.ID{p.ID}}
			f.Parent.Payout = p
			return f
		}}

	couponAffiliate = one[providers.Coupon, providers.Affiliate]{"Coupon.affiliate", affiliates, func(c *providers.Coupon) providers.ID { return c.AffiliateID }}
	couponCampaign  = one[providers.Coupon, providers.Campaign]{"Coupon.campaign", campaigns, func(c *providers.Coupon) providers.ID { return c.CampaignID }}
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
