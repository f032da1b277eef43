package config

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// FuzzParse proves that no file makes Parse panic, that every file is either refused with a
// place for each problem or read into a configuration that keeps its promises, and that no
// message shows what came out of the environment.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", account, account + "auth:\n  api_keys:\n    - { name: n, sha256: " + sum + ", role: admin, accounts: [saas] }\nlisten: :80",
		credentials(`{ api_key: "${SET}" }`), account + "listen: ${SET}", account + "cache: { list: 1s, memory: 1MiB }\nlimits: { body: 1KiB }",
		account + "redis: { cache: [redis://a, 'redis://:p@b/1'], durable: { sentinel: { master: m, addresses: [\"${SET}\"] } }, ca: c }",
		account + "cors: { origins: ['https://a.example', 'http://[::1]:3000'] }", account + "cors: { origins: ['http://127.1', 'https://x:443', 'null', '*'] }",
		account + "listen: :80\nauth: { jwt: { issuer: i, audience: a, jwks_url: 'https://a/${SET}', role_claim: r } }",
		account + "auth:\n  jwt: { issuer: i, audience: a, hs256_secret: \"${SET}\" }",
		account + "redis:\n  cache: rediss://u:p@a/1", "a: &b [*b]\n<<: *b", "? [a]\n: b", "listen: |\n  x\n", "!!map {}", "accounts:\n- id: ${SET}\n  - b", "- - -", "a: 'b''c'",
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
		for _, from := range c.CORS.Origins {
			u, err := url.Parse(from)
			if err != nil || u.Scheme+"://"+u.Host != from || strings.ToLower(from) != from || u.Scheme != "https" && !thisMachine(from) || !c.Auth.Configured() && !thisMachine(from) {
				t.Errorf("cors has the origin %q", from)
			}
		}
		if c.Redis.Cache.IsZero() != c.Redis.Durable.IsZero() || !c.Redis.Cache.IsZero() && (c.Redis.Cache.Valid() != nil || c.Redis.Durable.Valid() != nil) {
			t.Errorf("redis %v", c.Redis)
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
			if k.Name == "" || k.Role != auth.RoleAdmin && k.Role != auth.RoleEditor && k.Role != auth.RoleReader || k.Accounts != nil && len(k.Accounts) == 0 {
				t.Errorf("key %+v", k)
			}
			for _, id := range k.Accounts {
				if !seen[id] {
					t.Errorf("key %s opens %q, which is no account", k.Name, id)
				}
			}
		}
		if j := c.Auth.JWT; j != nil && (j.Issuer == "" || j.Audience == "" || (j.JWKSURL == "") == (j.Secret.Reveal()["hs256_secret"] == "") || j.Claims.Role == "") {
			t.Errorf("jwt %+v", j)
		}
		if len(c.Accounts) == 0 || c.Cache.List < time.Second || c.Cache.Memory < MiB || c.Limits.Calls < 1 || c.Limits.Body < KiB {
			t.Errorf("config %+v", c)
		}
	})
}
