// Package cachetest holds the suite that every [cache.Store] passes.
package cachetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
)

// Clock is a clock that stands still until it is moved. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock makes a clock that stands at some whole second.
func NewClock() *Clock { return &Clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Move moves the clock.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Run proves that a store keeps the contract of [cache.Store]. open makes an empty store
// that goes by the clock; it should have room for a thousand small entries.
func Run(t *testing.T, open func(t *testing.T, now func() time.Time) cache.Store) {
	for name, test := range map[string]func(*testing.T, store){
		"values": values, "times": times, "many": many, "merge": merge, "concurrent": concurrent,
		"epochs": epochs, "fences": fences, "fences end": fencesEnd, "families": families, "fenced while written": race,
	} {
		t.Run(name, func(t *testing.T) {
			clock := NewClock()
			s := store{t: t, Store: open(t, clock.Now), clock: clock}
			s.begin = s.epoch("a-1")
			test(t, s)
		})
	}
}

// store is a store whose errors end the test.
type store struct {
	t *testing.T
	cache.Store
	clock *Clock
	begin cache.Epoch // of the test
}

// get is what the store holds of keys; those of which it holds nothing are not in the map.
func (s store) get(locals ...string) map[string]cache.Entry {
	s.t.Helper()
	got, err := s.Get(s.t.Context(), keysOf(locals)...)
	if err != nil {
		s.t.Fatalf("Get: %v", err)
	}
	if len(got) != len(locals) {
		s.t.Fatalf("Get of %d keys answers %d entries", len(locals), len(got))
	}
	found := map[string]cache.Entry{}
	for i, shown := range got {
		if shown == nil {
			continue
		}
		e := *shown
		if e.Source != providers.SourceMemory && e.Source != providers.SourceRedis {
			s.t.Errorf("Get %q: from %q", locals[i], e.Source)
		}
		e.Source = ""
		found[locals[i]] = e
	}
	return found
}

func (s store) put(key string, v any) { s.t.Helper(); s.putEntry(key, s.entry(v)) }

// began puts v as what a read brings that began then.
func (s store) began(at cache.Epoch, key string, v any) {
	s.t.Helper()
	e := s.entry(v)
	e.Began = at
	s.putEntry(key, e)
}

func (s store) putEntry(key string, e cache.Entry) {
	s.t.Helper()
	if err := s.Put(s.t.Context(), map[cache.Key]cache.Entry{keyOf(key): e}); err != nil {
		s.t.Fatalf("Put: %v", err)
	}
}

func (s store) epoch(account string) cache.Epoch {
	s.t.Helper()
	n, err := s.Epoch(s.t.Context(), account)
	if err != nil {
		s.t.Fatalf("Epoch: %v", err)
	}
	return n
}

// drop fences keys for an hour.
func (s store) drop(keys ...string) {
	s.t.Helper()
	if err := s.Drop(s.t.Context(), "a-1", s.clock.Now().Add(time.Hour), keysOf(keys)...); err != nil {
		s.t.Fatalf("Drop: %v", err)
	}
}

// entry is fresh for a minute and stale for another. It began with the test.
func (s store) entry(v any) cache.Entry {
	now := s.clock.Now()
	return cache.Entry{Value: v, Began: s.begin, FetchedAt: now, FreshUntil: now.Add(time.Minute), StaleUntil: now.Add(2 * time.Minute)}
}

// same compares entries. A record's Fields are compared by what they say.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	fields := cmp.Comparer(func(a, b *providers.Fields) bool { return a.CoversAll(b) && b.CoversAll(a) })
	if d := cmp.Diff(want, got, fields, cmpopts.IgnoreUnexported(cache.Entry{})); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// keyOf is a key of account a-1.
func keyOf(local string) cache.Key {
	return cache.Key{Account: "a-1", Kind: cache.KindRecord, Noun: providers.NounCommission, Local: local}
}

func keysOf(locals []string) []cache.Key {
	keys := make([]cache.Key, len(locals))
	for i, local := range locals {
		keys[i] = keyOf(local)
	}
	return keys
}

func id(noun providers.Noun, local string) providers.ID {
	return providers.ID{Account: "a-1", Noun: noun, Local: local}
}

func commission(known *providers.Fields) *providers.Commission {
	created := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	return &providers.Commission{
		Node: providers.Node{
			ID:         id(providers.NounCommission, "1~%7E/é"),
			ProviderID: "1",
			CreatedAt:  &created,
			FetchedAt:  created,
			Known:      known,
		},
		Amount: providers.NewMoney(
			decimal.MustParse("1234567890123456.789"),
			"USD",
		),
		Reward:      &providers.Reward{Unit: "points", Quantity: decimal.MustParse("5")},
		AffiliateID: id(providers.NounAffiliate, "2"),
	}
}

// values: what is put is what is got, of every kind.
func values(t *testing.T, s store) {
	total := int64(1) << 40
	node := func(noun providers.Noun) providers.Node {
		return providers.Node{ID: id(noun, "1"), ProviderID: "1", FetchedAt: s.clock.Now()}
	}
	membership := &providers.Membership{Node: node(providers.NounMembership), CampaignID: id(providers.NounCampaign, "3")}
	for name, v := range map[string]any{
		"affiliate": &providers.Affiliate{Node: node(providers.NounAffiliate), Memberships: []*providers.Membership{membership},
			Balances: []providers.Balance{}},
		"membership": membership,
		"campaign": &providers.Campaign{Node: node(providers.NounCampaign), Name: new("ünï"),
			Commission: &providers.CommissionRule{Type: providers.RuleUnknown}},
		"referral":   &providers.Referral{Node: node(providers.NounReferral), Converted: new(false)},
		"commission": commission(nil),
		"stub":       commission(providers.Only("amount")),
		"all but":    commission(providers.AllBut("payout")),
		"payout": &providers.Payout{Node: node(providers.NounPayout),
			CommissionIDs: []providers.ID{id(providers.NounCommission, "1")}},
		"coupon":       &providers.Coupon{Node: node(providers.NounCoupon), Code: "X"},
		"subscription": &providers.WebhookSubscription{Node: node(providers.NounWebhookSubscription), Events: []string{"a"}},
		"page": cache.Rows{More: true, Total: &total, Rows: []cache.Row{
			{ID: id(providers.NounCommission, "1"), KnowsPayout: true},
			{ID: id(providers.NounCommission, "2"), Known: providers.Only("email")}}},
		"family":     cache.Family{},
		"empty page": cache.Rows{Rows: []cache.Row{}},
		"count":      cache.Count(total),
		"absent":     cache.Absent{},
		"key \x00\xff/é " + string(make([]byte, 300)): cache.Count(1),
	} {
		s.put(name, v)
		same(t, name, s.get(name), map[string]cache.Entry{name: s.entry(v)})
	}
}

// times: an entry is there, with its times, until it is stale no more.
func times(t *testing.T, s store) {
	s.put("k", cache.Count(1))
	want := map[string]cache.Entry{"k": s.entry(cache.Count(1))}
	for _, d := range []time.Duration{0, time.Minute, time.Minute - time.Millisecond} {
		s.clock.Move(d)
		same(t, fmt.Sprint("after ", d), s.get("k"), want)
	}
	s.clock.Move(time.Millisecond)
	same(t, "at its end", s.get("k"), map[string]cache.Entry{})
	s.put("k", cache.Count(2))
	same(t, "put again", s.get("k")["k"].Value, any(cache.Count(2)))
}

func many(t *testing.T, s store) {
	same(t, "no keys", s.get(), map[string]cache.Entry{})
	if err := s.Put(t.Context(), nil); err != nil {
		t.Errorf("Put of nothing: %v", err)
	}
	s.put("a", cache.Count(1))
	s.put("b", cache.Count(2))
	s.put("b", cache.Count(3))
	same(t, "some", s.get("b", "a", "a", "none"), map[string]cache.Entry{"a": s.entry(cache.Count(1)), "b": s.entry(cache.Count(3))})
	s.drop("a", "none")
	same(t, "after Drop", s.get("a", "b"), map[string]cache.Entry{"b": s.entry(cache.Count(3))})
	s.drop()
}

// merge: Put goes by cache.Merge, whose rules these are.
func merge(t *testing.T, s store) {
	whole, stub := commission(nil), commission(providers.Only("amount"))
	whole.EventID = new("whole")
	value := func() any { t.Helper(); return s.get("k")["k"].Value }

	s.put("k", stub)
	s.put("k", whole)
	same(t, "a whole record in a stub's place", value(), any(whole))
	s.put("k", stub)
	same(t, "a stub in a fresh record's place", value(), any(whole))
	s.clock.Move(time.Minute)
	s.put("k", stub)
	same(t, "a stub in a stale record's place", value(), any(stub))

	s.put("k", cache.Absent{})
	same(t, "an absence in a record's place", value(), any(cache.Absent{}))
	s.put("k", whole)
	same(t, "a record in an absence's place", value(), any(whole))

	slow := s.entry(commission(nil))
	slow.FetchedAt = slow.FetchedAt.Add(-time.Second)
	s.putEntry("k", slow)
	same(t, "a reading from before in a later one's place", value(), any(whole))

	paid, unsure := commission(nil), commission(nil)
	paid.PayoutID, unsure.PayoutUnknown = id(providers.NounPayout, "9"), true
	s.put("k", paid)
	s.put("k", unsure)
	same(t, "a reading that cannot know the payout, after one that did", value(), any(paid))
	if !unsure.PayoutUnknown || !unsure.PayoutID.IsZero() {
		t.Error("what was put has been changed")
	}
	s.put("other", unsure)
	s.put("other", commission(nil))
	s.put("other", unsure)
	same(t, "a reading that cannot know the payout, after one that saw none", s.get("other")["other"].Value, any(unsure))
}

func concurrent(t *testing.T, s store) {
	whole, stub := commission(nil), commission(providers.Only("amount"))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 50 {
				v := stub
				if i == 0 && n == 10 {
					v = whole
				}
				key := fmt.Sprint("own ", i, n)
				for k, v := range map[string]any{"shared": v, key: cache.Count(n)} {
					if err := s.Put(context.Background(), map[cache.Key]cache.Entry{keyOf(k): s.entry(v)}); err != nil {
						t.Errorf("Put: %v", err)
					}
				}
				if _, err := s.Get(context.Background(), keyOf("shared"), keyOf(key)); err != nil {
					t.Errorf("Get: %v", err)
				}
				if err := s.Drop(context.Background(), "a-1", s.clock.Now().Add(time.Hour), keyOf(key)); err != nil {
					t.Errorf("Drop: %v", err)
				}
			}
		})
	}
	wg.Wait()
	same(t, "after a whole record came among stubs", s.get("shared"), map[string]cache.Entry{"shared": s.entry(whole)})
}
