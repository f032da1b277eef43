package rest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// paths is a vendor that answers by path, and notes the paths that it was asked for.
func paths(answers map[string]func(int, *http.Request) (*http.Response, error)) (*vendor, func() []string) {
	var asked []string
	v := &vendor{answer: func(n int, r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Path)
		return answers[r.URL.Path](n, r)
	}}
	return v, func() []string { return asked }
}

func (f *fixture) read(t *testing.T, path string) error {
	return f.Get(t.Context(), Request{Op: "GET " + path, Path: path, Into: new(any)})
}

type answer = func(int, *http.Request) (*http.Response, error)

// One sick endpoint is not a sick account: the others are answered, and the status names it.
func TestSickEndpoint(t *testing.T) {
	reached := func(sick answer) answer {
		return func(n int, r *http.Request) (*http.Response, error) {
			handed(r)
			return sick(n, r)
		}
	}
	for name, sick := range map[string]answer{
		"500": always(500, "{}").answer, "502 HTML": always(502, "<html>").answer, "503": always(503, "").answer,
		"edge": always(403, "<html>").answer, "no answer": reached(hang),
		"cut body": func(int, *http.Request) (*http.Response, error) {
			response := replied(200, "")
			response.Body = cutBody("{")
			return response, nil
		},
	} {
		answers := map[string]answer{"/payouts": sick, "/affiliates": always(200, "{}").answer}
		v, _ := paths(answers)
		bubble(t, v, 10*time.Second, func(t *testing.T, f *fixture) {
			var err error
			for range 2 * maxFailures {
				err = f.read(t, "/payouts")
			}
			asked := len(v.at)
			if e := asError(t, f.read(t, "/payouts")); len(v.at) != asked || !e.Unsent || e.RetryAfter <= 0 ||
				!strings.Contains(e.Error(), "GET /payouts: unavailable") {
				t.Errorf("%s: with a closed gate got %v after %d calls (before: %v)", name, e, len(v.at)-asked, err)
			}
			for range 3 {
				if err := f.read(t, "/affiliates"); err != nil {
					t.Errorf("%s: the well endpoint: %v", name, err)
				}
			}
			if h := f.Health(); h.Status != providers.AccountDegraded || h.LastError == nil || !strings.Contains(*h.LastError, "/payouts") || h.LastSuccessAt == nil {
				t.Errorf("%s: health is %+v", name, h)
			}
			answers["/payouts"] = always(200, "{}").answer
			time.Sleep(failureDelay)
			if err := f.read(t, "/payouts"); err != nil {
				t.Errorf("%s: after the delay: %v", name, err)
			}
			if h := f.Health(); h.Status != providers.AccountOK || h.LastError != nil {
				t.Errorf("%s: after a success health is %+v", name, h)
			}
		})
	}
}

// An account that cannot be reached is down at every endpoint.
func TestUnreachedAccount(t *testing.T) {
	v := &vendor{answer: unreachable}
	bubble(t, v, time.Minute, func(t *testing.T, f *fixture) {
		for _, path := range []string{"/a", "/b"} {
			_ = f.read(t, path)
		}
		if len(v.at) != maxFailures || f.Health().Status != providers.AccountDown {
			t.Errorf("%d calls, health %v", len(v.at), f.Health().Status)
		}
		if e := asError(t, f.read(t, "/c")); len(v.at) != maxFailures || !strings.Contains(e.Error(), "GET /b: unavailable") {
			t.Errorf("got %v after %d calls; want the cause and no call", e, len(v.at))
		}
	})
}

// A fault of an endpoint that nobody calls any more is forgotten once others have answered
// for long.
func TestOldFault(t *testing.T) {
	v, _ := paths(map[string]answer{"/odd": always(400, "{}").answer, "/well": always(200, "{}").answer})
	bubble(t, v, time.Minute, func(t *testing.T, f *fixture) {
		_ = f.read(t, "/odd")
		for _, want := range []providers.AccountStatus{providers.AccountDegraded, providers.AccountOK} {
			if _ = f.read(t, "/well"); f.Health().Status != want {
				t.Errorf("health is %+v, want %v", f.Health(), want)
			}
			time.Sleep(faultLife + time.Second)
		}
	})
}

