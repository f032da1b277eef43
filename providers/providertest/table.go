package providertest

import (
	"cmp"
	"slices"
	"sync"

	"github.com/partnergraph/partnergraph/providers"
)

// tables are the records of every noun.
type tables struct {
	affiliates    table[providers.Affiliate]
	memberships   table[providers.Membership]
	campaigns     table[providers.Campaign]
	referrals     table[providers.Referral]
	commissions   table[providers.Commission]
	payouts       table[providers.Payout]
	coupons       table[providers.Coupon]
	subscriptions table[providers.WebhookSubscription]
}

var worlds sync.Map // tables by account: the suite makes hundreds of Fakes of the same

// told are tables of the whole story. The records in them are other Fakes' as well.
func told(account string) tables {
	known, ok := worlds.Load(account)
	if !ok {
		var t tables
		t.insert(story(account))
		t.subscriptions.put(subscriptions(account)...)
		known, _ = worlds.LoadOrStore(account, t)
	}
	t := known.(tables)
	t.affiliates.rows, t.memberships.rows = slices.Clone(t.affiliates.rows), slices.Clone(t.memberships.rows)
	t.campaigns.rows, t.referrals.rows = slices.Clone(t.campaigns.rows), slices.Clone(t.referrals.rows)
	t.commissions.rows, t.payouts.rows = slices.Clone(t.commissions.rows), slices.Clone(t.payouts.rows)
	t.coupons.rows, t.subscriptions.rows = slices.Clone(t.coupons.rows), slices.Clone(t.subscriptions.rows)
	return t
}

func (t *tables) insert(h providers.Harvest) {
	t.affiliates.put(h.Affiliates...)
	t.memberships.put(h.Memberships...)
	t.campaigns.put(h.Campaigns...)
	t.referrals.put(h.Referrals...)
	t.commissions.put(h.Commissions...)
	t.payouts.put(h.Payouts...)
	t.coupons.put(h.Coupons...)
}

// table holds the records of one noun, newest first. The Fake's lock guards it.
type table[T providers.Record] struct{ rows []*T }

func (t *table[T]) put(rows ...*T) {
	var ids []providers.ID
	for _, r := range rows {
		ids = append(ids, providers.NodeOf(r).ID)
	}
	t.drop(ids)
	t.rows = append(t.rows, rows...)
	slices.SortFunc(t.rows, func(a, b *T) int {
		x, y := providers.NodeOf(a), providers.NodeOf(b)
		return cmp.Or(y.Listed().Compare(x.Listed()), cmp.Compare(y.ProviderID, x.ProviderID))
	})
}

func (t *table[T]) drop(ids []providers.ID) {
	t.rows = slices.DeleteFunc(t.rows, func(r *T) bool { return slices.Contains(ids, providers.NodeOf(r).ID) })
}

func (t *table[T]) get(id providers.ID) *T {
	for _, r := range t.rows {
		if providers.NodeOf(r).ID == id {
			return r
		}
	}
	return nil
}
