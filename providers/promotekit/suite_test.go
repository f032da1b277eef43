package promotekit

import (
	"net/http"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/promotekit/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// simulator is a small organization.
func simulator() *sandbox.Server { return sandbox.New(providertest.Small(noon)) }

func TestSuite(t *testing.T) {
	server := simulator()
	runSuite(t, server, providertest.Wire(t, server), nil)
}

// TestSuiteIDsOnly is the suite where related records come as their ids alone.
func TestSuiteIDsOnly(t *testing.T) {
	server := simulator()
	server.Kit().Set(sandbox.IDsOnly, true)
	limits := map[string]string{}
	for _, check := range []string{"Referral/calls", "Commission/calls", "Payout/calls"} {
		limits[check] = "that bare ids come, and cost a call more for the campaign, is known after the first reply"
	}
	runSuite(t, server, server, limits)
}

func runSuite(t *testing.T, server *sandbox.Server, vendor http.Handler, limits map[string]string) {
	t.Parallel()
	providertest.Run(t, providertest.Subject{
		New: func(t testing.TB) providers.Provider { return open(t, vendor) },
		Nouns: []providers.Noun{
			providers.NounAffiliate, providers.NounMembership, providers.NounCampaign, providers.NounReferral,
			providers.NounCommission, providers.NounPayout, providers.NounCoupon,
		},
		Calls:  func(providers.Provider) int { return len(server.Kit().Requests()) },
		Limits: limits,
	})
}
