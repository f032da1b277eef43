package providers

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Budget holds an account's calls to what the vendor allows. Implementations are safe for
// concurrent use.
type Budget interface {
	// Take waits until one more call is allowed and counts it. When the context ends, or
	// its deadline lies before the next free place, it returns an *Error of KindRateLimited
	// at once (with RetryAfter), and nothing was counted.
	Take(ctx context.Context) error

	// Exhausted tells the budget that the vendor refused a call as over the limit, so that nobody
	// calls before wait has passed.
	Exhausted(wait time.Duration)

	// State is the budget as it stands.
	State() RateLimit
}

// Config is what a vendor needs to serve one account. Everything is given; nothing is global.
type Config struct {
	Account     string            // the account's id
	Name        string            // for people
	Currency    string            // ISO 4217, of amounts where the vendor names none
	BaseURL     string            // "" for the vendor's own
	Credentials map[string]string // by the names in Factory.Credentials
	Timeout     time.Duration     // of one call, retries included, and of all calls of a request; > 0
	UserAgent   string            // sent with every call; "" for the default

	HTTP   *http.Client // its Timeout is not used
	Logger *slog.Logger
	Budget Budget
	Now    func() time.Time
	// Pause answers how long a wait before a retry takes on the machine's clock. Tests
	// shorten it. nil: as long as the wait is.
	Pause func(wait time.Duration) time.Duration
	// Observe is told of each attempt to call the vendor. nil: nobody is.
	Observe Observer
}

// Factory is what the program knows of a vendor before there is an account.
type Factory struct {
	Name             string // the word in the configuration: "promotekit"
	Title            string // "PromoteKit"
	DocumentationURL string
	BaseURL          string
	Credentials      []string // names, all of them required
	Limit            int      // calls allowed in Window, by the vendor's documentation
	Window           time.Duration
	New              func(Config) (Provider, error)
	Sandbox          func(SandboxOptions) Simulator // the simulator of this vendor

	// Hooks reads the deliveries of an account's webhooks. nil: the vendor sends none.
	Hooks func(HookOptions) Hooks
}

// SandboxSize is the size of a simulator's world.
type SandboxSize string

// The sizes of a simulated world, for each vendor.
const (
	SandboxSmall  SandboxSize = "small"  // about 40 affiliates, 600 commissions
	SandboxMedium SandboxSize = "medium" // about 1,000 and 20,000
	SandboxLarge  SandboxSize = "large"  // about 10,000 and 500,000
)

// SandboxOptions is what a simulator is made from. Equal options make equal worlds.
type SandboxOptions struct {
	Size SandboxSize
	Seed uint64
	Now  func() time.Time // the simulator's clock; the world ends at its time of creation
}

// Simulator speaks a vendor's API over real HTTP, holding a seeded world. Paths are those of the
// vendor below its base URL.
type Simulator interface {
	http.Handler
	// Credentials are those it accepts, by the names in Factory.Credentials.
	Credentials() map[string]string
	// Currency is that of its amounts.
	Currency() string
}

// Registry holds the vendors that the program was built with, in their order.
type Registry struct{ factories []Factory }

// NewRegistry makes a registry; a name that stands twice is an error.
func NewRegistry(factories ...Factory) (*Registry, error) {
	seen := map[string]bool{}
	for _, f := range factories {
		if seen[f.Name] {
			return nil, fmt.Errorf("provider %q is registered twice", f.Name)
		}
		seen[f.Name] = true
	}
	return &Registry{factories: factories}, nil
}

// Factories are the vendors in their order.
func (r *Registry) Factories() []Factory { return r.factories }

// Factory is the vendor of this name.
func (r *Registry) Factory(name string) (Factory, bool) {
	for _, f := range r.factories {
		if f.Name == name {
			return f, true
		}
	}
	return Factory{}, false
}

// NewAccountNode is the shared part of an account's record.
func NewAccountNode(account string, now time.Time) Node {
	return Node{ID: ID{Account: account, Noun: NounAccount}, ProviderID: account, FetchedAt: now}
}