// A 4xx proves no health, unless it is the documented answer that there is no such record.
func TestHealthByStatus(t *testing.T) {
	list, record, lookup := Request{Op: "GET /things", Path: "/x"}, Request{Op: "GET /things/{id}", Path: "/x"},
		Request{Op: "GET /things/{id}", Path: "/x", NotFound: []int{422}}
	typed := Request{Op: "GET /things", Path: "/x", Query: url.Values{"search": {"a"}}}
	write := Request{Op: "POST /things", Path: "/x"}
	ok, degraded, down := providers.AccountOK, providers.AccountDegraded, providers.AccountDown
	for _, c := range []struct {
		r            Request
		status       int
		first, later providers.AccountStatus // before any success, and after one
	}{
		{list, 400, degraded, degraded}, {list, 402, down, degraded}, {list, 422, degraded, degraded}, {list, 409, degraded, degraded},
		{list, 404, degraded, degraded}, {list, 401, down, down}, {list, 403, down, degraded}, {list, 429, degraded, degraded},
		{list, 302, degraded, degraded}, {list, 500, degraded, degraded},
		{record, 404, ok, ok}, {record, 410, ok, ok}, {record, 422, degraded, degraded}, {record, 401, down, down},
		{lookup, 422, ok, ok}, {lookup, 404, ok, ok}, {lookup, 400, degraded, degraded},
		{write, 400, ok, ok}, {write, 404, ok, ok}, {write, 409, ok, ok}, {write, 422, ok, ok}, {write, 401, down, down}, {write, 402, degraded, degraded}, {write, 500, degraded, degraded},
		{write, 413, degraded, degraded}, {write, 499, degraded, degraded}, // not documented
		{typed, 400, degraded, ok}, {typed, 422, degraded, ok}, {typed, 401, down, down}, {typed, 402, down, degraded}, {typed, 500, degraded, degraded},
	} {
		for _, later := range []bool{false, true} {
			status, want := c.status, c.first
			v := &vendor{answer: func(int, *http.Request) (*http.Response, error) { return replied(status, "{}"), nil }}
			bubble(t, v, time.Second, func(t *testing.T, f *fixture) {
				f.c.Typed, f.c.Classify = []string{"search"}, documented
				call := f.Get
				if c.r.method() != "GET" {
					call = f.Send
				}
				if later {
					want, status = c.later, 200
					if err := f.read(t, "/other"); err != nil {
						t.Fatal(err)
					}
					status = c.status
				}
				err := call(t.Context(), c.r)
				if h := f.Health(); h.Status != want || (h.LastError == nil) != (want == ok) || f.Answered() != later {
					t.Errorf("%s %d, later %t: health %v, answered %t, want %v (%v)", c.r.Op, c.status, later, h.Status, f.Answered(), want, err)
				}
			})
		}
	}
}

// A refused key is not sent for a minute, and then once.
func TestRefusedKeyRests(t *testing.T) {
	for _, status := range []int{401, 402, 403} {
		status := status
		v, asked := paths(map[string]answer{
			"/a": func(int, *http.Request) (*http.Response, error) { return replied(status, "{}"), nil },
			"/b": func(int, *http.Request) (*http.Response, error) { return replied(status, "{}"), nil },
		})
		bubble(t, v, time.Second, func(t *testing.T, f *fixture) {
			_ = f.read(t, "/a")
			for _, path := range []string{"/a", "/b"} {
				e := asError(t, f.read(t, path))
				if e.Kind != providers.KindUnauthorized || e.Status != 0 || e.RetryAfter != refusalDelay ||
					!strings.Contains(e.Error(), "not sent: GET /a: unauthorized (status") {
					t.Errorf("got %v, RetryAfter %v", e, e.RetryAfter)
				}
			}
			for want := 2; want < 4; want++ {
				time.Sleep(refusalDelay)
				_ = f.read(t, "/b")
				_ = f.read(t, "/b")
				if got := len(asked()); got != want {
					t.Errorf("%d calls were sent, want %d", got, want)
				}
			}
			if h := f.Health(); h.Status != providers.AccountDown {
				t.Errorf("health is %v", h.Status)
			}
			time.Sleep(refusalDelay)
			status = 200
			if err := errors.Join(f.read(t, "/a"), f.read(t, "/b")); err != nil || f.Health().Status != providers.AccountOK {
				t.Errorf("with a good key: %v, health %+v", err, f.Health())
			}
			status = 403 // where it was answered before: the key is another
			if _ = f.read(t, "/a"); f.Health().Status != providers.AccountDown {
				t.Errorf("health is %v", f.Health().Status)
			}
		})
	}
}

