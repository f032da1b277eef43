package resolvers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// TestZZPartnerPrice compares, for ways of partners other than plain lists, what their share pays with
// what vendors count.
func TestZZPartnerPrice(t *testing.T) {
	lists := map[string]string{"affiliate": "affiliates", "campaign": "campaigns", "membership": "memberships", "referral": "referrals", "commission": "commissions", "payout": "payouts", "coupon": "coupons"}
	type finding struct {
		ratio          float64
		planned, spent int
		text           string
	}
	var all []finding
	tried, total := 0, [2]int{}
	for _, vendor := range []string{"uppromote", "promotekit", "firstpromoter"} {
		staff := newWorld(t, setup{vendors: []string{vendor}, size: providers.SandboxMedium, noBudget: true})
		mine := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, beside: staff, calls: 50})
		tight := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, beside: staff, calls: 1, cost: 1 << 20})
		affs := staff.page("affiliates")
		self := id(affs[len(affs)/2])
		me := &auth.Viewer{Name: "portal", Role: auth.RolePartner, Affiliates: []string{self}}
		var fields []string
		for noun, list := range lists {
			rows := mine.rows(me, list, "{}", "id")
			var own []string
			for _, r := range rows[:min(len(rows), 20)] {
				own = append(own, id(r))
			}
			inner := []string{"id", "id status", "id createdAt"}
			for _, e := range zzEdges[noun] {
				if e.name == "parent" || e.name == "children" {
					continue
				}
				sub := "{ id createdAt }"
				if e.many {
					sub = "(first: 10) { nodes { id createdAt } }"
				}
				inner = append(inner, "id "+e.name+" "+sub)
				for _, e2 := range zzEdges[e.to] {
					if e2.name == "parent" || e2.name == "children" {
						continue
					}
					sub2 := "{ id }"
					if e2.many {
						sub2 = "(first: 3) { nodes { id } }"
					}
					if e.many {
						inner = append(inner, fmt.Sprintf("id %s(first: 3) { nodes { id %s %s } }", e.name, e2.name, sub2))
					} else {
						inner = append(inner, fmt.Sprintf("id %s { id %s %s }", e.name, e2.name, sub2))
					}
				}
			}
			for _, in := range inner {
				if strings.Contains(in, "status") && (noun == "campaign" || noun == "coupon") || strings.Contains(in, "createdAt }") && false {
					continue
				}
				for _, n := range []int{2, 50} {
					fields = append(fields, fmt.Sprintf("%s(first: %d) { nodes { %s } }", list, n, in))
				}
				if len(own) > 0 {
					fields = append(fields, fmt.Sprintf("%s(id: %q) { %s }", noun, own[0], in),
						fmt.Sprintf("%s(id: %q) { %s }", noun, own[len(own)-1], in),
						fmt.Sprintf("nodes(ids: [%s]) { id ... on %s { %s } }", `"`+strings.Join(own, `" "`)+`"`, strings.ToUpper(noun[:1])+noun[1:], in))
				}
			}
			fields = append(fields, fmt.Sprintf("%s(first: 5, filter: {affiliates: [%q]}) { nodes { id } }", list, self),
				fmt.Sprintf("%s(first: 5, filter: {search: \"zzz\"}) { nodes { id } }", list), fmt.Sprintf("%s(first: 5, filter: {statuses: [APPROVED]}) { nodes { id } }", list),
				fmt.Sprintf("%s(first: 5, filter: {createdAt: {from: \"2020-01-01T00:00:00Z\", to: \"2020-02-01T00:00:00Z\"}}) { nodes { id } }", list),
				fmt.Sprintf("%s(first: 5) { totalCount nodes { id } }", list))
		}
		for _, f := range fields {
			refused := tight.as(me, "{ a: "+f+" b: "+f+" }", nil)
			planned := 0
			if len(refused.Errors) == 1 && refused.Errors[0].Extensions["limit"] == "calls" {
				planned = int(refused.Errors[0].Extensions["asked"].(float64)) / 2
			} else if len(refused.Errors) > 0 {
				continue
			}
			mine.pass(3 * time.Hour)
			mine.kits[vendor].Forget()
			a := mine.as(me, "{ a: "+f+" }", nil)
			if len(a.Errors) > 0 && a.Errors[0].Extensions["code"] == "QUERY_TOO_COMPLEX" {
				continue
			}
			tried++
			total[0] += planned
			spent := len(mine.kits[vendor].Requests())
			total[1] += spent
			if spent > planned+1 {
				all = append(all, finding{float64(spent) / float64(max(planned, 1)), planned, spent, vendor + " " + f})
			}
		}
	}
	slices.SortFunc(all, func(a, b finding) int { return b.spent - b.planned - a.spent + a.planned })
	t.Logf("%d tried, %d dearer than planned; %v planned and spent", tried, len(all), total)
	for _, f := range all[:min(len(all), 25)] {
		t.Logf("planned %d, spent %d: %.200s", f.planned, f.spent, f.text)
	}
	if len(all) > 0 && all[0].spent > all[0].planned+5 {
		t.Errorf("a partner pays %d for %d calls", all[0].planned, all[0].spent)
	}
}
