package rest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// handed tells the client, as net/http does, that a connection was handed the request.
func handed(r *http.Request) {
	httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{})
}

// reader is a body made of a function.
type reader func(p []byte) (int, error)

func (f reader) Read(p []byte) (int, error) { return f(p) }
func (f reader) Close() error               { return nil }

// cutBody is a body that ends after a few bytes with the connection.
func cutBody(begin string) io.ReadCloser {
	return io.NopCloser(io.MultiReader(strings.NewReader(begin), reader(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF })))
}

// dripping is a body that brings a byte now and then, for ever; nothing at all with a long
// interval.
func dripping(ctx context.Context, interval time.Duration) io.ReadCloser {
	return reader(func(p []byte) (int, error) {
		select {
		case <-time.After(interval):
			p[0] = ' '
			return 1, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
}

// documented reads the errors of a vendor that documents some statuses, with an object
// without members.
func documented(status int, body []byte) *providers.Error {
	if status/100 == 2 {
		return nil
	}
	known := []int{400, 401, 403, 404, 409, 422}
	return &providers.Error{Refused: string(body) == "{}" && slices.Contains(known, status)}
}

var methods = []string{"POST", "PUT", "PATCH", "DELETE"}

// writes are a write of each method with each kind of content, by what it is.
func writes() map[string]Request {
	all := map[string]Request{}
	for _, method := range methods {
		r := Request{Op: method + " /things", Path: "/things"}
		all[method+" nothing"] = r
		r.Body = map[string]int{"a": 1}
		all[method+" JSON"] = r
		r.Body, r.Form = nil, url.Values{"a": {"1"}}
		all[method+" form"] = r
	}
	return all
}

// A write whose request a connection was handed is unsent in no case, and refused only by a reply
// that vendors document.
func TestWriteFaults(t *testing.T) {
	type fault struct {
		answer  func(*http.Request) (*http.Response, error)
		kind    providers.Kind // "" for a success
		refused bool
	}
	text := func(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return replied(status, body, header...), nil }
	}
	streamed := func(status int, body func(*http.Request) io.ReadCloser) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			response := replied(status, "")
			response.Body = body(r)
			return response, nil
		}
	}
	cut := func(*http.Request) io.ReadCloser { return cutBody(`{"id":`) }
	faults := map[string]fault{
		"made":               {text(200, `{"id": 7}`), "", false},
		"cut before headers": {func(*http.Request) (*http.Response, error) { return nil, io.EOF }, providers.KindUnavailable, false},
		"reset":              {func(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset by peer") }, providers.KindUnavailable, false},
		"no answer in time":  {func(r *http.Request) (*http.Response, error) { return hang(1, r) }, providers.KindUnavailable, false},
		"cut after headers":  {streamed(201, func(*http.Request) io.ReadCloser { return cutBody("") }), providers.KindUnavailable, false},
		"cut mid body":       {streamed(201, cut), providers.KindUnavailable, false},
		"stalled body":       {streamed(201, func(r *http.Request) io.ReadCloser { return dripping(r.Context(), time.Hour) }), providers.KindUnavailable, false},
		"dripping body":      {streamed(201, func(r *http.Request) io.ReadCloser { return dripping(r.Context(), time.Second) }), providers.KindUnavailable, false},
		"body over bound":    {text(201, `{"id": 7`+strings.Repeat(" ", 300)+`}`), providers.KindBadReply, false},
		"2xx no JSON":        {text(200, "made"), providers.KindBadReply, false},
		"2xx HTML":           {text(200, "<html>", "Content-Type", "text/html"), providers.KindBadReply, false},
		"2xx empty":          {text(200, ""), providers.KindBadReply, false},
		"2xx odd field":      {text(200, `{"id": []}`), providers.KindBadReply, false},
		"2xx refusal":        {text(200, `{"refused": "not_found"}`), providers.KindBadReply, false},
		"redirect":           {text(307, "", "Location", "https://elsewhere.example/"), providers.KindBadReply, false},
		"304":                {text(304, ""), providers.KindBadReply, false},
		"101":                {streamed(101, func(*http.Request) io.ReadCloser { return dripping(context.Background(), time.Hour) }), providers.KindBadReply, false},
		"2xx unverified":     {text(200, `{"id": -1}`), providers.KindBadReply, false},
		"413":                {text(413, ``), providers.KindBadReply, false},
		"499":                {text(499, `{}`), providers.KindBadReply, false},
		"408":                {text(408, `{}`), providers.KindUnavailable, false},
		"500":                {text(500, `{}`), providers.KindUnavailable, false},
		"503":                {text(503, ``), providers.KindUnavailable, false},
		"503 of the edge":    {text(503, `<html>`), providers.KindUnavailable, false},
		"403 of the edge":    {text(403, `{}`, "Cf-Mitigated", "challenge"), providers.KindUnavailable, false},
	}
	for status, kind := range map[int]providers.Kind{
		400: providers.KindInvalid, 401: providers.KindUnauthorized, 402: providers.KindUnauthorized, 403: providers.KindUnauthorized,
		404: providers.KindNotFound, 409: providers.KindConflict, 410: providers.KindNotFound, 422: providers.KindInvalid, 429: providers.KindRateLimited,
	} {
		page := providers.KindBadReply
		if status != 429 {
			page = providers.KindUnavailable
		}
		name := http.StatusText(status)
		faults[name+" documented"] = fault{text(status, `{"error": "no"}`), kind, true}
		for _, body := range []string{"", "null", "0", `"Bad Request"`, "{}", `{"message": "no"}`} {
			faults[name+" "+body] = fault{text(status, body), providers.KindBadReply, false}
		}
		faults[name+" HTML"] = fault{text(status, "<!DOCTYPE html>", "Content-Type", "text/html"), page, false}
		faults[name+" text"] = fault{text(status, "no"), providers.KindBadReply, false}
		faults[name+" cut"] = fault{streamed(status, cut), providers.KindBadReply, false}
		faults[name+" long"] = fault{text(status, `"`+strings.Repeat("x", maxErrorBody)+`"`), providers.KindBadReply, false}
	}
	for name, fault := range faults {
		for write, r := range writes() {
			t.Run(name+" "+write, func(t *testing.T) {
				v := &vendor{answer: func(_ int, r *http.Request) (*http.Response, error) {
					handed(r)
					return fault.answer(r)
				}}
				bubble(t, v, 5*time.Second, func(t *testing.T, f *fixture) {
					f.c.MaxBytes, f.c.Classify = 256, func(_ int, body []byte) *providers.Error {
						switch {
						case strings.Contains(string(body), "refused"):
							return &providers.Error{Kind: providers.KindNotFound}
						case string(body) == `{"error": "no"}`:
							return &providers.Error{Refused: true}
						}
						return nil
					}
					var got struct{ ID int }
					r.Into, r.Verify = &got, func() error {
						if got.ID < 0 {
							return errors.New("no record")
						}
						return nil
					}
					err := f.Send(t.Context(), r)
					if len(v.at) != 1 {
						t.Errorf("sent %d times", len(v.at))
					}
					if fault.kind == "" {
						if err != nil || got.ID != 7 {
							t.Errorf("got %+v, %v", got, err)
						}
						return
					}
					e := asError(t, err)
					if e.Kind != fault.kind || e.Unsent || e.Refused != fault.refused || providers.NothingWritten(err) != fault.refused {
						t.Errorf("got %+v, want %+v", e, fault)
					}
				})
			})
		}
	}
}

// A reply that nobody looks into is a success only if it is JSON or empty.
func TestReplyNobodyLooksInto(t *testing.T) {
	for body, ok := range map[string]bool{"": true, `{}`: true, "<html>": false, "{": false} {
		f := newFixture("http://vendor.test", always(200, body), nil)
		err := f.Send(t.Context(), Request{Op: "DELETE /things/{id}", Path: "/things/7"})
		if (err == nil) != ok || err != nil && providers.NothingWritten(err) {
			t.Errorf("%q: got %v", body, err)
		}
	}
}

// What no connection was handed is unsent.
func TestUnsent(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	dead := func() *fixture { return newFixture(closed.URL, &http.Transport{}, nil) }
	form := url.Values{"a": {"1"}}
	write := Request{Op: "POST /things", Path: "/things", Body: 1, Into: new(any)}
	for name, c := range map[string]struct {
		client *fixture
		ctx    context.Context
		r      Request
		kind   providers.Kind
	}{
		"nobody listens": {dead(), t.Context(), write, providers.KindUnavailable},
		"ended before":   {dead(), ended, write, providers.KindCanceled},
		"form":           {dead(), t.Context(), Request{Op: "POST /things", Form: form}, providers.KindUnavailable},
		"no JSON":        {dead(), t.Context(), Request{Op: "POST /things", Body: func() {}}, providers.KindUnknown},
		"body and form":  {dead(), t.Context(), Request{Op: "POST /things", Body: 1, Form: form}, providers.KindUnknown},
		"bad address":    {newFixture("http://[", &http.Transport{}, nil), t.Context(), write, providers.KindUnknown},
		"over budget": {func() *fixture {
			f := dead()
			f.budget.err = &providers.Error{Kind: providers.KindRateLimited}
			return f
		}(), t.Context(), write, providers.KindRateLimited},
		"gate closed": {func() *fixture {
			f := dead()
			for range maxFailures {
				_ = f.Send(t.Context(), write)
			}
			return f
		}(), t.Context(), write, providers.KindUnavailable},
		"key refused": {func() *fixture {
			f := newFixture("http://vendor.test", always(401, "{}"), func(c *Config) { c.Classify = documented })
			_ = f.Send(t.Context(), write)
			return f
		}(), t.Context(), write, providers.KindUnauthorized},
	} {
		e := asError(t, c.client.Send(c.ctx, c.r))
		if !e.Unsent || e.Refused || e.Kind != c.kind {
			t.Errorf("%s: got %+v", name, e)
		}
	}
}

// A connection that the vendor closes between two calls makes no write twice, and none unsent.
func TestReusedConnectionIsCut(t *testing.T) {
	for name, r := range writes() {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			var requests, connections atomic.Int64
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					connections.Add(1)
					in := bufio.NewReader(conn)
					for n := 1; ; n++ { // the second request of each connection is read and not answered
						r, err := http.ReadRequest(in)
						if err == nil {
							_, err = io.Copy(io.Discard, r.Body)
						}
						if err != nil {
							break
						}
						requests.Add(1)
						if n == 2 {
							break
						}
						io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
					}
					conn.Close()
				}
			}()
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			f := newFixture("http://"+listener.Addr().String(), transport, nil)
			send := func() error {
				r.Into = new(any)
				return f.Send(t.Context(), r)
			}
			if err := send(); err != nil {
				t.Fatal(err)
			}
			e := asError(t, send())
			if e.Unsent || e.Refused || e.Kind != providers.KindUnavailable || requests.Load() != 2 || connections.Load() != 1 {
				t.Errorf("got %+v after %d requests on %d connections", e, requests.Load(), connections.Load())
			}
		})
	}
}
