package firstpromoter

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
func thinList[T providers.Record](exchange, rows, date, single, nullable string, plan func(p providers.Provider) ([]providers.List[T], error),
	byID func(providers.Reader, context.Context, []providers.ID, ...string) (*providers.Batch[T], error), identity []string,
) func(t *testing.T) {
	return func(t *testing.T) {
		l := providertest.ThinList[T]{
			OddList: stored(t, exchange, rows, date, plan, identity), ByID: byID, Nullable: strings.Fields(nullable),
		}
		if single != "" {
			l.Single = func(row map[string]any) (string, any) { return fmt.Sprintf("%s/%v", single, row["id"]), row }
		}
		providertest.EmptyObjects(t, l.OddList)
		providertest.ThinRows(t, l)
	}
}

// TestThinRowsOfLists: a row of a list knows what its object has, and one read brings the
// rest. An empty object in an envelope is no row.
func TestThinRowsOfLists(t *testing.T) {
	for noun, try := range map[providers.Noun]func(t *testing.T){
		providers.NounAffiliate: thinList("affiliate_list", "data", "joined_at", "/promoters", "note archived_at",
			func(p providers.Provider) ([]providers.List[providers.Affiliate], error) {
				return p.Affiliates(providers.AffiliateFilter{})
			}, providers.Reader.AffiliatesByID, nil),
		providers.NounCampaign: thinList("campaign_list", "", "", "/campaigns", "",
			func(p providers.Provider) ([]providers.List[providers.Campaign], error) {
				return p.Campaigns(providers.CampaignFilter{})
			}, providers.Reader.CampaignsByID, nil),
		providers.NounReferral: thinList("referral_list", "", "created_at", "/referrals", "uid customer_since",
			func(p providers.Provider) ([]providers.List[providers.Referral], error) {
				return p.Referrals(providers.ReferralFilter{})
			}, providers.Reader.ReferralsByID, nil),
		providers.NounCommission: thinList("commission_list", "", "created_at", "", "",
			func(p providers.Provider) ([]providers.List[providers.Commission], error) {
				return p.Commissions(providers.CommissionFilter{})
			}, providers.Reader.CommissionsByID, nil),
		providers.NounPayout: thinList("payout_list", "", "created_at", "", "",
			func(p providers.Provider) ([]providers.List[providers.Payout], error) {
				return p.Payouts(providers.PayoutFilter{})
			}, providers.Reader.PayoutsByID, nil),
		providers.NounCoupon: thinList("coupon_list", "", "", "/promo_codes", "archived_at",
			func(p providers.Provider) ([]providers.List[providers.Coupon], error) {
				return p.Coupons(providers.CouponFilter{})
			}, providers.Reader.CouponsByID, []string{"code"}),
	} {
		t.Run(string(noun), try)
	}
}
