package providers

import (
	"slices"
	"time"
)

// Referral is a customer, or an order, that an affiliate brought.
type Referral struct {
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
	return (len(f.Affiliates) == 0 || slices.Contains(f.Affiliates, r.AffiliateID)) &&
		(len(f.Campaigns) == 0 || slices.Contains(f.Campaigns, r.CampaignID)) &&
		(len(f.Statuses) == 0 || slices.Contains(f.Statuses, r.Status)) &&
		(len(f.Kinds) == 0 || slices.Contains(f.Kinds, r.Kind)) &&
		(f.Converted == nil || r.Converted != nil && *r.Converted == *f.Converted) &&
		(f.Email == "" || equalText(r.Email, f.Email)) &&
		(f.CustomerID == "" || equalText(r.CustomerID, f.CustomerID)) &&
		(f.OrderID == "" || equalText(r.OrderID, f.OrderID)) &&
		(f.Search == "" || containsText(r.Email, f.Search) || containsText(r.CustomerID, f.Search) || containsText(r.OrderNumber, f.Search)) &&
		f.CreatedAt.Contains(r.CreatedAt)
}
