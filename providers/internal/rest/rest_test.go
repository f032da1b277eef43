package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/partnergraph/partnergraph/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// places is a budget that notes what is asked of it and refuses with err where that is set.
type places struct {
	mu        sync.Mutex
	taken     int
	exhausted []time.Duration
	err       error
}

func (p *places) Take(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	if err := ctx.Err(); err != nil {
		return &providers.Error{Kind: providers.KindRateLimited, Err: err}
	}
	p.taken++
	return nil
}

func (p *places) Exhausted(wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exhausted = append(p.exhausted, wait)
}

func (p *places) State() providers.RateLimit { return providers.RateLimit{} }

// vendor is one in memory: it answers the nth request, from 1, and notes when each came.
type vendor struct {
	answer func(n int, r *http.Request) (*http.Response, error)

	mu    sync.Mutex
	at    []time.Time
	open  int // bodies not closed yet
	asked *http.Request
}

func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	v.mu.Lock()
	v.at, v.asked = append(v.at, time.Now()), r
	n := len(v.at)
	v.mu.Unlock()
	response, err := v.answer(n, r)
	if err == nil {
		response.Request = r
		v.open++
		response.Body = &body{response.Body, v}
	}
	return response, err
}

type body struct {
	io.ReadCloser
	v *vendor
}

func (b *body) Close() error {
	b.v.open--
	return b.ReadCloser.Close()
}

func replied(status int, text string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text))}
}

// always answers every request alike.
func always(status int, text string, header ...string) *vendor {
	return &vendor{answer: func(int, *http.Request) (*http.Response, error) {
		return replied(status, text, header...), nil
	}}
}

// fixture is a client of a vendor, and what it leaves behind.
type fixture struct {
	*Client
	budget *places
	log    bytes.Buffer
	trace  providers.Trace
}

func newFixture(base string, transport http.RoundTripper, change func(*Config)) *fixture {
	f := &fixture{budget: &places{}}
	c := Config{
		Account: "acme", Provider: "fake", BaseURL: base, Timeout: time.Minute,
		Header: http.Header{"Authorization": {"Bearer " + secret}},
		HTTP:   &http.Client{Transport: transport},
		Logger: slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Budget: f.budget, Now: time.Now, Private: []string{"email"},
	}
	if change != nil {
		change(&c)
	}
	f.Client = New(c)
	return f
}

func (f *fixture) get(ctx context.Context, into any) error {
	return f.Get(providers.WithTrace(ctx, &f.trace), Request{
		Op: "GET /things/{id}", Path: "/things/7", Query: url.Values{"page": {"2"}, "email": {private}}, Into: into,
	})
}

func asError(t *testing.T, err error) *providers.Error {
	t.Helper()
	var e *providers.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	return e
}

func TestGet(t *testing.T) {
	var asked *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r
		io.WriteString(w, `{"id": 7, "unknown": true}`)
	}))
	defer server.Close()
	f := newFixture(server.URL, server.Client().Transport, nil)
	var got struct{ ID int }
	if err := f.get(t.Context(), &got); err != nil || got.ID != 7 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if want := "Bearer " + secret; asked.Header.Get("Authorization") != want {
		t.Errorf("Authorization is %q", asked.Header.Get("Authorization"))
	}
	if got, want := asked.URL.Path+" "+asked.URL.Query().Get("email"), "/things/7 "+private; got != want {
		t.Errorf("asked for %q, want %q", got, want)
	}
	calls := f.trace.Calls()
	for i := range calls {
		calls[i].Duration = 0
	}
	want := []providers.Call{{Account: "acme", Method: "GET", Path: "/things/7?email=…&page=2", Status: 200, Source: providers.SourceVendor, Attempt: 1}}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("trace (-want +got):\n%s", diff)
	}
	if got := strings.Count(f.log.String(), "level=DEBUG"); got != 1 {
		t.Errorf("%d debug lines, want 1", got)
	}
	if h := f.Health(); h.Status != providers.AccountOK || h.LastError != nil || h.LastSuccessAt == nil {
		t.Errorf("health is %+v", h)
	}
}

func TestStatusMeansKind(t *testing.T) {
	const page = "the edge says no"
	for status, want := range map[int]providers.Kind{
		400: providers.KindInvalid, 401: providers.KindUnauthorized, 403: providers.KindUnauthorized,
		404: providers.KindNotFound, 409: providers.KindConflict, 418: providers.KindInvalid, 422: providers.KindInvalid,
	} {
		v := always(status, page)
		f := newFixture("http://vendor.test", v, nil)
		e := asError(t, f.get(t.Context(), new(any)))
		if e.Kind != want || e.Status != status || e.Account != "acme" || e.Provider != "fake" || e.Op != "GET /things/{id}" {
			t.Errorf("%d: got %+v, want %q", status, e, want)
		}
		if len(v.at) != 1 || v.open != 0 {
			t.Errorf("%d: %d attempts and %d open bodies, want 1 and 0", status, len(v.at), v.open)
		}
	}
}

