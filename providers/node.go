package providers

import (
	"slices"
	"time"
)

// Node is what every record carries.
type Node struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

	ID         ID
	ProviderID string     // the vendor's own id, as its dashboard and API show it
	CreatedAt  *time.Time // when the record came into being at the vendor; nil where it does not say
	FetchedAt  time.Time  // when the vendor's reply that held it arrived
	Known      *Fields    // which fields are known; nil: all (see [Fields])
	Unread     []string   // fields whose members the vendor left out or sent in a form that cannot be read
}

// IsUnread says whether the vendor left out the members of a field, or sent them in a form
// that cannot be read.
func (n *Node) IsUnread(field string) bool { return slices.Contains(n.Unread, field) }

// Record is any noun with an id.
type Record interface {
	Account | Affiliate | Membership | Campaign | Referral | Commission | Payout | Coupon | WebhookSubscription
}

// Meta is the part that all records share; [NodeOf] reads it from a pointer to any of them.
func (n *Node) Meta() *Node { return n }

// NodeOf is the shared part of a record.
func NodeOf[T Record](r *T) *Node { return any(r).(interface{ Meta() *Node }).Meta() }

// BelongsTo is the affiliate that a record (a pointer to one) belongs to; zero where it is
// nobody's, or whose it is is not known.
func BelongsTo(record any) ID {
	switch r := record.(type) {
	case *Affiliate:
		return r.ID
	case *Membership:
		return r.AffiliateID
	case *Referral:
		return r.AffiliateID
	case *Commission:
		return r.AffiliateID
	case *Payout:
		return r.AffiliateID
	case *Coupon:
		return r.AffiliateID
	}
	return ID{}
}

// Listed is what lists sort by: CreatedAt, newest first, undated rows last.
func (n *Node) Listed() time.Time {
	if n.CreatedAt == nil {
		return time.Time{}
	}
	return *n.CreatedAt
}
