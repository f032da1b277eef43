package cache_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProvider(t *testing.T) {
	for name, o := range map[string]providertest.Options{
		"plain":                    {},
		"counted, unknown payouts": {PageSize: 7, Totals: providertest.TotalCounted, PayoutsUnknown: true},
		"stubs, no totals":         {PageSize: 50, Totals: providertest.TotalNone, Stubs: true},
	} {
		t.Run(name, func(t *testing.T) {
			fakes := map[providers.Provider]*providertest.Fake{}
			providertest.Run(t, providertest.Subject{
				New: func(testing.TB) providers.Provider {
					f := providertest.NewFake("fake-1", o)
					c := cache.Wrap(f, cache.NewMemory(64<<20, time.Now), cache.Options{List: time.Hour})
					fakes[c] = f
					return c
				},
				Nouns: []providers.Noun{
					providers.NounAffiliate, providers.NounMembership, providers.NounCampaign, providers.NounReferral,
					providers.NounCommission, providers.NounPayout, providers.NounCoupon, providers.NounWebhookSubscription,
				},
				Calls: func(p providers.Provider) int { return fakes[p].Spent() },
			})
		})
	}
}

// bench is a cache around a fake, for one test.
type bench struct {
	*testing.T
	*cache.Cache
	fake  *providertest.Fake
	store *cache.Memory
}

