package resolvers_test

import (
	"fmt"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

func TestZZCoupons(t *testing.T) {
	v := zzShop("uppromote", 5, 10)
	for i, r := range v.lists["/affiliates"] {
		r["coupons"] = []any{fmt.Sprintf("UP%d", i)}
	}
	w := zzNew(t, v, setup{})
	for _, q := range []string{`{ coupons(first: 100) { nodes { id code } } }`, fmt.Sprintf(`{ coupons(first: 100, filter: {affiliates: [%q]}) { nodes { id code } } }`, zzGlobal("uppromote", providers.NounAffiliate, "701")), `{ affiliates(first: 10) { nodes { coupons { code } } } }`} {
		a := w.ask(q, nil)
		t.Log(clipped(a.text), v.taken())
	}
}
