package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
)

// serve is a handler over a fake account, and its log.
func serve(t *testing.T, change func(*httpapi.Options)) (*httpapi.Handler, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	o := httpapi.Options{
		Resolvers: resolvers.New(resolvers.Options{Accounts: []providers.Provider{providertest.NewFake("shop", providertest.Options{})}, Pages: 20, Calls: 50, Cost: 10_000, Logger: logger, Now: time.Now}),
		Persisted: persisted.New(nil, 0, time.Now),
		Logger:    logger, Timeout: 10 * time.Second, Body: 10 << 10, Tokens: 500, Depth: 12, Aliases: 50, Introspection: true, Playground: true,
		Responses: 1 << 20,
	}
	if change != nil {
		change(&o)
	}
	return httpapi.New(o), log
}

func post(h http.Handler, query string, header ...string) *httptest.ResponseRecorder {
	body, _ := json.Marshal(map[string]string{"query": query})
	r := httptest.NewRequest(http.MethodPost, "http://localhost/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestLogLine wants one line a request, with who asked and what for, and nothing of what
// they sent.
func TestLogLine(t *testing.T) {
	h, log := serve(t, nil)
	w := post(h, `query Find { affiliates(first: 1, filter: { email: "jane@customer.example" }) { nodes { name } } }`, httpapi.RequestIDHeader, "abc-1")
	if w.Code != http.StatusOK || w.Header().Get(httpapi.RequestIDHeader) != "abc-1" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	var line struct {
		Method, Path, Viewer, Operation, RequestID string
		Status                                     int
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("not one line: %v: %s", err, log)
	}
	if line.Method != "POST" || line.Path != "/graphql" || line.Viewer != "local" || line.Operation != "Find" || line.RequestID != "abc-1" || line.Status != 200 {
		t.Errorf("the line says %+v", line)
	}
	if strings.Contains(log.String(), "jane") {
		t.Errorf("the log holds what was asked: %s", log)
	}
}

// TestRequestID wants an id that makes no sense replaced.
func TestRequestID(t *testing.T) {
	h, _ := serve(t, nil)
	for _, sent := range []string{"", "a b", "<script>", strings.Repeat("x", 65)} {
		got := post(h, `{ __typename }`, httpapi.RequestIDHeader, sent).Header().Get(httpapi.RequestIDHeader)
		if got == sent || len(got) < 10 {
			t.Errorf("for %q the id is %q", sent, got)
		}
	}
}

// TestDrain wants /readyz to say when no more requests should come, while those that come
// are served.
func TestDrain(t *testing.T) {
	h, _ := serve(t, nil)
	ready := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/readyz", nil))
		return w.Code
	}
	if got := ready(); got != http.StatusOK {
		t.Errorf("ready: %d", got)
	}
	h.Drain()
	if got := ready(); got != http.StatusServiceUnavailable {
		t.Errorf("draining: %d", got)
	}
	if got := post(h, `{ __typename }`).Code; got != http.StatusOK {
		t.Errorf("a request while draining: %d", got)
	}
}

// TestMethods wants the paths beside /graphql asked for by GET and HEAD, and every other
// method told so.
func TestMethods(t *testing.T) {
	h, _ := serve(t, nil)
	for _, path := range []string{"/healthz", "/readyz", "/schema.graphql", "/"} {
		for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "OPTIONS": 405, "DELETE": 405} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, "http://localhost"+path, nil))
			if path == "/" && want == 200 && w.Code == http.StatusFound {
				continue // the page was not built
			}
			if w.Code != want || (want == 405) != (w.Header().Get("Allow") == "GET, HEAD") {
				t.Errorf("%s %s: %d %v, want %d", method, path, w.Code, w.Header(), want)
			}
		}
	}
}

