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

// invalidate forgets affiliates, and lists.
func (b bench) invalidate(locals []string, lists ...providers.Noun) {
	b.Helper()
	if err := b.Invalidate(b.Context(), ids(locals...), lists...); err != nil {
		b.Fatal(err)
	}
}

func TestInvalidate(t *testing.T) {
	b := newBench(t, providertest.Options{Totals: providertest.TotalCounted})
	lists, err := b.Affiliates(providers.AffiliateFilter{})
	if err != nil {
		t.Fatal(err)
	}
	all := func() {
		b.affiliates(nil, "aff001", "aff002")
		b.first()
		if _, err := lists[0].Count(t.Context()); err != nil {
			t.Error(err)
		}
	}
	all()
	b.costs("warm", all)
	b.invalidate([]string{"aff001"})
	b.costs("after a record was invalidated", all, "AffiliatesByID 1")
	b.invalidate(nil, providers.NounAffiliate)
	b.costs("after a noun's lists were", all, "Affiliates count")
	b.invalidate([]string{"aff002"}, providers.NounCommission, providers.NounPayout)
	b.costs("after both kinds were", all, "AffiliatesByID 1", "Commissions page 1")
	b.costs("warm again", all)

	other := []providers.ID{{Account: "b-2", Noun: providers.NounAffiliate, Local: "aff001"}}
	if err := b.Invalidate(t.Context(), other); err != nil {
		t.Error(err)
	}
	b.costs("after another account's record was", all)
}

func TestKeep(t *testing.T) {
	b := newBench(t, providertest.Options{})
	b.affiliates(nil, "aff001")
	b.rename("aff001", "Second")
	got, err := b.fake.AffiliatesByID(t.Context(), ids("aff001"))
	if err != nil {
		t.Fatal(err)
	}
	b.invalidate([]string{"aff001"})
	b.Keep(t.Context(), providers.HarvestOf(got.Found[ids("aff001")[0]]))
	b.costs("what a write's answer carried", func() {
		if got := b.affiliates(nil, "aff001")["aff001"]; got != "Second" {
			t.Errorf("%q; want what was kept", got)
		}
	})
}

// late is a vendor whose answers are on their way until it is let go.
type late struct {
	*providertest.Fake
	asked, open chan struct{}
}

func newLate(f *providertest.Fake) *late {
	return &late{f, make(chan struct{}, 10), make(chan struct{})}
}

func (l *late) wait() { l.asked <- struct{}{}; <-l.open }

func (l *late) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	b, err := l.Fake.AffiliatesByID(ctx, ids, need...)
	l.wait()
	return b, err
}

func (l *late) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	lists, err := l.Fake.Commissions(f)
	read := lists[0].Page
	lists[0].Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
		p, err := read(ctx, r)
		l.wait()
		return p, err
	}
	return lists, err
}

// A read that began before an invalidation answers those who waited for it already, and
// nobody else.
func TestInvalidateWhileReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := providertest.NewFake("a-1", providertest.Options{})
		l := newLate(f)
		b := benchOf(t, f, l, cache.NewMemory(64<<20, time.Now), time.Now)
		var wg sync.WaitGroup
		read := func(want string, rows int) {
			wg.Go(func() {
				if got := b.affiliates(nil, "aff001")["aff001"]; got != want {
					t.Errorf("%q; want %q", got, want)
				}
			})
			wg.Go(func() {
				if got := len(b.first().Items); got != rows {
					t.Errorf("%d rows; want %d", got, rows)
				}
			})
			synctest.Wait()
		}
		read("First01 Partner", 10)
		read("First01 Partner", 10)
		b.rename("aff001", "Second")
		f.Remove(everyCommission(t, f)[3:]...)
		b.invalidate([]string{"aff001"}, providers.NounCommission)
		read("Second", 3)
		close(l.open)
		wg.Wait()
		before := f.Spent()
		read("Second", 3)
		wg.Wait()
		if got := f.Spent() - before; got != 0 {
			t.Errorf("%d calls afterwards; want what was read after the invalidation remembered", got)
		}
	})
}

// everyCommission lists a fake's commissions.
func everyCommission(t *testing.T, f *providertest.Fake) (ids []providers.ID) {
	t.Helper()
	lists, err := f.Commissions(providers.CommissionFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for c, err := range providers.All(t.Context(), lists[0], f) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, c.ID)
	}
	return ids
}

// evicting is a store that holds nothing of one key, when told so.
type evicting struct {
	cache.Store
	key     cache.Key
	evicted bool
}

func (s *evicting) Get(ctx context.Context, keys ...cache.Key) ([]*cache.Entry, error) {
	found, err := s.Store.Get(ctx, keys...)
	if i := slices.Index(keys, s.key); s.evicted && i >= 0 {
		found[i] = nil
	}
	return found, err
}

func (s *evicting) Put(ctx context.Context, entries map[cache.Key]cache.Entry) error {
	if _, ok := entries[s.key]; ok && s.evicted {
		s.evicted = false
		e := entries[s.key]
		e.Fence = cache.Fence{At: e.Began, Until: time.Now().Add(time.Hour)} // as if there had been nothing
		entries[s.key] = e
	}
	return s.Store.Put(ctx, entries)
}

// Without its family no page counts, and with a new one only those that were read since.
func TestEvictedFamily(t *testing.T) {
	f := providertest.NewFake("a-1", providertest.Options{})
	s := &evicting{Store: cache.NewMemory(64<<20, time.Now), key: key("a-1/lists/Commission")}
	b := benchOf(t, f, f, s, time.Now)
	page := func(n int) func() {
		return func() {
			if _, err := b.page(t.Context(), providers.CommissionFilter{}, n); err != nil {
				t.Error(err)
			}
		}
	}
	page(1)()
	page(2)()
	s.evicted = true
	b.costs("without the family", page(1), "Commissions page 1")
	b.costs("read since", page(1))
	b.costs("read before", page(2), "Commissions page 2")
	b.costs("both", func() { page(1)(); page(2)() })
}

// An answer that was under way for longer than fences last is not stored.
func TestSlowerThanFences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, providertest.Options{Before: func(context.Context, string) error { time.Sleep(6 * time.Minute); return nil }})
		b.affiliates(nil, "aff001")
		b.costs("again", func() { b.affiliates(nil, "aff001") }, "AffiliatesByID 1")
	})
}
