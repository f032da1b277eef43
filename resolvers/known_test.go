package resolvers_test

import (
	"slices"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/schema"
)

// TestKnownNames wants the names by which records say what they know to be fields of the
// schema: a misspelt one would never be covered.
func TestKnownNames(t *testing.T) {
	w := newWorld(t, setup{noBudget: true})
	checked := 0
	check := func(n *providers.Node) {
		names, _ := n.Known.Names()
		for _, name := range names {
			checked++
			if schema.Parsed().Types[string(n.ID.Noun)].Fields.ForName(name) == nil {
				t.Errorf("%s: a %s says that it knows %q, which is no field", n.ID.Account, n.ID.Noun, name)
			}
		}
	}
	for _, p := range w.accounts {
		looked(t, p, p.Affiliates, check)
		looked(t, p, p.Memberships, check)
		looked(t, p, p.Campaigns, check)
		looked(t, p, p.Referrals, check)
		looked(t, p, p.Commissions, check)
		looked(t, p, p.Payouts, check)
		looked(t, p, p.Coupons, check)
	}
	if checked == 0 {
		t.Error("no record is partly known")
	}
}

// looked shows every record on the first page of a noun's lists, and what came along.
func looked[T providers.Record, F any](t *testing.T, p providers.Provider, plan func(F) ([]providers.List[T], error), show func(*providers.Node)) {
	t.Helper()
	var all F
	lists, err := plan(all)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		page, err := l.Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Items {
			show(providers.NodeOf(row))
		}
		h := page.Harvest
		for _, r := range h.Affiliates {
			show(&r.Node)
		}
		for _, r := range h.Memberships {
			show(&r.Node)
		}
		for _, r := range h.Campaigns {
			show(&r.Node)
		}
		for _, r := range h.Referrals {
			show(&r.Node)
		}
		for _, r := range h.Commissions {
			show(&r.Node)
		}
		for _, r := range h.Payouts {
			show(&r.Node)
		}
		for _, r := range h.Coupons {
			show(&r.Node)
		}
	}
}

// TestRowsAreCompleted wants what a list's rows do not tell to be read, where it is asked for.
func TestRowsAreCompleted(t *testing.T) {
	w := newWorld(t, setup{noBudget: true})
	paid, _ := must[struct {
		Commissions struct {
			Nodes []struct{ Payout *struct{ Status string } }
		}
	}](w, `query($a: [ID!]) { commissions(first: 50, filter: { accounts: $a, statuses: [PAID] }) { nodes { payout { status } } } }`, map[string]any{"a": []string{account("uppromote")}})
	if len(paid.Commissions.Nodes) != 50 {
		t.Fatalf("%d paid commissions, want 50", len(paid.Commissions.Nodes))
	}
	for _, c := range paid.Commissions.Nodes {
		if c.Payout == nil || c.Payout.Status != "PAID" {
			t.Errorf("the payout of a paid commission is %+v", c.Payout)
		}
	}
	children, _ := must[struct {
		Affiliates struct {
			Nodes []struct {
				ID     string
				Parent *struct {
					Name     string
					Children struct{ Nodes []struct{ ID string } }
				}
			}
		}
	}](w, `query($a: [ID!]) { affiliates(first: 100, filter: { accounts: $a }) { nodes { id parent { name children { nodes { id } } } } } }`, map[string]any{"a": []string{account("firstpromoter")}})
	parents := 0
	for _, a := range children.Affiliates.Nodes {
		if a.Parent == nil {
			continue
		}
		parents++
		if !slices.ContainsFunc(a.Parent.Children.Nodes, func(c struct{ ID string }) bool { return c.ID == a.ID }) {
			t.Errorf("%s is not among the children of its parent", a.ID)
		}
	}
	if parents == 0 {
		t.Error("nobody has a parent")
	}
}
