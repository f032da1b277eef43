package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// checkJSON is what check --json prints.
func checkJSON(t *testing.T, text string, flags ...string) (report, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), append([]string{"check", "--json", "--config", write(t, text)}, flags...), noEnv, &out, io.Discard)
	var r report
	if bad := json.Unmarshal(out.Bytes(), &r); bad != nil {
		t.Fatalf("%v: %s", bad, &out)
	}
	if r.OK != (err == nil) {
		t.Errorf("ok is %t, and the command ends with %v", r.OK, err)
	}
	return r, err
}

// TestCheckOffline wants nobody asked, so that the check of a file works where there is no
// network.
func TestCheckOffline(t *testing.T) {
	asked := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) }))
	defer asked.Close()
	accounts := fmt.Sprintf("accounts:\n  - { id: a, name: A, provider: promotekit, currency: USD, base_url: %q, credentials: { api_key: sk } }\n", asked.URL)
	text := accounts + fmt.Sprintf("auth:\n  jwt: { issuer: i, audience: a, jwks_url: %q }\nredis: { cache: %q }\n",
		strings.Replace(asked.URL, "http://127.0.0.1", "http://localhost", 1), "redis"+strings.TrimPrefix(asked.URL, "http"))
	if r, err := checkJSON(t, text, "--offline"); err != nil || len(r.Accounts)+len(r.Redis) != 0 || r.Tokens != nil {
		t.Errorf("%v: %+v", err, r)
	}
	if r, err := checkJSON(t, text+"surprise: true\n", "--offline"); err == nil || len(r.Failures) != 1 || !strings.Contains(r.Failures[0], `"surprise"`) {
		t.Errorf("a misspelt key: %v: %+v", err, r)
	}
}

