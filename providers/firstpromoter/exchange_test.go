package firstpromoter

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// noon is when replies arrive in tests.
var noon = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

// open is the account "saas" at a vendor.
func open(t testing.TB, vendor http.Handler, credentials map[string]string) *provider {
	t.Helper()
	c := providertest.Config("saas", vendor, noon)
	c.Credentials, c.Currency = credentials, "usd"
	made, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	p := made.(*provider)
	p.pollEvery = time.Millisecond
	return p
}

var someKey = map[string]string{"api_key": "key", "account_id": "acc_1"}

func id(noun providers.Noun, local string) providers.ID {
	return providers.ID{Account: "saas", Noun: noun, Local: local}
}

// TestExchanges holds what the client makes of each stored exchange against what is stored
// beside it.
func TestExchanges(t *testing.T) {
	type exchange = providertest.Exchange
	keyed := func(t testing.TB, vendor http.Handler) *provider { return open(t, vendor, someKey) }
	scenes := map[string]providertest.Scene[*provider]{
		"affiliate_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Affiliate](t, p)(p.Affiliates(providers.AffiliateFilter{})), nil
		}},
		"affiliate_get": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.AffiliatesByID(t.Context(), []providers.ID{id(providers.NounAffiliate, "8262001")})
		}},
		"membership_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Membership](t, p)(p.Memberships(providers.MembershipFilter{})), nil
		}},
		"campaign_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Campaign](t, p)(p.Campaigns(providers.CampaignFilter{})), nil
		}},
		"campaign_get": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.CampaignsByID(t.Context(), []providers.ID{id(providers.NounCampaign, "28004")}, "name")
		}},
		"campaign_list_probe": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) { return nil, p.Ping(t.Context()) }},
		"campaign_list_rewards": {With: []string{"campaign_list"}, Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.CampaignsByID(t.Context(), []providers.ID{
				id(providers.NounCampaign, "28004"), id(providers.NounCampaign, "28005"), id(providers.NounCampaign, "28006"),
			})
		}},
		"referral_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Referral](t, p)(p.Referrals(providers.ReferralFilter{})), nil
		}},
		"referral_get": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Referral](t, p)(p.Referrals(providers.ReferralFilter{Email: "user+1@example.com"})), nil
		}},
		"commission_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{Payouts: []providers.ID{id(providers.NounPayout, "2710287")}})), nil
		}},
		"payout_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Payout](t, p)(p.Payouts(providers.PayoutFilter{})), nil
		}},
		"payout_stats": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.PayoutStats(t.Context(), providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutPaid}})
		}},
		"payout_stats_due": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.DuePayouts(t.Context(), providers.PayoutFilter{Campaigns: []providers.ID{id(providers.NounCampaign, "28004")}})
		}},
		"payout_stats_promoters": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.PayoutsByPromoter(t.Context(), providers.PayoutFilter{})
		}},
		"coupon_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Coupon](t, p)(p.Coupons(providers.CouponFilter{})), nil
		}},
		"coupon_get": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.CouponsByID(t.Context(), []providers.ID{id(providers.NounCoupon, "510")}, "code")
		}},
		"webhook_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.WebhookSubscription](t, p)(p.WebhookSubscriptions()), nil
		}},
		"webhook_get": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.WebhookSubscriptionsByID(t.Context(), []providers.ID{id(providers.NounWebhookSubscription, "1")})
		}},
	}
	maps.Copy(scenes, writeScenes())
	providertest.Replay(t, http.Header{"Authorization": {"Bearer key"}, "Account-Id": {"acc_1"}}, keyed, scenes)
}
