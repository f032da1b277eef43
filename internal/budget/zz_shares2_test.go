package budget_test

import (
	"crypto/sha256"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// TestZZSharesBusy takes from a share of a million in a minute, at a process that works at something else, too.
func TestZZSharesBusy(t *testing.T) {
	server := redistest.Start(t).Target()
	for _, hogs := range []int{0, 8, 64} {
		for _, n := range []int{16, 128, 500} {
			emptied(t, server)
			client := redistest.Open(t, server, redisclient.Cache)
			s := budget.NewRedisShares(budget.SharesOptions{Client: client, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
			var ok, refused, exact atomic.Int64
			var wg sync.WaitGroup
			end := time.Now().Add(2 * time.Second)
			for range hogs {
				wg.Go(func() {
					var b [4096]byte
					for time.Now().Before(end) {
						for range 100 {
							h := sha256.Sum256(b[:])
							b[0] = h[0]
						}
					}
				})
			}
			latency := ""
			wg.Go(func() { // as another process sees the same Redis meanwhile
				host, port, _ := net.SplitHostPort(client.(*redis.Client).Options().Addr)
				out, _ := exec.CommandContext(t.Context(), "timeout", "1.8", "redis-cli", "-h", host, "-p", port, "--latency", "--raw", "-i", "1").CombinedOutput()
				latency = strings.Join(strings.Fields(string(out)), " ")
			})
			for range n {
				wg.Go(func() {
					for time.Now().Before(end) {
						w := s.Take(t.Context(), "partner", budget.Price{Part: "all", Count: 1, Limit: 1_000_000})
						switch {
						case w == 0:
							ok.Add(1)
						case w == time.Second:
							exact.Add(1)
						default:
							refused.Add(1)
						}
					}
				})
			}
			wg.Wait()
			t.Logf("%d hogs, %d at once: %d taken, %d refused because Redis was late, %d by the share; min, max, mean ms and count of another process: %s", hogs, n, ok.Load(), exact.Load(), refused.Load(), latency)
			if exact.Load() > ok.Load() {
				t.Errorf("%d of %d were refused for a share that holds a million", exact.Load(), exact.Load()+ok.Load())
			}
			s.Close()
		}
	}
}
