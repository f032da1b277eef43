package resolvers_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

var zzNouns = map[string]string{"pk.A": "affiliates", "pk.R": "referrals", "pk.E": "commissions", "fp.P": "affiliates", "fp.R": "referrals", "fp.E": "commissions", "fp.T": "payouts", "up.A": "affiliates", "up.R": "commissions", "up.T": "payouts"}

// page sizes that the vendor really gives: all rows, or word.
func TestZZClamp(t *testing.T) {
	for _, key := range []string{"fp.E", "up.R", "up.A", "fp.P", "pk.E", "up.T", "fp.T"} {
		var lost []int
		for size := 2; size < 100; size++ {
			l := zzLists()[key]
			v := &zzVendor{name: l[0], clamp: size, lists: map[string][]object{l[1]: zzRows(l[2], 230, nil)}}
			rows, errs, _ := zzWalk(zzNew(t, v, setup{pages: 200, calls: 300}), zzNouns[key], "", 100)
			if len(rows) != 230 && len(errs) == 0 {
				lost = append(lost, size)
			}
		}
		if len(lost) > 0 {
			t.Errorf("%s: silently cut at page sizes %v", key, lost)
		}
	}
}

// a page in the middle that lacks some rows, at a vendor whose pages are clamped.
func TestZZShortMiddle(t *testing.T) {
	for _, key := range []string{"fp.E", "up.R", "up.A", "fp.P", "pk.E"} {
		for _, size := range []int{10, 20, 25, 50, 100} {
			for _, missing := range []int{1, 2, 3} {
				l := zzLists()[key]
				all := zzRows(l[2], 330, nil)
				v := &zzVendor{name: l[0]}
				v.hook = func(w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path != l[1] {
						return false
					}
					n := 1
					fmt.Sscan(r.URL.Query().Get("page"), &n)
					from, to := min((n-1)*size, len(all)), min(n*size, len(all))
					rows := slices.Clone(all[from:to])
					if n == 2 {
						rows = rows[:max(0, len(rows)-missing)]
					}
					d := zzJSON(rows)
					switch {
					case v.name == "promotekit":
						d = fmt.Sprintf(`{"success":true,"data":%s,"pagination":{"page":%d,"limit":%d,"total_count":330,"total_pages":%d,"has_more":%v}}`, d, n, size, (330+size-1)/size, to < 330)
					case v.name == "uppromote":
						d = `{"status":200,"message":"success","data":` + d + `}`
					case l[1] == "/promoters":
						d = `{"data":` + d + `,"meta":{}}`
					}
					v.send(w, 200, d)
					return true
				}
				rows, errs, _ := zzWalk(zzNew(t, v, setup{pages: 200, calls: 300}), zzNouns[key], "", 100)
				if len(rows) != 330-missing {
					t.Errorf("%s pages of %d, %d left out of page 2: %d rows of %d, %v", key, size, missing, len(rows), 330-missing, errs)
				}
			}
		}
	}
}

// rows are removed at the head between the client's pages.
func TestZZRemovedBetween(t *testing.T) {
	for _, key := range []string{"fp.E", "up.R", "pk.E", "up.A", "fp.P", "pk.A"} {
		for _, mode := range []string{"fresh", "expired", "cached1"} {
			for _, gone := range []int{5, 30, 99, 100, 101, 150} {
				l := zzLists()[key]
				all := zzRows(l[2], 450, nil)
				v := &zzVendor{name: l[0], lists: map[string][]object{l[1]: all}}
				w := zzNew(t, v, setup{pages: 20, calls: 50})
				list := zzNouns[key]
				if mode == "cached1" {
					w.ask(fmt.Sprintf(`{ %s(first: 20) { nodes { id } } }`, list), nil)
					w.pass(30 * time.Second)
					v.lists[l[1]] = all[gone:]
				}
				seen, after, pages := map[string]int{}, any(nil), 0
				var errs []string
				for pages < 20 {
					pages++
					a := w.ask(fmt.Sprintf(`query ($a: String) { %s(first: 100, after: $a) { nodes { providerId } pageInfo { hasNextPage endCursor } } }`, list), map[string]any{"a": after})
					for _, e := range a.Errors {
						errs = append(errs, e.Message)
					}
					d := zzRow(a.text)
					ns, _ := at(d, "data", list, "nodes").([]any)
					for _, n := range ns {
						seen[fmt.Sprint(at(n, "providerId"))]++
					}
					if pages == 1 && mode != "cached1" {
						v.lists[l[1]] = all[gone:]
						if mode == "expired" {
							w.pass(2 * time.Hour)
						}
					}
					if at(d, "data", list, "pageInfo", "hasNextPage") != true {
						break
					}
					after = at(d, "data", list, "pageInfo", "endCursor")
				}
				lost, twice := 0, 0
				for _, r := range all[gone:] {
					k := r["id"]
					switch n := seen[fmt.Sprint(k)]; {
					case n == 0:
						lost++
					case n > 1:
						twice++
					}
				}
				if lost > 0 || twice > 0 {
					t.Errorf("%s %s %d removed: %d lost, %d twice, errs %v, %d pages", key, mode, gone, lost, twice, errs, pages)
				}
			}
		}
	}
}

