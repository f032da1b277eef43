package uppromote

import (
	"net/http"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	world "github.com/partnergraph/partnergraph/providers/sandbox"
	"github.com/partnergraph/partnergraph/providers/uppromote/sandbox"
)

// answers are those to questions, by name.
type answers = map[string]string

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
	reversed := func(path string) http.Handler { return providertest.EditRows(plain(), path, providertest.Reversed) }
	tidy := answers{}
	for _, q := range openQuestions {
		tidy[q.Name] = "as assumed"
	}
	account := func(t testing.TB, vendor http.Handler) providers.Provider { return open(t, vendor) }
	providertest.Probes(t, account, []providertest.ProbeCase{
		{Name: "tidy", Vendor: plain(), Want: tidy},
		{Name: "pages of 10", Vendor: switched(world.PageSize10), Want: answers{
			"page-size": "not as assumed: a page has 10 rows, and the next has more", "paid-referrals": "as assumed",
		}},
		{Name: "pages of 20", Vendor: switched(world.PageSize20), Want: answers{
			"page-size": "not as assumed: a page has 20 rows, and the next has more",
		}},
		{Name: "page is ignored", Vendor: switched(world.PageIgnored), Want: answers{
			"page-size": "not as assumed: the second page repeats the first",
		}},
		{Name: "100 affiliates", Vendor: providertest.EditRows(plain(), "/affiliates", func(_ *http.Request, rows []any) []any {
			for len(rows) < pageSize {
				rows = append(rows, rows...)
			}
			return rows[:pageSize]
		}), Want: answers{"page-size": "as assumed"}},
		{Name: "11 affiliates", Vendor: first(11), Want: answers{"page-size": "as assumed"}},
		{Name: "10 affiliates", Vendor: first(10), Want: answers{"page-size": "not answered: there are 10 affiliates"}},
		{Name: "9 affiliates", Vendor: first(9), Want: answers{"page-size": "not answered: there are fewer than 10"}},
		{Name: "payments without referrals", Vendor: switched(sandbox.NoReferralIDs), Want: answers{
			"paid-referrals": "not as assumed: 100 of 100 do not name them", "unpaid-referrals": "not as assumed: ", "payment-filter": "as assumed",
		}},
		{Name: "payments of nothing", Vendor: providertest.EditRows(plain(), "/payments/paid", func(_ *http.Request, rows []any) []any {
			for _, row := range rows {
				row.(map[string]any)["total_referrals"], row.(map[string]any)["referral_ids"] = 0, []any{}
			}
			return rows
		}), Want: answers{"paid-referrals": "not answered: there are no such payments"}},
		{Name: "the filter is ignored", Vendor: switched(sandbox.IgnorePaymentEmail), Want: answers{
			"payment-filter": "not as assumed: the filter is ignored",
		}},
		{Name: "one payment",
			Vendor: providertest.EditRows(plain(), "/payments/paid", providertest.Head(1)), Want: answers{
				"payment-filter": "not answered: the rows have too few different values", "paid-referrals": "as assumed",
			}},
		{Name: "oldest referrals first", Vendor: reversed("/referrals"), Want: answers{
			"referral-order": "not as assumed: the rows come oldest first",
		}},
	})
}
