package firstpromoter

import (
	"cmp"
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// commissionList is GET /commissions: commissions, newest first. There is no other way to
// read one.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/commissions/openapi-v2-commissions.json
//
//api:operation GET /commissions
var commissionList = endpoint[wireCommission, providers.Commission]{
	noun: providers.NounCommission, path: "/commissions",
	always:  url.Values{"sorting[created_at]": {"desc"}},
	convert: (*reply).commission, core: commissionCore,
}

// commissionCore is what every commission of the list has. A custom one may have no referral.
var commissionCore = &wire.Core{
	Listed:  true,
	Members: []string{"status", "created_at", "promoter_campaign", "event_id"},
	Knowledge: wire.NewKnowledge(nil, map[string]string{
		"createdAt": "created_at", "earnedAt": "created_at", "status": "status is_paid", "providerStatus": "status",
		"eventId": "event_id", "affiliate": "promoter_campaign", "campaign": "promoter_campaign", "referral": "referral",
	}),
}

// wireCommission is a commission.
type wireCommission struct {
	wire.Members
	ID                   int64                      `json:"id"`
	Status               *string                    `json:"status"`
	CommissionType       *string                    `json:"commission_type"`
	Unit                 *string                    `json:"unit"`
	Amount               providers.Decimal          `json:"amount"`
	SaleAmount           providers.Decimal          `json:"sale_amount"`
	OriginalSaleAmount   providers.Decimal          `json:"original_sale_amount"`
	OriginalSaleCurrency providers.Currency         `json:"original_sale_currency"`
	IsPaid               optional[bool]             `json:"is_paid"`
	IsSelfReferral       *bool                      `json:"is_self_referral"`
	IsSplit              optional[bool]             `json:"is_split"`
	Tier                 optional[int64]            `json:"tier"`
	EventID              *string                    `json:"event_id"`
	FraudCheck           *string                    `json:"fraud_check"`
	InternalNote         *string                    `json:"internal_note"`
	ExternalNote         *string                    `json:"external_note"`
	CreatedAt            *time.Time                 `json:"created_at"`
	PromoterCampaign     *wireMembership            `json:"promoter_campaign"`
	Referral             wire.Related[wireReferral] `json:"referral"`
}

// commissionStates are the states of a commission. That it was paid stands beside the state.
var commissionStates = vocabulary[providers.CommissionStatus]{
	{"pending", providers.CommissionPending},
	{"approved", providers.CommissionApproved},
	{"approved", providers.CommissionPaid},
	{"denied", providers.CommissionDenied},
}

func (r *reply) commission(w *wireCommission) *providers.Commission {
	c := &providers.Commission{
		Node:           r.node(providers.NounCommission, w.ID, w.CreatedAt, nil),
		Status:         commissionStates.status(w.Status),
		ProviderStatus: text(w.Status),
		Kind:           commissionKind(w),
		EarnedAt:       w.CreatedAt,
		EventID:        text(w.EventID),
		Tier:           w.Tier.Value,
		IsSelfReferral: w.IsSelfReferral,
		FraudCheck:     text(w.FraudCheck),
		Note:           text(w.ExternalNote),
		InternalNote:   text(w.InternalNote),
		PayoutUnknown:  true,
		OthersSale: w.Tier.Odd() || w.Tier.Value != nil && *w.Tier.Value > 1 || w.IsSplit.Odd() ||
			w.IsSplit.Value != nil && *w.IsSplit.Value,
	}
	switch {
	case c.Status != providers.CommissionApproved:
	case w.IsPaid.Odd():
		c.Status = providers.CommissionUnknown
	case w.IsPaid.Value != nil && *w.IsPaid.Value:
		c.Status = providers.CommissionPaid
	}
	c.Amount, c.Reward = r.worth(w.Unit, w.Amount)
	if c.Kind != providers.CommissionCustom { // of no sale: the vendor's 0 is no amount
		c.SaleAmount = r.cents(w.SaleAmount, r.config.Currency)
		// That no currency means the account's is assumed.
		c.OriginalSaleAmount = r.cents(w.OriginalSaleAmount, w.OriginalSaleCurrency.Or(r.config.Currency))
	}
	c.AffiliateID, c.CampaignID = r.owner(&c.Node, w.PromoterCampaign)
	if of := w.Referral.Record; of != nil {
		glean(r, &r.harvest.Referrals, wire.MarkPart(referralCore, of, r.bareReferral(of, referralKnown.Fields(of.Members))))
	}
	n, _ := number(w.Referral.ID)
	c.ReferralID = r.id(providers.NounReferral, n)
	return c
}

// commissionKind tells refunds by their sign: they are sales with negative amounts. A
// custom commission may be negative too.
func commissionKind(w *wireCommission) providers.CommissionKind {
	kind := ""
	if w.CommissionType != nil {
		kind = strings.ToLower(*w.CommissionType)
	}
	switch {
	case kind == "":
		return providers.CommissionKindUnknown
	case kind == "custom":
		return providers.CommissionCustom
	case w.Amount.Set && w.Amount.Value.IsNeg() || w.SaleAmount.Set && w.SaleAmount.Value.IsNeg():
		return providers.CommissionRefund
	case kind == "sale":
		return providers.CommissionSale
	default:
		return providers.CommissionKindUnknown
	}
}

// paidBy is a commission of a list narrowed to one payout: only there can it be told which.
func paidBy(payout providers.ID) func(*reply, *wireCommission) *providers.Commission {
	return func(r *reply, w *wireCommission) *providers.Commission {
		c := r.commission(w)
		c.PayoutID, c.PayoutUnknown = payout, false
		return c
	}
}

// byPayout is the filter by payouts.
const byPayout = "filters[payout_id]"

// Commissions plans lists of commissions: one for each payout, or else for each referral,
// affiliate or state, the first of these that is asked for.
//
// PAID is asked for as approved: the filter for what was paid knows money alone.
func (p *provider) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	if f.OrderID != "" {
		return nil, nil // there are no orders
	}
	l := p.plan()
	l.ids(byPayout, providers.NounPayout, f.Payouts)
	if len(f.Referrals) > 0 {
		l.Exact = false
		l.ids(byReferral, providers.NounReferral, f.Referrals)
	}
	l.ids(byPromoter, providers.NounAffiliate, f.Affiliates)
	statuses(l, "filters[status]", commissionStates, f.Statuses)
	for _, s := range f.Statuses {
		if s == providers.CommissionApproved || s == providers.CommissionPaid {
			l.Exact = false
		}
	}
	l.many("filters[campaign_id]", providers.NounCampaign, f.Campaigns)
	l.search(f.EventID)
	l.days(created, f.CreatedAt)

	var lists []providers.List[providers.Commission]
	for i, all := range commissionList.lists(p, l) {
		query := l.Queries()[i]
		switch {
		case query.Has(byReferral):
			all = p.commissionsOfReferral(f, query)
		case query.Has(byPayout):
			n, _ := number(query.Get(byPayout))
			e := commissionList
			e.convert = paidBy(p.id(providers.NounPayout, n))
			all = e.list(p, query, l.Exact, nil)
		}
		lists = append(lists, all)
	}
	return lists, nil
}

