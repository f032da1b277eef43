package providers

import (
	"time"
)

// WebhookSubscription is a standing order to the vendor to report events to an address. Its
// secrets (signing key, headers, password) are never read into it.
type WebhookSubscription struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

	Node
	TargetURL string
	Events    []string // the vendor's words
	Active    *bool
}

// WebhookSubscriptionFilter narrows a list of subscriptions.
type WebhookSubscriptionFilter struct {
	Accounts []ID // of these accounts
}

// Match says whether a row passes the filter.
func (WebhookSubscriptionFilter) Match(*WebhookSubscription) bool { return true }

// Unsure is "": nothing is judged.
func (WebhookSubscriptionFilter) Unsure(*WebhookSubscription) string { return "" }

// CheckTarget says what is wrong with an address that deliveries should go to; nil for
// nothing. Its problems are about the field targetUrl.
func CheckTarget(address string) Problems {
	ch := &checks{found: &Problems{}}
	ch.link("targetUrl", &address, true)
	return ch.problems()
}

// CreateWebhookSubscriptionInput has the vendor report events to an address.
type CreateWebhookSubscriptionInput struct {
	IdempotencyKey string
	Account        ID
	TargetURL      string
	Events         []string // the vendor's words

	// Headers are sent with each delivery. They are secrets, and no client of the graph sets
	// them. FirstPromoter only.
	Headers map[string]string `json:",omitempty"`
}

// Mutation is CREATE_WEBHOOK_SUBSCRIPTION.
func (*CreateWebhookSubscriptionInput) Mutation() Capability { return CanCreateWebhookSubscription }

// Key is the idempotency key.
func (c *CreateWebhookSubscriptionInput) Key() string { return c.IdempotencyKey }

// Subject is the account.
func (c *CreateWebhookSubscriptionInput) Subject() (string, ID) { return "account", c.Account }

// Target is all subscriptions of the account.
func (c *CreateWebhookSubscriptionInput) Target() string { return "webhooks" }

// Check checks the input.
func (c *CreateWebhookSubscriptionInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounAccount)
	ch.link("targetUrl", &c.TargetURL, true)
	ch.events(c.Events)
	ch.headers(c.Headers)
	return ch.problems()
}

// UpdateWebhookSubscriptionInput changes a subscription. What is nil stays as it is.
type UpdateWebhookSubscriptionInput struct {
	IdempotencyKey string
	ID             ID
	TargetURL      *string
	Events         []string // nil: as they are
	Active         *bool

	// Headers are sent with each delivery; nil: as they are. They are secrets, and no client
	// of the graph sets them. FirstPromoter only.
	Headers map[string]string `json:",omitempty"`
}

// Mutation is UPDATE_WEBHOOK_SUBSCRIPTION.
func (*UpdateWebhookSubscriptionInput) Mutation() Capability { return CanUpdateWebhookSubscription }

// Key is the idempotency key.
func (c *UpdateWebhookSubscriptionInput) Key() string { return c.IdempotencyKey }

// Subject is the subscription.
func (c *UpdateWebhookSubscriptionInput) Subject() (string, ID) { return "id", c.ID }

// Target is all subscriptions of the account.
func (c *UpdateWebhookSubscriptionInput) Target() string { return "webhooks" }

// Check checks the input.
func (c *UpdateWebhookSubscriptionInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounWebhookSubscription)
	ch.link("targetUrl", c.TargetURL, true)
	if c.Events != nil {
		ch.events(c.Events)
	}
	ch.headers(c.Headers)
	ch.some(c.TargetURL != nil, c.Events != nil, c.Active != nil)
	return ch.problems()
}

// DeleteWebhookSubscriptionInput ends a subscription.
type DeleteWebhookSubscriptionInput struct {
	IdempotencyKey string
	ID             ID
}

// Mutation is DELETE_WEBHOOK_SUBSCRIPTION.
func (*DeleteWebhookSubscriptionInput) Mutation() Capability { return CanDeleteWebhookSubscription }

// Key is the idempotency key.
func (c *DeleteWebhookSubscriptionInput) Key() string { return c.IdempotencyKey }

// Subject is the subscription.
func (c *DeleteWebhookSubscriptionInput) Subject() (string, ID) { return "id", c.ID }

// Target is all subscriptions of the account.
func (c *DeleteWebhookSubscriptionInput) Target() string { return "webhooks" }

// Check checks the input.
func (c *DeleteWebhookSubscriptionInput) Check(currency string, now time.Time) Problems {
	return check(c, currency, now, NounWebhookSubscription).problems()
}
