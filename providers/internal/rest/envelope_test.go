package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// TestEnvelopeOfFailure wants a reply whose envelope tells a failure to fail every read,
// and to settle no write, whatever else it holds. Only its status may say that the account
// or the vendor is at fault.
func TestEnvelopeOfFailure(t *testing.T) {
	for body, kind := range map[string]providers.Kind{
		`{"success":false,"data":[{"id":1}]}`:          providers.KindBadReply,
		`{"status":"error","data":[]}`:                 providers.KindBadReply,
		`{"error":{"message":"x"},"data":[]}`:          providers.KindBadReply,
		`{"status":404,"message":"none","data":null}`:  providers.KindBadReply,
		`{"status":422,"message":"taken","data":null}`: providers.KindBadReply,
		`{"status":401,"data":[]}`:                     providers.KindUnauthorized,
		`{"status":"429","data":[]}`:                   providers.KindRateLimited,
		`{"status":503,"data":[]}`:                     providers.KindUnavailable,
	} {
		for _, method := range append(methods, "GET") {
			f := newFixture("http://vendor.test", always(200, body), func(c *Config) {
				c.Classify, c.Timeout = documented, 1e8 // no time to try again
			})
			r := Request{Op: method + " /things/{id}", Path: "/things/7", Into: new(json.RawMessage), NotFound: []int{422}}
			call, want := f.Send, providers.KindBadReply
			if method == "GET" {
				call, want = f.Get, kind
				if kind.Retryable() {
					r.Op = "GET /things"
				}
			} else if kind == providers.KindUnavailable {
				want = kind
			}
			e := asError(t, call(t.Context(), r))
			if e.Kind != want || e.Refused || e.Unsent || !errors.Is(e, errFailed) {
				t.Errorf("%s: %s: %+v; want %s", method, body, e, want)
			}
		}
	}
}

// TestLaterPages wants the refusal of a page behind the first to be the end of nothing: it
// may be read later, and it says nothing of the account. The first page, and a refusal of
// the key, are as before.
func TestLaterPages(t *testing.T) {
	for _, status := range []int{204, 400, 404, 405, 409, 410, 416, 422} {
		for _, later := range []bool{true, false} {
			f := newFixture("http://vendor.test", always(status, strings.Repeat("{}", btoi(status != 204))), func(c *Config) { c.Classify = documented })
			e := asError(t, f.Get(t.Context(), Request{Op: "GET /things", Path: "/things", Into: new(any), Later: later}))
			refused := e.Kind == providers.KindBadReply && errors.Is(e, providers.ErrPageRefused) && e.Retryable()
			if well := f.Health().Status == providers.AccountOK; refused != later || well != later || f.budget.taken != 1 {
				t.Errorf("%d, later %v: %+v, %+v, %d calls", status, later, e, f.Health(), f.budget.taken)
			}
		}
	}
	for _, status := range []int{401, 402, 403, 502} {
		f := newFixture("http://vendor.test", always(status, "{}"), func(c *Config) { c.Classify, c.Timeout = documented, 1e6 })
		e := asError(t, f.Get(t.Context(), Request{Op: "GET /things", Path: "/things", Into: new(any), Later: true}))
		if errors.Is(e, providers.ErrPageRefused) || f.Health().Status == providers.AccountOK {
			t.Errorf("%d: %+v, %+v", status, e, f.Health())
		}
	}
}

// TestOptionalBody wants a reply without a body to settle a write only with the documented
// status.
func TestOptionalBody(t *testing.T) {
	for status := range 27 {
		status += http.StatusOK
		f := newFixture("http://vendor.test", always(status, ""), nil)
		err := f.Send(t.Context(), Request{Op: "DELETE /things/{id}", Path: "/things/7", Into: new(any), Optional: true})
		if made := err == nil; made != (status == http.StatusOK) {
			t.Errorf("%d without a body: %v", status, err)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
