package firstpromoter

import (
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/firstpromoter/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// simulator is a small account.
func simulator() *sandbox.Server { return sandbox.New(providertest.Small(noon)) }

func TestSuite(t *testing.T) { suite(t) }

// TestSuiteOfOddVendor is the suite where addresses are compared letter for letter, and
// customers were moved.
func TestSuiteOfOddVendor(t *testing.T) { suite(t, sandbox.Moved, world.ExactAddress) }

func suite(t *testing.T, switches ...string) {
	server := simulator()
	for _, name := range switches {
		server.Kit().Set(name, true)
	}
	vendor := providertest.Wire(t, server)
	providertest.Run(t, providertest.Subject{
		New: func(t testing.TB) providers.Provider {
			return open(t, vendor, server.Credentials())
		},
		Nouns: []providers.Noun{
			providers.NounAffiliate, providers.NounMembership, providers.NounCampaign, providers.NounReferral,
			providers.NounCommission, providers.NounPayout, providers.NounCoupon, providers.NounWebhookSubscription,
		},
		Calls: func(providers.Provider) int { return len(server.Kit().Requests()) },
	})
}
