package uppromote

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

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

// emailFilter is what was seen of the vendor's filter of payments by e-mail address, which is assumed to be there.
// Vendors ignore unknown parameters silently.
type emailFilter struct{ state atomic.Int32 }

const (
	filterUnseen int32 = iota
	filterApplied
	filterIgnored
)

func (f *emailFilter) ignored() bool { return f.state.Load() == filterIgnored }

// check looks at a page that should hold payments of one affiliate only.
func (f *emailFilter) check(log *slog.Logger, affiliate providers.ID, rows []*providers.Payout) {
	switch {
	case len(rows) == 0: // says nothing
	case slices.ContainsFunc(rows, func(p *providers.Payout) bool { return p.AffiliateID != affiliate }):
		if f.state.Swap(filterIgnored) != filterIgnored && log != nil {
			log.Warn("payments are not narrowed by "+emailParam+": they are searched from now on", "account", affiliate.Account, "provider", name)
		}
	default:
		f.state.CompareAndSwap(filterUnseen, filterApplied)
	}
}

// payments plans lists of payments of these affiliates, all of them for none.
func (p *provider) payments(affiliates []providers.ID) *plan {
	l := p.plan()
	param := idParam
	if p.emails.ignored() {
		param = ""
	}
	l.parents(param, providers.NounAffiliate, affiliates)
	if len(affiliates) > 0 {
		l.exact = false // the filter is not documented
	}
	return l
}

// paymentLists are the lists of a plan of payments, whose pages are held against the filter.
func paymentLists[W any](e endpoint[W, providers.Payout], l *plan) []providers.List[providers.Payout] {
	lists := e.lists(l)
	for i, q := range l.queries() {
		if !q.Has(idParam) {
			continue
		}
		page, affiliate := lists[i].Page, l.local(providers.NounAffiliate, q.Get(idParam))
		lists[i].Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Payout], error) {
			rows, err := page(ctx, r)
			if err == nil {
				l.provider.emails.check(l.config.Logger, affiliate, rows.Items)
			}
			return rows, err
		}
	}
	return lists
}

// addresses are those of affiliates that came along.
func addresses(h providers.Harvest) map[providers.ID]string {
	m := map[providers.ID]string{}
	for _, a := range h.Affiliates {
		if a.Email != nil {
			m[a.ID] = *a.Email
		}
	}
	return m
}

// ofEachWidth bounds how many affiliates' payments are read at once.
const ofEachWidth = 16

// ofEach reads the payments of affiliates until as many things of each are settled as are sought; visit says how many
// a payment settles. It walks the list of all payments for as long as that is cheaper (providers.WalkOn), or if nothing
// else is possible, and then reads the list of each affiliate who is left. What could not be read is answered by affiliate.
func ofEach[W any](ctx context.Context, p *provider, e endpoint[W, providers.Payout], sought map[providers.ID]int, emails map[providers.ID]string, visit func(*providers.Payout) (settled int)) map[providers.ID]error {
	var (
		mu     sync.Mutex // of all below, and of visit
		open   = maps.Clone(sought)
		failed = map[providers.ID]error{}
	)
	// read reads a page for affiliates, and says who of them is left if there is another page.
	read := func(l providers.List[providers.Payout], n int, affiliates []providers.ID) (left []providers.ID, more bool) {
		page, err := l.Page(ctx, providers.PageRequest{Number: n, Reader: p})
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			for _, a := range affiliates {
				failed[a] = err
			}
			return nil, false
		}
		for _, payout := range page.Items {
			open[payout.AffiliateID] -= visit(payout)
		}
		for _, a := range affiliates {
			if open[a] > 0 {
				left = append(left, a)
			}
		}
		return left, page.More && len(left) > 0
	}
	one := func(affiliate providers.ID) {
		l := p.payments([]providers.ID{affiliate})
		l.emails = emails
		for _, list := range paymentLists(e, l) {
			for n, more := 1, true; more; n++ {
				_, more = read(list, n, []providers.ID{affiliate})
			}
		}
	}
	left, all := slices.Collect(maps.Keys(sought)), e.all(p)
	walk := func(on func(read int) bool) {
		for n, more := 1, true; more && on(n-1); n++ {
			if left, more = read(all, n, left); !more {
				left = nil // whoever was left has nothing
			}
		}
	}
	walk(func(read int) bool {
		return p.emails.ignored() || providers.WalkOn(read, len(left), len(sought), p.lengths[e.path].pages(), true)
	})
	for len(left) > 0 && p.emails.state.Load() == filterUnseen {
		one(left[0]) // alone: if the filter is ignored, the others must not read the list of all each
		if left = left[1:]; p.emails.ignored() {
			walk(func(int) bool { return len(left) > 0 })
		}
	}
	var wg providers.Group
	slot := make(chan struct{}, ofEachWidth)
	for _, affiliate := range left {
		slot <- struct{}{}
		wg.Go(func() {
			defer func() { <-slot }()
			one(affiliate)
		})
	}
	wg.Wait()
	return failed
}
