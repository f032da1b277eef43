package cache_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// muddled is a vendor of one account who takes records of another for its own, and notes
// what it was shown of what is remembered.
type muddled struct {
	*providertest.Fake
	ask   []providers.ID
	shown map[providers.ID]bool
}

func (m *muddled) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	m.shown = map[providers.ID]bool{}
	for _, id := range m.ask {
		m.shown[id] = providers.Peek[providers.Affiliate](ctx, id) != nil
	}
	b, err := m.Fake.AffiliatesByID(ctx, ids, need...)
	if err == nil && len(m.ask) > 0 { // more than it was asked for
		var more *providers.Batch[providers.Affiliate]
		more, err = m.Fake.AffiliatesByID(ctx, m.ask)
		maps.Copy(b.Found, more.Found)
		b.Harvest.Add(more.Harvest)
	}
	return b, err
}

// muddle is two accounts over one store, of which the vendor of a-1 has a commission of the
// other's, and whose that is.
func muddle(t *testing.T) (mine, theirs bench, vendor *muddled, sold *providers.Commission) {
	t.Helper()
	fake := providertest.NewFake("b-2", providertest.Options{})
	sold = paidFor(t, fake)
	vendor = &muddled{Fake: providertest.NewFake("a-1", providertest.Options{}), ask: []providers.ID{sold.AffiliateID}}
	unsure := *sold
	unsure.PayoutID, unsure.PayoutUnknown, unsure.CreatedAt = providers.ID{}, true, new(time.Now()) // on the first page
	h := providers.HarvestOf(&unsure)
	h.Affiliates = []*providers.Affiliate{{Node: providers.Node{ID: sold.AffiliateID}, Name: new("Forged")}}
	vendor.Insert(h)
	mine = benchOf(t, vendor.Fake, vendor, cache.NewMemory(64<<20, time.Now), time.Now)
	if p := mine.first(); !slices.ContainsFunc(p.Items, func(c *providers.Commission) bool { return c.ID == sold.ID }) || len(p.Harvest.Affiliates) == 0 {
		t.Fatalf("the vendor says nothing of the other account: %+v", p)
	}
	return mine, benchOf(t, fake, fake, mine.store, time.Now), vendor, sold
}

// What a vendor says of another account's records is not stored.
func TestAnothersRecordsAreNotStored(t *testing.T) {
	mine, theirs, vendor, sold := muddle(t)
	stored := func(what string) {
		t.Helper()
		found, err := mine.store.Get(t.Context(), storedAt(sold.AffiliateID), storedAt(sold.ID))
		if err != nil || cache.Held(found) > 0 {
			t.Errorf("%s: the store has %+v, %v", what, found, err)
		}
	}
	stored("a page and what came along")
	mine.affiliates(nil, "aff001")
	stored("a read by id")
	got, err := vendor.Fake.AffiliatesByID(t.Context(), vendor.ask)
	if err != nil || len(got.Found) != 1 {
		t.Fatal(got, err)
	}
	mine.Keep(t.Context(), providers.HarvestOf(got.Found[sold.AffiliateID]))
	stored("a write's answer")

	theirs.costs("the account itself", func() {
		if got := theirs.name(sold.AffiliateID); got == "Forged" {
			t.Errorf("what the other vendor said: %s", got)
		}
		if _, err := theirs.CommissionsByID(t.Context(), []providers.ID{sold.ID}); err != nil {
			t.Error(err)
		}
	}, "AffiliatesByID 1", "CommissionsByID 1")
}

// What is stored of an account's records is shown to nobody else, and forgotten for nobody else.
func TestAnothersRecordsAreNotShown(t *testing.T) {
	mine, theirs, vendor, sold := muddle(t)
	theirs.name(sold.AffiliateID)
	if _, err := theirs.CommissionsByID(t.Context(), []providers.ID{sold.ID}); err != nil {
		t.Fatal(err)
	}
	mine.costs("by id", func() {
		got, err := mine.AffiliatesByID(t.Context(), []providers.ID{sold.AffiliateID, {Account: "a-1", Noun: providers.NounCampaign, Local: "aff001"}})
		if err != nil || len(got.Found) > 0 || mine.HasRecord(t.Context(), sold.AffiliateID) {
			t.Errorf("another account's record, and another noun's: %+v, %v, %v", got, err, mine.HasRecord(t.Context(), sold.AffiliateID))
		}
	})
	mine.affiliates(nil, "aff001")
	mine.invalidate([]string{"aff002"})
	vendor.ask = append(vendor.ask, ids("aff001")...)
	mine.affiliates(nil, "aff002")
	if vendor.shown[sold.AffiliateID] || !vendor.shown[vendor.ask[1]] {
		t.Errorf("the vendor is shown %v of what is remembered", vendor.shown)
	}
	mine.costs("a page with a row of theirs", func() {
		for _, c := range mine.first().Items {
			if c.ID == sold.ID && !c.PayoutUnknown {
				t.Error("the row has the payout that their account knows")
			}
		}
	}, "Commissions page 1")

	if err := mine.Invalidate(t.Context(), []providers.ID{sold.AffiliateID}); err != nil {
		t.Error(err)
	}
	theirs.costs("after somebody else had it forgotten", func() { theirs.name(sold.AffiliateID) })
}

// name reads an affiliate of any account and gives its name.
func (b bench) name(id providers.ID) string {
	b.Helper()
	got, err := b.AffiliatesByID(b.Context(), []providers.ID{id})
	if err != nil || got.Found[id] == nil {
		b.Fatalf("%s: %+v, %v", id, got, err)
	}
	return *got.Found[id].Name
}

// paidFor is a commission that was paid out.
func paidFor(t *testing.T, f *providertest.Fake) *providers.Commission {
	t.Helper()
	lists, err := f.Commissions(providers.CommissionFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for c, err := range providers.All(t.Context(), lists[0], f) {
		if err != nil {
			t.Fatal(err)
		}
		if !c.PayoutID.IsZero() {
			return c
		}
	}
	t.Fatal("nothing was paid out")
	return nil
}

// storedAt is the key of a record.
func storedAt(id providers.ID) cache.Key {
	return cache.Key{Account: id.Account, Kind: cache.KindRecord, Noun: id.Noun, Local: id.Local}
}
