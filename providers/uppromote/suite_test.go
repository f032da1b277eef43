package uppromote

import (
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/providers/uppromote/sandbox"
)

// simulator is a small store.
func simulator() *sandbox.Server { return sandbox.New(providertest.Small(noon)) }

func TestSuite(t *testing.T) { runSuite(t) }

// TestSuiteSwitched is the suite where payments are not narrowed by e-mail address, and
// single records come in arrays.
func TestSuiteSwitched(t *testing.T) {
	runSuite(t, sandbox.IgnorePaymentEmail, sandbox.OneElementArrays)
}

func runSuite(t *testing.T, switches ...string) {
	t.Parallel()
	server := simulator()
	for _, s := range switches {
		server.Kit().Set(s, true)
	}
	vendor := providertest.Wire(t, server)
	providertest.Run(t, providertest.Subject{
		New: func(t testing.TB) providers.Provider { return open(t, vendor) },
		Nouns: []providers.Noun{
			providers.NounAffiliate, providers.NounMembership, providers.NounCampaign, providers.NounReferral,
			providers.NounCommission, providers.NounPayout, providers.NounCoupon, providers.NounWebhookSubscription,
		},
		Calls: func(providers.Provider) int { return len(server.Kit().Requests()) },
	})
}
