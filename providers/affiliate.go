package providers

import (
	"slices"
	"strings"
	"time"
)

// Affiliate is someone who brings customers and earns commissions for it.
//
// Strings that are nil are unknown or not set at the vendor; a vendor's "" is read as nil.
type Affiliate struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

	Node
	Email          *string
	FirstName      *string
	LastName       *string
	Name           *string // the full name, made from first and last where the vendor has no field for it
	Status         AffiliateStatus
	ProviderStatus *string // the vendor's own word or words
	PayoutEmail    *string
	Links          []Link
	Clicks         *int64
	Balances       []Balance // the vendor's own figures; nil where it keeps none
	Note           *string   // what the affiliate said of themselves, or what they may see
	InternalNote   *string   // for the merchant's eyes only

	// Memberships are the campaigns that the affiliate takes part in, the main one first. Every
	// vendor sends them with the affiliate. They are also part of the Harvest.
	Memberships []*Membership

	// Coupons are those that came with the affiliate; nil where the vendor does not send
	// them along.
	Coupons []*Coupon

	// ParentID is the affiliate above this one; zero for none. Known only where Known
	// covers "parent".
	ParentID ID
}

// Link is an address that the affiliate shares. Never build one: the parameter's name varies.
type Link struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

	URL  string
	Code *string // the affiliate's code in it
}

// Balance is one figure that the vendor keeps of an affiliate's earnings.
type Balance struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

	Status BalanceStatus
	Amount *Money  // nil when the balance is no money
	Reward *Reward // nil when it is money
}

// BalanceStatus says what a balance counts.
type BalanceStatus string

// The kinds of balance.
const (
	BalancePending  BalanceStatus = "PENDING"  // earned, not yet approved
	BalanceApproved BalanceStatus = "APPROVED" // approved and not yet paid
	BalancePaid     BalanceStatus = "PAID"     // paid out so far
	BalanceDenied   BalanceStatus = "DENIED"   // refused
	BalanceCurrent  BalanceStatus = "CURRENT"  // owed now
	BalanceEarned   BalanceStatus = "EARNED"   // earned so far, paid or not
	BalanceUnknown  BalanceStatus = "UNKNOWN"  // a figure the vendor added since
)

// AffiliateStatus is an affiliate's state over all campaigns.
type AffiliateStatus string

// The states of an affiliate.
const (
	AffiliateActive   AffiliateStatus = "ACTIVE"
	AffiliatePending  AffiliateStatus = "PENDING"
	AffiliateInactive AffiliateStatus = "INACTIVE"
	AffiliateRejected AffiliateStatus = "REJECTED"
	AffiliateBanned   AffiliateStatus = "BANNED"
	AffiliateArchived AffiliateStatus = "ARCHIVED"
	AffiliateUnknown  AffiliateStatus = "UNKNOWN"
)

// AffiliateFilter narrows a list of affiliates. Its conditions are joined by "and", the values of
// one condition by "or". A nil list, an empty text and a zero id are no condition; an empty list
// that is not nil matches nothing (see [MatchesNothing]). Texts match without regard to case.
type AffiliateFilter struct {
	Accounts  []ID // of these accounts; a provider is one account and does not look at it
	Campaigns []ID // members of any of these
	Statuses  []AffiliateStatus
	Email     string // exactly
	RefCode   string // exactly, the code of a link
	PromoCode string // exactly, a coupon code
	Search    string // part of e-mail, name or a code
	Parent    ID     // below this one
}

// Match says whether a row passes the filter.
func (f AffiliateFilter) Match(a *Affiliate) bool {
	v := f.judge(a)
	return v.passes()
}

// Unsure is the field by which nobody can tell whether a row passes the filter; "" where it
// does, or does not.
func (f AffiliateFilter) Unsure(a *Affiliate) string {
	v := f.judge(a)
	return v.unsure()
}

