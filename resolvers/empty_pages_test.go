package resolvers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestEmptyPagesAtVendor reads a list of PromoteKit by a plain client. Nothing but an
// absurd total says that it goes on behind empty pages. Few of them in the middle cost no
// row; many end the list, and it is said.
func TestEmptyPagesAtVendor(t *testing.T) {
	sequential(t)
	rows := vendorRows(kitCommission, 200, nil)
	for _, gap := range []int{0, 1, 2, 3, 1000} {
		for _, first := range []int{30, 100} {
			v := &plainVendor{name: "promotekit"}
			v.hook = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/commissions" {
					return false
				}
				number, data := 1, []object{}
				_, _ = fmt.Sscan(r.URL.Query().Get("page"), &number)
				switch number {
				case 1:
					data = rows[:100]
				case gap + 2:
					data = rows[100:]
				}
				v.send(w, 200, fmt.Sprintf(`{"success":true,"data":%s,"pagination":{"total_count":9000000000000000000}}`, jsonText(data)))
				return true
			}
			got, errs, requests := walkRows(newPlainWorld(t, v, setup{}), "commissions", "", first)
			want := 200
			if gap > 3 {
				want = 100
			}
			said := len(errs) == 1 && strings.Contains(errs[0], "promises 9000000000000000000 rows")
			if ids := providerIDs(got); len(ids) != want || distinct(ids) != want || !said || requests > want/first+3 {
				t.Errorf("%d empty pages, by %d: %d rows in %d requests, %v; want %d", gap, first, len(ids), requests, errs, want)
			}
			if calls := len(v.taken()); calls > 30 {
				t.Errorf("%d empty pages, by %d: %d calls", gap, first, calls)
			}
		}
	}
}