// TestLocalOnly wants a server without authentication to answer to this machine's own names
// only, and one with keys to any.
func TestLocalOnly(t *testing.T) {
	open, _ := serve(t, nil)
	locked, _ := serve(t, func(o *httpapi.Options) { o.Auth = auth.New(nil, nil) })
	for host, want := range map[string]int{"localhost": 200, "localhost:8080": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200, "evil.example": 403, "192.168.0.9:8080": 403, "localhost.evil.example": 403} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/graphql?query=%7B__typename%7D", nil)
		r.Host = host
		w := httptest.NewRecorder()
		open.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", host, w.Code, want)
		}
		w = httptest.NewRecorder()
		locked.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s without a key: %d, want 401", host, w.Code)
		}
	}
}

// TestWhoIsLetIn wants the answers to those who are not, which say what to do and nothing
// of what was sent.
func TestWhoIsLetIn(t *testing.T) {
	const bad = `Bearer realm="partnergraph", error="invalid_token"`
	now, secret := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC), []byte("a secret of thirty-two characters")
	h, log := serve(t, func(o *httpapi.Options) {
		o.Auth = auth.New(nil, auth.NewTokens(t.Context(), auth.TokenOptions{
			Issuer: "i", Audience: "a", Secret: secret, Now: func() time.Time { return now },
			Claims: auth.Claims{Role: "role", Accounts: "accounts", Affiliates: "affiliates", Email: "email"},
		}))
	})
	token := func(role string, expires time.Duration) string {
		s, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"iss": "i", "aud": "a", "sub": "dana", "role": role, "exp": now.Add(expires).Unix(), "affiliates": []string{"x"},
		}).SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	tests := []struct {
		name, key, challenge string
		status               int
		want                 string
	}{
		{"a reader's token", token("reader", time.Hour), "", 200, `{"data":{"viewer":{"name":"dana","role":"READER"}}`},
		{"a partner's token", token("partner", time.Hour), "", 200, `{"data":{"viewer":{"name":"dana","role":"PARTNER"}}`},
		{"an expired token", token("reader", -time.Hour), bad, 401, auth.ErrBadToken.Error()},
		{"an unknown key", "guessed", bad, 401, `"code":"UNAUTHENTICATED"`},
		{"nothing", "", `Bearer realm="partnergraph"`, 401, `"code":"UNAUTHENTICATED"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var header []string
			if tt.key != "" {
				header = []string{"Authorization", "Bearer " + tt.key}
			}
			w := post(h, `{ viewer { name role } }`, header...)
			if w.Code != tt.status || w.Header().Get("WWW-Authenticate") != tt.challenge || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("%d %v %s, want %d, the challenge %q and %s", w.Code, w.Header(), w.Body, tt.status, tt.challenge, tt.want)
			}
			if tt.key != "" && strings.Contains(w.Body.String()+log.String(), tt.key) {
				t.Error("what was sent is shown")
			}
		})
	}
}

// TestBounds wants documents and bodies beyond their bounds refused, and introspection
// where it is switched off, by whichever way.
func TestBounds(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) { o.Introspection = false })
	for query, want := range map[string]string{
		"{" + strings.Repeat(" __typename", 501) + "}": `"errors"`,
		strings.Repeat("#", 11<<10):                    "10240 are allowed",
		`{ __schema { types { name } } }`:              `"errors"`,
		`{ affiliate }`:                                `"code":"BAD_USER_INPUT"`,
	} {
		if w := post(h, query); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%.40s: %d %s, want %s", query, w.Code, w.Body, want)
		}
	}
	for _, query := range []string{`{ affiliate(idd: "x") { id } }`, `{ affiliates { nodez { id } } }`, `{ node(id: "x") { ... on Affilate { id } } }`, `{ affiliates(filter: { statuses: [ACTIV] }) { nodes { id } } }`} {
		if w := post(h, query); !strings.Contains(w.Body.String(), `"errors"`) || strings.Contains(w.Body.String(), "Did you mean") {
			t.Errorf("suggestions tell the schema: %s", w.Body)
		}
	}
	if w := send(h, http.MethodGet, "/schema.graphql", nil); w.Code != http.StatusNotFound {
		t.Errorf("/schema.graphql: %d %.40s", w.Code, w.Body)
	}
}

// TestFirstQuery wants the query that the page shows first to be one that can be asked.
func TestFirstQuery(t *testing.T) {
	h, _ := serve(t, nil)
	if w := post(h, httpapi.FirstQuery); w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"errors"`) {
		t.Errorf("the first query fails: %d %s", w.Code, w.Body)
	}
}

