package cache_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProvider(t *testing.T) {
	memory := func(testing.TB) cache.Store { return cache.NewMemory(64<<20, time.Now) }
	for name, o := range map[string]providertest.Options{
		"plain":                    {},
		"counted, unknown payouts": {PageSize: 7, Totals: providertest.TotalCounted, PayoutsUnknown: true},
		"stubs, no totals":         {PageSize: 50, Totals: providertest.TotalNone, Stubs: true},
	} {
		t.Run(name, func(t *testing.T) { runSuite(t, o, memory) })
	}
	t.Run("memory and Redis", func(t *testing.T) {
		c := redistest.Start(t).Client(redisclient.Durable)
		runSuite(t, providertest.Options{Totals: providertest.TotalCounted, Stubs: true}, func(t testing.TB) cache.Store {
			empty(t, c)
			return newTiered(t, c, cache.RedisOptions{Timeout: patient})
		})
	})
	t.Run("Redis alone", func(t *testing.T) {
		c := redistest.Start(t).Client(redisclient.Durable)
		runSuite(t, providertest.Options{PayoutsUnknown: true}, func(t testing.TB) cache.Store {
			empty(t, c)
			return cache.NewRedis(c, cache.RedisOptions{Timeout: patient})
		})
	})
}

// runSuite is the providers' suite over a fake with a cache before it.
func runSuite(t *testing.T, o providertest.Options, store func(testing.TB) cache.Store) {
	fakes := map[providers.Provider]*providertest.Fake{}
	providertest.Run(t, providertest.Subject{
		New: func(t testing.TB) providers.Provider {
			f := providertest.NewFake("fake-1", o)
			c := cache.Wrap(f, store(t), cache.Options{List: time.Hour})
			fakes[c] = f
			return c
		},
		Nouns: []providers.Noun{
			providers.NounAffiliate, providers.NounMembership, providers.NounCampaign, providers.NounReferral,
			providers.NounCommission, providers.NounPayout, providers.NounCoupon, providers.NounWebhookSubscription,
		},
		Calls: func(p providers.Provider) int { return fakes[p].Spent() },
	})
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

// A page is answered from memory only where what is remembered of its rows is all that the
// page knew.
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

// A record that has become another affiliate's has gone from the list of the one it
// belonged to, and is where it was in everybody's.
func TestPageNeedsItsOwner(t *testing.T) {
	b := newBench(t, providertest.Options{})
	row := b.first().Items[0]
	own := func() *providers.Page[providers.Commission] {
		t.Helper()
		p, err := b.page(t.Context(), providers.CommissionFilter{Affiliates: []providers.ID{row.AffiliateID}}, 1)
		if err != nil || len(p.Items) == 0 {
			t.Fatalf("%v %v", p, err)
		}
		return p
	}
	own()
	b.costs("nothing has changed", func() { own() })
	given := *row
	given.AffiliateID.Local += "0"
	b.remember(row.ID, &given)
	b.costs("the list of the one", func() { own() }, "Commissions page 1")
	b.remember(row.ID, &given)
	b.costs("everybody's", func() { b.first() })
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
	if b.HasPage(t.Context(), providers.NounCommission, key, 1) || b.HasRecord(t.Context(), ids("aff001")[0], "name") {
		t.Error("an empty cache has what was never read")
	}
	row := b.first().Items[0]
	if !b.HasPage(t.Context(), providers.NounCommission, key, 1) || b.HasPage(t.Context(), providers.NounCommission, key, 2) || b.HasPage(t.Context(), providers.NounPayout, key, 1) {
		t.Error("HasPage is not so of page 1 alone")
	}
	if !b.HasRecord(t.Context(), row.ID) || !b.HasRecord(t.Context(), row.AffiliateID, "name") || b.HasRecord(t.Context(), row.AffiliateID, "clicks") || b.HasRecord(t.Context(), row.AffiliateID) {
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

// lost is a store that cannot be reached.
type lost struct{}

var errLost = errors.New("no route")

func (lost) Get(_ context.Context, keys ...cache.Key) ([]*cache.Entry, error) {
	return make([]*cache.Entry, len(keys)), errLost
}
func (lost) Put(context.Context, map[cache.Key]cache.Entry) error        { return errLost }
func (lost) Epoch(context.Context, string) (cache.Epoch, error)          { return 0, errLost }
func (lost) Drop(context.Context, string, time.Time, ...cache.Key) error { return errLost }

func TestStoreLost(t *testing.T) {
	f := providertest.NewFake("a-1", providertest.Options{})
	b := bench{T: t, fake: f, Cache: cache.Wrap(f, lost{}, cache.Options{})}
	b.costs("without a store", func() {
		b.first()
		b.first()
		b.affiliates(nil, "aff001")
	}, "Commissions page 1", "Commissions page 1", "AffiliatesByID 1")
}
