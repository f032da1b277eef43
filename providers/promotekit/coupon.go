package promotekit

import (
	"cmp"
	"context"

	"github.com/partnergraph/partnergraph/providers"
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

// coupons are the affiliate's promo codes, each once. When one was made, the vendor does not say.
func (r *reply) coupons(w *affiliateWire) []*providers.Coupon {
	coupons := []*providers.Coupon{}
	seen := map[string]bool{"": true} // one without a code can be neither used nor named
	for _, c := range w.PromoCodes {
		if seen[c.Code] {
			continue
		}
		seen[c.Code] = true
		coupons = append(coupons, &providers.Coupon{
			Node: r.node(providers.NounCoupon, providers.JoinLocal(w.ID, c.Code),
				record{ID: cmp.Or(c.ExternalID, c.Code)}),
			Code:        c.Code,
			AffiliateID: r.id(providers.NounAffiliate, w.ID),
			CampaignID:  r.id(providers.NounCampaign, w.Campaign.ID),
		})
	}
	return coupons
}
