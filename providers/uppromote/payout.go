package uppromote

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
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
	noun: providers.NounPayout, path: "/payments/paid", convert: func(r *reply, w *wirePayment) *providers.Payout {
		r.noteNaming(&r.naming.listed, w)
		return r.payment(w)
	},
	core: paymentCore,
}

// paymentRecord reads a payment by itself. Nothing tells more of it.
var paymentRecord = endpoint[wirePayment, providers.Payout]{
	noun: providers.NounPayout, path: "/payments", convert: func(r *reply, w *wirePayment) *providers.Payout {
		r.noteNaming(&r.naming.alone, w)
		payout := r.payment(w)
		payout.Known = nil
		return payout
	},
	core: paymentCore,
}

// paymentCore is what every payment of the list has. Whether it names its referrals is seen
// apart.
var paymentCore = &wire.Core{
	Members: []string{"affiliate_id", "status", "total_referrals", "total_processed", "payment_method", "processed_at"},
	Knowledge: wire.NewKnowledge([]string{
		"providerId", "reward", "taxRate", "totalWithTax", "periodStart", "periodEnd", "period", "error", "campaign",
	}, map[string]string{
		"createdAt": "processed_at", "status": "status", "providerStatus": "status", "paidAt": "status processed_at",
		"amount": "total_processed", "method": "payment_method", "commissionCount": "total_referrals", "affiliate": "affiliate_id",
		"commissions": "referral_ids",
	}),
}

