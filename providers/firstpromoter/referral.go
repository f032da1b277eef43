package firstpromoter

import (
	"context"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// referralList is GET /referrals: referrals, assumed to come newest first, as there is no sorting.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/referrals/openapi-v2-referrals.json
//
//api:operation GET /referrals
var referralList = endpoint[wireReferral, providers.Referral]{
	noun: providers.NounReferral, path: "/referrals", convert: (*reply).referral,
}

// referralOne is GET /referrals/{id}: one referral, here always looked up by another field (find_by).
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/referrals/openapi-v2-referrals.json
//
//api:operation GET /referrals/{id}
var referralOne = referralList

// wireReferral is a referral; inside commissions only the first three fields are there.
type wireReferral struct {
	ID               int64           `json:"id"`
	Email            *string         `json:"email"`
	UID              *string         `json:"uid"`
	State            *string         `json:"state"`
	EntrySource      *string         `json:"entry_source"`
	CreatedAt        *time.Time      `json:"created_at"`
	CustomerSince    *time.Time      `json:"customer_since"`
	PromoterCampaign *wireMembership `json:"promoter_campaign"`
}

// referralStates are the states of a referral.
var referralStates = vocabulary[providers.ReferralStatus]{
	{"signup", providers.ReferralLead},
	{"subscribed", providers.ReferralLead},
	{"active", providers.ReferralActive},
	{"cancelled", providers.ReferralCanceled},
	{"refunded", providers.ReferralRefunded},
	{"denied", providers.ReferralDenied},
	{"pending", providers.ReferralPending},
	{"moved", providers.ReferralMoved},
}

// referralStub covers what a commission tells of its referral, which is all that its commissions are found by.
var referralStub = providers.Only("providerId", "kind", "email", "maskedEmail", "customerId", "commissions")

func (r *reply) referral(w *wireReferral) *providers.Referral {
	f := r.bareReferral(w, nil)
	f.CreatedAt = w.CreatedAt
	f.Status = referralStates.status(w.State)
	f.ProviderStatus = text(w.State)
	f.ConvertedAt = w.CustomerSince
	f.Converted = new(w.CustomerSince != nil)
	f.Source = text(w.EntrySource)
	f.AffiliateID, f.CampaignID = r.owner(w.PromoterCampaign)
	return f
}

// bareReferral is what a commission tells of its referral.
func (r *reply) bareReferral(w *wireReferral, known *providers.Fields) *providers.Referral {
	return &providers.Referral{
		Node:       r.node(providers.NounReferral, w.ID, nil, known),
		Kind:       providers.ReferralCustomer,
		Email:      text(w.Email),
		CustomerID: text(w.UID),
	}
}

// Referrals plans lists of referrals, one for each affiliate, or else for each state.
func (p *provider) Referrals(f providers.ReferralFilter) ([]providers.List[providers.Referral], error) {
	l := p.plan()
	l.ids(byPromoter, providers.NounAffiliate, f.Affiliates)
	statuses(l, "filters[state]", referralStates, f.Statuses)
	l.many("filters[campaign_id]", providers.NounCampaign, f.Campaigns)
	if len(f.Campaigns) > 0 {
		l.exact = false // the list does not declare this filter; its schema has it
	}
	if len(f.Kinds) > 0 && !(providers.ReferralFilter{Kinds: f.Kinds}).Match(&providers.Referral{Kind: providers.ReferralCustomer}) || f.OrderID != "" {
		return nil, nil // there are customers only, and no orders
	}
	if f.Converted != nil {
		kind := "lead"
		if *f.Converted {
			kind = "customer"
		}
		l.query.Set("filters[type]", kind)
	}
	l.days("filters[created_at]", f.CreatedAt)
	l.search(f.Search)
	if l.none {
		return nil, nil
	}
	alone := len(l.query) == 0 && l.param == ""
	switch {
	case f.Email != "":
		return referralOne.lookup(p, "email", f.Email, nil, alone && f.CustomerID == "", nil), nil
	case f.CustomerID != "":
		return referralOne.lookup(p, "uid", f.CustomerID, nil, alone, nil), nil
	}
	return referralList.lists(p, l), nil
}

// ReferralsByID reads referrals, a hundred a call.
func (p *provider) ReferralsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Referral], error) {
	return referralList.byIDs(ctx, p, p.numbers(providers.NounReferral, ids))
}
