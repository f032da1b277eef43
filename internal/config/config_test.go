package config

import (
	"crypto/sha256"
	"encoding/json"
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
cache: { affiliate: 1m, membership: 2m, campaign: 3m, referral: 4m, commission: 5m, payout: 6m, coupon: 7m, list: 8s, stale: 9h, memory: 10MiB }
auth:
  api_keys:
    - { name: dashboard, sha256: ` + sum + `, role: reader, accounts: [first-2] }
    - { name: ops, sha256: "${OPS_HASH}", role: admin }
limits: { calls: 1, pages: 2, timeout: 3s, body: 4KiB, tokens: 5, depth: 6, aliases: 7, cost: 8 }
playground: false
introspection: false
`
	ops := sha256.Sum256([]byte("ops"))
	got, err := Parse("server.yaml", []byte(file), environment(map[string]string{
		"PROMOTEKIT_KEY": `pk"}],#`, // which would end the mapping and the list, were it replaced in the text
		"OPS_HASH":       fmt.Sprintf("%x", ops),
	}), registry(t))
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Listen: ":8443",
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
		Limits: Limits{Calls: 1, Pages: 2, Timeout: 3 * time.Second, Body: 4 * KiB, Tokens: 5, Depth: 6, Aliases: 7, Cost: 8},
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

