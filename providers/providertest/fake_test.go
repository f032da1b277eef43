package providertest_test

import (
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

var everyNoun = []providers.Noun{
	providers.NounAffiliate, providers.NounMembership, providers.NounCampaign, providers.NounReferral,
	providers.NounCommission, providers.NounPayout, providers.NounCoupon, providers.NounWebhookSubscription,
}

func TestFake(t *testing.T) {
	for name, o := range map[string]providertest.Options{
		"plain":                    {},
		"counted, unknown payouts": {PageSize: 7, Totals: providertest.TotalCounted, PayoutsUnknown: true},
		"stubs, no totals":         {PageSize: 50, Totals: providertest.TotalNone, Stubs: true},
	} {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, providertest.Subject{
				New:   func(testing.TB) providers.Provider { return providertest.NewFake("fake-1", o) },
				Nouns: everyNoun,
				Calls: func(p providers.Provider) int { return p.(*providertest.Fake).Spent() },
			})
		})
	}
}
