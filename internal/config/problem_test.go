package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProblems(t *testing.T) {
	env := map[string]string{"SET": "sk_live_secret", "EMPTY": "", "NEWLINE": "sk_live_secret\n"}
	tests := []struct{ name, file, want string }{
		// What is not YAML, or not ours.
		{"empty", "", `f:1:1: accounts: missing, expected a list of accounts`},
		{"only a comment", "# none yet", `f:1:1: accounts: missing, expected a list of accounts`},
		{"not a mapping", "- a", `f:1:1: found a list, expected a mapping with the keys listen, redis, accounts, cache, auth, cors, writes, events, limits, cursors, persisted_operations, admin, log, traces, drain, playground, introspection`},
		{"no YAML", "listen: a: b", `f:1:9: not YAML: mapping value is not allowed in this context`},
		{"no YAML, quoting a secret", "listen: |sk_live_secret", `f:1:9: not YAML: invalid header option: …`},
		{"not UTF-8", "listen: \xff", `f:1:1: found bytes that are not UTF-8, expected YAML in UTF-8`},
		{"bare variable in braces", "listen: x\nauth: { a: ${SET} }", `f:2:12: found ${…} inside { } or [ ], expected it in quotes: "${…}"`},
		{"two documents", account + "---\nlisten: x", `f:3:1: found a second document, expected one`},
		{"alias", account + "limits: &l {}\ncache: *l", "f:2:9: limits: found an anchor, expected a mapping with the keys calls, pages, timeout, body, tokens, depth, aliases, cost, answer, load, connections, subscriptions, viewer_subscriptions, partner, reserve, writes, staff\n" +
			"f:3:8: cache: found an alias, expected a mapping with the keys affiliate, membership, campaign, referral, commission, payout, coupon, list, stale, memory, responses"},
		{"merge key", account + "limits: { <<: {} }", `f:2:11: limits: found an unknown key, expected calls, pages, timeout, body, tokens, depth, aliases, cost, answer, load, connections, subscriptions, viewer_subscriptions, partner, reserve, writes or staff`},

		// Keys.
		{"misspelt key", account + "limits:\n  cals: 5", `f:3:3: limits: found the unknown key "cals", expected "calls"`},
		{"unknown key", account + "colour: red", `f:2:1: found the unknown key "colour", expected listen, redis, accounts, cache, auth, cors, writes, events, limits, cursors, persisted_operations, admin, log, traces, drain, playground or introspection`},
		{"a mapping after the mapping", account + "{ }", `f:2:1: not YAML: unexpected map key`},
		{"key twice", account + "limits: { calls: 1, calls: 2 }", `f:2:21: limits.calls: found twice, expected once`},
		{"documents without a manifest", account + "persisted_operations: { only: [partner, boss] }", "f:2:23: persisted_operations.manifest: missing, expected " + fileName.want + "\n" +
			`f:2:41: persisted_operations.only[1]: found "boss", expected admin, editor, reader or partner`},
		{"writes", account + "writes: { settle: 0s, keep: 1s }", "f:2:19: writes.settle: found \"0s\", expected a duration like 90s or 1h30m, from 1s to 1h\n" +
			"f:2:29: writes.keep: found \"1s\", expected a duration like 90s or 1h30m, from 1m to 8760h"},

		// Single values.
		{"a list for a value", account + "listen: [a]", `f:2:9: listen: found a list, expected host:port`},
		{"nothing for a value", account + "listen:", `f:2:9: listen: found nothing, expected host:port`},
		{"nothing for a mapping", account + "cache: ~", `f:2:8: cache: found nothing, expected a mapping with the keys affiliate, membership, campaign, referral, commission, payout, coupon, list, stale, memory, responses`},
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
f:10:5: accounts[0]: found the unknown key "webhook", expected "webhooks"`},
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
		{"a credential behind its key", "accounts:\n  - id: a\n    provider: promotekit\n    currency: USD\n    api_key:sk_live_secret: x\n    credentials:\n      api_key:sk_live_secret", `f:5:5: accounts[0]: found an unknown key, expected id, name, provider, currency, base_url, credentials, rate_limit, timeout, customer_emails or webhooks
f:7:7: accounts[0].credentials: found a single value, expected a mapping with the keys api_key`},
		{"credentials as text", credentials("sk_live_secret"), `f:1:71: accounts[0].credentials: found a single value, expected a mapping with the keys api_key`},
		{"credential with a space", credentials(`{ api_key: "sk_live_ secret" }`), `f:1:82: accounts[0].credentials.api_key: found a text that is not shown here, expected a text without spaces and line breaks`},
		{"credential with a line break", credentials(`{ api_key: "${NEWLINE}" }`), `f:1:82: accounts[0].credentials.api_key: found the value of ${NEWLINE}, expected a text without spaces and line breaks`},
		{"empty credential", credentials(`{ api_key: "${EMPTY}" }`), `f:1:82: accounts[0].credentials.api_key: found an empty text, expected a text without spaces and line breaks`},
		{"unset variable", credentials(`{ api_key: "x${UNSET}${SET}" }`), `f:1:82: accounts[0].credentials.api_key: found ${UNSET}, expected a variable that is set in the environment`},
		{"broken variable", credentials(`{ api_key: "${SET" }`), `f:1:82: accounts[0].credentials.api_key: found ${ without the name of a variable and }, expected ${NAME}, ${file:/path}, or $${ for the characters themselves`},
		{"variable in the wrong place", account + "playground: ${SET}", `f:2:13: playground: found the value of ${SET}, expected true or false`},
		{"password in a URL", "accounts:\n  - { id: a, base_url: 'https://u:sk_live_secret@x', provider: promotekit, currency: USD, credentials: { api_key: k } }",
			`f:2:24: accounts[0].base_url: found a text that is not shown here, expected an http or https URL without user, query and fragment`},

		// Auth.
		{"auth of nothing", account + "auth: {}\nlisten: :80", `f:2:7: auth: found neither api_keys nor jwt, expected one of them or both`},
		{"no keys", account + "auth: { api_keys: [] }", `f:2:19: auth.api_keys: found an empty list, expected a list of keys`},
		{"key", account + "auth:\n  api_keys:\n    - { sha256: sk_live_secret, role: root, accounts: [saas, shop] }", `f:4:7: auth.api_keys[0].name: missing, expected 1 to 100 printable characters
f:4:17: auth.api_keys[0].sha256: found a text that is not shown here, expected 64 hexadecimal digits, the SHA-256 of the key
f:4:39: auth.api_keys[0].role: found "root", expected admin, editor or reader
f:4:62: auth.api_keys[0].accounts[1]: found "shop", expected the id of one of the accounts`},
		{"a key for no account", account + "auth: { api_keys: [ { name: n, sha256: " + sum + ", role: admin, accounts: [] } ] }", `f:2:129: auth.api_keys[0].accounts: found an empty list, expected a list of accounts' ids`},
		{"the same key twice", account + "auth:\n  api_keys:\n    - { name: n, sha256: " + sum + ", role: admin }\n    - { name: n, sha256: " + strings.ToUpper(sum) + ", role: reader }",
			`f:5:26: auth.api_keys[1].sha256: found the hash of another key, expected one of its own`},

		// Listening.
		{"all interfaces without auth", account + "listen: 0.0.0.0:80", `f:2:9: listen: found "0.0.0.0:80" without auth, which lets in everyone who reaches it; expected an address of this machine alone, like 127.0.0.1:8080, or auth with api_keys or jwt`},
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

func TestLargeAndDeepFiles(t *testing.T) {
	const deep = "found more than 50 lists and mappings in each other, expected fewer"
	tests := []struct{ name, data, want string }{
		{"large", account + strings.Repeat("#", maxFile), "f:1:1: found a file of 131163 bytes, expected at most 128KiB"},
		{"lists", strings.Repeat("[", maxFile), "f:1:51: " + deep},
		{"mappings", strings.Repeat("{a: ", maxFile/4), "f:1:201: " + deep},
		{"entries", strings.Repeat("- ", maxFile/2), "f:1:101: " + deep},
		{"keys", strings.Repeat("? ", maxFile/2), "f:1:101: " + deep},
		{"many, but not deep", strings.Repeat("- [{}]\n", 100), "f:1:1: found a list, expected a mapping with the keys listen, redis, accounts, cache, auth, cors, writes, events, limits, cursors, persisted_operations, admin, log, traces, drain, playground, introspection"},
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
