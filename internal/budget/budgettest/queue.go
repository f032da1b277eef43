package budgettest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// arrive lets n calls come a second apart; each notes its number when it is let through.
func arrive(ctx context.Context, b providers.Budget, n int) (wait func() []int) {
	var mu sync.Mutex
	var order []int
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * time.Second)
			if b.Take(ctx) == nil {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			}
		})
	}
	return func() []int { wg.Wait(); return order }
}

func firstComeFirstServed(t *testing.T, open func(int) providers.Budget) {
	got := arrive(t.Context(), open(1), 6)()
	if want := []int{0, 1, 2, 3, 4, 5}; !slices.Equal(got, want) {
		t.Errorf("served %v, want %v", got, want)
	}
}

// deadlineCountsTheQueue: the deadline is held against the place behind everyone who waits,
// also those of later windows.
func deadlineCountsTheQueue(t *testing.T, open func(int) providers.Budget) {
	b := open(2)
	wait := arrive(t.Context(), b, 7) // 0, 1 | 2, 3 at 60 s | 4, 5 at 120 s | 6 at 180 s
	time.Sleep(10 * time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 170*time.Second) // at 180 s; its place is at 181 s
	defer cancel()
	start := time.Now()
	e := refused(t, b.Take(ctx))
	within(t, "the refusal", time.Since(start), 0)
	within(t, "RetryAfter's span", e.RetryAfter, 171*time.Second)
	if got := len(wait()); got != 7 {
		t.Errorf("%d calls were let through, want 7", got)
	}
}

// leavingTheQueue: when someone in the queue gives up, those behind move up.
func leavingTheQueue(t *testing.T, open func(int) providers.Budget) {
	b := open(1)
	start := time.Now()
	take(t, b, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ahead := arrive(ctx, b, 1)
	synctest.Wait()
	time.AfterFunc(window/2, cancel)
	take(t, b, 1)
	within(t, "the next", time.Since(start), window)
	if got := ahead(); len(got) != 0 {
		t.Errorf("who gave up was let through")
	}
}

// exhaustedRefusesTheImpatient: who waits when the vendor refuses, and cannot wait so long,
// learns it at once.
func exhaustedRefusesTheImpatient(t *testing.T, open func(int) providers.Budget) {
	b := open(1)
	take(t, b, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*window)
	defer cancel()
	start := time.Now()
	time.AfterFunc(window/12, func() { b.Exhausted(time.Hour) })
	refused(t, b.Take(ctx))
	within(t, "the refusal", time.Since(start), window/12)
}
