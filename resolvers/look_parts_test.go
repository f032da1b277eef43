package resolvers_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestLookAliases gives one alias to two edges of the same rows, in two parts of a
// connection. What the look learns of the one edge must not be taken for the other one,
// which has another type.
func TestLookAliases(t *testing.T) {
	w := newWorld(t, setup{calls: 100})
	for _, tt := range []struct{ list, one, other string }{
		{"affiliates(first: 5)", `referrals(first: 3) { nodes { id campaign { name } } }`, `payouts(first: 3) { nodes { id campaign { name } } }`},
		{"affiliates(first: 5)", `parent { id name referrals(first: 3) { nodes { id } } }`, `commissions(first: 3) { nodes { id campaign { name } } }`},
		{"commissions(first: 50)", `affiliate { id name parent { name } }`, `referral { id affiliate { name } campaign { name } }`},
	} {
		for _, parts := range [][2]string{{"nodes { id x: %s }", "edges { node { id x: %s } }"}, {"a: nodes { id x: %s }", "b: nodes { id x: %s }"},
			{"edges { a: node { id x: %s } }", "e: edges { b: node { id x: %s } }"}} {
			query := fmt.Sprintf("{ %s { %s %s } }", tt.list, fmt.Sprintf(parts[0], tt.one), fmt.Sprintf(parts[1], tt.other))
			if a := w.ask(query, nil); a.status != 200 || len(a.Errors) > 0 {
				t.Errorf("%s: %d %s\n%s", query, a.status, clipped(a.text), clipped(w.told.take()))
			}
		}
	}
}

// TestLookParts has one edge twice under one alias, with few rows in one part of the
// connection and many in another one: each part counts with its own rows, in either order.
func TestLookParts(t *testing.T) {
	const inner = "affiliate { id payouts(first: 3) { nodes { id } } referrals(first: 3) { nodes { id } }"
	small := "a: nodes { x: memberships(first: 1) { nodes { " + inner + " } } } }"
	large := "b: nodes { x: memberships(first: 10) { nodes { " + inner + " } } } }"
	for name, parts := range map[string]string{"large": large, "large, small": large + small, "small, large": small + large} {
		w := newWorld(t, setup{calls: 50, size: "medium", noBudget: true, answers: -1})
		a := w.ask("{ campaigns(first: 6) { "+parts+" } }", nil)
		if len(a.Errors) != 1 || a.Errors[0].Extensions["limit"] != "calls" || strings.Contains(a.text, `"data":{`) {
			t.Errorf("%s: %s", name, clipped(a.text))
		}
	}
}

// TestLookAllowance wants a query that is refused after a look to have spent no more than three
// quarters of limits.calls, and the error and extensions.cost to say one number.
func TestLookAllowance(t *testing.T) {
	most := 0
	for _, query := range []string{
		`{ coupons(first: 30) { nodes { id code affiliate { id name } campaign { id name } } } }`,
		`{ coupons(first: 30) { nodes { id code x: affiliate { id name } } edges { node { id code x: affiliate { id name } y: campaign { id name } } } } }`,
		`{ campaigns(first: 6) { nodes { memberships(first: 10) { nodes { affiliate { id payouts(first: 3) { nodes { id } } } } } } } }`,
	} {
		const calls = 30
		w := newWorld(t, setup{calls: calls, noBudget: true, answers: -1})
		a := w.ask(query, nil)
		cost := a.Extensions.Cost
		if len(a.Errors) == 0 || cost.Spent == 0 {
			continue
		}
		if asked := a.Errors[0].Extensions["asked"]; len(a.Errors) != 1 || strings.Contains(a.text, `"data":{`) || asked != float64(cost.Planned) {
			t.Errorf("%s: %v asked, %d planned: %s", query, asked, cost.Planned, clipped(a.text))
		}
		most = max(most, cost.Spent)
		if cost.Spent > calls*3/4 {
			t.Errorf("%s: refused after %d of %d calls", query, cost.Spent, calls)
		}
	}
	if most == 0 {
		t.Error("nothing was refused after a look")
	}
}
