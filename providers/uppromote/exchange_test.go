package uppromote

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/providers/uppromote/sandbox"
)

var noon = time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)

// open is the account "store" at a vendor.
func open(t testing.TB, vendor http.Handler) *provider {
	t.Helper()
	return openLogging(t, vendor, slog.DiscardHandler)
}

func openLogging(t testing.TB, vendor http.Handler, log slog.Handler) *provider {
	t.Helper()
	c := providertest.Config("store", vendor, noon)
	c.Credentials, c.Currency, c.Logger = map[string]string{"api_key": sandbox.APIKey}, "usd", slog.New(log)
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p.(*provider)
}

// key is the bare key, as UpPromote takes it.
var key = http.Header{"Authorization": {sandbox.APIKey}}

// played is an account at a vendor that answers these exchanges.
func played(t *testing.T, names ...string) *provider {
	t.Helper()
	stored := providertest.Exchanges(t, ".")
	var exchanges []providertest.Exchange
	for _, name := range names {
		exchanges = append(exchanges, providertest.Find(t, stored, name))
	}
	return open(t, providertest.Play(t, key, exchanges...))
}

func id(noun providers.Noun, local string) providers.ID {
	return providers.ID{Account: "store", Noun: noun, Local: local}
}

const (
	affiliateNo = "2029214"
	programNo   = "29486"
)

// TestExchanges holds what the client makes of each stored exchange against what is stored beside it.
func TestExchanges(t *testing.T) {
	type exchange = providertest.Exchange
	payouts := func(t *testing.T, p *provider, s providers.PayoutStatus) (any, error) {
		return providertest.First[providers.Payout](t, p)(p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{s}})), nil
	}
	affiliate := []providers.ID{id(providers.NounAffiliate, affiliateNo)}
	providertest.Replay(t, key, open, map[string]providertest.Scene[*provider]{
		"affiliate_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return map[string]any{
				"affiliates":  providertest.First[providers.Affiliate](t, p)(p.Affiliates(providers.AffiliateFilter{})),
				"memberships": providertest.First[providers.Membership](t, p)(p.Memberships(providers.MembershipFilter{})),
			}, nil
		}},
		"affiliate_get": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			b, err := p.AffiliatesByID(t.Context(), affiliate)
			return map[string]any{
				"affiliate":   b,
				"memberships": providertest.First[providers.Membership](t, p)(p.Memberships(providers.MembershipFilter{Affiliates: affiliate})),
			}, err
		}},
		"campaign_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Campaign](t, p)(p.Campaigns(providers.CampaignFilter{})), nil
		}},
		"campaign_get": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.CampaignsByID(t.Context(), []providers.ID{id(providers.NounCampaign, programNo)})
		}},
		"referral_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return map[string]any{
				"referrals":   providertest.First[providers.Referral](t, p)(p.Referrals(providers.ReferralFilter{})),
				"commissions": providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{})),
			}, nil
		}},
		"referral_get": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.ReferralsByID(t.Context(), []providers.ID{id(providers.NounReferral, "1781737")}, "status")
		}},
		"payout_list_paid": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) { return payouts(t, p, providers.PayoutPaid) }},
		"payout_list_due":  {Play: func(t *testing.T, p *provider, _ exchange) (any, error) { return payouts(t, p, providers.PayoutDue) }},
		"payout_count": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			lists, err := p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutPaid}})
			if err != nil || len(lists) != 1 {
				return lists, err
			}
			n, err := lists[0].Count(t.Context())
			return map[string]any{"count": n, "exact": lists[0].Exact}, err
		}},
		"payout_get": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.PayoutsByID(t.Context(), []providers.ID{id(providers.NounPayout, "paid~26154")})
		}},
		"coupon_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Coupon](t, p)(p.Coupons(providers.CouponFilter{})), nil
		}},
		"webhook_list": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.WebhookSubscription](t, p)(p.WebhookSubscriptions()), nil
		}},
	})
}
