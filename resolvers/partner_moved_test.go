package resolvers_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/resolvers"
)

// TestPartnerMoved gives a referral to another affiliate in the vendor's dashboard. Once
// somebody has seen that, its former affiliate's list is without it, though the page is
// remembered on which it stood: a record that is another's now is no sign of a vendor who
// ignores filters.
func TestPartnerMoved(t *testing.T) {
	sequential(t)
	w := newWorld(t, setup{vendors: []string{"firstpromoter"}, noBudget: true, ticks: true, cost: 1 << 20})
	all := w.truth()
	self := all.some()[0]
	mine := w.rows(partner(self), "referrals", "{}", "id")
	var to string
	for _, m := range all.of["memberships"] {
		if owner := at(m, "affiliate", "id").(string); owner != self {
			to = owner
		}
	}
	dashboard := newWorld(t, setup{vendors: []string{"firstpromoter"}, noBudget: true, cost: 1 << 20, beside: w})
	input := object{"id": id(mine[0]), "affiliate": to, "campaign": all.campaignsOf(to)[0]}
	if _, a := dashboard.write(providers.CanMoveReferral, "id", newKey+"moved", input); len(a.Errors) > 0 {
		t.Fatal(clipped(a.text))
	}
	if rows := w.rows(auth.Local(), "referrals", fmt.Sprintf("{ affiliates: [%q] }", to), "id"); !slices.ContainsFunc(rows, func(r object) bool { return id(r) == id(mine[0]) }) {
		t.Fatalf("%s is not given to %s", id(mine[0]), to)
	}
	if got, want := len(w.rows(partner(self), "referrals", "{}", "id")), len(mine)-1; got != want {
		t.Errorf("%d referrals are left, want %d", got, want)
	}
	if told := w.told.take(); told != "" {
		t.Errorf("the operator is told %s", told)
	}
}

// TestPartnerHandedOn gives an affiliate another address in the vendor's dashboard. Whoever
// is known by the old one is the affiliate no more as soon as what is remembered is not
// fresh, for reads and for writes; nobody is while the vendor does not answer.
func TestPartnerHandedOn(t *testing.T) {
	sequential(t)
	for _, vendor := range registered() {
		w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true, cost: 1 << 20})
		if !w.can(vendor, providers.FilterAffiliatesByEmail) {
			continue // partners are not known by their address there
		}
		var self, email string
		for _, a := range w.rows(auth.Local(), "affiliates", "{}", "id email") {
			self, email = id(a), a["email"].(string)
		}
		known := &auth.Viewer{Name: "a partner", Subject: "jwt:portal a partner", Role: auth.RolePartner, Email: email}
		const query = `{ viewer { affiliates { id } } affiliates { nodes { id } } commissions(first: 3) { nodes { id } } accounts { id } }`
		if a := w.as(known, query, nil); !strings.Contains(a.text, self) {
			t.Fatalf("%s: %s", vendor, clipped(a.text))
		}
		dashboard := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, cost: 1 << 20, beside: w})
		changed := dashboard.can(vendor, providers.CanUpdateAffiliate)
		if changed { // elsewhere addresses cannot be changed by calls, and the vendor is silent instead
			if _, a := dashboard.write(providers.CanUpdateAffiliate, "id", newKey+"handed", object{"id": self, "email": "new.owner@example.com"}); len(a.Errors) > 0 {
				t.Fatal(clipped(a.text))
			}
		} else {
			w.sims[vendor].server.Close()
		}
		w.pass(50 * time.Minute) // stale, and not gone
		a := w.as(known, `mutation($in: UpdateAffiliateInput!) { updateAffiliate(input: $in) { affiliate { id } userErrors { code } } }`,
			map[string]any{"in": map[string]any{"idempotencyKey": newKey + "theft", "id": self, "lastName": "Mallory"}})
		if changed && !strings.Contains(a.text, "NOT_FOUND") || strings.Contains(a.text, `"id"`) {
			t.Errorf("%s: a write: %s", vendor, clipped(a.text))
		}
		if a := w.as(known, query, nil); strings.Contains(a.text, `"id"`) || !changed && len(a.Errors) == 0 {
			t.Errorf("%s: %s", vendor, clipped(a.text))
		}
	}
}

// TestCustomersHiddenByNow wants the setting of a campaign that shows its customers'
// addresses, or hides them, to be asked for as it is now: what has gone stale does not
// decide. (What then happens, the cache's tests have.)
func TestCustomersHiddenByNow(t *testing.T) {
	sequential(t)
	odd := new(setting)
	w := newWorld(t, setup{vendors: []string{"firstpromoter"}, noBudget: true, ticks: true, cost: 1 << 20,
		emails: map[string]resolvers.CustomerEmails{"firstpromoter": resolvers.EmailsCampaign},
		wrap:   func(p providers.Provider) providers.Provider { odd.Provider = p; return odd }})
	me := partner(w.truth().some()[0])
	for _, hides := range []bool{false, true} {
		odd.hides.Store(hides)
		a := w.as(me, `{ referrals(first: 5) { nodes { id email } } }`, nil)
		if strings.Contains(a.text, "@") == hides || !strings.Contains(a.text, `"id"`) {
			t.Errorf("hidden: %t: %s", hides, clipped(a.text))
		}
	}
	if n := odd.asked.Load(); n == 0 || n != odd.fresh.Load() {
		t.Errorf("%d of %d times nothing stale was to decide, want each time", odd.fresh.Load(), n)
	}
}

// setting is an account whose campaigns hide their customers' addresses, or show them, and
// which hears how it is asked whether.
type setting struct {
	providers.Provider
	hides        atomic.Bool
	asked, fresh atomic.Int64
}

func (s *setting) CampaignsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Campaign], error) {
	b, err := s.Provider.CampaignsByID(ctx, ids, need...)
	if err != nil || !slices.Contains(need, "hidesCustomerEmails") {
		return b, err
	}
	if s.asked.Add(1); providers.WantsFresh(ctx) {
		s.fresh.Add(1)
	}
	for id, c := range b.Found {
		c, hides := *c, s.hides.Load()
		c.HidesCustomerEmails = &hides
		b.Found[id] = &c
	}
	return b, nil
}
