package cache_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// TestPageKeepsItsDates: records that were read elsewhere, and are dated otherwise there,
// change neither the dates of a page nor, with them, the order and the cursors of its list.
// Read by id, a record has the date that its own reading knew.
func TestPageKeepsItsDates(t *testing.T) {
	b := newBench(t, providertest.Options{})
	rows := b.first().Items
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for what, c := range map[string]struct {
		listed, elsewhere *time.Time
		known             *providers.Fields
	}{
		"undated, then dated":                   {nil, &day, providers.AllBut("createdAt")},
		"known to have no date, then dated":     {nil, &day, nil},
		"dated, then with another date":         {rows[1].CreatedAt, &day, nil},
		"dated, then by a reading without date": {rows[1].CreatedAt, nil, nil},
	} {
		t.Run(what, func(t *testing.T) {
			vendor := &dating{Fake: b.fake, id: rows[1].ID, at: c.listed, known: c.known}
			b := benchOf(t, b.fake, vendor, cache.NewMemory(64<<20, time.Now), time.Now)
			cold := b.first()
			elsewhere := *rows[1]
			elsewhere.CreatedAt, elsewhere.FetchedAt = c.elsewhere, cold.Items[1].FetchedAt.Add(time.Nanosecond)
			b.Keep(t.Context(), providers.HarvestOf(&elsewhere))
			b.costs("the page again", func() {
				warm := b.first()
				if d := cmp.Diff(cold.Items[1].Listed(), warm.Items[1].Listed()); d != "" || warm.Items[1].Known.Covers("createdAt") != cold.Items[1].Known.Covers("createdAt") {
					t.Errorf("the page dates its row otherwise than it was read (-cold +warm): %s", d)
				}
			})
			b.costs("by id", func() {
				batch, err := b.CommissionsByID(t.Context(), []providers.ID{elsewhere.ID}, "createdAt")
				if err != nil || !batch.Found[elsewhere.ID].Listed().Equal(elsewhere.Listed()) {
					t.Errorf("by id: %+v, %v; want the date %v", batch.Found[elsewhere.ID], err, c.elsewhere)
				}
			})
		})
	}
}

// dating is a vendor whose lists date one commission in a way of their own.
type dating struct {
	*providertest.Fake
	id    providers.ID
	at    *time.Time
	known *providers.Fields
}

func (d *dating) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	lists, err := d.Fake.Commissions(f)
	read := lists[0].Page
	lists[0].Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
		p, err := read(ctx, r)
		for i, item := range p.Items {
			if item.ID == d.id {
				row := *item
				row.CreatedAt, row.Known = d.at, d.known
				p.Items[i] = &row
			}
		}
		return p, err
	}
	return lists, err
}
