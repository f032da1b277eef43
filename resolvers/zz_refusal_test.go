package resolvers_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestZZRefusalCost measures operations that are refused, for what the plan and its suggestion take.
func TestZZRefusalCost(t *testing.T) {
	w := newWorld(t, setup{calls: 50, size: "medium", noBudget: true, answers: -1})
	aff := must2(w)
	alias := func(n int, f string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, f, i)
		}
		return b.String()
	}
	ids := func(n int, noun string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%q ", aff[i%len(aff)])
		}
		return b.String()
	}
	for name, q := range map[string]string{
		"filters":    "{ " + alias(49, `a%d: commissions(first: 1, filter: {affiliates: [`+ids(60, "")+`], statuses: [PENDING APPROVED]}) { nodes { id campaign { name } } } `) + "}",
		"combos":     "{ " + alias(10, `a%d: commissions(first: 1, filter: {affiliates: [`+ids(100, "")+`], statuses: [PENDING APPROVED]}) { nodes { id campaign { name } } } `) + "}",
		"nodes":      "{ " + alias(49, `a%d: nodes(ids: [`+ids(100, "")+`]) { id ... on Affiliate { children(first: 1) { nodes { id } } } } `) + "}",
		"deep":       "{ affiliates(first: 100) { nodes { " + alias(45, `a%d: children(first: 1) { nodes { id name } } `) + "} } }",
		"deep rows":  "{ affiliates(first: 60) { nodes { referrals(first: 2) { nodes { " + alias(20, `a%d: commissions(first: 1) { nodes { id } } `) + "} } } } }",
		"looks":      "{ affiliates(first: 100) { nodes { " + alias(30, `a%d: campaign { id isDefault name } `) + " children(first: 1) { nodes { id } } } } }",
		"looks many": "{ " + alias(40, `a%d: affiliates(first: 6, filter: {search: "a"}) { nodes { id parent { id name parent { id name parent { id name } } } campaign { name } coupons { code } } } `) + " }",
		"looks pay":  "{ " + alias(12, `a%d: commissions(first: 100) { nodes { id referral { id affiliate { id name } campaign { name } } payout { id } } } `) + " }",
		"looks ch":   "{ campaigns(first: 10) { nodes { id " + alias(5, `a%d: memberships(first: 8) { nodes { affiliate { id payouts(first: 3) { nodes { id } } referrals(first: 3) { nodes { id } } } } } `) + " } } }",
	} {
		for i := range 2 {
			var m1, m2 runtime.MemStats
			runtime.ReadMemStats(&m1)
			began := time.Now()
			a := w.ask(q, nil)
			took := time.Since(began)
			runtime.ReadMemStats(&m2)
			t.Logf("%-10s %d (%d KB): %v, %d MB allocated", name, i, len(q)>>10, took.Round(time.Millisecond), (m2.TotalAlloc-m1.TotalAlloc)>>20)
			zzShow(t, name, a)
		}
	}
}

func must2(w *world) (ids []string) {
	data, _ := must[struct {
		Affiliates struct{ Nodes []struct{ ID string } }
	}](w, `{ affiliates(first: 100) { nodes { id } } }`, nil)
	for _, n := range data.Affiliates.Nodes {
		ids = append(ids, n.ID)
	}
	return ids
}
