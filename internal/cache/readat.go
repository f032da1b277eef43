package cache

import (
	"context"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// ReadAt is when the newest page of the list of all records of a noun was read at the
// vendor, for whoever it was, as far as that is remembered: of several lists, the one that
// was read first. It is zero where that is not known. No call is made.
func (c *Cache) ReadAt(ctx context.Context, noun providers.Noun) (time.Time, error) {
	keys := rootLists[noun]
	if keys == nil {
		return time.Time{}, nil
	}
	lists, err := keys(c.Provider)
	if err != nil || len(lists) == 0 {
		return time.Time{}, nil // the vendor has no such list
	}
	pages := make([]Key, len(lists))
	for i, list := range lists {
		pages[i] = c.pageKey(noun, list, 1)
	}
	var at time.Time
	for _, e := range c.get(ctx, pages...) { // also where the list was invalidated since
		if e == nil {
			return time.Time{}, providers.Missed(ctx)
		}
		if at.IsZero() || e.FetchedAt.Before(at) {
			at = e.FetchedAt
		}
	}
	return at, nil
}

// rootLists are the keys of the lists that hold all records of a noun.
var rootLists = map[providers.Noun]func(providers.Provider) ([]string, error){
	providers.NounAffiliate:  keysOf(providers.Provider.Affiliates),
	providers.NounMembership: keysOf(providers.Provider.Memberships),
	providers.NounCampaign:   keysOf(providers.Provider.Campaigns),
	providers.NounReferral:   keysOf(providers.Provider.Referrals),
	providers.NounCommission: keysOf(providers.Provider.Commissions),
	providers.NounPayout:     keysOf(providers.Provider.Payouts),
	providers.NounCoupon:     keysOf(providers.Provider.Coupons),
}

func keysOf[T providers.Record, F any](
	plan func(providers.Provider, F) ([]providers.List[T], error),
) func(providers.Provider) ([]string, error) {
	return func(p providers.Provider) (keys []string, err error) {
		var all F
		lists, err := plan(p, all)
		for _, l := range lists {
			keys = append(keys, l.Key)
		}
		return keys, err
	}
}
