package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func must2[A, T any](_ A, v T, err error) T { return must(v, err) }

// jwk is a public key as a JWKS has it.
func jwk(id string, key any) map[string]any {
	text := base64.RawURLEncoding.EncodeToString
	k := map[string]any{"kid": id, "use": "sig"}
	switch key := key.(type) {
	case *rsa.PublicKey:
		k["kty"], k["n"], k["e"] = "RSA", text(key.N.Bytes()), text(big.NewInt(int64(key.E)).Bytes())
	case *ecdsa.PublicKey:
		point := must(key.Bytes()) // 4, x, y
		k["kty"], k["crv"], k["x"], k["y"] = "EC", "P-256", text(point[1:33]), text(point[33:])
	case ed25519.PublicKey:
		k["kty"], k["crv"], k["x"] = "OKP", "Ed25519", text(key)
	}
	return k
}

// issuer serves a JWKS.
type issuer struct {
	body    atomic.Pointer[string]
	down    atomic.Bool
	fetches atomic.Int64
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.fetches.Add(1)
	if i.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte(*i.body.Load()))
}

func (i *issuer) publish(keys ...map[string]any) {
	body := string(must(json.Marshal(map[string]any{"keys": keys})))
	i.body.Store(&body)
}

// newIssuer publishes the three keys, by the names of their kinds.
func newIssuer() *issuer {
	i := &issuer{}
	i.publish(jwk("rsa", &rsaKey.PublicKey), jwk("ec", &ecKey.PublicKey), jwk("ed", edKey.Public()))
	return i
}

// clock is a time that tests move.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return today.Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

func options(now func() time.Time) TokenOptions {
	return TokenOptions{
		Issuer: thisIssuer, Audience: thisGraph, Now: now, Failed: func(error) {},
		Claims: Claims{Role: "role", Accounts: "accounts", Affiliates: "affiliates", Email: "email"},
	}
}

// fetched are tokens by an issuer that is reached over HTTP.
func fetched(t testing.TB, i http.Handler, change func(*TokenOptions)) (*Tokens, *clock) {
	c, server, transport := &clock{}, httptest.NewServer(i), &http.Transport{}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		cancel()
		server.Close()
		transport.CloseIdleConnections()
	})
	o := options(c.now)
	o.JWKS, o.HTTP = server.URL+"/keys", transport
	if change != nil {
		change(&o)
	}
	return NewTokens(ctx, o), c
}

// secretly are tokens by a shared secret.
func secretly(t testing.TB) *Tokens {
	o := options(new(clock).now)
	o.Secret = shared
	return NewTokens(t.Context(), o)
}

// with is what a good token claims, with changes; nil takes a claim away.
func with(changes jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{"iss": thisIssuer, "aud": thisGraph, "sub": "dana", "role": "reader", "exp": today.Add(time.Hour).Unix(), "iat": today.Unix(), "nbf": today.Unix()}
	for name, claim := range changes {
		if c[name] = claim; claim == nil {
			delete(c, name)
		}
	}
	return c
}

// signed is a token; the header is that of the method, with changes.
func signed(m jwt.SigningMethod, key any, header map[string]any, c jwt.MapClaims) string {
	t := jwt.NewWithClaims(m, c)
	for name, value := range header {
		if t.Header[name] = value; value == nil {
			delete(t.Header, name)
		}
	}
	return must(t.SignedString(key))
}

func byRSA(c jwt.MapClaims) string {
	return signed(jwt.SigningMethodRS256, rsaKey, map[string]any{"kid": "rsa"}, c)
}

func bearer(token string) *http.Request {
	return &http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}}
}
