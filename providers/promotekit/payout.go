package promotekit

import (
	"context"
	"net/url"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
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
	return filled(ctx, p, ids, need, func(ctx context.Context, ids []providers.ID) (*providers.Batch[providers.Payout], error) {
		return byID(ctx, p, providers.NounPayout, ids, p.listPayouts, p.getPayout, coversBut[providers.Payout](need))
	})
}

// listPayouts reads a page of the payouts.
// https://www.promotekit.com/docs/api-reference/payouts/list-payouts
//
//api:operation GET /payouts
func (p *provider) listPayouts(ctx context.Context, query url.Values, r providers.PageRequest) (*providers.Page[providers.Payout], error) {
	return readPage(ctx, p, providers.NounPayout, "/payouts", query, r, (*reply).payout)
}

// getPayout reads one payout.
// https://www.promotekit.com/docs/api-reference/payouts/get-payout
//
//api:operation GET /payouts/{id}
func (p *provider) getPayout(ctx context.Context, uuid string) (*providers.Payout, providers.Harvest, error) {
	return readRecord(ctx, p, providers.NounPayout, "/payouts", uuid, (*reply).payout)
}

type payoutWire struct {
	record
	Amount       providers.Decimal           `json:"amount"`
	Currency     providers.Currency          `json:"currency"`
	Period       string                      `json:"period"`
	PaymentCount *int64                      `json:"payment_count"`
	Affiliate    wire.Related[affiliateWire] `json:"affiliate"`
}

// payoutStatus is that of every payout: one is taken to come into being when the merchant marks a
// period as paid, as the vendor has neither a state nor a date of payment.
const payoutStatus = providers.PayoutPaid

// payout converts a payout and harvests its affiliate.
func (r *reply) payout(w *payoutWire) *providers.Payout {
	related(r, &w.Affiliate, (*reply).relatedAffiliate)
	return r.payoutOf(w, w.Affiliate)
}

// relatedPayout converts a payout inside a commission, which comes without its affiliate:
// it is the commission's.
func (r *reply) relatedPayout(w *payoutWire, affiliate wire.Related[affiliateWire]) *providers.Payout {
	out := r.payoutOf(w, affiliate)
	out.Known = payoutKnowledge.fields(w.Members, out.Known)
	return out
}

// payoutOf converts a payout to this affiliate.
func (r *reply) payoutOf(w *payoutWire, affiliate wire.Related[affiliateWire]) *providers.Payout {
	out := &providers.Payout{
		Node:            r.node(providers.NounPayout, w.record),
		Status:          payoutStatus,
		Amount:          r.money(w.Amount, w.Currency),
		Period:          text(w.Period),
		PaidAt:          w.CreatedAt,
		CommissionCount: w.PaymentCount,
	}
	out.AffiliateID, out.CampaignID = r.affiliation(&out.Node, affiliate)
	return out
}
