package resolvers_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
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

// TestUnjudgedRowsOfPartners: a partner is told of their own rows alone.
func TestUnjudgedRowsOfPartners(t *testing.T) {
	sequential(t)
	const other = "a0000000-0000-4000-8000-000000000002"
	v := &plainVendor{name: "promotekit", lists: map[string][]object{
		"/affiliates": vendorRows(kitAffiliate, 2, nil),
		"/commissions": vendorRows(kitCommission, 12, func(i int, row object) {
			if i%2 == 1 {
				row["affiliate"] = vendorRow(strings.ReplaceAll(kitAffiliate, "-000000000001\",\"email", "-000000000002\",\"email"))
			}
			if i%3 == 1 {
				delete(row, "payout_status") // two of the partner's, two of somebody else's
			}
		}),
	}}
	v.filter = func(_ string, q url.Values, rows []object) (out []object) {
		for _, row := range rows {
			if by := q.Get("affiliate_id"); by == "" || fmt.Sprint(at(row, "affiliate", "id")) == by {
				out = append(out, row)
			}
		}
		return out
	}
	w := newPlainWorld(t, v, setup{})
	self := providers.ID{
		Account: w.accounts[v.name].AccountID(), Noun: providers.NounAffiliate, Local: strings.Replace(other, "000002", "000001", 1),
	}
	a := w.as(partner(self.String()), `{ commissions(first: 50, filter: {statuses: [APPROVED]}) { nodes { affiliate { id } } } }`, nil)
	nodes, _ := at(vendorRow(a.text), "data", "commissions", "nodes").([]any)
	if len(nodes) != 4 || len(a.Errors) != 1 || fmt.Sprint(a.Errors[0].Extensions["rows"]) != "2" || strings.Contains(a.text, other) {
		t.Errorf("want 4 rows, and 2 that cannot be judged: %s", a.text)
	}
}

// TestUnjudgedRelatedRecords reads a filtered list, and then another one, inside whose rows
// the same records stand, with an odd value. The first list, read again from the cache, has
// the record still.
func TestUnjudgedRelatedRecords(t *testing.T) {
	sequential(t)
	affiliate := strings.TrimSuffix(kitAffiliate, "}") + `,"payout_email":"p@example.com","details":"d"}` // whole
	referral := strings.TrimSuffix(kitReferral, "}") + `,"signup_date":"2025-12-17T00:00:00Z"}`
	for _, c := range []struct {
		vendor, path, list, row   string            // the list that is read first
		inPath, inList, in, place string            // the list whose rows have the record inside
		filters                   map[string]string // by the member that decides
	}{
		{"promotekit", "/affiliates", "affiliates", affiliate, "/commissions", "commissions", kitCommission, "affiliate", map[string]string{
			"approved": `statuses: [ACTIVE]`, "banned": `statuses: [ACTIVE]`, "email": `email: "aff1@example.com"`, "links": `refCode: "a1"`}},
		{"promotekit", "/affiliates", "affiliates", affiliate, "/referrals", "referrals", kitReferral, "affiliate", map[string]string{
			"approved": `statuses: [ACTIVE]`, "email": `search: "aff1"`}},
		{"promotekit", "/referrals", "referrals", referral, "/commissions", "commissions", kitCommission, "referral", map[string]string{
			"subscription_status": `statuses: [ACTIVE]`, "email": `search: "cust1"`, "stripe_customer_id": `customerId: "cus_1"`,
			"created_at": `createdAt: {from: "2000-01-01T00:00:00Z"}`}},
		{"uppromote", "/affiliates", "affiliates", shopAffiliate, "/referrals", "commissions", shopReferral, "affiliate", map[string]string{
			"status": `statuses: [ACTIVE]`, "coupons": `search: "UP1"`}},
	} {
		for member, filter := range c.filters {
			for _, form := range []string{`{"x": []}`, ""} {
				outer, inner := vendorRow(c.in), vendorRow(c.row)
				if inner[member] = json.RawMessage(form); form == "" {
					delete(inner, member)
				}
				outer[c.place] = inner
				v := &plainVendor{name: c.vendor, lists: map[string][]object{c.path: {vendorRow(c.row)}, c.inPath: {outer}}}
				w := newPlainWorld(t, v, setup{})
				if rows, errs, _ := walkFiltered(w, c.list, "filter: {"+filter+"}", "", 5); len(rows) != 1 || len(errs) > 0 {
					t.Errorf("%s %s by %s: %d rows, %v", c.vendor, c.list, filter, len(rows), errs)
				}
				w.ask(fmt.Sprintf(`{ %s(first: 5) { nodes { id } } }`, c.inList), nil)
				if rows, errs, _ := walkFiltered(w, c.list, "filter: {"+filter+"}", "", 5); len(rows) != 1 || len(errs) > 0 {
					t.Errorf("%s %s by %s, its %s in %s is %q: %d rows, %v", c.vendor, c.list, filter, member, c.inList, form, len(rows), errs)
				}
			}
		}
	}
}
