package uppromote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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

// markPayoutPaid says that what an affiliate is owed was paid elsewhere: the referrals named, which have to be all of it.
// No amount is sent, so that it is compared right before. That the ids are joined by commas is assumed.
//
// https://aff-api.uppromote.com/docs/v2
//
//api:operation POST /payments/mark-as-paid
type markPayoutPaid struct {
	*provider
	in *providers.MarkPayoutPaidInput
}

const opMarkPaid = "POST /payments/mark-as-paid"

// wireMarkPaid is what is sent.
type wireMarkPaid struct {
	AffiliateEmail string  `json:"affiliate_email"`
	ReferralIDs    string  `json:"referral_ids"`
	Note           *string `json:"note,omitempty"`
	Message        *string `json:"message,omitempty"`
}

func (c markPayoutPaid) check() (found providers.Problems) {
	switch state, _, ok := c.payout(c.in.ID); {
	case !ok:
		found = nobody("id")
	case state != dueState:
		found = providers.Problemf(providers.ProblemWrongState, "id", "was paid already")
	}
	for i, id := range c.in.Commissions {
		found = append(found, c.named(providers.NounCommission, fmt.Sprintf("commissions.%d", i), id)...)
	}
	return found
}

// affiliate is the id of who is owed.
func (c markPayoutPaid) affiliate() providers.ID {
	_, n, _ := c.payout(c.in.ID)
	return c.id(providers.NounAffiliate, n)
}

func (c markPayoutPaid) plan(ctx context.Context) (*providers.Write, error) {
	a, err := c.addressee(ctx, "id", c.affiliate())
	if err != nil {
		return nil, err
	}
	if err := c.agree(ctx, a); err != nil {
		return nil, err
	}
	locals := make([]string, len(c.in.Commissions))
	for i, id := range c.in.Commissions {
		locals[i] = id.Local
	}
	body := wireMarkPaid{*a.Email, strings.Join(locals, ","), c.in.Note, c.in.Message}
	return &providers.Write{
		Op:     opMarkPaid,
		Fields: map[string]string{"affiliate_email": "id", "referral_ids": "commissions", "note": "note", "message": "message"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			w, err := send[wirePayment](ctx, c.provider, opMarkPaid, "/payments/mark-as-paid", body)
			if err != nil {
				return nil, err
			}
			return c.made(ctx, a, &w)
		},
	}, nil
}

// agree holds the input against what is owed now, as the vendor sums it and as its referrals say.
func (c markPayoutPaid) agree(ctx context.Context, a *providers.Affiliate) error {
	conflict := func(field, format string, args ...any) error {
		return providers.Problemf(providers.ProblemConflict, field, format, args...)
	}
	var due *providers.Payout
	for row, err := range payoutsOf(ctx, c.provider, unpaidList, a) {
		if err != nil {
			return err
		}
		if row.ID == c.in.ID {
			due = row
			break
		}
	}
	switch {
	case due == nil:
		return providers.Problemf(providers.ProblemWrongState, "id", "is not due: nothing is owed to the affiliate")
	case due.CommissionIDs == nil || due.Amount == nil:
		return c.bad("GET "+unpaidList.path, errNoData)
	case !sameIDs(due.CommissionIDs, c.in.Commissions):
		return conflict("commissions", "are not those that are due now, which are %d", len(due.CommissionIDs))
	case !due.Amount.Amount.Equal(c.in.ExpectedTotal.Amount):
		return conflict("expectedTotal", "is not what is due now, which is %s", due.Amount.Amount)
	}
	rows, err := c.rows(ctx, a)
	if err != nil {
		return err
	}
	var sum providers.Decimal
	for i, id := range c.in.Commissions {
		e := rows[id]
		if e == nil || e.Amount == nil {
			return conflict(fmt.Sprintf("commissions.%d", i), "is not among the affiliate's commissions")
		}
		if e.Status != providers.CommissionApproved {
			return conflict(fmt.Sprintf("commissions.%d", i), "is not approved and unpaid, but %s", e.Status)
		}
		if sum.Value, err = sum.Value.AddExact(e.Amount.Amount, max(sum.Value.Scale(), e.Amount.Amount.Scale())); err != nil {
			return c.bad("GET "+referralList.path, err)
		}
	}
	if !sum.Value.Equal(c.in.ExpectedTotal.Amount) {
		return conflict("expectedTotal", "is not the sum of the commissions")
	}
	return nil
}

