package providers

// WebhookSubscription is a standing order to the vendor to report events to an address. Its
// secrets (signing key, headers, password) are never read into it.
type WebhookSubscription struct {
	Node
	TargetURL string
	Events    []string // the vendor's words
	Active    *bool
}
