package uppromote

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// unpaidList reads what affiliates are owed, a row for each of them.
//
// https://aff-api.uppromote.com/docs/v2/get-unpaid-payments-21170058e0
//
//api:operation GET /payments/unpaid
var unpaidList = endpoint[wireUnpaid, providers.Payout]{
	noun: providers.NounPayout, path: "/payments/unpaid", convert: (*reply).unpaid,
}

// paidList reads what affiliates were paid.
//
// https://aff-api.uppromote.com/docs/v2/get-paid-payments-history-21170059e0
// https://aff-api.uppromote.com/docs/v2/get-a-payment-by-id-21170061e0
//
//api:operation GET /payments/paid
//api:operation GET /payments/{id}
var paidList = endpoint[wirePayment, providers.Payout]{
	noun: providers.NounPayout, path: "/payments/paid", convert: (*reply).payment,
}

// countPaid is how many payments were made. The name of the number is assumed; so is that one may come alone.
//
// https://aff-api.uppromote.com/docs/v2/get-paid-payments-history-21170059e0
//
//api:operation GET /payments/total-paid
func (p *provider) countPaid(ctx context.Context) (int64, error) {
	const path = "/payments/total-paid"
	sent, err := get[wireTotal](ctx, p, path, path, nil)
	if err != nil {
		return 0, err
	}
	if len(sent) != 1 || !sent[0].set {
		return 0, p.bad("GET "+path, errNoData)
	}
	return int64(sent[0].total), nil
}

// Payouts plans lists of payouts: what is owed, and what was paid. Neither tells a program.
func (p *provider) Payouts(f providers.PayoutFilter) ([]providers.List[providers.Payout], error) {
	if len(f.Campaigns) > 0 {
		return nil, nil
	}
	asked := func(s providers.PayoutStatus) bool { return len(f.Statuses) == 0 || slices.Contains(f.Statuses, s) }
	l := p.payments(f.Affiliates)
	var lists []providers.List[providers.Payout]
	if asked(providers.PayoutDue) {
		lists = paymentLists(unpaidList, l)
	}
	if slices.ContainsFunc(paidStates, asked) {
		l.unsent(!asked(providers.PayoutPaid)) // others are not documented to be there
		paid := paymentLists(paidList, l)
		if len(f.Affiliates) == 0 && asked(providers.PayoutPaid) {
			paid[0].Count = p.countPaid
		}
		lists = append(lists, paid...)
	}
	return lists, nil
}

// PayoutsByID reads payments one by one, or by walking all of them, and what is owed among the affiliate's.
func (p *provider) PayoutsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Payout], error) {
	var paid []providers.ID
	due := map[providers.ID]providers.ID{} // affiliates
	for _, id := range ids {
		switch state, n, ok := p.payout(id); {
		case !ok:
		case state == dueState:
			due[id] = p.id(providers.NounAffiliate, n)
		default:
			paid = append(paid, id)
		}
	}
	b, err := paidList.gather(ctx, p, paid, false, func(ctx context.Context, id providers.ID) (*providers.Payout, providers.Harvest, error) {
		_, n, _ := p.payout(id)
		return paidList.one(ctx, p, "/payments", id, n)
	})
	if err != nil || len(due) == 0 {
		return b, err
	}
	sought := map[providers.ID]int{}
	for _, affiliate := range due {
		sought[affiliate] = 1
	}
	failed := ofEach(ctx, p, unpaidList, sought, nil, func(payout *providers.Payout) int {
		if _, ok := due[payout.ID]; !ok || b.Found[payout.ID] != nil {
			return 0
		}
		b.Found[payout.ID] = payout
		return 1
	})
	for id, affiliate := range due {
		if err := failed[affiliate]; err != nil && b.Found[id] == nil {
			if b.Failed == nil {
				b.Failed = map[providers.ID]error{}
			}
			b.Failed[id] = err
		}
	}
	return b, nil
}

// wirePayment is a payment that was made.
type wirePayment struct {
	PaymentID      integer           `json:"payment_id"`
	AffiliateID    integer           `json:"affiliate_id"`
	Status         text              `json:"status"`
	AffiliateEmail text              `json:"affiliate_email"`
	TotalReferrals *integer          `json:"total_referrals"`
	TotalProcessed providers.Decimal `json:"total_processed"`
	PaymentMethod  text              `json:"payment_method"`
	ProcessedAt    instant           `json:"processed_at"`
	ReferralIDs    many[integer]     `json:"referral_ids"`
}

// wireUnpaid is what one affiliate is owed. It may be negative: refunds count.
type wireUnpaid struct {
	AffiliateID     integer           `json:"affiliate_id"`
	AffiliateEmail  text              `json:"affiliate_email"`
	TotalReferrals  *integer          `json:"total_referrals"`
	PaymentMethod   text              `json:"payment_method"`
	TotalCommission providers.Decimal `json:"total_commission"`
	ReferralIDs     many[integer]     `json:"referral_ids"`
}