func TestProblems(t *testing.T) {
	env := map[string]string{"SET": "sk_live_secret", "EMPTY": "", "NEWLINE": "sk_live_secret\n"}
	tests := []struct{ name, file, want string }{
		// What is not YAML, or not ours.
		{"empty", "", `f:1:1: accounts: missing, expected a list of accounts`},
		{"only a comment", "# none yet", `f:1:1: accounts: missing, expected a list of accounts`},
		{"not a mapping", "- a", `f:1:1: found a list, expected a mapping with the keys listen, accounts, cache, auth, limits, playground, introspection`},
		{"no YAML", "listen: a: b", `f:1:9: not YAML: mapping value is not allowed in this context`},
		{"no YAML, quoting a secret", "listen: |sk_live_secret", `f:1:9: not YAML: invalid header option: …`},
		{"not UTF-8", "listen: \xff", `f:1:1: found bytes that are not UTF-8, expected YAML in UTF-8`},
		{"bare variable in braces", "listen: x\nauth: { a: ${SET} }", `f:2:12: found ${…} inside { } or [ ], expected it in quotes: "${…}"`},
		{"two documents", account + "---\nlisten: x", `f:3:1: found a second document, expected one`},
		{"alias", account + "limits: &l {}\ncache: *l", "f:2:9: limits: found an anchor, expected a mapping with the keys calls, pages, timeout, body, tokens, depth, aliases, cost\n" +
			"f:3:8: cache: found an alias, expected a mapping with the keys affiliate, membership, campaign, referral, commission, payout, coupon, list, stale, memory"},
		{"merge key", account + "limits: { <<: {} }", `f:2:11: limits: found an unknown key, expected calls, pages, timeout, body, tokens, depth, aliases or cost`},

		// Keys.
		{"misspelt key", account + "limits:\n  cals: 5", `f:3:3: limits: found the unknown key "cals", expected "calls"`},
		{"unknown key", account + "colour: red", `f:2:1: found the unknown key "colour", expected listen, accounts, cache, auth, limits, playground or introspection`},
		{"a mapping after the mapping", account + "{ }", `f:2:1: not YAML: unexpected map key`},
		{"key twice", account + "limits: { calls: 1, calls: 2 }", `f:2:21: limits.calls: found twice, expected once`},
		{"later", account + "redis: { cache: redis://x }\nwrites: {}", "f:2:8: redis: not supported yet: leave it out\nf:3:9: writes: not supported yet: leave it out"},

		// Single values.
		{"a list for a value", account + "listen: [a]", `f:2:9: listen: found a list, expected host:port`},
		{"nothing for a value", account + "listen:", `f:2:9: listen: found nothing, expected host:port`},
		{"nothing for a mapping", account + "cache: ~", `f:2:8: cache: found nothing, expected a mapping with the keys affiliate, membership, campaign, referral, commission, payout, coupon, list, stale, memory`},
		{"number", account + "limits: { calls: 1.5, pages: 0, tokens: many }", `f:2:18: limits.calls: found "1.5", expected a whole number from 1 to 100000` + "\n" +
			`f:2:30: limits.pages: found "0", expected a whole number from 1 to 10000` + "\n" +
			`f:2:41: limits.tokens: found "many", expected a whole number from 1 to 1000000`},
		{"duration", account + "cache:\n  list: 900ms\n  stale: 5\n  payout: 2 days", `f:3:9: cache.list: found "900ms", expected a duration like 90s or 1h30m, from 1s to 8760h` + "\n" +
			`f:4:10: cache.stale: found "5", expected a duration like 90s or 1h30m, from 1s to 8760h` + "\n" +
			`f:5:11: cache.payout: found "2 days", expected a duration like 90s or 1h30m, from 1s to 8760h`},
		{"size", account + "cache: { memory: 256MB }\nlimits: { body: 1B }", `f:2:18: cache.memory: found "256MB", expected a size in B, KiB, MiB or GiB, from 1MiB to 1024GiB` + "\n" +
			`f:3:17: limits.body: found "1B", expected a size in B, KiB, MiB or GiB, from 1KiB to 1GiB`},
		{"truth", account + "playground: yes", `f:2:13: playground: found "yes", expected true or false`},
		{"long text", account + "playground: " + strings.Repeat("é", 70), `f:2:13: playground: found "` + strings.Repeat("é", 60) + `…", expected true or false`},

		// Accounts.
		{"no accounts", "accounts: []", `f:1:11: accounts: found an empty list, expected a list of accounts`},
		{"an account of nothing", "accounts:\n  - id: a", "f:2:5: accounts[0].provider: missing, expected promotekit or firstpromoter\n" +
			"f:2:5: accounts[0].currency: missing, expected the ISO 4217 code of a currency in upper case, like USD"},
		{"account", `accounts:
  - id: Saas
    name: ""
    provider: promotkit
    currency: dollars
    base_url: ftp://x
    rate_limit: { requests: 0, per: -1s }
    timeout: 0s
    customer_emails: some
    webhook: {}
`, `f:2:9: accounts[0].id: found "Saas", expected 1 to 32 of the characters a-z, 0-9 and -
f:3:11: accounts[0].name: found an empty text, expected 1 to 100 printable characters
f:4:15: accounts[0].provider: found "promotkit", expected promotekit or firstpromoter
f:5:15: accounts[0].currency: found "dollars", expected the ISO 4217 code of a currency in upper case, like USD
f:6:15: accounts[0].base_url: found "ftp://x", expected an http or https URL without user, query and fragment
f:7:29: accounts[0].rate_limit.requests: found "0", expected a whole number from 1 to 1000000
f:7:37: accounts[0].rate_limit.per: found "-1s", expected a duration like 90s or 1h30m, from 1s to 24h
f:8:14: accounts[0].timeout: found "0s", expected a duration like 90s or 1h30m, from 100ms to 1h
f:9:22: accounts[0].customer_emails: found "some", expected hidden, campaign or shown
f:10:14: accounts[0].webhook: not supported yet: leave it out`},
		{"the same id twice", `accounts:
  - { id: a, provider: promotekit, currency: USD, credentials: { api_key: k } }
  - { id: a, provider: promotekit, currency: ABC, credentials: { api_key: k } }`,
			`f:3:11: accounts[1].id: found "a", the id of another account, expected an id of its own
f:3:46: accounts[1].currency: found "ABC", expected the ISO 4217 code of a currency in upper case, like USD`},

		// Secrets: whatever is wrong, they are not shown.
		{"missing credentials", "accounts:\n  - { id: a, provider: firstpromoter, currency: USD }", "f:2:5: accounts[0].credentials.api_key: missing, expected a text without spaces and line breaks\n" +
			"f:2:5: accounts[0].credentials.account_id: missing, expected a text without spaces and line breaks"},
		{"a credential of another vendor", credentials("{ api_key: k, account_id: sk_live_secret }"), `f:1:85: accounts[0].credentials: found an unknown key, expected api_key`},
		{"a credential as a key", credentials("{ api_key: k, sk_live_secret: x }"), `f:1:85: accounts[0].credentials: found an unknown key, expected api_key`},
		{"a credential behind its key", "accounts:\n  - id: a\n    provider: promotekit\n    currency: USD\n    api_key:sk_live_secret: x\n    credentials:\n      api_key:sk_live_secret", `f:5:5: accounts[0]: found an unknown key, expected id, name, provider, currency, base_url, credentials, rate_limit, timeout or customer_emails
f:7:7: accounts[0].credentials: found a single value, expected a mapping with the keys api_key`},
		{"credentials as text", credentials("sk_live_secret"), `f:1:71: accounts[0].credentials: found a single value, expected a mapping with the keys api_key`},
		{"credential with a space", credentials(`{ api_key: "sk_live_ secret" }`), `f:1:82: accounts[0].credentials.api_key: found a text that is not shown here, expected a text without spaces and line breaks`},
		{"credential with a line break", credentials(`{ api_key: "${NEWLINE}" }`), `f:1:82: accounts[0].credentials.api_key: found the value of ${NEWLINE}, expected a text without spaces and line breaks`},
		{"empty credential", credentials(`{ api_key: "${EMPTY}" }`), `f:1:82: accounts[0].credentials.api_key: found an empty text, expected a text without spaces and line breaks`},
		{"unset variable", credentials(`{ api_key: "x${UNSET}${SET}" }`), `f:1:82: accounts[0].credentials.api_key: found ${UNSET}, expected a variable that is set in the environment`},
		{"broken variable", credentials(`{ api_key: "${SET" }`), `f:1:82: accounts[0].credentials.api_key: found ${ without the name of a variable and }, expected ${NAME}, or $${ for the characters themselves`},
		{"variable in the wrong place", account + "playground: ${SET}", `f:2:13: playground: found the value of ${SET}, expected true or false`},
		{"password in a URL", "accounts:\n  - { id: a, base_url: 'https://u:sk_live_secret@x', provider: promotekit, currency: USD, credentials: { api_key: k } }",
			`f:2:24: accounts[0].base_url: found a text that is not shown here, expected an http or https URL without user, query and fragment`},

		// Auth.
		{"auth of nothing", account + "auth: {}\nlisten: :80", `f:2:7: auth.api_keys: missing, expected a list of keys`},
		{"no keys", account + "auth: { api_keys: [] }", `f:2:19: auth.api_keys: found an empty list, expected a list of keys`},
		{"jwt", account + "auth: { jwt: {} }", "f:2:7: auth.api_keys: missing, expected a list of keys\nf:2:14: auth.jwt: not supported yet: leave it out"},
		{"key", account + "auth:\n  api_keys:\n    - { sha256: sk_live_secret, role: root, accounts: [saas, shop] }", `f:4:7: auth.api_keys[0].name: missing, expected 1 to 100 printable characters
f:4:17: auth.api_keys[0].sha256: found a text that is not shown here, expected 64 hexadecimal digits, the SHA-256 of the key
f:4:39: auth.api_keys[0].role: found "root", expected admin or reader
f:4:62: auth.api_keys[0].accounts[1]: found "shop", expected the id of one of the accounts`},
		{"a key for no account", account + "auth: { api_keys: [ { name: n, sha256: " + sum + ", role: admin, accounts: [] } ] }", `f:2:129: auth.api_keys[0].accounts: found an empty list, expected a list of accounts' ids`},
		{"the same key twice", account + "auth:\n  api_keys:\n    - { name: n, sha256: " + sum + ", role: admin }\n    - { name: n, sha256: " + strings.ToUpper(sum) + ", role: reader }",
			`f:5:26: auth.api_keys[1].sha256: found the hash of another key, expected one of its own`},

		// Listening.
		{"all interfaces without auth", account + "listen: 0.0.0.0:80", `f:2:9: listen: found "0.0.0.0:80" without auth, which lets in everyone who reaches it; expected an address of this machine alone, like 127.0.0.1:8080, or auth with api_keys`},
		{"no port", account + "listen: localhost", `f:2:9: listen: found "localhost", expected host:port`},
		{"bad port", account + "listen: localhost:65536", `f:2:9: listen: found "localhost:65536", expected host:port`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("f", []byte(tt.file), environment(env), registry(t))
			if err == nil {
				t.Fatalf("accepted, want\n%s", tt.want)
			}
			if c != nil {
				t.Error("a config beside the error")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := err.Error(); strings.Contains(got, "secret") {
				t.Errorf("a secret is shown:\n%s", got)
			}
		})
	}
}