// A write's refused key rests, too, unless the reply is not the vendor's.
func TestRefusedKeyOfWrite(t *testing.T) {
	for _, body := range []string{"{}", "no"} {
		f := newFixture("http://vendor.test", always(401, body), func(c *Config) { c.Classify = documented })
		write := Request{Op: "POST /a", Path: "/a"}
		if e := asError(t, f.Send(t.Context(), write)); e.Refused != (body == "{}") {
			t.Errorf("%s: got %+v", body, e)
		}
		e := asError(t, f.Send(t.Context(), write))
		if e.Unsent != (body == "{}") || e.Unsent && (e.Kind != providers.KindUnauthorized || f.Health().Status != providers.AccountDown) {
			t.Errorf("%s: then got %+v", body, e)
		}
	}
}

// An endpoint that is closed to a key which is good elsewhere rests alone.
func TestForbiddenEndpoint(t *testing.T) {
	v, asked := paths(map[string]answer{"/closed": always(403, "{}").answer, "/open": always(200, "{}").answer})
	bubble(t, v, time.Second, func(t *testing.T, f *fixture) {
		for range 3 {
			_ = f.read(t, "/open")
			_ = f.read(t, "/closed")
		}
		if got := asked(); !slices.Equal(got, []string{"/open", "/closed", "/open", "/open"}) || f.Health().Status != providers.AccountDegraded {
			t.Errorf("asked for %v, health %+v", got, f.Health())
		}
	})
}

// While a refused key's trial call runs no other is sent, and one that comes to nothing
// proves nothing.
func TestOneTrial(t *testing.T) {
	answer := always(401, "").answer
	v := &vendor{answer: func(n int, r *http.Request) (*http.Response, error) { return answer(n, r) }}
	bubble(t, v, time.Minute, func(t *testing.T, f *fixture) {
		_ = f.read(t, "/a")
		time.Sleep(refusalDelay)
		answer = hang
		ctx, cancel := context.WithCancel(t.Context())
		go f.Get(ctx, Request{Op: "GET /a", Path: "/a"})
		synctest.Wait()
		if e := asError(t, f.read(t, "/b")); len(v.at) != 2 || e.Kind != providers.KindUnauthorized {
			t.Errorf("got %v after %d calls", e, len(v.at))
		}
		cancel()
		synctest.Wait()
		answer = always(500, "").answer
		time.Sleep(refusalDelay)
		if _ = f.read(t, "/a"); f.Health().Status != providers.AccountDown {
			t.Errorf("after a 500 health is %v", f.Health().Status)
		}
	})
}

