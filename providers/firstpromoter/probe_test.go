package firstpromoter

import (
	"net/http"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/firstpromoter/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
	world "github.com/partnergraph/partnergraph/providers/sandbox"
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
	moved := func() http.Handler { return with(func(k *world.Kit) { k.Set(sandbox.Moved, true) }) }
	bent := func(list, member, form string) http.Handler {
		return with(func(k *world.Kit) { k.Odd().Bend(world.Bend{List: list, Member: member, Form: form}) })
	}
	// asks is the simulator that is asked with other parameters.
	asks := func(change func(q map[string][]string)) http.Handler {
		s := moved()
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			change(q)
			r = r.Clone(r.Context())
			r.URL.RawQuery = q.Encode()
			s.ServeHTTP(w, r)
		})
	}
	const campaigns = "filters[campaign_id][]"
	s := moved()
	anyAccount := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Account-ID", "acc_123456")
		s.ServeHTTP(w, r)
	})
	reversed := func(path string) http.Handler { return providertest.EditRows(moved(), path, providertest.Reversed) }
	tidy := answers{}
	for _, q := range openQuestions {
		tidy[q.Name] = "as assumed"
	}
	credentials := sandbox.New(providertest.Small(noon)).Credentials()
	account := func(t testing.TB, vendor http.Handler) providers.Provider { return open(t, vendor, credentials) }
	providertest.Probes(t, account, []providertest.ProbeCase{
		{Name: "tidy", Vendor: moved(), Want: tidy},
		{Name: "nobody was moved", Vendor: with(func(*world.Kit) {}), Want: answers{
			"moved-customer": "not answered: none of the customers",
		}},
		{Name: "days", Vendor: bent("/payouts", "period_end", "date_only"), Want: answers{
			"payout-period": "not as assumed: of 200 times, 100 are days", "payout-order": "as assumed",
		}},
		{Name: "times with spaces", Vendor: bent("/payouts", "period_start", "time_with_spaces"), Want: answers{
			"payout-period": "not as assumed: of 200 times, 0 are days, 0 have no zone, and 100",
		}},
		{Name: "oldest payouts first", Vendor: reversed("/payouts"), Want: answers{
			"payout-order": "not as assumed: the rows come oldest first", "referral-order": "as assumed",
		}},
		{Name: "oldest referrals first", Vendor: reversed("/referrals"), Want: answers{
			"referral-order": "not as assumed: the rows come oldest first", "moved-customer": "as assumed",
		}},
		{Name: "the filter is ignored",
			Vendor: asks(func(q map[string][]string) { delete(q, campaigns) }), Want: answers{
				"several-campaigns": "not as assumed: the filter is ignored",
			}},
		{Name: "the last value counts", Vendor: asks(func(q map[string][]string) {
			if all := q[campaigns]; len(all) > 1 {
				q[campaigns] = all[1:]
			}
		}), Want: answers{"several-campaigns": "not as assumed: the filter finds rows for 1 of 2 values"}},
		{Name: "two commissions",
			Vendor: providertest.EditRows(moved(), "/commissions", providertest.Head(2)), Want: answers{
				"several-campaigns": "not answered: the rows have too few different values",
			}},
		{Name: "the search finds nobody", Vendor: providertest.EditRows(moved(), "/referrals", func(r *http.Request, rows []any) []any {
			if r.URL.Query().Has("q") {
				return []any{}
			}
			return rows
		}), Want: answers{"moved-customer": "not as assumed: the search finds 0 customers"}},
		{Name: "any account", Vendor: anyAccount, Want: answers{
			"wrong-account-id": "not as assumed: the status is 200, not 404",
		}},
	})
}
