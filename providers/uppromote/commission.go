package uppromote

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// commissionList reads referrals as commissions. Each brings its order along.
var commissionList = endpoint[wireReferral, providers.Commission]{
	noun: providers.NounCommission, path: referralList.path,
	convert: func(r *reply, w *wireReferral) *providers.Commission {
		r.harvest.Referrals = append(r.harvest.Referrals, r.referral(w))
		r.harvestOwners(w)
		return r.commission(w)
	},
}

// Commissions plans lists of commissions. The vendor filters by affiliate, program, order and date; a referral is its
// commission; a payout's commissions are among the affiliate's.
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

// commissionsOfReferrals are lists of one row, the referral's own; where an order is known, its refunds as well.
func (p *provider) commissionsOfReferrals(f providers.CommissionFilter) []providers.List[providers.Commission] {
	need := []string{"status", "createdAt", "orderId", "affiliate", "campaign", "referral"} // what rows are checked for
	if len(f.Payouts) > 0 {
		need = append(need, "payout")
	}
	var lists []providers.List[providers.Commission]
	for _, referral := range p.own(providers.NounReferral, f.Referrals) {
		if order := f.Parent.Referral; order != nil && order.ID == referral && order.OrderID != nil && order.Status != providers.ReferralRefunded {
			lists = append(lists, p.commissionsOfOrder(order)...)
			continue
		}
		id := p.local(providers.NounCommission, referral.Local)
		query := url.Values{"id": {id.Local}}
		if len(f.Payouts) > 0 {
			query.Set("with", "payout") // rows that know more are other rows
		}
		lists = append(lists, providers.List[providers.Commission]{
			Key: commissionList.key(query),
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

// commissionsOfOrder are the rows of an order: the sale, and its refunds. None of them is older than the sale.
func (p *provider) commissionsOfOrder(order *providers.Referral) []providers.List[providers.Commission] {
	l := p.plan()
	l.order(*order.OrderID)
	l.exact = false // others may have earned on it
	lists, all := commissionList.lists(l), commissionList.all(p)
	for i := range lists {
		lists[i].Within = &all
		if order.CreatedAt != nil {
			lists[i].Since = *order.CreatedAt
		}
	}
	return lists
}

// commissionsOfPayouts are parts of the affiliates' lists.
func (p *provider) commissionsOfPayouts(f providers.CommissionFilter) []providers.List[providers.Commission] {
	l := p.plan()
	var due []providers.ID
	var lists []providers.List[providers.Commission]
	seen := map[providers.ID]bool{}
	for _, id := range f.Payouts {
		state, n, ok := p.payout(id)
		switch {
		case !ok || seen[id]:
		case state == dueState: // approved rows name it themselves
			due = append(due, p.id(providers.NounAffiliate, n))
		default:
			lists = append(lists, p.commissionsOfPayment(id, f.Parent.Payout))
		}
		seen[id] = true
	}
	if len(due) > 0 {
		l.affiliates(due, nil)
		l.exact = false
		lists = append(lists, commissionList.lists(l)...)
	}
	return lists
}

// commissionsOfPayment is the affiliate's list without those that the payment does not name. What is left says
// that the payment paid it.
func (p *provider) commissionsOfPayment(id providers.ID, known *providers.Payout) providers.List[providers.Commission] {
	need := []string{"affiliate", "commissions"}
	return providers.List[providers.Commission]{
		Key: commissionList.key(url.Values{"payout": {id.Local}}),
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
			payout := known
			if payout == nil || payout.ID != id || !payout.Known.Covers(need...) {
				b, err := r.Reader.PayoutsByID(ctx, []providers.ID{id}, need...)
				if err == nil {
					err = b.Failed[id]
				}
				if err != nil {
					return nil, err
				}
				payout = b.Found[id]
			}
			if payout == nil || len(payout.CommissionIDs) == 0 {
				return &providers.Page[providers.Commission]{}, nil
			}
			l := p.plan()
			l.affiliates([]providers.ID{payout.AffiliateID}, nil)
			if l.none {
				return &providers.Page[providers.Commission]{}, nil
			}
			page, err := commissionList.list(l, l.query).Page(ctx, r)
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

// CommissionsByID reads commissions, one call each, or by walking all of them; with payout in need it also learns which
// payments paid them.
func (p *provider) CommissionsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Commission], error) {
	if !needsPayout(need) {
		return commissionList.byIDs(ctx, p, ids, false)
	}
	// Rows of a list come back here for their payouts: what the caller remembers of them is all that a row tells.
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
	b, err := commissionList.byIDs(ctx, p, unread, true)
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
	c.PayoutID, c.PayoutUnknown, c.Known = payout, false, nil
}

// settle learns which payments paid the commissions of a batch, by reading their affiliates' payments. Where no
// payment names a commission, its payout stays unknown for now.
func (p *provider) settle(ctx context.Context, b *providers.Batch[providers.Commission]) {
	open := map[providers.ID]*providers.Commission{}
	sought := map[providers.ID]int{}
	for id, c := range b.Found {
		if c.PayoutUnknown {
			open[id] = c
			sought[c.AffiliateID]++
		}
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
		c.Known = nil // as much as can be known now
		if err := failed[c.AffiliateID]; err != nil {
			delete(b.Found, id)
			if b.Failed == nil {
				b.Failed = map[providers.ID]error{}
			}
			b.Failed[id] = err
		}
	}
}

// commission is the row as a commission. An approved one is part of what its affiliate is owed; which payment paid
// a paid one the row does not tell. The order's events have no ids, tiers are not told.
func (r *reply) commission(w *wireReferral) *providers.Commission {
	c := &providers.Commission{
		Node:           r.numbered(providers.NounCommission, w.ID, w.CreatedAt, nil),
		Status:         w.commissionStatus(),
		ProviderStatus: w.Status.known(),
		Kind:           w.commissionKind(),
		SaleAmount:     w.TotalSales.Major(r.config.Currency),
		Amount:         r.payable(w),
		Adjustment:     w.CommissionAdjustment.Major(r.config.Currency),
		EarnedAt:       w.CreatedAt.known(),
		OrderID:        w.OrderID.known(),
		AffiliateID:    r.id(providers.NounAffiliate, w.Affiliate.ID),
		CampaignID:     r.id(providers.NounCampaign, w.CommissionRule.ProgramID),
		ReferralID:     r.id(providers.NounReferral, w.ID),
	}
	switch {
	case c.Status == providers.CommissionPaid:
		c.Known, c.PayoutUnknown = withoutPayout, true
	case c.Status == providers.CommissionApproved && w.Affiliate.ID > 0:
		c.PayoutID = r.payoutID(dueState, w.Affiliate.ID)
	}
	return c
}

// payable is the commission with its adjustment. That the one excludes the other is assumed.
func (r *reply) payable(w *wireReferral) *providers.Money {
	if !w.Commission.Set {
		return nil
	}
	a, b := w.Commission.Value, w.CommissionAdjustment.Value // zero where there is none
	sum, err := a.AddExact(b, max(a.Scale(), b.Scale()))
	if err != nil {
		r.fail(err)
	}
	return providers.NewMoney(sum, r.config.Currency)
}

func (w *wireReferral) commissionStatus() providers.CommissionStatus {
	switch strings.ToLower(string(w.Status)) {
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
	switch {
	case w.refund():
		return providers.CommissionRefund
	case w.OrderID == "":
		return providers.CommissionCustom
	default:
		return providers.CommissionSale
	}
}

// createCommission makes a commission that no order is known of. Nothing tells it from an equal one.
type createCommission struct {
	*provider
	in *providers.CreateCommissionInput
}

func (c createCommission) check() providers.Problems {
	custom := c.in.Commission.Custom
	if custom == nil {
		return providers.Problemf(providers.ProblemUnsupported, "commission.sale", "is not taken by %s, which takes custom", title)
	}
	found := untaken("affiliate, amount, saleAmount and note", given{"commission.custom.campaign", custom.Campaign != nil},
		given{"earnedAt", c.in.EarnedAt != nil}, given{"eventId", c.in.EventID != nil}, given{"internalNote", c.in.InternalNote != nil},
		given{"notify", c.in.Notify != nil})
	return append(found, c.named(providers.NounAffiliate, "commission.custom.affiliate", custom.Affiliate)...)
}

func (c createCommission) plan(ctx context.Context) (*providers.Write, error) {
	custom := c.in.Commission.Custom
	a, err := c.addressee(ctx, "commission.custom.affiliate", custom.Affiliate)
	if err != nil {
		return nil, err
	}
	body := wireNewReferral{Type: "fixed_amount", AffiliateEmail: *a.Email, Commission: majorUnits(custom.Amount), Comment: c.in.Note}
	if custom.SaleAmount != nil {
		body.TotalSale = majorUnits(*custom.SaleAmount)
	}
	return &providers.Write{
		Op: opAddReferral,
		Fields: map[string]string{"affiliate_email": "commission.custom.affiliate", "commission": "commission.custom.amount",
			"total_sale": "commission.custom.saleAmount", "comment": "note"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			return c.addReferral(ctx, providers.NounCommission, a.ID, body)
		},
	}, nil
}

func (createCommission) look(context.Context, json.RawMessage, bool) (providers.Verdict, *providers.Written, error) {
	return providers.Unclear, nil, nil
}

// unpaid reads a commission that is to be changed, live. That the vendor changes none that was paid is assumed.
func (p *provider) unpaid(ctx context.Context, id providers.ID) (*providers.Commission, error) {
	e, _, err := byNumber(ctx, p, commissionList, id)
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return nil, nobody("id")
	case e.Status == providers.CommissionPaid:
		return nil, providers.Problemf(providers.ProblemWrongState, "id", "was paid already")
	}
	return e, nil
}

// changedCommission is a commission's record that was read after a write.
func (p *provider) changedCommission(e *providers.Commission, lists []providers.Noun) *providers.Written {
	w := p.earned(providers.NounCommission, e.ID.Local, e.AffiliateID)
	w.Harvest.Commissions, w.StaleLists = []*providers.Commission{e}, lists
	return w
}

// sentReferral makes a write to one referral, and sees that the reply names no other.
func (p *provider) sentReferral(ctx context.Context, what string, e *providers.Commission, body any) error {
	op := "POST /referral/{id}/" + what
	w, err := send[wireActed](ctx, p, op, "/referral/"+e.ID.Local+"/"+what, body)
	if err == nil && w.ReferralID > 0 && decimal(w.ReferralID) != e.ID.Local {
		err = p.garbled(op, errAnother)
	}
	return err
}

// setCommissionStatus approves or denies a referral.
//
// https://aff-api.uppromote.com/docs/v2
//
//api:operation POST /referral/{id}/status
type setCommissionStatus struct {
	*provider
	in *providers.SetCommissionStatusInput
}

// wireDecision is what is sent.
type wireDecision struct {
	Status string `json:"status"`
}

// decisions are the words for the states that can be set.
var decisions = map[providers.CommissionStatus]string{providers.CommissionApproved: "approved", providers.CommissionDenied: "denied"}

func (c setCommissionStatus) check() providers.Problems {
	found := c.named(providers.NounCommission, "id", c.in.ID)
	if decisions[c.in.Status] == "" {
		found = append(found, providers.Problemf(providers.ProblemUnsupported, "status", "is not taken by %s, which takes APPROVED and DENIED", title)...)
	}
	return found
}

func (c setCommissionStatus) plan(ctx context.Context) (*providers.Write, error) {
	e, err := c.unpaid(ctx, c.in.ID)
	if err != nil {
		return nil, err
	}
	return &providers.Write{
		Op: "POST /referral/{id}/status", Before: providers.Image(e.Status), Fields: map[string]string{"status": "status"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			if err := c.sentReferral(ctx, "status", e, wireDecision{decisions[c.in.Status]}); err != nil {
				return nil, err
			}
			w := c.earned(providers.NounCommission, e.ID.Local, e.AffiliateID)
			w.StaleLists = listsOfReferrals
			return w, nil
		},
	}, nil
}

func (c setCommissionStatus) look(ctx context.Context, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	e, _, err := byNumber(ctx, c.provider, commissionList, c.in.ID)
	if err != nil {
		return "", nil, err
	}
	if e == nil {
		return providers.Unclear, nil, nil
	}
	v := absolute(string(e.Status), string(c.in.Status), before, disturbed)
	if v != providers.Made {
		return v, nil, nil
	}
	return v, c.changedCommission(e, listsOfReferrals), nil
}

// adjustCommission raises or lowers what a referral pays. That an adjustment is added to earlier ones is assumed.
//
// https://aff-api.uppromote.com/docs/v2/add-referral-adjustment-21170078e0
//
//api:operation POST /referral/{id}/adjustment
type adjustCommission struct {
	*provider
	in *providers.AdjustCommissionInput
}

// wireAdjustment is what is sent.
type wireAdjustment struct {
	Adjustment json.Number `json:"adjustment"`
}

func (c adjustCommission) check() providers.Problems {
	return append(untaken("id and amount", given{"note", c.in.Note != nil}), c.named(providers.NounCommission, "id", c.in.ID)...)
}

func (c adjustCommission) plan(ctx context.Context) (*providers.Write, error) {
	e, err := c.unpaid(ctx, c.in.ID)
	if err != nil {
		return nil, err
	}
	return &providers.Write{
		Op: "POST /referral/{id}/adjustment", Before: providers.Image(adjustment(e)), Fields: map[string]string{"adjustment": "amount"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			if err := c.sentReferral(ctx, "adjustment", e, wireAdjustment{majorUnits(c.in.Amount)}); err != nil {
				return nil, err
			}
			return c.earned(providers.NounCommission, e.ID.Local, e.AffiliateID), nil
		},
	}, nil
}

// adjustment is what a commission was adjusted by so far, as a decimal number.
func adjustment(e *providers.Commission) string {
	if e.Adjustment == nil {
		return "0"
	}
	return e.Adjustment.Amount.String()
}

// look compares the sum of adjustments: what was added by somebody else as well cannot be told apart.
func (c adjustCommission) look(ctx context.Context, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	e, _, err := byNumber(ctx, c.provider, commissionList, c.in.ID)
	if err != nil {
		return "", nil, err
	}
	var text string
	if e == nil || disturbed || json.Unmarshal(before, &text) != nil {
		return providers.Unclear, nil, nil
	}
	was, err := providers.ParseDecimal(text)
	if err != nil {
		return providers.Unclear, nil, nil
	}
	now, _ := providers.ParseDecimal(adjustment(e))
	added, err := now.SubExact(was, max(now.Scale(), was.Scale()))
	switch {
	case err != nil:
	case added.Equal(c.in.Amount.Amount):
		return providers.Made, c.changedCommission(e, nil), nil
	case added.IsZero():
		return providers.NotMade, nil, nil
	}
	return providers.Unclear, nil, nil
}
