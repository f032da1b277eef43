package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	thisIssuer = "https://id.example/"
	thisGraph  = "graph"
)

var today = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// The issuer's keys, and those of somebody else.
var (
	rsaKey, strangersRSA = must(rsa.GenerateKey(rand.Reader, 2048)), must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey                = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	edKey                = must2(ed25519.GenerateKey(rand.Reader))
	shared               = []byte("a secret of thirty-two characters")
)

func TestToken(t *testing.T) {
	tokens, _ := fetched(t, newIssuer(), nil)
	dana := Viewer{Name: "dana", Subject: "jwt:https://id.example/ dana", Role: RoleReader}
	like := func(change func(*Viewer)) Viewer {
		v := dana
		change(&v)
		return v
	}
	partner := func(affiliates []string, email string) Viewer {
		return like(func(v *Viewer) { v.Role, v.Affiliates, v.Email = RolePartner, affiliates, email })
	}
	tests := []struct {
		name, token string
		want        Viewer
	}{
		{"RS256", byRSA(with(nil)), dana},
		{"ES256", signed(jwt.SigningMethodES256, ecKey, map[string]any{"kid": "ec"}, with(nil)), dana},
		{"EdDSA", signed(jwt.SigningMethodEdDSA, edKey, map[string]any{"kid": "ed"}, with(nil)), dana},
		{"only what is required", byRSA(with(jwt.MapClaims{"iat": nil, "nbf": nil})), dana},
		{"one of several audiences", byRSA(with(jwt.MapClaims{"aud": []string{"other", thisGraph}})), dana},
		{"a clock a little ahead", byRSA(with(jwt.MapClaims{"iat": today.Add(Leeway).Unix(), "nbf": today.Add(Leeway).Unix()})), dana},
		{"a clock a little behind", byRSA(with(jwt.MapClaims{"exp": today.Add(1-Leeway).Unix() + 1})), dana},
		{"an admin", byRSA(with(jwt.MapClaims{"role": "admin"})), like(func(v *Viewer) { v.Role = RoleAdmin })},
		{"an editor", byRSA(with(jwt.MapClaims{"role": "editor"})), like(func(v *Viewer) { v.Role = RoleEditor })},
		{"accounts", byRSA(with(jwt.MapClaims{"accounts": []string{"saas"}})), like(func(v *Viewer) { v.Accounts = []string{"saas"} })},
		{"no account", byRSA(with(jwt.MapClaims{"accounts": []string{}})), like(func(v *Viewer) { v.Accounts = []string{} })},
		{"a text of accounts", byRSA(with(jwt.MapClaims{"accounts": "saas"})), like(func(v *Viewer) { v.Accounts = []string{"saas"} })},
		{"a text of affiliates", byRSA(with(jwt.MapClaims{"role": "partner", "affiliates": "a"})), partner([]string{"a"}, "")},
		{"an address verified by a text", byRSA(with(jwt.MapClaims{"role": "partner", "email": "d@example.com", "email_verified": "true"})), partner(nil, "d@example.com")},
		{"affiliates and an address not verified by a text", byRSA(with(jwt.MapClaims{"role": "partner", "affiliates": "a", "email": "d@example.com", "email_verified": "false"})), partner([]string{"a"}, "")},
		{"a partner's claims of a reader", byRSA(with(jwt.MapClaims{"affiliates": []string{"a"}, "email": "d@example.com", "email_verified": true})), dana},
		{"affiliates", byRSA(with(jwt.MapClaims{"role": "partner", "affiliates": []string{"a", "b"}})), partner([]string{"a", "b"}, "")},
		{"a verified address", byRSA(with(jwt.MapClaims{"role": "partner", "email": "d@example.com", "email_verified": true})), partner(nil, "d@example.com")},
		{"affiliates and an address that is not verified", byRSA(with(jwt.MapClaims{"role": "partner", "affiliates": []string{"a"}, "email": "d@example.com", "email_verified": false})), partner([]string{"a"}, "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, time := range []string{"first", "second"} { // when it is remembered
				got, err := New(nil, tokens).FromRequest(bearer(tt.token))
				if err != nil {
					t.Fatalf("%s time: %v", time, err)
				}
				if diff := cmp.Diff(&tt.want, got); diff != "" {
					t.Errorf("%s time: viewer (-want +got):\n%s", time, diff)
				}
			}
		})
	}
}

