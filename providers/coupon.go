package providers

import "slices"

// Coupon is a discount code whose use counts for an affiliate.
type Coupon struct {
	Node
	Code        string
	Description *string
	AffiliateID ID
	CampaignID  ID
}

// CouponFilter narrows a list of coupons; see [AffiliateFilter] for the rules.
type CouponFilter struct {
	Accounts   []ID // of these accounts; a provider is one account and does not look at it
	Affiliates []ID
}

// Match says whether a row passes the filter.
func (f CouponFilter) Match(c *Coupon) bool {
	return len(f.Affiliates) == 0 || slices.Contains(f.Affiliates, c.AffiliateID)
}
