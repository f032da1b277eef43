package resolvers_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// TestRowsComeAndGo reads a list of each vendor by client pages, while rows come or go at
// its head between the first two of them: all others are there once. What has not changed
// costs a page that is read again after a second, and nothing before.
func TestRowsComeAndGo(t *testing.T) {
	sequential(t)
	for _, key := range []string{"pk.R", "pk.E", "fp.P", "fp.E", "up.A", "up.R"} {
		l := caseLists()[key]
		list := map[string]string{"A": "affiliates", "P": "affiliates", "R": "referrals", "E": "commissions", "T": "payouts"}[key[3:]]
		for _, change := range []int{0, -30, 30, 150} {
			for _, pause := range []time.Duration{0, 2 * time.Second} {
				counts := strings.HasPrefix(key, "pk")
				if pause == 0 && change != 0 && !counts {
					continue // nothing tells that the list has changed
				}
				all := vendorRows(l[2], 383, nil)
				v := &plainVendor{name: l[0], lists: map[string][]object{l[1]: all[150:]}}
				w := newPlainWorld(t, v, setup{})
				seen, after := map[string]int{}, any(nil)
				for page := range 10 {
					a := w.ask(fmt.Sprintf(`query ($a: String) { %s(first: 100, after: $a) { nodes { providerId } pageInfo { hasNextPage endCursor } } }`, list),
						map[string]any{"a": after})
					data := vendorRow(a.text)
					rows, _ := at(data, "data", list, "nodes").([]any)
					for _, row := range rows {
						seen[fmt.Sprint(at(row, "providerId"))]++
					}
					if at(data, "data", list, "pageInfo", "hasNextPage") != true {
						break
					}
					after = at(data, "data", list, "pageInfo", "endCursor")
					if page == 0 {
						v.lists[l[1]] = all[150-change:]
					}
					w.pass(pause)
				}
				name := fmt.Sprint(key, ", ", change, " rows, after ", pause)
				for _, row := range all[150+max(-change, 0):] {
					if id := fmt.Sprint(row["id"]); seen[id] != 1 {
						t.Errorf("%s: row %s is there %d times", name, id, seen[id])
						break
					}
				}
				want := 3
				if pause > 0 {
					want = 5
				}
				if calls := len(v.taken()); change == 0 && calls != want {
					t.Errorf("%s: %d calls, want %d", name, calls, want)
				}
			}
		}
	}
}

// TestCustomersMoved gives customers to another affiliate at PromoteKit, whose older
// commissions name them without their affiliate. Each commission shows its customer, who
// has the older commissions, and the former affiliate does not see them any more.
func TestCustomersMoved(t *testing.T) {
	other := strings.Replace(vendorRow(kitAffiliate)["id"].(string), "0001", "0002", 1)
	for _, form := range []string{"object", "id"} {
		for _, n := range []int{1, 20} {
			referrals := vendorRows(kitReferral, n, func(_ int, r object) {
				r["affiliate"] = vendorRow(strings.ReplaceAll(kitAffiliate, vendorRow(kitAffiliate)["id"].(string), other))
			})
			commissions := vendorRows(kitCommission, n, func(i int, r object) {
				r["referral"] = object{"id": referrals[i]["id"], "email": referrals[i]["email"]}
				if form == "id" {
					r["referral"] = referrals[i]["id"]
				}
			})
			v := &plainVendor{name: "promotekit", lists: map[string][]object{
				"/affiliates": vendorRows(kitAffiliate, 2, nil), "/referrals": referrals, "/commissions": commissions}}
			v.filter = func(_ string, q url.Values, rows []object) (out []object) {
				for _, r := range rows {
					a, c, e := q.Get("affiliate_id"), q.Get("referral_id"), q.Get("email")
					of := at(r, "referral", "id")
					if of == nil {
						of = r["referral"]
					}
					if (a == "" || at(r, "affiliate", "id") == a) && (c == "" || of == c) && (e == "" || r["email"] == e) {
						out = append(out, r)
					}
				}
				return out
			}
			w := newPlainWorld(t, v, setup{portal: true})
			admin := &auth.Viewer{Name: "admin", Role: auth.RoleAdmin}
			const query = `{ commissions(first: 50) { nodes { referral { customerId affiliate { providerId } } } } }`
			for turn, most := range []int{4, 0} {
				a := w.browse(admin, query, nil)
				if found := strings.Count(a.text, `"affiliate":{"providerId":"`+other); found != n || len(a.Errors) > 0 {
					t.Errorf("%s: %d of %d commissions show their customer: %s", form, found, n, clipped(a.text))
				}
				if calls := v.taken(); len(calls) > most {
					t.Errorf("%s, turn %d: %d calls: %s", form, turn, len(calls), strings.Join(calls, "\n"))
				}
			}
			a := w.browse(admin, `{ referrals(first: 50) { nodes { commissions(first: 5) { nodes { id } } } } }`, nil)
			if found := strings.Count(a.text, `"nodes":[{"id"`); found != n {
				t.Errorf("%s: %d of %d customers have their commission: %s", form, found, n, clipped(a.text))
			}
			former := providers.ID{Account: "promotekit", Noun: providers.NounAffiliate, Local: vendorRow(kitAffiliate)["id"].(string)}
			a = w.browse(&auth.Viewer{Name: "former", Role: auth.RolePartner, Affiliates: []string{former.String()}},
				`{ commissions(first: 50) { nodes { id referral { status customerId } } } }`, nil)
			if strings.Contains(a.text, "cus_") || strings.Count(a.text, `"referral":null`) != n {
				t.Errorf("%s: the former affiliate sees %s", form, clipped(a.text))
			}
		}
	}
}
