package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// ec is a token by the key of this name, about a subject of its own so that nothing of
// others is remembered.
func ec(kid, subject string) string {
	return signed(jwt.SigningMethodES256, ecKey, map[string]any{"kid": kid}, with(jwt.MapClaims{"sub": subject}))
}

// TestRotation wants a new key fetched when a token first names it, and the fetches for
// names that do not exist bounded.
func TestRotation(t *testing.T) {
	i := newIssuer()
	tokens, c := fetched(t, i, nil)
	accepted := func(kid, subject string, want bool) {
		t.Helper()
		if _, err := tokens.Viewer(t.Context(), ec(kid, subject)); (err == nil) != want {
			t.Errorf("the key %q: accepted %t, want %t", kid, err == nil, want)
		}
	}
	fetches := func(want int64) {
		t.Helper()
		if got := i.fetches.Load(); got != want {
			t.Errorf("%d fetches so far, want %d", got, want)
		}
	}
	accepted("ec", "first", true)
	fetches(1)
	i.publish(jwk("ec", &ecKey.PublicKey), jwk("ec2", &ecKey.PublicKey))
	accepted("ec2", "b", true)
	accepted("ec", "c", true)
	fetches(2)

	for n := range 100 { // at once, or nearly
		accepted(fmt.Sprint("unknown-", n), "d", false)
	}
	fetches(2)
	c.advance(unknownEvery)
	for n := range 100 {
		accepted(fmt.Sprint("unknown-", n), "d", false)
	}
	fetches(3)
	accepted("ec", "e", true) // which needs none
	remembered := ec("ec", "a")
	if _, err := tokens.Viewer(t.Context(), remembered); err != nil {
		t.Error("a good token is refused")
	}

	i.publish(jwk("ec3", &ecKey.PublicKey))
	accepted("ec3", "f", false) // strangers have spent the fetch: it waits
	c.advance(unknownEvery)
	accepted("ec3", "f", true)
	fetches(4)
	accepted("ec", "g", false) // withdrawn with that fetch
	for _, want := range []bool{true, false} {
		if _, err := tokens.Viewer(t.Context(), remembered); (err == nil) != want {
			t.Errorf("a token that was verified before: accepted %t, want %t", err == nil, want)
		}
		c.advance(rememberedFor)
	}
}

// TestNoKeyID wants a token that names no key refused, rather than tried with each, and not
// even a fetch spent on it.
func TestNoKeyID(t *testing.T) {
	i := newIssuer()
	tokens, _ := fetched(t, i, nil)
	for _, kid := range []any{nil, "", 1, []string{"ec"}} {
		if _, err := tokens.Viewer(t.Context(), signed(jwt.SigningMethodES256, ecKey, map[string]any{"kid": kid}, with(nil))); err == nil {
			t.Errorf("accepted with the key id %v", kid)
		}
	}
	if got := i.fetches.Load(); got != 1 {
		t.Errorf("%d fetches, want 1", got)
	}
}

// TestJWKSDown wants the known keys to stay, whatever is answered in their place, and the
// operator to hear of it.
func TestJWKSDown(t *testing.T) {
	long := `{"keys":[` + strings.Repeat(" ", longestJWKS) + `]}`
	tests := []struct {
		name  string
		spoil func(*issuer, http.ResponseWriter, *http.Request)
		want  string // in what the operator hears
	}{
		{"unavailable", func(_ *issuer, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "503"},
		{"a page", func(_ *issuer, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "decode"},
		{"too long", func(_ *issuer, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, long) }, "too large"},
		{"elsewhere", func(i *issuer, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/keys" {
				http.Redirect(w, r, "/moved", http.StatusFound)
				return
			}
			i.ServeHTTP(w, r)
		}, "302"},
		{"a connection that ends", func(*issuer, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i, broken, heard := newIssuer(), atomic.Bool{}, make(chan string, 10)
			tokens, _ := fetched(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if broken.Load() {
					tt.spoil(i, w, r)
					return
				}
				i.ServeHTTP(w, r)
			}), func(o *TokenOptions) { o.Failed = func(err error) { heard <- err.Error() } })
			if _, err := tokens.Viewer(t.Context(), ec("ec", "a")); err != nil {
				t.Fatal("a good token is refused")
			}
			broken.Store(true)
			i.publish(jwk("ec", &ecKey.PublicKey), jwk("new", &ecKey.PublicKey))
			if _, err := tokens.Viewer(t.Context(), ec("new", "b")); err == nil {
				t.Error("a key that could not be fetched")
			}
			select {
			case got := <-heard:
				if !strings.Contains(got, tt.want) {
					t.Errorf("the operator hears %q, want something of %q", got, tt.want)
				}
			default:
				t.Error("the operator hears nothing")
			}
			if _, err := tokens.Viewer(t.Context(), ec("ec", "c")); err != nil {
				t.Error("a token by a known key is refused")
			}
		})
	}
}

// TestJWKSDownAtStart wants tokens refused while there are no keys, and accepted when there are.
func TestJWKSDownAtStart(t *testing.T) {
	i := newIssuer()
	i.down.Store(true)
	tokens, c := fetched(t, i, nil)
	if _, err := tokens.Viewer(t.Context(), ec("ec", "a")); err == nil {
		t.Error("a token is accepted without a key")
	}
	i.down.Store(false)
	c.advance(unknownEvery)
	if _, err := tokens.Viewer(t.Context(), ec("ec", "a")); err != nil {
		t.Error("a good token is refused")
	}
}

