package promotekit

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

const commissionsPath = "/commissions"

// Commissions plans by the assumed filters, and by a walk of all where those are not there
// or do not serve: by referral, else by affiliate, else by the affiliates of the payouts.
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
		lists = p.narrowed(p.byReferral, referrals)
	case len(affiliates) > 0 && narrow:
		lists = p.narrowed(p.byAffiliate, affiliates)
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

// assumedFilter is a parameter of GET /commissions that the reference could not be seen to
// have. As unknown parameters are probably ignored without an error, each row is held
// against it.
type assumedFilter struct {
	param      string
	capability providers.Capability
	field      string
	of         func(*providers.Commission) string // what the filter narrows by: the field's id at the vendor
	ignored    atomic.Bool                        // a row did not match it
}

func commissionsByAffiliate() *assumedFilter {
	return &assumedFilter{
		param:      "affiliate_id",
		field:      "affiliate",
		capability: providers.FilterCommissionsByAffiliate,
		of:         func(c *providers.Commission) string { return c.AffiliateID.Local },
	}
}

func commissionsByReferral() *assumedFilter {
	return &assumedFilter{
		param:      "referral_id",
		field:      "referral",
		capability: providers.FilterCommissionsByReferral,
		of:         func(c *providers.Commission) string { return uuidOf(c.ReferralID) },
	}
}

// narrowed is a list for each value of an assumed filter.
func (p *provider) narrowed(by *assumedFilter, values []string) []providers.List[providers.Commission] {
	lists := forEach(commissionsPath, nil, by.param, values, false, p.listCommissions)
	for i, value := range values {
		page := lists[i].Page
		lists[i].Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
			out, err := page(ctx, r)
			if err != nil {
				return nil, err
			}
			other := func(c *providers.Commission) bool { return by.of(c) != value && !c.IsUnread(by.field) }
			if slices.ContainsFunc(out.Items, other) {
				p.ignores(by)
			}
			return out, nil
		}
	}
	return lists
}

