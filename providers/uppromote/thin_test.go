package uppromote

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// thinList tries rows of a stored list that lack a member. single is the path of the read of one
// record; "" for none.
func thinList[T providers.Record](t *testing.T, exchange, key, single, nullable string, plan func(*provider) ([]providers.List[T], error),
	byID func(providers.Reader, context.Context, []providers.ID, ...string) (*providers.Batch[T], error), identity ...string,
) {
	t.Run(fmt.Sprintf("%s as %T", exchange, *new(T)), func(t *testing.T) {
		keys := strings.Fields(key)
		l := providertest.ThinList[T]{
			OddList: stored(t, exchange, keys, append(identity, keys...), plan), ByID: byID, Nullable: strings.Fields(nullable),
		}
		if single != "" {
			l.Single = func(row map[string]any) (string, any) {
				return fmt.Sprintf("%s/%v", single, row[keys[0]]), map[string]any{"status": 200, "message": "success", "data": row}
			}
		}
		providertest.EmptyObjects(t, l.OddList)
		providertest.ThinRows(t, l)
	})
}

// TestThinRowsOfLists: a row of a list knows what its object has, and one read brings the
// rest. An empty object in an envelope is no row.
func TestThinRowsOfLists(t *testing.T) {
	thinList(t, "affiliate_list", "id", "/affiliates", "custom_affiliate_link internal_note personal_detail",
		func(p *provider) ([]providers.List[providers.Affiliate], error) {
			return p.Affiliates(providers.AffiliateFilter{})
		}, providers.Reader.AffiliatesByID)
	const rules = "rule commission_advanced new_customer_commission lifetime_commission special_coupon_commission"
	thinList(t, "campaign_list", "id", "/programs", rules,
		func(p *provider) ([]providers.List[providers.Campaign], error) {
			return p.Campaigns(providers.CampaignFilter{})
		}, providers.Reader.CampaignsByID)
	thinList(t, "referral_list", "id", "/referrals", "",
		func(p *provider) ([]providers.List[providers.Referral], error) {
			return p.Referrals(providers.ReferralFilter{})
		}, providers.Reader.ReferralsByID)
	thinList(t, "referral_list", "id", "/referrals", "",
		func(p *provider) ([]providers.List[providers.Commission], error) {
			return p.Commissions(providers.CommissionFilter{})
		}, providers.Reader.CommissionsByID)
	payouts := func(status providers.PayoutStatus) func(p *provider) ([]providers.List[providers.Payout], error) {
		return func(p *provider) ([]providers.List[providers.Payout], error) {
			return p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{status}})
		}
	}
	thinList(t, "payout_list_paid", "payment_id", "/payments", "", payouts(providers.PayoutPaid), providers.Reader.PayoutsByID)
	thinList(t, "payout_list_due", "affiliate_id", "", "", payouts(providers.PayoutDue), providers.Reader.PayoutsByID)
	thinList(t, "coupon_list", "id coupon", "", "",
		func(p *provider) ([]providers.List[providers.Coupon], error) {
			return p.Coupons(providers.CouponFilter{})
		}, providers.Reader.CouponsByID, "affiliate_id")
}
