package events_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/events/eventstest"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	eventstest.Run(t, func(_ *testing.T, limits events.Limits, now func() time.Time) events.Log {
		return events.NewMemory(limits, now)
	})
}

func TestRedis(t *testing.T) {
	t.Run("single", func(t *testing.T) {
		runRedis(t, redistest.Start(t).Client(redisclient.Durable))
	})
	t.Run("cluster", func(t *testing.T) {
		runRedis(t, redistest.Open(t, redistest.StartCluster(t), redisclient.Durable))
	})
}

func runRedis(t *testing.T, client redis.UniversalClient) {
	eventstest.Run(t, func(t *testing.T, limits events.Limits, now func() time.Time) events.Log {
		flush(t, client)
		return events.NewRedis(client, limits, now)
	})
}

// flush empties a Redis.
func flush(t testing.TB, client redis.UniversalClient) {
	t.Helper()
	all := func(ctx context.Context, c *redis.Client) error { return c.FlushAll(ctx).Err() }
	var err error
	if cluster, ok := client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(t.Context(), all)
	} else {
		err = client.FlushAll(t.Context()).Err()
	}
	if err != nil {
		t.Fatal(err)
	}
}
