package cache_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// TestBorrowedPayouts merges random readings of a commission, of which some know its
// payout, some that it has none, and some neither, and of which some arrive late. It wants
// every payout that is shown to be from a reading that may still be shown, and that no
// later reading contradicts.
func TestBorrowedPayouts(t *testing.T) {
	const life, late = time.Minute, 10 * time.Minute
	start := time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)
	payouts := []string{"", "1", "2"}
	states := []providers.CommissionStatus{providers.CommissionApproved, providers.CommissionPaid}
	var borrowed, ended int
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var (
			stored   cache.Entry
			readings []cache.Entry
			now      = start
			told     string
		)
		for step := range 12 {
			before := now
			now = now.Add(time.Duration(r.IntN(45)+1) * time.Second)
			c := &providers.Commission{Node: providers.Node{ID: ids("com001")[0]}, Status: states[min(1, r.IntN(6))]}
			c.ID.Noun = providers.NounCommission
			switch r.IntN(4) {
			case 0:
				if local := payouts[r.IntN(len(payouts))]; local != "" {
					c.PayoutID = providers.ID{Noun: providers.NounPayout, Account: c.ID.Account, Local: local}
				}
			case 1:
				c.PayoutUnknown = true
			case 2:
				c.PayoutUnknown, c.Known = true, providers.AllBut("payout")
			case 3:
				c.PayoutUnknown, c.Known = true, providers.Only("status")
			}
			c.FetchedAt = now
			if r.IntN(5) == 0 { // it comes in after a later one
				c.FetchedAt = before.Add(-time.Second / 2)
			}
			e := cache.Entry{Value: c, Began: 1, FetchedAt: c.FetchedAt, FreshUntil: c.FetchedAt.Add(life)}
			e.StaleUntil = e.FreshUntil.Add(late)
			readings = append(readings, e)
			merged := cache.Merge(stored, e, now)
			if stored = cache.Stored(t, merged); stored.Payout != merged.Payout {
				t.Fatalf("seed %d: Redis gives back %v for %v", seed, stored.Payout, merged.Payout)
			}
			told += fmt.Sprintf("\n%d: %s %s payout %q, unknown %t, %v", step, now.Sub(start), c.Status, c.PayoutID.Local, c.PayoutUnknown, c.Known)
			for _, after := range []time.Duration{0, life / 2, life, life + late} {
				at := now.Add(after)
				if !at.Before(stored.StaleUntil) {
					continue
				}
				shown := stored.At(at).Value.(*providers.Commission)
				if stored.Payout != (cache.Borrowed{}) {
					borrowed++
					if shown.PayoutUnknown {
						ended++
					}
				}
				if !shown.PayoutUnknown && !shown.PayoutID.IsZero() && !holds(readings, shown, at) {
					t.Fatalf("seed %d, %s later: payout %s of a commission that is %s%s", seed, after, shown.PayoutID.Local, shown.Status, told)
				}
			}
		}
	}
	if borrowed < 1000 || ended < 1000 {
		t.Errorf("payouts were borrowed %d times, of which %d had ended", borrowed, ended)
	}
}

// holds says whether some reading that is not too old had this payout, and none since
// contradicts it. A stub that came in before, though it was read later, is not remembered.
func holds(readings []cache.Entry, shown *providers.Commission, at time.Time) (held bool) {
	for i, known := range readings {
		c := known.Value.(*providers.Commission)
		if c.PayoutID != shown.PayoutID || c.Status != shown.Status || !at.Before(known.StaleUntil) {
			continue
		}
		contradicted := false
		for j, later := range readings {
			l := later.Value.(*providers.Commission)
			late := j > 0 && later.FetchedAt.Before(readings[j-1].FetchedAt)
			contradicted = contradicted || later.FetchedAt.After(known.FetchedAt) && (j > i || l.Known == nil && !late) &&
				(l.Status != c.Status || !l.PayoutUnknown && l.PayoutID != c.PayoutID)
		}
		held = held || !contradicted
	}
	return held
}

// A payout that was read once is not shown any longer because other readings of the same
// commissions go on, which cannot know it: by list, or by id.
func TestPayoutIsNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, providertest.Options{PayoutsUnknown: true, PageSize: 400})
		payouts, err := b.Payouts(providers.PayoutFilter{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := payouts[0].Page(t.Context(), providers.PageRequest{Number: 1})
		if err != nil {
			t.Fatal(err)
		}
		paid, err := b.page(t.Context(), providers.CommissionFilter{Payouts: []providers.ID{p.Items[0].ID}}, 1)
		if err != nil || len(paid.Items) == 0 {
			t.Fatal(paid, err)
		}
		one := paid.Items[0].ID
		fresh := providers.WithFresh(t.Context())
		for after := time.Duration(0); after < 5*time.Minute; after += 25 * time.Second {
			want := after < time.Minute
			for _, item := range b.first().Items {
				if item.ID == one && item.PayoutID.IsZero() == want {
					t.Errorf("by list, after %s: payout %v", after, item.PayoutID)
				}
			}
			batch, err := b.CommissionsByID(fresh, []providers.ID{one})
			if err != nil || batch.Found[one].PayoutID.IsZero() == want || batch.Found[one].PayoutUnknown == want {
				t.Errorf("by id, after %s: %+v %v", after, batch.Found[one], err)
			}
			synctest.Wait()
			time.Sleep(25 * time.Second)
		}
	})
}
