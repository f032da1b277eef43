package providers

// Edge is a way from records to others, as the schema has it: a field with its type, or the
// field of Query that reads records by their ids. What it costs to follow one is the
// vendor's to say: see [Provider.Calls].
type Edge uint8

// The edges. Those to a list of Query stand for what completes the rows of that list.
const (
	noEdge Edge = iota
	QueryAffiliateEdge
	QueryCampaignEdge
	QueryCommissionEdge
	QueryCommissionsEdge
	QueryCouponEdge
	QueryMembershipEdge
	QueryPayoutEdge
	QueryPayoutsEdge
	QueryReferralEdge
	QueryReferralsEdge
	QueryWebhookSubscriptionEdge

	AffiliateCampaignEdge
	AffiliateChildrenEdge
	AffiliateCommissionsEdge
	AffiliateCouponsEdge
	AffiliateParentEdge
	AffiliatePayoutsEdge
	AffiliateReferralsEdge

	MembershipAffiliateEdge
	MembershipCampaignEdge

	CampaignCommissionsEdge
	CampaignMembershipsEdge
	CampaignReferralsEdge

	ReferralAffiliateEdge
	ReferralCampaignEdge
	ReferralCommissionsEdge

	CommissionAffiliateEdge
	CommissionCampaignEdge
	CommissionPayoutEdge
	CommissionReferralEdge

	PayoutAffiliateEdge
	PayoutCampaignEdge
	PayoutCommissionsEdge

	CouponAffiliateEdge
	CouponCampaignEdge

	edgeCount
)

// edgeNames are the fields of the schema.
var edgeNames = [edgeCount]string{
	QueryAffiliateEdge:           "Query.affiliate",
	QueryCampaignEdge:            "Query.campaign",
	QueryCommissionEdge:          "Query.commission",
	QueryCommissionsEdge:         "Query.commissions",
	QueryCouponEdge:              "Query.coupon",
	QueryMembershipEdge:          "Query.membership",
	QueryPayoutEdge:              "Query.payout",
	QueryPayoutsEdge:             "Query.payouts",
	QueryReferralEdge:            "Query.referral",
	QueryReferralsEdge:           "Query.referrals",
	QueryWebhookSubscriptionEdge: "Query.webhookSubscription",
	AffiliateCampaignEdge:        "Affiliate.campaign",
	AffiliateChildrenEdge:        "Affiliate.children",
	AffiliateCommissionsEdge:     "Affiliate.commissions",
	AffiliateCouponsEdge:         "Affiliate.coupons",
	AffiliateParentEdge:          "Affiliate.parent",
	AffiliatePayoutsEdge:         "Affiliate.payouts",
	AffiliateReferralsEdge:       "Affiliate.referrals",
	MembershipAffiliateEdge:      "Membership.affiliate",
	MembershipCampaignEdge:       "Membership.campaign",
	CampaignCommissionsEdge:      "Campaign.commissions",
	CampaignMembershipsEdge:      "Campaign.memberships",
	CampaignReferralsEdge:        "Campaign.referrals",
	ReferralAffiliateEdge:        "Referral.affiliate",
	ReferralCampaignEdge:         "Referral.campaign",
	ReferralCommissionsEdge:      "Referral.commissions",
	CommissionAffiliateEdge:      "Commission.affiliate",
	CommissionCampaignEdge:       "Commission.campaign",
	CommissionPayoutEdge:         "Commission.payout",
	CommissionReferralEdge:       "Commission.referral",
	PayoutAffiliateEdge:          "Payout.affiliate",
	PayoutCampaignEdge:           "Payout.campaign",
	PayoutCommissionsEdge:        "Payout.commissions",
	CouponAffiliateEdge:          "Coupon.affiliate",
	CouponCampaignEdge:           "Coupon.campaign",
}

var edgesByName = func() map[string]Edge {
	m := make(map[string]Edge, edgeCount)
	for e := noEdge + 1; e < edgeCount; e++ {
		m[edgeNames[e]] = e
	}
	return m
}()

// EdgeNamed is the edge of this name, "Commission.affiliate" or "Query.affiliate"; the zero
// Edge, which costs nothing, where there is none.
func EdgeNamed(name string) Edge { return edgesByName[name] }

// Edges are all edges.
func Edges() (all []Edge) {
	for e := noEdge + 1; e < edgeCount; e++ {
		all = append(all, e)
	}
	return all
}

// String is the name.
func (e Edge) String() string {
	if e >= edgeCount {
		return ""
	}
	return edgeNames[e]
}
