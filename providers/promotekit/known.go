package promotekit

import (
	"iter"
	"slices"
	"sync"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// What a related record knows: by its id alone, the edges that are followed by it, and what the
// vendor has of no record; else what is made of the members that its object had.
var (
	campaignKnowledge = wire.NewKnowledge(
		[]string{"providerId", "isPrivate", "memberships", "referrals", "commissions"},
		map[string]string{
			"createdAt": "created_at", "name": "name", "websiteUrl": "website_url", "isDefault": "is_default",
			"approvalRequired": "approval_needed", "codeMode": "code_mode", "cookieDays": "cookie_duration",
			"hidesCustomerEmails": "hide_emails",
			"commission": "commission_type commission_amount custom_commission_type first_payment_commission " +
				"limit_type limit_amount",
		})
	affiliateKnowledge = wire.NewKnowledge(
		[]string{"providerId", "parent", "children", "balances", "internalNote", "referrals", "commissions", "payouts"},
		map[string]string{
			"createdAt": "created_at", "email": "email", "firstName": "first_name", "lastName": "last_name",
			"name": "first_name last_name", "status": "approved banned", "providerStatus": "approved banned",
			"payoutEmail": "payout_email", "links": "links", "clicks": "clicks", "note": "details",
			"campaign": "campaign", "coupons": "promo_codes",
			"memberships": "campaign approved banned links promo_codes created_at",
		})
	// Memberships and coupons are parts of their affiliate's object.
	membershipKnowledge = wire.NewKnowledge(
		[]string{"providerId", "affiliate", "campaign", "joinedAt"},
		map[string]string{
			"createdAt": "created_at", "status": "approved banned", "providerStatus": "approved banned",
			"refCode": "links", "link": "links", "coupon": "promo_codes",
		})
	couponKnowledge = wire.NewKnowledge(
		[]string{"providerId", "createdAt", "code", "description", "affiliate"},
		map[string]string{"campaign": "campaign"})
	// Referrals and payouts inside a commission are short: their affiliate is the commission's.
	referralKnowledge = newShortKnowledge(
		[]string{"providerId", "kind", "convertedAt", "source", "couponCode", "orderId", "orderNumber", "affiliate", "commissions"},
		map[string]string{
			"createdAt": "created_at", "email": "email", "maskedEmail": "email", "status": "subscription_status",
			"providerStatus": "subscription_status", "customerId": "stripe_customer_id", "signedUpAt": "signup_date",
		})
	payoutKnowledge = newShortKnowledge(
		[]string{"providerId", "status", "providerStatus", "reward", "taxRate", "totalWithTax", "method", "periodStart",
			"periodEnd", "error", "affiliate", "commissions"},
		map[string]string{
			"createdAt": "created_at", "amount": "amount currency", "period": "period", "paidAt": "created_at",
			"commissionCount": "payment_count",
		})
)

// core is what every row of a list has, by noun.
var core = map[providers.Noun]*wire.Core{
	providers.NounCampaign: {Knowledge: campaignKnowledge, Members: []string{
		"created_at", "name", "commission_type", "commission_amount", "is_default", "code_mode", "approval_needed", "hide_emails",
		"cookie_duration",
	}},
	providers.NounAffiliate: {Knowledge: affiliateKnowledge, Members: []string{
		"created_at", "email", "first_name", "last_name", "links", "promo_codes", "clicks", "approved", "banned", "campaign",
	}},
	providers.NounMembership: {Knowledge: membershipKnowledge, Members: []string{
		"created_at", "approved", "banned", "links", "promo_codes", "campaign",
	}},
	providers.NounCoupon: {Knowledge: couponKnowledge, Members: []string{"campaign"}},
	providers.NounReferral: {
		Listed:  true,
		Members: []string{"created_at", "email", "subscription_status", "stripe_customer_id", "affiliate"},
		Knowledge: wire.NewKnowledge(nil, map[string]string{
			"createdAt": "created_at", "email": "email", "maskedEmail": "email", "status": "subscription_status",
			"providerStatus": "subscription_status", "customerId": "stripe_customer_id", "signedUpAt": "signup_date",
			"affiliate": "affiliate", "campaign": "affiliate",
		}),
	},
	providers.NounCommission: {Members: []string{
		"created_at", "revenue_amount", "currency", "commission_amount", "payout_status", "referral_date", "stripe_payment_id",
		"affiliate", "referral", "payout",
	}, Knowledge: wire.NewKnowledge([]string{
		"providerId", "originalSaleAmount", "adjustment", "reward", "tier", "isSelfReferral", "fraudCheck", "note", "internalNote",
	}, map[string]string{
		"createdAt": "created_at", "status": "payout_status", "providerStatus": "payout_status", "kind": "revenue_amount stripe_payment_id",
		"saleAmount": "revenue_amount currency", "amount": "commission_amount currency", "earnedAt": "referral_date",
		"eventId": "stripe_payment_id", "affiliate": "affiliate", "campaign": "affiliate", "referral": "referral affiliate",
		"customer": "referral affiliate", "theirs": "referral affiliate", "payout": "payout",
	})},
	providers.NounPayout: {Members: []string{"created_at", "amount", "currency", "period", "payment_count", "affiliate"},
		Knowledge: wire.NewKnowledge([]string{
			"providerId", "status", "providerStatus", "reward", "taxRate", "totalWithTax", "method", "periodStart", "periodEnd", "error",
			"commissions",
		}, map[string]string{
			"createdAt": "created_at", "amount": "amount currency", "period": "period", "paidAt": "created_at",
			"commissionCount": "payment_count", "affiliate": "affiliate", "campaign": "affiliate",
		})},
}

// commissionKnowledge is that of a commission in the reply to a write.
var commissionKnowledge = wire.NewKnowledge(nil, map[string]string{
	"createdAt": "created_at", "status": "payout_status", "saleAmount": "revenue_amount currency",
	"amount": "commission_amount currency", "earnedAt": "referral_date", "eventId": "stripe_payment_id",
	"affiliate": "affiliate", "referral": "referral", "payout": "payout",
})

// noCampaign is known of a record whose affiliate did not tell the campaign.
var noCampaign = providers.AllBut("campaign")

// shortKnowledge is the knowledge of a record whose campaign is told by something else, or not.
type shortKnowledge struct{ with, without *wire.Knowledge }

func newShortKnowledge(id []string, members map[string]string) shortKnowledge {
	return shortKnowledge{wire.NewKnowledge(append(slices.Clone(id), "campaign"), members), wire.NewKnowledge(id, members)}
}

// fields are the known fields of a record whose object had these members. besides is nil, or
// noCampaign.
func (k shortKnowledge) fields(m wire.Members, besides *providers.Fields) *providers.Fields {
	if besides == nil {
		return k.with.Fields(m)
	}
	if known := k.without.Fields(m); known != nil {
		return known
	}
	return besides
}

// partials are what related records knew that came in part, by noun: edges to them may take
// calls. The zero value is ready, and safe for concurrent use.
type partials struct {
	mu   sync.Mutex
	seen map[providers.Noun][]*providers.Fields // few: equal knowledge is the same value
}

func (p *partials) note(noun providers.Noun, known iter.Seq[*providers.Fields]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for f := range known {
		if !slices.Contains(p.seen[noun], f) {
			if p.seen == nil {
				p.seen = map[providers.Noun][]*providers.Fields{}
			}
			p.seen[noun] = append(p.seen[noun], f)
			providers.Learn()
		}
	}
}

// lack says whether some related record came without one of these fields; none means all.
func (p *partials) lack(noun providers.Noun, need ...string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.seen[noun], func(f *providers.Fields) bool { return !f.Covers(need...) })
}
