// Package budgettest is the suite that every [providers.Budget] passes.
package budgettest

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

const window = time.Minute

// slack is how much later than necessary a place may be given: shared budgets ask again at
// intervals.
const slack = window / 10

// margin is how much longer than the window a budget may keep a place, because vendors
// count a call when it arrives.
const margin = time.Second

// Run runs the suite. Each test runs in a bubble of testing/synctest and calls open in it
// once, so the budget must go by the time package's clock, and what it needs of connections
// must be opened there. A goroutine that outlives its test fails it.
func Run(t *testing.T, open func(t *testing.T, limit int, window time.Duration) providers.Budget) {
	for name, test := range map[string]func(*testing.T, func(int) providers.Budget){
		"WaitsForTheWindow":       waitsForTheWindow,
		"HoldsEveryWindow":        holdsEveryWindow,
		"RefusesBehindDeadline":   refusesBehindDeadline,
		"CanceledCountsNothing":   canceledCountsNothing,
		"ExhaustedHoldsEverybody": exhaustedHoldsEverybody,
		"ExhaustedNeverShortens":  exhaustedNeverShortens,
		"State":                   state,

		"FirstComeFirstServed":         firstComeFirstServed,
		"DeadlineCountsTheQueue":       deadlineCountsTheQueue,
		"LeavingTheQueue":              leavingTheQueue,
		"ExhaustedRefusesTheImpatient": exhaustedRefusesTheImpatient,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, func(limit int) providers.Budget { return open(t, limit, window) })
			})
		})
	}
}

// take takes n places one after another and says how long that took.
func take(t *testing.T, b providers.Budget, n int) time.Duration {
	t.Helper()
	start := time.Now()
	for range n {
		if err := b.Take(t.Context()); err != nil {
			t.Fatalf("Take: %v", err)
		}
	}
	return time.Since(start)
}

func within(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want || got > want+slack {
		t.Errorf("%s took %v, want %v", what, got, want)
	}
}

func refused(t *testing.T, err error) *providers.Error {
	t.Helper()
	e, ok := err.(*providers.Error)
	if !ok || e.Kind != providers.KindRateLimited {
		t.Fatalf("Take: got %v, want an *Error of %q", err, providers.KindRateLimited)
	}
	return e
}

func remaining(t *testing.T, b providers.Budget, want int) {
	t.Helper()
	if got := b.State().Remaining; got != want {
		t.Errorf("Remaining is %d, want %d", got, want)
	}
}

func waitsForTheWindow(t *testing.T, open func(int) providers.Budget) {
	b := open(3)
	within(t, "the first three", take(t, b, 3), 0)
	within(t, "the fourth", take(t, b, 1), window)
}

// holdsEveryWindow sends far more callers than there are places, at odd times, with some who give
// up, and looks at every span.
func holdsEveryWindow(t *testing.T, open func(int) providers.Budget) {
	const limit, callers = 5, 60
	b := open(limit)
	var mu sync.Mutex
	var calls []time.Time
	random := rand.New(rand.NewPCG(1, 2))
	var wg sync.WaitGroup
	for i := range callers {
		delay, patience := time.Duration(random.Int64N(int64(4*window))), 100*window
		if i%4 == 0 {
			patience = time.Duration(random.Int64N(int64(window)))
		}
		wg.Go(func() {
			time.Sleep(delay)
			ctx, cancel := context.WithCancel(t.Context())
			defer time.AfterFunc(patience, cancel).Stop()
			defer cancel()
			if b.Take(ctx) == nil {
				mu.Lock()
				defer mu.Unlock()
				calls = append(calls, time.Now())
			}
		})
	}
	wg.Wait()
	if got, want := len(calls), callers*3/4; got < want {
		t.Errorf("%d calls were let through, want at least %d", got, want)
	}
	slices.SortFunc(calls, time.Time.Compare)
	for i := limit; i < len(calls); i++ {
		if span := calls[i].Sub(calls[i-limit]); span < window {
			t.Errorf("%d calls in %v", limit+1, span)
		}
	}
}

func refusesBehindDeadline(t *testing.T, open func(int) providers.Budget) {
	b := open(2)
	take(t, b, 1)
	time.Sleep(window / 4)
	take(t, b, 1)

	ctx, cancel := context.WithTimeout(t.Context(), window/2)
	defer cancel()
	start := time.Now()
	e := refused(t, b.Take(ctx))
	within(t, "the refusal", time.Since(start), 0)
	within(t, "RetryAfter's span", e.RetryAfter, 3*window/4)

	time.Sleep(e.RetryAfter + margin)
	remaining(t, b, 1) // the refused call was not counted
	within(t, "a try after RetryAfter", take(t, b, 1), 0)
}

func canceledCountsNothing(t *testing.T, open func(int) providers.Budget) {
	b := open(1)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	refused(t, b.Take(ended))
	remaining(t, b, 1)

	take(t, b, 1)
	waiting, cancel := context.WithCancel(t.Context())
	time.AfterFunc(window/2, cancel)
	start := time.Now()
	refused(t, b.Take(waiting))
	within(t, "giving up", time.Since(start), window/2)
	within(t, "the next", take(t, b, 1), window/2)
}

func exhaustedHoldsEverybody(t *testing.T, open func(int) providers.Budget) {
	b := open(2)
	b.Exhausted(3 * window)
	remaining(t, b, 0)
	ctx, cancel := context.WithTimeout(t.Context(), window)
	defer cancel()
	e := refused(t, b.Take(ctx))
	within(t, "RetryAfter's span", e.RetryAfter, 3*window)
	within(t, "the first two", take(t, b, 2), 3*window)

	// Those who wait already are held as well.
	start := time.Now()
	time.AfterFunc(window/2, func() { b.Exhausted(2 * window) })
	take(t, b, 1)
	within(t, "the third", time.Since(start), window/2+2*window)
}

func exhaustedNeverShortens(t *testing.T, open func(int) providers.Budget) {
	b := open(1)
	b.Exhausted(2 * window)
	b.Exhausted(time.Second)
	b.Exhausted(0)
	within(t, "the first", take(t, b, 1), 2*window)
}

func state(t *testing.T, open func(int) providers.Budget) {
	b := open(3)
	check := func(remaining int, reset time.Time) {
		t.Helper()
		got := b.State()
		want := providers.RateLimit{Limit: 3, WindowSeconds: 60, Remaining: remaining, ResetAt: got.ResetAt}
		if got != want {
			t.Errorf("State() = %+v, want %+v", got, want)
		}
		if off := got.ResetAt.Sub(reset).Abs(); off > margin {
			t.Errorf("ResetAt is %v, want %v", got.ResetAt, reset)
		}
	}
	check(3, time.Now())
	take(t, b, 1)
	time.Sleep(window / 2)
	take(t, b, 1)
	last := time.Now()
	check(1, last.Add(window))
	time.Sleep(window/2 + margin)
	check(2, last.Add(window))
	b.Exhausted(5 * window)
	check(0, time.Now().Add(5*window))
	time.Sleep(5 * window)
	check(3, time.Now())
}
