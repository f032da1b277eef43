package providers

// WebhookSubscription is a standing order to the vendor to report events to an address. Its
// secrets (signing key, headers, password) are never read into it.
type WebhookSubscription struct {
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
