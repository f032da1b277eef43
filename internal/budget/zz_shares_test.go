package budget_test

import (
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// TestZZSharesRate takes from a share of a million in a minute.
func TestZZSharesRate(t *testing.T) {
	server := redistest.Start(t).Target()
	for _, replicas := range []int{0, 1, 3} {
		emptied(t, server)
		client := redistest.Open(t, server, redisclient.Cache)
		s := budget.NewRedisShares(budget.SharesOptions{Client: client, Replicas: replicas, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
		for _, n := range []int{1, 16, 128} {
			var ok, refused atomic.Int64
			var longest atomic.Int64
			var wg sync.WaitGroup
			end := time.Now().Add(2 * time.Second)
			for range n {
				wg.Go(func() {
					for time.Now().Before(end) {
						if w := s.Take(t.Context(), "partner", budget.Price{Part: "all", Count: 1, Limit: 1_000_000}); w == 0 {
							ok.Add(1)
						} else {
							refused.Add(1)
							longest.Store(max(longest.Load(), int64(w)))
						}
					}
				})
			}
			wg.Wait()
			t.Logf("replicas %d, %d at once: %d taken, %d refused (wait up to %v)", replicas, n, ok.Load(), refused.Load(), time.Duration(longest.Load()))
		}
		s.Close()
	}
}
