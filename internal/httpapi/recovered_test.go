package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
)

// unplanned is a provider that panics when its lists are planned: before anything is executed.
type unplanned struct{ providers.Provider }

func (unplanned) Affiliates(providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	panic("secret sauce")
}

// TestPanics wants a panic anywhere answered as an internal error, without what it says,
// logged once, with the stack.
func TestPanics(t *testing.T) {
	over := func(o *httpapi.Options, p providers.Provider) {
		o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{p}, Pages: 20, Calls: 50, Cost: 10_000, Logger: o.Logger, Now: time.Now})
	}
	fake := func(o *httpapi.Options, panics string) {
		over(o, providertest.NewFake("shop", providertest.Options{Before: func(_ context.Context, op string) error {
			if strings.Contains(op, panics) {
				panic("secret sauce")
			}
			return nil
		}}))
	}
	for name, tt := range map[string]struct {
		change func(*httpapi.Options)
		body   string
		data   bool // a field panics: it alone has no data
		at     string
	}{
		"list":      {func(o *httpapi.Options) { fake(o, "") }, `{"query":"{ affiliates { nodes { id } } }"}`, true, "listing.(*Source"},
		"extension": {func(o *httpapi.Options) { over(o, unplanned{providertest.NewFake("shop", providertest.Options{})}) }, `{"query":"{ affiliates { nodes { id } } }"}`, false, "unplanned"},
		"transport": {func(o *httpapi.Options) { o.Persisted = panicky{} }, `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + persisted.Hash("") + `"}}}`, false, "panicky"},
	} {
		for _, accept := range []string{plainJSON, graphqlResponse} {
			h, log := serve(t, tt.change)
			w := send(h, http.MethodPost, "/graphql", strings.NewReader(tt.body), "Accept", accept, httpapi.RequestIDHeader, "abc-1")
			a := decode(t, w)
			want := http.StatusInternalServerError
			if tt.data {
				want = http.StatusOK
				if accept == graphqlResponse {
					want = 294
				}
			}
			if w.Code != want || w.Header().Get("Content-Type") != accept+"; charset=utf-8" || (a.Data != nil) != tt.data || len(a.Errors) != 1 {
				t.Fatalf("%s, as %s: %d %v %s", name, accept, w.Code, w.Header(), w.Body)
			}
			if e := a.Errors[0]; e.Message != "internal error" || e.Extensions.Code != "INTERNAL" || e.Extensions.RequestID != "abc-1" || strings.Contains(w.Body.String(), "sauce") {
				t.Errorf("%s: %s", name, w.Body)
			}
			if n := strings.Count(log.String(), "sauce"); n != 1 || strings.Count(log.String(), `"stack":"goroutine`) != 1 || !strings.Contains(log.String(), tt.at) {
				t.Errorf("%s: the log says it %d times: %s", name, n, log)
			}
			if !strings.Contains(log.String(), `"requestId":"abc-1"`) {
				t.Errorf("%s: the log has no request id: %s", name, log)
			}
		}
	}
}

// TestOnePanic wants a read that panicked for many rows logged once.
func TestOnePanic(t *testing.T) {
	h, log := serve(t, func(o *httpapi.Options) {
		o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{uncharted{providertest.NewFake("shop", providertest.Options{})}},
			Pages: 20, Calls: 5000, Cost: 10_000, Logger: o.Logger, Now: time.Now})
	})
	a := decode(t, post(h, `{ commissions(first: 3) { nodes { affiliate { referrals { nodes { id } } } } } }`))
	if len(a.Errors) < 2 {
		t.Fatalf("%d errors, want one for each row: %+v", len(a.Errors), a.Errors)
	}
	if n := strings.Count(log.String(), "sauce"); n != 1 {
		t.Errorf("logged %d times: %s", n, log)
	}
}

// uncharted is a provider that panics when an affiliate's referrals are planned.
type uncharted struct{ providers.Provider }

func (uncharted) Referrals(providers.ReferralFilter) ([]providers.List[providers.Referral], error) {
	panic("secret sauce")
}