// near-zero noise, and forms of texts.
func TestZZValues(t *testing.T) {
	for _, c := range []struct{ name, key, fields, member, raw, want string }{
		{"noise0", "pk.E", "amount { amount }", "commission_amount", `5.551115123125783e-17`, `"amount":"0.00"`},
		{"noise0", "pk.E", "amount { amount }", "commission_amount", `-1.4210854715202004e-14`, `"amount":"0.00"`},
		{"noise0", "pk.E", "amount { amount }", "commission_amount", `0.00009999999999998899`, ``},
		{"noise0", "fp.E", "amount { amount }", "amount", `-1.4210854715202004e-14`, `"amount":"0.00"`},
		{"noise0", "up.T", "amount { amount }", "total_processed", `1.4210854715202004e-14`, `"amount":"0.00"`},
		{"exp", "fp.E", "amount { amount }", "amount", `4e2`, `4.00`},
		{"exp", "fp.E", "amount { amount }", "amount", `400.0`, `4.00`},
		{"big", "pk.E", "amount { amount }", "commission_amount", `100000000000000000000`, `"amount":null`},
		{"neg0", "pk.E", "amount { amount }", "commission_amount", `-0.0`, `"amount":"0.00"`},
		{"neg0", "up.R", "amount { amount }", "commission", `"-0.00"`, `"amount":"0.00"`},
		{"true", "pk.E", "amount { amount }", "commission_amount", `true`, `"amount":null`},
		{"cur", "pk.E", "amount { amount currencyCode }", "currency", `"us dollar"`, `"amount":null`},
		{"cur", "pk.E", "amount { amount currencyCode }", "currency", `null`, ``},
		{"clicks", "pk.A", "clicks", "clicks", `" "`, `"clicks":null`},
		{"clicks", "pk.A", "clicks", "clicks", `""`, `"clicks":null`},
		{"clicks", "pk.A", "clicks", "clicks", `-5`, ``},
		{"clicks", "pk.A", "clicks", "clicks", `"1,234"`, ``},
		{"clicks", "pk.A", "clicks", "clicks", `99999999999999999999`, `"clicks":null`},
		{"clicks", "pk.A", "clicks", "clicks", `9007199254740993`, ``},
		{"email", "pk.A", "email", "email", `false`, `"email":null`},
		{"email", "pk.A", "email", "email", `0`, `"email":null`},
		{"name", "pk.A", "name", "first_name", `false`, `"name":"One"`},
		{"email", "fp.P", "email", "email", `false`, `"email":null`},
		{"email", "up.R", "affiliate { email }", "customer_email", `false`, ``},
		{"eventId", "fp.E", "eventId", "event_id", `false`, `"eventId":null`},
		{"eventId", "fp.E", "eventId", "event_id", `12345.0`, ``},
		{"order", "up.R", "orderId kind status", "order_id", `false`, `"orderId":null`},
		{"order", "up.R", "orderId kind status", "order_id", `6439217201001.0`, `"orderId":"6439217201002"`},
		{"refund", "up.R", "orderId kind status", "refund_id", `false`, ``},
		{"refund", "up.R", "orderId kind status", "refund_id", `0`, ``},
		{"approved", "pk.A", "status", "approved", `"yes"`, ``},
		{"banned", "pk.A", "status", "banned", `"no"`, ``},
		{"banned", "pk.A", "status", "banned", `null`, ``},
		{"banned", "pk.A", "status", "banned", `[]`, ``},
		{"paid", "fp.E", "status", "is_paid", `"no"`, ``},
		{"paid", "fp.E", "status", "is_paid", `null`, ``},
		{"paid", "fp.E", "status", "is_paid", `"1"`, `PAID`},
		{"created", "pk.A", "createdAt", "created_at", `"9999-12-31T23:59:59Z"`, ``},
		{"created", "pk.A", "createdAt", "created_at", `"2025-02-30T00:00:00Z"`, `"createdAt":null`},
		{"created", "pk.A", "createdAt", "created_at", `1757376000`, `"createdAt":null`},
		{"created", "pk.A", "createdAt", "created_at", `"2025-09-08T00:00:60Z"`, ``},
		{"created", "pk.A", "createdAt", "created_at", `"2025-09-08T00:00:00+05:30"`, `2025-09-07T18:30:00Z`},
		{"created", "pk.A", "createdAt", "created_at", `"2025-09-08 00:00:00.123 +0200"`, ``},
		{"created", "pk.A", "createdAt", "created_at", `"2025-09-08T00:00:00Z[UTC]"`, ``},
		{"arch", "fp.P", "status archivedAt", "archived_at", `"0000-00-00"`, ``},
		{"arch", "fp.P", "status", "archived_at", `false`, ``},
		{"state", "up.A", "status", "status", `1`, ``},
		{"unit", "fp.E", "amount { amount } reward { unit quantity }", "unit", `" cash"`, ``},
		{"unit", "fp.E", "amount { amount } reward { unit quantity }", "unit", `"Cash"`, ``},
		{"unit", "fp.E", "amount { amount } reward { unit quantity }", "unit", `false`, ``},
		{"st", "fp.E", "status", "status", `"Approved"`, `APPROVED`},
		{"st", "pk.E", "status", "payout_status", `"Paid"`, `PAID`},
		{"st", "up.R", "status", "status", `" approved "`, ``},
		{"origcur", "fp.E", "saleAmount { amount currencyCode }", "original_sale_currency", `"JPY"`, ``},
	} {
		l := zzLists()[c.key]
		rows := zzRows(l[2], 3, nil)
		rows[1][c.member] = zzRawJSON(c.raw)
		v := &zzVendor{name: l[0], lists: map[string][]object{l[1]: rows}}
		w := zzNew(t, v, setup{})
		got, errs, _ := zzWalk(w, zzNouns[c.key], c.fields, 100)
		s := ""
		for _, g := range got {
			if g["providerId"] == fmt.Sprint(rows[1]["id"]) || g["providerId"] == fmt.Sprint("paid/", rows[1]["payment_id"]) || g["providerId"] == fmt.Sprint(rows[1]["payment_id"]) {
				s = zzJSON(g)
			}
		}
		verdict := "   "
		if !strings.Contains(s, c.want) || len(got) != 3 {
			verdict = "XXX"
		}
		t.Logf("%s %s %s.%s=%s: %s %v", verdict, c.name, c.key, c.member, c.raw, s, errs)
	}
}

