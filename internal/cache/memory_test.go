package cache_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/cache/cachetest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
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
		if err := m.Put(t.Context(), map[cache.Key]cache.Entry{key(fmt.Sprint("key ", i)): e}); err != nil {
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
		entries, _ := m.Get(t.Context(), key(fmt.Sprint("key ", i)))
		held += cache.Held(entries)
	}
	if least := held * len(name); int64(least) > got {
		t.Errorf("%d entries hold %d bytes in their names alone, but are thought to take %d", held, least, got)
	}
}

// BenchmarkGet reads three hundred records at once, as a large page with its edges does.
func BenchmarkGet(b *testing.B) {
	f := providertest.NewFake("a-1", providertest.Options{})
	whole, err := f.AffiliatesByID(b.Context(), ids("aff001"))
	if err != nil {
		b.Fatal(err)
	}
	far, c := single(b)
	for name, s := range map[string]cache.Store{
		"memory": cache.NewMemory(64<<20, time.Now), "Redis": far, "memory before Redis": newTiered(b, c, cache.RedisOptions{Timeout: patient}),
	} {
		b.Run(name, func(b *testing.B) {
			end := time.Now().Add(time.Hour)
			entries := map[cache.Key]cache.Entry{}
			var keys []cache.Key
			for i := range 300 {
				keys = append(keys, key(fmt.Sprint("k", i)))
				entries[keys[i]] = cache.Entry{Value: whole.Found[ids("aff001")[0]], FreshUntil: end, StaleUntil: end}
			}
			if err := s.Put(b.Context(), entries); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if got, err := s.Get(b.Context(), keys...); err != nil || cache.Held(got) != len(keys) {
					b.Fatal(cache.Held(got), err)
				}
			}
		})
	}
}

// What empties a memory leaves its fences: nobody else may know of them yet.
func TestMemoryClear(t *testing.T) {
	m := cache.NewMemory(1<<20, time.Now)
	early, _ := m.Epoch(t.Context(), "a-1")
	if err := m.Drop(t.Context(), "a-1", time.Now().Add(time.Hour), key("dropped")); err != nil {
		t.Fatal(err)
	}
	put(t, m, "k", 1)
	m.Clear()
	if got := count(t, m, "k"); got != -1 {
		t.Errorf("%d is there still", got)
	}
	end := time.Now().Add(time.Hour)
	for _, k := range []string{"k", "dropped"} {
		if err := m.Put(t.Context(), map[cache.Key]cache.Entry{key(k): {Value: cache.Count(2), Began: early, FreshUntil: end, StaleUntil: end}}); err != nil {
			t.Fatal(err)
		}
	}
	if k, dropped := count(t, m, "k"), count(t, m, "dropped"); k != 2 || dropped != -1 {
		t.Errorf("%d and %d; want 2, and nothing behind the fence", k, dropped)
	}
}
