package promotekit

import (
	"net/http"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/promotekit/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// answers are those to questions, by name.
type answers = map[string]string

// TestProbe has every open question answered in each way.
func TestProbe(t *testing.T) {
	// with is the simulator in another state.
	with := func(change func(*world.Kit)) http.Handler {
		s := simulator()
		change(s.Kit())
		return s
	}
	bent := func(list, member, form string) http.Handler {
		return with(func(k *world.Kit) { k.Odd().Bend(world.Bend{List: list, Member: member, Form: form}) })
	}
	reversed := func(path string) http.Handler { return providertest.EditRows(simulator(), path, providertest.Reversed) }
	tidy := answers{}
	for _, q := range openQuestions {
		tidy[q.Name] = "as assumed"
	}
	// anyKey takes whatever key it is given for the right one.
	s := simulator()
	anyKey := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+sandbox.APIKey)
		s.ServeHTTP(w, r)
	})
	account := func(t testing.TB, vendor http.Handler) providers.Provider { return open(t, vendor) }
	providertest.Probes(t, account, []providertest.ProbeCase{
		{Name: "tidy", Vendor: simulator(), Want: tidy},
		{Name: "bare ids", Vendor: with(func(k *world.Kit) { k.Set(sandbox.IDsOnly, true) }), Want: tidy},
		{Name: "filters are ignored",
			Vendor: with(func(k *world.Kit) { k.Set(sandbox.IgnoreFilters, true) }), Want: answers{
				"affiliate-filter": "not as assumed: the filter is ignored", "referral-filter": "not as assumed: the filter is ignored",
				"commission-order": "as assumed",
			}},
		{Name: "days", Vendor: bent("/referrals", "signup_date", "date_only"), Want: answers{
			"referral-times": "not as assumed: of 100 times, 100 are days", "commission-times": "as assumed",
		}},
		{Name: "times without a zone",
			Vendor: bent("/commissions", "referral_date", "time_without_zone"), Want: answers{
				"commission-times": "not as assumed: of 100 times, 0 are days, 100 have no zone", "referral-times": "as assumed",
			}},
		{Name: "no times", Vendor: bent("/commissions", "referral_date", "null"), Want: answers{
			"commission-times": "not answered: no row has such a time",
		}},
		{Name: "zero dates", Vendor: bent("/referrals", "signup_date", "zero_date"), Want: answers{
			"referral-times": "not as assumed: of 100 times, 0 are days, 0 have no zone, and 100",
		}},
		{Name: "no words", Vendor: bent("/commissions", "payout_status", "empty"), Want: answers{
			"payout-status": "not as assumed: 100 of 100 commissions have another word",
		}},
		{Name: "oldest referrals first", Vendor: reversed("/referrals"), Want: answers{
			"referral-order": "not as assumed: the rows come oldest first", "commission-order": "as assumed", "payout-order": "as assumed",
		}},
		{Name: "oldest commissions first", Vendor: reversed("/commissions"), Want: answers{
			"commission-order": "not as assumed: the rows come oldest first", "affiliate-filter": "as assumed",
		}},
		{Name: "oldest payouts first", Vendor: reversed("/payouts"), Want: answers{
			"payout-order": "not as assumed: the rows come oldest first",
		}},
		{Name: "one commission",
			Vendor: providertest.EditRows(simulator(), "/commissions", providertest.Head(1)), Want: answers{
				"affiliate-filter": "not answered: the rows have too few different values", "commission-order": "not answered: there are no two rows",
			}},
		{Name: "any key", Vendor: anyKey, Want: answers{"wrong-key": "not as assumed: the status is 200, not 401"}},
	})
}
