package providers

import (
	"slices"
	"time"

	"github.com/govalues/decimal"
)

// Commission is what an affiliate earned by one event. Its affiliate is its own: with tiers and
// splits it is not the one who brought the referral.
type Commission struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

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

	// OthersSale says that it was, or may have been, earned on a sale to the customer of
	// another affiliate, who is not to be known by it: with tiers and splits.
	OthersSale bool

	// PayoutUnknown says that this reading could not know the payout: a zero PayoutID then
	// does not mean that there is none.
	PayoutUnknown bool
}

// Reward is what is earned where it is no money: 500 points, 2 free months.
type Reward struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

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
	v := f.judge(c)
	return v.passes()
}

// Unsure is the field by which nobody can tell whether a row passes the filter; "" where it
// does, or does not.
func (f CommissionFilter) Unsure(c *Commission) string {
	v := f.judge(c)
	return v.unsure()
}

func (f CommissionFilter) judge(c *Commission) (v verdict) {
	v.by(&c.Node, "affiliate", among(f.Affiliates, c.AffiliateID), !c.AffiliateID.IsZero())
	v.by(&c.Node, "campaign", among(f.Campaigns, c.CampaignID), !c.CampaignID.IsZero())
	v.by(&c.Node, "referral", f.ofReferrals(c) || f.takesBack(c), !c.ReferralID.IsZero())
	v.by(&c.Node, "payout", among(f.Payouts, c.PayoutID), !c.PayoutID.IsZero())
	v.state(&c.Node, among(f.Statuses, c.Status), c.Status != CommissionUnknown, c.ProviderStatus)
	v.by(&c.Node, "orderId", f.OrderID == "" || equalText(c.OrderID, f.OrderID), c.OrderID != nil)
	v.by(&c.Node, "eventId", f.EventID == "" || equalText(c.EventID, f.EventID), c.EventID != nil)
	v.always("createdAt", f.CreatedAt.Contains(c.CreatedAt), c.CreatedAt != nil)
	return v
}

// ofReferrals says whether a row is a commission of one of the referrals, whoever these
// belong to by now.
func (f CommissionFilter) ofReferrals(c *Commission) bool {
	return f.Referrals == nil || slices.ContainsFunc(f.Referrals, func(id ID) bool { return id.Record() == c.ReferralID.Record() })
}

// takesBack says whether a row is the refund of the order whose edge is being followed.
// Refunds of orders are referrals of their own, and yet belong to what was earned on the
// order.
func (f CommissionFilter) takesBack(c *Commission) bool {
	r := f.Parent.Referral
	return r != nil && r.Kind == ReferralOrder && r.Status != ReferralRefunded && r.OrderID != nil &&
		c.Kind == CommissionRefund && c.AffiliateID == r.AffiliateID && equalText(c.OrderID, *r.OrderID)
}

// SaleCommissionInput is a commission for a sale to a referred customer.
type SaleCommissionInput struct {
	Referral   ID
	SaleAmount Money  // of the sale
	Amount     *Money // of the commission; nil: worked out by the vendor
}

// CustomCommissionInput is a commission that no sale is known of.
type CustomCommissionInput struct {
	Affiliate  ID
	Campaign   *ID // in which it counts; nil: the affiliate's only one
	Amount     Money
	SaleAmount *Money // only said, nothing is worked out by it
}

// CreateCommissionInput makes a commission: of a sale, or custom; one of the two.
type CreateCommissionInput struct {
	IdempotencyKey string
	Commission     NewCommissionInput
	EarnedAt       *time.Time
	// EventID is the payment or event at the billing system. With one, the outcome can be proven
	// where the vendor lets it be searched for.
	EventID      *string
	Note         *string // the affiliate may see it
	InternalNote *string
	Notify       *bool // the vendor writes to the affiliate
}

// NewCommissionInput is one of the two.
type NewCommissionInput struct {
	Sale   *SaleCommissionInput
	Custom *CustomCommissionInput
}

// Mutation is CREATE_COMMISSION.
func (*CreateCommissionInput) Mutation() Capability { return CanCreateCommission }

// Key is the idempotency key.
func (c *CreateCommissionInput) Key() string { return c.IdempotencyKey }

