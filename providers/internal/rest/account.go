package rest

import (
	"cmp"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// NewConfig is what the client of an account is made from, as far as it is the same for all
// vendors. provider is the vendor's word in the configuration, and baseURL is used where
// the account names none. The vendor's folder adds the credentials to Header, and what it
// knows of parameters, waits and errors.
func NewConfig(provider, baseURL string, c providers.Config) Config {
	return Config{
		Account:   c.Account,
		Provider:  provider,
		BaseURL:   strings.TrimSuffix(cmp.Or(c.BaseURL, baseURL), "/"),
		Timeout:   c.Timeout,
		UserAgent: c.UserAgent,
		HTTP:      c.HTTP,
		Logger:    c.Logger,
		Budget:    c.Budget,
		Now:       c.Now,
		Pause:     c.Pause,
		Observe:   c.Observe,
	}
}

// Describe is the account that the client calls, as it is now. The capabilities have to be
// sorted.
func (c *Client) Describe(vendor providers.ProviderInfo, a providers.Config, can []providers.Capability) providers.Account {
	health := c.Health()
	return providers.Account{
		Node:          providers.NewAccountNode(a.Account, a.Now()),
		Name:          a.Name,
		Provider:      vendor,
		CurrencyCode:  strings.ToUpper(a.Currency),
		Capabilities:  can,
		Status:        health.Status,
		LastError:     health.LastError,
		LastSuccessAt: health.LastSuccessAt,
		RateLimit:     a.Budget.State(),
	}
}

// BadReply is the error of a reply that arrived and that cannot be understood.
func (c *Client) BadReply(op string, err error) error {
	return &providers.Error{Account: c.c.Account, Provider: c.c.Provider, Op: op, Kind: providers.KindBadReply, Err: err}
}
