package resolvers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func zzShow(t *testing.T, name string, a *answer) {
	t.Helper()
	msgs := []string{}
	for _, e := range a.Errors {
		msgs = append(msgs, fmt.Sprint(e.Extensions["code"], " ", e.Message))
	}
	if len(msgs) > 3 {
		msgs = append(msgs[:3], fmt.Sprint(len(msgs), " in all"))
	}
	t.Logf("%-24s %d planned %d spent %d, %d bytes, %s", name, a.status, a.Extensions.Cost.Planned, a.Extensions.Cost.Spent, len(a.text), strings.Join(msgs, " | "))
}

// TestZZLookAliases has nodes and edges.node of one connection use one alias for two edges: two paths of
// the answer, and one of the plan.
func TestZZLookAliases(t *testing.T) {
	for name, q := range map[string]string{
		"two nouns":   `{ affiliates(first: 20) { nodes { id x: referrals(first: 3) { nodes { id campaign { name } } } } edges { node { id x: commissions(first: 3) { nodes { id campaign { name } } } } } } }`,
		"one many":    `{ affiliates(first: 20) { nodes { id x: parent { id name referrals(first: 3) { nodes { id } } } } edges { node { id x: commissions(first: 3) { nodes { id campaign { name } } } } } } }`,
		"two ones":    `{ commissions(first: 50) { nodes { id x: affiliate { id name parent { name } } } edges { node { id x: referral { id affiliate { name } campaign { name } } } } } }`,
		"two aliases": `{ affiliates(first: 5) { a: nodes { id x: referrals(first: 3) { nodes { id campaign { name } } } } b: nodes { id x: payouts(first: 3) { nodes { id campaign { name } } } } } }`,
		"rows":        `{ affiliates(first: 5) { a: nodes { id x: referrals(first: 3) { nodes { id customerEmail } } } b: nodes { id x: payouts(first: 3) { nodes { id affiliate { parent { name } } } } } } }`,
		"plain":       `{ affiliates(first: 5) { nodes { id x: referrals(first: 3) { nodes { id campaign { name } } } y: payouts(first: 3) { nodes { id campaign { name } } } } } }`,
	} {
		w := newWorld(t, setup{calls: 100})
		a := w.ask(q, nil)
		zzShow(t, name, a)
		if a.status >= 500 || strings.Contains(a.text, "INTERNAL") {
			t.Errorf("%s: %d %s\n%s", name, a.status, clipped(a.text), clipped(w.told.take()))
		}
	}
}

// TestZZLookPlan has one edge under two names of nodes: few rows under the first, many under the second.
func TestZZLookPlan(t *testing.T) {
	const small, large = `a: nodes { id x: campaign { id name } y: referrals(first: 1) { nodes { id } } }`, `b: nodes { id y: referrals(first: 20) { nodes { id commissions(first: 5) { nodes { id payout { id } } } } } }`
	for _, in := range []string{small + large, large + small, large} {
		w := newWorld(t, setup{calls: 50, size: "medium", noBudget: true})
		zzShow(t, in[:10], w.ask("{ affiliates(first: 4) { "+in+" } }", nil))
	}
}

// TestZZLookRefused counts what refused operations spend, again and again.
func TestZZLookRefused(t *testing.T) {
	for name, q := range map[string]string{
		"children": `{ affiliates(first: 100) { nodes { id children(first: %d) { nodes { id referrals(first: 5) { nodes { id commissions(first: 2) { nodes { id } } } } } } } } }`,
		"ref":      `{ affiliates(first: 40) { nodes { id referrals(first: %d) { nodes { id commissions(first: 2) { nodes { id payout { id } } } } } } } }`,
		"payouts":  `{ payouts(first: %d) { nodes { id commissions(first: 4) { nodes { id referral { id commissions(first: 2) { nodes { id } } } } } } } }`,
		"campaign": `{ campaigns(first: 10) { nodes { id memberships(first: %d) { nodes { affiliate { id payouts(first: 3) { nodes { id } } referrals(first: 3) { nodes { id } } } } } } } }`,
	} {
		w := newWorld(t, setup{calls: 50, size: "medium", noBudget: true})
		for i := range 4 {
			began := time.Now()
			a := w.ask(fmt.Sprintf(q, 5+i), nil)
			zzShow(t, name, a)
			t.Log(time.Since(began), len(a.Errors))
			if a.Extensions.Cost.Spent > 50 {
				t.Errorf("%s: %d spent", name, a.Extensions.Cost.Spent)
			}
		}
	}
}
