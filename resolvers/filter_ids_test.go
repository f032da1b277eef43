package resolvers_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/config"
)

// filtersByIDs are the lists' filters that name many records, with the edge of a row that
// each goes by.
var filtersByIDs = []struct{ list, filter, noun, edge string }{
	{"memberships", "affiliates", "affiliates", "affiliate"},
	{"referrals", "affiliates", "affiliates", "affiliate"},
	{"commissions", "affiliates", "affiliates", "affiliate"},
	{"payouts", "affiliates", "affiliates", "affiliate"},
	{"coupons", "affiliates", "affiliates", "affiliate"},
	{"memberships", "campaigns", "campaigns", "campaign"},
	{"referrals", "campaigns", "campaigns", "campaign"},
	{"commissions", "campaigns", "campaigns", "campaign"},
	{"commissions", "referrals", "referrals", "referral"},
	{"commissions", "payouts", "payouts", "payout"},
}

// TestFilterByManyIDs wants a filter that names 20 or 60 records to answer, within the
// calls that a request may make, the rows that each of them has, each once over the
// client's pages.
func TestFilterByManyIDs(t *testing.T) {
	sequential(t)
	limit := config.Default().Limits.Calls
	for vendor := range oddLists {
		w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true, pages: 100, cost: 1 << 20})
		ids := map[string][]string{} // by noun, 60 at least; of some there is nothing
		for _, f := range filtersByIDs {
			if ids[f.noun] != nil {
				continue
			}
			for _, row := range w.rowsOf(f.noun, "providerId") {
				ids[f.noun] = append(ids[f.noun], id(row))
			}
			for n := 1; len(ids[f.noun]) < 60; n++ {
				absent := parsed(ids[f.noun][0])
				absent.Local = absent.Local[:max(0, len(absent.Local)-3)] + fmt.Sprintf("%03d", n)
				ids[f.noun] = append(ids[f.noun], absent.String())
			}
		}
		for _, f := range filtersByIDs {
			if vendor == "firstpromoter" && f.filter == "payouts" {
				continue // see TestFilterByManyPayouts
			}
			all := map[string][]string{} // rows by the record that they belong to
			for _, row := range w.rowsOf(f.list, f.edge+" { id }") {
				owner, _ := at(row, f.edge, "id").(string)
				all[owner] = append(all[owner], id(row))
			}
			for _, n := range []int{20, 60} {
				chosen, want := ids[f.noun][:n], []string(nil)
				for _, owner := range chosen {
					want = append(want, all[owner]...)
				}
				strict := newWorld(t, setup{beside: w, vendors: []string{vendor}, noBudget: true, calls: limit, cost: 1 << 20})
				got := strict.filtered(t, f.list, f.filter, chosen, 40)
				slices.Sort(want)
				want = slices.Compact(want)
				if slices.Sort(got); !slices.Equal(got, want) {
					t.Errorf("%s: %s of %d %s: %d rows, want %d", vendor, f.list, n, f.filter, len(got), len(want))
				}
			}
			w.pass(time.Hour)
		}
	}
}

// TestFilterByManyPayouts: commissions at FirstPromoter do not name their payouts, so that
// a filter takes a call for each. More than a request may make are refused in part, and
// said.
func TestFilterByManyPayouts(t *testing.T) {
	w := newWorld(t, setup{vendors: []string{"firstpromoter"}, noBudget: true, pages: 100, calls: 1 << 20, cost: 1 << 20})
	var ids []string
	for _, row := range w.rowsOf("payouts", "providerId") {
		ids = append(ids, id(row))
	}
	const limit = 25
	for _, n := range []int{20, 60} {
		chosen, want := ids[:n], []string(nil)
		for _, payout := range chosen {
			data, _ := must[struct {
				Payout struct{ Commissions struct{ Nodes []object } }
			}](w, fmt.Sprintf(`{ payout(id: %q) { commissions(first: 100) { nodes { id } } } }`, payout), nil)
			for _, row := range data.Payout.Commissions.Nodes {
				want = append(want, id(row))
			}
		}
		strict := newWorld(t, setup{beside: w, vendors: []string{"firstpromoter"}, noBudget: true, calls: limit, cost: 1 << 20})
		strict.taken("firstpromoter")
		a := strict.ask(`query ($ids: [ID!]) { commissions(first: 100, filter: { payouts: $ids }) { nodes { id } pageInfo { hasNextPage } } }`, object{"ids": chosen})
		calls, _ := strict.taken("firstpromoter")
		var data struct{ Commissions struct{ Nodes []object } }
		_ = json.Unmarshal(a.Data, &data) // there are none where the query was refused
		var got []string
		for _, row := range data.Commissions.Nodes {
			got = append(got, id(row))
		}
		slices.Sort(got)
		slices.Sort(want)
		switch {
		case len(calls) > limit:
			t.Errorf("%d payouts: %d calls", n, len(calls))
		case n <= limit && (len(a.Errors) > 0 || len(want) == 0 || len(want) <= 100 && !slices.Equal(got, want)):
			t.Errorf("%d payouts: %d rows, want %d: %s", n, len(got), len(want), clipped(a.text))
		case n > limit && a.code() != "QUERY_TOO_COMPLEX":
			t.Errorf("%d payouts: %s", n, clipped(a.text))
		}
	}
}

// filtered reads a list of what is of some records to its end.
func (w *world) filtered(t *testing.T, list, filter string, owners []string, first int) (ids []string) {
	t.Helper()
	var after *string
	for range 100 {
		a := w.ask(fmt.Sprintf(`query ($n: Int!, $a: String, $ids: [ID!]) {
			%s(first: $n, after: $a, filter: { %s: $ids }) { nodes { id } pageInfo { hasNextPage endCursor } } }`, list, filter),
			object{"n": first, "a": after, "ids": owners})
		var data map[string]struct {
			Nodes    []object
			PageInfo struct {
				HasNextPage bool
				EndCursor   *string
			}
		}
		if err := json.Unmarshal(a.Data, &data); err != nil || len(a.Errors) > 0 {
			t.Errorf("%s of %d %s: %v %s", list, len(owners), filter, err, clipped(a.text))
			return nil
		}
		for _, row := range data[list].Nodes {
			ids = append(ids, id(row))
		}
		if after = data[list].PageInfo.EndCursor; !data[list].PageInfo.HasNextPage {
			return ids
		}
	}
	t.Fatalf("%s does not end", list)
	return nil
}
