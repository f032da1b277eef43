package cachetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
)

// epochs never go back.
func epochs(t *testing.T, s store) {
	last := s.epoch("a-1")
	for i := range 100 {
		if i%10 == 0 {
			s.drop("k")
		}
		n := s.epoch("a-1")
		if n < last {
			t.Fatalf("epoch %d comes after %d", n, last)
		}
		last = n
	}
	s.epoch("a-2")
}

// fences: what began before a Drop is gone, and does not come in after it either; what
// begins afterwards does.
func fences(t *testing.T, s store) {
	whole, stub := commission(nil), commission(providers.Only("amount"))
	early := s.epoch("a-1")
	s.began(early, "k", whole)
	s.began(early, "other", whole)
	s.drop("k", "new")
	late := s.epoch("a-1")
	gone := func(what string) {
		t.Helper()
		same(t, what, s.get("k", "new"), map[string]cache.Entry{})
	}
	gone("after Drop")
	if len(s.get("other")) != 1 {
		t.Error("Drop removed a key that it did not name")
	}
	s.began(early, "k", whole)
	s.began(early, "new", whole)
	gone("what began before a Drop and comes in after it")
	s.began(early, "k", cache.Absent{})
	gone("an absence likewise")

	s.began(late, "k", stub)
	s.began(late, "new", whole)
	if got := s.get("k", "new"); got["k"].Value == nil || got["new"].Value == nil {
		t.Fatalf("what began after a Drop: %v; want it there", got)
	}
	slow := s.entry(whole) // its reply came late, too
	slow.Began, slow.FetchedAt = early, slow.FetchedAt.Add(time.Second)
	s.putEntry("k", slow)
	same(t, "what began before a Drop, and comes in after what began behind it", s.get("k")["k"].Value, any(stub))
	s.drop("k", "new")
	gone("after a second Drop")
	s.began(late, "k", whole)
	gone("what began between two Drops")
	s.began(s.epoch("a-1"), "k", whole)
	same(t, "what began after two Drops", s.get("k")["k"].Value, any(whole))
}

// fencesEnd: a fence keeps out until its time, also when what stands before it is gone sooner.
func fencesEnd(t *testing.T, s store) {
	early := s.epoch("a-1")
	s.drop("k")
	s.began(s.epoch("a-1"), "k", cache.Absent{})
	s.clock.Move(time.Hour - time.Millisecond)
	s.began(early, "k", cache.Count(1))
	same(t, "behind a fence that outlived an entry", s.get("k"), map[string]cache.Entry{})
	s.clock.Move(time.Millisecond)
	s.began(early, "k", cache.Count(2))
	same(t, "at the fence's end", s.get("k")["k"].Value, any(cache.Count(2)))
}

// families reach back to the earliest that no invalidation lies behind.
func families(t *testing.T, s store) {
	first := s.epoch("a-1")
	s.clock.Move(time.Millisecond) // epochs may go by it
	s.drop("other")
	second := s.epoch("a-1")
	began := func() cache.Epoch { t.Helper(); return s.get("k")["k"].Began }
	s.began(second, "k", cache.Family{})
	s.began(first, "k", cache.Family{})
	same(t, "of two", began(), first)
	s.began(second, "k", cache.Family{})
	same(t, "of three", began(), first)

	s.clock.Move(time.Minute - time.Millisecond)
	s.began(second, "k", cache.Family{})
	s.clock.Move(time.Minute + time.Millisecond)
	same(t, "put again before half its time", len(s.get("k")), 0)
	s.began(first, "k", cache.Family{})
	s.clock.Move(time.Minute + time.Millisecond)
	s.began(second, "k", cache.Family{})
	s.clock.Move(time.Minute)
	same(t, "put again after half its time", began(), first)

	s.drop("k")
	same(t, "after Drop", len(s.get("k")), 0)
	third := s.epoch("a-1")
	s.began(third, "k", cache.Family{})
	s.began(second, "k", cache.Family{})
	same(t, "of two, one of which began before a Drop", began(), third)
}

// race: however Drop and Put meet, what began before a Drop is not there after it.
func race(t *testing.T, s store) {
	for range 50 {
		early := s.epoch("a-1")
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				e := s.entry(commission(nil))
				e.Began = early
				if err := s.Put(context.Background(), map[cache.Key]cache.Entry{keyOf("k"): e}); err != nil {
					t.Errorf("Put: %v", err)
				}
			})
		}
		wg.Go(func() {
			if err := s.Drop(context.Background(), "a-1", s.clock.Now().Add(time.Hour), keyOf("k")); err != nil {
				t.Errorf("Drop: %v", err)
			}
		})
		wg.Wait()
		if got := s.get("k"); len(got) != 0 {
			t.Fatalf("after Drop: %v", got)
		}
	}
}
