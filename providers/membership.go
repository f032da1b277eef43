package providers

import (
	"slices"
	"time"
)

// Membership is one affiliate's part in one campaign, with a state, a code and a link of its own.
type Membership struct {
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
	return (len(f.Affiliates) == 0 || slices.Contains(f.Affiliates, m.AffiliateID)) &&
		(len(f.Campaigns) == 0 || slices.Contains(f.Campaigns, m.CampaignID)) &&
		(len(f.Statuses) == 0 || slices.Contains(f.Statuses, m.Status))
}
