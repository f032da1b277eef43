package config

import (
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/providers"
)

// Config is the configuration of a server. Nobody changes it while it is served.
type Config struct {
	Listen        string // host:port; an empty host is all interfaces
	Redis         Redis
	Accounts      []Account
	Cache         Cache
	Writes        Writes
	Events        Events
	Auth          Auth
	CORS          CORS
	Limits        Limits
	Cursors       Cursors
	Persisted     Persisted
	Admin         Admin
	Log           Log
	Traces        Traces
	Drain         time.Duration // how long the server serves on after SIGTERM, while /readyz says 503
	Playground    bool          // serve the page at /
	Introspection bool          // let clients ask for the schema
}

// Persisted says which documents are trusted.
type Persisted struct {
	Manifest string      // the path of the manifest; "" for none
	Only     []auth.Role // whose requests are executed for documents of the manifest alone
}

// Admin says where operators look at the server.
type Admin struct {
	Listen string   // host:port of a listener of its own, without authentication; "" for the main one, for staff
	Hosts  []string // names by which that listener is reached, in lower case; that of Listen is among them
}

// Log says what is logged.
type Log struct {
	Level slog.Level // and above
}

// Traces says what traces show. The environment says where they are sent.
type Traces struct {
	Documents bool // the text of GraphQL documents, which may hold what clients wrote into them
}

// Redis says where the servers of each role are. Both targets are zero where there is none:
// then all is kept in the process. They may be the same.
type Redis struct {
	Cache   redisclient.Target // records, pages and call budgets: may be evicted, may vanish
	Durable redisclient.Target // what cannot be fetched again
	Timeout time.Duration      // how long a request waits for the cache's server before it goes on without it

	// Replicas is the largest number of replicas that run at once, which divide the call budgets
	// when Redis does not answer. Zero: those that Redis heard of.
	Replicas int
}

// Equal says whether both are the same.
func (r Redis) Equal(o Redis) bool {
	return r.Cache.Equal(o.Cache) && r.Durable.Equal(o.Durable) && r.Timeout == o.Timeout && r.Replicas == o.Replicas
}

