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

// TestExchanges holds what the client makes of each stored exchange against what is stored
// beside it.
func TestExchanges(t *testing.T) {
	type exchange = providertest.Exchange
	payouts := func(t *testing.T, p *provider, s providers.PayoutStatus) (any, error) {
		return providertest.First[providers.Payout](t, p)(p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{s}})), nil
	}
	affiliate := []providers.ID{id(providers.NounAffiliate, affiliateNo)}
	// writes plays a write, which reads other exchanges before.
	writes := func(c providers.Command, with ...string) providertest.Scene[*provider] {
		return providertest.Scene[*provider]{With: with, Play: func(t *testing.T, p *provider, e exchange) (any, error) {
			if found := c.Check("USD", noon); len(found) > 0 {
				return nil, found
			}
			w, err := p.Plan(t.Context(), c)
			if err != nil {
				return nil, err
			}
			if w.Op != e.Operation {
				t.Errorf("the operation is %q, and says %q", e.Operation, w.Op)
			}
			written, err := w.Send(t.Context())
			if err != nil {
				return nil, err
			}
			shown := written.Secret != ""
			written.Secret = "" // golden files hold none
			return map[string]any{"before": string(w.Before), "proof": w.Proof.By, "written": written, "shows something once": shown}, nil
		}}
	}
	row, subscription := id(providers.NounCommission, "1781736"), id(providers.NounWebhookSubscription, "referral.new")
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
		"affiliate_find": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.affiliateOf(t.Context(), "new@example.com")
		}},
		"affiliate_get_upline": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.AffiliatesByID(t.Context(), []providers.ID{id(providers.NounAffiliate, "2029002")})
		}},
		"affiliate_create": writes(&providers.CreateAffiliateInput{IdempotencyKey: "12345678", Account: id(providers.NounAccount, ""), Email: "new@example.com",
			FirstName: new("New"), LastName: new("Partner"), Campaign: new(id(providers.NounCampaign, programNo)), Approved: new(true), SendEmail: new(true)}, "affiliate_find"),
		"affiliate_approve": writes(&providers.SetAffiliateStatusInput{IdempotencyKey: "12345678", ID: affiliate[0], Status: providers.AffiliateInactive}, "affiliate_get"),
		"affiliate_move": writes(&providers.MoveAffiliateInput{IdempotencyKey: "12345678", ID: affiliate[0], FromCampaign: new(id(providers.NounCampaign, programNo)),
			ToCampaign: id(providers.NounCampaign, "29500")}, "affiliate_get"),
		"affiliate_upline": writes(&providers.SetAffiliateParentInput{IdempotencyKey: "12345678", ID: affiliate[0], Parent: id(providers.NounAffiliate, "2029002")},
			"affiliate_get", "affiliate_get_upline"),
		"affiliate_connect": writes(&providers.ConnectCustomerInput{IdempotencyKey: "12345678", Affiliate: affiliate[0], CustomerEmail: "customer@example.com"}, "affiliate_get"),
		"coupon_assign":     writes(&providers.AssignCouponInput{IdempotencyKey: "12345678", Affiliate: affiliate[0], Code: "SPRING", Description: new("For spring.")}, "affiliate_get"),
		"referral_find": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Referral](t, p)(p.Referrals(providers.ReferralFilter{OrderID: "6439217209999"})), nil
		}},
		"referral_create": writes(&providers.CreateReferralInput{IdempotencyKey: "12345678", Affiliate: affiliate[0], OrderID: new("6439217209999")}, "affiliate_get", "referral_find"),
		"commission_create": writes(&providers.CreateCommissionInput{IdempotencyKey: "12345678", Note: new("For the talk."),
			Commission: providers.NewCommissionInput{Custom: &providers.CustomCommissionInput{Affiliate: affiliate[0], Amount: *money("12.50"), SaleAmount: money("40")}}}, "affiliate_get"),
		"commission_get": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.CommissionsByID(t.Context(), []providers.ID{row}, "status")
		}},
		"commission_find": {With: []string{"affiliate_get"}, Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{Affiliates: affiliate})), nil
		}},
		"commission_decide": writes(&providers.SetCommissionStatusInput{IdempotencyKey: "12345678", ID: row, Status: providers.CommissionDenied}, "commission_get"),
		"commission_adjust": writes(&providers.AdjustCommissionInput{IdempotencyKey: "12345678", ID: row, Amount: *money("-7.25")}, "commission_get"),
		"payout_find_due": {With: []string{"affiliate_get"}, Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return providertest.First[providers.Payout](t, p)(p.Payouts(providers.PayoutFilter{Affiliates: affiliate, Statuses: []providers.PayoutStatus{providers.PayoutDue}})), nil
		}},
		"payout_pay": writes(&providers.MarkPayoutPaidInput{IdempotencyKey: "12345678", ID: id(providers.NounPayout, "due~"+affiliateNo),
			Commissions: []providers.ID{row, id(providers.NounCommission, "1781800")}, ExpectedTotal: *money("600"), Note: new("By bank."), Message: new("Thank you.")},
			"affiliate_get", "payout_find_due", "commission_find"),
		"webhook_find": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.subscriptionTo(t.Context(), "referral.approved")
		}},
		"webhook_find_one": {Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			return p.subscriptionTo(t.Context(), "referral.new")
		}},
		"webhook_create": writes(&providers.CreateWebhookSubscriptionInput{IdempotencyKey: "12345678", Account: id(providers.NounAccount, ""),
			TargetURL: "https://hooks.example/approved", Events: []string{"referral.approved"}}, "webhook_find"),
		"webhook_update": writes(&providers.UpdateWebhookSubscriptionInput{IdempotencyKey: "12345678", ID: subscription, TargetURL: new("https://hooks.example/other")}, "webhook_find_one"),
		"webhook_delete": writes(&providers.DeleteWebhookSubscriptionInput{IdempotencyKey: "12345678", ID: subscription}, "webhook_find_one"),
	})
}
