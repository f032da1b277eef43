package uppromote

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// unnaming is a vendor whose payments do not name their referrals: in lists (those that are
// owed among them), and alone.
func unnaming(next http.Handler, lists, alone bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		vendor := &bending{next: next}
		listed := r.URL.Path == "/payments/paid" || r.URL.Path == "/payments/unpaid"
		if strings.HasPrefix(r.URL.Path, "/payments/") && (listed && lists || !listed && alone) {
			vendor.bend = func(row map[string]any) { delete(row, "referral_ids") }
		}
		vendor.ServeHTTP(w, r)
	})
}

// TestUnnamedReferrals: where payments do not name their referrals, which commissions they
// paid is not known, rather than none; and the account does not claim it.
func TestUnnamedReferrals(t *testing.T) {
	for name, tt := range map[string]struct {
		lists, alone bool
		kind, bare   providers.Kind // of reading a payment's commissions, with its row and without; "" where they are known
		lost         []providers.Capability
	}{
		"named":        {false, false, "", "", nil},
		"named alone":  {true, false, "", "", []providers.Capability{providers.EdgeCommissionPayout}},
		"named listed": {false, true, "", providers.KindBadReply, nil},
		"never named":  {true, true, providers.KindUnsupported, providers.KindUnsupported, []providers.Capability{providers.EdgeCommissionPayout, providers.EdgePayoutCommissions}},
	} {
		sim := simulator()
		var log strings.Builder
		p := openLogging(t, unnaming(sim, tt.lists, tt.alone), slog.NewTextHandler(&log, nil))
		lists, err := p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutPaid}})
		payouts := all(t, p, lists, err)
		for known, want := range map[*providers.Payout]providers.Kind{payouts[0]: tt.kind, nil: tt.bare} {
			f := providers.CommissionFilter{Payouts: []providers.ID{payouts[0].ID}}
			f.Parent.Payout = known
			planned, err := p.Commissions(f)
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, err = range providers.All(t.Context(), planned[0], p) {
				if err != nil {
					break
				}
				found++
			}
			if want == "" && (err != nil || int64(found) != *payouts[0].CommissionCount) {
				t.Errorf("%s: %d commissions, %v; want %d", name, found, err, *payouts[0].CommissionCount)
			} else if want != "" && providers.KindOf(err) != want {
				t.Errorf("%s: %d commissions, %v; want %s", name, found, err, want)
			}
		}
		var lost []providers.Capability
		for _, c := range capabilities {
			if !slices.Contains(p.Account().Capabilities, c) {
				lost = append(lost, c)
			}
		}
		if lines := strings.Count(log.String(), "level=WARN"); !slices.Equal(lost, tt.lost) || (lines > 0) != (tt.lists || tt.alone) || lines > 2 {
			t.Errorf("%s: the account lacks %q; want %q, and a line for each in the log:\n%s", name, lost, tt.lost, log.String())
		}
		b, err := p.PayoutsByID(t.Context(), []providers.ID{payouts[0].ID, payouts[1].ID}, "commissions", "amount")
		if err != nil || len(b.Found) != 2 || !b.Found[payouts[1].ID].Known.Covers("commissions") {
			t.Errorf("%s: by id %+v, %v", name, b, err)
		}
		_, ids := busiest(t, p)
		spent(sim)
		commissions, err := p.CommissionsByID(t.Context(), ids, "payout")
		if err != nil || len(commissions.Found) != len(ids) {
			t.Fatalf("%s: %+v, %v", name, commissions, err)
		}
		for _, c := range commissions.Found {
			if c.PayoutUnknown != tt.lists || c.Known != nil {
				t.Errorf("%s: %+v, whose payout is unknown: %v", name, c, c.PayoutUnknown)
			}
		}
		if calls := spent(sim); tt.lists && slices.ContainsFunc(calls, func(c string) bool { return strings.HasPrefix(c, "/payments") }) {
			t.Errorf("%s: payments are read in vain: %q", name, calls)
		}
	}
}

// TestOneOddNaming: one payment whose referrals cannot be read says nothing of the others.
func TestOneOddNaming(t *testing.T) {
	for _, ids := range []string{`"N/A"`, `null`, `7.5`, `{}`} {
		row := func(n, ids string) string {
			return `{"payment_id":` + n + `,"affiliate_id":5,"status":"PROCESSED","total_referrals":1,"referral_ids":` + ids + `}`
		}
		p := open(t, &shop{rows: []string{row("3", ids), row("2", "[8]")}})
		lists, err := p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutPaid}})
		rows := all(t, p, lists, err)
		if len(rows) != 2 || rows[0].Known.Covers("commissions") || len(rows[0].CommissionIDs) != 0 || !rows[1].Known.Covers("commissions") {
			t.Errorf("%s: %+v", ids, rows)
		}
		if p.naming.unlisted() || !slices.Contains(p.Account().Capabilities, providers.EdgeCommissionPayout) {
			t.Errorf("%s: the capability is lost by one odd value", ids)
		}
	}
}

// TestOddAffiliateIsNoForeigner: a payment whose affiliate cannot be read says nothing of
// the filter by address.
func TestOddAffiliateIsNoForeigner(t *testing.T) {
	p := open(t, &shop{rows: []string{`{"payment_id":3,"affiliate_id":[],"total_referrals":0}`, `{"payment_id":2,"affiliate_id":5,"total_referrals":0}`}})
	lists, err := p.Payouts(providers.PayoutFilter{Affiliates: affiliateIDs("5")})
	if rows := all(t, p, lists, err); len(rows) != 3 || p.emails.ignored() {
		t.Errorf("%d rows, the filter ignored: %v", len(rows), p.emails.ignored())
	}
}