// TestBadTokens wants every token refused that is not exactly what was configured, without
// a word of why.
func TestBadTokens(t *testing.T) {
	i := newIssuer()
	tokens, _ := fetched(t, i, nil)
	good := byRSA(with(nil))
	parts := strings.Split(good, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(&rsaKey.PublicKey))})
	claims := func(name string, claim any) string { return byRSA(with(jwt.MapClaims{name: claim})) }
	header := func(m jwt.SigningMethod, key any, h map[string]any) string { return signed(m, key, h, with(nil)) }
	kid := map[string]any{"kid": "rsa"}
	unsigned := func(alg string) string {
		return b64([]byte(`{"alg":"`+alg+`","kid":"rsa"}`)) + "." + parts[1] + "."
	}
	last := strings.IndexByte(alphabet, good[len(good)-1])
	tests := map[string]string{
		"another issuer": claims("iss", "https://id.example"), "no issuer": claims("iss", nil), "several issuers": claims("iss", []string{thisIssuer}),
		"another audience": claims("aud", "graphs"), "no audience": claims("aud", nil), "other audiences": claims("aud", []string{"a", "b"}), "an empty audience": claims("aud", ""),
		"expired": claims("exp", today.Add(-Leeway).Unix()), "never expires": claims("exp", nil), "expires at a text": claims("exp", "2099"), "expires at 0": claims("exp", 0), "expires beyond all numbers": claims("exp", -1e300),
		"not yet valid": claims("nbf", today.Add(Leeway+time.Second).Unix()), "valid from a text": claims("nbf", "now"), "issued in the future": claims("iat", today.Add(Leeway+time.Second).Unix()),
		"no subject": claims("sub", nil), "an empty subject": claims("sub", ""), "a number as subject": claims("sub", 7), "a long subject": claims("sub", strings.Repeat("x", longestSubject+1)), "a subject of two lines": claims("sub", "a\nb"),
		"no role": claims("role", nil), "another role": claims("role", "owner"), "a role in capitals": claims("role", "ADMIN"), "a list of roles": claims("role", []string{"reader"}), "a number as role": claims("role", 1), "an empty role": claims("role", ""),
		"an empty text of accounts": claims("accounts", ""), "a number of accounts": claims("accounts", 7), "numbers of accounts": claims("accounts", []int{1}), "null accounts": byRSA(jwt.MapClaims{"iss": thisIssuer, "aud": thisGraph, "sub": "dana", "role": "reader", "exp": today.Add(time.Hour).Unix(), "accounts": nil}),
		"a partner of nothing":                         claims("role", "partner"),
		"a partner of no affiliate":                    byRSA(with(jwt.MapClaims{"role": "partner", "affiliates": []string{}})),
		"a partner of no affiliate who has an address": byRSA(with(jwt.MapClaims{"role": "partner", "affiliates": []string{}, "email": "d@example.com", "email_verified": true})),
		"a partner of an empty text":                   byRSA(with(jwt.MapClaims{"role": "partner", "affiliates": "", "email": "d@example.com", "email_verified": true})),
		"an address that is not verified":              byRSA(with(jwt.MapClaims{"role": "partner", "email": "d@example.com", "email_verified": false})),
		"an address of which nothing is said":          byRSA(with(jwt.MapClaims{"role": "partner", "email": "d@example.com"})),
		"a verified number":                            byRSA(with(jwt.MapClaims{"role": "partner", "email": 7, "email_verified": true})),
		"none":                                         unsigned("none"),
		"none in other letters":                        unsigned("nOnE"),
		"none by the library":                          header(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid),
		"no algorithm":                                 header(jwt.SigningMethodRS256, rsaKey, map[string]any{"kid": "rsa", "alg": nil}),
		"the public key as a secret":                   header(jwt.SigningMethodHS256, public, kid),
		"the public modulus as a secret":               header(jwt.SigningMethodHS256, rsaKey.N.Bytes(), kid),
		"an empty secret":                              header(jwt.SigningMethodHS256, []byte{}, kid),
		"a longer hash":                                header(jwt.SigningMethodRS384, rsaKey, kid),
		"another padding":                              header(jwt.SigningMethodPS256, rsaKey, kid),
		"one algorithm's signature for another":        header(jwt.SigningMethodRS256, rsaKey, map[string]any{"kid": "rsa", "alg": "ES256"}),
		"one key's name for another":                   header(jwt.SigningMethodES256, ecKey, kid),
		"no key":                                       header(jwt.SigningMethodRS256, rsaKey, nil), "an empty key": header(jwt.SigningMethodRS256, rsaKey, map[string]any{"kid": ""}), "a list of keys": header(jwt.SigningMethodRS256, rsaKey, map[string]any{"kid": []string{"rsa"}}),
		"an unknown key":                     header(jwt.SigningMethodRS256, rsaKey, map[string]any{"kid": "RSA"}),
		"a stranger's key":                   header(jwt.SigningMethodRS256, strangersRSA, kid),
		"a stranger's key that it brings":    header(jwt.SigningMethodRS256, strangersRSA, map[string]any{"kid": "rsa", "jwk": jwk("rsa", &strangersRSA.PublicKey), "jku": "http://127.0.0.1:1/keys"}),
		"a critical extension":               header(jwt.SigningMethodRS256, rsaKey, map[string]any{"kid": "rsa", "crit": []string{"exp"}}),
		"other claims below a signature":     parts[0] + "." + b64([]byte(`{"iss":"https://id.example/","aud":"graph","sub":"dana","role":"admin","exp":4102444800}`)) + "." + parts[2],
		"half a signature":                   good[:len(good)-100],
		"no signature":                       parts[0] + "." + parts[1] + ".",
		"bits behind the signature's end":    good[:len(good)-1] + alphabet[last^1:][:1],
		"nothing":                            "..",
		"no JSON":                            b64([]byte("x")) + "." + parts[1] + "." + parts[2],
		"null":                               b64([]byte("null")) + "." + b64([]byte("null")) + ".",
		"a token as long as a header may be": claims("padding", strings.Repeat("x", longestToken)),
	}
	a := New(keys, tokens)
	for name, token := range tests {
		t.Run(name, func(t *testing.T) {
			for range 2 { // nothing of it is remembered
				if v, err := a.FromRequest(bearer(token)); v != nil || !errors.Is(err, ErrBadToken) || err.Error() != ErrBadToken.Error() {
					t.Errorf("got %v, %v, want %v", v, err, ErrBadToken)
				}
			}
		})
	}
	if _, err := a.FromRequest(bearer(good)); err != nil {
		t.Fatalf("the token that all of these are made from: %v", err)
	}
	if got := i.fetches.Load(); got != 2 {
		t.Errorf("%d fetches, want 2: the first, and one for unknown keys", got)
	}
}

