package resolvers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// a page in the middle is refused, though the page before said that there is more, or other pages follow.
func TestZZRefusedMiddle(t *testing.T) {
	for _, key := range []string{"pk.A", "pk.R", "pk.E", "fp.P", "fp.R", "fp.E", "fp.T", "up.A", "up.R", "up.T"} {
		for _, status := range []int{204, 400, 404, 410, 416, 422} {
			for _, always := range []bool{true, false} {
				l := zzLists()[key]
				v := &zzVendor{name: l[0], lists: map[string][]object{l[1]: zzRows(l[2], 450, nil)}}
				n := 0
				v.hook = func(w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Query().Get("page") != "3" {
						return false
					}
					if n++; n > 1 && !always {
						return false
					}
					if status == 204 {
						w.WriteHeader(204)
						return true
					}
					v.send(w, status, `{"success":false,"message":"Something is wrong","code":"x","error":{"type":"invalid_request_error","message":"Something is wrong"}}`)
					return true
				}
				rows, errs, _ := zzWalk(zzNew(t, v, setup{}), zzNouns[key], "", 100)
				if len(rows) != 450 && len(errs) == 0 {
					t.Errorf("%s page 3 is %d (always %v): %d of 450 rows, no error, the list has ended", key, status, always, len(rows))
				}
			}
		}
	}
}

// cold, ids only.
func TestZZBareIDs(t *testing.T) {
	for _, c := range []struct{ name, vendor, path, tmpl, list, fields string }{
		{"pk.R", "promotekit", "/referrals", zzPKR, "referrals", "affiliate { email campaign { name } }"},
		{"pk.E", "promotekit", "/commissions", zzPKE, "commissions", "affiliate { email campaign { name } }"},
		{"pk.E2", "promotekit", "/commissions", zzPKE, "commissions", "referral { email } affiliate { email }"},
		{"fp.R", "firstpromoter", "/referrals", zzFPR, "referrals", "affiliate { email } campaign { name }"},
		{"fp.E", "firstpromoter", "/commissions", zzFPE, "commissions", "affiliate { email } campaign { name } referral { email }"},
		{"fp.T", "firstpromoter", "/payouts", zzFPT, "payouts", "affiliate { email }"},
		{"up.R", "uppromote", "/referrals", zzUPR, "commissions", "affiliate { email name campaign { name } } campaign { name }"},
		{"up.T", "uppromote", "/payments/paid", zzUPT, "payouts", "affiliate { email name campaign { name } }"},
	} {
		for _, form := range []string{"id", "text", "object", "objecttext", "extra"} {
			v := &zzVendor{name: c.vendor, lists: map[string][]object{}}
			v.lists["/affiliates"] = zzRows(map[string]string{"promotekit": zzPKA, "uppromote": zzUPA, "firstpromoter": zzFPP}[c.vendor], 40, func(i int, r object) {
				if c.vendor == "uppromote" {
					r["program_id"] = 46 + i%5
				}
				if c.vendor == "promotekit" {
					r["campaign"] = zzForm(form, fmt.Sprintf("c0000000-0000-4000-8000-00000000000%d", i%5+1))
				}
			})
			v.lists["/promoters"] = v.lists["/affiliates"]
			v.lists["/programs"] = zzRows(`{"id":46,"name":"Basic","created_at":"2025-01-01T00:00:00Z"}`, 5, nil)
			switch c.vendor {
			case "promotekit":
				v.lists["/campaigns"] = zzRows(zzPKC, 5, nil)
				v.lists["/referrals"] = zzRows(zzPKR, 100, nil)
			case "firstpromoter":
				v.lists["/campaigns"] = zzRows(`{"id":28,"name":"Main"}`, 5, nil)
				v.lists["/referrals"] = zzRows(zzFPR, 100, nil)
			}
			v.lists[c.path] = zzRows(c.tmpl, 100, func(i int, r object) {
				switch c.vendor {
				case "promotekit":
					r["affiliate"] = zzForm(form, fmt.Sprintf("a0000000-0000-4000-8000-%012d", i%40+1))
					if _, ok := r["referral"]; ok {
						r["referral"] = zzForm(form, fmt.Sprintf("b0000000-0000-4000-8000-%012d", i+1))
					}
				case "uppromote":
					if c.path == "/referrals" {
						r["affiliate"] = zzForm(form, 701+i%40)
						r["commission_rule"] = object{"program_id": 46 + i%5}
					} else {
						r["affiliate_id"] = 701 + i%40
						delete(r, "affiliate_email")
					}
				case "firstpromoter":
					if c.path == "/payouts" {
						r["promoter"], r["campaign"] = zzForm(form, 1001+i%40), zzForm(form, 28+i%5)
					} else {
						r["promoter_campaign"] = object{"id": 5001 + i%40, "campaign_id": 28 + i%5, "promoter_id": 1001 + i%40, "promoter": zzForm(form, 1001+i%40), "campaign": zzForm(form, 28+i%5)}
					}
					if _, ok := r["referral"]; ok {
						r["referral"] = zzForm(form, 2001+i)
					}
				}
			})
			base := v.lists
			v.filter = func(p string, q url.Values, rows []object) []object {
				ids := q["ids[]"]
				if len(ids) == 0 {
					return rows
				}
				var out []object
				for _, r := range base[p] {
					for _, id := range ids {
						if fmt.Sprint(r["id"]) == id {
							out = append(out, r)
						}
					}
				}
				return out
			}
			w := zzNew(t, v, setup{})
			a := w.ask(fmt.Sprintf(`{ %s(first: 100) { nodes { %s } } }`, c.list, c.fields), nil)
			calls := v.taken()
			nulls := strings.Count(a.text, "null")
			t.Logf("%s %s: %d calls, %d nulls, errors %v", c.name, form, len(calls), nulls, len(a.Errors))
			if len(calls) > 4 || nulls > 0 || len(a.Errors) > 0 {
				m := ""
				if len(a.Errors) > 0 {
					m = a.Errors[0].Message
				}
				t.Errorf("%s %s: %d calls, %d nulls, %d errors %s %.300s\n%s", c.name, form, len(calls), nulls, len(a.Errors), m, a.Data, strings.Join(calls[:min(6, len(calls))], "\n"))
			}
		}
	}
}

func zzForm(form string, id any) any {
	switch form {
	case "id":
		return id
	case "text":
		return fmt.Sprint(id)
	case "object":
		return object{"id": id}
	case "objecttext":
		return object{"id": fmt.Sprint(id)}
	default:
		return object{"id": id, "extra": object{"x": []any{1}}}
	}
}