// TestKeyKinds wants only signatures of the key's own kind and algorithm accepted, also
// where the JWKS has keys of other kinds.
func TestKeyKinds(t *testing.T) {
	i := newIssuer()
	es384 := jwk("es384", &ecKey.PublicKey)
	es384["alg"] = "ES384"
	i.publish(es384, map[string]any{"kid": "secret", "kty": "oct", "k": "AAAA"}, map[string]any{"kid": "other", "kty": "OKP", "crv": "Ed448", "x": "AAAA"}, jwk("ec", &ecKey.PublicKey))
	tokens, _ := fetched(t, i, nil)
	for name, token := range map[string]string{
		"a key of another algorithm": ec("es384", "a"),
		"a secret in the JWKS":       signed(jwt.SigningMethodHS256, []byte{0, 0, 0}, map[string]any{"kid": "secret"}, with(nil)),
		"a kind that nobody knows":   ec("other", "a"),
	} {
		if _, err := tokens.Viewer(t.Context(), token); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := tokens.Viewer(t.Context(), ec("ec", "a")); err != nil {
		t.Error("the key beside them is refused")
	}
}

// tripper answers without a socket, for tests in which time is made.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func made(t *testing.T, f tripper) (tokens *Tokens, end context.CancelFunc) {
	ctx, end := context.WithCancel(t.Context())
	o := options(func() time.Time { return today })
	o.JWKS, o.HTTP = "https://id.example/keys", f
	return NewTokens(ctx, o), end
}

// TestRotationAtOnce wants all who are the first to name a new key to get in, by one fetch.
func TestRotationAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		tokens, end := made(t, func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			w := httptest.NewRecorder()
			i.ServeHTTP(w, r)
			return w.Result(), nil
		})
		defer end()
		if _, err := tokens.Viewer(t.Context(), ec("ec", "a")); err != nil {
			t.Fatal("a good token is refused")
		}
		i.publish(jwk("new", &ecKey.PublicKey))
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() {
				if _, err := tokens.Viewer(t.Context(), ec("new", fmt.Sprint(n))); err != nil {
					t.Error("a token by the new key is refused")
				}
			})
		}
		wg.Wait()
		if got := i.fetches.Load(); got != 2 {
			t.Errorf("%d fetches, want 2", got)
		}
	})
}

// TestSlowJWKS wants nobody to wait for the keys but tokens, and these no longer than the
// fetch may take or their request does.
func TestSlowJWKS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		tokens, end := made(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		defer end()
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the start waits %v", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, wait := range []struct {
			ctx  context.Context
			want time.Duration
		}{{ctx, time.Second}, {t.Context(), 2*fetchTime - time.Second}, {t.Context(), 0}} { // until the request ends; the first fetch and its own; none
			start := time.Now()
			if _, err := tokens.Viewer(wait.ctx, ec("ec", "a")); err == nil {
				t.Error("accepted without a key")
			}
			if got := time.Since(start); got != wait.want {
				t.Errorf("waits %v, want %v", got, wait.want)
			}
		}
	})
}

// TestWithdrawnKey wants a key that the issuer withdraws to be of no use soon, though
// nobody names an unknown one, and the fetches to end with the context.
func TestWithdrawnKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		tokens, end := made(t, func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			i.ServeHTTP(w, r)
			return w.Result(), nil
		})
		if _, err := tokens.Viewer(t.Context(), ec("ec", "a")); err != nil {
			t.Fatal("a good token is refused")
		}
		i.publish(jwk("rsa", &rsaKey.PublicKey))
		time.Sleep(fetchEvery - time.Second)
		if _, err := tokens.Viewer(t.Context(), ec("ec", "b")); err != nil {
			t.Error("refused before the next fetch")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := i.fetches.Load(); got != 2 {
			t.Errorf("%d fetches, want 2", got)
		}
		if _, err := tokens.Viewer(t.Context(), ec("ec", "c")); err == nil {
			t.Error("accepted by a key that was withdrawn")
		}
		end()
		fetches := i.fetches.Load()
		time.Sleep(2 * fetchEvery)
		if got := i.fetches.Load(); got != fetches {
			t.Error("the fetches go on after the end")
		}
		if _, err := tokens.Viewer(t.Context(), byRSA(with(nil))); err != nil {
			t.Error("after the end, for the requests that still run, a known key is refused")
		}
	})
}

// FuzzToken proves that no token opens but those that were issued, and that no error says
// anything of one.
func FuzzToken(f *testing.F) {
	i := newIssuer()
	tokens, _ := fetched(f, i, nil)
	public, private := New(keys, tokens), New(keys, secretly(f))
	issued := map[string]bool{byRSA(with(nil)): true, ec("ec", "a"): true, signed(jwt.SigningMethodHS256, shared, nil, with(nil)): true}
	for token := range issued {
		f.Add("Bearer " + token)
		f.Add("bearer  " + token[:len(token)-1])
	}
	f.Add("Bearer " + signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, with(nil)))
	f.Add("Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6WyJyc2EiXX0.e30.AAAA")
	f.Add("Bearer root")
	f.Add("Bearer ..")
	f.Fuzz(func(t *testing.T, authorization string) {
		_, sent, _ := strings.Cut(authorization, " ")
		sent = strings.TrimSpace(sent)
		for name, a := range map[string]*Authenticator{"JWKS": public, "secret": private} {
			v, err := a.FromRequest(&http.Request{Header: http.Header{"Authorization": {authorization}}})
			switch {
			case (err == nil) != (v != nil):
				t.Errorf("%s: %v beside %v", name, v, err)
			case err == nil && !issued[sent] && sent != "root" && sent != "old" && sent != "new":
				t.Errorf("%s: %q opens for %s", name, authorization, v.Subject)
			case err != nil && !errors.Is(err, ErrBadToken) && err != ErrBadCredentials: //nolint:errorlint // the very values, so that nothing sent is wrapped in
				t.Errorf("%s: another error: %v", name, err)
			}
		}
	})
}