// credentials is a file whose account has these.
func credentials(text string) string {
	return "accounts: [{ id: a, provider: promotekit, currency: USD, credentials: " + text + " }]"
}

func TestOverrides(t *testing.T) {
	file := strings.Replace(account, "saas", "saas-eu", 1) + `
auth: { api_keys: [ { name: ops, sha256: ` + sum + `, role: admin } ] }
limits: { calls: "${UNSET}" } # overridden, so never read
`
	env := map[string]string{
		"PORT":                                              "9000",
		"PARTNERGRAPH_CACHE_LIST":                           "10s",
		"PARTNERGRAPH_CACHE_STALE":                          "", // as if it were not set
		"PARTNERGRAPH_LIMITS_CALLS":                         "7",
		"PARTNERGRAPH_PLAYGROUND":                           "false",
		"PARTNERGRAPH_ACCOUNTS_SAAS_EU_ID":                  "other", // the only one without effect
		"PARTNERGRAPH_ACCOUNTS_SAAS_EU_CREDENTIALS_API_KEY": "k2",
		"PARTNERGRAPH_ACCOUNTS_SAAS_EU_RATE_LIMIT_REQUESTS": "11",
		"PARTNERGRAPH_ACCOUNTS_SAAS_EU_BASE_URL":            "http://127.0.0.1:1",
		"PARTNERGRAPH_ACCOUNTS_ANOTHER_CREDENTIALS_API_KEY": "k3",
	}
	got, err := Parse("f", []byte(file), environment(env), registry(t))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Listen = ":9000"
	want.Cache.List = 10 * time.Second
	want.Limits.Calls = 7
	want.Playground = false
	want.Auth.APIKeys = []auth.Key{{Name: "ops", SHA256: sha256.Sum256([]byte("foo")), Role: auth.RoleAdmin}}
	want.Accounts = []Account{{
		ID: "saas-eu", Name: "saas-eu", Provider: "promotekit", Currency: "USD", BaseURL: "http://127.0.0.1:1",
		RateLimit: RateLimit{11, time.Minute}, Timeout: 10 * time.Second, CustomerEmails: EmailsHidden,
		Credentials: NewCredentials(map[string]string{"api_key": "k2"}),
	}}
	if diff := cmp.Diff(want, got, compareCredentials); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}

	env["PARTNERGRAPH_LISTEN"] = "127.0.0.1:1" // goes before PORT
	if got, err := Parse("f", []byte(file), environment(env), registry(t)); err != nil || got.Listen != "127.0.0.1:1" {
		t.Errorf("listens on %v (%v), want PARTNERGRAPH_LISTEN", got, err)
	}
	if got, err := Parse("f", []byte(file), environment(env).With("PARTNERGRAPH_LISTEN", "[::1]:2"), registry(t)); err != nil || got.Listen != "[::1]:2" {
		t.Errorf("listens on %v (%v), want what With set", got, err)
	}
}