// TestCheckDurable wants a durable Redis refused that may lose the ledger, however it does.
func TestCheckDurable(t *testing.T) {
	accounts := sandboxed(t)
	cache := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lfu")
	for _, tt := range []struct {
		name     string
		settings []string
		want     string // in a warning; "" where it is sound
	}{
		{"sound", []string{"--appendonly", "yes"}, ""},
		{"evicts", []string{"--appendonly", "yes", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, "maxmemory-policy is allkeys-lru"},
		{"evicts what expires", []string{"--appendonly", "yes", "--maxmemory-policy", "volatile-ttl"}, "maxmemory-policy is volatile-ttl"},
		{"keeps nothing on disk", nil, "appendonly is no"},
	} {
		durable := redistest.Start(t, tt.settings...)
		r, err := checkJSON(t, accounts+fmt.Sprintf("redis: { cache: %q, durable: %q, replicas: 1 }\n", cache.Target().Addresses[0].Reveal(), durable.Target().Addresses[0].Reveal()))
		if (err == nil) != (tt.want == "") || len(r.Redis) != 2 {
			t.Errorf("%s: %v: %+v", tt.name, err, r)
			continue
		}
		if found := strings.Join(r.Redis[0].Warnings, "; "); !strings.Contains(found, tt.want) || r.Redis[0].OK != (tt.want == "") || !r.Redis[1].OK {
			t.Errorf("%s: %+v", tt.name, r.Redis)
		}
	}
}

// TestCheckTokens wants the keys of the issuer fetched, and told why they cannot be used.
func TestCheckTokens(t *testing.T) {
	accounts := sandboxed(t)
	body := ""
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
	defer issuer.Close()
	secure := httptest.NewUnstartedServer(issuer.Config.Handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	local := strings.Replace(issuer.URL, "127.0.0.1", "localhost", 1)
	for _, tt := range []struct{ name, url, body, want string }{
		{"a key", local, `{"keys":[{"kty":"oct","kid":"k","k":"c2VjcmV0"}]}`, "reachable, 1 keys"},
		{"no key", local, `{"keys":[]}`, "it has no key that this program can use"},
		{"a page", local, `<html>`, "invalid character"},
		{"other names", strings.Replace(secure.URL, "127.0.0.1", "localhost", 1), `{"keys":[]}`, "the certificate is for other names"},
		{"an unknown authority", secure.URL, `{"keys":[]}`, "an authority that this machine does not trust"},
		{"no TLS there", strings.Replace(local, "http://", "https://", 1), `{"keys":[]}`, "the server does not speak TLS at this port"},
		{"nobody there", "http://localhost:1/keys", "", "connection refused"},
	} {
		body = tt.body
		r, err := checkJSON(t, accounts+fmt.Sprintf("auth:\n  jwt: { issuer: i, audience: a, jwks_url: %q }\n", tt.url))
		if r.Tokens == nil || !strings.Contains(r.Tokens.Message, tt.want) || (err == nil) != r.Tokens.OK {
			t.Errorf("%s: %v: %+v", tt.name, err, r.Tokens)
		}
		if len(r.Accounts) != len(all.Registry().Factories()) {
			t.Errorf("%s: accounts: %+v", tt.name, r.Accounts)
		}
	}
}

// TestToken wants to be told who a token is about, or why it is refused, and the token
// never shown.
func TestToken(t *testing.T) {
	path := write(t, sandboxed(t)+"auth:\n  jwt: { issuer: portal, audience: graph, hs256_secret: "+shareSecret+" }\n")
	token := bearer(t, "kim", "partner", "aff_1")[1]
	other, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "portal", "aud": "elsewhere", "sub": "kim", "role": "reader", "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString([]byte(shareSecret))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, input, want, failure string }{
		{"accepted", token, "accepted\nname        kim\nrole        partner\naccounts    all\naffiliates  aff_1\nemail       \n", ""},
		{"without the scheme", strings.TrimPrefix(token, "Bearer ") + "\n", "accepted\n", ""},
		{"another audience", other, "", "refused: the claim aud: expected the configured audience (auth.jwt.audience)"},
		{"another signature", token + "x", "", "refused: the signature is wrong"},
		{"no token", "hello", "", "refused: it is not a well-formed JSON Web Token"},
		{"nothing", "", "", "standard input is empty"},
		{"too long", strings.Repeat("x", 100_000), "", "refused: the token has more than"},
	} {
		var out bytes.Buffer
		p := &process{ctx: t.Context(), getenv: noEnv, stdin: strings.NewReader(tt.input), stdout: &out, registry: all.Registry(), now: time.Now}
		err := tokenCommand{Config: path}.Run(p)
		if text := fmt.Sprint(err); (err == nil) != (tt.failure == "") || err != nil && !strings.HasPrefix(text, tt.failure) || !strings.HasPrefix(out.String(), tt.want) {
			t.Errorf("%s: %v, %q", tt.name, err, out.String())
		}
		if len(tt.input) > 20 && strings.Contains(out.String()+fmt.Sprint(err), tt.input[7:20]) {
			t.Errorf("%s: the token is shown", tt.name)
		}
	}
}

// TestCheckWebhooks wants to be told which subscriptions are missing or wrong at a vendor, and
// what to do.
func TestCheckWebhooks(t *testing.T) {
	for _, vendor := range syncedVendors {
		s := newSynced(t, vendor, "{ path_tokens: ["+formerToken+"] }")
		s.free()
		found := func() string {
			t.Helper()
			var out bytes.Buffer
			if err := run(t.Context(), []string{"check", "--config", s.config}, noEnv, &out, io.Discard); err != nil || len(s.writes()) > 0 {
				t.Errorf("%s: %v, writes %v", vendor, err, s.writes())
			}
			if strings.Contains(out.String(), formerToken) {
				t.Errorf("a token is shown: %s", &out)
			}
			return out.String()
		}
		name := map[string]string{"firstpromoter": "the subscription", "uppromote": "referral.new, referral.status-changed"}[vendor]
		if text := found(); !strings.Contains(text, "missing at the vendor: ") || !strings.Contains(text, name+": run partnergraph webhooks sync") ||
			!strings.Contains(text, "account "+vendor+": all deliveries of webhooks are refused") {
			t.Errorf("%s", text)
		}
		s.runs(true)
		s.kit.Forget()
		if text := found(); strings.Contains(text, "at the vendor") {
			t.Errorf("%s: nothing is missing: %s", vendor, text)
		}
		rows, err := subscriptionsOf(t.Context(), s.vendor)
		if err != nil {
			t.Fatal(err)
		}
		s.does(&providers.UpdateWebhookSubscriptionInput{ID: rows[0].ID, TargetURL: new(at(vendor, formerToken) + "/x.y")})
		s.kit.Forget()
		if text := found(); !strings.Contains(text, "not as it should be at the vendor: ") || !strings.Contains(text, "(its address): run") {
			t.Errorf("%s: %s", vendor, text)
		}
		s.kit.Choose(func(r *http.Request) (sandbox.Fault, bool) {
			return sandbox.Fault{Status: 403, Body: `{"message":"` + at("x", formerToken) + `"}`}, strings.Contains(r.URL.Path, "webhook")
		})
		if text := found(); !strings.Contains(text, "cannot be read") {
			t.Errorf("%s: %s", vendor, text)
		}
	}
}