// rows are the commissions that are named, live: the affiliate's newest first, until all are there.
func (c markPayoutPaid) rows(ctx context.Context, a *providers.Affiliate) (map[providers.ID]*providers.Commission, error) {
	filter := providers.CommissionFilter{Affiliates: []providers.ID{a.ID}}
	filter.Parent.Affiliate = a
	lists, err := c.Commissions(filter)
	if err != nil {
		return nil, err
	}
	open, found := map[providers.ID]bool{}, map[providers.ID]*providers.Commission{}
	for _, id := range c.in.Commissions {
		open[id] = true
	}
	for e, err := range providers.All(ctx, lists[0], c) {
		if err != nil {
			return nil, err
		}
		if open[e.ID] && e.AffiliateID == a.ID {
			found[e.ID] = e
			if delete(open, e.ID); len(open) == 0 {
				break
			}
		}
	}
	return found, nil
}

// payment is the payment that names the first of the commissions, live; nil where none does.
func (c markPayoutPaid) payment(ctx context.Context, a *providers.Affiliate) (*providers.Payout, error) {
	for payout, err := range payoutsOf(ctx, c.provider, paidList, a) {
		if err != nil {
			return nil, err
		}
		if slices.Contains(payout.CommissionIDs, c.in.Commissions[0]) {
			return payout, nil
		}
	}
	return nil, nil
}

// made is what the reply tells. That it is the payment is assumed: where it names none, it is searched for, and where it
// is not found the payout that was due stands for it.
func (c markPayoutPaid) made(ctx context.Context, a *providers.Affiliate, w *wirePayment) (*providers.Written, error) {
	r := c.reply()
	switch {
	case w.AffiliateID > 0 && c.id(providers.NounAffiliate, w.AffiliateID) != a.ID,
		w.ReferralIDs != nil && !sameIDs(r.commissionIDs(w.ReferralIDs), c.in.Commissions):
		return nil, c.garbled(opMarkPaid, errAnother)
	case w.PaymentID > 0 && w.AffiliateID > 0 && w.Status != "" && w.TotalProcessed.Set && !w.ProcessedAt.IsZero():
		return c.paid(r.payment(w)), nil
	case w.PaymentID > 0:
		written := c.paid(nil)
		written.ID = c.payoutID(paidState, w.PaymentID)
		return written, nil
	}
	payout, err := c.payment(ctx, a)
	if err != nil {
		payout = nil // the write was made all the same
	}
	return c.paid(payout), nil
}

// paid is what has changed by the payment; nil where it is not known.
func (c markPayoutPaid) paid(payout *providers.Payout) *providers.Written {
	w := &providers.Written{ID: c.in.ID, Stale: []providers.ID{c.in.ID, c.affiliate()}, StaleLists: listsOfReferrals}
	if payout != nil {
		w.ID, w.Harvest.Payouts = payout.ID, []*providers.Payout{payout}
	}
	for _, id := range c.in.Commissions {
		w.Stale = append(w.Stale, id, c.local(providers.NounReferral, id.Local))
	}
	return w
}

// look counts which of the commissions were paid: nobody can take a payment back. All of them by a payment of exactly
// these is this write, or the same as if it were.
func (c markPayoutPaid) look(ctx context.Context, _ json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	a, err := c.addressee(ctx, "id", c.affiliate())
	if problems := (providers.Problems)(nil); errors.As(err, &problems) {
		return providers.Unclear, nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	rows, err := c.rows(ctx, a)
	if err != nil {
		return "", nil, err
	}
	paid := 0
	for _, e := range rows {
		if e.Status == providers.CommissionPaid {
			paid++
		}
	}
	switch {
	case len(rows) < len(c.in.Commissions), paid > 0 && paid < len(rows):
		return providers.Unclear, nil, nil
	case paid == 0:
		return providers.NotMade, nil, nil
	}
	payout, err := c.payment(ctx, a)
	switch {
	case err != nil:
		return "", nil, err
	case payout == nil && disturbed, payout != nil && !sameIDs(payout.CommissionIDs, c.in.Commissions):
		return providers.Unclear, nil, nil
	}
	return providers.Made, c.paid(payout), nil
}

// sameIDs says whether two lists hold the same ids, each once.
func sameIDs(a, b []providers.ID) bool {
	set := func(ids []providers.ID) map[providers.ID]bool {
		m := make(map[providers.ID]bool, len(ids))
		for _, id := range ids {
			m[id] = true
		}
		return m
	}
	return len(a) == len(b) && maps.Equal(set(a), set(b))
}
