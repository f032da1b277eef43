package budget_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/budget/budgettest"
	"github.com/partnergraph/partnergraph/providers"
)

func TestMemory(t *testing.T) {
	budgettest.Run(t, func(_ *testing.T, limit int, window time.Duration) providers.Budget {
		return budget.New(limit, window, time.Now)
	})
}

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

func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(1, time.Minute, time.Now)
		got := arrive(t.Context(), b, 6)()
		if want := []int{0, 1, 2, 3, 4, 5}; !slices.Equal(got, want) {
			t.Errorf("served %v, want %v", got, want)
		}
	})
}

// The deadline is held against the place behind everyone who waits, also those of later windows.
func TestDeadlineCountsTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(2, time.Minute, time.Now)
		wait := arrive(t.Context(), b, 7) // 0, 1 | 2, 3 at 60 s | 4, 5 at 120 s | 6 at 180 s
		time.Sleep(10 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 170*time.Second) // at 180 s; its place is at 181 s
		defer cancel()
		start := time.Now()
		err := b.Take(ctx)
		var e *providers.Error
		if !errors.As(err, &e) || e.RetryAfter != 171*time.Second || time.Since(start) != 0 {
			t.Errorf("got %+v after %v, want a refusal at once with RetryAfter 171s", e, time.Since(start))
		}
		if got := len(wait()); got != 7 {
			t.Errorf("%d calls were let through, want 7", got)
		}
	})
}

// When someone in the queue gives up, those behind move up.
func TestLeavingTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(1, time.Minute, time.Now)
		start := time.Now()
		if err := b.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ahead := arrive(ctx, b, 1)
		synctest.Wait()
		time.AfterFunc(30*time.Second, cancel)
		if err := b.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := time.Since(start), time.Minute; got != want || len(ahead()) != 0 {
			t.Errorf("let through after %v, want %v", got, want)
		}
	})
}

// Who waits when the vendor refuses, and cannot wait so long, learns it at once.
func TestExhaustedRefusesTheImpatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(1, time.Minute, time.Now)
		if err := b.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		start := time.Now()
		time.AfterFunc(5*time.Second, func() { b.Exhausted(time.Hour) })
		err := b.Take(ctx)
		if got, want := time.Since(start), 5*time.Second; got != want || providers.KindOf(err) != providers.KindRateLimited {
			t.Errorf("got %v after %v, want a refusal after %v", err, got, want)
		}
	})
}

func TestNoBudget(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New(0, …) did not panic")
		}
	}()
	budget.New(0, time.Minute, time.Now)
}
