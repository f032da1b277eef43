package cache_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// allowed is a vendor whose calls are charged to the allowance of their request, as the
// HTTP client does it, once they were let through.
type allowed struct {
	*providertest.Fake
	open chan struct{}
}

func (a allowed) charge(ctx context.Context) error {
	<-a.open
	if !providers.AllowanceFrom(ctx).Take("shop") {
		return &providers.Error{Account: "a-1", Kind: providers.KindAllowance, Err: providers.ErrAllowance}
	}
	return nil
}

func (a allowed) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	if err := a.charge(ctx); err != nil {
		return nil, err
	}
	return a.Fake.AffiliatesByID(ctx, ids, need...)
}

// CampaignsByID fails for each id by itself.
func (a allowed) CampaignsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Campaign], error) {
	if err := a.charge(ctx); err != nil {
		b := &providers.Batch[providers.Campaign]{Failed: map[providers.ID]error{}}
		for _, id := range ids {
			b.Failed[id] = err
		}
		return b, nil
	}
	return a.Fake.CampaignsByID(ctx, ids, need...)
}

func (a allowed) Payouts(f providers.PayoutFilter) ([]providers.List[providers.Payout], error) {
	lists, err := a.Fake.Payouts(f)
	for i, l := range lists {
		lists[i].Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Payout], error) {
			if err := a.charge(ctx); err != nil {
				return nil, err
			}
			return l.Page(ctx, r)
		}
	}
	return lists, err
}

// TestFlightOverAllowance: the request that begins a flight pays for it. One that joined it
// is not refused because the other's allowance is used up.
func TestFlightOverAllowance(t *testing.T) {
	for name, read := range map[string]func(context.Context, *cache.Cache) error{
		"records": func(ctx context.Context, c *cache.Cache) error {
			b, err := c.AffiliatesByID(ctx, ids("aff001"))
			if err == nil {
				err = b.Failed[ids("aff001")[0]]
			}
			return err
		},
		"each record": func(ctx context.Context, c *cache.Cache) error {
			id := providers.ID{Account: "a-1", Noun: providers.NounCampaign, Local: "cmp1"}
			b, err := c.CampaignsByID(ctx, []providers.ID{id})
			if err == nil {
				err = b.Failed[id]
			}
			return err
		},
		"page": func(ctx context.Context, c *cache.Cache) error {
			lists, err := c.Payouts(providers.PayoutFilter{})
			if err == nil {
				_, err = lists[0].Page(ctx, providers.PageRequest{Number: 1})
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := allowed{providertest.NewFake("a-1", providertest.Options{}), make(chan struct{})}
				c := cache.Wrap(a, cache.NewMemory(1<<20, time.Now), cache.Options{})
				var errs [2]error
				rich := providers.WithAllowance(t.Context(), 1)
				for i, ctx := range []context.Context{providers.WithAllowance(t.Context(), 0), rich} {
					go func() { errs[i] = read(ctx, c) }()
					synctest.Wait()
				}
				close(a.open)
				synctest.Wait()
				if !errors.Is(errs[0], providers.ErrAllowance) || errs[1] != nil {
					t.Errorf("got %v; want the allowance's error, and none", errs)
				}
				if providers.AllowanceFrom(rich).Take("shop") {
					t.Error("the second request paid nothing")
				}
			})
		})
	}
}
