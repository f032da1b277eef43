package cache_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// key is a key in a text, or one of the lengths of lists of account a-1.
func key(text string) cache.Key {
	k, err := cache.ParseKey(text)
	if err != nil {
		k = cache.Key{Account: "a-1", Kind: cache.KindCount, Noun: providers.NounAffiliate, Local: text}
	}
	return k
}

// bench is a cache around a fake, for one test.
type bench struct {
	*testing.T
	*cache.Cache
	fake  *providertest.Fake
	store cache.Store
}

// Records are fresh for a minute, campaigns for an hour, lists for half a minute; all are
// stale for an hour more.
func newBench(t *testing.T, o providertest.Options) bench {
	fake := providertest.NewFake("a-1", o)
	return benchOf(t, fake, fake, cache.NewMemory(64<<20, time.Now), time.Now)
}

// benchOf is a bench of a vendor that is the fake underneath.
func benchOf(t *testing.T, fake *providertest.Fake, vendor providers.Provider, s cache.Store, now func() time.Time) bench {
	return bench{T: t, fake: fake, store: s, Cache: cache.Wrap(vendor, s, cache.Options{
		Lifetimes: map[providers.Noun]time.Duration{providers.NounAffiliate: time.Minute, providers.NounCommission: time.Minute, providers.NounCampaign: time.Hour},
		List:      30 * time.Second, Stale: time.Hour, Timeout: 10 * time.Second, Now: now,
	})}
}

// page reads a page of the commissions that pass f.
func (b bench) page(ctx context.Context, f providers.CommissionFilter, number int) (*providers.Page[providers.Commission], error) {
	b.Helper()
	lists, err := b.Commissions(f)
	if err != nil {
		b.Fatal(err)
	}
	return lists[0].Page(ctx, providers.PageRequest{Number: number, Reader: b.fake})
}

// first is the first page of all commissions.
func (b bench) first() *providers.Page[providers.Commission] {
	b.Helper()
	p, err := b.page(b.Context(), providers.CommissionFilter{}, 1)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// affiliates reads affiliates by id and gives their names.
func (b bench) affiliates(need []string, locals ...string) map[string]string {
	b.Helper()
	got, err := b.AffiliatesByID(b.Context(), ids(locals...), need...)
	if err != nil || len(got.Failed) > 0 {
		b.Fatal(err, got)
	}
	names := map[string]string{}
	for id, a := range got.Found {
		names[id.Local] = *a.Name
	}
	return names
}

func ids(locals ...string) (ids []providers.ID) {
	for _, l := range locals {
		ids = append(ids, providers.ID{Account: "a-1", Noun: providers.NounAffiliate, Local: l})
	}
	return ids
}

// rename changes an affiliate at the vendor.
func (b bench) rename(local, name string) {
	b.Helper()
	got, err := b.fake.AffiliatesByID(b.Context(), ids(local))
	if err != nil {
		b.Fatal(err)
	}
	a := *got.Found[ids(local)[0]]
	a.Name = &name
	b.fake.Insert(providers.HarvestOf(&a))
}

// costs says what calls f should make.
func (b bench) costs(what string, f func(), want ...string) {
	b.Helper()
	before := b.fake.Spent()
	f()
	if got := b.fake.Ops()[before:]; !slices.Equal(got, want) {
		b.Errorf("%s: calls %q; want %q", what, got, want)
	}
}

// remember makes v, or nothing, what the store holds of a record.
func (b bench) remember(id providers.ID, v any) {
	b.Helper()
	key, until := storedAt(id), time.Now().Add(time.Minute)
	if err := b.store.Drop(b.Context(), "a-1", until, key); err != nil {
		b.Fatal(err)
	}
	if v == nil {
		return
	}
	began, err := b.store.Epoch(b.Context(), "a-1")
	if err != nil {
		b.Fatal(err)
	}
	if err := b.store.Put(b.Context(), map[cache.Key]cache.Entry{key: {Value: v, Began: began, FreshUntil: until, StaleUntil: until}}); err != nil {
		b.Fatal(err)
	}
}
