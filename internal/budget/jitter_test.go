package budget_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
)

// arrivals are the times at which calls reach a vendor.
type arrivals struct {
	mu sync.Mutex
	at []time.Time
}

func (a *arrivals) add(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, at)
}

// refused is how many calls a vendor refuses that counts a rolling window by arrival.
func (a *arrivals) refused(limit int, window time.Duration) (refused int) {
	slices.SortFunc(a.at, time.Time.Compare)
	var counted []time.Time
	for _, at := range a.at {
		counted = slices.DeleteFunc(counted, func(t time.Time) bool { return !t.Add(window).After(at) })
		if len(counted) == limit {
			refused++
			continue
		}
		counted = append(counted, at)
	}
	return refused
}

// saturate asks for places without a pause until the time has passed. Each call arrives after its
// jitter.
func (a *arrivals) saturate(ctx context.Context, b providers.Budget, seed uint64, jitter time.Duration) {
	random := rand.New(rand.NewPCG(seed, 0))
	for b.Take(ctx) == nil {
		a.add(time.Now().Add(time.Duration(random.Int64N(int64(jitter) + 1))))
	}
}

// TestJitter: a vendor that counts a rolling window by arrival refuses no call, although
// each takes 0 to 200 ms to arrive; and saturated callers use at least 95 % of what the
// vendor allows.
func TestJitter(t *testing.T) {
	const minutes, callers, jitter = 3, 4, 200 * time.Millisecond
	server := redistest.Start(t).Target()
	for _, limit := range []int{120} {
		budgets := map[string]func(*testing.T) []providers.Budget{
			"memory": func(*testing.T) []providers.Budget {
				return []providers.Budget{budget.New(limit, time.Minute, time.Now)}
			},
			"one replica": func(t *testing.T) []providers.Budget {
				return []providers.Budget{shared(t, server, strict(t), limit)}
			},
			"three replicas": func(t *testing.T) (all []providers.Budget) {
				for range 3 {
					all = append(all, shared(t, server, strict(t), limit))
				}
				return all
			},
			"one busy replica of three": func(t *testing.T) []providers.Budget {
				shared(t, server, strict(t), limit)
				shared(t, server, strict(t), limit)
				return []providers.Budget{shared(t, server, strict(t), limit)}
			},
		}
		for name, open := range budgets {
			t.Run(fmt.Sprintf("%d, %s", limit, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					all := open(t)
					time.Sleep(time.Minute) // they are all known
					ctx, cancel := context.WithTimeout(t.Context(), minutes*time.Minute)
					defer cancel()
					var a arrivals
					var wg sync.WaitGroup
					for i := range callers {
						wg.Go(func() { a.saturate(ctx, all[i%len(all)], uint64(i), jitter) })
					}
					wg.Wait()
					if got := a.refused(limit, time.Minute); got != 0 {
						t.Errorf("the vendor refused %d of %d calls", got, len(a.at))
					}
					if got, want := len(a.at), limit*minutes*95/100; got < want {
						t.Errorf("%d calls in %d minutes, want at least %d", got, minutes, want)
					}
				})
			})
		}
	}
}
