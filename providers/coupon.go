package providers

import (
	"slices"
	"strings"
	"time"
)

// Coupon is a discount code whose use counts for an affiliate.
type Coupon struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

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
	v := f.judge(c)
	return v.passes()
}

// Unsure is the field by which nobody can tell whether a row passes the filter; "" where it
// does, or does not.
func (f CouponFilter) Unsure(c *Coupon) string {
	v := f.judge(c)
	return v.unsure()
}

func (f CouponFilter) judge(c *Coupon) (v verdict) {
	v.by(&c.Node, "affiliate", among(f.Affiliates, c.AffiliateID), !c.AffiliateID.IsZero())
	return v
}

// Join is the filter for what passes this filter or the other, which differs in the
// affiliates alone.
func (f CouponFilter) Join(other CouponFilter) CouponFilter {
	f.Affiliates = append(slices.Clone(other.Affiliates), f.Affiliates...)
	return f
}

// AssignCouponInput gives an affiliate a coupon code, whose use then counts for them.
type AssignCouponInput struct {
	IdempotencyKey string
	Affiliate      ID
	Code           string
	Description    *string
	Campaign       *ID     // in which it counts, where the vendor wants to know; nil: the only one
	RewardID       *string // the vendor's id of what customers get for it, where a new code needs one
}

// Mutation is ASSIGN_COUPON.
func (*AssignCouponInput) Mutation() Capability { return CanAssignCoupon }

// Key is the idempotency key.
func (c *AssignCouponInput) Key() string { return c.IdempotencyKey }

// Subject is the affiliate.
func (c *AssignCouponInput) Subject() (string, ID) { return "affiliate", c.Affiliate }

// Target is the code.
func (c *AssignCouponInput) Target() string { return "coupon " + strings.ToLower(c.Code) }

// Check checks the input.
func (c *AssignCouponInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounAffiliate)
	ch.code("code", &c.Code)
	ch.text("description", c.Description, maxText)
	ch.optionalID("campaign", c.Campaign, NounCampaign)
	ch.text("rewardId", c.RewardID, maxName)
	return ch.problems()
}
