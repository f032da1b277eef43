package firstpromoter

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/firstpromoter/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// simulator is a small account. A minute passes at each look at its clock, so that no call is one too many.
func simulator() *sandbox.Server {
	var minutes atomic.Int64
	return sandbox.New(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: func() time.Time {
		return noon.Add(time.Duration(minutes.Add(1)) * time.Minute)
	}})
}

func TestSuite(t *testing.T) {
	server := simulator()
	providertest.Run(t, providertest.Subject{
		New: func(t testing.TB) providers.Provider {
			return open(t, server, server.Credentials())
		},
		Nouns: []providers.Noun{
			providers.NounAffiliate, providers.NounMembership, providers.NounCampaign, providers.NounReferral,
			providers.NounCommission, providers.NounPayout, providers.NounCoupon, providers.NounWebhookSubscription,
		},
		Calls: func(providers.Provider) int { return len(server.Kit().Requests()) },
		Limits: map[string]string{
			"Referral/filter/orderId":   "FirstPromoter knows no orders",
			"Commission/filter/orderId": "FirstPromoter knows no orders",
		},
	})
}
