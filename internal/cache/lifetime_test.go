package cache_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

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

// TestPageTimes wants a page to tell when it was read at the vendor, and to be read again
// for who may not have one that is as old.
func TestPageTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, providertest.Options{})
		read := func(what string, notBefore, at time.Time, remembered bool, calls ...string) {
			t.Helper()
			b.costs(what, func() {
				lists, err := b.Commissions(providers.CommissionFilter{})
				if err != nil {
					t.Fatal(err)
				}
				p, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: b, NotBefore: notBefore})
				if err != nil || !p.ReadAt.Equal(at) || p.Remembered != remembered {
					t.Errorf("%s: read at %v, remembered %v, error %v; want %v, %v", what, p.ReadAt, p.Remembered, err, at, remembered)
				}
				synctest.Wait()
			}, calls...)
		}
		begin := time.Now()
		read("cold", time.Time{}, begin, false, "Commissions page 1")
		time.Sleep(10 * time.Second)
		read("fresh", begin, begin, true)
		again := time.Now()
		read("fresh, too old", again, again, false, "Commissions page 1")
		read("read again", again, again, true)
		time.Sleep(2 * time.Minute)
		read("stale, too old", time.Now(), time.Now(), false, "Commissions page 1")
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

// Who decides by what is read what somebody may see is answered with what is fresh, or not
// at all.
func TestFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down error
		b := newBench(t, providertest.Options{Before: func(context.Context, string) error { return down }})
		ctx := providers.WithFresh(t.Context())
		read := func() error {
			_, failed := b.page(ctx, providers.CommissionFilter{}, 1)
			_, err := b.AffiliatesByID(ctx, ids("aff001"))
			return errors.Join(failed, err)
		}
		_ = read()
		b.costs("fresh", func() {
			if err := read(); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(2 * time.Minute)
		b.costs("stale", func() {
			if err := read(); err != nil {
				t.Error(err)
			}
		}, "Commissions page 1", "AffiliatesByID 1")
		time.Sleep(2 * time.Minute)
		down = &providers.Error{Account: "a-1", Kind: providers.KindUnavailable}
		if err := read(); providers.KindOf(err) != providers.KindUnavailable {
			t.Errorf("stale, and the vendor is down: error %v; want the vendor's", err)
		}
		b.first() // others are served
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
		if !b.HasRecord(t.Context(), ids("none")[0]) {
			t.Error("HasRecord does not know of an absence that is remembered")
		}
		time.Sleep(30 * time.Second)
		if got, _ := b.store.Get(t.Context(), key("a-1/record/Affiliate/none")); cache.Held(got) != 0 {
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
