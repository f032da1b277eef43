package resolvers_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/config"
)

// TestFilterByManyAffiliates wants a filter that names 20 or 60 affiliates to answer, within the calls
// that a request may make, the rows that each of them has, each once over the client's pages.
func TestFilterByManyAffiliates(t *testing.T) {
	limit := config.Default().Limits.Calls
	for vendor := range oddLists {
		w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true, pages: 100, cost: 1 << 20})
		var affiliates []string
		for _, row := range w.rowsOf("affiliates", "email") {
			affiliates = append(affiliates, id(row))
		}
		for n := 1; len(affiliates) < 60; n++ { // of whom there is nothing
			absent := parsed(affiliates[0])
			absent.Local = absent.Local[:len(absent.Local)-3] + fmt.Sprintf("%03d", n)
			affiliates = append(affiliates, absent.String())
		}
		for _, list := range []string{"referrals", "commissions", "payouts", "coupons", "memberships"} {
			all := map[string][]string{} // by affiliate
			for _, row := range w.rowsOf(list, "affiliate { id }") {
				owner, _ := at(row, "affiliate", "id").(string)
				all[owner] = append(all[owner], id(row))
			}
			for _, n := range []int{20, 60} {
				chosen, want := affiliates[:n], []string(nil)
				for _, affiliate := range chosen {
					want = append(want, all[affiliate]...)
				}
				strict := newWorld(t, setup{beside: w, vendors: []string{vendor}, noBudget: true, calls: limit, cost: 1 << 20})
				got := strict.filtered(t, list, chosen, 40)
				slices.Sort(want)
				want = slices.Compact(want)
				if slices.Sort(got); !slices.Equal(got, want) {
					t.Errorf("%s: %s of %d affiliates: %d rows, want %d", vendor, list, n, len(got), len(want))
				}
			}
			w.pass(time.Hour)
		}
	}
}

// filtered reads a list of what is of some affiliates to its end.
func (w *world) filtered(t *testing.T, list string, affiliates []string, first int) (ids []string) {
	t.Helper()
	var after *string
	for range 100 {
		a := w.ask(fmt.Sprintf(`query ($n: Int!, $a: String, $of: [ID!]) {
			%s(first: $n, after: $a, filter: { affiliates: $of }) { nodes { id } pageInfo { hasNextPage endCursor } } }`, list),
			object{"n": first, "a": after, "of": affiliates})
		var data map[string]struct {
			Nodes    []object
			PageInfo struct {
				HasNextPage bool
				EndCursor   *string
			}
		}
		if err := json.Unmarshal(a.Data, &data); err != nil || len(a.Errors) > 0 {
			t.Fatalf("%s of %d affiliates: %v %s", list, len(affiliates), err, clipped(a.text))
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
