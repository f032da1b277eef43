package cache

import (
	"context"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// ReadAt is when the newest page of the list of all records of each noun was read at the
// vendor, for whoever it was: of several lists, the one that was read first. Nouns of which
// that is not remembered are left out. No call is made.
func (c *Cache) ReadAt(ctx context.Context, nouns ...providers.Noun) (map[providers.Noun]time.Time, error) {
	var pages []Key
	for _, noun := range nouns {
		if plan := rootLists[noun]; plan != nil {
			lists, _ := plan(c.Provider) // none where the vendor has no such list
			for _, list := range lists {
				pages = append(pages, c.pageKey(noun, list, 1))
			}
		}
	}
	read, missing := map[providers.Noun]time.Time{}, map[providers.Noun]bool{}
	for i, e := range c.get(ctx, pages...) { // also of lists that were invalidated since
		noun := pages[i].Noun
		if e == nil {
			missing[noun] = true
		} else if at, ok := read[noun]; !ok || e.FetchedAt.Before(at) {
			read[noun] = e.FetchedAt
		}
	}
	if len(missing) > 0 {
		if err := providers.Missed(ctx); err != nil {
			return nil, err
		}
	}
	for noun := range missing {
		delete(read, noun)
	}
	return read, nil
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