// wireTotal is a number, by itself or in an object.
type wireTotal struct {
	total integer
	set   bool
}

// UnmarshalJSON reads either.
func (w *wireTotal) UnmarshalJSON(b []byte) error {
	var in struct {
		Total *integer `json:"total"`
	}
	if len(b) > 0 && b[0] == '{' {
		if err := json.Unmarshal(b, &in); err != nil || in.Total == nil {
			return err
		}
		*w = wireTotal{*in.Total, true}
		return nil
	}
	w.set = true
	return w.total.UnmarshalJSON(b)
}

// The first parts of payouts' ids.
const (
	paidState = "paid" // and the payment's number
	dueState  = "due"  // and the affiliate's
)

func (p *provider) payoutID(state string, n integer) providers.ID {
	return p.local(providers.NounPayout, providers.JoinLocal(state, decimal(n)))
}

// payout takes the id of a payout apart.
func (p *provider) payout(id providers.ID) (state string, n integer, ok bool) {
	state, second, ok := p.joined(id, providers.NounPayout)
	n, is := number(second)
	return state, n, ok && is && (state == paidState || state == dueState)
}

// Owner is the affiliate in the ids of memberships, coupons, and of what is owed.
func (p *provider) Owner(id providers.ID) (providers.ID, bool) {
	first, second, ok := p.joined(id, id.Noun)
	switch {
	case id.Noun == providers.NounAffiliate:
		return id, true
	case !ok || id.Noun == providers.NounPayout && first != dueState:
		return providers.ID{}, false
	case id.Noun == providers.NounPayout:
		return p.local(providers.NounAffiliate, second), true
	default:
		return p.local(providers.NounAffiliate, first), true
	}
}

// payment converts a row; it is as old as its processing. Lists are said to name the referrals; a row that does not
// knows all but that.
func (r *reply) payment(w *wirePayment) *providers.Payout {
	if w.PaymentID <= 0 {
		r.fail(errNoID)
	}
	status, ok := paymentStatuses[strings.ToLower(string(w.Status))]
	if !ok {
		status = providers.PayoutUnknown
	}
	var known *providers.Fields
	if w.ReferralIDs == nil {
		known = withoutCommissions
	}
	out := &providers.Payout{
		Node:            r.node(r.payoutID(paidState, w.PaymentID), decimal(w.PaymentID), w.ProcessedAt, known),
		Status:          status,
		ProviderStatus:  w.Status.known(),
		Amount:          w.TotalProcessed.Major(r.config.Currency),
		Method:          method(w.PaymentMethod),
		CommissionCount: (*int64)(w.TotalReferrals),
		AffiliateID:     r.id(providers.NounAffiliate, w.AffiliateID),
		CommissionIDs:   r.commissionIDs(w.ReferralIDs),
	}
	if status == providers.PayoutPaid {
		out.PaidAt = w.ProcessedAt.known()
	}
	r.harvestAffiliate(w.AffiliateID, w.AffiliateEmail)
	return out
}

var withoutCommissions = providers.AllBut("commissions")

// paymentStatuses are the vendor's words. Only the first is documented.
var paymentStatuses = map[string]providers.PayoutStatus{
	"success": providers.PayoutPaid, "pending": providers.PayoutPending, "failed": providers.PayoutFailed,
}

// paidStates are those that rows of the list of payments can have.
var paidStates = []providers.PayoutStatus{providers.PayoutPaid, providers.PayoutPending, providers.PayoutFailed, providers.PayoutUnknown}

// unpaid converts a row. It has neither an id nor a date.
func (r *reply) unpaid(w *wireUnpaid) *providers.Payout {
	if w.AffiliateID <= 0 {
		r.fail(errNoID)
	}
	r.harvestAffiliate(w.AffiliateID, w.AffiliateEmail)
	return &providers.Payout{
		Node:            r.node(r.payoutID(dueState, w.AffiliateID), decimal(w.AffiliateID), instant{}, nil),
		Status:          providers.PayoutDue,
		Amount:          w.TotalCommission.Major(r.config.Currency),
		Method:          method(w.PaymentMethod),
		CommissionCount: (*int64)(w.TotalReferrals),
		AffiliateID:     r.id(providers.NounAffiliate, w.AffiliateID),
		CommissionIDs:   r.commissionIDs(w.ReferralIDs),
	}
}

// method is the vendor's word for a way to pay; nil for its word for none.
func method(word text) *string {
	if word.is("no_payment_method") {
		return nil
	}
	return word.known()
}

func (r *reply) commissionIDs(numbers []integer) (ids []providers.ID) {
	for _, n := range numbers {
		if id := r.id(providers.NounCommission, n); !id.IsZero() {
			ids = append(ids, id)
		}
	}
	return ids
}
