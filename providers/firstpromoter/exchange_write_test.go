package firstpromoter

import (
	"errors"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

const someWrite = "5e0a2d1c-7b1f-4f0e-9a54-0c8f3f6f1d11"

func usd(amount string) providers.Money {
	d, err := providers.ParseDecimal(amount)
	if err != nil {
		panic(err)
	}
	return *providers.NewMoney(d, "USD")
}

var (
	account = providers.ID{Account: "saas", Noun: providers.NounAccount}
	jane    = id(providers.NounAffiliate, "8262622")
	main    = id(providers.NounCampaign, "28004")
	second  = id(providers.NounCampaign, "28005")
	member  = id(providers.NounMembership, "14850130~8262622")
	lead    = id(providers.NounReferral, "29203686")
	earned  = id(providers.NounCommission, "13533100")
)

// writes is the scene of a command that is planned and sent.
func writes(c providers.Command, with ...string) providertest.Scene[*provider] {
	return providertest.Scene[*provider]{With: with, Play: func(t *testing.T, p *provider, _ providertest.Exchange) (any, error) {
		w, err := p.Plan(t.Context(), c)
		if err != nil {
			return nil, err
		}
		return w.Send(t.Context())
	}}
}

// reads is the scene of a record that writes read.
func reads[T providers.Record](read func(t *testing.T, p *provider) (*T, providers.Harvest, error)) providertest.Scene[*provider] {
	return providertest.Scene[*provider]{Play: func(t *testing.T, p *provider, _ providertest.Exchange) (any, error) {
		row, _, err := read(t, p)
		if errors.As(err, new(providers.Problems)) {
			return err, nil
		}
		return row, err
	}}
}

// withProbe is a scene whose first answer is a 404, which the probe of the account follows.
func withProbe(s providertest.Scene[*provider]) providertest.Scene[*provider] {
	s.With = append(s.With, "campaign_list_probe")
	return s
}

func promoterScene(local string) providertest.Scene[*provider] {
	return reads(func(t *testing.T, p *provider) (*providers.Affiliate, providers.Harvest, error) {
		return promoterOne.now(t.Context(), p, id(providers.NounAffiliate, local), "id", withParent)
	})
}

func referralScene(local string) providertest.Scene[*provider] {
	return reads(func(t *testing.T, p *provider) (*providers.Referral, providers.Harvest, error) {
		return referralOne.now(t.Context(), p, id(providers.NounReferral, local), "id", nil)
	})
}

func writeScenes() map[string]providertest.Scene[*provider] {
	scenes := map[string]providertest.Scene[*provider]{}
	for _, more := range []map[string]providertest.Scene[*provider]{readBeforeWriteScenes(), affiliateScenes(), referralScenes(), earningScenes(), otherScenes()} {
		for name, scene := range more {
			scenes[name] = scene
		}
	}
	return scenes
}

func readBeforeWriteScenes() map[string]providertest.Scene[*provider] {
	return map[string]providertest.Scene[*provider]{
		"affiliate_get_active": promoterScene("8262622"),
		"affiliate_get_other":  promoterScene("8262800"),
		"affiliate_get_none": withProbe(reads(func(t *testing.T, p *provider) (*providers.Affiliate, providers.Harvest, error) {
			return promoterOne.find(t.Context(), p, byEmail, "new@example.com", withParent, affiliateEmail)
		})),
		"referral_get_lead":    referralScene("29203686"),
		"referral_get_pending": referralScene("29203687"),
		"referral_get_denied":  referralScene("29203688"),
		"referral_get_none": withProbe(reads(func(t *testing.T, p *provider) (*providers.Referral, providers.Harvest, error) {
			return referralOne.find(t.Context(), p, byEmail, "c+1@example.com", nil, referralEmail)
		})),
		"campaign_get_other": reads(func(t *testing.T, p *provider) (*providers.Campaign, providers.Harvest, error) {
			return campaignOne.now(t.Context(), p, second, "campaign", nil)
		}),
		"commission_list_one": reads(func(t *testing.T, p *provider) (*providers.Commission, providers.Harvest, error) {
			return commissionList.nowListed(t.Context(), p, earned, "id")
		}),
		"commission_list_event": {Play: func(t *testing.T, p *provider, _ providertest.Exchange) (any, error) {
			all, _, _, err := p.commissionsOf(t.Context(), "ch_9")
			return all, err
		}},
		"commission_list_payout": {Play: func(t *testing.T, p *provider, _ providertest.Exchange) (any, error) {
			return providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{Payouts: []providers.ID{id(providers.NounPayout, "2710290")}})), nil
		}},
		"payout_list_one": reads(func(t *testing.T, p *provider) (*providers.Payout, providers.Harvest, error) {
			return payoutList.nowListed(t.Context(), p, id(providers.NounPayout, "2710290"), "id")
		}),
	}
}