// ignores notes that the vendor ignores a filter, and says so once.
func (p *provider) ignores(by *assumedFilter) {
	if by.ignored.CompareAndSwap(false, true) {
		providers.Learn()
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
				source = p.narrowed(p.byAffiliate, []string{owner})[0]
			}
			page, err := source.Page(ctx, r)
			if err != nil {
				return nil, err
			}
			out := &providers.Page[providers.Commission]{
				More: page.More, Unread: page.Unread, Mark: page.Mark, Harvest: page.Harvest,
			}
			for _, c := range page.Items {
				if c.PayoutID == id || c.IsUnread("payout") { // such a row may be the payout's
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
func (p *provider) CommissionsByID(
	ctx context.Context,
	ids []providers.ID,
	need ...string,
) (*providers.Batch[providers.Commission], error) {
	return filled(ctx, p, ids, need, func(ctx context.Context, ids []providers.ID) (*providers.Batch[providers.Commission], error) {
		return byID(ctx, p, providers.NounCommission, ids, p.listCommissions, p.getCommission, coversBut[providers.Commission](need))
	})
}

// listCommissions reads a page of the commissions. Its parameters other than the paging are
// assumed. https://www.promotekit.com/docs/api-reference/commissions/list-commissions
//
//api:operation GET /commissions
func (p *provider) listCommissions(
	ctx context.Context,
	query url.Values,
	r providers.PageRequest,
) (*providers.Page[providers.Commission], error) {
	return readPage(ctx, p, providers.NounCommission, commissionsPath, query, r, (*reply).commission)
}

// getCommission reads one commission.
// https://www.promotekit.com/docs/api-reference/commissions/get-commission
//
//api:operation GET /commissions/{id}
func (p *provider) getCommission(ctx context.Context, uuid string) (*providers.Commission, providers.Harvest, error) {
	return readRecord(ctx, p, providers.NounCommission, commissionsPath, uuid, (*reply).commission)
}

type commissionWire struct {
	record
	RevenueAmount    providers.Decimal           `json:"revenue_amount"`
	Currency         providers.Currency          `json:"currency"`
	CommissionAmount providers.Decimal           `json:"commission_amount"`
	PayoutStatus     string                      `json:"payout_status"`
	ReferralDate     *time.Time                  `json:"referral_date"`
	StripePaymentID  string                      `json:"stripe_payment_id"`
	Affiliate        wire.Related[affiliateWire] `json:"affiliate"`
	Referral         wire.Related[referralWire]  `json:"referral"`
	Payout           wire.Related[payoutWire]    `json:"payout"`
}

// commission converts a commission and harvests its affiliate, referral and payout.
func (r *reply) commission(w *commissionWire) *providers.Commission {
	related(r, &w.Affiliate, (*reply).relatedAffiliate)
	var referral providers.ID
	related(r, &w.Referral, func(r *reply, short *referralWire) *providers.Referral {
		row := r.relatedReferral(short, w.Affiliate, w.Has("affiliate") && w.None("affiliate"))
		referral = row.ID
		return row
	})
	related(r, &w.Payout, func(r *reply, short *payoutWire) *providers.Payout { return r.relatedPayout(short, w.Affiliate) })
	c := &providers.Commission{
		Node:           r.node(providers.NounCommission, w.record),
		Status:         commissionStatus(w.PayoutStatus),
		ProviderStatus: text(w.PayoutStatus),
		Kind:           commissionKind(w),
		SaleAmount:     r.money(w.RevenueAmount, w.Currency),
		Amount:         r.money(w.CommissionAmount, w.Currency),
		EarnedAt:       w.ReferralDate,
		EventID:        text(w.StripePaymentID),
		ReferralID:     referral,
		PayoutID:       r.id(providers.NounPayout, w.Payout.ID),
	}
	c.AffiliateID, c.CampaignID = r.affiliation(&c.Node, w.Affiliate)
	return c
}

// money takes a commission's or payout's number for major units, which the reference does
// not say, and one that names no currency for the account's.
func (r *reply) money(d providers.Decimal, currency providers.Currency) *providers.Money {
	return d.Major(currency.Or(r.currency))
}

// commissionStatus takes not_paid, the one word that the reference shows, for payable:
// there is no approval here. "paid" is assumed.
func commissionStatus(word string) providers.CommissionStatus {
	switch strings.ToLower(word) {
	case "not_paid":
		return providers.CommissionApproved
	case "paid":
		return providers.CommissionPaid
	default:
		return providers.CommissionUnknown
	}
}

// commissionKind takes what came without a payment at Stripe for made by hand, and a
// negative sale for the refund of one. The reference says neither. Where one of the two
// cannot be read, nobody knows.
func commissionKind(w *commissionWire) providers.CommissionKind {
	switch {
	case w.Odd("revenue_amount", "stripe_payment_id"):
		return providers.CommissionKindUnknown
	case w.RevenueAmount.Set && w.RevenueAmount.Value.IsNeg():
		return providers.CommissionRefund
	case w.StripePaymentID == "":
		return providers.CommissionCustom
	default:
		return providers.CommissionSale
	}
}

// commissionBody is what POST takes.
type commissionBody struct {
	ReferralID       string      `json:"referral_id"`
	RevenueAmount    json.Number `json:"revenue_amount"`
	CommissionAmount json.Number `json:"commission_amount"`
	ReferralDate     string      `json:"referral_date,omitempty"`
	StripePaymentID  *string     `json:"stripe_payment_id,omitempty"`
}

var commissionFields = map[string]string{
	"referral_id":       "commission.sale.referral",
	"revenue_amount":    "commission.sale.saleAmount",
	"commission_amount": "commission.sale.amount",
	"referral_date":     "earnedAt",
	"stripe_payment_id": "eventId",
}

// commissionBefore is what is stored of a referral's commissions before one is made.
type commissionBefore struct {
	Equal []providers.ID `json:"equal,omitempty"` // those that, as far as is known, have the same amounts and no payment id
}

func wantsCreateCommission(c *providers.CreateCommissionInput) (bad providers.Problems) {
	sale := c.Commission.Sale
	bad.When(c.Commission.Custom != nil, providers.ProblemUnsupported, "commission.custom", "PromoteKit has commissions of sales only")
	bad.When(
		sale != nil && sale.Amount == nil,
		providers.ProblemInvalid,
		"commission.sale.amount",
		"PromoteKit works out no amounts and wants one",
	)
	bad.When(
		sale != nil && uuidOf(sale.Referral) == "",
		providers.ProblemNotFound,
		"commission.sale.referral",
		"there is no such referral at PromoteKit",
	)
	bad.When(c.Note != nil, providers.ProblemUnsupported, "note", "PromoteKit keeps no notes on commissions")
	bad.When(c.InternalNote != nil, providers.ProblemUnsupported, "internalNote", "PromoteKit keeps no notes on commissions")
	bad.When(c.Notify != nil, providers.ProblemUnsupported, "notify", "PromoteKit takes no word on whether it writes to the affiliate")
	return bad
}

func (p *provider) planCreateCommission(ctx context.Context, c *providers.CreateCommissionInput) (*providers.Write, error) {
	sale := c.Commission.Sale
	there, _, err := p.commissionsOfReferral(ctx, sale.Referral)
	if err != nil {
		return nil, err
	}
	if err := p.checkReferral(ctx, sale.Referral, there); err != nil {
		return nil, err
	}
	named, equal := alike(c, there)
	if len(named) > 0 {
		return nil, providers.Problemf(providers.ProblemTaken, "eventId", "the referral has a commission with this eventId already")
	}
	before := commissionBefore{}
	for _, row := range equal {
		before.Equal = append(before.Equal, row.ID)
	}
	proof := amountProof
	if c.EventID != nil {
		proof = eventProof
	} else if len(equal) > 0 {
		proof = noProof
	}
	return &providers.Write{
		Op: "POST /commissions", Proof: proof, Before: providers.Image(before), Fields: commissionFields,
		Send: func(ctx context.Context) (*providers.Written, error) {
			w, err := p.postCommission(ctx, newCommission(c))
			if err != nil {
				return nil, err
			}
			if !isUUID(w.Affiliate.ID) {
				w.Affiliate = wire.Related[affiliateWire]{ID: referrer(sale.Referral)}
			}
			if !isUUID(w.Referral.ID) {
				w.Referral = wire.Related[referralWire]{ID: uuidOf(sale.Referral)}
			}
			return wrote(p, w, commissionKnowledge.Fields(w.Members), (*reply).commission, providers.NounCommission), nil
		},
	}, nil
}

func newCommission(c *providers.CreateCommissionInput) *commissionBody {
	sale := c.Commission.Sale
	b := &commissionBody{ReferralID: uuidOf(sale.Referral), RevenueAmount: number(sale.SaleAmount.Amount),
		CommissionAmount: number(sale.Amount.Amount), StripePaymentID: c.EventID}
	if c.EarnedAt != nil {
		b.ReferralDate = c.EarnedAt.UTC().Format(time.RFC3339)
	}
	return b
}

// commissionsOfReferral reads all commissions of a referral. The filter is assumed, so each
// row is looked at, and found where the vendor ignores it, too. all says that there are no
// others: the end of the list is proven, and every row could be read and tells whose it is.
func (p *provider) commissionsOfReferral(ctx context.Context, referral providers.ID) (its []*providers.Commission, all bool, err error) {
	lists, err := p.Commissions(providers.CommissionFilter{Referrals: []providers.ID{referral}})
	if err != nil {
		return nil, false, err
	}
	seen := map[providers.ID]bool{}
	all = true
	for _, l := range lists {
		ended := false
		for page, err := range providers.Pages(ctx, l, p, 0) {
			if err != nil {
				return nil, false, err
			}
			ended = !page.More
			all = all && page.Unread == 0
			for _, row := range page.Items {
				switch owner := row.AffiliateID.Local; {
				case row.ReferralID.IsZero():
					all = all && owner != "" && owner != referrer(referral)
				case uuidOf(row.ReferralID) == uuidOf(referral) && !seen[row.ID]:
					seen[row.ID] = true
					its = append(its, row)
				}
			}
		}
		all = all && ended
	}
	return its, all, nil
}

// checkReferral wants the referral to be there, and the affiliate in its id to be its own.
// Its commissions may tell both; those that were made before it was given to another
// affiliate do not.
func (p *provider) checkReferral(ctx context.Context, referral providers.ID, its []*providers.Commission) error {
	if slices.ContainsFunc(its, func(c *providers.Commission) bool { return c.ReferralID == referral }) {
		return nil
	}
	batch, err := p.ReferralsByID(ctx, []providers.ID{referral}, "email")
	switch {
	case err != nil:
		return err
	case batch.Failed[referral] != nil:
		return batch.Failed[referral]
	case batch.Found[referral] == nil || batch.Found[referral].ID != referral:
		return notFound("commission.sale.referral", "referral")
	}
	return nil
}

// alike are those of a referral's commissions that could be taken for this one: named have
// its event id. Equal have no event id and, as far as their amounts could be read, its
// amounts; or an event id that cannot be read, which may be this one's.
func alike(c *providers.CreateCommissionInput, its []*providers.Commission) (named, equal []*providers.Commission) {
	for _, row := range its {
		switch {
		case row.EventID != nil && c.EventID != nil && wire.Same(*row.EventID, *c.EventID):
			named = append(named, row)
		case row.EventID == nil && !otherAmounts(c, row), c.EventID != nil && row.IsUnread("eventId"):
			equal = append(equal, row)
		}
	}
	return named, equal
}

// otherAmounts says whether a commission is known to have other amounts than this one.
func otherAmounts(c *providers.CreateCommissionInput, row *providers.Commission) bool {
	other := func(there *providers.Money, wanted providers.Money) bool {
		return there != nil && !there.Amount.Equal(wanted.Amount)
	}
	return other(row.SaleAmount, c.Commission.Sale.SaleAmount) || other(row.Amount, *c.Commission.Sale.Amount)
}

// lookCreateCommission looks for commissions of the referral that could be the one that was
// to be made, and were not there before. Where there is none, and all could be read, none
// was made. One is taken for it if it has the event id, which no other may have; without
// one, only if nobody else wrote.
func (p *provider) lookCreateCommission(
	ctx context.Context, c *providers.CreateCommissionInput, stored json.RawMessage, disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	var before commissionBefore
	if json.Unmarshal(stored, &before) != nil || c.EventID == nil && len(before.Equal) > 0 {
		return providers.Unclear, nil, nil
	}
	there, all, err := p.commissionsOfReferral(ctx, c.Commission.Sale.Referral)
	if err != nil {
		return "", nil, err
	}
	named, equal := alike(c, there)
	equal = slices.DeleteFunc(equal, func(row *providers.Commission) bool { return slices.Contains(before.Equal, row.ID) })
	var row *providers.Commission
	switch {
	case len(named)+len(equal) == 0 && all:
		return providers.NotMade, nil, nil
	case len(named) == 1 && !otherAmounts(c, named[0]):
		row = named[0]
	case c.EventID == nil && len(equal) == 1 && equal[0].SaleAmount != nil && equal[0].Amount != nil && all && !disturbed:
		row = equal[0]
	default:
		return providers.Unclear, nil, nil
	}
	return providers.Made, &providers.Written{
		ID: row.ID, Harvest: providers.HarvestOf(row), StaleLists: []providers.Noun{providers.NounCommission},
	}, nil
}

// postCommission makes a commission. The reference names no currency: it is taken to be the
// organization's, which is the account's.
// https://www.promotekit.com/docs/api-reference/commissions/create-commission
//
//api:operation POST /commissions
func (p *provider) postCommission(ctx context.Context, body *commissionBody) (*commissionWire, error) {
	return send[commissionWire](ctx, p, "POST /commissions", commissionsPath, "commission.sale.referral", "referral", body)
}
