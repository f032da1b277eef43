package model

import (
	"context"

	"github.com/partnergraph/partnergraph/providers"
)

// Connection is a page of a list as the graph shows it: merged over accounts, with cursors.
type Connection[T providers.Record] struct {
	Edges    []*Edge[T]
	Nodes    []*T
	PageInfo PageInfo

	// Count answers totalCount when it is asked for; nil answers null.
	Count func(context.Context) (*int64, error)
}

// Edge is one record of a page.
type Edge[T providers.Record] struct {
	Node *T
	At   func() string // makes the cursor: most clients ask for the last one only
}

// Cursor is where the record stands in its list.
func (e *Edge[T]) Cursor() string { return e.At() }

// TotalCount is how many records the whole list holds; nil where that is not known.
func (c *Connection[T]) TotalCount(ctx context.Context) (*int64, error) {
	if c.Count == nil {
		return nil, nil
	}
	return c.Count(ctx)
}

// The connections and edges of the schema, by the names it gives them.
type (
	AffiliateConnection           = Connection[providers.Affiliate]
	AffiliateEdge                 = Edge[providers.Affiliate]
	MembershipConnection          = Connection[providers.Membership]
	MembershipEdge                = Edge[providers.Membership]
	CampaignConnection            = Connection[providers.Campaign]
	CampaignEdge                  = Edge[providers.Campaign]
	ReferralConnection            = Connection[providers.Referral]
	ReferralEdge                  = Edge[providers.Referral]
	CommissionConnection          = Connection[providers.Commission]
	CommissionEdge                = Edge[providers.Commission]
	PayoutConnection              = Connection[providers.Payout]
	PayoutEdge                    = Edge[providers.Payout]
	CouponConnection              = Connection[providers.Coupon]
	CouponEdge                    = Edge[providers.Coupon]
	WebhookSubscriptionConnection = Connection[providers.WebhookSubscription]
	WebhookSubscriptionEdge       = Edge[providers.WebhookSubscription]
)

// PageInfo says where a page stands.
type PageInfo struct {
	HasNextPage     bool
	HasPreviousPage bool // always false
	StartCursor     *string
	EndCursor       *string
}