// NeedRestart names the settings that differ in the other configuration and that take
// effect with a restart only, not with a reload.
func (c *Config) NeedRestart(other *Config) []string {
	var names []string
	for name, equal := range map[string]bool{
		"admin.listen":       c.Admin.Listen == other.Admin.Listen,
		"listen":             c.Listen == other.Listen,
		"redis":              c.Redis.Equal(other.Redis),
		"events":             c.Events == other.Events,
		"cache.memory":       c.Cache.Memory == other.Cache.Memory,
		"limits.connections": c.Limits.Connections == other.Limits.Connections,
	} {
		if !equal {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Account is one account at one vendor, with every default filled in.
type Account struct {
	ID             string
	Name           string // for people
	Provider       string // a name in the registry
	Currency       string // ISO 4217, upper case, of amounts where the vendor names none
	BaseURL        string // without a slash at its end; "" for the vendor's own
	Credentials    Credentials
	RateLimit      RateLimit
	Timeout        time.Duration // of one call, retries included
	CustomerEmails CustomerEmails
	Webhooks       Webhooks
}

// RateLimit is how many calls an account may make in a window of time; both are positive.
type RateLimit struct {
	Requests int
	Per      time.Duration
}

// CustomerEmails says what partners may see of the e-mail addresses of customers.
type CustomerEmails string

// What partners may see of customers' addresses.
const (
	EmailsHidden   CustomerEmails = "hidden"   // nothing
	EmailsCampaign CustomerEmails = "campaign" // what the campaign's own setting at the vendor lets them see
	EmailsShown    CustomerEmails = "shown"    // all
)

// Cache says how long records of each noun count as fresh, each at least a second.
type Cache struct {
	Affiliate  time.Duration
	Membership time.Duration
	Campaign   time.Duration
	Referral   time.Duration
	Commission time.Duration
	Payout     time.Duration
	Coupon     time.Duration
	List       time.Duration // pages: which records, in which order
	Stale      time.Duration // how long after that it may still be shown
	Memory     Size          // what all of it may take
	Responses  Size          // what finished answers may take besides; 0: none are kept
}

// Writes says how long doubts about writes last.
type Writes struct {
	Settle time.Duration // how long a write that nobody answered may still land
	Keep   time.Duration // how long outcomes are given again
}

// Events says how long changes of records are kept.
type Events struct {
	Keep time.Duration // for those who subscribe again
	Size Size          // of all of them

	Sweep      time.Duration // how often lists are looked at for changes that no webhook tells; 0: never
	SweepCalls int           // percent of each account's rate limit that this may take
}

// Auth says who is let in.
type Auth struct {
	APIKeys []auth.Key
	JWT     *JWT // nil: no tokens
}

// JWT says which JSON Web Tokens are accepted.
type JWT struct {
	Issuer   string
	Audience string
	JWKSURL  string      // of the issuer's public keys; "" where a secret is shared with it
	Secret   Credentials // hs256_secret, unless there is a JWKSURL
	Roles    []auth.Role // that tokens may give; nil: all
	Claims   auth.Claims
}

// Equal says whether both accept the same tokens for the same viewers; neither has to be there.
func (j *JWT) Equal(o *JWT) bool {
	if j == nil || o == nil {
		return j == o
	}
	return j.Issuer == o.Issuer && j.Audience == o.Audience && j.JWKSURL == o.JWKSURL && j.Claims == o.Claims &&
		slices.Equal(j.Roles, o.Roles) &&
		maps.Equal(j.Secret.Reveal(), o.Secret.Reveal())
}

// Configured says whether anyone is asked who they are. Where not, only the server's own
// machine may reach it.
func (a Auth) Configured() bool { return len(a.APIKeys) > 0 || a.JWT != nil }

// CORS says which web pages may ask, besides the server's own.
type CORS struct {
	Origins []string // each as browsers send it: scheme://host[:port]; those of plain http are this machine's
	Headers []string // that their requests may have besides those that GraphQL clients and tracing add
}

// Cursors says what seals the cursors of lists.
type Cursors struct {
	Secrets Credentials // key and previous, those that are set
}

// Key is the secret that seals cursors; "" where none is configured.
func (c Cursors) Key() string { return c.Secrets.Reveal()["key"] }

// Previous is the secret that was the key before; "" where none is configured.
func (c Cursors) Previous() string { return c.Secrets.Reveal()["previous"] }

// Limits bound one GraphQL request, how many a partner may make, and what all take together.
type Limits struct {
	Calls   int           // to vendors
	Pages   int           // of one list, to fill one connection or for one write
	Timeout time.Duration // of the whole request
	Body    Size          // of its HTTP body
	Tokens  int           // of its document
	Depth   int           // of its fields, introspection apart
	Aliases int           // of its fields, and repetitions of fields
	Cost    int           // field values that it may have at most, if its lists are full
	Answer  Size          // of one answer, in bytes
	Load    int           // field values of all operations that are executed at once, as Cost counts them
	Partner int           // requests of one partner in a minute, and planned calls to vendors for them, together
	Reserve int           // percent of each account's rate limit that partners' calls leave to staff
	Writes  int           // mutations of one viewer in a minute
	Staff   int           // requests of one viewer of staff in a minute

	// Connections is how many clients may be connected at once. A change needs a restart.
	Connections int

	Subscriptions       int // that are open at once
	ViewerSubscriptions int // of one viewer
}

// Default is the configuration of a server without a file: no accounts yet, for itself alone.
func Default() *Config {
	return &Config{
		Listen: "127.0.0.1:8080",
		Redis:  Redis{Timeout: 50 * time.Millisecond},
		Cache: Cache{
			Affiliate:  5 * time.Minute,
			Membership: 5 * time.Minute,
			Campaign:   30 * time.Minute,
			Referral:   2 * time.Minute,
			Commission: 2 * time.Minute,
			Payout:     10 * time.Minute,
			Coupon:     5 * time.Minute,
			List:       time.Minute,
			Stale:      24 * time.Hour,
			Memory:     256 * MiB,
			Responses:  64 * MiB,
		},
		Drain:  5 * time.Second,
		Writes: Writes{Settle: 20 * time.Second, Keep: 24 * time.Hour},
		Events: Events{Keep: 72 * time.Hour, Size: 32 * MiB, Sweep: time.Minute, SweepCalls: 10},
		Limits: Limits{
			Calls:   50,
			Pages:   20,
			Timeout: 30 * time.Second,
			Body:    100 * KiB,
			Tokens:  5000,
			Depth:   12,
			Aliases: 50,
			Cost:    10_000,
			Answer:  4 * MiB,
			Load:    200_000,
			Partner: 120,
			Reserve: 20,
			Writes:  120,
			Staff:   60_000,

			Connections: 1000,

			Subscriptions:       10_000,
			ViewerSubscriptions: 100,
		},
		Playground:    true,
		Introspection: true,
	}
}

// Getenv looks up an environment variable, as [os.LookupEnv] does.
type Getenv func(name string) (value string, set bool)

// With is g with one variable set: how a flag of the command line goes before the variable
// that it is the same as, in time for the checks that look at several values. An empty
// value changes nothing.
func (g Getenv) With(name, value string) Getenv {
	if value == "" {
		return g
	}
	return func(n string) (string, bool) {
		if n == name {
			return value, true
		}
		return g(n)
	}
}

// Load reads the file at path, and the environment over it. Without a path there is no
// file: the configuration is [Default] under the environment, and has no accounts. It may
// be called again at any time, for what it answers is new each time.
//
// environ are the variables that are set, as [os.Environ] has them. One whose name begins
// with PARTNERGRAPH_ and that overrides nothing is a problem.
//
// The error is of the file system, or is [Problems].
func Load(path string, getenv Getenv, reg *providers.Registry, environ ...string) (*Config, error) {
	if path == "" {
		return read(nil, getenv, reg, environ...)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, getenv, reg, environ...)
}

// Parse is [Load] for a file already read; name is what messages call it. The error is
// [Problems].
func Parse(name string, data []byte, getenv Getenv, reg *providers.Registry, environ ...string) (*Config, error) {
	doc, problem := parseYAML(name, data)
	if problem != nil {
		return nil, Problems{*problem}
	}
	return read(doc, getenv, reg, environ...)
}

// hasAccount says whether an account was read under this id.
func (c *Config) hasAccount(id string) bool {
	return slices.ContainsFunc(c.Accounts, func(a Account) bool { return a.ID == id })
}