// alphabet is that of base64url.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func TestSharedSecret(t *testing.T) {
	a := New(nil, secretly(t))
	tests := []struct {
		name, token string
		err         error
	}{
		{"HS256", signed(jwt.SigningMethodHS256, shared, nil, with(nil)), nil},
		{"with the name of a key", signed(jwt.SigningMethodHS256, shared, map[string]any{"kid": "1"}, with(nil)), nil},
		{"another secret", signed(jwt.SigningMethodHS256, shared[1:], nil, with(nil)), ErrBadToken},
		{"an empty secret", signed(jwt.SigningMethodHS256, []byte{}, nil, with(nil)), ErrBadToken},
		{"a longer hash", signed(jwt.SigningMethodHS512, shared, nil, with(nil)), ErrBadToken},
		{"a key pair", byRSA(with(nil)), ErrBadToken},
		{"none", signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, with(nil)), ErrBadToken},
	}
	for _, tt := range tests {
		if _, err := a.FromRequest(bearer(tt.token)); !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.err)
		}
	}
}

// TestKeysAndTokens wants the form of what is sent to decide, and two ways to say it refused.
func TestKeysAndTokens(t *testing.T) {
	token, dotted := signed(jwt.SigningMethodHS256, shared, nil, with(nil)), Key{Name: "dotted", SHA256: sha256.Sum256([]byte("a.b.c"))}
	empty := Key{Name: "empty", SHA256: sha256.Sum256(nil)} // which nobody can send
	both, keysOnly := New(append(keys[:len(keys):len(keys)], dotted, empty), secretly(t)), New([]Key{dotted}, nil)
	tests := []struct {
		name   string
		a      *Authenticator
		header http.Header
		want   string // the viewer's subject
		err    error
	}{
		{"a token", both, http.Header{"Authorization": {"Bearer " + token}}, "jwt:https://id.example/ dana", nil},
		{"a key", both, http.Header{"Authorization": {"Bearer root"}}, "key:ops", nil},
		{"a key that looks like a token", both, http.Header{"Authorization": {"Bearer a.b.c"}}, "", ErrBadToken},
		{"the same, said to be a key", both, http.Header{"X-Api-Key": {"a.b.c"}}, "key:dotted", nil},
		{"the same without tokens", keysOnly, http.Header{"Authorization": {"Bearer a.b.c"}}, "key:dotted", nil},
		{"a token without tokens", keysOnly, http.Header{"Authorization": {"Bearer " + token}}, "", ErrBadCredentials},
		{"a token as a key", both, http.Header{"X-Api-Key": {token}}, "", ErrBadCredentials},
		{"a token twice", both, http.Header{"Authorization": {"Bearer " + token}, "X-Api-Key": {token}}, "jwt:https://id.example/ dana", nil},
		{"a token and a key", both, http.Header{"Authorization": {"Bearer " + token}, "X-Api-Key": {"root"}}, "", ErrBadCredentials},
		{"two headers", both, http.Header{"Authorization": {"Bearer " + token, "Bearer " + token}}, "", ErrBadCredentials},
		{"two tokens", both, http.Header{"Authorization": {"Bearer " + token + " " + token}}, "", ErrBadCredentials},
		{"another scheme", both, http.Header{"Authorization": {"DPoP " + token}}, "", ErrBadCredentials},
		{"nothing", both, http.Header{}, "", ErrNoCredentials},
		{"an empty bearer", both, http.Header{"Authorization": {"Bearer "}}, "", ErrBadCredentials},
		{"an empty key", both, http.Header{"X-Api-Key": {""}}, "", ErrBadCredentials},
		{"an empty bearer and an empty key", both, http.Header{"Authorization": {"Bearer "}, "X-Api-Key": {""}}, "", ErrBadCredentials},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := tt.a.FromRequest(&http.Request{Header: tt.header})
			if !errors.Is(err, tt.err) || (err == nil) != (v != nil) {
				t.Fatalf("got %v, %v, want error %v", v, err, tt.err)
			}
			if v != nil && v.Subject != tt.want {
				t.Errorf("subject %q, want %q", v.Subject, tt.want)
			}
		})
	}
}

