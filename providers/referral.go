package providers

import (
	"time"
)

// Referral is a customer, or an order, that an affiliate brought.
type Referral struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

	Node
	Kind           ReferralKind
	Email          *string // the customer's
	Status         ReferralStatus
	ProviderStatus *string
	CustomerID     *string // the customer's id at the billing system or shop
	SignedUpAt     *time.Time
	ConvertedAt    *time.Time // the first sale; nil while there is none, or where the vendor does not say
	Converted      *bool      // whether there was a sale; nil where the vendor does not say
	Source         *string    // how the customer was tracked, in the vendor's words
	CouponCode     *string
	OrderID        *string // the shop's id of the order
	OrderNumber    *string // the number the customer knows
	AffiliateID    ID
	CampaignID     ID
}

// ReferralKind tells customers from orders.
type ReferralKind string

// The kinds of referral.
const (
	ReferralCustomer ReferralKind = "CUSTOMER"
	ReferralOrder    ReferralKind = "ORDER"
)

// ReferralStatus says where a referral stands.
type ReferralStatus string

// The states of a referral.
const (
	ReferralLead     ReferralStatus = "LEAD"
	ReferralTrialing ReferralStatus = "TRIALING"
	ReferralActive   ReferralStatus = "ACTIVE"
	ReferralPastDue  ReferralStatus = "PAST_DUE"
	ReferralCanceled ReferralStatus = "CANCELED"
	ReferralRefunded ReferralStatus = "REFUNDED"
	ReferralDenied   ReferralStatus = "DENIED"
	ReferralPending  ReferralStatus = "PENDING"
	ReferralMoved    ReferralStatus = "MOVED"
	ReferralUnknown  ReferralStatus = "UNKNOWN"
)

// DateRange is half open: from From (included) to To (left out). A zero end is open.
type DateRange struct{ From, To time.Time }

// IsZero says whether the range is open at both ends.
func (r DateRange) IsZero() bool { return r.From.IsZero() && r.To.IsZero() }

// Clamp is the range with the ends that it has moved between begin and end.
func (r DateRange) Clamp(begin, end time.Time) DateRange {
	for _, t := range []*time.Time{&r.From, &r.To} {
		switch {
		case t.IsZero():
		case t.Before(begin):
			*t = begin
		case t.After(end):
			*t = end
		}
	}
	return r
}

// Contains says whether t lies in the range. An unknown time lies in the open range only.
func (r DateRange) Contains(t *time.Time) bool {
	if r.IsZero() {
		return true
	}
	return t != nil && (r.From.IsZero() || !t.Before(r.From)) && (r.To.IsZero() || t.Before(r.To))
}

// ReferralFilter narrows a list of referrals; see [AffiliateFilter] for the rules.
type ReferralFilter struct {
	Accounts   []ID // of these accounts; a provider is one account and does not look at it
	Affiliates []ID
	Campaigns  []ID
	Statuses   []ReferralStatus
	Kinds      []ReferralKind
	Converted  *bool
	Email      string // the customer's, exactly
	CustomerID string // exactly
	OrderID    string // exactly
	Search     string // part of e-mail, customer id or order number
	CreatedAt  DateRange
}

// Match says whether a row passes the filter.
func (f ReferralFilter) Match(r *Referral) bool {
	v := f.judge(r)
	return v.passes()
}

// Unsure is the field by which nobody can tell whether a row passes the filter; "" where it
// does, or does not.
func (f ReferralFilter) Unsure(r *Referral) string {
	v := f.judge(r)
	return v.unsure()
}

func (f ReferralFilter) judge(r *Referral) (v verdict) {
	v.by(&r.Node, "affiliate", among(f.Affiliates, r.AffiliateID), !r.AffiliateID.IsZero())
	v.by(&r.Node, "campaign", among(f.Campaigns, r.CampaignID), !r.CampaignID.IsZero())
	v.state(&r.Node, among(f.Statuses, r.Status), r.Status != ReferralUnknown, r.ProviderStatus)
	v.by(&r.Node, "kind", among(f.Kinds, r.Kind), true)
	v.by(&r.Node, "converted", f.Converted == nil || r.Converted != nil && *r.Converted == *f.Converted, false)
	v.by(&r.Node, "email", f.Email == "" || r.Email != nil && EqualEmail(*r.Email, f.Email), r.Email != nil)
	v.by(&r.Node, "customerId", f.CustomerID == "" || equalText(r.CustomerID, f.CustomerID), r.CustomerID != nil)
	v.by(&r.Node, "orderId", f.OrderID == "" || equalText(r.OrderID, f.OrderID), r.OrderID != nil)
	if f.Search != "" {
		found := containsText(r.Email, f.Search) || containsText(r.CustomerID, f.Search) || containsText(r.OrderNumber, f.Search)
		v.anyOf(&r.Node, found, "email", "customerId", "orderNumber")
	}
	v.always("createdAt", f.CreatedAt.Contains(r.CreatedAt), r.CreatedAt != nil)
	return v
}

