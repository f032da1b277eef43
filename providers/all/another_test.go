package all_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/providers/providertest/example"
)

// mixedUp is a vendor, or a proxy in front of it, that answers the read of one record with
// another record.
type mixedUp struct {
	http.Handler
	asked, answered string // ids of the vendor
	mixed           int
}

func (m *mixedUp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path.Base(r.URL.Path) == m.asked && r.URL.Query().Get("find_by") == "" {
		m.mixed++
		r = r.Clone(r.Context())
		r.URL.Path = path.Join(path.Dir(r.URL.Path), m.answered)
	}
	m.Handler.ServeHTTP(w, r)
}

// anotherRecord reads a record that the vendor answers with the second one of its list. It says
// how many reads were mixed up.
func anotherRecord[T providers.Record, F any](
	t *testing.T, open func(http.Handler) providers.Provider, sim http.Handler,
	plan func(providers.Provider, F) ([]providers.List[T], error),
	byID func(providers.Provider, context.Context, []providers.ID, ...string) (*providers.Batch[T], error),
) int {
	t.Helper()
	var f F
	lists, err := plan(open(sim), f)
	if err != nil {
		return 0 // the vendor has none of these
	}
	page, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: open(sim)})
	if err != nil || len(page.Items) == 0 {
		return 0
	}
	first := providers.NodeOf(page.Items[0])
	other := slices.IndexFunc(page.Items, func(r *T) bool { return providers.NodeOf(r).ProviderID != first.ProviderID })
	if other < 0 {
		return 0
	}
	m := &mixedUp{Handler: sim, asked: first.ProviderID, answered: providers.NodeOf(page.Items[other]).ProviderID}
	b, err := byID(open(m), t.Context(), []providers.ID{first.ID})
	if err != nil || m.mixed == 0 {
		return m.mixed
	}
	if got := b.Found[first.ID]; got != nil && providers.NodeOf(got).ID != first.ID {
		t.Errorf("asked for the %s %s, got %s", first.ID.Noun, first.ID.Local, providers.NodeOf(got).ID.Local)
	} else if providers.KindOf(b.Failed[first.ID]) != providers.KindBadReply {
		t.Errorf("the %s %s, answered with another: %+v, %v", first.ID.Noun, first.ID.Local, got, b.Failed[first.ID])
	}
	if raw, err := open(m).RawRecord(t.Context(), first.ID); err == nil && strings.Contains(string(raw), m.answered) {
		t.Errorf("the raw record of the %s %s is that of %s", first.ID.Noun, first.ID.Local, m.answered)
	}
	return m.mixed
}

// TestAnotherRecord wants a read of one record that is answered with another to fail. It shows
// nothing under an id that is not its own.
func TestAnotherRecord(t *testing.T) {
	for _, f := range append(slices.Clone(all.Registry().Factories()), example.Factory) {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			began, ticks := time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC), atomic.Int64{}
			now := func() time.Time { return began.Add(time.Duration(ticks.Add(1)) * time.Second) }
			sim := f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: now})
			open := func(h http.Handler) providers.Provider {
				server := httptest.NewServer(h)
				t.Cleanup(server.Close)
				c := providertest.Config(f.Name, nil, began)
				c.Credentials, c.BaseURL, c.HTTP = sim.Credentials(), server.URL, server.Client()
				p, err := f.New(c)
				if err != nil {
					t.Fatal(err)
				}
				return p
			}
			mixed := anotherRecord(t, open, sim, providers.Provider.Affiliates, providers.Provider.AffiliatesByID) +
				anotherRecord(t, open, sim, providers.Provider.Memberships, providers.Provider.MembershipsByID) +
				anotherRecord(t, open, sim, providers.Provider.Campaigns, providers.Provider.CampaignsByID) +
				anotherRecord(t, open, sim, providers.Provider.Referrals, providers.Provider.ReferralsByID) +
				anotherRecord(t, open, sim, providers.Provider.Commissions, providers.Provider.CommissionsByID) +
				anotherRecord(t, open, sim, providers.Provider.Payouts, providers.Provider.PayoutsByID) +
				anotherRecord(t, open, sim, providers.Provider.Coupons, providers.Provider.CouponsByID)
			if mixed == 0 {
				t.Error("no read was answered with another record")
			}
			t.Log(mixed, "reads were mixed up")
		})
	}
}
