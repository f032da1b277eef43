package providers

import (
	"time"
)

// Membership is one affiliate's part in one campaign, with a state, a code and a link of its own.
type Membership struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

	Node
	Status         MembershipStatus
	ProviderStatus *string
	RefCode        *string // the affiliate's code in this campaign's links
	Link           *string
	Coupon         *string // the coupon code that counts for this membership
	JoinedAt       *time.Time
	AffiliateID    ID
	CampaignID     ID
}

// MembershipStatus is the state of an affiliate in one campaign.
type MembershipStatus string

// The states of a membership.
const (
	MembershipActive   MembershipStatus = "ACTIVE"
	MembershipPending  MembershipStatus = "PENDING"
	MembershipInactive MembershipStatus = "INACTIVE"
	MembershipRejected MembershipStatus = "REJECTED"
	MembershipBanned   MembershipStatus = "BANNED"
	MembershipArchived MembershipStatus = "ARCHIVED"
	MembershipUnknown  MembershipStatus = "UNKNOWN"
)

// MembershipFilter narrows a list of memberships; see [AffiliateFilter] for the rules.
type MembershipFilter struct {
	Accounts   []ID // of these accounts; a provider is one account and does not look at it
	Affiliates []ID
	Campaigns  []ID
	Statuses   []MembershipStatus
}

// Match says whether a row passes the filter.
func (f MembershipFilter) Match(m *Membership) bool {
	v := f.judge(m)
	return v.passes()
}

// Unsure is the field by which nobody can tell whether a row passes the filter; "" where it
// does, or does not.
func (f MembershipFilter) Unsure(m *Membership) string {
	v := f.judge(m)
	return v.unsure()
}

func (f MembershipFilter) judge(m *Membership) (v verdict) {
	v.by(&m.Node, "affiliate", among(f.Affiliates, m.AffiliateID), !m.AffiliateID.IsZero())
	v.by(&m.Node, "campaign", among(f.Campaigns, m.CampaignID), !m.CampaignID.IsZero())
	v.state(&m.Node, among(f.Statuses, m.Status), m.Status != MembershipUnknown, m.ProviderStatus)
	return v
}

// AddAffiliateToCampaignInput makes an affiliate a member of one more campaign.
type AddAffiliateToCampaignInput struct {
	IdempotencyKey string
	Affiliate      ID
	Campaign       ID
	SendEmail      *bool // the vendor welcomes the affiliate
}

// Mutation is ADD_AFFILIATE_TO_CAMPAIGN.
func (*AddAffiliateToCampaignInput) Mutation() Capability { return CanAddAffiliateToCampaign }

// Key is the idempotency key.
func (c *AddAffiliateToCampaignInput) Key() string { return c.IdempotencyKey }

// Subject is the affiliate.
func (c *AddAffiliateToCampaignInput) Subject() (string, ID) { return "affiliate", c.Affiliate }

// Target is the affiliate.
func (c *AddAffiliateToCampaignInput) Target() string { return c.Affiliate.String() }

// Check checks the input.
func (c *AddAffiliateToCampaignInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounAffiliate)
	ch.id("campaign", c.Campaign, NounCampaign)
	return ch.problems()
}

// UpdateMembershipInput changes the codes of an affiliate in a campaign. What is nil stays
// as it is.
type UpdateMembershipInput struct {
	IdempotencyKey string
	ID             ID
	RefCode        *string
	CouponCode     *string
}

// Mutation is UPDATE_MEMBERSHIP.
func (*UpdateMembershipInput) Mutation() Capability { return CanUpdateMembership }

// Key is the idempotency key.
func (c *UpdateMembershipInput) Key() string { return c.IdempotencyKey }

// Subject is the membership.
func (c *UpdateMembershipInput) Subject() (string, ID) { return "id", c.ID }

// Target is the membership.
func (c *UpdateMembershipInput) Target() string { return c.ID.String() }

// Check checks the input.
func (c *UpdateMembershipInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounMembership)
	ch.code("refCode", c.RefCode)
	ch.code("couponCode", c.CouponCode)
	ch.some(c.RefCode != nil, c.CouponCode != nil)
	return ch.problems()
}