// both spellings are there.
func TestZZBothSpellings(t *testing.T) {
	for _, key := range []string{"pk.R", "up.R", "pk.A"} {
		for _, typed := range []string{"Buyer@Example.com", "buyer@example.com", "BUYER@example.com"} {
			l := zzLists()[key]
			v := &zzVendor{name: l[0], lists: map[string][]object{l[1]: zzRows(l[2], 4, func(i int, r object) {
				e := []string{"Buyer@Example.com", "buyer@example.com", "buyer@example.com", "other@example.com"}[i]
				if key == "up.R" {
					r["customer_email"] = e
				} else {
					r["email"] = e
				}
			})}}
			v.filter = zzUPFilter
			list := zzNouns[key]
			if key == "up.R" {
				list = "referrals"
			}
			a := zzNew(t, v, setup{}).ask(fmt.Sprintf(`{ %s(filter: {email: %q}) { nodes { email } } }`, list, typed), nil)
			if n := strings.Count(a.text, `"email":`); n != 3 {
				t.Errorf("%s %s: %d of 3: %s", key, typed, n, clipped(string(a.Data)))
			}
		}
	}
}

// lists in no order, same times, no times.
func TestZZOrder(t *testing.T) {
	for key, list := range zzNouns {
		for _, mode := range []string{"shuffled", "same", "none", "oldest", "far"} {
			for _, first := range []int{7, 100} {
				l := zzLists()[key]
				all := zzRows(l[2], 203, nil)
				r := rand.New(rand.NewPCG(1, 2))
				for i, row := range all {
					for _, k := range []string{"created_at", "joined_at", "processed_at"} {
						if _, ok := row[k]; !ok {
							continue
						}
						switch mode {
						case "same":
							row[k] = "2026-01-01T00:00:00Z"
						case "none":
							row[k] = nil
						case "far":
							if i%3 == 0 {
								row[k] = "9999-12-31T23:59:59Z"
							}
						}
					}
				}
				switch mode {
				case "shuffled":
					r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
				case "oldest":
					slices.Reverse(all)
				}
				v := &zzVendor{name: l[0], lists: map[string][]object{l[1]: all}, filter: func(_ string, _ url.Values, rows []object) []object { return rows }}
				w := zzNew(t, v, setup{pages: 20, calls: 50})
				rows, errs, _ := zzWalk(w, list, "", first)
				ids := zzIDs(rows)
				if len(ids) != 203 || zzDistinct(ids) != 203 || len(errs) > 0 {
					t.Errorf("%s %s first %d: %d rows, %d distinct, %v", key, mode, first, len(ids), zzDistinct(ids), errs)
				}
			}
		}
	}
}
