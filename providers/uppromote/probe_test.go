package uppromote

import (
	"net/http"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	world "github.com/partnergraph/partnergraph/providers/sandbox"
	"github.com/partnergraph/partnergraph/providers/uppromote/sandbox"
)

// TestProbe has every open question answered in each way.
func TestProbe(t *testing.T) {
	// with is the simulator in another state.
	with := func(change func(*world.Kit)) http.Handler {
		s := sandbox.New(providertest.Small(noon))
		change(s.Kit())
		return s
	}
	switched := func(name string) http.Handler { return with(func(k *world.Kit) { k.Set(name, true) }) }
	plain := func() http.Handler { return with(func(*world.Kit) {}) }
	first := func(n int) http.Handler {
		return providertest.EditRows(plain(), "/affiliates", func(r *http.Request, rows []any) []any {
			if r.URL.Query().Get("page") == "1" {
				return rows[:n]
			}
			return []any{}
		})
	}
	tidy := map[string]string{}
	for _, q := range openQuestions {
		tidy[q.Name] = "as assumed"
	}
	providertest.Probes(t, func(t testing.TB, vendor http.Handler) providers.Provider { return open(t, vendor) },
		providertest.ProbeCase{Name: "tidy", Vendor: plain(), Want: tidy},
		providertest.ProbeCase{Name: "pages of 10", Vendor: switched(world.PageSize10), Want: map[string]string{
			"page-size": "not as assumed: a page has 10 rows, and the next has more", "paid-referrals": "as assumed",
		}},
		providertest.ProbeCase{Name: "pages of 20", Vendor: switched(world.PageSize20), Want: map[string]string{
			"page-size": "not as assumed: a page has 20 rows, and the next has more",
		}},
		providertest.ProbeCase{Name: "page is ignored", Vendor: switched(world.PageIgnored), Want: map[string]string{
			"page-size": "not as assumed: the second page repeats the first",
		}},
		providertest.ProbeCase{Name: "100 affiliates", Vendor: providertest.EditRows(plain(), "/affiliates", func(_ *http.Request, rows []any) []any {
			for len(rows) < pageSize {
				rows = append(rows, rows...)
			}
			return rows[:pageSize]
		}), Want: map[string]string{"page-size": "as assumed"}},
		providertest.ProbeCase{Name: "11 affiliates", Vendor: first(11), Want: map[string]string{"page-size": "as assumed"}},
		providertest.ProbeCase{Name: "10 affiliates", Vendor: first(10), Want: map[string]string{"page-size": "not answered: there are 10 affiliates"}},
		providertest.ProbeCase{Name: "9 affiliates", Vendor: first(9), Want: map[string]string{"page-size": "not answered: there are fewer than 10"}},
		providertest.ProbeCase{Name: "payments without referrals", Vendor: switched(sandbox.NoReferralIDs), Want: map[string]string{
			"paid-referrals": "not as assumed: 100 of 100 do not name them", "unpaid-referrals": "not as assumed: ", "payment-filter": "as assumed",
		}},
		providertest.ProbeCase{Name: "payments of nothing", Vendor: providertest.EditRows(plain(), "/payments/paid", func(_ *http.Request, rows []any) []any {
			for _, row := range rows {
				row.(map[string]any)["total_referrals"], row.(map[string]any)["referral_ids"] = 0, []any{}
			}
			return rows
		}), Want: map[string]string{"paid-referrals": "not answered: there are no such payments"}},
		providertest.ProbeCase{Name: "the filter is ignored", Vendor: switched(sandbox.IgnorePaymentEmail), Want: map[string]string{
			"payment-filter": "not as assumed: the filter is ignored",
		}},
		providertest.ProbeCase{Name: "one payment", Vendor: providertest.EditRows(plain(), "/payments/paid", providertest.Head(1)), Want: map[string]string{
			"payment-filter": "not answered: the rows have too few different values", "paid-referrals": "as assumed",
		}},
		providertest.ProbeCase{Name: "oldest referrals first", Vendor: providertest.EditRows(plain(), "/referrals", providertest.Reversed), Want: map[string]string{
			"referral-order": "not as assumed: the rows come oldest first",
		}},
	)
}
