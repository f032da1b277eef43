package providers

import (
	"slices"
	"time"

	"github.com/govalues/decimal"
)

// Commission is what an affiliate earned by one event. Its affiliate is its own: with tiers and
// splits it is not the one who brought the referral.
type Commission struct {
	Node
	Status             CommissionStatus
	ProviderStatus     *string
	Kind               CommissionKind
	SaleAmount         *Money // the sale it was earned on, in the account's currency
	OriginalSaleAmount *Money // the sale in the currency it was made in
	Amount             *Money // payable, adjustment included; nil when the reward is no money
	Adjustment         *Money // part of Amount, signed
	Reward             *Reward
	EarnedAt           *time.Time
	EventID            *string // the payment or event at the billing system
	Tier               *int64  // 1 is direct, 2 and up are parents' shares
	IsSelfReferral     *bool
	FraudCheck         *string // the vendor's word
	Note               *string // the affiliate may see it
	InternalNote       *string // for the merchant's eyes only
	OrderID            *string // the shop's id of the order
	AffiliateID        ID
	CampaignID         ID
	ReferralID         ID
	PayoutID           ID

	// PayoutUnknown says that this reading could not know the payout: a zero PayoutID then does not
	// mean that there is none.
	PayoutUnknown bool
}

// Reward is what is earned where it is no money: 500 points, 2 free months.
type Reward struct {
	Unit     string // the vendor's word: credits, points, free_months …
	Quantity decimal.Decimal
}

// CommissionStatus says where a commission stands.
type CommissionStatus string

// The states of a commission.
const (
	CommissionPending  CommissionStatus = "PENDING"
	CommissionApproved CommissionStatus = "APPROVED"
	CommissionDenied   CommissionStatus = "DENIED"
	CommissionPaid     CommissionStatus = "PAID"
	CommissionUnknown  CommissionStatus = "UNKNOWN"
)

// CommissionKind says what a commission was made for.
type CommissionKind string

// The kinds of commission.
const (
	CommissionSale        CommissionKind = "SALE"
	CommissionCustom      CommissionKind = "CUSTOM"
	CommissionRefund      CommissionKind = "REFUND"
	CommissionKindUnknown CommissionKind = "UNKNOWN"
)

// CommissionFilter narrows a list of commissions; see [AffiliateFilter] for the rules.
type CommissionFilter struct {
	Accounts   []ID // of these accounts; a provider is one account and does not look at it
	Affiliates []ID
	Campaigns  []ID
	Referrals  []ID
	Payouts    []ID
	Statuses   []CommissionStatus
	OrderID    string // exactly
	EventID    string // exactly
	CreatedAt  DateRange

	// Parent is the record whose edge is being followed, if one is: the affiliate, campaign,
	// referral or payout that the ids above name. It tells a planner what the caller knows of it
	// already (an e-mail, a date). Only one of these is set, if any.
	Parent struct {
		Affiliate *Affiliate
		Referral  *Referral
		Payout    *Payout
	}
}

// Match says whether a row passes the filter. A row that cannot tell its payout never passes a
// filter by payout.
func (f CommissionFilter) Match(c *Commission) bool {
	return (len(f.Affiliates) == 0 || slices.Contains(f.Affiliates, c.AffiliateID)) &&
		(len(f.Campaigns) == 0 || slices.Contains(f.Campaigns, c.CampaignID)) &&
		(len(f.Referrals) == 0 || slices.Contains(f.Referrals, c.ReferralID) || f.takesBack(c)) &&
		(len(f.Payouts) == 0 || slices.Contains(f.Payouts, c.PayoutID)) &&
		(len(f.Statuses) == 0 || slices.Contains(f.Statuses, c.Status)) &&
		(f.OrderID == "" || equalText(c.OrderID, f.OrderID)) &&
		(f.EventID == "" || equalText(c.EventID, f.EventID)) &&
		f.CreatedAt.Contains(c.CreatedAt)
}

// takesBack says whether a row is the refund of the order whose edge is being followed. Refunds of orders are referrals
// of their own, and yet belong to what was earned on the order.
func (f CommissionFilter) takesBack(c *Commission) bool {
	r := f.Parent.Referral
	return r != nil && r.Kind == ReferralOrder && r.Status != ReferralRefunded && r.OrderID != nil &&
		c.Kind == CommissionRefund && c.AffiliateID == r.AffiliateID && equalText(c.OrderID, *r.OrderID)
}
