package example

import (
	"cmp"
	"context"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// commissions reads commissions: a page of them, or one by its id.
//
// https://example.com/docs/api/commissions
//
//api:operation GET /commissions
//api:operation GET /commissions/{id}
var commissions = endpoint[wireCommission, providers.Commission]{
	noun: providers.NounCommission, path: "/commissions", core: commissionCore, convert: (*provider).commission,
}

// Commissions plans a list for each affiliate, by the one filter that the vendor has, or
// the list of all.
func (p *provider) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	edges := len(f.Campaigns) + len(f.Referrals) + len(f.Payouts)
	if providers.MatchesNothing(f) || edges > 0 || f.OrderID != "" || f.EventID != "" {
		return nil, nil // there are none
	}
	owners := f.Affiliates
	f.Accounts, f.Affiliates, f.Parent.Affiliate = nil, nil, nil
	exact := reflect.ValueOf(f).IsZero() // nothing is left to the reader
	if owners == nil {
		return []providers.List[providers.Commission]{commissions.list(p, nil, exact)}, nil
	}
	var lists []providers.List[providers.Commission]
	all := commissions.list(p, nil, true)
	for _, id := range wire.Numbered(p.config.Account, providers.NounAffiliate, owners) {
		list := commissions.list(p, url.Values{"affiliate_id": {id.Local}}, exact)
		list.Within = &all
		lists = append(lists, list)
	}
	return lists, nil
}

// CommissionsByID reads commissions.
func (p *provider) CommissionsByID(
	ctx context.Context,
	ids []providers.ID,
	need ...string,
) (*providers.Batch[providers.Commission], error) {
	return commissions.byID(ctx, p, ids, need)
}

// wireCommission is what is read of a commission.
type wireCommission struct {
	wire.Members
	ID          int64             `json:"id"`
	AffiliateID int64             `json:"affiliate_id"`
	Status      string            `json:"status"`
	AmountCents providers.Decimal `json:"amount_cents"`
	SaleCents   providers.Decimal `json:"sale_cents"`
	Currency    string            `json:"currency"`
	CreatedAt   *time.Time        `json:"created_at"`
}

// commissionStatuses are the vendor's words.
var commissionStatuses = map[string]providers.CommissionStatus{
	"pending": providers.CommissionPending, "approved": providers.CommissionApproved,
	"declined": providers.CommissionDenied, "paid": providers.CommissionPaid,
}

func (p *provider) commission(w *wireCommission) *providers.Commission {
	status, ok := commissionStatuses[strings.ToLower(w.Status)]
	if !ok {
		status = providers.CommissionUnknown
	}
	kind := providers.CommissionSale
	switch {
	case !w.SaleCents.Set:
		kind = providers.CommissionCustom
	case w.SaleCents.Value.IsNeg():
		kind = providers.CommissionRefund
	}
	currency := cmp.Or(w.Currency, p.config.Currency)
	return &providers.Commission{
		Node: providers.Node{
			ID: wire.NumberID(p.config.Account, providers.NounCommission, w.ID), ProviderID: wire.Decimal(w.ID),
			CreatedAt: w.CreatedAt, FetchedAt: p.config.Now(),
		},
		Status:         status,
		ProviderStatus: wire.Text(w.Status),
		Kind:           kind,
		SaleAmount:     w.SaleCents.Minor(currency),
		Amount:         w.AmountCents.Minor(currency),
		EarnedAt:       w.CreatedAt,
		AffiliateID:    wire.NumberID(p.config.Account, providers.NounAffiliate, w.AffiliateID),
	}
}

// commissionCore is what every commission has.
var commissionCore = &wire.Core{
	Members: []string{"affiliate_id", "status", "amount_cents", "sale_cents", "currency", "created_at"},
	Knowledge: wire.NewKnowledge([]string{
		"providerId",
		"originalSaleAmount",
		"adjustment",
		"reward",
		"eventId",
		"tier",
		"isSelfReferral",
		"fraudCheck",
		"note",
		"internalNote",
		"orderId",
		"campaign",
		"referral",
		"payout",
		"customer",
		"theirs",
	}, map[string]string{
		"affiliate":      "affiliate_id",
		"status":         "status",
		"providerStatus": "status",
		"kind":           "sale_cents",
		"amount":         "amount_cents currency",
		"saleAmount":     "sale_cents currency",
		"createdAt":      "created_at",
		"earnedAt":       "created_at",
	}),
}
