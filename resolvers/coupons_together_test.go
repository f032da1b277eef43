package resolvers_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// TestCouponsOfManyAffiliates wants the coupons of many affiliates to be read from the list
// of all where that takes fewer calls, and to be those that each affiliate has by itself.
func TestCouponsOfManyAffiliates(t *testing.T) {
	for vendor := range oddLists {
		w := newWorld(t, setup{vendors: []string{vendor}, size: providers.SandboxSmall, noBudget: true, cost: 1 << 20})
		const fields = `nodes { id coupons { id code description } }`
		codes := func(row any) (codes []string) {
			list, _ := at(row, "coupons").([]any)
			for _, c := range list {
				codes = append(codes, fmt.Sprint(id(c), at(c, "code"), at(c, "description")))
			}
			slices.Sort(codes)
			return codes
		}
		data, cold := must[struct{ Affiliates struct{ Nodes []object } }](w, "{ affiliates(first: 100) { "+fields+" } }", nil)
		if spent := cold.Extensions.Cost.Spent; spent > 15 || cold.Extensions.Cost.Planned < spent {
			t.Errorf("%s: %d calls were planned and %d spent:%s", vendor, cold.Extensions.Cost.Planned, spent, cold.calls())
		}
		found := 0
		for n, row := range data.Affiliates.Nodes {
			found += len(codes(row))
			if n%9 != 0 {
				continue
			}
			alone := newWorld(t, setup{beside: w, vendors: []string{vendor}, noBudget: true})
			one, _ := must[struct{ Affiliate object }](alone, fmt.Sprintf(
				`{ affiliate(id: %q) { coupons { id code description } } }`, id(row)), nil)
			if got, want := codes(row), codes(one.Affiliate); !slices.Equal(got, want) {
				t.Errorf("%s: %s has %q, and by itself %q", vendor, id(row), got, want)
			}
		}
		if found == 0 {
			t.Errorf("%s: no affiliate has a coupon", vendor)
		}
	}
}
