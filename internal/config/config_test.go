package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// registry is made of the names and credentials of vendors alone: nothing here calls one.
func registry(t testing.TB) *providers.Registry {
	reg, err := providers.NewRegistry(
		providers.Factory{Name: "promotekit", Credentials: []string{"api_key"}, Limit: 200, Window: time.Minute},
		providers.Factory{Name: "firstpromoter", Credentials: []string{"api_key", "account_id"}, Limit: 400, Window: time.Minute},
	)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// environment is a Getenv over a fixed set of variables.
func environment(vars map[string]string) Getenv {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

// sum is the hash of the key "foo".
const sum = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

var compareCredentials = cmp.Comparer(func(a, b Credentials) bool { return cmp.Equal(a.Reveal(), b.Reveal()) })

func TestParse(t *testing.T) {
	const file = `
listen: ":8443" # all interfaces: there is auth
accounts:
  - id: saas
    name: Acme SaaS
    provider: promotekit
    currency: USD
    base_url: https://example.com/api/
    credentials:
      api_key: ${PROMOTEKIT_KEY}
    rate_limit: { requests: 50, per: 10s }
    timeout: 5s
    customer_emails: campaign
  - id: first-2
    provider: firstpromoter
    currency: EUR
    credentials: { api_key: "a$${b}${PROMOTEKIT_KEY}", account_id: 4711 }
cache: { affiliate: 1m, membership: 2m, campaign: 3m, referral: 4m, commission: 5m, payout: 6m, coupon: 7m, list: 8s, stale: 9h, memory: 10MiB, responses: 0B }
auth:
  api_keys:
    - { name: dashboard, sha256: ` + sum + `, role: reader, accounts: [first-2] }
    - { name: ops, sha256: "${OPS_HASH}", role: admin }
cors: { origins: ["https://portal.example.com", "http://localhost:3000"] }
writes: { settle: 1s, keep: 2h }
events: { keep: 4h, size: 2MiB, sweep: 0, sweep_calls: 5 }
limits: { calls: 1, pages: 2, timeout: 3s, body: 4KiB, tokens: 5, depth: 6, aliases: 7, cost: 8, answer: 16KiB, load: 1000, connections: 10, subscriptions: 20, viewer_subscriptions: 2, partner: 9, reserve: 10, writes: 11, staff: 12 }
cursors: { key: "${CURSOR_KEY}", previous: 0123456789abcdef0123456789abcdef }
persisted_operations: { manifest: ops.json, only: [partner, reader] }
admin: { listen: "ops.local:9090", hosts: [Metrics] }
log: { level: warn }
traces: { documents: true }
drain: 9s
playground: false
introspection: false
`
	ops := sha256.Sum256([]byte("ops"))
	got, err := Parse("server.yaml", []byte(file), environment(map[string]string{
		"PROMOTEKIT_KEY": `pk"}],#`, // which would end the mapping and the list, were it replaced in the text
		"OPS_HASH":       fmt.Sprintf("%x", ops),
		"CURSOR_KEY":     strings.Repeat("k", 32),
	}), registry(t))
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Listen:    ":8443",
		Persisted: Persisted{Manifest: "ops.json", Only: []auth.Role{auth.RolePartner, auth.RoleReader}},
		Admin:     Admin{Listen: "ops.local:9090", Hosts: []string{"metrics", "ops.local"}}, Log: Log{Level: slog.LevelWarn}, Traces: Traces{Documents: true}, Drain: 9 * time.Second,
		Accounts: []Account{{
			ID: "saas", Name: "Acme SaaS", Provider: "promotekit", Currency: "USD", BaseURL: "https://example.com/api",
			Credentials:    NewCredentials(map[string]string{"api_key": `pk"}],#`}),
			RateLimit:      RateLimit{50, 10 * time.Second},
			Timeout:        5 * time.Second,
			CustomerEmails: EmailsCampaign,
		}, {
			ID: "first-2", Name: "first-2", Provider: "firstpromoter", Currency: "EUR",
			Credentials:    NewCredentials(map[string]string{"api_key": `a${b}pk"}],#`, "account_id": "4711"}),
			RateLimit:      RateLimit{400, time.Minute},
			Timeout:        10 * time.Second,
			CustomerEmails: EmailsHidden,
		}},
		Cache: Cache{
			Affiliate: time.Minute, Membership: 2 * time.Minute, Campaign: 3 * time.Minute, Referral: 4 * time.Minute,
			Commission: 5 * time.Minute, Payout: 6 * time.Minute, Coupon: 7 * time.Minute,
			List: 8 * time.Second, Stale: 9 * time.Hour, Memory: 10 * MiB,
		},
		Auth: Auth{APIKeys: []auth.Key{
			{Name: "dashboard", SHA256: sha256.Sum256([]byte("foo")), Role: auth.RoleReader, Accounts: []string{"first-2"}},
			{Name: "ops", SHA256: ops, Role: auth.RoleAdmin},
		}},
		CORS:    CORS{Origins: []string{"https://portal.example.com", "http://localhost:3000"}},
		Writes:  Writes{Settle: time.Second, Keep: 2 * time.Hour},
		Events:  Events{Keep: 4 * time.Hour, Size: 2 * MiB, SweepCalls: 5},
		Redis:   Redis{Timeout: 50 * time.Millisecond},
		Limits:  Limits{Calls: 1, Pages: 2, Timeout: 3 * time.Second, Body: 4 * KiB, Tokens: 5, Depth: 6, Aliases: 7, Cost: 8, Answer: 16 * KiB, Load: 1000, Connections: 10, Subscriptions: 20, ViewerSubscriptions: 2, Partner: 9, Reserve: 10, Writes: 11, Staff: 12},
		Cursors: Cursors{NewCredentials(map[string]string{"key": strings.Repeat("k", 32), "previous": "0123456789abcdef0123456789abcdef"})},
	}
	if diff := cmp.Diff(want, got, compareCredentials); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

// account is the shortest file that is right, for others to be put behind.
const account = `accounts: [{ id: saas, provider: promotekit, currency: USD, credentials: { api_key: k } }]` + "\n"

func TestDefaultsAreKept(t *testing.T) {
	got, err := Parse("server.yaml", []byte(account), environment(nil), registry(t))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Accounts = []Account{{
		ID: "saas", Name: "saas", Provider: "promotekit", Currency: "USD", RateLimit: RateLimit{200, time.Minute},
		Credentials: NewCredentials(map[string]string{"api_key": "k"}), Timeout: 10 * time.Second, CustomerEmails: EmailsHidden,
	}}
	if diff := cmp.Diff(want, got, compareCredentials); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestLoad(t *testing.T) {
	none := environment(nil)
	got, err := Load("", none, registry(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got, compareCredentials); diff != "" {
		t.Errorf("without a file (-want +got):\n%s", diff)
	}

	path := filepath.Join(t.TempDir(), "server.yaml")
	if _, err := Load(path, none, registry(t)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the file: %v, want %v", err, os.ErrNotExist)
	}
	if err := os.WriteFile(path, []byte(account+"playground: 3"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Load(path, none, registry(t))
	want := Problems{{Source: path, Line: 2, Column: 13, Path: "playground", Message: `found "3", expected true or false`}}
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("%v, want Problems", err)
	}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
