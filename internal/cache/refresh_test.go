package cache_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// charged charges each call of a fake to the allowance of its context, as the vendors'
// client does.
type charged struct {
	*testing.T
	mu       sync.Mutex // refreshes that end together write what follows
	calls    []string
	reserved bool // the last call left the reserve
	*gate         // where calls wait; nil: they do not
}

func (c *charged) before(ctx context.Context, op string) error {
	if !providers.AllowanceFrom(ctx).Take("shop") {
		return &providers.Error{Account: "a-1", Kind: providers.KindAllowance, Err: providers.ErrAllowance}
	}
	c.mu.Lock()
	c.calls, c.reserved = append(c.calls, op), providers.KeepsReserve(ctx)
	c.mu.Unlock()
	if c.gate == nil {
		return nil
	}
	return c.gate.before(ctx, op)
}

// takes runs do, and wants so many calls of it.
func (c *charged) takes(what string, want int, do func()) {
	c.Helper()
	c.calls = nil
	do()
	synctest.Wait()
	if len(c.calls) != want {
		c.Errorf("%s: calls %q; want %d", what, c.calls, want)
	}
}

// way is a read that makes one call.
type way struct {
	name string
	read func(context.Context) error
}

// waysTo are the reads of a noun: records by id, and the first page and the length of each list.
func waysTo[T providers.Record](t *testing.T, noun providers.Noun, lists []providers.List[T], err error, byID byID[T]) (ways []way) {
	t.Helper()
	if err != nil {
		t.Fatal(noun, err)
	}
	for i, l := range lists {
		page := func(ctx context.Context) ([]*T, error) {
			p, err := l.Page(ctx, providers.PageRequest{Number: 1})
			if err != nil {
				return nil, err
			}
			return p.Items, nil
		}
		ways = append(ways, way{fmt.Sprintf("page of %s list %d", noun, i), func(ctx context.Context) error {
			_, err := page(ctx)
			return err
		}})
		if l.Count != nil {
			ways = append(ways, way{fmt.Sprintf("length of %s list %d", noun, i), func(ctx context.Context) error {
				_, err := l.Count(ctx)
				return err
			}})
		}
		rows, err := page(t.Context())
		if err != nil || len(rows) < 2 {
			t.Fatal(noun, len(rows), err)
		}
		ids := []providers.ID{providers.NodeOf(rows[0]).ID, providers.NodeOf(rows[1]).ID}
		for n := range ids {
			ways = append(ways, way{fmt.Sprintf("%d of %s by id", n+1, noun), func(ctx context.Context) error {
				b, err := byID(ctx, ids[:n+1])
				if err == nil && len(b.Found) != n+1 {
					return fmt.Errorf("found %d, failed %v", len(b.Found), b.Failed)
				}
				return err
			}})
		}
	}
	return ways
}

// byID reads records of one noun.
type byID[T providers.Record] func(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[T], error)

// ways are all reads.
func ways(t *testing.T, c *cache.Cache) []way {
	affiliates, err1 := c.Affiliates(providers.AffiliateFilter{})
	memberships, err2 := c.Memberships(providers.MembershipFilter{})
	campaigns, err3 := c.Campaigns(providers.CampaignFilter{})
	referrals, err4 := c.Referrals(providers.ReferralFilter{})
	commissions, err5 := c.Commissions(providers.CommissionFilter{})
	payouts, err6 := c.Payouts(providers.PayoutFilter{})
	coupons, err7 := c.Coupons(providers.CouponFilter{})
	subscriptions, err8 := c.WebhookSubscriptions()
	return slices.Concat(
		waysTo(t, providers.NounAffiliate, affiliates, err1, c.AffiliatesByID), waysTo(t, providers.NounMembership, memberships, err2, c.MembershipsByID),
		waysTo(t, providers.NounCampaign, campaigns, err3, c.CampaignsByID), waysTo(t, providers.NounReferral, referrals, err4, c.ReferralsByID),
		waysTo(t, providers.NounCommission, commissions, err5, c.CommissionsByID), waysTo(t, providers.NounPayout, payouts, err6, c.PayoutsByID),
		waysTo(t, providers.NounCoupon, coupons, err7, c.CouponsByID), waysTo(t, providers.NounWebhookSubscription, subscriptions, err8, c.WebhookSubscriptionsByID),
	)
}