func (f AffiliateFilter) judge(a *Affiliate) (v verdict) {
	inCampaign := func(m *Membership) bool { return among(f.Campaigns, m.CampaignID) }
	v.by(&a.Node, "memberships", f.Campaigns == nil || slices.ContainsFunc(a.Memberships, inCampaign), false)
	v.state(&a.Node, among(f.Statuses, a.Status), a.Status != AffiliateUnknown, a.ProviderStatus)
	v.by(&a.Node, "email", f.Email == "" || a.Email != nil && EqualEmail(*a.Email, f.Email), a.Email != nil)
	if f.RefCode != "" {
		v.anyOf(&a.Node, a.hasCode(f.RefCode, false), "links", "memberships")
	}
	if f.PromoCode != "" {
		v.anyOf(&a.Node, a.hasCode(f.PromoCode, true), "coupons", "memberships")
	}
	if f.Search != "" {
		v.anyOf(&a.Node, a.contains(f.Search), "email", "name", "links", "coupons")
	}
	v.by(&a.Node, "parent", f.Parent.IsZero() || a.ParentID == f.Parent, !a.ParentID.IsZero())
	return v
}

func (a *Affiliate) hasCode(code string, coupon bool) bool {
	if coupon {
		return slices.ContainsFunc(a.Coupons, func(c *Coupon) bool { return strings.EqualFold(c.Code, code) }) ||
			slices.ContainsFunc(a.Memberships, func(m *Membership) bool { return equalText(m.Coupon, code) })
	}
	return slices.ContainsFunc(a.Links, func(l Link) bool { return equalText(l.Code, code) }) ||
		slices.ContainsFunc(a.Memberships, func(m *Membership) bool { return equalText(m.RefCode, code) })
}

func (a *Affiliate) contains(part string) bool {
	return containsText(a.Email, part) || containsText(a.Name, part) ||
		slices.ContainsFunc(a.Links, func(l Link) bool { return containsText(l.Code, part) }) ||
		slices.ContainsFunc(a.Coupons, func(c *Coupon) bool { return containsText(&c.Code, part) })
}

func equalText(s *string, want string) bool { return s != nil && strings.EqualFold(*s, want) }

func containsText(s *string, part string) bool {
	return s != nil && strings.Contains(strings.ToLower(*s), strings.ToLower(part))
}

// CreateAffiliateInput makes an affiliate. What is nil is left to the vendor.
type CreateAffiliateInput struct {
	IdempotencyKey string
	Account        ID
	Email          string
	FirstName      *string
	LastName       *string
	PayoutEmail    *string
	Campaign       *ID // nil: the account's default campaign
	RefCode        *string
	CouponCode     *string
	Approved       *bool // may promote at once; nil: as the vendor does it
	Note           *string
	SendEmail      *bool // the vendor welcomes the affiliate
}

// Mutation is CREATE_AFFILIATE.
func (*CreateAffiliateInput) Mutation() Capability { return CanCreateAffiliate }

// Key is the idempotency key.
func (c *CreateAffiliateInput) Key() string { return c.IdempotencyKey }

// Subject is the account.
func (c *CreateAffiliateInput) Subject() (string, ID) { return "account", c.Account }

// Target is the address.
func (c *CreateAffiliateInput) Target() string { return "email " + FoldEmail(c.Email) }

// Check checks the input.
func (c *CreateAffiliateInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounAccount)
	ch.email("email", &c.Email)
	ch.text("firstName", c.FirstName, maxName)
	ch.text("lastName", c.LastName, maxName)
	ch.email("payoutEmail", c.PayoutEmail)
	ch.optionalID("campaign", c.Campaign, NounCampaign)
	ch.code("refCode", c.RefCode)
	ch.code("couponCode", c.CouponCode)
	ch.text("note", c.Note, maxText)
	return ch.problems()
}

// UpdateAffiliateInput changes what an affiliate is called and where they are reached. What
// is nil stays as it is.
type UpdateAffiliateInput struct {
	IdempotencyKey string
	ID             ID
	Email          *string
	FirstName      *string
	LastName       *string
	PayoutEmail    *string
	Note           *string
	NotifyOnSale   *bool // the vendor writes to the affiliate when they earned something
}

// Mutation is UPDATE_AFFILIATE.
func (*UpdateAffiliateInput) Mutation() Capability { return CanUpdateAffiliate }

// Key is the idempotency key.
func (c *UpdateAffiliateInput) Key() string { return c.IdempotencyKey }

// Subject is the affiliate.
func (c *UpdateAffiliateInput) Subject() (string, ID) { return "id", c.ID }

// Target is the affiliate.
func (c *UpdateAffiliateInput) Target() string { return c.ID.String() }

