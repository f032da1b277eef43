// Package example reads affiliate programs at a vendor that is invented: the smallest
// vendor that partnergraph can serve. It shows what a vendor's folder holds, and tests run
// it end to end. No program is built with it.
//
// # Facts
//
//   - Reference: https://example.com/docs/api
//   - Base URL: https://api.example.com/v1
//   - Key: the header X-Api-Key. One key is one account.
//   - Replies: {"data": …}; lists add "total", the number of rows that the filters leave. Errors:
//     {"error": {"message"}}. No such record is a 404.
//   - Paging: page from 1, per_page at most 100. Newest first.
//   - Limit: 100 calls in each minute of the clock, then 429.
//   - Ids are numbers, times RFC 3339, amounts cents of the currency beside them.
//
// # Gaps
//
//   - There are affiliates and commissions, and nothing else. Nothing can be written.
//   - Commissions are filtered by one affiliate; nothing else filters. So partners who are
//     known by their e-mail address alone see nothing here.
package example

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
	"github.com/partnergraph/partnergraph/providers/providertest/example/sandbox"
)

const (
	baseURL = "https://api.example.com/v1"
	apiKey  = "api_key" // the one credential
)

var vendor = providers.ProviderInfo{ID: "example", Name: "Example", DocumentationURL: "https://example.com/docs/api"}

// Factory is what the program knows of the vendor.
var Factory = providers.Factory{
	Name:             vendor.ID,
	Title:            vendor.Name,
	DocumentationURL: vendor.DocumentationURL,
	BaseURL:          baseURL,
	Credentials:      []string{apiKey},
	Limit:            100,
	Window:           time.Minute,
	New:              New,
	Sandbox:          func(o providers.SandboxOptions) providers.Simulator { return sandbox.New(o) },
}

// provider is one account.
type provider struct {
	providers.Unsupported
	config  providers.Config
	client  *rest.Client
	log     *wire.Log
	extents map[providers.Noun]*wire.Extent // of the lists
}

var _ providers.Provider = (*provider)(nil)

// New makes the provider of one account. It makes no call; a missing credential is an error.
func New(c providers.Config) (providers.Provider, error) {
	if c.Credentials[apiKey] == "" {
		return nil, fmt.Errorf("account %s: %s needs the credential %q", c.Account, vendor.ID, apiKey)
	}
	r := rest.NewConfig(vendor.ID, baseURL, c)
	r.Header = http.Header{"X-Api-Key": {c.Credentials[apiKey]}}
	r.Classify = classify
	return &provider{config: c, client: rest.New(r), log: wire.NewLog(c.Logger, c.Account), extents: map[providers.Noun]*wire.Extent{
		providers.NounAffiliate: new(wire.Extent), providers.NounCommission: new(wire.Extent),
	}}, nil
}

// capabilities are what every account can do, sorted.
var capabilities = []providers.Capability{
	providers.EdgeAffiliateCommissions,
	providers.CountAffiliates,
	providers.CountCommissions,
	providers.FilterCommissionsByAffiliate,
	providers.CanListAffiliates,
	providers.CanListCommissions,
}

// AccountID is the account's id.
func (p *provider) AccountID() string { return p.config.Account }

// Account describes the account.
func (p *provider) Account() providers.Account {
	return p.client.Describe(vendor, p.config, slices.Clone(capabilities))
}

// Ping reads one affiliate.
func (p *provider) Ping(ctx context.Context) error {
	_, err := affiliates.rows(ctx, p, url.Values{"per_page": {"1"}}, 1)
	return err
}

// Calls is the price of an edge: a call for each record, or the pages of the list that
// holds them all.
func (p *provider) Calls(edge providers.Edge, from providers.Rows, _ ...string) int {
	records := func(noun providers.Noun) int {
		n := from.Count
		if pages := p.extents[noun].Pages(); pages > 0 {
			return min(n, pages)
		}
		return n + providers.Tries(n)
	}
	switch edge {
	case providers.QueryAffiliateEdge, providers.CommissionAffiliateEdge:
		return records(providers.NounAffiliate)
	case providers.QueryCommissionEdge:
		return records(providers.NounCommission)
	case providers.AffiliateCommissionsEdge: // a list for each, or the list of all
		return from.Count + providers.Tries(from.Count)
	}
	return 0
}
