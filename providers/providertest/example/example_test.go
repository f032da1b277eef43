package example

import (
	"net/http"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/providers/providertest/example/sandbox"
)

var noon = time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)

var key = http.Header{"X-Api-Key": {sandbox.APIKey}}

// open is the account "shop" at a vendor.
func open(t testing.TB, vendor http.Handler) *provider {
	t.Helper()
	c := providertest.Config("shop", vendor, noon)
	c.Credentials = map[string]string{apiKey: sandbox.APIKey}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p.(*provider)
}

// TestSuite is the contract of every provider, over the simulator.
func TestSuite(t *testing.T) {
	t.Parallel()
	server := sandbox.New(providertest.Small(noon))
	vendor := providertest.Wire(t, server)
	providertest.Run(t, providertest.Subject{
		New:   func(t testing.TB) providers.Provider { return open(t, vendor) },
		Nouns: []providers.Noun{providers.NounAffiliate, providers.NounCommission},
		Calls: func(providers.Provider) int { return len(server.Kit().Requests()) },
	})
}

// TestExchanges holds what the client makes of each stored exchange against what is stored
// beside it.
func TestExchanges(t *testing.T) {
	type exchange = providertest.Exchange
	affiliate := providers.ID{Account: "shop", Noun: providers.NounAffiliate, Local: "102"}
	providertest.Replay(t, key, open, map[string]providertest.Scene[*provider]{
		"affiliate_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Affiliate](t, p)(p.Affiliates(providers.AffiliateFilter{})), nil
		}},
		"affiliate_get": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.AffiliatesByID(t.Context(), []providers.ID{affiliate})
		}},
		"commission_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{Affiliates: []providers.ID{affiliate}})), nil
		}},
		"commission_get": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.CommissionsByID(t.Context(), []providers.ID{{Account: "shop", Noun: providers.NounCommission, Local: "50002"}})
		}},
	})
}

// TestOperations holds the list of the vendor's operations against the code and the stored
// exchanges.
func TestOperations(t *testing.T) { providertest.Operations(t, vendor.Name) }

// TestCredential wants an account without its key to be refused before a call is made.
func TestCredential(t *testing.T) {
	if _, err := New(providertest.Config("shop", http.NotFoundHandler(), noon)); err == nil {
		t.Error("an account without a key is opened")
	}
}
