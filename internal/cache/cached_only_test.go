package cache_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// TestCachedOnly wants reads that take only what is cached to answer what is fresh in
// memory, and nothing else: no call is made for them, Redis is not asked, and nothing stale
// is refreshed.
func TestCachedOnly(t *testing.T) {
	c := redistest.Start(t).Client(redisclient.Durable)
	far := cache.NewRedis(c, cache.RedisOptions{Timeout: patient})
	for name, tt := range map[string]struct {
		store  func(now func() time.Time) cache.Store
		memory bool
	}{
		"memory": {func(now func() time.Time) cache.Store { return cache.NewMemory(64<<20, now) }, true},
		"Redis":  {func(func() time.Time) cache.Store { return far }, false},
	} {
		t.Run(name, func(t *testing.T) {
			var passed atomic.Int64
			now := func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
			fake := providertest.NewFake("a-1", providertest.Options{})
			b := benchOf(t, fake, fake, tt.store(now), now)
			var row *providers.Commission
			ask := func(what string, answered bool) {
				t.Helper()
				ctx, missed := providers.WithCachedOnly(t.Context())
				b.costs(what, func() {
					p, err := b.page(ctx, providers.CommissionFilter{}, 1)
					if answered != (err == nil) || answered == missed() || !answered && !errors.Is(err, providers.ErrNotCached) {
						t.Errorf("%s: page %v, %v", what, p, err)
					}
					if row == nil {
						return
					}
					ctx, missed := providers.WithCachedOnly(t.Context())
					got, err := b.CommissionsByID(ctx, []providers.ID{row.ID})
					if answered != (err == nil) || answered == missed() {
						t.Errorf("%s: record %v, %v", what, got, err)
					}
				})
			}
			ask("cold", false)
			row = b.first().Items[0]
			ask("warm", tt.memory)
			passed.Store(int64(10 * time.Minute))
			ask("stale", false)
		})
	}
}
