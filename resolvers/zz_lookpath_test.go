package resolvers_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestZZLookPaths has one edge twice with one alias, under two aliases of nodes: with few rows under the
// first, and many under the second. The plan takes the rows of the first for those of the second.
func TestZZLookPaths(t *testing.T) {
	for _, tt := range []struct{ root, edge, inner string }{
		{"affiliates(first: 8)", "referrals", "commissions(first: 3) { nodes { id payout { id status } } }"},
		{"affiliates(first: 8)", "referrals", "affiliate { id payouts(first: 5) { nodes { id } } } campaign { id commissions(first: 2) { nodes { id } } }"},
		{"affiliates(first: 8)", "commissions", "referral { id commissions(first: 2) { nodes { id } } } payout { id commissions(first: 2) { nodes { id } } }"},
		{"campaigns(first: 6)", "memberships", "affiliate { id payouts(first: 3) { nodes { id } } referrals(first: 3) { nodes { id } } }"},
		{"campaigns(first: 6)", "commissions", "affiliate { id payouts(first: 3) { nodes { id } } } referral { id commissions(first: 2) { nodes { id } } }"},
		{"campaigns(first: 6)", "referrals", "affiliate { id payouts(first: 3) { nodes { id } } } commissions(first: 2) { nodes { id } }"},
		{"payouts(first: 8)", "commissions", "referral { id commissions(first: 2) { nodes { id } } } affiliate { id payouts(first: 2) { nodes { id } } }"},
	} {
		for _, n := range []int{5, 10} {
			small := fmt.Sprintf("a: nodes { id x: %s(first: 1) { nodes { id %s } } }", tt.edge, tt.inner)
			large := fmt.Sprintf("b: nodes { id x: %s(first: %d) { nodes { id %s } } }", tt.edge, n, tt.inner)
			for name, in := range map[string]string{"small+large": small + large, "large+small": large + small, "large": large} {
				w := newWorld(t, setup{calls: 50, size: "medium", noBudget: true, answers: -1})
				a := w.ask("{ "+tt.root+" { "+in+" } }", nil)
				text := ""
				if len(a.Errors) > 0 {
					text = a.Errors[0].Message[:min(90, len(a.Errors[0].Message))]
				}
				t.Logf("%s %s %d %-12s planned %d spent %d data %v %s", tt.root, tt.edge, n, name, a.Extensions.Cost.Planned, a.Extensions.Cost.Spent, len(a.Data) > 5, text)
				if strings.Contains(a.text, "INTERNAL") {
					t.Errorf("internal error")
				}
				if len(a.Data) > 5 && len(a.Errors) > 0 {
					t.Errorf("accepted, and then cut")
				}
			}
		}
	}
}
