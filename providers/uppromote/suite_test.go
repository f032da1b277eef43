package uppromote

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/providers/uppromote/sandbox"
)

// discard is where nothing is logged to.
type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// simulator is a small store. A minute passes at each look at its clock, so that no call is one too many.
func simulator() *sandbox.Server {
	var minutes atomic.Int64
	return sandbox.New(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: func() time.Time {
		return noon.Add(time.Duration(minutes.Add(1)) * time.Minute)
	}})
}

func TestSuite(t *testing.T) { runSuite(t) }

// TestSuiteSwitched is the suite where payments are not narrowed by e-mail address, and single records come in arrays.
func TestSuiteSwitched(t *testing.T) {
	runSuite(t, sandbox.IgnorePaymentEmail, sandbox.OneElementArrays)
}

func runSuite(t *testing.T, switches ...string) {
	server := simulator()
	for _, s := range switches {
		server.Kit().Set(s, true)
	}
	providertest.Run(t, providertest.Subject{
		New: func(t testing.TB) providers.Provider { return open(t, server, discard{}) },
		Nouns: []providers.Noun{
			providers.NounAffiliate, providers.NounMembership, providers.NounCampaign, providers.NounReferral,
			providers.NounCommission, providers.NounPayout, providers.NounCoupon, providers.NounWebhookSubscription,
		},
		Calls: func(providers.Provider) int { return len(server.Kit().Requests()) },
		Limits: map[string]string{
			"Commission/filter/eventId": "UpPromote does not tell the events of a payment",
			"Payout/filter/campaigns":   "UpPromote does not tell the program of a payment",
		},
	})
}