func affiliateScenes() map[string]providertest.Scene[*provider] {
	status := func(s providers.AffiliateStatus) providertest.Scene[*provider] {
		return writes(&providers.SetAffiliateStatusInput{IdempotencyKey: someWrite, ID: jane, Status: s}, "affiliate_get_active")
	}
	return map[string]providertest.Scene[*provider]{
		"affiliate_create": writes(&providers.CreateAffiliateInput{IdempotencyKey: someWrite, Account: account, Email: "new@example.com", FirstName: new("Ann"), LastName: new("New"),
			Campaign: &main, Approved: new(false), SendEmail: new(true)}, "affiliate_get_none", "campaign_list_probe"),
		"affiliate_create_taken": {With: []string{"affiliate_get_none", "campaign_list_probe"}, Play: func(t *testing.T, p *provider, _ providertest.Exchange) (any, error) {
			w, err := p.Plan(t.Context(), &providers.CreateAffiliateInput{IdempotencyKey: someWrite, Account: account, Email: "new@example.com"})
			if err != nil {
				return nil, err
			}
			_, err = w.Send(t.Context())
			var refused *providers.Error
			if !errors.As(err, &refused) {
				return nil, err
			}
			return map[string]any{"kind": refused.Kind, "fields": refused.Fields, "paths": w.Fields, "sent": !refused.Unsent}, nil
		}},
		"affiliate_update": writes(&providers.UpdateAffiliateInput{IdempotencyKey: someWrite, ID: jane, Email: new("jane.d@example.com"), FirstName: new("Janet")}, "affiliate_get_active"),
		"affiliate_accept": status(providers.AffiliateActive), "affiliate_reject": status(providers.AffiliateRejected),
		"affiliate_block": status(providers.AffiliateBanned), "affiliate_archive": status(providers.AffiliateArchived),
		"membership_deactivate": status(providers.AffiliateInactive),
		"affiliate_restore": writes(&providers.SetAffiliateStatusInput{IdempotencyKey: someWrite, ID: id(providers.NounAffiliate, "8262001"), Status: providers.AffiliateActive},
			"affiliate_get"),
		"affiliate_parent": writes(&providers.SetAffiliateParentInput{IdempotencyKey: someWrite, ID: jane, Parent: id(providers.NounAffiliate, "8262001")},
			"affiliate_get_active", "affiliate_get"),
		"affiliate_move": writes(&providers.MoveAffiliateInput{IdempotencyKey: someWrite, ID: jane, ToCampaign: second, MoveReferrals: new(true)},
			"affiliate_get_active", "campaign_get_other"),
		// What is read after it is another promoter than before: TestWrites has that.
		"membership_add": {Play: func(t *testing.T, p *provider, _ providertest.Exchange) (any, error) {
			return nil, p.act(t.Context(), promoterAdd, promotersBody{IDs: []int64{8262622}, Campaign: 28005, DripEmails: new(false)})
		}},
		"membership_update": writes(&providers.UpdateMembershipInput{IdempotencyKey: someWrite, ID: member, RefCode: new("janet"), CouponCode: new("JANET20")}, "affiliate_get_active"),
	}
}

func referralScenes() map[string]providertest.Scene[*provider] {
	decide := func(local string, d providers.ReferralDecision, with string) providertest.Scene[*provider] {
		return writes(&providers.SetReferralStatusInput{IdempotencyKey: someWrite, ID: id(providers.NounReferral, local), Decision: d}, with)
	}
	return map[string]providertest.Scene[*provider]{
		"referral_create": writes(&providers.CreateReferralInput{IdempotencyKey: someWrite, Affiliate: jane, Email: new("c+1@example.com"), CustomerID: new("u_7")},
			"affiliate_get_active", "referral_get_none"),
		"referral_update":  writes(&providers.UpdateReferralInput{IdempotencyKey: someWrite, ID: lead, CustomerID: new("u_8")}, "referral_get_lead"),
		"referral_approve": decide("29203687", providers.ReferralApprove, "referral_get_pending"),
		"referral_disable": decide("29203686", providers.ReferralDisable, "referral_get_lead"),
		"referral_enable":  decide("29203688", providers.ReferralEnable, "referral_get_denied"),
		"referral_move": writes(&providers.MoveReferralInput{IdempotencyKey: someWrite, ID: lead, Affiliate: id(providers.NounAffiliate, "8262800"), Campaign: &second, MoveCommissions: new(true)},
			"referral_get_lead", "affiliate_get_other"),
	}
}

