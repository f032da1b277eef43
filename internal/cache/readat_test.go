package cache_test

import (
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/cache/cachetest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// TestReadAt wants the time at which a list's newest page was read, whoever asked for it and
// whatever was invalidated since.
func TestReadAt(t *testing.T) {
	clock := cachetest.NewClock()
	fake := providertest.NewFake("a-1", providertest.Options{Now: clock.Now})
	b := benchOf(t, fake, fake, cache.NewMemory(16<<20, clock.Now), clock.Now)
	check := func(what string, noun providers.Noun, want time.Time) {
		t.Helper()
		got, err := b.ReadAt(t.Context(), noun)
		if err != nil || !got[noun].Equal(want) {
			t.Errorf("%s: %v, %v; want %v", what, got, err, want)
		}
	}
	check("never read", providers.NounCommission, time.Time{})
	b.first()
	read := clock.Now()
	check("read", providers.NounCommission, read)
	check("another list", providers.NounPayout, time.Time{})
	check("no list", providers.NounAccount, time.Time{})
	clock.Move(time.Second)
	if err := b.Invalidate(t.Context(), nil, providers.NounCommission); err != nil {
		t.Fatal(err)
	}
	check("invalidated", providers.NounCommission, read)
	b.first()
	check("read again", providers.NounCommission, clock.Now())
	ctx, missed := providers.WithCachedOnly(t.Context())
	if _, err := b.ReadAt(ctx, providers.NounCommission); err != nil || missed() {
		t.Errorf("in memory: %v", err)
	}
}
