package resolvers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

func zzGlobal(vendor string, noun providers.Noun, local string) string {
	return providers.ID{Account: vendor, Noun: noun, Local: local}.String()
}

func zzShop(vendor string, affiliates, rows int) *zzVendor {
	v := &zzVendor{name: vendor, lists: map[string][]object{}}
	switch vendor {
	case "promotekit":
		affs := zzRows(zzPKA, affiliates, nil)
		v.lists["/affiliates"] = affs
		v.lists["/referrals"] = zzRows(zzPKR, rows, func(i int, r object) { r["affiliate"] = affs[i%affiliates] })
		v.lists["/commissions"] = zzRows(zzPKE, rows, func(i int, r object) {
			r["affiliate"], r["referral"] = affs[i%affiliates], v.lists["/referrals"][i]
			r["payout"] = object{"id": fmt.Sprintf("d0000000-0000-4000-8000-%012d", i%affiliates+1)}
		})
		v.lists["/payouts"] = zzRows(`{"id":"d0000000-0000-4000-8000-000000000001","amount":10,"currency":"usd","created_at":"2026-03-27T00:00:00Z","period":"x"}`, affiliates, func(i int, r object) { r["affiliate"] = affs[i] })
		v.lists["/campaigns"] = []object{zzRow(zzPKC)}
	case "firstpromoter":
		v.lists["/promoters"] = zzRows(zzFPP, affiliates, nil)
		m := func(i int) object {
			return object{"id": 5001 + i, "campaign_id": 28, "promoter_id": 1001 + i, "state": "accepted", "created_at": "2025-09-08T00:00:00Z", "promoter": object{"id": 1001 + i, "email": fmt.Sprintf("prom%d@example.com", i+1), "name": "P"}, "campaign": object{"id": 28, "name": "Main"}}
		}
		v.lists["/referrals"] = zzRows(zzFPR, rows, func(i int, r object) { r["promoter_campaign"] = m(i % affiliates) })
		v.lists["/commissions"] = zzRows(zzFPE, rows, func(i int, r object) {
			r["promoter_campaign"], r["referral"] = m(i%affiliates), object{"id": 2001 + i, "email": fmt.Sprintf("lead%d@example.com", i+1), "uid": "u"}
		})
		v.lists["/payouts"] = zzRows(zzFPT, rows, func(i int, r object) {
			r["promoter"] = object{"id": 1001 + i%affiliates, "email": "x@example.com", "name": "P"}
		})
		v.lists["/campaigns"] = []object{zzRow(`{"id":28,"name":"Main"}`)}
	case "uppromote":
		v.lists["/affiliates"] = zzRows(zzUPA, affiliates, nil)
		a := func(i int) object {
			return object{"id": 701 + i, "email": fmt.Sprintf("up%d@example.com", i+1), "first_name": "U", "last_name": "P"}
		}
		v.lists["/referrals"] = zzRows(zzUPR, rows, func(i int, r object) { r["affiliate"] = a(i % affiliates); r["order_id"] = 7000000 + i })
		v.lists["/payments/paid"] = zzRows(zzUPT, rows, func(i int, r object) {
			r["affiliate_id"], r["affiliate_email"] = 701+i%affiliates, fmt.Sprintf("up%d@example.com", i%affiliates+1)
			r["referral_ids"] = []any{801 + i}
		})
		v.lists["/programs"] = []object{zzRow(`{"id":46,"name":"Basic"}`)}
	}
	v.filter = zzAllFilter(v)
	return v
}

func zzAllFilter(v *zzVendor) func(string, url.Values, []object) []object {
	return func(p string, q url.Values, rows []object) (out []object) {
		in := func(got any, want []string) bool {
			for _, x := range want {
				if fmt.Sprint(got) == x {
					return true
				}
			}
			return false
		}
		for _, r := range rows {
			ok := true
			for k, vals := range q {
				switch k {
				case "email":
					ok = ok && in(r["email"], vals)
				case "affiliate_email":
					ok = ok && (in(at(r, "affiliate", "email"), vals) || in(r["affiliate_email"], vals) || in(r["email"], vals))
				case "affiliate_id":
					ok = ok && in(at(r, "affiliate", "id"), vals)
				case "referral_id":
					ok = ok && in(at(r, "referral", "id"), vals)
				case "ids[]":
					ok = ok && in(r["id"], vals)
				case "order_id":
					ok = ok && in(r["order_id"], vals)
				case "filters[promoter_id]", "filters[promoter_id][]":
					ok = ok && (in(at(r, "promoter_campaign", "promoter_id"), vals) || in(at(r, "promoter", "id"), vals))
				case "filters[referral_id]", "filters[referral_id][]":
					ok = ok && in(at(r, "referral", "id"), vals)
				}
			}
			if ok {
				out = append(out, r)
			}
		}
		return
	}
}

// filters by many ids.
func TestZZManyIDs(t *testing.T) {
	for _, vendor := range []string{"promotekit", "firstpromoter", "uppromote"} {
		for _, list := range []string{"commissions", "referrals", "payouts", "memberships", "coupons"} {
			for _, n := range []int{20, 60, 100} {
				v := zzShop(vendor, 120, 360)
				var ids []string
				for i := range n {
					local := fmt.Sprintf("a0000000-0000-4000-8000-%012d", i+1)
					switch vendor {
					case "firstpromoter":
						local = fmt.Sprint(1001 + i)
					case "uppromote":
						local = fmt.Sprint(701 + i)
					}
					ids = append(ids, zzGlobal(vendor, providers.NounAffiliate, local))
				}
				w := zzNew(t, v, setup{})
				a := w.ask(fmt.Sprintf(`query($i: [ID!]) { %s(first: 100, filter: {affiliates: $i}) { nodes { providerId } pageInfo { hasNextPage } } }`, list), object{"i": ids})
				l := v.taken()
				rows := strings.Count(a.text, "providerId")
				m := ""
				if len(a.Errors) > 0 {
					m = a.Errors[0].Message
				}
				t.Logf("%s %s by %d affiliates: %d rows, %d calls, %s", vendor, list, n, rows, len(l), m)
			}
		}
	}
}