// CreateReferralInput makes a customer, or an order, an affiliate's.
type CreateReferralInput struct {
	IdempotencyKey string
	Affiliate      ID
	Campaign       *ID // in which it counts; nil: the affiliate's only one
	Email          *string
	CustomerID     *string
	OrderID        *string
	Status         *ReferralStatus // of a customer whom the billing system knows already
}

// Mutation is CREATE_REFERRAL.
func (*CreateReferralInput) Mutation() Capability { return CanCreateReferral }

// Key is the idempotency key.
func (c *CreateReferralInput) Key() string { return c.IdempotencyKey }

// Subject is the affiliate.
func (c *CreateReferralInput) Subject() (string, ID) { return "affiliate", c.Affiliate }

// Target is who or what is referred.
func (c *CreateReferralInput) Target() string {
	switch {
	case c.OrderID != nil:
		return "order " + *c.OrderID
	case c.Email != nil:
		return "customer " + FoldEmail(*c.Email)
	case c.CustomerID != nil:
		return "customer id " + *c.CustomerID
	}
	return ""
}

// Check checks the input.
func (c *CreateReferralInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounAffiliate)
	ch.optionalID("campaign", c.Campaign, NounCampaign)
	ch.email("email", c.Email)
	ch.text("customerId", c.CustomerID, maxName)
	ch.text("orderId", c.OrderID, maxName)
	if c.Email == nil && c.CustomerID == nil && c.OrderID == nil {
		ch.add("", "has to name a customer by email or customerId, or an order by orderId")
	}
	return ch.problems()
}

// UpdateReferralInput changes how a customer is known. What is nil stays as it is.
type UpdateReferralInput struct {
	IdempotencyKey string
	ID             ID
	Email          *string
	CustomerID     *string
}

// Mutation is UPDATE_REFERRAL.
func (*UpdateReferralInput) Mutation() Capability { return CanUpdateReferral }

// Key is the idempotency key.
func (c *UpdateReferralInput) Key() string { return c.IdempotencyKey }

// Subject is the referral.
func (c *UpdateReferralInput) Subject() (string, ID) { return "id", c.ID }

// Target is the referral.
func (c *UpdateReferralInput) Target() string { return c.ID.String() }

// Check checks the input.
func (c *UpdateReferralInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounReferral)
	ch.email("email", c.Email)
	ch.text("customerId", c.CustomerID, maxName)
	ch.some(c.Email != nil, c.CustomerID != nil)
	return ch.problems()
}

// MoveReferralInput gives a customer to another affiliate.
type MoveReferralInput struct {
	IdempotencyKey  string
	ID              ID
	Affiliate       ID
	Campaign        *ID   // of the other affiliate; nil: the only one
	MoveCommissions *bool // with what was earned so far; nil: as the vendor does it
}

// Mutation is MOVE_REFERRAL.
func (*MoveReferralInput) Mutation() Capability { return CanMoveReferral }

// Key is the idempotency key.
func (c *MoveReferralInput) Key() string { return c.IdempotencyKey }

// Subject is the referral.
func (c *MoveReferralInput) Subject() (string, ID) { return "id", c.ID }

// Target is the referral.
func (c *MoveReferralInput) Target() string { return c.ID.String() }

// Check checks the input.
func (c *MoveReferralInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounReferral)
	ch.id("affiliate", c.Affiliate, NounAffiliate)
	ch.optionalID("campaign", c.Campaign, NounCampaign)
	return ch.problems()
}

// ReferralDecision is what can be decided of a referral.
type ReferralDecision string

// The decisions.
const (
	ReferralApprove ReferralDecision = "APPROVE" // it was pending, and counts
	ReferralDisable ReferralDecision = "DISABLE" // it counts no more
	ReferralEnable  ReferralDecision = "ENABLE"  // it counts again
)

// SetReferralStatusInput decides whether a referral counts.
type SetReferralStatusInput struct {
	IdempotencyKey string
	ID             ID
	Decision       ReferralDecision
}

// Mutation is SET_REFERRAL_STATUS.
func (*SetReferralStatusInput) Mutation() Capability { return CanSetReferralStatus }

// Key is the idempotency key.
func (c *SetReferralStatusInput) Key() string { return c.IdempotencyKey }

// Subject is the referral.
func (c *SetReferralStatusInput) Subject() (string, ID) { return "id", c.ID }

// Target is the referral.
func (c *SetReferralStatusInput) Target() string { return c.ID.String() }

// Check checks the input.
func (c *SetReferralStatusInput) Check(currency string, now time.Time) Problems {
	return check(c, currency, now, NounReferral).problems()
}