// Records are fresh for a minute, campaigns for an hour, lists for half a minute; all are stale for an hour more.
func newBench(t *testing.T, o providertest.Options) bench {
	b := bench{T: t, fake: providertest.NewFake("a-1", o), store: cache.NewMemory(64<<20, time.Now)}
	b.Cache = cache.Wrap(b.fake, b.store, cache.Options{
		Lifetimes: map[providers.Noun]time.Duration{providers.NounAffiliate: time.Minute, providers.NounCommission: time.Minute, providers.NounCampaign: time.Hour},
		List:      30 * time.Second, Stale: time.Hour, Timeout: 10 * time.Second,
	})
	return b
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

func TestWarm(t *testing.T) {
	b := newBench(t, providertest.Options{})
	var cold *providers.Page[providers.Commission]
	b.costs("cold page", func() { cold = b.first() }, "Commissions page 1")
	trace := &providers.Trace{}
	ctx := providers.WithTrace(t.Context(), trace)
	b.costs("warm", func() {
		p, err := b.page(ctx, providers.CommissionFilter{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(cold.Items, p.Items, cmp.AllowUnexported(providers.Fields{})); d != "" || p.More != cold.More || *p.Total != *cold.Total {
			t.Errorf("a warm page differs (-cold +warm): %s", d)
		}
		var rows, affiliates []providers.ID
		for _, c := range p.Items {
			rows, affiliates = append(rows, c.ID), append(affiliates, c.AffiliateID)
		}
		if got, err := b.CommissionsByID(ctx, rows); err != nil || len(got.Found) != len(rows) {
			t.Errorf("rows by id: found %v, %v; want %d", got, err, len(rows))
		}
		if got, err := b.AffiliatesByID(ctx, affiliates[:1]); err != nil || len(got.Found) != 1 {
			t.Errorf("a harvested affiliate by id: %v, %v", got, err)
		}
	})
	if got := trace.Calls(); len(got) != 3 || trace.Spent() != 0 || got[0].Source != providers.SourceMemory || !strings.HasPrefix(got[2].Path, "a-1/record/Affiliate/aff") {
		t.Errorf("the trace has %+v; want three answers from memory, the last of one affiliate", got)
	}

	list, err := b.Commissions(providers.CommissionFilter{Referrals: []providers.ID{cold.Items[0].ReferralID}})
	if err != nil || list[0].Within == nil {
		t.Fatal(err)
	}
	b.costs("the list within which another lies", func() {
		if _, err := list[0].Within.Page(t.Context(), providers.PageRequest{Number: 1}); err != nil {
			t.Error(err)
		}
	})
}

// A page is answered from memory only where what is remembered of its rows is all that the page knew.
func TestPageNeedsItsRows(t *testing.T) {
	b := newBench(t, providertest.Options{})
	row := b.first().Items[3]
	stub, unsure := *row, *row
	stub.Known = providers.Only("amount")
	unsure.PayoutID, unsure.PayoutUnknown = providers.ID{}, true
	for what, v := range map[string]any{"none": nil, "absent": cache.Absent{}, "a stub": &stub, "one that cannot tell its payout": &unsure} {
		b.remember(row.ID, v)
		b.costs("a row is "+what, func() { b.first() }, "Commissions page 1")
		b.costs("afterwards", func() { b.first() })
	}
}

// remember makes v, or nothing, what the store holds of a record.
func (b bench) remember(id providers.ID, v any) {
	b.Helper()
	key, until := "a-1/record/"+string(id.Noun)+"/"+id.Local, time.Now().Add(time.Minute)
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
	if err := b.store.Put(b.Context(), map[string]cache.Entry{key: {Value: v, Began: began, FreshUntil: until, StaleUntil: until}}); err != nil {
		b.Fatal(err)
	}
}

// lookingUp is a vendor whose lists of commissions look an affiliate up on the way.
type lookingUp struct{ *providertest.Fake }

func (l lookingUp) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	lists, err := l.Fake.Commissions(f)
	read := lists[0].Page
	lists[0].Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
		if _, err := r.Reader.AffiliatesByID(ctx, ids("aff001"), "email"); err != nil {
			return nil, err
		}
		return read(ctx, r)
	}
	return lists, err
}

func TestListsLookUpThroughTheCache(t *testing.T) {
	f := providertest.NewFake("a-1", providertest.Options{})
	b := bench{T: t, fake: f, Cache: cache.Wrap(lookingUp{f}, cache.NewMemory(64<<20, time.Now), cache.Options{})}
	b.costs("two pages", func() {
		for n := range 2 {
			if _, err := b.page(t.Context(), providers.CommissionFilter{}, n+1); err != nil {
				t.Error(err)
			}
		}
	}, "AffiliatesByID 1", "Commissions page 1", "Commissions page 2")
}

func TestPeek(t *testing.T) {
	b := newBench(t, providertest.Options{Stubs: true})
	lists, err := b.Commissions(providers.CommissionFilter{})
	if err != nil {
		t.Fatal(err)
	}
	key := lists[0].Key
	if b.HasPage(providers.NounCommission, key, 1) || b.HasRecord(ids("aff001")[0], "name") {
		t.Error("an empty cache has what was never read")
	}
	row := b.first().Items[0]
	if !b.HasPage(providers.NounCommission, key, 1) || b.HasPage(providers.NounCommission, key, 2) || b.HasPage(providers.NounPayout, key, 1) {
		t.Error("HasPage is not so of page 1 alone")
	}
	if !b.HasRecord(row.ID) || !b.HasRecord(row.AffiliateID, "name") || b.HasRecord(row.AffiliateID, "clicks") || b.HasRecord(row.AffiliateID) {
		t.Error("HasRecord is not so of rows, and of what stubs know, alone")
	}
}

func TestStubs(t *testing.T) {
	b := newBench(t, providertest.Options{Stubs: true})
	local := b.first().Items[0].AffiliateID.Local
	b.costs("what a stub knows", func() { b.affiliates([]string{"name", "email"}, local) })
	b.costs("more than a stub knows", func() { b.affiliates([]string{"name", "clicks"}, local) }, "AffiliatesByID 1")
	if _, err := b.page(t.Context(), providers.CommissionFilter{}, 2); err != nil { // brings stubs again
		t.Fatal(err)
	}
	b.costs("all, once it was read whole", func() { b.affiliates(nil, local) })
}

func TestRecordLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, providertest.Options{})
		check := func(what, want string, calls ...string) {
			t.Helper()
			b.costs(what, func() {
				if got := b.affiliates(nil, "aff001")["aff001"]; got != want {
					t.Errorf("%s: %q; want %q", what, got, want)
				}
				synctest.Wait()
			}, calls...)
		}
		check("cold", "First01 Partner", "AffiliatesByID 1")
		b.rename("aff001", "Second")
		time.Sleep(time.Minute - time.Nanosecond)
		check("at the end of its life", "First01 Partner")
		time.Sleep(time.Nanosecond)
		trace := &providers.Trace{}
		if _, err := b.AffiliatesByID(providers.WithTrace(t.Context(), trace), ids("aff001")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := trace.Calls(); len(got) != 1 || got[0].Source != providers.SourceStale {
			t.Errorf("the trace of a stale answer has %+v; want it alone, not the refresh behind it", got)
		}
		check("after the refresh", "Second")
		b.rename("aff001", "Third")
		time.Sleep(time.Minute + time.Hour - time.Nanosecond)
		check("stale to the last", "Second", "AffiliatesByID 1")
		b.rename("aff001", "Fourth")
		time.Sleep(time.Minute + time.Hour)
		check("gone", "Fourth", "AffiliatesByID 1")
	})
}

func TestPageLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, providertest.Options{})
		removed := b.first().Items[0].ID
		b.fake.Remove(removed)
		check := func(what string, there bool, calls ...string) {
			t.Helper()
			b.costs(what, func() {
				if got := b.first().Items[0].ID == removed; got != there {
					t.Errorf("%s: the first row is there: %v; want %v", what, got, there)
				}
				synctest.Wait()
			}, calls...)
		}
		time.Sleep(30*time.Second - time.Nanosecond)
		check("fresh", true)
		time.Sleep(time.Nanosecond)
		check("stale", true, "Commissions page 1")
		check("refreshed", false)

		time.Sleep(30*time.Second + time.Hour)
		check("gone", false, "Commissions page 1")
	})
}

func TestVendorDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down error
		b := newBench(t, providertest.Options{Before: func(context.Context, string) error { return down }})
		b.first()
		b.affiliates(nil, "aff001")
		down = &providers.Error{Account: "a-1", Kind: providers.KindUnavailable}
		for range 3 { // what is stale stays, however often its refresh fails
			time.Sleep(20 * time.Minute)
			b.first()
			b.affiliates(nil, "aff001")
			synctest.Wait()
		}
		time.Sleep(2 * time.Minute)
		for range 2 {
			b.costs("gone", func() {
				if _, err := b.page(t.Context(), providers.CommissionFilter{}, 1); providers.KindOf(err) != providers.KindUnavailable {
					t.Errorf("a page past its time: error %v; want the vendor's", err)
				}
				if _, err := b.AffiliatesByID(t.Context(), ids("aff001")); providers.KindOf(err) != providers.KindUnavailable {
					t.Errorf("a record past its time: error %v; want the vendor's", err)
				}
			}, "Commissions page 1", "AffiliatesByID 1")
		}
		down = nil
		b.costs("up again: errors are not remembered", func() { b.first() }, "Commissions page 1")
	})
}

func TestAbsentAndFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, providertest.Options{})
		read := func(what, locals string, found, failed int, calls ...string) {
			t.Helper()
			b.costs(what, func() {
				got, err := b.AffiliatesByID(t.Context(), ids(strings.Fields(locals)...))
				if err != nil || len(got.Found) != found || len(got.Failed) != failed {
					t.Errorf("%s: %+v, %v; want %d found, %d failed", what, got, err, found, failed)
				}
				synctest.Wait()
			}, calls...)
		}
		read("absent", "none aff001", 1, 0, "AffiliatesByID 2")
		read("absent, remembered", "none aff001", 1, 0)
		if !b.HasRecord(ids("none")[0]) {
			t.Error("HasRecord does not know of an absence that is remembered")
		}
		time.Sleep(30 * time.Second)
		if got, _ := b.store.Get(t.Context(), "a-1/record/Affiliate/none"); len(got) != 0 {
			t.Errorf("an absence is stored past its time: %v", got)
		}
		read("absent, forgotten", "none aff001", 1, 0, "AffiliatesByID 1")

		b.fake.Fail(errors.New("broken"), ids("aff002")...)
		read("failed", "aff001 aff002 aff003", 2, 1, "AffiliatesByID 2")
		read("failed, asked again", "aff001 aff002 aff003", 2, 1, "AffiliatesByID 1")
		b.fake.Fail(nil, ids("aff002")...)
		read("failed, healed", "aff001 aff002 aff003", 3, 0, "AffiliatesByID 1")

		b.fake.Remove(ids("aff001")...)
		time.Sleep(time.Minute)
		read("removed, but stale", "aff001", 1, 0, "AffiliatesByID 1")
		read("removed", "aff001", 0, 0)
		got, err := b.AffiliatesByID(t.Context(), []providers.ID{{Account: "b-2", Noun: providers.NounAffiliate, Local: "aff003"}, {Account: "a-1", Noun: providers.NounPayout, Local: "aff003"}})
		if err != nil || len(got.Found) != 0 {
			t.Errorf("ids of others: %+v, %v", got, err)
		}
	})
}

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

