package cache_test

import (
	"context"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/cache/cachetest"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// reader reads one affiliate and the first page of all commissions through a cache.
type reader struct {
	*cache.Cache
	t   testing.TB
	ids []providers.ID
}

func newReader(t testing.TB, s cache.Store, now func() time.Time) reader {
	fake := providertest.NewFake("a-1", providertest.Options{Now: now})
	return reader{cache.Wrap(fake, s, cache.Options{List: time.Minute, Now: now}), t,
		[]providers.ID{{Account: "a-1", Noun: providers.NounAffiliate, Local: "aff001"}}}
}

// read reads, and says what was recorded.
func (r reader) read(meanwhile func()) (*cache.Recorder, *cache.Witnesses, bool) {
	r.t.Helper()
	recorder := cache.NewRecorder()
	ctx := cache.WithRequest(r.t.Context(), recorder)
	if b, err := r.AffiliatesByID(ctx, r.ids); err != nil || len(b.Found) == 0 {
		r.t.Fatalf("%+v %v", b, err)
	}
	lists, err := r.Commissions(providers.CommissionFilter{})
	if err == nil {
		_, err = lists[0].Page(ctx, providers.PageRequest{Number: 1, Reader: r})
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.HasRecord(ctx, providers.ID{Account: "a-1", Noun: providers.NounCoupon, Local: "none"})
	if meanwhile != nil {
		meanwhile()
	}
	w, ok := recorder.Witnesses()
	return recorder, w, ok
}

// invalidate drops the affiliate.
func (r reader) invalidate() {
	if err := r.Invalidate(context.Background(), r.ids); err != nil {
		r.t.Fatal(err)
	}
}

func TestWitnesses(t *testing.T) {
	clock := cachetest.NewClock()
	memory := cache.NewMemory(1<<20, clock.Now)
	r := newReader(t, memory, clock.Now)
	if recorder, _, ok := r.read(nil); ok || !recorder.Settling() {
		t.Fatalf("what had to be read at the vendor is proof: %v, missed: %v", ok, recorder.Settling())
	}
	// valid answers witnesses of what is in the store.
	valid := func(meanwhile func()) *cache.Witnesses {
		t.Helper()
		_, w, ok := r.read(nil)
		if !ok { // it had to be read
			_, w, ok = r.read(nil)
		}
		if !ok || !w.Hold() || w.Bytes() < 200 {
			t.Fatalf("what is in the store is no proof: %+v", w)
		}
		if meanwhile != nil {
			if _, _, ok := r.read(meanwhile); ok {
				t.Error("what changed before the answer was made is proof")
			}
		}
		return w
	}
	coupon := providers.HarvestOf(&providers.Coupon{Node: providers.Node{ID: providers.ID{Account: "a-1", Noun: providers.NounCoupon, Local: "none"}}})
	for name, change := range map[string]func(){
		"dropped":         r.invalidate,
		"list dropped":    func() { _ = r.Invalidate(t.Context(), nil, providers.NounCommission) },
		"evicted":         func() { memory.Evict(key("a-1/record/Affiliate/aff001")) },
		"emptied":         memory.Clear,
		"absence ended":   func() { r.Keep(t.Context(), coupon) },
		"expired":         func() { clock.Move(time.Minute) },
		"lesson":          providers.Learn,
		"another account": nil,
		"another record":  nil,
		"same stub again": nil,
	} {
		t.Run(name, func(t *testing.T) {
			_ = r.Invalidate(t.Context(), []providers.ID{coupon.Coupons[0].ID})
			w := valid(nil)
			if change != nil {
				change()
				if w.Hold() {
					t.Error("the answer is still valid")
				}
				_ = r.Invalidate(t.Context(), []providers.ID{coupon.Coupons[0].ID})
				valid(change)
				return
			}
			switch name {
			case "another account":
				_ = memory.Drop(t.Context(), "a-2", clock.Now().Add(time.Hour), key("a-2/record/Affiliate/aff001"))
			case "another record":
				_ = r.Invalidate(t.Context(), []providers.ID{{Account: "a-1", Noun: providers.NounAffiliate, Local: "aff999"}})
			case "same stub again":
				r.Keep(t.Context(), providers.HarvestOf(&providers.Affiliate{Node: providers.Node{ID: r.ids[0], Known: providers.Only("name")}}))
			}
			if !w.Hold() {
				t.Error("the answer is not valid any more")
			}
		})
	}
}

// TestWitnessesOfReplicas has one replica drop what the other made an answer of.
func TestWitnessesOfReplicas(t *testing.T) {
	c := redistest.Start(t).Client(redisclient.Durable)
	one, other := newTiered(t, c, cache.RedisOptions{Timeout: patient}), newTiered(t, c, cache.RedisOptions{Timeout: patient})
	r := newReader(t, one, time.Now)
	r.read(nil)
	read := func() (*cache.Witnesses, bool) {
		recorder := cache.NewRecorder()
		if _, err := r.AffiliatesByID(cache.WithRequest(t.Context(), recorder), r.ids); err != nil {
			t.Fatal(err)
		}
		return recorder.Witnesses()
	}
	w, ok := read()
	if !ok || !w.Hold() {
		t.Fatal("what is in memory is no proof")
	}
	newReader(t, other, time.Now).invalidate()
	redistest.Eventually(t, "the drop is heard", func(context.Context) error { return unless(!w.Hold(), "the answer is still valid") })
	read() // at the vendor
	if w, ok = read(); !ok || !w.Hold() {
		t.Fatal("what was read again is no proof")
	}
	one.Lose()
	if w.Hold() {
		t.Error("an answer is valid though the replica hears of no drops")
	}
	if _, ok := read(); ok {
		t.Error("what is read while the replica hears of no drops is proof")
	}
}
