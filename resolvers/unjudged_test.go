package resolvers_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestUnjudgedRowsAreTold reads filtered lists of vendors some rows of which lack a usable
// value of the member that decides. The other rows are there, and one entry in errors tells
// how many are left out, and the field. A list without a filter has them all.
func TestUnjudgedRowsAreTold(t *testing.T) {
	sequential(t)
	for _, c := range []struct {
		vendor, path, list, filter, field string
		rows                              string
		member                            string
		odd                               any // nil: the member is left out
	}{
		{"promotekit", "/commissions", "commissions", `statuses: [APPROVED]`, "status", kitCommission, "payout_status", nil},
		{"promotekit", "/commissions", "commissions", `createdAt: {from: "2000-01-01T00:00:00Z"}`, "createdAt", kitCommission, "created_at", "soon"},
		{"promotekit", "/referrals", "referrals", `statuses: [ACTIVE]`, "status", kitReferral, "subscription_status", []any{}},
		{"firstpromoter", "/commissions", "commissions", `statuses: [APPROVED]`, "status", promoterCommission, "status", nil},
		{"firstpromoter", "/referrals", "referrals", `createdAt: {from: "2000-01-01T00:00:00Z"}`, "createdAt", promoterReferral, "created_at", nil},
		{"firstpromoter", "/payouts", "payouts", `statuses: [PAID]`, "status", promoterPayout, "status", []any{}},
		{"uppromote", "/affiliates", "affiliates", `statuses: [ACTIVE]`, "status", shopAffiliate, "status", nil},
		{"uppromote", "/referrals", "referrals", `statuses: [ACTIVE]`, "status", shopReferral, "status", []any{}},
		{"uppromote", "/payments/paid", "payouts", `statuses: [PAID]`, "status", shopPayment, "status", nil},
	} {
		v := &plainVendor{name: c.vendor, lists: map[string][]object{c.path: vendorRows(c.rows, 9, func(i int, row object) {
			if i%3 == 1 {
				if row[c.member] = c.odd; c.odd == nil {
					delete(row, c.member)
				}
			}
		})}}
		w := newPlainWorld(t, v, setup{})
		for _, first := range []int{2, 100} {
			rows, errs, _ := walkFiltered(w, c.list, `filter: {`+c.filter+`}`, "", first)
			told := 0
			for _, e := range errs {
				n := 0
				if at := strings.Index(e, "without a usable "+c.field+" ("); at >= 0 {
					_, _ = fmt.Sscanf(e[at:], "without a usable "+c.field+" (%d)", &n)
				}
				if told += n; n == 0 || !strings.Contains(e, "UPSTREAM_ERROR") {
					t.Errorf("%s: %s", c.list, e)
				}
			}
			if len(rows) != 6 || told != 3 || first == 100 && len(errs) != 1 {
				t.Errorf("%s %s by %s, by %d: %d rows, %d told in %q; want 6 and 3", c.vendor, c.list, c.filter, first, len(rows), told, errs)
			}
		}
		if rows, errs, _ := walkRows(w, c.list, "", 100); len(rows) != 9 || len(errs) > 0 {
			t.Errorf("%s %s, unfiltered: %d rows, %v", c.vendor, c.list, len(rows), errs)
		}
	}
}
