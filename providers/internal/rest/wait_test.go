package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// bubble runs a test on a clock of its own, with a client of the vendor.
func bubble(t *testing.T, v *vendor, timeout time.Duration, test func(t *testing.T, f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, newFixture("http://vendor.test", v, func(c *Config) { c.Timeout = timeout }))
	})
}

func unreachable(int, *http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

func hang(_ int, r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestBackoff(t *testing.T) {
	for name, v := range map[string]*vendor{"503": always(503, "<html>"), "no connection": {answer: unreachable}} {
		bubble(t, v, time.Minute, func(t *testing.T, f *fixture) {
			e := asError(t, f.get(t.Context(), new(any)))
			if e.Kind != providers.KindUnavailable || e.RetryAfter <= 0 {
				t.Errorf("%s: got %v, RetryAfter %v", name, e, e.RetryAfter)
			}
			if len(v.at) != maxAttempts || f.budget.taken != maxAttempts || f.trace.Spent() != maxAttempts || v.open != 0 {
				t.Fatalf("%s: %d sent, %d places, %d traced, %d bodies open; want %d of each and none open",
					name, len(v.at), f.budget.taken, f.trace.Spent(), v.open, maxAttempts)
			}
			for i, want := 1, firstBackoff; i < maxAttempts; i, want = i+1, want*2 {
				if got := v.at[i].Sub(v.at[i-1]); got < want*3/4 || got > want*5/4 {
					t.Errorf("%s: wait %d is %v, want about %v", name, i, got, want)
				}
			}
			if got := f.trace.Calls()[maxAttempts-1].Attempt; got != maxAttempts {
				t.Errorf("%s: the last attempt is traced as number %d", name, got)
			}
			if h := f.Health(); h.Status != providers.AccountDegraded {
				t.Errorf("%s: health is %v", name, h.Status)
			}
		})
	}
}

// Repeated, because jitter must never make the wait shorter than was asked.
func TestRetryAfterIsObeyed(t *testing.T) {
	const asked = 7 * time.Second
	for range 20 {
		for _, status := range []int{429, 503} {
			for _, date := range []bool{false, true} {
				v := &vendor{answer: func(n int, _ *http.Request) (*http.Response, error) {
					if n == 2 {
						return replied(200, `{}`), nil
					}
					if date {
						return replied(status, "", "Retry-After", time.Now().Add(asked).UTC().Format(http.TimeFormat)), nil
					}
					return replied(status, "", "Retry-After", "7"), nil
				}}
				bubble(t, v, time.Minute, func(t *testing.T, f *fixture) {
					if err := f.get(t.Context(), new(any)); err != nil {
						t.Fatal(err)
					}
					if got := v.at[1].Sub(v.at[0]); got < asked || got > asked*5/4 {
						t.Errorf("%d: sent again after %v, want %v", status, got, asked)
					}
					told := len(f.budget.exhausted) == 1 && f.budget.exhausted[0] == asked
					if limited := status == 429; told != limited {
						t.Errorf("%d: the budget was told %v", status, f.budget.exhausted)
					}
				})
			}
		}
	}
}

func TestLimitedWithoutRetryAfter(t *testing.T) {
	v := always(429, "")
	bubble(t, v, time.Minute, func(t *testing.T, f *fixture) {
		e := asError(t, f.get(t.Context(), new(any)))
		if e.Kind != providers.KindRateLimited || e.RetryAfter < limitedBackoff || len(f.budget.exhausted) != maxAttempts {
			t.Errorf("got %v, RetryAfter %v; the budget was told %v", e, e.RetryAfter, f.budget.exhausted)
		}
	})
}

// Where the wait does not fit before the deadline the error comes at once and says how long
// it is.
func TestNoRoomForTheWait(t *testing.T) {
	for _, c := range []struct {
		v        *vendor
		attempts int
		atMost   time.Duration // until the error
		wait     time.Duration // RetryAfter, at least
	}{
		{always(429, "", "Retry-After", "30"), 1, 0, 30 * time.Second},
		{always(503, "", "Retry-After", "30"), 1, 0, 30 * time.Second},
		{always(503, ""), 2, firstBackoff * 5 / 4, firstBackoff},
	} {
		bubble(t, c.v, 1100*time.Millisecond, func(t *testing.T, f *fixture) {
			start := time.Now()
			e := asError(t, f.get(t.Context(), new(any)))
			if took := time.Since(start); took > c.atMost || len(c.v.at) != c.attempts || e.RetryAfter < c.wait {
				t.Errorf("got %v, RetryAfter %v, after %v and %d attempts; want %+v", e, e.RetryAfter, took, len(c.v.at), c)
			}
		})
	}
}

func TestTimeoutBoundsTheCall(t *testing.T) {
	v := &vendor{answer: hang}
	bubble(t, v, 3*time.Second, func(t *testing.T, f *fixture) {
		start := time.Now()
		e := asError(t, f.get(t.Context(), new(any)))
		if took := time.Since(start); took != 3*time.Second || e.Kind != providers.KindUnavailable || len(v.at) != 1 {
			t.Errorf("got %v after %v and %d attempts", e, took, len(v.at))
		}
	})
}

// A caller may give up during an attempt or between two.
func TestCanceled(t *testing.T) {
	for name, v := range map[string]*vendor{"sent": {answer: hang}, "waiting": always(503, "", "Retry-After", "20")} {
		bubble(t, v, time.Minute, func(t *testing.T, f *fixture) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			e := asError(t, f.get(ctx, new(any)))
			if took := time.Since(start); took != time.Second || e.Kind != providers.KindCanceled || !errors.Is(e, context.Canceled) {
				t.Errorf("%s: got %v after %v", name, e, took)
			}
			if h := f.Health(); h.Status != providers.AccountOK {
				t.Errorf("%s: health is %v", name, h.Status)
			}
		})
	}
}

func TestBudgetRefuses(t *testing.T) {
	v := always(200, `{}`)
	f := newFixture("http://vendor.test", v, nil)
	f.budget.err = &providers.Error{Kind: providers.KindRateLimited, RetryAfter: time.Minute}
	e := asError(t, f.get(t.Context(), new(any)))
	if e.Kind != providers.KindRateLimited || e.RetryAfter != time.Minute || e.Account != "acme" || len(v.at) != 0 {
		t.Errorf("got %+v after %d attempts", e, len(v.at))
	}
}

// open makes calls until the breaker opens.
func (f *fixture) open(t *testing.T, v *vendor) {
	t.Helper()
	for range maxFailures {
		f.get(t.Context(), new(any))
	}
	if got := len(v.at); got != maxFailures {
		t.Fatalf("%d attempts were made, want %d and then none", got, maxFailures)
	}
}

func TestBreaker(t *testing.T) {
	answer := unreachable
	v := &vendor{answer: func(n int, r *http.Request) (*http.Response, error) { return answer(n, r) }}
	bubble(t, v, time.Minute, func(t *testing.T, f *fixture) {
		f.open(t, v)
		start, taken, cause := time.Now(), f.budget.taken, "GET /things/{id}: unavailable"
		e := asError(t, f.get(t.Context(), new(any)))
		if e.Kind != providers.KindUnavailable || e.RetryAfter <= 0 || e.RetryAfter > failureDelay || time.Since(start) != 0 || !strings.Contains(e.Error(), cause) {
			t.Errorf("open: got %v, RetryAfter %v, after %v", e, e.RetryAfter, time.Since(start))
		}
		if h := f.Health(); h.Status != providers.AccountDown || *h.LastError != cause || f.budget.taken != taken {
			t.Errorf("open: health is %+v, %d places were taken", h, f.budget.taken-taken)
		}

		time.Sleep(failureDelay)
		before := len(v.at)
		f.get(t.Context(), new(any))
		if got := len(v.at) - before; got != 1 {
			t.Errorf("half-open: %d attempts at a vendor that is still down, want 1", got)
		}

		time.Sleep(failureDelay)
		answer = always(200, `{}`).answer
		if err := f.get(t.Context(), new(any)); err != nil || f.Health().Status != providers.AccountOK {
			t.Errorf("after a success: got %v, health %v", err, f.Health().Status)
		}
	})
}

// A call that never reached the vendor, or that its caller left, proves nothing about it.
func TestBreakerIsNotClosedByWhatProvesNothing(t *testing.T) {
	for name, spoil := range map[string]func(*fixture) context.Context{
		"budget": func(f *fixture) context.Context {
			f.budget.err = &providers.Error{Kind: providers.KindRateLimited}
			return context.Background()
		},
		"canceled": func(f *fixture) context.Context {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(time.Second, cancel)
			return ctx
		},
	} {
		answer := unreachable
		v := &vendor{answer: func(n int, r *http.Request) (*http.Response, error) { return answer(n, r) }}
		bubble(t, v, time.Minute, func(t *testing.T, f *fixture) {
			f.open(t, v)
			time.Sleep(failureDelay)
			answer = hang
			f.get(spoil(f), new(any))
			if !f.gate.closed {
				t.Errorf("%s: the breaker closed", name)
			}
			// Nor does it cost the account its one trial call.
			time.Sleep(failureDelay)
			answer, f.budget.err = always(200, `{}`).answer, nil
			if err := f.get(t.Context(), new(any)); err != nil {
				t.Errorf("%s: the next trial call: %v", name, err)
			}
		})
	}
}

// While the one trial call runs, the others are told when to come again.
func TestBreakerHalfOpen(t *testing.T) {
	answer := unreachable
	v := &vendor{answer: func(n int, r *http.Request) (*http.Response, error) { return answer(n, r) }}
	bubble(t, v, time.Minute, func(t *testing.T, f *fixture) {
		f.open(t, v)
		time.Sleep(failureDelay)
		answer = hang
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go f.get(ctx, new(any))
		synctest.Wait()
		e := asError(t, f.get(t.Context(), new(any)))
		if got := len(v.at) - maxFailures; got != 1 || e.Kind != providers.KindUnavailable || e.RetryAfter <= 0 {
			t.Errorf("got %v, RetryAfter %v, with %d trial calls", e, e.RetryAfter, got)
		}
	})
}

// Callers in a hurry do not make a slow vendor a dead one.
func TestShortDeadlinesDoNotOpenTheBreaker(t *testing.T) {
	v := &vendor{answer: hang}
	bubble(t, v, time.Minute, func(t *testing.T, f *fixture) {
		for range 2 * maxFailures {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			e := asError(t, f.get(ctx, new(any)))
			cancel()
			if e.Kind != providers.KindUnavailable || f.Health().Status != providers.AccountOK {
				t.Fatalf("got %v, health %v", e, f.Health().Status)
			}
		}
		if got, want := len(v.at), 2*maxFailures; got != want {
			t.Errorf("%d calls were sent, want %d", got, want)
		}
	})
}