func TestPayoutIsRemembered(t *testing.T) {
	b := newBench(t, providertest.Options{PayoutsUnknown: true, PageSize: 400})
	payouts, err := b.Payouts(providers.PayoutFilter{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := payouts[0].Page(t.Context(), providers.PageRequest{Number: 1})
	if err != nil {
		t.Fatal(err)
	}
	f := providers.CommissionFilter{Payouts: []providers.ID{p.Items[0].ID}}
	paid, err := b.page(t.Context(), f, 1)
	if err != nil || len(paid.Items) != 3 {
		t.Fatal(paid, err)
	}
	known := func(rows []*providers.Commission) (n int) {
		for _, c := range rows {
			if f.Match(c) {
				n++
			}
		}
		return n
	}
	for _, what := range []string{"read", "remembered"} {
		if got := known(b.first().Items); got != 3 {
			t.Errorf("%d commissions of the unfiltered list, %s, know their payout; want 3", got, what)
		}
	}
	before := *paid.Items[0]
	before.Known = providers.Only("payout")
	b.remember(before.ID, &before)
	if got, err := b.CommissionsByID(t.Context(), []providers.ID{before.ID}); err != nil || known([]*providers.Commission{got.Found[before.ID]}) != 1 {
		t.Errorf("by id, after a reading that knew the payout: %+v, %v", got, err)
	}
	b.costs("the payout's own list", func() {
		if paid, err = b.page(t.Context(), f, 1); err != nil || known(paid.Items) != 3 {
			t.Errorf("%+v, %v; want the three that match", paid, err)
		}
	})
}

func TestCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, providertest.Options{Totals: providertest.TotalCounted})
		lists, err := b.Affiliates(providers.AffiliateFilter{})
		if err != nil {
			t.Fatal(err)
		}
		check := func(want int64, calls ...string) {
			t.Helper()
			b.costs("count", func() {
				if got, err := lists[0].Count(t.Context()); got != want || err != nil {
					t.Errorf("Count is %d, %v; want %d", got, err, want)
				}
				synctest.Wait()
			}, calls...)
		}
		check(30, "Affiliates count")
		b.fake.Remove(ids("aff001")...)
		check(30)
		time.Sleep(30 * time.Second)
		check(30, "Affiliates count")
		check(29)
	})
}

func TestAccountsAreApart(t *testing.T) {
	store := cache.NewMemory(64<<20, time.Now)
	for _, account := range []string{"a-1", "a-2"} {
		f := providertest.NewFake(account, providertest.Options{})
		c := cache.Wrap(f, store, cache.Options{})
		lists, err := c.Affiliates(providers.AffiliateFilter{Search: "partner01@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		trace := &providers.Trace{}
		for range 2 {
			p, err := lists[0].Page(providers.WithTrace(t.Context(), trace), providers.PageRequest{Number: 1})
			if err != nil || len(p.Items) != 1 || p.Items[0].ID.Account != account {
				t.Errorf("%s: %+v, %v", account, p, err)
			}
		}
		if calls := trace.Calls(); f.Spent() != 1 || len(calls) != 2 || strings.Contains(calls[1].Path, "@") || !strings.HasPrefix(calls[1].Path, account+"/") {
			t.Errorf("%s: %d calls, trace %+v; want one, then one from memory under the account's key", account, f.Spent(), calls)
		}
	}
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

// lost is a store that cannot be reached.
type lost struct{}

var errLost = errors.New("no route")

func (lost) Get(context.Context, ...string) (map[string]cache.Entry, error) { return nil, errLost }
func (lost) Put(context.Context, map[string]cache.Entry) error              { return errLost }
func (lost) Epoch(context.Context, string) (cache.Epoch, error)             { return 0, errLost }
func (lost) Drop(context.Context, string, time.Time, ...string) error       { return errLost }

func TestStoreLost(t *testing.T) {
	f := providertest.NewFake("a-1", providertest.Options{})
	b := bench{T: t, fake: f, Cache: cache.Wrap(f, lost{}, cache.Options{})}
	b.costs("without a store", func() {
		b.first()
		b.first()
		b.affiliates(nil, "aff001")
	}, "Commissions page 1", "Commissions page 1", "AffiliatesByID 1")
}

func TestPanic(t *testing.T) {
	b := newBench(t, providertest.Options{Before: func(context.Context, string) error { panic("a defect") }})
	if _, err := b.page(t.Context(), providers.CommissionFilter{}, 1); err == nil || providers.KindOf(err) != providers.KindUnknown {
		t.Errorf("a read that panics: %v; want an error of kind %s", err, providers.KindUnknown)
	}
}
