package cache_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/cache/cachetest"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// patient is long enough for a busy machine.
const patient = 10 * time.Second

// empty removes everything from a Redis.
func empty(t testing.TB, c redis.UniversalClient) {
	t.Helper()
	flush := func(ctx context.Context, c *redis.Client) error { return c.FlushAll(ctx).Err() }
	var err error
	if cluster, ok := c.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(t.Context(), flush)
	} else {
		err = flush(t.Context(), c.(*redis.Client))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// servers are a single Redis and a cluster.
func servers(t *testing.T, test func(t *testing.T, c redis.UniversalClient)) {
	t.Run("single", func(t *testing.T) { test(t, redistest.Start(t).Client(redisclient.Durable)) })
	t.Run("cluster", func(t *testing.T) { test(t, redistest.Open(t, redistest.StartCluster(t), redisclient.Durable)) })
}

func TestRedis(t *testing.T) {
	servers(t, func(t *testing.T, c redis.UniversalClient) {
		cachetest.Run(t, func(t *testing.T, now func() time.Time) cache.Store {
			empty(t, c)
			return cache.NewRedis(c, cache.RedisOptions{Timeout: patient, Now: now})
		})
	})
}

var _ = sync.Mutex{}
