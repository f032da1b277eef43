package uppromote

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// commissionList reads referrals as commissions. Each brings its order along.
var commissionList = endpoint[wireReferral, providers.Commission]{
	noun: providers.NounCommission, path: referralList.path,
	convert: func(r *reply, w *wireReferral) *providers.Commission {
		if w.ID > 0 {
			r.harvest.Referrals = append(r.harvest.Referrals, wire.Narrow(referralCore, r.list, w, r.referral(w)))
		}
		return r.commission(w)
	},
	core: commissionCore,
}

// commissionCore is what every row has as a commission.
var commissionCore = &wire.Core{
	Members: []string{
		"order_id",
		"total_sales",
		"commission_rule",
		"commission_adjustment",
		"status",
		"commission",
		"refund_id",
		"affiliate",
		"created_at",
	},
	Knowledge: wire.NewKnowledge([]string{
		"providerId", "originalSaleAmount", "reward", "eventId", "tier", "isSelfReferral", "fraudCheck", "note", "internalNote",
		"referral", "customer", "theirs",
	}, map[string]string{
		"createdAt": "created_at", "earnedAt": "created_at", "status": "status", "providerStatus": "status",
		"kind": "order_id refund_id total_sales", "saleAmount": "total_sales", "amount": "commission commission_adjustment",
		"adjustment": "commission_adjustment", "orderId": "order_id", "affiliate": "affiliate", "campaign": "commission_rule",
		"payout": "status affiliate",
	}),
}

// Commissions plans lists of commissions. The vendor filters by affiliate, program, order
// and date; a referral is its commission; a payout's commissions are among the affiliate's.
func (p *provider) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	switch {
	case f.EventID != "": // nothing has any
		return nil, nil
	case len(f.Referrals) > 0:
		return p.commissionsOfReferrals(f), nil
	case len(f.Payouts) > 0:
		return p.commissionsOfPayouts(f), nil
	}
	l := p.plan()
	l.affiliates(f.Affiliates, f.Parent.Affiliate)
	l.parents(programParam, providers.NounCampaign, f.Campaigns)
	l.order(f.OrderID)
	l.dates(f.CreatedAt)
	l.unsent(len(f.Statuses) > 0)
	return commissionList.lists(l), nil
}

// commissionsOfReferrals are lists of one row, the referral's own; where an order is known,
// its refunds as well.
func (p *provider) commissionsOfReferrals(f providers.CommissionFilter) []providers.List[providers.Commission] {
	need := []string{"status", "createdAt", "orderId", "affiliate", "campaign", "referral"} // what rows are checked for
	if len(f.Payouts) > 0 {
		need = append(need, "payout")
	}
	var lists []providers.List[providers.Commission]
	all := commissionList.all(p)
	for _, referral := range p.own(providers.NounReferral, f.Referrals) {
		order := f.Parent.Referral
		if order != nil && order.ID == referral && order.OrderID != nil && order.Status != providers.ReferralRefunded {
			lists = append(lists, p.commissionsOfOrder(order)...)
			continue
		}
		id := p.local(providers.NounCommission, referral.Local)
		query, within := url.Values{"id": {id.Local}}, &all
		if len(f.Payouts) > 0 {
			query.Set("with", "payout") // rows that know more are other rows
			within = nil
		}
		lists = append(lists, providers.List[providers.Commission]{
			Key:    commissionList.key(query),
			Within: within,
			Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
				if r.Number > 1 {
					return &providers.Page[providers.Commission]{}, nil
				}
				b, err := r.Reader.CommissionsByID(ctx, []providers.ID{id}, need...)
				if err == nil {
					err = b.Failed[id]
				}
				if err != nil {
					return nil, err
				}
				page := &providers.Page[providers.Commission]{Harvest: b.Harvest}
				if row := b.Found[id]; row != nil {
					page.Items = []*providers.Commission{row}
				}
				return page, nil
			},
		})
	}
	return lists
}

// commissionsOfOrder are the rows of an order: the sale, and its refunds. None of them is
// older than the sale.
func (p *provider) commissionsOfOrder(order *providers.Referral) []providers.List[providers.Commission] {
	l := p.plan()
	l.order(*order.OrderID)
	l.Exact = false // others may have earned on it
	lists, all := commissionList.lists(l), commissionList.all(p)
	for i := range lists {
		lists[i].Within = &all
	}
	return lists
}

