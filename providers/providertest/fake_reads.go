package providertest

import (
	"context"

	"github.com/partnergraph/partnergraph/providers"
)

// Affiliates plans.
func (f *Fake) Affiliates(q providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	var parent []providers.ID
	if !q.Parent.IsZero() {
		parent = []providers.ID{q.Parent}
	}
	return plan(f, &f.affiliates, "Affiliates", q, providers.AffiliateFilter.Match, q.Campaigns, parent)
}

// Memberships plans.
func (f *Fake) Memberships(q providers.MembershipFilter) ([]providers.List[providers.Membership], error) {
	return plan(f, &f.memberships, "Memberships", q, providers.MembershipFilter.Match, q.Affiliates, q.Campaigns)
}

// Campaigns plans.
func (f *Fake) Campaigns(q providers.CampaignFilter) ([]providers.List[providers.Campaign], error) {
	return plan(f, &f.campaigns, "Campaigns", q, providers.CampaignFilter.Match)
}

// Referrals plans.
func (f *Fake) Referrals(q providers.ReferralFilter) ([]providers.List[providers.Referral], error) {
	return plan(f, &f.referrals, "Referrals", q, providers.ReferralFilter.Match, q.Affiliates, q.Campaigns)
}

// Commissions plans. The commissions of referrals lie within those of everyone.
func (f *Fake) Commissions(q providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	q.Parent.Affiliate, q.Parent.Referral, q.Parent.Payout = nil, nil, nil
	lists, err := plan(
		f,
		&f.commissions,
		"Commissions",
		q,
		providers.CommissionFilter.Match,
		q.Affiliates,
		q.Campaigns,
		q.Referrals,
		q.Payouts,
	)
	if len(q.Referrals) > 0 && len(q.Payouts) == 0 && len(lists) == 1 {
		all, err := plan(f, &f.commissions, "Commissions", providers.CommissionFilter{}, providers.CommissionFilter.Match)
		if err != nil {
			return nil, err
		}
		lists[0].Within = &all[0]
	}
	return lists, err
}

// Payouts plans.
func (f *Fake) Payouts(q providers.PayoutFilter) ([]providers.List[providers.Payout], error) {
	return plan(f, &f.payouts, "Payouts", q, providers.PayoutFilter.Match, q.Affiliates, q.Campaigns)
}

// Coupons plans.
func (f *Fake) Coupons(q providers.CouponFilter) ([]providers.List[providers.Coupon], error) {
	return plan(f, &f.coupons, "Coupons", q, providers.CouponFilter.Match, q.Affiliates)
}

// WebhookSubscriptions plans.
func (f *Fake) WebhookSubscriptions() ([]providers.List[providers.WebhookSubscription], error) {
	return plan(
		f,
		&f.subscriptions,
		"WebhookSubscriptions",
		struct{}{},
		func(struct{}, *providers.WebhookSubscription) bool { return true },
	)
}

// AffiliatesByID reads by id.
func (f *Fake) AffiliatesByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Affiliate], error) {
	return batch(ctx, f, &f.affiliates, "Affiliates", ids)
}

// MembershipsByID reads by id.
func (f *Fake) MembershipsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Membership], error) {
	return batch(ctx, f, &f.memberships, "Memberships", ids)
}

// CampaignsByID reads by id.
func (f *Fake) CampaignsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Campaign], error) {
	return batch(ctx, f, &f.campaigns, "Campaigns", ids)
}

// ReferralsByID reads by id.
func (f *Fake) ReferralsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Referral], error) {
	return batch(ctx, f, &f.referrals, "Referrals", ids)
}

// CommissionsByID reads by id.
func (f *Fake) CommissionsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Commission], error) {
	return batch(ctx, f, &f.commissions, "Commissions", ids)
}

// PayoutsByID reads by id.
func (f *Fake) PayoutsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Payout], error) {
	return batch(ctx, f, &f.payouts, "Payouts", ids)
}

// CouponsByID reads by id.
func (f *Fake) CouponsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Coupon], error) {
	return batch(ctx, f, &f.coupons, "Coupons", ids)
}

// WebhookSubscriptionsByID reads by id.
func (f *Fake) WebhookSubscriptionsByID(
	ctx context.Context,
	ids []providers.ID,
	_ ...string,
) (*providers.Batch[providers.WebhookSubscription], error) {
	return batch(ctx, f, &f.subscriptions, "WebhookSubscriptions", ids)
}