// TestRemembered wants a token that was verified forgotten when it expires.
func TestRemembered(t *testing.T) {
	tokens, c := fetched(t, newIssuer(), nil)
	token := byRSA(with(jwt.MapClaims{"exp": today.Add(2 * time.Minute).Unix()}))
	for _, step := range []struct {
		advance time.Duration
		want    bool
	}{{0, true}, {time.Minute, true}, {time.Minute + Leeway - time.Second, true}, {time.Second, false}} {
		c.advance(step.advance)
		if _, err := tokens.Viewer(t.Context(), token); (err == nil) != step.want {
			t.Errorf("%v later: accepted %t, want %t", c.now().Sub(today), err == nil, step.want)
		}
	}
}

// TestOthersClaims wants the claims read by the names that the options have for them, and
// no others.
func TestOthersClaims(t *testing.T) {
	o := options(new(clock).now)
	o.Secret, o.Claims = shared, Claims{Role: "https://x.example/role", Accounts: "shops", Affiliates: "ids", Email: "contact"}
	tokens := NewTokens(t.Context(), o)
	c := with(jwt.MapClaims{"role": "admin", "https://x.example/role": "partner", "shops": []string{"eu"}, "ids": []string{"a"}, "contact": "d@example.com", "contact_verified": true})
	got, _ := tokens.Viewer(t.Context(), signed(jwt.SigningMethodHS256, shared, nil, c))
	want := &Viewer{Name: "dana", Subject: "jwt:https://id.example/ dana", Role: RolePartner, Accounts: []string{"eu"}, Affiliates: []string{"a"}, Email: "d@example.com"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("viewer (-want +got):\n%s", diff)
	}
	// That email is verified says nothing of contact.
	delete(c, "contact_verified")
	c["email_verified"] = true
	if got, _ := tokens.Viewer(t.Context(), signed(jwt.SigningMethodHS256, shared, nil, c)); got.Email != "" {
		t.Errorf("the address %q, want none", got.Email)
	}
}

