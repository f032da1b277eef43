package cache_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/cache/cachetest"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// newTiered is a replica's store, linked to the others.
func newTiered(t testing.TB, c redis.UniversalClient, o cache.RedisOptions) *cache.Tiered {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	s := cache.NewTiered(cache.NewMemory(64<<20, o.Now), cache.NewRedis(c, o))
	t.Cleanup(s.Close)
	linked(t, s)
	return s
}

func linked(t testing.TB, s *cache.Tiered) {
	t.Helper()
	redistest.Eventually(t, "the replica is linked", func(context.Context) error { return unless(s.Linked(), "not linked") })
}

func unless(ok bool, problem string) error {
	if !ok {
		return errors.New(problem)
	}
	return nil
}

func suiteOfTiered(t *testing.T, c redis.UniversalClient) {
	cachetest.Run(t, func(t *testing.T, now func() time.Time) cache.Store {
		empty(t, c)
		return newTiered(t, c, cache.RedisOptions{Timeout: patient, Now: now})
	})
}