// below a list: rows that are removed between two pages of an edge.
func TestZZEdgeStale(t *testing.T) {
	for _, vendor := range []string{"promotekit", "firstpromoter", "uppromote"} {
		v := zzShop(vendor, 1, 350)
		w := zzNew(t, v, setup{})
		path := map[string]string{"promotekit": "/commissions", "firstpromoter": "/commissions", "uppromote": "/referrals"}[vendor]
		seen := map[string]int{}
		after := any(nil)
		all := v.lists[path]
		for p := range 8 {
			a := w.ask(`query($a: String) { affiliates(first: 1) { nodes { commissions(first: 100, after: $a) { nodes { providerId } pageInfo { hasNextPage endCursor } } } } }`, object{"a": after})
			d := zzRow(a.text)
			ns, _ := at(d, "data", "affiliates", "nodes").([]any)
			if len(ns) == 0 {
				t.Fatal(clipped(a.text))
			}
			cs, _ := at(ns[0], "commissions", "nodes").([]any)
			for _, c := range cs {
				seen[fmt.Sprint(at(c, "providerId"))]++
			}
			if p == 0 {
				v.lists[path] = all[40:]
				w.pass(10 * time.Second)
			}
			if at(ns[0], "commissions", "pageInfo", "hasNextPage") != true {
				break
			}
			after = at(ns[0], "commissions", "pageInfo", "endCursor")
		}
		lost := 0
		for _, r := range all[40:] {
			if seen[fmt.Sprint(r["id"])] == 0 {
				lost++
			}
		}
		if lost > 0 {
			t.Errorf("%s: %d of 310 rows lost", vendor, lost)
		}
	}
}

// rows cease to match a vendor's own filter while a client reads it: a queue of pending commissions that others work on.
func TestZZQueue(t *testing.T) {
	v := zzShop("firstpromoter", 5, 300)
	for _, r := range v.lists["/commissions"] {
		r["status"] = "pending"
	}
	base := v.filter
	v.filter = func(p string, q url.Values, rows []object) (out []object) {
		for _, r := range base(p, q, rows) {
			if s := q.Get("filters[status]"); p == "/commissions" && s != "" && r["status"] != s {
				continue
			}
			out = append(out, r)
		}
		return
	}
	w := zzNew(t, v, setup{})
	seen, after := map[string]int{}, any(nil)
	for p := range 10 {
		a := w.ask(`query($a: String) { commissions(first: 100, after: $a, filter: {statuses: [PENDING]}) { nodes { providerId } pageInfo { hasNextPage endCursor } } }`, object{"a": after})
		d := zzRow(a.text)
		cs, _ := at(d, "data", "commissions", "nodes").([]any)
		for _, c := range cs {
			seen[fmt.Sprint(at(c, "providerId"))]++
		}
		if p == 0 {
			for _, r := range v.lists["/commissions"][:50] {
				r["status"] = "approved" // in the vendor's dashboard
			}
		}
		if at(d, "data", "commissions", "pageInfo", "hasNextPage") != true {
			break
		}
		after = at(d, "data", "commissions", "pageInfo", "endCursor")
	}
	if len(seen) != 300 {
		t.Errorf("%d of 300 pending commissions were shown, 50 of them approved since:\n%s", len(seen), strings.Join(v.taken(), "\n"))
	}
}

// the status tells the truth.
func TestZZStatus(t *testing.T) {
	for _, vendor := range []string{"promotekit", "firstpromoter", "uppromote"} {
		for _, status := range []int{400, 402, 403, 404, 405, 406, 410, 418, 422, 451, 500, 503, 200, 204, 302} {
			for _, body := range []string{`{"message":"x"}`, ``, `<html>`} {
				v := &zzVendor{name: vendor}
				v.hook = func(w http.ResponseWriter, r *http.Request) bool {
					if status == 302 {
						w.Header().Set("Location", "https://example.com/")
					}
					if status == 204 {
						w.WriteHeader(204)
						return true
					}
					v.send(w, status, body)
					return true
				}
				w := zzNew(t, v, setup{timeout: 300 * time.Millisecond})
				for _, q := range []string{`{ commissions(first: 1) { nodes { id } } }`, `{ affiliates(first: 1) { nodes { id } } }`, fmt.Sprintf(`{ affiliates(first: 1, filter: {email: "x@y.z"}) { nodes { id } } affiliate(id: %q) { id } }`, zzGlobal(vendor, providers.NounAffiliate, map[string]string{"promotekit": "a0000000-0000-4000-8000-000000000001", "firstpromoter": "1", "uppromote": "1"}[vendor]))} {
					w.ask(q, nil)
				}
				a := w.ask(`{ accounts { status lastError } }`, nil)
				if strings.Contains(a.text, `"status":"OK"`) {
					t.Errorf("%s %d %q: %s", vendor, status, body, a.Data)
				}
			}
		}
	}
}