func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*TokenOptions){
		"no key": func(o *TokenOptions) { o.Secret = nil }, "two kinds of key": func(o *TokenOptions) { o.JWKS = "http://127.0.0.1:1/" },
		"no issuer": func(o *TokenOptions) { o.Issuer = "" }, "no audience": func(o *TokenOptions) { o.Audience = "" },
	} {
		o := options(new(clock).now)
		o.Secret = shared
		change(&o)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", name)
				}
			}()
			NewTokens(t.Context(), o)
		}()
	}
}

func TestManyAtOnce(t *testing.T) {
	tokens, _ := fetched(t, newIssuer(), nil)
	good, bad := byRSA(with(nil)), byRSA(with(jwt.MapClaims{"role": "owner"}))
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 20 {
				if _, err := tokens.Viewer(t.Context(), good); err != nil {
					t.Error("a good token is refused")
				}
				if _, err := tokens.Viewer(t.Context(), bad); err == nil {
					t.Error("a bad token is accepted")
				}
			}
		})
	}
	wg.Wait()
}

// TestForget wants nobody remembered, and everybody known again.
func TestForget(t *testing.T) {
	tokens := secretly(t)
	a := New(nil, tokens)
	token := bearer(signed(jwt.SigningMethodHS256, shared, nil, with(nil)))
	for range 2 {
		if _, err := a.FromRequest(token); err != nil {
			t.Fatal(err)
		}
		if got := len(slices.Collect(tokens.verified.Keys())); got != 1 {
			t.Fatalf("%d remembered, want 1", got)
		}
		a.Forget()
		if got := len(slices.Collect(tokens.verified.Keys())); got != 0 {
			t.Errorf("%d remembered, want none", got)
		}
	}
	New(nil, nil).Forget()
}

// TestRolesOfTokens wants tokens of roles that the issuer may not give refused.
func TestRolesOfTokens(t *testing.T) {
	o := options(new(clock).now)
	o.Secret, o.Roles = shared, []Role{RolePartner, RoleReader}
	tokens := NewTokens(t.Context(), o)
	for role, want := range map[string]bool{"partner": true, "reader": true, "editor": false, "admin": false} {
		token := signed(jwt.SigningMethodHS256, shared, nil, with(jwt.MapClaims{"role": role, "affiliates": []string{"a"}}))
		if _, err := tokens.Viewer(t.Context(), token); (err == nil) != want {
			t.Errorf("%s: accepted %t, want %t", role, err == nil, want)
		}
	}
}

