package resolvers_test

import (
	"fmt"
	"testing"
)

// wildLists are the lists of plain vendors, with the member that lists are sorted by.
var wildLists = []struct{ vendor, path, list, row, date string }{
	{"promotekit", "/affiliates", "affiliates", kitAffiliate, "created_at"},
	{"promotekit", "/referrals", "referrals", kitReferral, "created_at"},
	{"promotekit", "/commissions", "commissions", kitCommission, "created_at"},
	{"firstpromoter", "/promoters", "affiliates", promoterRow, "joined_at"},
	{"firstpromoter", "/referrals", "referrals", promoterReferral, "created_at"},
	{"firstpromoter", "/commissions", "commissions", promoterCommission, "created_at"},
	{"firstpromoter", "/payouts", "payouts", promoterPayout, "created_at"},
	{"uppromote", "/affiliates", "affiliates", shopAffiliate, "created_at"},
	{"uppromote", "/referrals", "referrals", shopReferral, "created_at"},
	{"uppromote", "/referrals", "commissions", shopReferral, "created_at"},
	{"uppromote", "/payments/paid", "payouts", shopPayment, "processed_at"},
}

// wildDates are values of that member that are far from those of the rows beside it, or that
// are no dates.
var wildDates = []any{
	"1901-01-01T00:00:00Z", "9998-12-31T23:59:59Z", "1970-01-01", "2026-01-01T00:00:00-12:00", "2024-02-29T12:00:00.123456789+05:45",
	nil, 1767225600, "soon", "2026-02-30T00:00:00Z", "2026-06-30T23:59:60Z",
}

// TestWildDates reads lists some rows of which have wild dates: every row is there once, by
// small pages, each of which another server answers, and by large ones. A filter by date
// leaves out the wild ones alone.
func TestWildDates(t *testing.T) {
	sequential(t)
	const n, wildRows = 130, 8
	for i, c := range wildLists {
		for j, wild := range wildDates {
			if (i+j)%2 == 1 {
				continue // the next list has it
			}
			v := &plainVendor{name: c.vendor, lists: map[string][]object{c.path: vendorRows(c.row, n, func(i int, row object) {
				if i%17 == 5 {
					row[c.date] = wild
				}
			})}}
			var ids, errs []string
			for after, page := any(nil), 0; page < n; page++ {
				a := newPlainWorld(t, v, setup{}).ask(
					`query($a: String) { rows: `+c.list+`(first: 13, after: $a) { nodes { providerId } pageInfo { hasNextPage endCursor } } }`, object{"a": after})
				rows, _ := at(vendorRow(a.text), "data", "rows").(object)
				for _, row := range rows["nodes"].([]any) {
					ids = append(ids, fmt.Sprint(at(row, "providerId")))
				}
				for _, e := range a.Errors {
					errs = append(errs, e.Message)
				}
				if after = at(rows, "pageInfo", "endCursor"); at(rows, "pageInfo", "hasNextPage") != true {
					break
				}
			}
			if len(ids) != n || distinct(ids) != n || len(errs) > 0 {
				t.Errorf("%s %s with %v, by small pages: %d rows, %d distinct, %v", c.vendor, c.list, wild, len(ids), distinct(ids), errs)
			}
			w := newPlainWorld(t, v, setup{})
			all, errs, _ := walkRows(w, c.list, "", 100)
			if len(all) != n || distinct(providerIDs(all)) != n || len(errs) > 0 {
				t.Errorf("%s %s with %v: %d rows, %d distinct, %v", c.vendor, c.list, wild, len(all), distinct(providerIDs(all)), errs)
			}
			if c.list != "referrals" && c.list != "commissions" {
				continue
			}
			some, _, _ := walkFiltered(w, c.list, `filter: {createdAt: {from: "1990-01-01T00:00:00Z", to: "2027-01-01T00:00:00Z"}}`, "", 100)
			if out := n - len(some); out != 0 && out != wildRows {
				t.Errorf("%s %s with %v, by date: %d rows", c.vendor, c.list, wild, len(some))
			}
		}
	}
}
