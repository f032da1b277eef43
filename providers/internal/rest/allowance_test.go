package rest

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Every attempt counts; what is over is not sent, harms nothing, and takes no place in the
// budget.
func TestAllowedCalls(t *testing.T) {
	for _, c := range []struct {
		status, calls int
		want          []int // calls sent in all after each read
		ended         int   // the first read that the allowance ended; -1: none
	}{
		{200, 3, []int{1, 2, 3, 3}, 3},
		{503, 2, []int{2, 2}, 0},
		{503, 6, []int{4, 5}, -1}, // then the endpoint's gate holds it back
		{200, 0, []int{0}, 0},
	} {
		v := always(c.status, "{}")
		bubble(t, v, time.Minute, func(t *testing.T, f *fixture) {
			ctx := providers.WithAllowance(t.Context(), c.calls)
			for i, want := range c.want {
				before := f.Health()
				err := f.get(ctx, new(any))
				over := errors.Is(err, providers.ErrAllowance)
				if len(v.at) != want || f.budget.taken != want || over != (c.ended >= 0 && i >= c.ended) {
					t.Errorf("%+v: read %d: %d calls, %d places, %v", c, i, len(v.at), f.budget.taken, err)
				}
				if over && (providers.KindOf(err) != providers.KindAllowance || providers.KindOf(err).Retryable() || f.Health().Status != before.Status) {
					t.Errorf("%+v: got %v, health %+v", c, err, f.Health())
				}
			}
			if c.status == 200 {
				if err := f.get(t.Context(), new(any)); err != nil {
					t.Errorf("another request: %v", err)
				}
			}
		})
	}
}

// A call that is not made is not counted, and a write is counted and not refused.
func TestNotCounted(t *testing.T) {
	f := newFixture("http://vendor.test", always(200, "{}"), nil)
	ctx := providers.WithAllowance(t.Context(), 1)
	f.budget.err = &providers.Error{Kind: providers.KindRateLimited}
	_ = f.get(ctx, new(any))
	f.budget.err = nil
	for range 2 {
		if err := f.Send(ctx, Request{Op: "POST /a", Path: "/a"}); err != nil {
			t.Error(err)
		}
	}
	if err := f.get(ctx, new(any)); !errors.Is(err, providers.ErrAllowance) {
		t.Errorf("got %v", err)
	}
}

// A vendor that is slow in every call costs a request the account's timeout, one call after the
// other or all at once, and other requests and writes nothing.
func TestAccountTime(t *testing.T) {
	const timeout = 2 * time.Second
	v := &vendor{answer: func(_ int, r *http.Request) (*http.Response, error) {
		handed(r)
		select {
		case <-time.After(timeout * 2 / 5):
			return replied(200, "{}"), nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}}
	bubble(t, v, timeout, func(t *testing.T, f *fixture) {
		start, ctx := time.Now(), providers.WithAllowance(t.Context(), 1000)
		var err error
		read := 0
		for ; err == nil; read++ {
			err = f.get(ctx, new(any))
		}
		if took := time.Since(start); took != timeout || read != 3 || len(v.at) != 3 {
			t.Errorf("%d reads took %v: %v", read, took, err)
		}
		if !errors.Is(err, providers.ErrAccountTime) || providers.KindOf(err) != providers.KindUnavailable {
			t.Errorf("got %v", err)
		}
		if err := f.get(ctx, new(any)); !errors.Is(err, providers.ErrAccountTime) || len(v.at) != 3 || time.Since(start) != timeout {
			t.Errorf("the next call: %v after %d calls and %v", err, len(v.at), time.Since(start))
		}
		if h := f.Health(); h.Status != providers.AccountOK {
			t.Errorf("health is %+v", h)
		}
		if err := f.Send(ctx, Request{Op: "POST /a", Path: "/a"}); err != nil {
			t.Errorf("a write: %v", err)
		}
		for name, ctx := range map[string]context.Context{
			"another request": providers.WithAllowance(t.Context(), 1), "none": t.Context(), "calls only": providers.WithLimits(ctx, 9, 9),
			"shared": providers.ShareAllowance(ctx, 0),
		} {
			if err := f.get(ctx, new(any)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		providers.AllowanceFrom(ctx).Restart("acme")
		if err := f.get(ctx, new(any)); err != nil {
			t.Errorf("after the restart: %v", err)
		}
	})
}

// A vendor that does not answer at all counts as one also where the request bounds its time.
func TestAccountTimeOfDeadVendor(t *testing.T) {
	v := &vendor{answer: func(n int, r *http.Request) (*http.Response, error) { handed(r); return hang(n, r) }}
	bubble(t, v, 2*time.Second, func(t *testing.T, f *fixture) {
		start, ctx := time.Now(), providers.WithAllowance(t.Context(), 1000)
		var all sync.WaitGroup
		for range maxFailures {
			all.Go(func() { _ = f.get(ctx, new(any)) })
		}
		all.Wait()
		synctest.Wait()
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		if e := asError(t, f.get(t.Context(), new(any))); len(v.at) != maxFailures || !e.Unsent {
			t.Errorf("got %v after %d calls, want a closed gate", e, len(v.at))
		}
	})
}

// A walk of many accounts gives each its own time.
func TestAccountTimeIsTheAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := providers.WithAllowance(t.Context(), 1000)
		for _, account := range []string{"a", "b", "c"} {
			v := &vendor{answer: hang}
			start := time.Now()
			f := newFixture("http://vendor.test", v, func(c *Config) { c.Account, c.Timeout = account, time.Second })
			if _ = f.get(ctx, new(any)); len(v.at) != 1 || time.Since(start) != time.Second {
				t.Errorf("%s: %d calls in %v", account, len(v.at), time.Since(start))
			}
		}
	})
}
