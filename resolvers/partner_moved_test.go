package resolvers_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// TestPartnerMoved gives a referral to another affiliate in the vendor's dashboard. Once somebody has seen that, its former affiliate's list is without it, though the page
// is remembered on which it stood: a record that is another's now is no sign of a vendor who ignores filters.
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
