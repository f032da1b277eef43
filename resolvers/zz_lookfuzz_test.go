package resolvers_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

type zzEdge struct {
	name, to string
	many     bool
}

var zzEdges = map[string][]zzEdge{
	"affiliate":  {{"campaign", "campaign", false}, {"parent", "affiliate", false}, {"children", "affiliate", true}, {"referrals", "referral", true}, {"commissions", "commission", true}, {"payouts", "payout", true}},
	"campaign":   {{"memberships", "membership", true}, {"referrals", "referral", true}, {"commissions", "commission", true}},
	"membership": {{"affiliate", "affiliate", false}, {"campaign", "campaign", false}},
	"referral":   {{"affiliate", "affiliate", false}, {"campaign", "campaign", false}, {"commissions", "commission", true}},
	"commission": {{"affiliate", "affiliate", false}, {"campaign", "campaign", false}, {"referral", "referral", false}, {"payout", "payout", false}},
	"payout":     {{"affiliate", "affiliate", false}, {"campaign", "campaign", false}, {"commissions", "commission", true}},
	"coupon":     {{"affiliate", "affiliate", false}, {"campaign", "campaign", false}},
}

var zzPlain = map[string]string{
	"affiliate": "id name status coupons { code } balances { amount { amount } }", "campaign": "id name", "membership": "id status", "referral": "id status", "commission": "id status amount { amount }",
	"payout": "id status", "coupon": "id code",
}

type zzGen struct {
	r *rand.Rand
	n int
}

func (g *zzGen) record(noun string, depth int) string {
	var b strings.Builder
	fields := strings.Fields(zzPlain[noun])
	if g.r.IntN(4) == 0 {
		b.WriteString(zzPlain[noun])
	} else {
		b.WriteString(fields[0] + " " + fields[1])
	}
	if depth > 0 {
		for range 1 + g.r.IntN(2) {
			e := zzEdges[noun][g.r.IntN(len(zzEdges[noun]))]
			g.n++
			b.WriteString(fmt.Sprintf(" x%d: %s ", g.n, e.name))
			if e.many {
				b.WriteString(g.list(fmt.Sprintf("(first: %d)", []int{1, 2, 3, 5, 10}[g.r.IntN(5)]), e.to, depth-1))
			} else {
				b.WriteString("{ " + g.record(e.to, depth-1) + " }")
			}
		}
	}
	return b.String()
}

func (g *zzGen) list(args, noun string, depth int) string {
	switch g.r.IntN(4) {
	case 0:
		return args + " { edges { node { " + g.record(noun, depth) + " } } pageInfo { hasNextPage endCursor } }"
	case 1:
		return args + " { nodes { " + g.record(noun, depth) + " } edges { node { " + g.record(noun, depth) + " } } }"
	}
	return args + " { nodes { " + g.record(noun, depth) + " } pageInfo { hasNextPage } }"
}

// TestZZLookFuzz compares the plan of operations of staff with what they spend.
func TestZZLookFuzz(t *testing.T) {
	looked, refused, late, more := 0, 0, 0, 0
	worst := map[string]int{}
	for seed := range uint64(260) {
		g := &zzGen{r: rand.New(rand.NewPCG(seed, 13))}
		root := []string{"affiliate", "campaign", "membership", "referral", "commission", "payout", "coupon"}[g.r.IntN(7)]
		q := "{ r: " + root + "s " + g.list(fmt.Sprintf("(first: %d)", []int{3, 10, 30, 100}[g.r.IntN(4)]), root, 1+g.r.IntN(3)) + " }"
		w := newWorld(t, setup{calls: 50, noBudget: true, answers: -1})
		a := w.ask(q, nil)
		c := a.Extensions.Cost
		if a.status >= 500 || strings.Contains(a.text, "INTERNAL") {
			t.Errorf("seed %d: %d %s\n%s", seed, a.status, clipped(a.text), q)
		}
		codes := ""
		for _, e := range a.Errors {
			codes += fmt.Sprint(e.Extensions["code"], " ")
		}
		switch {
		case strings.Contains(codes, "TOO_COMPLEX") && c.Spent > 0 && len(a.Data) < 5:
			refused++
			worst["refused"] = max(worst["refused"], c.Spent)
			if c.Spent > 25 {
				t.Logf("seed %d: refused after %d calls: %s\n%s", seed, c.Spent, a.Errors[0].Message, q)
			}
		case strings.Contains(codes, "TOO_COMPLEX"):
		case len(a.Errors) > 0:
			late++
			if late < 6 {
				t.Logf("seed %d accepted (planned %d, spent %d), and then %s: %s\n%s", seed, c.Planned, c.Spent, codes, a.Errors[0].Message, q)
			}
		default:
			looked++
		}
		if c.Spent > 50 {
			t.Errorf("seed %d: spent %d\n%s", seed, c.Spent, q)
		}
		if c.Spent > c.Planned && !strings.Contains(codes, "TOO_COMPLEX") {
			if more++; more < 0 {
				t.Logf("seed %d: planned %d, spent %d\n%s", seed, c.Planned, c.Spent, q)
			}
		}
		w.entries = nil
	}
	t.Logf("%d answered, %d refused after a look (up to %d calls), %d accepted and then failed, %d spent more than planned", looked, refused, worst["refused"], late, more)
}