// countPaid is how many payments were made. The name of the number is assumed; so is that
// one may come alone.
//
// https://aff-api.uppromote.com/docs/v2/get-paid-payments-history-21170059e0
//
//api:operation GET /payments/total-paid
func (p *provider) countPaid(ctx context.Context) (int64, error) {
	const path = "/payments/total-paid"
	total, _, err := get(ctx, p, rest.Request{Op: "GET " + path, Path: path}, func(total *wireTotal, _ bool) error {
		if total.n == nil || *total.n < 0 {
			return errNoData
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return *total.n, nil
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

// PayoutsByID reads payments one by one, or by walking all of them, and what is owed among
// the affiliate's.
func (p *provider) PayoutsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Payout], error) {
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
	b, err := p.paidByID(ctx, paid, need)
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

// paidByID reads payments: by themselves where that is needed to learn their referrals. The
// newest are probably wanted, so that several are looked for in their list first, unless it
// is known not to tell enough.
func (p *provider) paidByID(ctx context.Context, ids []providers.ID, need []string) (*providers.Batch[providers.Payout], error) {
	one := func(ctx context.Context, id providers.ID) (*providers.Payout, providers.Harvest, error) {
		_, n, _ := p.payout(id)
		return paymentRecord.one(ctx, p, paymentRecord.path, id, n)
	}
	return paidList.gather(ctx, p, ids, !p.naming.unlisted(), one, covers[providers.Payout](need))
}

// wirePayment is a payment that was made.
type wirePayment struct {
	wire.Members
	PaymentID      int64             `json:"payment_id"`
	AffiliateID    int64             `json:"affiliate_id"`
	Status         string            `json:"status"`
	AffiliateEmail string            `json:"affiliate_email"`
	TotalReferrals *int64            `json:"total_referrals"`
	TotalProcessed providers.Decimal `json:"total_processed"`
	PaymentMethod  string            `json:"payment_method"`
	ProcessedAt    time.Time         `json:"processed_at"`
	ReferralIDs    []int64           `json:"referral_ids"`
}

// wireUnpaid is what one affiliate is owed. It may be negative: refunds count.
type wireUnpaid struct {
	AffiliateID     int64             `json:"affiliate_id"`
	AffiliateEmail  string            `json:"affiliate_email"`
	TotalReferrals  *int64            `json:"total_referrals"`
	PaymentMethod   string            `json:"payment_method"`
	TotalCommission providers.Decimal `json:"total_commission"`
	ReferralIDs     []int64           `json:"referral_ids"`
}

// wireTotal is a number, by itself or in an object; nil for anything else.
type wireTotal struct{ n *int64 }

// UnmarshalJSON reads either.
func (w *wireTotal) UnmarshalJSON(b []byte) error {
	*w = wireTotal{}
	var in struct {
		Total *int64 `json:"total"`
	}
	if _, err := wire.Decode(b, &in); err == nil {
		w.n = in.Total
		return nil
	}
	_, err := wire.Decode(b, &w.n)
	return err
}

// The first parts of payouts' ids.
const (
	paidState = "paid" // and the payment's number
	dueState  = "due"  // and the affiliate's
)

func (p *provider) payoutID(state string, n int64) providers.ID {
	return p.local(providers.NounPayout, providers.JoinLocal(state, decimal(n)))
}

// payout takes the id of a payout apart.
func (p *provider) payout(id providers.ID) (state string, n int64, ok bool) {
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

// payment converts a row; it is as old as its processing. A row of a list that does not
// name its referrals knows all but these: the record by itself may.
func (r *reply) payment(w *wirePayment) *providers.Payout {
	status, ok := paymentStatuses[strings.ToLower(w.Status)]
	if !ok {
		status = providers.PayoutUnknown
	}
	out := &providers.Payout{
		Status:          status,
		ProviderStatus:  text(w.Status),
		Amount:          w.TotalProcessed.Major(r.config.Currency),
		Method:          method(w.PaymentMethod),
		CommissionCount: count(w.TotalReferrals),
		AffiliateID:     r.id(providers.NounAffiliate, w.AffiliateID),
		CommissionIDs:   r.commissionIDs(w.ReferralIDs),
	}
	if status == providers.PayoutPaid {
		out.PaidAt = moment(w.ProcessedAt)
	}
	if w.PaymentID <= 0 {
		return out
	}
	known := (*providers.Fields)(nil)
	if commissionsUnknown(out) && !r.naming.never() {
		known = withoutCommissions
	}
	out.Node = r.node(r.payoutID(paidState, w.PaymentID), decimal(w.PaymentID), w.ProcessedAt, known)
	r.harvestAffiliate(w.AffiliateID, w.AffiliateEmail)
	return out
}

var withoutCommissions = providers.AllBut("commissions")

// count is a number of records.
func count(n *int64) *int64 {
	if n == nil || *n < 0 {
		return nil
	}
	return n
}

// commissionsUnknown says whether it is not known which commissions a payout covers.
func commissionsUnknown(p *providers.Payout) bool {
	some := p.CommissionCount == nil && p.CommissionIDs == nil || p.CommissionCount != nil && *p.CommissionCount > 0
	return len(p.CommissionIDs) == 0 && some
}

// paymentStatuses are the vendor's words. "SUCCESS" was seen; the others are those of its
// help pages, and of PayPal's batches, whose word that is.
var paymentStatuses = map[string]providers.PayoutStatus{
	"success":    providers.PayoutPaid,
	"processed":  providers.PayoutPaid,
	"paid":       providers.PayoutPaid,
	"completed":  providers.PayoutPaid,
	"pending":    providers.PayoutPending,
	"processing": providers.PayoutPending,
	"failed":     providers.PayoutFailed,
	"denied":     providers.PayoutFailed,
	"canceled":   providers.PayoutFailed,
	"cancelled":  providers.PayoutFailed,
	"returned":   providers.PayoutFailed,
	"refunded":   providers.PayoutFailed,
	"reversed":   providers.PayoutFailed,
}

// paidStates are those that rows of the list of payments can have.
var paidStates = []providers.PayoutStatus{providers.PayoutPaid, providers.PayoutPending, providers.PayoutFailed, providers.PayoutUnknown}

// unpaid converts a row. It has neither an id nor a date.
func (r *reply) unpaid(w *wireUnpaid) *providers.Payout {
	out := &providers.Payout{
		Status:          providers.PayoutDue,
		Amount:          w.TotalCommission.Major(r.config.Currency),
		Method:          method(w.PaymentMethod),
		CommissionCount: count(w.TotalReferrals),
		AffiliateID:     r.id(providers.NounAffiliate, w.AffiliateID),
		CommissionIDs:   r.commissionIDs(w.ReferralIDs),
	}
	if w.AffiliateID > 0 {
		out.Node = r.node(r.payoutID(dueState, w.AffiliateID), decimal(w.AffiliateID), time.Time{}, nil)
		r.harvestAffiliate(w.AffiliateID, w.AffiliateEmail)
	}
	return out
}

// method is the vendor's word for a way to pay; nil for its word for none.
func method(word string) *string {
	if strings.EqualFold(word, "no_payment_method") {
		return nil
	}
	return text(word)
}

// commissionIDs are the ids of referrals as commissions; nil for nil.
func (p *provider) commissionIDs(numbers []int64) (ids []providers.ID) {
	for _, n := range numbers {
		if id := p.id(providers.NounCommission, n); !id.IsZero() {
			ids = append(ids, id)
		}
	}
	if numbers != nil && ids == nil {
		ids = []providers.ID{}
	}
	return ids
}