func TestBadOverrides(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		want string
	}{
		{"value", map[string]string{"PARTNERGRAPH_CACHE_LIST": "soon"}, `PARTNERGRAPH_CACHE_LIST: cache.list: found "soon", expected a duration like 90s or 1h30m, from 1s to 8760h`},
		{"secret", map[string]string{"PARTNERGRAPH_ACCOUNTS_SAAS_CREDENTIALS_API_KEY": "sk_live secret"},
			`PARTNERGRAPH_ACCOUNTS_SAAS_CREDENTIALS_API_KEY: accounts[0].credentials.api_key: found a text that is not shown here, expected a text without spaces and line breaks`},
		{"after the file's", map[string]string{"PARTNERGRAPH_LIMITS_CALLS": "0", "PARTNERGRAPH_CACHE_MEMORY": "1"},
			`f:2:7: cors: not supported yet: leave it out
PARTNERGRAPH_CACHE_MEMORY: cache.memory: found "1", expected a size in B, KiB, MiB or GiB, from 1MiB to 1024GiB
PARTNERGRAPH_LIMITS_CALLS: limits.calls: found "0", expected a whole number from 1 to 100000`},
		{"port", map[string]string{"PORT": "http"}, `PORT: listen: found "http", expected a port number`},
		{"port without auth", map[string]string{"PORT": "80"}, `PORT: listen: found ":80" without auth, which lets in everyone who reaches it; expected an address of this machine alone, like 127.0.0.1:8080, or auth with api_keys`},
		{"address without auth", map[string]string{"PARTNERGRAPH_LISTEN": "[::]:80"}, `PARTNERGRAPH_LISTEN: listen: found "[::]:80" without auth, which lets in everyone who reaches it; expected an address of this machine alone, like 127.0.0.1:8080, or auth with api_keys`},
		{"later", map[string]string{"PARTNERGRAPH_WRITES": "x"}, `PARTNERGRAPH_WRITES: writes: not supported yet: leave it out`},
		{"lists cannot be", map[string]string{"PARTNERGRAPH_ACCOUNTS": "x"}, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := account
			if strings.HasPrefix(tt.want, "f:") {
				file += "cors: []"
			}
			_, err := Parse("f", []byte(file), environment(tt.env), registry(t))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
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

func TestLargeAndDeepFiles(t *testing.T) {
	const deep = "found more than 50 lists and mappings in each other, expected fewer"
	tests := []struct{ name, data, want string }{
		{"large", account + strings.Repeat("#", maxFile), "f:1:1: found a file of 131163 bytes, expected at most 128KiB"},
		{"lists", strings.Repeat("[", maxFile), "f:1:51: " + deep},
		{"mappings", strings.Repeat("{a: ", maxFile/4), "f:1:201: " + deep},
		{"entries", strings.Repeat("- ", maxFile/2), "f:1:101: " + deep},
		{"keys", strings.Repeat("? ", maxFile/2), "f:1:101: " + deep},
		{"many, but not deep", strings.Repeat("- [{}]\n", 100), "f:1:1: found a list, expected a mapping with the keys listen, accounts, cache, auth, limits, playground, introspection"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f", []byte(tt.data), environment(nil), registry(t))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestCredentialsAreNeverPrinted(t *testing.T) {
	c := Account{ID: "saas", Credentials: NewCredentials(map[string]string{"api_key": "hush", "account_id": "4711"})}
	unexported := struct{ c Credentials }{c.Credentials} // where fmt cannot call methods
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{c, &c, []Account{c}, c.Credentials, &c.Credentials, unexported, &unexported} {
			printed = append(printed, fmt.Sprintf(verb, v))
		}
	}
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("x", "account", c, "credentials", c.Credentials)
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	printed = append(printed, log.String(), string(encoded))
	for _, s := range printed {
		for _, secret := range []string{"hush", "4711", "68757368"} {
			if strings.Contains(s, secret) {
				t.Errorf("shows a secret: %s", s)
			}
		}
	}
	if got, want := c.Credentials.String(), "credentials(account_id, api_key)"; got != want {
		t.Errorf("String = %q, want %q", got, want)
	}

	c.Credentials.Reveal()["api_key"] = "changed"
	if got, want := c.Credentials.Reveal()["api_key"], "hush"; got != want {
		t.Errorf("a revealed copy changed the credential: %q, want %q", got, want)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0B": 0, "1B": 1, "1023B": 1023, "1KiB": KiB, "1536B": 1536, "100KiB": 100 * KiB, "256MiB": 256 * MiB, "3GiB": 3 * GiB} {
		got, ok := parseSize(text)
		if s := got.String(); !ok && s != text || got != want {
			t.Errorf("parseSize(%q) = %d, %t, written %q, want %d", text, got, ok, s, want)
		}
	}
	for _, text := range []string{"", "B", "1", "-1B", "+1B", "1.5KiB", "1 KiB", "1kib", "9223372036854775807KiB", "18446744073709551616B"} {
		if got, ok := parseSize(text); ok {
			t.Errorf("parseSize(%q) = %d, want a refusal", text, got)
		}
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "127.8.9.1:80": true, "[::1]:80": true, "localhost:80": true, "[::ffff:127.0.0.1]:80": true,
		":80": false, "0.0.0.0:80": false, "[::]:80": false, "10.0.0.1:80": false, "example.com:80": false,
		"localhost.example.com:80": false, "127.0.0.1.example.com:80": false, "127.1:80": false, "": false,
	} {
		if got := loopback(address); got != want {
			t.Errorf("loopback(%q) = %t, want %t", address, got, want)
		}
	}
}

// FuzzParse proves that no file makes Parse panic, that every file is either refused with a place for each
// problem or read into a configuration that keeps its promises, and that no message shows what came
// out of the environment.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", account, account + "auth:\n  api_keys:\n    - { name: n, sha256: " + sum + ", role: admin, accounts: [saas] }\nlisten: :80",
		credentials(`{ api_key: "${SET}" }`), account + "listen: ${SET}", account + "cache: { list: 1s, memory: 1MiB }\nlimits: { body: 1KiB }",
		"a: &b [*b]\n<<: *b", "? [a]\n: b", "listen: |\n  x\n", "!!map {}", "accounts:\n- id: ${SET}\n  - b", "- - -", "a: 'b''c'",
	} {
		f.Add(seed)
	}
	const secret = "HUSH~HUSH"
	reg := registry(f)
	getenv := environment(map[string]string{"SET": secret})
	f.Fuzz(func(t *testing.T, file string) {
		c, err := Parse("f", []byte(file), getenv, reg)
		if err != nil {
			if strings.Contains(err.Error(), secret) && !strings.Contains(file, secret) {
				t.Errorf("a secret is shown: %v", err)
			}
			var problems Problems
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("%#v is not Problems", err)
			}
			for _, p := range problems {
				if p.Source != "f" || p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Errorf("%#v says not where or not what", p)
				}
			}
			return
		}
		if !c.Auth.Configured() && !loopback(c.Listen) {
			t.Errorf("listens on %q without auth", c.Listen)
		}
		seen := map[string]bool{}
		for _, a := range c.Accounts {
			vendor, known := reg.Factory(a.Provider)
			if !known || !providers.ValidAccount(a.ID) || seen[a.ID] || a.Name == "" || len(a.Currency) != 3 ||
				a.RateLimit.Requests < 1 || a.RateLimit.Per < time.Second || a.Timeout <= 0 || a.CustomerEmails == "" {
				t.Errorf("account %+v", a)
			}
			seen[a.ID] = true
			secrets := a.Credentials.Reveal()
			for _, name := range vendor.Credentials {
				if secrets[name] == "" {
					t.Errorf("account %s has no %s", a.ID, name)
				}
			}
		}
		for _, k := range c.Auth.APIKeys {
			if k.Name == "" || k.Role != auth.RoleAdmin && k.Role != auth.RoleReader || k.Accounts != nil && len(k.Accounts) == 0 {
				t.Errorf("key %+v", k)
			}
			for _, id := range k.Accounts {
				if !seen[id] {
					t.Errorf("key %s opens %q, which is no account", k.Name, id)
				}
			}
		}
		if len(c.Accounts) == 0 || c.Cache.List < time.Second || c.Cache.Memory < MiB || c.Limits.Calls < 1 || c.Limits.Body < KiB {
			t.Errorf("config %+v", c)
		}
	})
}
