package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestTokens wants the server to accept its issuer's tokens, to keep the issuer's keys over
// a reload that does not touch them, and to accept no more of them after one that does. A
// key and a token that name the same person are two in the ledger of writes.
func TestTokens(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var down atomic.Bool
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, `{"keys":[{"kid":"1","kty":"OKP","crv":"Ed25519","x":%q}]}`, base64.RawURLEncoding.EncodeToString(public))
	}))
	t.Cleanup(issuer.Close)
	const secret = "a-secret-of-thirty-two-characters"
	token := func(m jwt.SigningMethod, key any, subject, role string) []string {
		t.Helper()
		made := jwt.NewWithClaims(m, jwt.MapClaims{"iss": "portal", "aud": "graph", "sub": subject, "role": role, "exp": time.Now().Add(time.Hour).Unix()})
		made.Header["kid"] = "1"
		text, err := made.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return []string{"Authorization", "Bearer " + text}
	}
	signed := func(subject, role string) []string { return token(jwt.SigningMethodEdDSA, private, subject, role) }
	shared := token(jwt.SigningMethodHS256, []byte(secret), "dana", "reader")

	accounts := sandboxed(t)
	// The SHA-256 of "secret".
	const keys = "  api_keys: [ { name: dana, sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b, role: admin } ]\n"
	fetched := accounts + "auth:\n" + keys + "  jwt: { issuer: portal, audience: graph, jwks_url: '" + issuer.URL + "' }\n"
	path := write(t, fetched)
	s := start(t, "serve", "--config", path, "--listen", "127.0.0.1:0")
	base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	viewer := func(header []string, want int) {
		t.Helper()
		if status, body := ask(t, base, `{ viewer { name role } }`, header...); status != want || want == 200 && !strings.Contains(body, `{"name":"dana","role":"READER"}`) {
			t.Errorf("%d %s, want %d", status, body, want)
		}
	}
	viewer(signed("dana", "reader"), http.StatusOK)
	viewer(signed("dana", "owner"), http.StatusUnauthorized)
	viewer(shared, http.StatusUnauthorized)

	written := regexp.MustCompile(`"id":"(\S+?)"`)
	create := func(header []string, email string) string {
		t.Helper()
		_, body := ask(t, base, fmt.Sprintf(`mutation { createAffiliate(input: { idempotencyKey: "the-same-key", account: %q, email: %q, firstName: "D", lastName: "E" }) { affiliate { id } userErrors { message } } }`,
			accountID(t, base, header), email), header...)
		m := written.FindStringSubmatch(body)
		if m == nil {
			return body
		}
		return m[1]
	}
	byKey, byToken := create([]string{"X-API-Key", "secret"}, "key@example.com"), create(signed("dana", "editor"), "token@example.com")
	if byKey == byToken || strings.Contains(byKey+byToken, "{") {
		t.Errorf("by a key %s, by a token %s, want two affiliates", byKey, byToken)
	}
	if again := create(signed("dana", "admin"), "token@example.com"); again != byToken {
		t.Errorf("by another token of the same subject %s, want %s again", again, byToken)
	}

	hangups := 0
	hangup := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		hangups++
		s.stderr.await(t, fmt.Sprintf(`(?s)(was read again".*){%d}`, hangups))
	}
	down.Store(true)
	hangup(fetched + "playground: false\n")
	viewer(token(jwt.SigningMethodEdDSA, private, "dana", "reader"), http.StatusOK)
	hangup(accounts + "auth:\n  jwt: { issuer: portal, audience: graph, hs256_secret: " + secret + " }\n")
	viewer(shared, http.StatusOK)
	viewer(signed("dana", "reader"), http.StatusUnauthorized)
	if status, _ := ask(t, base, `{ viewer { name } }`, "X-API-Key", "secret"); status != http.StatusUnauthorized {
		t.Errorf("a key that is no longer configured gets %d", status)
	}
	if strings.Contains(s.stderr.String()+s.stdout.String(), secret) {
		t.Error("the secret is shown")
	}
}

// accountID is the global id of PromoteKit's account.
func accountID(t *testing.T, base string, header []string) string {
	t.Helper()
	_, body := ask(t, base, `{ accounts { id providerId } }`, header...)
	m := regexp.MustCompile(`"id":"([^"]+)","providerId":"promotekit"`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no account of PromoteKit: %s", body)
	}
	return m[1]
}
