package providers

import (
	"slices"
	"strings"
)

// Affiliate is someone who brings customers and earns commissions for it.
//
// Strings that are nil are unknown or not set at the vendor; a vendor's "" is read as nil.
type Affiliate struct {
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

	// Coupons are those that came with the affiliate; nil where the vendor does not send them along.
	Coupons []*Coupon

	// ParentID is the affiliate above this one; zero for none. Known only where Known covers "parent".
	ParentID ID
}

// Link is an address that the affiliate shares. Never build one: the parameter's name varies.
type Link struct {
	URL  string
	Code *string // the affiliate's code in it
}

// Balance is one figure that the vendor keeps of an affiliate's earnings.
type Balance struct {
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

// AffiliateFilter narrows a list of affiliates. What is empty does not narrow; what is not is
// joined by "and", several values of one field by "or". Texts match without regard to case.
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
	return (len(f.Campaigns) == 0 || slices.ContainsFunc(a.Memberships, func(m *Membership) bool { return slices.Contains(f.Campaigns, m.CampaignID) })) &&
		(len(f.Statuses) == 0 || slices.Contains(f.Statuses, a.Status)) &&
		(f.Email == "" || equalText(a.Email, f.Email)) &&
		(f.RefCode == "" || a.hasCode(f.RefCode, false)) &&
		(f.PromoCode == "" || a.hasCode(f.PromoCode, true)) &&
		(f.Search == "" || a.contains(f.Search)) &&
		(f.Parent.IsZero() || a.ParentID == f.Parent)
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
