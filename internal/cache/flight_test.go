package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
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

func (s *slow) Get(ctx context.Context, keys ...cache.Key) ([]*cache.Entry, error) {
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

// limited is a vendor whose first call is ended by the limits of its request, at once for
// all records or for each by itself, when it is told to. All further calls wait until it
// opens.
type limited struct {
	*providertest.Fake
	limit     error
	each      bool // it fails for each record by itself
	end, open chan struct{}
	calls     *atomic.Int32
}

func (l limited) call() error {
	if l.calls.Add(1) > 1 {
		<-l.open
		return nil
	}
	<-l.end
	return &providers.Error{Account: "a-1", Kind: providers.KindUnavailable, Err: l.limit}
}

func (l limited) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	err := l.call()
	switch {
	case err == nil:
		return l.Fake.AffiliatesByID(ctx, ids, need...)
	case !l.each:
		return nil, err
	}
	b := &providers.Batch[providers.Affiliate]{Failed: map[providers.ID]error{}}
	for _, id := range ids {
		b.Failed[id] = err
	}
	return b, nil
}

func (l limited) Payouts(f providers.PayoutFilter) ([]providers.List[providers.Payout], error) {
	lists, err := l.Fake.Payouts(f)
	for i, inner := range lists {
		lists[i].Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Payout], error) {
			if err := l.call(); err != nil {
				return nil, err
			}
			return inner.Page(ctx, r)
		}
	}
	return lists, err
}

// TestNextFlight: where the limits of the request that began a flight end it, those who
// waited make one call for all of them, and only the first fails.
func TestNextFlight(t *testing.T) {
	const waiting = 20
	records := func(locals ...string) func(context.Context, *cache.Cache) error {
		return func(ctx context.Context, c *cache.Cache) error {
			b, err := c.AffiliatesByID(ctx, ids(locals...))
			if err == nil && len(b.Found) != len(locals) {
				err = errors.Join(b.Failed[ids(locals...)[0]], errors.New("not found"))
			}
			return err
		}
	}
	page := func(ctx context.Context, c *cache.Cache) error {
		lists, err := c.Payouts(providers.PayoutFilter{})
		if err == nil {
			_, err = lists[0].Page(ctx, providers.PageRequest{Number: 1})
		}
		return err
	}
	for _, limit := range []error{providers.ErrAllowance, providers.ErrAccountTime, providers.ErrReserve} {
		for name, read := range map[string]struct {
			each bool
			read func(context.Context, *cache.Cache) error
		}{
			"record": {false, records("aff001")}, "records": {false, records("aff001", "aff002", "aff003")},
			"each of the records": {true, records("aff001", "aff002", "aff003")}, "page": {false, page},
		} {
			t.Run(fmt.Sprint(name, ": ", limit), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := limited{providertest.NewFake("a-1", providertest.Options{}), limit, read.each, make(chan struct{}), make(chan struct{}), new(atomic.Int32)}
					c := cache.Wrap(l, cache.NewMemory(1<<20, time.Now), cache.Options{})
					var failed atomic.Int32
					var wg sync.WaitGroup
					for i := range 1 + waiting {
						wg.Go(func() {
							if err := read.read(t.Context(), c); err != nil {
								failed.Add(1)
								if i > 0 || !errors.Is(err, limit) {
									t.Errorf("the reader %d: %v", i, err)
								}
							}
						})
						if i == 0 {
							synctest.Wait()
						}
					}
					synctest.Wait()
					close(l.end)
					synctest.Wait()
					close(l.open)
					wg.Wait()
					if calls, failed := l.calls.Load(), failed.Load(); calls != 2 || failed != 1 {
						t.Errorf("%d calls, and %d failed; want one that is ended and one more, for %d who wait", calls, failed, waiting)
					}
				})
			})
		}
	}
}
