package cache_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/cache/cachetest"
	"github.com/partnergraph/partnergraph/providers"
)

func TestMemory(t *testing.T) {
	cachetest.Run(t, func(_ *testing.T, now func() time.Time) cache.Store { return cache.NewMemory(16<<20, now) })
}

func TestMemoryIsBounded(t *testing.T) {
	const bound = 1 << 20
	m := cache.NewMemory(bound, time.Now)
	name := strings.Repeat("x", 1000)
	var put int
	for i := range 5000 {
		end := time.Now().Add(time.Hour)
		e := cache.Entry{Value: &providers.Campaign{Name: &name}, FreshUntil: end, StaleUntil: end}
		if err := m.Put(t.Context(), map[string]cache.Entry{fmt.Sprint("key ", i): e}); err != nil {
			t.Fatal(err)
		}
		put += len(name)
	}
	got := m.Bytes()
	if got > bound {
		t.Errorf("a memory of %d bytes takes %d", bound, got)
	}
	if got < bound/2 {
		t.Errorf("a memory of %d bytes takes %d after %d were put; want it filled", bound, got, put)
	}
	held := 0
	for i := range 5000 {
		entries, _ := m.Get(t.Context(), fmt.Sprint("key ", i))
		held += len(entries)
	}
	if least := held * len(name); int64(least) > got {
		t.Errorf("%d entries hold %d bytes in their names alone, but are thought to take %d", held, least, got)
	}
}