// TestRefusedClaims wants the operator told which claim refuses a token that is signed as
// it should be, and never what stands in it.
func TestRefusedClaims(t *testing.T) {
	o := options(new(clock).now)
	o.Secret, o.Roles = shared, []Role{RolePartner, RoleReader}
	tokens := NewTokens(t.Context(), o)
	const value = "s3cret"
	partner := func(claims jwt.MapClaims) jwt.MapClaims {
		claims["role"] = "partner"
		return claims
	}
	for _, tt := range []struct {
		claims jwt.MapClaims
		want   string // the claim
	}{
		{jwt.MapClaims{"iss": value}, "iss"}, {jwt.MapClaims{"iss": nil}, "iss"}, {jwt.MapClaims{"aud": value}, "aud"}, {jwt.MapClaims{"aud": nil}, "aud"},
		{jwt.MapClaims{"exp": nil}, "exp"}, {jwt.MapClaims{"exp": value}, "exp"}, {jwt.MapClaims{"exp": today.Add(-time.Hour).Unix()}, "exp"},
		{jwt.MapClaims{"nbf": today.Add(time.Hour).Unix()}, "nbf"}, {jwt.MapClaims{"nbf": value}, "nbf"},
		{jwt.MapClaims{"iat": today.Add(time.Hour).Unix()}, "iat"}, {jwt.MapClaims{"iat": value}, "iat"},
		{jwt.MapClaims{"sub": nil}, "sub"}, {jwt.MapClaims{"sub": value + "\n"}, "sub"}, {jwt.MapClaims{"sub": 7}, "sub"},
		{jwt.MapClaims{"role": value}, "role"}, {jwt.MapClaims{"role": nil}, "role"}, {jwt.MapClaims{"role": "admin"}, "role"}, {jwt.MapClaims{"role": []string{"reader"}}, "role"},
		{jwt.MapClaims{"accounts": 7}, "accounts"}, {jwt.MapClaims{"accounts": ""}, "accounts"}, {jwt.MapClaims{"accounts": []any{value, 7}}, "accounts"},
		{jwt.MapClaims{"accounts": map[string]any{value: true}}, "accounts"}, {jwt.MapClaims{"accounts": false}, "accounts"},
		{partner(jwt.MapClaims{"affiliates": 7}), "affiliates"}, {partner(jwt.MapClaims{"affiliates": ""}), "affiliates"}, {partner(jwt.MapClaims{"affiliates": []string{}}), "affiliates"},
		{partner(jwt.MapClaims{"email": value}), "email_verified"}, {partner(jwt.MapClaims{"email": value, "email_verified": false}), "email_verified"},
		{partner(jwt.MapClaims{"email": value, "email_verified": "false"}), "email_verified"}, {partner(jwt.MapClaims{"email": value, "email_verified": "FALSE"}), "email_verified"},
		{partner(jwt.MapClaims{"email": value, "email_verified": 1}), "email_verified"}, {partner(jwt.MapClaims{"email": value, "email_verified": "yes"}), "email_verified"},
		{partner(jwt.MapClaims{"email": 7, "email_verified": true}), "email"}, {partner(jwt.MapClaims{"email_verified": "true"}), "email"},
	} {
		_, err := tokens.Viewer(t.Context(), signed(jwt.SigningMethodHS256, shared, nil, with(tt.claims)))
		if r := reason(t, err); !strings.HasPrefix(r, "the claim "+tt.want+": ") || strings.Contains(r, value) {
			t.Errorf("%v: the reason is %q, want the claim %q", tt.claims, r, tt.want)
		}
		_, err = tokens.Viewer(t.Context(), signed(jwt.SigningMethodHS256, shared[1:], nil, with(tt.claims)))
		if r := reason(t, err); !strings.HasPrefix(r, "the signature ") {
			t.Errorf("%v: the reason of a stranger's token is %q", tt.claims, r)
		}
	}
}

// reason is what the operator is told of a refused token. Clients are told the same of all.
func reason(t *testing.T, err error) string {
	t.Helper()
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok || err.Error() != ErrBadToken.Error() {
		t.Fatalf("the error is %v, want a refusal", err)
	}
	return refusal.Reason
}
