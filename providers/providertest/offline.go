package providertest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Config is an account in US dollars at a vendor, with an endless budget and no log. The
// vendor is called without a network, or over HTTP where Wire serves it. Credentials are
// left to the caller. now is when replies arrive.
func Config(account string, vendor http.Handler, now time.Time) providers.Config {
	c := providers.Config{
		Account: account, Name: "Acme", Currency: "USD", BaseURL: "https://vendor.test/", Timeout: 20 * time.Second,
		HTTP: &http.Client{Transport: offline{vendor}}, Logger: slog.New(slog.DiscardHandler), Budget: endless{},
		Now: func() time.Time { return now },
	}
	if w, ok := vendor.(wired); ok {
		c.BaseURL, c.HTTP = w.server.URL+"/", w.server.Client()
	}
	return c
}

// wired is a vendor behind a server.
type wired struct {
	http.Handler
	server *httptest.Server
}

// Wire serves a vendor on a loopback port until the test ends: a [Config] of what it
// answers calls it over real HTTP.
func Wire(t testing.TB, vendor http.Handler) http.Handler {
	t.Helper()
	w := wired{vendor, httptest.NewServer(vendor)}
	t.Cleanup(w.server.Close)
	return w
}

// offline calls a handler instead of a server. The request is read anew from its target, as
// a server reads it.
type offline struct{ vendor http.Handler }

var errCut = errors.New("the connection was cut")

func (o offline) RoundTrip(r *http.Request) (reply *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			reply, err = nil, errCut
		} else if p != nil {
			panic(p)
		}
	}()
	body := r.Body
	if body == nil {
		body = http.NoBody
	}
	defer func() { _ = body.Close() }()
	asked := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.RequestURI(), io.Reader(body))
	asked.Header, asked.Host = r.Header.Clone(), r.URL.Host
	w := httptest.NewRecorder()
	o.vendor.ServeHTTP(w, asked)
	return w.Result(), nil
}

// endless is a budget that never runs out.
type endless struct{}

func (endless) Take(context.Context) error { return nil }
func (endless) Exhausted(time.Duration)    {}
func (endless) State() providers.RateLimit {
	return providers.RateLimit{Limit: 100, WindowSeconds: 60, Remaining: 100}
}

// Answer is a vendor that answers every call alike.
func Answer(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// Small are the options of a simulator with a small world. A minute passes at each look at
// its clock, so that no call is one too many.
func Small(from time.Time) providers.SandboxOptions {
	var minutes atomic.Int64
	return providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: func() time.Time {
		return from.Add(time.Duration(minutes.Add(1)) * time.Minute)
	}}
}

// First is the first page of the only list of a plan.
func First[T providers.Record](t testing.TB, r providers.Reader) func([]providers.List[T], error) *providers.Page[T] {
	return func(lists []providers.List[T], err error) *providers.Page[T] {
		t.Helper()
		if err != nil || len(lists) != 1 {
			t.Fatalf("got %d lists, error %v; want one list", len(lists), err)
		}
		page, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: r})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
}
