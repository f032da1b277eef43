package promotekit

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// Coupons plans the lists of the affiliates whose promo codes are asked for.
func (p *provider) Coupons(f providers.CouponFilter) ([]providers.List[providers.Coupon], error) {
	affiliates, ok := p.uuids(providers.NounAffiliate, f.Affiliates)
	if !ok {
		return nil, nil
	}
	if len(affiliates) > 0 {
		return ofAffiliates(p, affiliates, true, couponsOf), nil
	}
	all := at("/affiliates", nil, true, p.listAffiliates)
	return []providers.List[providers.Coupon]{derived(all, false, couponsOf)}, nil
}

func couponsOf(a *providers.Affiliate) []*providers.Coupon { return a.Coupons }

// CouponsByID reads the affiliates that hold them.
func (p *provider) CouponsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Coupon], error) {
	return partsByID(ctx, p, providers.NounCoupon, ids, couponsOf)
}

type promoCodeWire struct {
	Code       string `json:"code"`
	ExternalID string `json:"external_id"` // taken for the id of the promotion code at Stripe
}

// UnmarshalJSON reads an object, or a code alone.
func (w *promoCodeWire) UnmarshalJSON(b []byte) error {
	*w = promoCodeWire{}
	if b[0] == '"' {
		return json.Unmarshal(b, &w.Code)
	}
	type object promoCodeWire
	_, err := wire.Decode(b, (*object)(w))
	return err
}

// coupons are the affiliate's promo codes, each once; nil where there are some, and none could be
// read. When one was made, the vendor does not say.
func (r *reply) coupons(w *affiliateWire) []*providers.Coupon {
	coupons := []*providers.Coupon{}
	if w.Odd("promo_codes") || len(w.PromoCodes) > 0 {
		coupons = nil
	}
	seen := map[string]bool{"": true} // one without a code can be neither used nor named
	if w.WireID() == "" {
		return coupons
	}
	for _, c := range w.PromoCodes {
		if seen[c.Code] {
			continue
		}
		seen[c.Code] = true
		coupons = append(coupons, &providers.Coupon{
			Node: providers.Node{
				ID:         r.id(providers.NounCoupon, providers.JoinLocal(w.ID, c.Code)),
				ProviderID: cmp.Or(c.ExternalID, c.Code),
				FetchedAt:  r.at,
			},
			Code:        c.Code,
			AffiliateID: r.id(providers.NounAffiliate, w.ID),
			CampaignID:  r.id(providers.NounCampaign, w.Campaign.ID),
		})
	}
	return coupons
}

// assignCoupon gives the affiliate a promo code, which takes the place of the one they have.
func (p *provider) assignCoupon(c *providers.AssignCouponInput) (*affiliateChange, error) {
	var bad providers.Problems
	bad.When(c.Description != nil, providers.ProblemUnsupported, "description", "PromoteKit keeps no descriptions of promo codes")
	bad.When(c.Campaign != nil, providers.ProblemUnsupported, "campaign", "at PromoteKit an affiliate is in one campaign only")
	bad.When(c.RewardID != nil, providers.ProblemUnsupported, "rewardId", "at PromoteKit the campaign says what customers get")
	return &affiliateChange{
		answer: p.id(providers.NounCoupon, providers.JoinLocal(uuidOf(c.Affiliate), c.Code)),
		body:   affiliateBody{PromoCode: &c.Code}, fields: map[string]string{"promo_code": "code"},
		lists: []providers.Noun{providers.NounAffiliate, providers.NounMembership, providers.NounCoupon},
		check: func(ctx context.Context, now *affiliateWire) error {
			if slices.ContainsFunc(now.PromoCodes, func(has promoCodeWire) bool { return strings.EqualFold(has.Code, c.Code) }) {
				return providers.Problemf(providers.ProblemTaken, "code", "the affiliate has this code already")
			}
			return p.gives(ctx, now, "coupon", "code")
		},
	}, bad.Err()
}
