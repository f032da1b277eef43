package cache_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// gate is a vendor whose calls wait until it opens, or their context ends.
type gate struct {
	open  chan struct{}
	mu    sync.Mutex
	ended int // calls whose context ended
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) before(ctx context.Context, _ string) error {
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		g.ended++
		return ctx.Err()
	}
}

func TestOneFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		b := newBench(t, providertest.Options{Before: g.before})
		first, giveUp := context.WithCancel(t.Context())
		var (
			wg   sync.WaitGroup
			gone error
		)
		wg.Go(func() { _, gone = b.page(first, providers.CommissionFilter{}, 1) })
		synctest.Wait()
		for range 9 {
			wg.Go(func() {
				if _, err := b.page(t.Context(), providers.CommissionFilter{}, 1); err != nil {
					t.Errorf("one of ten: %v", err)
				}
			})
		}
		synctest.Wait()
		giveUp()
		synctest.Wait()
		if providers.KindOf(gone) != providers.KindCanceled {
			t.Errorf("who gave up got %v; want %s", gone, providers.KindCanceled)
		}
		close(g.open)
		wg.Wait()
		if got := b.fake.Ops(); len(got) != 1 || g.ended != 0 {
			t.Errorf("ten callers made the calls %q, %d of them ended; want one that goes on after its first caller", got, g.ended)
		}
	})
}

func TestFlightEndsWithItsLastCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		b := newBench(t, providertest.Options{Before: g.before})
		var wg sync.WaitGroup
		for i := range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*time.Second)
			defer cancel()
			wg.Go(func() {
				if _, err := b.AffiliatesByID(ctx, ids("aff001")); providers.KindOf(err) != providers.KindUnavailable {
					t.Errorf("after its deadline: %v; want %s", err, providers.KindUnavailable)
				}
			})
		}
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		g.mu.Lock()
		if g.ended != 0 {
			t.Error("the call ended while someone waited")
		}
		g.mu.Unlock()
		wg.Wait()
		synctest.Wait()
		if g.ended != 1 || b.fake.Spent() != 1 {
			t.Errorf("%d of %d calls ended with the last who waited; want 1 of 1", g.ended, b.fake.Spent())
		}
		close(g.open)
		b.costs("afterwards", func() { b.affiliates(nil, "aff001") }, "AffiliatesByID 1")
	})
}

func TestFlightsOfRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		b := newBench(t, providertest.Options{Before: g.before})
		var wg sync.WaitGroup
		read := func(need []string, locals ...string) {
			wg.Go(func() {
				if got := b.affiliates(need, locals...); len(got) != len(locals) {
					t.Errorf("%q: got %v", locals, got)
				}
			})
			synctest.Wait()
		}
		read([]string{"name", "email"}, "aff001", "aff002")
		read([]string{"name"}, "aff002", "aff003", "aff004") // waits for aff002
		read([]string{"name", "clicks"}, "aff001")           // needs more than is under way
		read([]string{"clicks"}, "aff001", "aff002")         // waits for aff001
		read([]string{"email"}, "aff001", "aff002")          // waits for both
		close(g.open)
		wg.Wait()
		if got, want := b.fake.Ops(), []string{"AffiliatesByID 2", "AffiliatesByID 2", "AffiliatesByID 1", "AffiliatesByID 1"}; !slices.Equal(got, want) {
			t.Errorf("calls %q; want %q", got, want)
		}
	})
}

func TestOneRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		close(g.open)
		b := newBench(t, providertest.Options{Before: g.before})
		b.first()
		b.affiliates(nil, "aff001", "aff002")
		time.Sleep(2 * time.Minute)
		g.open = make(chan struct{})
		b.costs("ten stale answers", func() {
			for range 10 {
				ctx, cancel := context.WithCancel(t.Context())
				if _, err := b.page(ctx, providers.CommissionFilter{}, 1); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if _, err := b.AffiliatesByID(ctx, ids("aff001", "aff002")); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				cancel()
			}
		}, "Commissions page 1", "AffiliatesByID 2")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if g.ended != 2 {
			t.Errorf("%d refreshes ended at their time; want 2", g.ended)
		}
	})
}

func TestDeadlineIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got time.Time
		var has bool
		b := newBench(t, providertest.Options{Before: func(ctx context.Context, _ string) error { got, has = ctx.Deadline(); return nil }})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		want, _ := ctx.Deadline()
		if _, err := b.AffiliatesByID(ctx, ids("aff001")); err != nil {
			t.Fatal(err)
		}
		if !has || !got.Equal(want) {
			t.Errorf("the vendor's call sees the deadline %v, %v; want %v", got, has, want)
		}
		if b.affiliates(nil, "aff002"); has {
			t.Errorf("the vendor's call sees the deadline %v; the caller had none", got)
		}
	})
}

// slow is a store that does something else once, between a look and its answer.
type slow struct {
	cache.Store
	meanwhile func()
}

func (s *slow) Get(ctx context.Context, keys ...string) (map[string]cache.Entry, error) {
	found, err := s.Store.Get(ctx, keys...)
	if f := s.meanwhile; f != nil {
		s.meanwhile = nil
		f()
	}
	return found, err
}

// What someone else read between a caller's look and its call is not read again.
func TestLateForTheFlight(t *testing.T) {
	f := providertest.NewFake("a-1", providertest.Options{})
	s := &slow{Store: cache.NewMemory(64<<20, time.Now)}
	b := bench{T: t, fake: f, Cache: cache.Wrap(f, s, cache.Options{})}
	s.meanwhile = func() { b.affiliates(nil, "aff001") }
	b.costs("a record", func() { b.affiliates(nil, "aff001") }, "AffiliatesByID 1")
	s.meanwhile = func() { b.first() }
	b.costs("a page", func() { b.first() }, "Commissions page 1")
}

func TestPanic(t *testing.T) {
	b := newBench(t, providertest.Options{Before: func(context.Context, string) error { panic("a defect") }})
	if _, err := b.page(t.Context(), providers.CommissionFilter{}, 1); err == nil || providers.KindOf(err) != providers.KindUnknown {
		t.Errorf("a read that panics: %v; want an error of kind %s", err, providers.KindUnknown)
	}
}