// byReferral stands in the key of a list for a filter that the vendor does not have.
const byReferral = "referral_id"

// commissionsOfReferral searches for the customer's address or id, as there is no filter.
// The commissions of the referral's promoter would not be all: parents' shares and splits
// belong to others.
func (p *provider) commissionsOfReferral(f providers.CommissionFilter, query url.Values) providers.List[providers.Commission] {
	n, _ := number(query.Get(byReferral))
	id := p.id(providers.NounReferral, n)
	e := commissionList
	if payout, ok := number(query.Get(byPayout)); ok {
		e.convert = paidBy(p.id(providers.NounPayout, payout))
	}
	all := commissionList.list(p, nil, true, nil)
	return providers.List[providers.Commission]{
		Key:    key(query),
		Within: &all,
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
			referral := f.Parent.Referral
			if referral == nil || referral.ID != id || referral.Email == nil && referral.CustomerID == nil {
				b, err := r.Reader.ReferralsByID(ctx, []providers.ID{id}, "email", "customerId")
				if err == nil {
					err = b.Failed[id]
				}
				if err != nil {
					return nil, err
				}
				referral = b.Found[id]
			}
			if referral != nil && referral.Email == nil && referral.CustomerID == nil && referral.IsUnread("email") {
				return nil, p.badReply("GET "+referralList.path, errNotTold)
			}
			if referral == nil || referral.Email == nil && referral.CustomerID == nil {
				return &providers.Page[providers.Commission]{}, nil
			}
			q := e.query(query)
			q.Del(byReferral)
			if !q.Has("q") { // an event that is searched for is narrower
				q.Set("q", *cmp.Or(referral.CustomerID, referral.Email)) // an address may be marked as moved
			}
			// The search may find others' commissions, which belong to other lists of the
			// same plan.
			keep := func(c *providers.Commission) bool {
				return c.ReferralID == id || c.ReferralID.IsZero() && c.IsUnread("referral")
			}
			return e.list(p, q, false, keep).Page(ctx, r)
		},
	}
}

// CommissionsByID reads commissions, a hundred a call. Their payouts stay unknown.
func (p *provider) CommissionsByID(
	ctx context.Context,
	ids []providers.ID,
	need ...string,
) (*providers.Batch[providers.Commission], error) {
	return commissionList.byIDs(ctx, p, p.numbers(providers.NounCommission, ids), need)
}
