package resolvers_test

import (
	"fmt"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// TestCallsOfWrite makes each write with the least limits.calls that lets it through, and
// all limits below. No request makes more calls, and a write is either sent and answered,
// or not sent and refused.
func TestCallsOfWrite(t *testing.T) {
	sequential(t)
	eachRow(t, func(t *testing.T, r row) {
		w, p := r.sole(t, setup{})
		const fewest, most = 4, 40 // a plan counts four calls for each mutation
		for calls := fewest; ; calls++ {
			tight := newWorld(t, setup{vendors: []string{r.vendor}, calls: calls, cost: 1 << 20, noBudget: true, beside: w})
			a := tight.writeOnly(r.mutation, p.input)
			all, writes := tight.taken(r.vendor)
			if len(all) > calls || len(all) != a.Extensions.Cost.Spent {
				t.Fatalf("%d calls are allowed, and it takes %d, said to be %d:%s", calls, len(all), a.Extensions.Cost.Spent, lined(all))
			}
			refused := a.code() == "QUERY_TOO_COMPLEX"
			if refused && len(writes) == 0 && calls < most {
				continue
			}
			if refused || len(a.Errors) > 0 || landed(all) != 1 {
				t.Errorf("%d calls: %s%s", calls, clipped(a.text), lined(all))
			}
			break
		}
	})
}

// TestCallsOfMutations wants all mutations of a request, with what they read and what is
// read of their records, within limits.calls. They are made in their order, and each that
// was not sent says so.
func TestCallsOfMutations(t *testing.T) {
	const calls = 50
	heard := new(counted)
	w := newWorld(t, setup{vendors: []string{"firstpromoter"}, size: providers.SandboxMedium, calls: calls, heard: heard, noBudget: true})
	rows := w.page("affiliates")
	for n, c := range []struct {
		mutations int // as many as the plan allows
		selection string
	}{
		{12, `{ userErrors { code } }`},
		{4, `{ coupon { id code affiliate { id referrals(first: 5) { nodes { id } } } } userErrors { code } }`},
	} {
		query := "mutation {"
		for i := range c.mutations {
			query += fmt.Sprintf(` m%d: assignCoupon(input: { idempotencyKey: "mutation-%d-%d", affiliate: "%s", code: "NEWCODE%d" }) %s`, i, n, i, rows[i]["id"], i, c.selection)
		}
		before := heard.Load()
		a := w.ask(query+" }", nil)
		taken := int(heard.Load() - before)
		if taken > calls || taken != a.Extensions.Cost.Spent {
			t.Errorf("planned %d, said to be spent %d, and the vendor was asked %d times; %d are allowed", a.Extensions.Cost.Planned, a.Extensions.Cost.Spent, taken, calls)
		}
		refused := len(a.Errors)
		for i, e := range a.Errors {
			if want := fmt.Sprint("m", c.mutations-refused+i); e.Extensions["code"] != "QUERY_TOO_COMPLEX" || e.Path[0] != want {
				t.Errorf("%+v; want %s refused", e, want)
			}
		}
		if n == 0 && (refused == 0 || refused == c.mutations) {
			t.Errorf("%d mutations are refused: the test shows nothing", refused)
		}
	}
}