// TestInternalErrors wants what nobody wrote for clients to stay in the log, be it an error
// or a panic.
func TestInternalErrors(t *testing.T) {
	for name, before := range map[string]func() error{
		"error": func() error {
			return &providers.Error{Account: "shop", Kind: providers.KindUnknown, Err: errors.New("secret sauce")}
		},
		"panic": func() error { panic("secret sauce") },
	} {
		fake := providertest.NewFake("shop", providertest.Options{Before: func(context.Context, string) error { return before() }})
		log := &bytes.Buffer{}
		logger := slog.New(slog.NewJSONHandler(log, nil))
		h, _ := serve(t, func(o *httpapi.Options) {
			o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{cache.Wrap(fake, cache.NewMemory(1<<20, time.Now), cache.Options{})}, Pages: 20, Calls: 50, Cost: 10_000, Logger: logger, Now: time.Now})
		})
		w := post(h, `{ affiliates { nodes { id } } }`)
		if s := w.Body.String(); strings.Contains(s, "sauce") || !strings.Contains(s, `"message":"internal error"`) || !strings.Contains(s, `"code":"INTERNAL"`) || !strings.Contains(s, `"requestId"`) {
			t.Errorf("%s: the client sees %s", name, s)
		}
		if !strings.Contains(log.String(), "sauce") {
			t.Errorf("%s: the log does not say: %s", name, log)
		}
	}
}

// TestVendorErrors wants what a vendor said in the log, and a sentence of ours at the client.
func TestVendorErrors(t *testing.T) {
	fake := providertest.NewFake("shop", providertest.Options{Before: func(context.Context, string) error {
		return &providers.Error{Account: "shop", Op: "GET /x", Kind: providers.KindRateLimited, RetryAfter: 1500 * time.Millisecond, Err: errors.New("vendor's own words")}
	}})
	log := &bytes.Buffer{}
	h, _ := serve(t, func(o *httpapi.Options) {
		o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{fake}, Pages: 20, Calls: 50, Cost: 10_000, Logger: slog.New(slog.NewJSONHandler(log, nil)), Now: time.Now})
	})
	s := post(h, `{ affiliates { nodes { id } } }`).Body.String()
	for _, want := range []string{`"code":"RATE_LIMITED"`, `"retryable":true`, `"retryAfter":2`, `"account":"`, `"data":{"affiliates":{"nodes":[]}}`} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s in %s", want, s)
		}
	}
	if strings.Contains(s, "own words") || !strings.Contains(log.String(), "own words") {
		t.Errorf("the client sees %s, the log says %s", s, log)
	}
}

// TestTimeout wants a request whose time is over to end, its reads with it, and the client
// to be told.
func TestTimeout(t *testing.T) {
	ended := make(chan error, 1)
	fake := providertest.NewFake("shop", providertest.Options{Before: func(ctx context.Context, _ string) error {
		<-ctx.Done()
		ended <- ctx.Err()
		return &providers.Error{Account: "shop", Kind: providers.KindUnavailable, Err: ctx.Err()}
	}})
	h, _ := serve(t, func(o *httpapi.Options) {
		o.Timeout = time.Second
		o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{cache.Wrap(fake, cache.NewMemory(1<<20, time.Now), cache.Options{})}, Pages: 20, Calls: 50, Cost: 10_000, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	})
	w := post(h, `{ affiliates { nodes { id } } }`)
	if err := <-ended; err == nil {
		t.Error("the read goes on")
	}
	if s := w.Body.String(); !strings.Contains(s, `"code":"UPSTREAM_UNAVAILABLE"`) || !strings.Contains(s, `"retryable":true`) {
		t.Errorf("%d %s", w.Code, s)
	}
}