// TestRefreshIsPaidFor: a refresh takes the calls that its request has left at its end,
// leaves the reserve, and is made once for all requests. Without calls the answer stays
// stale, and is the answer.
func TestRefreshIsPaidFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &charged{T: t}
		fake := providertest.NewFake("a-1", providertest.Options{Before: v.before, Totals: providertest.TotalCounted})
		c := cache.Wrap(fake, cache.NewMemory(64<<20, time.Now), cache.Options{List: time.Minute, Stale: time.Hour})
		all := ways(t, c)
		if len(all) < 4*8 {
			t.Errorf("%d ways to read", len(all))
		}
		for _, w := range all {
			read := func(ctx context.Context) {
				if err := w.read(ctx); err != nil {
					t.Errorf("%s: %v", w.name, err)
				}
			}
			read(t.Context())
			synctest.Wait()
			time.Sleep(2 * time.Minute)
			v.takes(w.name+" without calls", 0, func() { read(providers.WithAllowance(t.Context(), 0)) })

			ctx, end := providers.WithAfterwards(providers.WithAllowance(t.Context(), 2))
			v.takes(w.name+" before the end of its request", 0, func() { read(ctx); read(ctx) })
			second, ended := providers.WithAfterwards(providers.WithAllowance(t.Context(), 2))
			read(second)
			v.takes(w.name+" at the end", 1, func() { end(); ended() })
			if providers.AllowanceFrom(ctx).Left("shop") != 1 || !v.reserved {
				t.Errorf("%s: the request paid nothing, or its call left no reserve (%v)", w.name, v.reserved)
			}
			v.takes(w.name+" refreshed", 0, func() { read(providers.WithAllowance(t.Context(), 1)) })
		}
	})
}

// TestRefreshInParts: a request refreshes as many records as it has calls left; later requests
// refresh the others.
func TestRefreshInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &charged{T: t}
		b := newBench(t, providertest.Options{Before: v.before})
		locals := []string{"aff001", "aff002", "aff003", "aff004", "aff005"}
		b.affiliates(nil, locals...)
		time.Sleep(2 * time.Minute)
		for _, want := range []string{"AffiliatesByID 2", "AffiliatesByID 2", "AffiliatesByID 1"} {
			v.takes("a part", 1, func() {
				if got, err := b.AffiliatesByID(providers.WithAllowance(t.Context(), 2), ids(locals...)); err != nil || len(got.Found) != len(locals) {
					t.Errorf("%v, %v", got, err)
				}
			})
			if v.calls[0] != want {
				t.Errorf("refreshed by %q; want %q", v.calls, want)
			}
		}
		v.takes("all are fresh", 0, func() { b.affiliates(nil, locals...) })
	})
}

// TestRefreshesAtOnce: so many refreshes are under way at once and no more. Those that are
// not begun are left to later requests. All end with the process, and none begins after its
// end.
func TestRefreshesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		process, exit := context.WithCancel(t.Context())
		v := &charged{T: t}
		fake := providertest.NewFake("a-1", providertest.Options{Before: v.before})
		c := cache.Wrap(fake, cache.NewMemory(64<<20, time.Now), cache.Options{List: time.Minute, Stale: time.Hour, Timeout: time.Hour, Process: process})
		const records = cache.MaxRefreshes + 4
		each := func() {
			for i := range records {
				if got, err := c.AffiliatesByID(t.Context(), ids(fmt.Sprintf("aff%03d", i+1))); err != nil || len(got.Found) != 1 {
					t.Error(got, err)
				}
				synctest.Wait()
			}
		}
		each()
		time.Sleep(2 * time.Minute)
		v.gate = newGate()
		v.takes("at once", cache.MaxRefreshes, each)
		v.takes("while they are under way", 0, each)
		close(v.gate.open)
		synctest.Wait()
		v.takes("later", records-cache.MaxRefreshes, each)
		time.Sleep(2 * time.Minute)
		v.gate = newGate()
		v.takes("again", cache.MaxRefreshes, each)
		exit()
		synctest.Wait()
		if v.gate.ended != cache.MaxRefreshes {
			t.Errorf("%d refreshes ended with the process; want %d", v.gate.ended, cache.MaxRefreshes)
		}
		v.takes("after the end of the process", 0, each)
	})
}
