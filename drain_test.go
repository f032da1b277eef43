package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/telemetry"
	"github.com/partnergraph/partnergraph/providers/all"
)

// TestWorkBehindRequests wants what runs behind requests to go on after the signal that
// stops the process, for requests are still served then, and to end when the process does:
// the issuer's new keys are fetched, and stale answers refreshed.
func TestWorkBehindRequests(t *testing.T) {
	keys, private := "", map[string]ed25519.PrivateKey{}
	for _, kid := range []string{"old", "new"} {
		public, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		private[kid] = key
		keys += fmt.Sprintf(`,{"kid":%q,"kty":"OKP","crv":"Ed25519","x":%q}`, kid, base64.RawURLEncoding.EncodeToString(public))
	}
	first, _, _ := strings.Cut(keys[1:], "},")
	var rotated atomic.Bool
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if rotated.Load() {
			fmt.Fprintf(w, `{"keys":[%s]}`, keys[1:])
			return
		}
		fmt.Fprintf(w, `{"keys":[%s}]}`, first)
	}))
	t.Cleanup(issuer.Close)

	ctx, signal := context.WithCancelCause(t.Context())
	p := &process{ctx: ctx, getenv: noEnv, stdout: io.Discard, stderr: io.Discard, registry: all.Registry(), now: time.Now}
	cfg, err := config.Load(write(t, sandboxed(t)+"auth:\n  jwt: { issuer: portal, audience: graph, jwks_url: '"+issuer.URL+"' }\n"), noEnv, p.registry)
	if err != nil {
		t.Fatal(err)
	}
	redis, err := connect(cfg.Redis)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	store, closed := redis.store(int64(cfg.Cache.Memory), log, p.now)
	t.Cleanup(closed)
	parts := newParts(p, log, &http.Client{}, redis, store, telemetry.New("test"), cfg)
	handler, _, err := parts.assemble(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	viewer := func(kid string) {
		t.Helper()
		made := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
			"iss": "portal", "aud": "graph", "sub": kid, "role": "reader", "exp": time.Now().Add(time.Hour).Unix(),
		})
		made.Header["kid"] = kid
		text, err := made.SignedString(private[kid])
		if err != nil {
			t.Fatal(err)
		}
		if status, body := ask(t, server.URL, `{ viewer { name } }`, "Authorization", "Bearer "+text); status != http.StatusOK {
			t.Errorf("a token by the %s key: %d %s", kid, status, body)
		}
	}
	viewer("old")
	signal(signaled{syscall.SIGTERM})
	rotated.Store(true)
	viewer("new")
	if process := parts.cacheOptions(cfg.Cache, time.Second).Process; process.Err() != nil {
		t.Error("no stale answer is refreshed after the signal")
	} else if parts.close(); process.Err() == nil {
		t.Error("refreshes go on after the process has ended")
	}
}
