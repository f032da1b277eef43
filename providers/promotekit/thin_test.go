package promotekit

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// thinList tries rows of a stored list that lack a member. single is the path of the read
// of one row; "" for none.
func thinList[T providers.Record](
	exchange, single, nullable string, plan func(providers.Provider) ([]providers.List[T], error),
	byID func(providers.Reader, context.Context, []providers.ID, ...string) (*providers.Batch[T], error), identity ...string,
) func(t *testing.T) {
	return func(t *testing.T) {
		l := providertest.ThinList[T]{
			OddList: oddList(t, providertest.Exchanges(t, "."), exchange, identity, plan), ByID: byID, Nullable: strings.Fields(nullable),
		}
		if single != "" {
			l.Single = func(row map[string]any) (string, any) {
				return fmt.Sprintf("%s/%v", single, row["id"]), map[string]any{"success": true, "data": row}
			}
		}
		providertest.EmptyObjects(t, l.OddList)
		providertest.ThinRows(t, l)
	}
}

// TestThinRowsOfLists: a row of a list knows what its object has, and one read brings the
// rest. An empty object in an envelope is no row.
func TestThinRowsOfLists(t *testing.T) {
	const ofCampaign = "website_url limit_type limit_amount reference_coupon custom_commission_type first_payment_commission"
	for noun, try := range map[providers.Noun]func(t *testing.T){
		providers.NounCampaign: thinList("campaign_list", "/campaigns", ofCampaign,
			func(p providers.Provider) ([]providers.List[providers.Campaign], error) {
				return p.Campaigns(providers.CampaignFilter{})
			}, providers.Reader.CampaignsByID),
		providers.NounAffiliate: thinList("affiliate_list", "/affiliates", "payout_email details",
			func(p providers.Provider) ([]providers.List[providers.Affiliate], error) {
				return p.Affiliates(providers.AffiliateFilter{})
			}, providers.Reader.AffiliatesByID),
		providers.NounMembership: thinList("affiliate_list", "/affiliates", "",
			func(p providers.Provider) ([]providers.List[providers.Membership], error) {
				return p.Memberships(providers.MembershipFilter{})
			}, providers.Reader.MembershipsByID, "campaign.id"),
		providers.NounReferral: thinList("referral_list", "", "",
			func(p providers.Provider) ([]providers.List[providers.Referral], error) {
				return p.Referrals(providers.ReferralFilter{})
			}, providers.Reader.ReferralsByID, "affiliate.id"),
		providers.NounCommission: thinList("commission_list", "/commissions", "",
			func(p providers.Provider) ([]providers.List[providers.Commission], error) {
				return p.Commissions(providers.CommissionFilter{})
			}, providers.Reader.CommissionsByID),
		providers.NounPayout: thinList("payout_list", "/payouts", "",
			func(p providers.Provider) ([]providers.List[providers.Payout], error) {
				return p.Payouts(providers.PayoutFilter{})
			}, providers.Reader.PayoutsByID),
	} {
		t.Run(string(noun), try)
	}
}
