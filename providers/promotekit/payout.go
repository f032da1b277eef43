package promotekit

import (
	"context"
	"maps"
	"net/url"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
)

// Payouts plans the list of all, or one for each affiliate. All payouts are paid.
func (p *provider) Payouts(f providers.PayoutFilter) ([]providers.List[providers.Payout], error) {
	affiliates, mine := p.uuids(providers.NounAffiliate, f.Affiliates)
	campaigns, ours := p.uuids(providers.NounCampaign, f.Campaigns)
	if !mine || !ours || !canBe(f.Statuses, payoutStatus) {
		return nil, nil
	}
	lists := forEach("/payouts", nil, "affiliate_id", affiliates, len(campaigns) == 0, p.listPayouts)
	return inCampaigns(p, campaigns, lists), nil
}

// PayoutsByID reads payouts one by one, or all where that is fewer calls.
func (p *provider) PayoutsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Payout], error) {
	batch, err := byID(ctx, p, providers.NounPayout, ids, p.listPayouts, p.getPayout)
	if err != nil {
		return nil, err
	}
	return batch, fillCampaigns(ctx, p, p, slices.Collect(maps.Values(batch.Found)), need...)
}

// listPayouts reads a page of the payouts.
// https://www.promotekit.com/docs/api-reference/payouts/list-payouts
//
//api:operation GET /payouts
func (p *provider) listPayouts(ctx context.Context, query url.Values, number int) (*providers.Page[providers.Payout], error) {
	return readPage(ctx, p, providers.NounPayout, "/payouts", query, number, (*reply).payout)
}

// getPayout reads one payout.
// https://www.promotekit.com/docs/api-reference/payouts/get-payout
//
//api:operation GET /payouts/{id}
func (p *provider) getPayout(ctx context.Context, uuid string) (*providers.Payout, providers.Harvest, error) {
	return readRecord(ctx, p, "/payouts", uuid, (*reply).payout)
}

type payoutWire struct {
	record
	Amount       providers.Decimal      `json:"amount"`
	Currency     string                 `json:"currency"`
	Period       string                 `json:"period"`
	PaymentCount *int64                 `json:"payment_count"`
	Affiliate    related[affiliateWire] `json:"affiliate"`
}

// payoutStatus is that of every payout: one is taken to come into being when the merchant marks a
// period as paid, as the vendor has neither a state nor a date of payment.
const payoutStatus = providers.PayoutPaid

// payout converts a payout and harvests its affiliate.
func (r *reply) payout(w *payoutWire) *providers.Payout {
	embedded(r, w.Affiliate, (*reply).affiliate)
	return r.payoutOf(w, w.Affiliate)
}

// payoutOf converts a payout to this affiliate. Those inside a commission come without theirs,
// which is the commission's.
func (r *reply) payoutOf(w *payoutWire, affiliate related[affiliateWire]) *providers.Payout {
	out := &providers.Payout{
		Node:            r.node(providers.NounPayout, w.ID, w.record),
		Status:          payoutStatus,
		Amount:          r.money(w.Amount, w.Currency),
		Period:          text(w.Period),
		PaidAt:          w.CreatedAt.Time,
		CommissionCount: w.PaymentCount,
	}
	out.AffiliateID, out.CampaignID, out.Known = r.affiliation(affiliate)
	return out
}