// commissionsOfPayouts are parts of the affiliates' lists. Those of several payments lie
// within the list of all, as it is read for them together.
func (p *provider) commissionsOfPayouts(f providers.CommissionFilter) []providers.List[providers.Commission] {
	l := p.plan()
	var due, paid []providers.ID
	for _, id := range f.Payouts {
		switch state, n, ok := p.payout(id); {
		case !ok || slices.Contains(paid, id):
		case state == dueState: // approved rows name it themselves
			due = append(due, p.id(providers.NounAffiliate, n))
		default:
			paid = append(paid, id)
		}
	}
	var together *providers.List[providers.Commission]
	if len(paid) > 1 {
		together = new(p.commissionsOfPayments(paid))
	}
	var lists []providers.List[providers.Commission]
	for _, id := range paid {
		list := p.commissionsOfPayment(id, f.Parent.Payout)
		list.Within = together
		lists = append(lists, list)
	}
	if len(due) > 0 {
		l.affiliates(due, nil)
		l.Exact = false
		lists = append(lists, commissionList.lists(l)...)
	}
	return lists
}

// paymentFields are what a payment has to tell so that its commissions are found.
var paymentFields = []string{"affiliate", "commissions"}

// commissionsOfPayments is the list of all, in which the rows that one of the payments
// names say so.
func (p *provider) commissionsOfPayments(ids []providers.ID) providers.List[providers.Commission] {
	var locals []string
	for _, id := range ids {
		locals = append(locals, id.Local)
	}
	slices.Sort(locals)
	return providers.List[providers.Commission]{
		Key: commissionList.key(url.Values{"payouts": locals}),
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
			b, err := r.Reader.PayoutsByID(ctx, ids, paymentFields...)
			if err != nil {
				return nil, err
			}
			payments := map[providers.ID]providers.ID{} // by commission
			for _, id := range ids {
				payout := b.Found[id]
				switch {
				case b.Failed[id] != nil:
					return nil, b.Failed[id]
				case payout == nil:
					continue
				case commissionsUnknown(payout):
					return nil, p.errNaming()
				}
				for _, commission := range payout.CommissionIDs {
					payments[commission] = id
				}
			}
			if len(payments) == 0 {
				return &providers.Page[providers.Commission]{}, nil
			}
			page, err := commissionList.page(ctx, p, nil, r)
			if err != nil {
				return nil, err
			}
			for _, c := range page.Items {
				if payment, ok := payments[c.ID]; ok {
					paidBy(c, payment)
				}
			}
			return page, nil
		},
	}
}

// commissionsOfPayment is the affiliate's list without those that the payment does not
// name. What is left says that the payment paid it.
func (p *provider) commissionsOfPayment(id providers.ID, known *providers.Payout) providers.List[providers.Commission] {
	return providers.List[providers.Commission]{
		Key: commissionList.key(url.Values{"payout": {id.Local}}),
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
			payout := known
			if payout == nil || payout.ID != id || !payout.Known.Covers(paymentFields...) {
				b, err := r.Reader.PayoutsByID(ctx, []providers.ID{id}, paymentFields...)
				if err == nil {
					err = b.Failed[id]
				}
				if err != nil {
					return nil, err
				}
				payout = b.Found[id]
			}
			switch {
			case payout != nil && commissionsUnknown(payout):
				return nil, p.errNaming()
			case payout == nil || len(payout.CommissionIDs) == 0:
				return &providers.Page[providers.Commission]{}, nil
			}
			l := p.plan()
			if !payout.AffiliateID.IsZero() { // else they are anywhere
				l.affiliates([]providers.ID{payout.AffiliateID}, nil)
			}
			page, err := commissionList.list(l, l.Query).Page(ctx, r)
			if err != nil {
				return nil, err
			}
			var items []*providers.Commission
			for _, c := range page.Items {
				if slices.Contains(payout.CommissionIDs, c.ID) {
					paidBy(c, id)
					items = append(items, c)
				} else {
					page.Harvest.Commissions = append(page.Harvest.Commissions, c)
				}
			}
			page.Items = items
			return page, nil
		},
	}
}

// CommissionsByID reads commissions, one call each, or by walking all of them; with payout
// in need it also learns which payments paid them.
func (p *provider) CommissionsByID(
	ctx context.Context,
	ids []providers.ID,
	need ...string,
) (*providers.Batch[providers.Commission], error) {
	if !needsPayout(need) {
		return commissionList.byIDs(ctx, p, ids, false, covers[providers.Commission](need))
	}
	// Rows of a list come back here for their payouts: what the caller remembers of them is
	// all that a row tells.
	var unread []providers.ID
	remembered := map[providers.ID]*providers.Commission{}
	for _, id := range ids {
		if c := providers.Peek[providers.Commission](ctx, id); c != nil && c.Known.CoversAll(withoutPayout) {
			row := *c
			remembered[id] = &row
		} else {
			unread = append(unread, id)
		}
	}
	b, err := commissionList.byIDs(ctx, p, unread, true, func(c *providers.Commission) bool {
		return c.Known.CoversAll(withoutPayout) || len(need) > 0 && c.Known.With("payout").Covers(need...)
	})
	if err != nil {
		return nil, err
	}
	maps.Copy(b.Found, remembered)
	p.settle(ctx, b)
	return b, nil
}