// Subject is the referral, or the affiliate.
func (c *CreateCommissionInput) Subject() (string, ID) {
	switch {
	case c.Commission.Sale != nil:
		return "commission.sale.referral", c.Commission.Sale.Referral
	case c.Commission.Custom != nil:
		return "commission.custom.affiliate", c.Commission.Custom.Affiliate
	}
	return "commission", ID{}
}

// Target is the referral, or the affiliate.
func (c *CreateCommissionInput) Target() string {
	_, id := c.Subject()
	return id.String()
}

// Check checks the input.
func (c *CreateCommissionInput) Check(currency string, now time.Time) Problems {
	sale, custom := c.Commission.Sale, c.Commission.Custom
	if (sale == nil) == (custom == nil) {
		return Problemf(ProblemInvalid, "commission", "has to be either sale or custom")
	}
	var ch *checks
	if sale != nil {
		ch = check(c, currency, now, NounReferral)
		ch.money("commission.sale.saleAmount", &sale.SaleAmount, 1)
		ch.money("commission.sale.amount", sale.Amount, 1)
	} else {
		ch = check(c, currency, now, NounAffiliate)
		ch.optionalID("commission.custom.campaign", custom.Campaign, NounCampaign)
		ch.money("commission.custom.amount", &custom.Amount, 1)
		ch.money("commission.custom.saleAmount", custom.SaleAmount, 1)
	}
	ch.past("earnedAt", c.EarnedAt)
	ch.text("eventId", c.EventID, maxName)
	ch.text("note", c.Note, maxText)
	ch.text("internalNote", c.InternalNote, maxText)
	return ch.problems()
}

// UpdateCommissionInput changes the notes on a commission. What is nil stays as it is.
type UpdateCommissionInput struct {
	IdempotencyKey string
	ID             ID
	Note           *string
	InternalNote   *string
}

// Mutation is UPDATE_COMMISSION.
func (*UpdateCommissionInput) Mutation() Capability { return CanUpdateCommission }

// Key is the idempotency key.
func (c *UpdateCommissionInput) Key() string { return c.IdempotencyKey }

// Subject is the commission.
func (c *UpdateCommissionInput) Subject() (string, ID) { return "id", c.ID }

// Target is the commission.
func (c *UpdateCommissionInput) Target() string { return c.ID.String() }

// Check checks the input.
func (c *UpdateCommissionInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounCommission)
	ch.text("note", c.Note, maxText)
	ch.text("internalNote", c.InternalNote, maxText)
	ch.some(c.Note != nil, c.InternalNote != nil)
	return ch.problems()
}

// SetCommissionStatusInput approves or denies a commission.
type SetCommissionStatusInput struct {
	IdempotencyKey string
	ID             ID
	Status         CommissionStatus // APPROVED or DENIED
}

// Mutation is SET_COMMISSION_STATUS.
func (*SetCommissionStatusInput) Mutation() Capability { return CanSetCommissionStatus }

// Key is the idempotency key.
func (c *SetCommissionStatusInput) Key() string { return c.IdempotencyKey }

// Subject is the commission.
func (c *SetCommissionStatusInput) Subject() (string, ID) { return "id", c.ID }

// Target is the commission.
func (c *SetCommissionStatusInput) Target() string { return c.ID.String() }

// Check checks the input.
func (c *SetCommissionStatusInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounCommission)
	if c.Status != CommissionApproved && c.Status != CommissionDenied {
		ch.add("status", "has to be APPROVED or DENIED")
	}
	return ch.problems()
}

// AdjustCommissionInput raises or lowers what a commission pays.
type AdjustCommissionInput struct {
	IdempotencyKey string
	ID             ID
	Amount         Money // signed, not 0: what is added
	Note           *string
}

// Mutation is ADJUST_COMMISSION.
func (*AdjustCommissionInput) Mutation() Capability { return CanAdjustCommission }

// Key is the idempotency key.
func (c *AdjustCommissionInput) Key() string { return c.IdempotencyKey }

// Subject is the commission.
func (c *AdjustCommissionInput) Subject() (string, ID) { return "id", c.ID }

// Target is the commission.
func (c *AdjustCommissionInput) Target() string { return c.ID.String() }

// Check checks the input.
func (c *AdjustCommissionInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounCommission)
	ch.money("amount", &c.Amount, 0)
	ch.text("note", c.Note, maxText)
	return ch.problems()
}
