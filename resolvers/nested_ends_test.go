package resolvers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const kitPayout = `{"id":"d0000000-0000-4000-8000-000000000001","amount":19.8,"currency":"usd","period":"2026-03","payment_count":1,"created_at":"2026-03-27T00:00:00Z","affiliate":` + kitAffiliate + `}`

// TestNestedEmptyPages follows edges whose lists end behind empty pages, though the vendor
// says that more rows follow: read one by one, and by a walk of the longer list. The rows
// before are there, and each list says that it may lack others. At the other vendors nothing
// promises rows behind an empty page.
func TestNestedEmptyPages(t *testing.T) {
	sequential(t)
	for _, edge := range []struct{ root, edge, path, row, narrow string }{
		{"affiliates", "commissions", "/commissions", kitCommission, "affiliate_id"},
		{"affiliates", "referrals", "/referrals", kitReferral, "affiliate_id"},
		{"affiliates", "payouts", "/payouts", kitPayout, "affiliate_id"},
		{"referrals", "commissions", "/commissions", kitCommission, "referral_id"},
		{"campaigns", "memberships", "/affiliates", kitAffiliate, "campaign_id"},
	} {
		for _, parents := range []int{1, 12, 40} {
			template := map[string]string{"affiliates": kitAffiliate, "referrals": kitReferral, "campaigns": kitCampaign}[edge.root]
			roots := vendorRows(template, parents, nil)
			v := &plainVendor{name: "promotekit", lists: map[string][]object{"/" + edge.root: roots}}
			v.hook = func(w http.ResponseWriter, r *http.Request) bool {
				q := r.URL.Query()
				if r.URL.Path != edge.path {
					return false
				}
				var data []object
				if q.Get("page") == "1" {
					data = vendorRows(edge.row, 2, nil) // both of the first parent
					if by := q.Get(edge.narrow); by != "" && by != roots[0]["id"] {
						data = nil
					}
				}
				if data == nil {
					data = []object{}
				}
				total := ""
				if parents > 12 && !q.Has(edge.narrow) { // a walk of ten pages is worth it
					total = `,"total_count":20`
				}
				v.send(w, 200, fmt.Sprintf(`{"success":true,"data":%s,"pagination":{"has_more":true%s}}`, jsonText(data), total))
				return true
			}
			w := newPlainWorld(t, v, setup{calls: 600})
			a := w.ask(fmt.Sprintf(`{ %s(first: 50) { nodes { %s(first: 5) { nodes { id } pageInfo { hasNextPage } } } } }`, edge.root, edge.edge), nil)
			nodes, _ := at(vendorRow(a.text), "data", edge.root, "nodes").([]any)
			rows, told := 0, 0
			for _, n := range nodes {
				below, _ := at(n, edge.edge, "nodes").([]any)
				rows += len(below)
				if at(n, edge.edge, "pageInfo", "hasNextPage") != false {
					t.Errorf("%s.%s of %d: the list does not end: %s", edge.root, edge.edge, parents, jsonText(n))
				}
			}
			for _, e := range a.Errors {
				if strings.Contains(e.Message, "are empty; the list ends here") && e.Extensions["code"] == "UPSTREAM_ERROR" && e.Extensions["retryable"] == false {
					told++
				} else {
					t.Errorf("%s.%s of %d: %v", edge.root, edge.edge, parents, e)
				}
			}
			calls := len(v.taken())
			if walked := calls < parents; len(nodes) != parents || rows != 2 || told != parents || walked != (parents == 40) {
				t.Errorf("%s.%s of %d: %d parents, %d rows, %d told, calls %d", edge.root, edge.edge, parents, len(nodes), rows, told, calls)
			}
		}
	}
}