// Check checks the input.
func (c *UpdateAffiliateInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounAffiliate)
	ch.email("email", c.Email)
	ch.text("firstName", c.FirstName, maxName)
	ch.text("lastName", c.LastName, maxName)
	ch.email("payoutEmail", c.PayoutEmail)
	ch.text("note", c.Note, maxText)
	ch.some(c.Email != nil, c.FirstName != nil, c.LastName != nil, c.PayoutEmail != nil, c.Note != nil, c.NotifyOnSale != nil)
	return ch.problems()
}

// SetAffiliateStatusInput approves, refuses, bans, archives an affiliate, or takes that back.
type SetAffiliateStatusInput struct {
	IdempotencyKey string
	ID             ID
	Status         AffiliateStatus
	Campaign       *ID // in which the status is meant, where the vendor has one for each; nil: the only one
}

// Mutation is SET_AFFILIATE_STATUS.
func (*SetAffiliateStatusInput) Mutation() Capability { return CanSetAffiliateStatus }

// Key is the idempotency key.
func (c *SetAffiliateStatusInput) Key() string { return c.IdempotencyKey }

// Subject is the affiliate.
func (c *SetAffiliateStatusInput) Subject() (string, ID) { return "id", c.ID }

// Target is the affiliate.
func (c *SetAffiliateStatusInput) Target() string { return c.ID.String() }

// Check checks the input.
func (c *SetAffiliateStatusInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounAffiliate)
	ch.optionalID("campaign", c.Campaign, NounCampaign)
	return ch.problems()
}

// MoveAffiliateInput takes an affiliate from one campaign into another.
type MoveAffiliateInput struct {
	IdempotencyKey string
	ID             ID
	FromCampaign   *ID // nil: the only one
	ToCampaign     ID
	MoveReferrals  *bool // the customers brought so far earn by the new terms; nil: as the vendor does it
}

// Mutation is MOVE_AFFILIATE.
func (*MoveAffiliateInput) Mutation() Capability { return CanMoveAffiliate }

// Key is the idempotency key.
func (c *MoveAffiliateInput) Key() string { return c.IdempotencyKey }

// Subject is the affiliate.
func (c *MoveAffiliateInput) Subject() (string, ID) { return "id", c.ID }

// Target is the affiliate.
func (c *MoveAffiliateInput) Target() string { return c.ID.String() }

// Check checks the input.
func (c *MoveAffiliateInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounAffiliate)
	ch.optionalID("fromCampaign", c.FromCampaign, NounCampaign)
	ch.id("toCampaign", c.ToCampaign, NounCampaign)
	if c.FromCampaign != nil && *c.FromCampaign == c.ToCampaign {
		ch.add("toCampaign", "is the campaign that the affiliate is to leave")
	}
	return ch.problems()
}

// SetAffiliateParentInput puts an affiliate below another.
type SetAffiliateParentInput struct {
	IdempotencyKey string
	ID             ID
	Parent         ID
}

// Mutation is SET_AFFILIATE_PARENT.
func (*SetAffiliateParentInput) Mutation() Capability { return CanSetAffiliateParent }

// Key is the idempotency key.
func (c *SetAffiliateParentInput) Key() string { return c.IdempotencyKey }

// Subject is the affiliate.
func (c *SetAffiliateParentInput) Subject() (string, ID) { return "id", c.ID }

// Target is the affiliate.
func (c *SetAffiliateParentInput) Target() string { return c.ID.String() }

// Check checks the input.
func (c *SetAffiliateParentInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounAffiliate)
	ch.id("parent", c.Parent, NounAffiliate)
	if c.Parent == c.ID {
		ch.add("parent", "is the affiliate itself")
	}
	return ch.problems()
}

// ConnectCustomerInput makes a customer an affiliate's, so that what they buy from now on counts.
type ConnectCustomerInput struct {
	IdempotencyKey string
	Affiliate      ID
	CustomerEmail  string
}

// Mutation is CONNECT_CUSTOMER.
func (*ConnectCustomerInput) Mutation() Capability { return CanConnectCustomer }

// Key is the idempotency key.
func (c *ConnectCustomerInput) Key() string { return c.IdempotencyKey }

// Subject is the affiliate.
func (c *ConnectCustomerInput) Subject() (string, ID) { return "affiliate", c.Affiliate }

// Target is the customer.
func (c *ConnectCustomerInput) Target() string { return "customer " + FoldEmail(c.CustomerEmail) }

// Check checks the input.
func (c *ConnectCustomerInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounAffiliate)
	ch.email("customerEmail", &c.CustomerEmail)
	return ch.problems()
}
