package promotekit

import (
	"net/http"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/promotekit/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

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
	tidy := map[string]string{}
	for _, q := range openQuestions {
		tidy[q.Name] = "as assumed"
	}
	// anyKey takes whatever key it is given for the right one.
	s := simulator()
	anyKey := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+sandbox.APIKey)
		s.ServeHTTP(w, r)
	})
	providertest.Probes(t, func(t testing.TB, vendor http.Handler) providers.Provider { return open(t, vendor) },
		providertest.ProbeCase{Name: "tidy", Vendor: simulator(), Want: tidy},
		providertest.ProbeCase{Name: "bare ids", Vendor: with(func(k *world.Kit) { k.Set(sandbox.IDsOnly, true) }), Want: tidy},
		providertest.ProbeCase{Name: "filters are ignored", Vendor: with(func(k *world.Kit) { k.Set(sandbox.IgnoreFilters, true) }), Want: map[string]string{
			"affiliate-filter": "not as assumed: the filter is ignored", "referral-filter": "not as assumed: the filter is ignored",
			"commission-order": "as assumed",
		}},
		providertest.ProbeCase{Name: "days", Vendor: bent("/referrals", "signup_date", "date_only"), Want: map[string]string{
			"referral-times": "not as assumed: of 100 times, 100 are days", "commission-times": "as assumed",
		}},
		providertest.ProbeCase{Name: "times without a zone", Vendor: bent("/commissions", "referral_date", "time_without_zone"), Want: map[string]string{
			"commission-times": "not as assumed: of 100 times, 0 are days, 100 have no zone", "referral-times": "as assumed",
		}},
		providertest.ProbeCase{Name: "no times", Vendor: bent("/commissions", "referral_date", "null"), Want: map[string]string{
			"commission-times": "not answered: no row has such a time",
		}},
		providertest.ProbeCase{Name: "zero dates", Vendor: bent("/referrals", "signup_date", "zero_date"), Want: map[string]string{
			"referral-times": "not as assumed: of 100 times, 0 are days, 0 have no zone, and 100",
		}},
		providertest.ProbeCase{Name: "no words", Vendor: bent("/commissions", "payout_status", "empty"), Want: map[string]string{
			"payout-status": "not as assumed: 100 of 100 commissions have another word",
		}},
		providertest.ProbeCase{Name: "oldest referrals first", Vendor: providertest.EditRows(simulator(), "/referrals", providertest.Reversed), Want: map[string]string{
			"referral-order": "not as assumed: the rows come oldest first", "commission-order": "as assumed", "payout-order": "as assumed",
		}},
		providertest.ProbeCase{Name: "oldest commissions first", Vendor: providertest.EditRows(simulator(), "/commissions", providertest.Reversed), Want: map[string]string{
			"commission-order": "not as assumed: the rows come oldest first", "affiliate-filter": "as assumed",
		}},
		providertest.ProbeCase{Name: "oldest payouts first", Vendor: providertest.EditRows(simulator(), "/payouts", providertest.Reversed), Want: map[string]string{
			"payout-order": "not as assumed: the rows come oldest first",
		}},
		providertest.ProbeCase{Name: "one commission", Vendor: providertest.EditRows(simulator(), "/commissions", providertest.Head(1)), Want: map[string]string{
			"affiliate-filter": "not answered: the rows have too few different values", "commission-order": "not answered: there are no two rows",
		}},
		providertest.ProbeCase{Name: "any key", Vendor: anyKey, Want: map[string]string{"wrong-key": "not as assumed: the status is 200, not 401"}},
	)
}
