package promotekit

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"sync/atomic"

	"github.com/partnergraph/partnergraph/providers"
)

const commissionsPath = "/commissions"

// Commissions plans by the assumed filters, and by a walk of all where those are not there or do not
// serve: by referral, else by affiliate, else by the affiliates of the payouts.
func (p *provider) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	affiliates, a := p.uuids(providers.NounAffiliate, f.Affiliates)
	campaigns, c := p.uuids(providers.NounCampaign, f.Campaigns)
	referrals, r := p.uuids(providers.NounReferral, f.Referrals)
	payouts, o := p.uuids(providers.NounPayout, f.Payouts)
	if !a || !c || !r || !o || f.OrderID != "" ||
		!canBe(f.Statuses, providers.CommissionApproved, providers.CommissionPaid, providers.CommissionUnknown) {
		return nil, nil
	}
	if len(referrals) > 0 && p.byReferral.ignored.Load() { // each still says whose it is
		affiliates, referrals = p.referrers(f.Referrals), nil
	}
	if owner, ok := payee(f); ok && len(affiliates) == 0 && isUUID(owner) {
		affiliates = []string{owner}
	}
	var lists []providers.List[providers.Commission]
	switch narrow := !p.byAffiliate.ignored.Load(); {
	case len(referrals) > 0:
		lists = p.narrowed(p.byReferral, referrals, f)
	case len(affiliates) > 0 && narrow:
		lists = p.narrowed(p.byAffiliate, affiliates, f)
	case len(payouts) > 0 && narrow:
		for _, payout := range payouts {
			lists = append(lists, p.commissionsOf(payout))
		}
	default:
		exact := len(f.Affiliates)+len(f.Campaigns)+len(f.Referrals)+len(f.Payouts)+len(f.Statuses) == 0 &&
			f.EventID == "" && f.CreatedAt.IsZero()
		lists = append(lists, at(commissionsPath, nil, exact, p.listCommissions))
	}
	return inCampaigns(p, campaigns, lists), nil
}

// payee is the affiliate of the payout that the filter asks for, where the caller knows it.
func payee(f providers.CommissionFilter) (affiliate string, ok bool) {
	parent := f.Parent.Payout
	if parent == nil || len(f.Payouts) != 1 || f.Payouts[0] != parent.ID {
		return "", false
	}
	return parent.AffiliateID.Local, true
}

// referrers are the affiliates of referrals, sorted, each once; none where one is not known.
func (p *provider) referrers(referrals []providers.ID) (affiliates []string) {
	for _, id := range p.mine(providers.NounReferral, referrals) {
		affiliate := referrer(id)
		if !isUUID(affiliate) {
			return nil
		}
		affiliates = append(affiliates, affiliate)
	}
	slices.Sort(affiliates)
	return slices.Compact(affiliates)
}

// assumedFilter is a parameter of GET /commissions that the reference could not be seen to have. As
// unknown parameters are probably ignored without an error, each row is held against it.
type assumedFilter struct {
	param      string
	capability providers.Capability
	of         func(*providers.Commission) string                                 // what the filter narrows by
	parent     func(providers.CommissionFilter) (value string, n *providers.Node) // the row whose edge is followed
	ignored    atomic.Bool                                                        // a row did not match it
}

func commissionsByAffiliate() *assumedFilter {
	return &assumedFilter{
		param:      "affiliate_id",
		capability: providers.FilterCommissionsByAffiliate,
		of:         func(c *providers.Commission) string { return c.AffiliateID.Local },
		parent: func(f providers.CommissionFilter) (string, *providers.Node) {
			if a := f.Parent.Affiliate; a != nil {
				return a.ID.Local, &a.Node
			}
			return "", nil
		},
	}
}

func commissionsByReferral() *assumedFilter {
	return &assumedFilter{
		param:      "referral_id",
		capability: providers.FilterCommissionsByReferral,
		of:         func(c *providers.Commission) string { return uuidOf(c.ReferralID) },
		parent: func(f providers.CommissionFilter) (string, *providers.Node) {
			if r := f.Parent.Referral; r != nil {
				return uuidOf(r.ID), &r.Node
			}
			return "", nil
		},
	}
}

// narrowed is a list for each value of an assumed filter. Nobody earns by what is not there yet, so a
// parent's creation bounds the walk.
func (p *provider) narrowed(by *assumedFilter, values []string, f providers.CommissionFilter) []providers.List[providers.Commission] {
	lists := forEach(commissionsPath, nil, by.param, values, false, p.listCommissions)
	parent, node := by.parent(f)
	for i, value := range values {
		page := lists[i].Page
		lists[i].Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
			out, err := page(ctx, r)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(out.Items, func(c *providers.Commission) bool { return by.of(c) != value }) {
				p.ignores(by)
			}
			return out, nil
		}
		if parent == value {
			lists[i].Since = node.Listed()
		}
	}
	return lists
}

// ignores notes that the vendor ignores a filter, and says so once.
func (p *provider) ignores(by *assumedFilter) {
	if by.ignored.CompareAndSwap(false, true) {
		p.config.Logger.Warn("the vendor ignores a filter; its lists are walked from now on",
			"account", p.config.Account, "operation", "GET "+commissionsPath, "filter", by.param)
	}
}

