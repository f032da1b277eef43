package budget_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/budget/budgettest"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
)

// shared is one replica's budget at a Redis. It goes by the test's clock, and is patient, for the machine may be busy.
func shared(t *testing.T, target redisclient.Target, limit int) *budget.Redis {
	t.Helper()
	t.Cleanup(func() { time.Sleep(time.Minute) }) // after the client was closed: what it left asleep wakes in the bubble
	return budget.NewRedis(budget.RedisOptions{
		Client: redistest.Open(t, target, redisclient.Cache), Account: t.Name(), Limit: limit, Window: time.Minute,
		Logger: slog.New(slog.DiscardHandler), Now: time.Now, Patience: 10 * time.Second,
	})
}

func TestRedis(t *testing.T) {
	server := redistest.Start(t).Target()
	budgettest.Run(t, func(t *testing.T, limit int, _ time.Duration) providers.Budget { return shared(t, server, limit) })
}

func TestRedisCluster(t *testing.T) {
	cluster := redistest.StartCluster(t)
	budgettest.Run(t, func(t *testing.T, limit int, _ time.Duration) providers.Budget { return shared(t, cluster, limit) })
}