// The vendor's edge is told from its API: its refusal is no refusal of the key.
func TestEdge(t *testing.T) {
	for name, c := range map[string]struct {
		v    *vendor
		edge bool
		kind providers.Kind
	}{
		"403 page":         {always(403, "<!DOCTYPE html>"), true, providers.KindUnavailable},
		"403 type":         {always(403, "", "Content-Type", "text/html; charset=UTF-8"), true, providers.KindUnavailable},
		"403 challenge":    {always(403, "{}", "Cf-Mitigated", "challenge"), true, providers.KindUnavailable},
		"503 page":         {always(503, " <html>"), true, providers.KindUnavailable},
		"403 of the API":   {always(403, `{"code": "forbidden"}`, "Content-Type", "application/json"), false, providers.KindUnauthorized},
		"403 without body": {always(403, ""), false, providers.KindUnauthorized},
		"503 of the API":   {always(503, `{}`), false, providers.KindUnavailable},
		"404 of the API":   {always(404, `{}`), false, providers.KindNotFound},
		"404 without body": {always(404, ""), false, providers.KindNotFound},
		"400 page":         {always(400, "<html>"), true, providers.KindUnavailable},
		"401 page":         {always(401, "<html>"), true, providers.KindUnavailable},
		"404 page":         {always(404, "<html>"), true, providers.KindUnavailable},
		"410 page":         {always(410, "<html>"), true, providers.KindUnavailable},
		"422 page":         {always(422, "", "Content-Type", "text/html"), true, providers.KindUnavailable},
	} {
		bubble(t, c.v, time.Second/4, func(t *testing.T, f *fixture) {
			e := asError(t, f.read(t, "/a"))
			if e.Kind != c.kind || errors.Is(e, providers.ErrEdge) != c.edge || strings.Contains(e.Error(), "bot protection") != c.edge {
				t.Errorf("%s: got %v", name, e)
			}
			if h := f.Health(); c.edge && (h.Status != providers.AccountDegraded || !strings.Contains(*h.LastError, "bot protection")) {
				t.Errorf("%s: health is %+v", name, h)
			}
		})
	}
}

// A 429 that names no wait is obeyed for the vendor's own first wait; one that does not fit
// is said at once.
func TestFirstWait(t *testing.T) {
	for timeout, attempts := range map[time.Duration]int{10 * time.Second: 1, 25 * time.Second: 2, 70 * time.Second: 3} {
		v := always(429, "")
		synctest.Test(t, func(t *testing.T) {
			f := newFixture("http://vendor.test", v, func(c *Config) { c.Timeout, c.FirstWait = timeout, 15*time.Second })
			start := time.Now()
			e := asError(t, f.get(t.Context(), new(any)))
			if len(v.at) != attempts || e.Kind != providers.KindRateLimited || e.RetryAfter < 15*time.Second*3/4 {
				t.Errorf("%v: %d attempts, want %d; RetryAfter %v", timeout, len(v.at), attempts, e.RetryAfter)
			}
			if attempts == 1 && time.Since(start) != 0 {
				t.Errorf("said after %v", time.Since(start))
			}
		})
	}
}

func TestUserAgent(t *testing.T) {
	for agent, want := range map[string]string{"": "partnergraph/dev", "partnergraph/1.2.3": "partnergraph/1.2.3"} {
		v := always(200, "{}")
		f := newFixture("http://vendor.test", v, func(c *Config) { c.UserAgent = agent })
		for _, call := range []func() error{
			func() error { return f.read(t, "/a") },
			func() error { return f.Send(t.Context(), Request{Op: "POST /a", Path: "/a"}) },
		} {
			if err := call(); err != nil || v.asked.Header.Get("User-Agent") != want {
				t.Errorf("got %q, %v; want %q", v.asked.Header.Get("User-Agent"), err, want)
			}
		}
	}
}

// A byte order mark before a reply's JSON is skipped, also before an error's.
func TestByteOrderMark(t *testing.T) {
	var got struct{ ID int }
	f := newFixture("http://vendor.test", always(200, "\xef\xbb\xbf{\"id\": 7}"), nil)
	if err := f.get(t.Context(), &got); err != nil || got.ID != 7 {
		t.Errorf("got %+v, %v", got, err)
	}
	f = newFixture("http://vendor.test", always(422, "\xef\xbb\xbf{}"), func(c *Config) { c.Classify = documented })
	if e := asError(t, f.Send(t.Context(), Request{Op: "POST /a", Path: "/a"})); !e.Refused {
		t.Errorf("got %+v", e)
	}
}