func earningScenes() map[string]providertest.Scene[*provider] {
	yesterday := time.Date(2026, 8, 19, 23, 30, 0, 0, time.UTC)
	return map[string]providertest.Scene[*provider]{
		"commission_create": writes(&providers.CreateCommissionInput{IdempotencyKey: someWrite, EventID: new("ch_9"), EarnedAt: &yesterday, Note: new("thanks"), Notify: new(true),
			Commission: providers.NewCommissionInput{Sale: &providers.SaleCommissionInput{Referral: lead, SaleAmount: usd("20")}}}, "referral_get_lead", "commission_list_event"),
		"commission_create_custom": writes(&providers.CreateCommissionInput{IdempotencyKey: someWrite, EventID: new("ch_9"), InternalNote: new("bonus"),
			Commission: providers.NewCommissionInput{Custom: &providers.CustomCommissionInput{Affiliate: jane, Amount: usd("12.5")}}}, "affiliate_get_active", "commission_list_event"),
		"commission_update":     writes(&providers.UpdateCommissionInput{IdempotencyKey: someWrite, ID: earned, InternalNote: new("checked")}, "commission_list_one"),
		"commission_approve":    writes(&providers.SetCommissionStatusInput{IdempotencyKey: someWrite, ID: earned, Status: providers.CommissionApproved}, "commission_list_one"),
		"commission_deny":       writes(&providers.SetCommissionStatusInput{IdempotencyKey: someWrite, ID: earned, Status: providers.CommissionDenied}, "commission_list_one", "commission_deny_batch"),
		"commission_deny_batch": writes(&providers.SetCommissionStatusInput{IdempotencyKey: someWrite, ID: earned, Status: providers.CommissionDenied}, "commission_list_one", "commission_deny"),
		"payout_pay": writes(&providers.MarkPayoutPaidInput{IdempotencyKey: someWrite, ID: id(providers.NounPayout, "2710290"), ExpectedTotal: usd("10.00"),
			Commissions: []providers.ID{id(providers.NounCommission, "13533000"), id(providers.NounCommission, "13533001")}}, "payout_list_one", "commission_list_payout"),
	}
}

func otherScenes() map[string]providertest.Scene[*provider] {
	hook := id(providers.NounWebhookSubscription, "1")
	return map[string]providertest.Scene[*provider]{
		"campaign_create": writes(&providers.CreateCampaignInput{IdempotencyKey: someWrite, Account: account, Name: "Spring", Terms: providers.CampaignTerms{WebsiteURL: new("https://example.com/spring"),
			CookieDays: new(int64(45)), LinkParameter: new("via"), ApprovalRequired: new(true), IsPrivate: new(true)}}, "campaign_list"),
		"campaign_update": writes(&providers.UpdateCampaignInput{IdempotencyKey: someWrite, ID: second, Name: new("Partners 2")}, "campaign_get_other"),
		"coupon_create": writes(&providers.AssignCouponInput{IdempotencyKey: someWrite, Affiliate: jane, Code: "FRESH", Description: new("for the fair"), RewardID: new("157427")},
			"affiliate_get_active", "coupon_list"),
		"coupon_assign":  writes(&providers.AssignCouponInput{IdempotencyKey: someWrite, Affiliate: jane, Code: "NOBODY"}, "affiliate_get_active", "coupon_list"),
		"webhook_create": writes(&providers.CreateWebhookSubscriptionInput{IdempotencyKey: someWrite, Account: account, TargetURL: "https://hooks.example.com/fp", Events: []string{"referral.created"}}, "webhook_list"),
		"webhook_update": writes(&providers.UpdateWebhookSubscriptionInput{IdempotencyKey: someWrite, ID: hook, Active: new(false)}, "webhook_get"),
		"webhook_delete": writes(&providers.DeleteWebhookSubscriptionInput{IdempotencyKey: someWrite, ID: hook}, "webhook_get"),
	}
}