// withoutPayout is what the row of a paid commission knows.
var withoutPayout = providers.AllBut("payout")

func needsPayout(need []string) bool { return !withoutPayout.Covers(need...) }

// paidBy notes which payment paid a commission that nobody else has seen yet.
func paidBy(c *providers.Commission, payout providers.ID) {
	c.PayoutID, c.PayoutUnknown, c.Known = payout, false, c.Known.With("payout")
}

// settle learns which payments paid the commissions of a batch, by reading their
// affiliates' payments. Where no payment names a commission, its payout stays unknown for
// now.
func (p *provider) settle(ctx context.Context, b *providers.Batch[providers.Commission]) {
	open := map[providers.ID]*providers.Commission{}
	sought := map[providers.ID]int{}
	for id, c := range b.Found {
		if c.PayoutUnknown {
			c.Known = c.Known.With("payout") // as much as can be known now
			open[id] = c
			if !c.AffiliateID.IsZero() {
				sought[c.AffiliateID]++
			}
		}
	}
	if p.naming.unlisted() {
		return
	}
	failed := ofEach(ctx, p, paidList, sought, addresses(b.Harvest), func(payout *providers.Payout) (settled int) {
		for _, id := range payout.CommissionIDs {
			if c := open[id]; c != nil {
				delete(open, id)
				paidBy(c, payout.ID)
				settled++
			}
		}
		b.Harvest.Payouts = append(b.Harvest.Payouts, payout)
		return settled
	})
	for id, c := range open {
		if err := failed[c.AffiliateID]; err != nil && !errors.Is(err, errUnread) {
			delete(b.Found, id)
			if b.Failed == nil {
				b.Failed = map[providers.ID]error{}
			}
			b.Failed[id] = err
		}
	}
}

// commission is the row as a commission. An approved one is part of what its affiliate is
// owed; which payment paid a paid one the row does not tell. The order's events have no
// ids, tiers are not told.
func (r *reply) commission(w *wireReferral) *providers.Commission {
	order, _ := w.order()
	c := &providers.Commission{
		Node:           r.numbered(providers.NounCommission, w.ID, w.CreatedAt, nil),
		Status:         w.commissionStatus(),
		ProviderStatus: text(w.Status),
		Kind:           w.commissionKind(),
		SaleAmount:     w.TotalSales.Major(r.config.Currency),
		Amount:         w.payable(r.config.Currency),
		Adjustment:     w.CommissionAdjustment.Major(r.config.Currency),
		EarnedAt:       moment(w.CreatedAt),
		OrderID:        text(order),
		AffiliateID:    r.relatedAffiliate(w.Affiliate),
		CampaignID:     r.id(providers.NounCampaign, w.CommissionRule.ProgramID),
		ReferralID:     r.id(providers.NounReferral, w.ID),
	}
	c.Unread = w.unread()
	owner, _ := number(c.AffiliateID.Local)
	switch {
	case c.Status == providers.CommissionPaid:
		c.Known, c.PayoutUnknown = withoutPayout, true
	case c.Status == providers.CommissionApproved && owner > 0:
		c.PayoutID = r.payoutID(dueState, owner)
	}
	r.harvestProgram(w.CommissionRule.ProgramID, "")
	return c
}

// payable is the commission with its adjustment; nil where one of them cannot be read. That
// the one excludes the other is assumed.
func (w *wireReferral) payable(currency string) *providers.Money {
	if !w.Commission.Set || w.CommissionAdjustment.Odd() {
		return nil
	}
	a, b := w.Commission.Value, w.CommissionAdjustment.Value // zero where there is none
	sum, err := a.AddExact(b, max(a.Scale(), b.Scale()))
	if err != nil { // more digits than there are
		return nil
	}
	return providers.NewMoney(sum, currency)
}

func (w *wireReferral) commissionStatus() providers.CommissionStatus {
	switch strings.ToLower(w.Status) {
	case "pending":
		return providers.CommissionPending
	case "approved":
		return providers.CommissionApproved
	case "denied":
		return providers.CommissionDenied
	case "paid":
		return providers.CommissionPaid
	default:
		return providers.CommissionUnknown
	}
}

func (w *wireReferral) commissionKind() providers.CommissionKind {
	switch order, told := w.order(); {
	case w.refund():
		return providers.CommissionRefund
	case !told:
		return providers.CommissionKindUnknown
	case order == "":
		return providers.CommissionCustom
	default:
		return providers.CommissionSale
	}
}