func TestHealthAfterRefusedKey(t *testing.T) {
	synctest.Test(t, testHealthAfterRefusedKey)
}

func testHealthAfterRefusedKey(t *testing.T) {
	status := 401
	f := newFixture("http://vendor.test", &vendor{answer: func(int, *http.Request) (*http.Response, error) {
		return replied(status, `{}`), nil
	}}, nil)
	f.get(t.Context(), new(any))
	if h := f.Health(); h.Status != providers.AccountDown || h.LastError == nil {
		t.Errorf("after a 401 health is %+v", h)
	}
	f.budget.err = &providers.Error{Kind: providers.KindRateLimited} // says nothing about the key
	f.get(t.Context(), new(any))
	if h := f.Health(); h.Status != providers.AccountDown {
		t.Errorf("after a refused key and a used up budget health is %v", h.Status)
	}
	time.Sleep(refusalDelay)
	f.budget.err, status = nil, 200
	f.get(t.Context(), new(any))
	if h := f.Health(); h.Status != providers.AccountOK || h.LastError != nil {
		t.Errorf("after a success health is %+v", h)
	}
}

func TestBadReplies(t *testing.T) {
	for name, c := range map[string]struct{ body, says string }{
		"no JSON":          {"<html>", "JSON"},
		"empty":            {"", "JSON"},
		"trailing":         {`{} {}`, "behind"},
		"trailing rubbish": {`{}]`, "behind"},
		"wrong type":       {`{"ID": "x"}`, "ID"},
		"too long":         {`{"ID": 1` + strings.Repeat(" ", 100) + `}`, "64 bytes"},
	} {
		f := newFixture("http://vendor.test", always(200, c.body), func(c *Config) { c.MaxBytes = 64 })
		e := asError(t, f.get(t.Context(), &struct{ ID int }{}))
		if e.Kind != providers.KindBadReply || !strings.Contains(e.Error(), c.says) {
			t.Errorf("%s: got %v, want %q that says %q", name, e, providers.KindBadReply, c.says)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	followed := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL+"/?key="+secret, http.StatusFound))
	defer server.Close()
	f := newFixture(server.URL, server.Client().Transport, nil)
	e := asError(t, f.get(t.Context(), new(any)))
	if host := strings.TrimPrefix(other.URL, "http://"); e.Kind != providers.KindBadReply || !strings.Contains(e.Error(), host) || followed {
		t.Errorf("got %v (followed: %t), want %q that names %s", e, followed, providers.KindBadReply, host)
	}
	v := always(302, "", "Location", "http://[::"+secret)
	e = asError(t, newFixture("http://vendor.test", v, nil).get(t.Context(), new(any)))
	if e.Kind != providers.KindBadReply || len(v.at) != 1 {
		t.Errorf("a broken Location: got %v after %d attempts", e, len(v.at))
	}
}

func TestClassify(t *testing.T) {
	classify := func(status int, body []byte) *providers.Error {
		var said struct {
			Error  string
			Fields map[string][]string
		}
		if json.Unmarshal(body, &said) != nil || said.Error == "" {
			return nil
		}
		e := &providers.Error{Fields: said.Fields, Err: errors.New(said.Error)}
		if said.Error == "gone" {
			e.Kind = providers.KindNotFound
		}
		return e
	}
	for _, c := range []struct {
		status int
		body   string
		want   providers.Kind
	}{
		{200, `{"error": "gone"}`, providers.KindNotFound},
		{200, `{"error": "odd"}`, providers.KindBadReply},
		{422, `{"error": "odd", "fields": {"name": ["taken"]}}`, providers.KindInvalid},
		{404, `not JSON`, providers.KindNotFound},
	} {
		f := newFixture("http://vendor.test", always(c.status, c.body), func(c *Config) { c.Classify = classify })
		e := asError(t, f.get(t.Context(), new(any)))
		if e.Kind != c.want || e.Status != c.status || (e.Fields != nil) != strings.Contains(c.body, "fields") {
			t.Errorf("%d %s: got %+v, want %q", c.status, c.body, e, c.want)
		}
	}
}

// A status says enough where its body is cut short; a success without its body is no reply.
func TestCutBody(t *testing.T) {
	for status, want := range map[int]providers.Kind{200: providers.KindUnavailable, 404: providers.KindNotFound} {
		cut := &vendor{answer: func(int, *http.Request) (*http.Response, error) {
			response := replied(status, "")
			response.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"a":`), iotest.ErrReader(io.ErrUnexpectedEOF)))
			return response, nil
		}}
		bubble(t, cut, time.Second/4, func(t *testing.T, f *fixture) {
			if err := f.get(t.Context(), new(any)); providers.KindOf(err) != want || cut.open != 0 {
				t.Errorf("%d: got %v with %d open bodies, want %q", status, err, cut.open, want)
			}
		})
	}
}
