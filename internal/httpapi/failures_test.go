package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
)

// TestFailureLines wants the failures of an operation that have one account, call and kind
// in one line of the log with their number, each text of it bounded: however many fields
// fail, and whatever clients call them.
func TestFailureLines(t *testing.T) {
	long := strings.Repeat("x", 9000)
	for name, fail := range map[string]func() error{
		"a read failed": func() error {
			return &providers.Error{Account: "shop", Op: "GET /x", Kind: providers.KindUnavailable, Err: errors.New("down " + long)}
		},
		"internal error": func() error {
			return &providers.Error{Account: "shop", Kind: providers.KindUnknown, Err: errors.New(long)}
		},
		"panic": func() error { panic(long) },
	} {
		fake := providertest.NewFake("shop", providertest.Options{Before: func(context.Context, string) error { return fail() }})
		h, log := serve(t, func(o *httpapi.Options) {
			o.Tokens, o.Body = 5000, 1<<20
			logger := o.Logger
			o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{fake}, Pages: 20, Calls: 500, Cost: 10_000, Logger: logger, Now: time.Now})
		})
		var query strings.Builder
		for i := range 5 {
			fmt.Fprintf(&query, " %s%d: affiliates(first: 1) { nodes { id } }", long, i)
		}
		for i := range 20 {
			id := providers.ID{Account: "shop", Noun: providers.NounAffiliate, Local: fmt.Sprint(i)}
			fmt.Fprintf(&query, " %s%d: node(id: %q) { id }", long, i+5, id)
		}
		w := post(h, "{"+query.String()+"}")
		answered := strings.Count(w.Body.String(), `"requestId"`)
		type key struct{ Account, Op, Kind string }
		lines, count := map[key]int{}, 0
		for text := range strings.Lines(log.String()) {
			var line struct {
				Msg   string
				Count int
				key
				Stack string
			}
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatal(err)
			}
			if len(text)-len(line.Stack) > 2<<10+4<<10 {
				t.Errorf("%s: a line has %d bytes", name, len(text))
			}
			if line.Msg == name {
				lines[line.key]++
				count += line.Count
			}
		}
		for k, n := range lines {
			if n != 1 {
				t.Errorf("%s: %d lines of %+v", name, n, k)
			}
		}
		if len(lines) == 0 || answered == 0 || count == 0 || name != "panic" && count != answered {
			t.Errorf("%s: %d failures in %d lines, and %d in the answer: %.300s", name, count, len(lines), answered, w.Body)
		}
	}
}

// TestRetryAfterOfPartners wants partners who are over an account's rate to be told its
// window, whatever is the first time at which a call may be made: that depends on others.
// Staff are told that time.
func TestRetryAfterOfPartners(t *testing.T) {
	known, token := byToken(t)
	for _, wait := range []time.Duration{time.Second, 41 * time.Second, 59 * time.Second, 0} {
		fake := providertest.NewFake("shop", providertest.Options{Before: func(context.Context, string) error {
			return &providers.Error{Account: "shop", Op: "GET /x", Kind: providers.KindRateLimited, RetryAfter: wait, Err: providers.ErrReserve}
		}})
		h, _ := serve(t, func(o *httpapi.Options) {
			o.Auth = known
			o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{fake}, Pages: 20, Calls: 50, Cost: 10_000, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
		})
		const query = `{ affiliates { nodes { id } } }`
		if s := post(h, query, token("jane", "partner")...).Body.String(); !strings.Contains(s, `"retryAfter":60`) {
			t.Errorf("a partner, %v: %s", wait, s)
		}
		s := post(h, query, token("boss", "reader")...).Body.String()
		if want := fmt.Sprintf(`"retryAfter":%d`, int(wait.Seconds())); strings.Contains(s, want) != (wait > 0) || strings.Contains(s, "60") {
			t.Errorf("staff, %v: %s", wait, s)
		}
	}
}
