package uppromote

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// stored is a stored list. The members of id take the number of a row, or a text made of
// it; those of identity are what a row is nothing without.
func stored[T providers.Record](t *testing.T, exchange string, id, identity []string, plan func(*provider) ([]providers.List[T], error)) providertest.OddList[T] {
	return providertest.OddList[T]{
		Exchange: providertest.Find(t, providertest.Exchanges(t, "."), exchange),
		Rows:     "data",
		Renumber: func(row map[string]any, n int) {
			for _, name := range id {
				if row[name] = 7000 - n; name == "coupon" || name == "event" {
					row[name] = fmt.Sprintf("N%d", n)
				}
			}
			if affiliate, ok := row["affiliate"].(map[string]any); ok {
				affiliate["id"] = 9000 - n
			}
			for _, name := range []string{"created_at", "processed_at"} {
				if _, ok := row[name]; ok {
					row[name] = noon.AddDate(0, 0, -n).Format(time.RFC3339)
				}
			}
		},
		Identity: identity,
		Open:     func(t testing.TB, vendor http.Handler) providers.Provider { return open(t, vendor) },
		Plan:     func(p providers.Provider) ([]providers.List[T], error) { return plan(p.(*provider)) },
	}
}

// oddList tries odd forms in a stored list.
func oddList[T providers.Record](t *testing.T, exchange string, id, identity []string, plan func(*provider) ([]providers.List[T], error)) {
	t.Run(fmt.Sprintf("%s as %T", exchange, *new(T)), func(t *testing.T) {
		t.Parallel()
		providertest.OddForms(t, stored(t, exchange, id, identity, plan))
	})
}

// TestOddForms: one odd value costs one field and one odd row one row, in every list.
func TestOddForms(t *testing.T) {
	id := []string{"id"}
	oddList(t, "affiliate_list", id, id, func(p *provider) ([]providers.List[providers.Affiliate], error) {
		return p.Affiliates(providers.AffiliateFilter{})
	})
	oddList(t, "affiliate_list", id, []string{"id", "program_id"}, func(p *provider) ([]providers.List[providers.Membership], error) {
		return p.Memberships(providers.MembershipFilter{})
	})
	oddList(t, "campaign_list", id, id, func(p *provider) ([]providers.List[providers.Campaign], error) {
		return p.Campaigns(providers.CampaignFilter{})
	})
	oddList(t, "referral_list", id, id, func(p *provider) ([]providers.List[providers.Referral], error) {
		return p.Referrals(providers.ReferralFilter{})
	})
	oddList(t, "referral_list", id, id, func(p *provider) ([]providers.List[providers.Commission], error) {
		return p.Commissions(providers.CommissionFilter{})
	})
	oddList(t, "commission_find", id, id, func(p *provider) ([]providers.List[providers.Commission], error) {
		return p.Commissions(ofKnownAffiliate(affiliateNo, "affiliate@example.com"))
	})
	payouts := func(status providers.PayoutStatus) func(p *provider) ([]providers.List[providers.Payout], error) {
		return func(p *provider) ([]providers.List[providers.Payout], error) {
			return p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{status}})
		}
	}
	oddList(t, "payout_list_paid", []string{"payment_id"}, []string{"payment_id"}, payouts(providers.PayoutPaid))
	for _, exchange := range []string{"payout_list_due", "payout_find_due"} {
		oddList(t, exchange, []string{"affiliate_id"}, []string{"affiliate_id"}, payouts(providers.PayoutDue))
	}
	oddList(t, "coupon_list", []string{"id", "coupon"}, []string{"affiliate_id", "coupon"}, func(p *provider) ([]providers.List[providers.Coupon], error) {
		return p.Coupons(providers.CouponFilter{})
	})
	for _, exchange := range []string{"webhook_list", "webhook_find_one"} {
		oddList(t, exchange, []string{"event"}, []string{"event"}, func(p *provider) ([]providers.List[providers.WebhookSubscription], error) {
			return p.WebhookSubscriptions()
		})
	}
}

// ofKnownAffiliate is a filter by an affiliate whose address is known.
func ofKnownAffiliate(number, email string) providers.CommissionFilter {
	f := providers.CommissionFilter{Affiliates: affiliateIDs(number)}
	f.Parent.Affiliate = &providers.Affiliate{Node: providers.Node{ID: f.Affiliates[0]}, Email: &email}
	return f
}
