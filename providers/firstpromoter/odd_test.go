package firstpromoter

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// stored is a stored list whose rows have a date. hidden are members that may say that a
// row is not to be shown; they have tests of their own.
func stored[T providers.Record](t *testing.T, exchange, rows, date string, plan func(p providers.Provider) ([]providers.List[T], error),
	identity []string, hidden ...string) providertest.OddList[T] {
	return providertest.OddList[T]{
		Exchange: providertest.Find(t, providertest.Exchanges(t, "."), exchange),
		Rows:     rows,
		Identity: append(identity, "id"),
		Renumber: func(row map[string]any, n int) {
			renumberRelated(row, n)
			row["id"] = 7_000_000 + n
			if date != "" {
				row[date] = noon.AddDate(0, 0, -n).Format(time.RFC3339)
			}
			for _, name := range hidden {
				delete(row, name)
			}
		},
		Open: func(t testing.TB, vendor http.Handler) providers.Provider { return open(t, vendor, someKey) },
		Plan: plan,
	}
}

// renumberRelated gives every record in a row an id of its own.
func renumberRelated(v any, n int) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if id, err := strconv.Atoi(fmt.Sprint(inner)); err == nil && (name == "id" || strings.HasSuffix(name, "r_id") || name == "campaign_id") {
				v[name] = id + n
			}
			renumberRelated(inner, n)
		}
	case []any:
		for _, inner := range v {
			renumberRelated(inner, n)
		}
	}
}

// oddList tries odd forms in every member of a stored list's rows.
func oddList[T providers.Record](exchange, rows, date string, plan func(p providers.Provider) ([]providers.List[T], error),
	identity []string, hidden ...string) func(t *testing.T) {
	return func(t *testing.T) {
		providertest.OddForms(t, stored(t, exchange, rows, date, plan, identity, hidden...))
	}
}

// TestOddForms: one odd value costs one field, and one odd row one row, in every list.
func TestOddForms(t *testing.T) {
	for noun, try := range map[providers.Noun]func(t *testing.T){
		providers.NounAffiliate: oddList("affiliate_list", "data", "joined_at", func(p providers.Provider) ([]providers.List[providers.Affiliate], error) {
			return p.Affiliates(providers.AffiliateFilter{})
		}, nil),
		providers.NounMembership: oddList("membership_list", "", "created_at", func(p providers.Provider) ([]providers.List[providers.Membership], error) {
			return p.Memberships(providers.MembershipFilter{})
		}, nil),
		providers.NounCampaign: oddList("campaign_list", "", "", func(p providers.Provider) ([]providers.List[providers.Campaign], error) {
			return p.Campaigns(providers.CampaignFilter{})
		}, nil),
		providers.NounReferral: oddList("referral_list", "", "created_at", func(p providers.Provider) ([]providers.List[providers.Referral], error) {
			return p.Referrals(providers.ReferralFilter{})
		}, nil),
		providers.NounCommission: oddList("commission_list", "", "created_at", func(p providers.Provider) ([]providers.List[providers.Commission], error) {
			return p.Commissions(providers.CommissionFilter{})
		}, nil),
		providers.NounPayout: oddList("payout_list", "", "created_at", func(p providers.Provider) ([]providers.List[providers.Payout], error) {
			return p.Payouts(providers.PayoutFilter{})
		}, nil),
		providers.NounCoupon: oddList("coupon_list", "", "", func(p providers.Provider) ([]providers.List[providers.Coupon], error) {
			return p.Coupons(providers.CouponFilter{})
		}, []string{"code"}, "archived_at"),
		providers.NounWebhookSubscription: oddList("webhook_list", "", "created_at", func(p providers.Provider) ([]providers.List[providers.WebhookSubscription], error) {
			return p.WebhookSubscriptions()
		}, nil),
	} {
		t.Run(string(noun), try)
	}
}