// commissionsOf is the list of one payout's commissions: those of its affiliate, who is looked up
// with the page, less those of other payouts, so that no two of these lists give the same row.
func (p *provider) commissionsOf(payout string) providers.List[providers.Commission] {
	all := at(commissionsPath, nil, false, p.listCommissions)
	id := p.id(providers.NounPayout, payout)
	return providers.List[providers.Commission]{
		Key:    listKey(commissionsPath, url.Values{"payout_id": {payout}}),
		Within: &all,
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
			batch, err := r.Reader.PayoutsByID(ctx, []providers.ID{id}, "affiliate")
			if err != nil {
				return nil, err
			}
			found := batch.Found[id]
			if found == nil {
				return new(providers.Page[providers.Commission]), batch.Failed[id]
			}
			source := all
			if owner := found.AffiliateID.Local; isUUID(owner) {
				source = p.narrowed(p.byAffiliate, []string{owner}, providers.CommissionFilter{})[0]
			}
			page, err := source.Page(ctx, r)
			if err != nil {
				return nil, err
			}
			out := &providers.Page[providers.Commission]{More: page.More, Harvest: page.Harvest}
			for _, c := range page.Items {
				if c.PayoutID == id {
					out.Items = append(out.Items, c)
				} else {
					out.Harvest.Commissions = append(out.Harvest.Commissions, c)
				}
			}
			return out, nil
		},
	}
}

// CommissionsByID reads commissions one by one, or all where that is fewer calls.
func (p *provider) CommissionsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Commission], error) {
	batch, err := byID(ctx, p, providers.NounCommission, ids, p.listCommissions, p.getCommission)
	if err != nil {
		return nil, err
	}
	return batch, fillCampaigns(ctx, p, p, slices.Collect(maps.Values(batch.Found)), need...)
}

// listCommissions reads a page of the commissions. Its parameters other than the paging are assumed.
// https://www.promotekit.com/docs/api-reference/commissions/list-commissions
//
//api:operation GET /commissions
func (p *provider) listCommissions(ctx context.Context, query url.Values, number int) (*providers.Page[providers.Commission], error) {
	return readPage(ctx, p, providers.NounCommission, commissionsPath, query, number, (*reply).commission)
}

// getCommission reads one commission.
// https://www.promotekit.com/docs/api-reference/commissions/get-commission
//
//api:operation GET /commissions/{id}
func (p *provider) getCommission(ctx context.Context, uuid string) (*providers.Commission, providers.Harvest, error) {
	return readRecord(ctx, p, commissionsPath, uuid, (*reply).commission)
}

type commissionWire struct {
	record
	RevenueAmount    providers.Decimal      `json:"revenue_amount"`
	Currency         string                 `json:"currency"`
	CommissionAmount providers.Decimal      `json:"commission_amount"`
	PayoutStatus     string                 `json:"payout_status"`
	ReferralDate     moment                 `json:"referral_date"`
	StripePaymentID  string                 `json:"stripe_payment_id"`
	Affiliate        related[affiliateWire] `json:"affiliate"`
	Referral         related[referralWire]  `json:"referral"`
	Payout           related[payoutWire]    `json:"payout"`
}

// commission converts a commission and harvests its affiliate, referral and payout.
func (r *reply) commission(w *commissionWire) *providers.Commission {
	embedded(r, w.Affiliate, (*reply).affiliate)
	embedded(r, w.Referral, func(r *reply, short *referralWire) *providers.Referral { return r.referralOf(short, w.Affiliate) })
	embedded(r, w.Payout, func(r *reply, short *payoutWire) *providers.Payout { return r.payoutOf(short, w.Affiliate) })
	c := &providers.Commission{
		Node:           r.node(providers.NounCommission, w.ID, w.record),
		Status:         commissionStatus(w.PayoutStatus),
		ProviderStatus: text(w.PayoutStatus),
		Kind:           commissionKind(w),
		SaleAmount:     r.money(w.RevenueAmount, w.Currency),
		Amount:         r.money(w.CommissionAmount, w.Currency),
		EarnedAt:       w.ReferralDate.Time,
		EventID:        text(w.StripePaymentID),
		PayoutID:       r.id(providers.NounPayout, w.Payout.ID),
	}
	if w.Referral.ID != "" {
		c.ReferralID = r.id(providers.NounReferral, referralLocal(w.Referral.ID, w.Affiliate.ID))
	}
	c.AffiliateID, c.CampaignID, c.Known = r.affiliation(w.Affiliate)
	return c
}

// money takes a commission's or payout's number for major units, which the reference does not say.
func (r *reply) money(d providers.Decimal, currency string) *providers.Money {
	return d.Major(cmp.Or(currency, r.currency))
}

// commissionStatus takes not_paid, the one word that the reference shows, for payable: there is no
// approval here. "paid" is assumed.
func commissionStatus(word string) providers.CommissionStatus {
	switch word {
	case "not_paid":
		return providers.CommissionApproved
	case "paid":
		return providers.CommissionPaid
	default:
		return providers.CommissionUnknown
	}
}

// commissionKind takes what came without a payment at Stripe for made by hand, and a negative sale for
// the refund of one. The reference says neither.
func commissionKind(w *commissionWire) providers.CommissionKind {
	switch {
	case w.RevenueAmount.Set && w.RevenueAmount.Value.IsNeg():
		return providers.CommissionRefund
	case w.StripePaymentID == "":
		return providers.CommissionCustom
	default:
		return providers.CommissionSale
	}
}
