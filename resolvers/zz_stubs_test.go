package resolvers_test

import (
	"fmt"
	"strings"
	"testing"
)

// what a row says of a related record in an odd form neither stands for the record nor spoils what is known of it.
func TestZZStubs(t *testing.T) {
	for _, vendor := range []string{"promotekit", "firstpromoter", "uppromote"} {
		for _, odd := range []string{`[]`, `false`, `{}`, `null`, `""`, `0`, `" "`} {
			for _, warm := range []bool{false, true} {
				v := zzShop(vendor, 3, 3)
				path := map[string]string{"promotekit": "/commissions", "firstpromoter": "/commissions", "uppromote": "/referrals"}[vendor]
				for i, r := range v.lists[path] {
					switch vendor {
					case "promotekit":
						a := zzRow(zzJSON(v.lists["/affiliates"][i]))
						a["email"], a["first_name"] = zzRawJSON(odd), zzRawJSON(odd)
						r["affiliate"] = a
					case "uppromote":
						r["affiliate"] = object{"id": 701 + i, "email": zzRawJSON(odd), "first_name": zzRawJSON(odd), "last_name": "P"}
					case "firstpromoter":
						r["promoter_campaign"].(object)["promoter"] = object{"id": 1001 + i, "email": zzRawJSON(odd), "name": zzRawJSON(odd)}
					}
				}
				w := zzNew(t, v, setup{})
				var first string
				if warm {
					a := w.ask(`{ affiliates(first: 3) { nodes { id email name } } }`, nil)
					first = string(a.Data)
				}
				b := w.ask(`{ commissions(first: 3) { nodes { affiliate { id email name } } } }`, nil)
				c := w.ask(`{ affiliates(first: 3) { nodes { id email name } } }`, nil)
				if warm && string(c.Data) != first {
					t.Errorf("SPOILED %s %s: %s, before %s", vendor, odd, c.Data, first)
				}
				s := string(b.Data)
				if strings.Contains(s, `"false"`) || strings.Contains(s, `false `) || strings.Contains(s, `"0"`) || strings.Count(s, "@example.com") != 3 {
					t.Logf("%s email %s warm %v: %.230s", vendor, odd, warm, s)
				}
				_ = fmt.Sprint
			}
		}
	}
}

// a filter that the server applies finds what is far behind, by a plain loop.
func TestZZFarFilter(t *testing.T) {
	for key, list := range map[string]string{"pk.A": "affiliates", "fp.P": "affiliates", "up.A": "affiliates"} {
		l := zzLists()[key]
		v := &zzVendor{name: l[0], lists: map[string][]object{l[1]: zzRows(l[2], 5050, func(i int, r object) {
			if i%1700 == 1699 {
				r["email"] = fmt.Sprintf("needle%d@example.com", i)
			}
		})}}
		w := zzNew(t, v, setup{})
		n, after, pages := 0, any(nil), 0
		for pages = range 30 {
			a := w.ask(`query($a: String) { affiliates(first: 100, after: $a, filter: {search: "needle"}) { nodes { id } pageInfo { hasNextPage endCursor } } }`, object{"a": after})
			d := zzRow(a.text)
			ns, _ := at(d, "data", list, "nodes").([]any)
			n += len(ns)
			if at(d, "data", list, "pageInfo", "hasNextPage") != true {
				break
			}
			after = at(d, "data", list, "pageInfo", "endCursor")
			if after == nil {
				t.Errorf("%s null cursor", key)
			}
		}
		if n != 2 {
			t.Errorf("%s: %d of 2 found, %d pages, %d calls", key, n, pages, len(v.taken()))
		}
	}
}
