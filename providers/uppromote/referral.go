package uppromote

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// referralList reads referrals as orders: a page of them, or one by its id. Each brings its commission along.
//
// https://aff-api.uppromote.com/docs/v2/get-list-referrals-21170075e0
// https://aff-api.uppromote.com/docs/v2/get-a-referral-by-id-21170076e0
//
//api:operation GET /referrals
//api:operation GET /referrals/{id}
var referralList = endpoint[wireReferral, providers.Referral]{
	noun: providers.NounReferral, path: "/referrals",
	convert: func(r *reply, w *wireReferral) *providers.Referral {
		r.harvest.Commissions = append(r.harvest.Commissions, r.commission(w))
		r.harvestOwners(w)
		return r.referral(w)
	},
}

// Referrals plans lists of referrals. The vendor filters by affiliate, program, order and date.
func (p *provider) Referrals(f providers.ReferralFilter) ([]providers.List[providers.Referral], error) {
	if len(f.Kinds) > 0 && !slices.Contains(f.Kinds, providers.ReferralOrder) {
		return nil, nil
	}
	l := p.plan()
	l.affiliates(f.Affiliates, nil)
	l.parents(programParam, providers.NounCampaign, f.Campaigns)
	l.order(f.OrderID)
	l.dates(f.CreatedAt)
	l.unsent(len(f.Statuses) > 0 || f.Converted != nil || f.Email != "" || f.CustomerID != "" || f.Search != "")
	return referralList.lists(l), nil
}

// ReferralsByID reads referrals, one call each, or by walking all of them.
func (p *provider) ReferralsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Referral], error) {
	return referralList.byIDs(ctx, p, ids, false)
}

// programParam narrows referrals to those of one program.
const programParam = "program_id"

// order sends an order's id, which is a number: nothing else is the id of one.
func (l *plan) order(id string) {
	if id == "" {
		return
	}
	if _, ok := number(id); !ok {
		l.None = true
		return
	}
	l.Query.Set("order_id", id)
}

// wireReferral is a row that is two records: the order that an affiliate brought, and the commission on it.
type wireReferral struct {
	ID             integer           `json:"id"`
	OrderID        text              `json:"order_id"`
	OrderNumber    text              `json:"order_number"`
	CustomerID     text              `json:"customer_id"`
	TotalSales     providers.Decimal `json:"total_sales"`
	CommissionRule struct {
		ProgramID integer `json:"program_id"`
	} `json:"commission_rule"`
	CommissionAdjustment providers.Decimal `json:"commission_adjustment"`
	Status               text              `json:"status"`
	Commission           providers.Decimal `json:"commission"`
	RefundID             text              `json:"refund_id"`
	TrackingType         text              `json:"tracking_type"`
	Affiliate            struct {
		ID        integer `json:"id"`
		Email     text    `json:"email"`
		FirstName text    `json:"first_name"`
		LastName  text    `json:"last_name"`
	} `json:"affiliate"`
	CouponApplied text    `json:"coupon_applied"`
	CustomerEmail text    `json:"customer_email"`
	CreatedAt     instant `json:"created_at"`
}

// refund says whether the row takes a sale back. That refunds carry an id is assumed; that they are negative is not.
func (w *wireReferral) refund() bool {
	return w.RefundID != "" || w.TotalSales.Set && w.TotalSales.Value.IsNeg()
}

// referral is the row as an order. It does not say when the order was made, only when the row was.
func (r *reply) referral(w *wireReferral) *providers.Referral {
	return &providers.Referral{
		Node:           r.numbered(providers.NounReferral, w.ID, w.CreatedAt, nil),
		Kind:           providers.ReferralOrder,
		Email:          w.CustomerEmail.known(),
		Status:         w.referralStatus(),
		ProviderStatus: w.Status.known(),
		CustomerID:     w.CustomerID.known(),
		Converted:      new(w.OrderID != ""),
		Source:         w.TrackingType.known(),
		CouponCode:     w.CouponApplied.known(),
		OrderID:        w.OrderID.known(),
		OrderNumber:    w.OrderNumber.known(),
		AffiliateID:    r.id(providers.NounAffiliate, w.Affiliate.ID),
		CampaignID:     r.id(providers.NounCampaign, w.CommissionRule.ProgramID),
	}
}

func (w *wireReferral) referralStatus() providers.ReferralStatus {
	if w.refund() {
		return providers.ReferralRefunded
	}
	switch strings.ToLower(string(w.Status)) {
	case "pending":
		return providers.ReferralPending
	case "approved", "paid":
		return providers.ReferralActive
	case "denied":
		return providers.ReferralDenied
	default:
		return providers.ReferralUnknown
	}
}

// harvestOwners keeps what the row tells of its affiliate and program.
func (r *reply) harvestOwners(w *wireReferral) {
	a := &w.Affiliate
	if a.Email != "" && r.stub(r.id(providers.NounAffiliate, a.ID)) {
		r.harvest.Affiliates = append(r.harvest.Affiliates, &providers.Affiliate{
			Node:  r.numbered(providers.NounAffiliate, a.ID, instant{}, nameStub),
			Email: a.Email.known(), FirstName: a.FirstName.known(), LastName: a.LastName.known(), Name: fullName(a.FirstName, a.LastName),
		})
	}
	r.harvestProgram(w.CommissionRule.ProgramID, "")
}

// wireNewReferral is what is sent. The total's name is another here than in rows. That what goes with which type is as
// follows is assumed: an order's id with use_order_id, a commission with fixed_amount.
type wireNewReferral struct {
	Type           string      `json:"type"`
	AffiliateEmail string      `json:"affiliate_email"`
	OrderID        integer     `json:"order_id,omitempty"`
	Commission     json.Number `json:"commission,omitempty"`
	TotalSale      json.Number `json:"total_sale,omitempty"`
	Comment        *string     `json:"comment,omitempty"`
}

// addReferral makes a referral by hand, and answers it as one of its two nouns. That the reply holds the row is
// assumed; its id is enough.
//
// https://aff-api.uppromote.com/docs/v2
//
//api:operation POST /referrals
func (p *provider) addReferral(ctx context.Context, noun providers.Noun, affiliate providers.ID, body wireNewReferral) (*providers.Written, error) {
	w, err := send[wireReferral](ctx, p, opAddReferral, referralList.path, body)
	if err != nil {
		return nil, err
	}
	if w.ID <= 0 {
		return nil, p.garbled(opAddReferral, errNoID)
	}
	if w.Affiliate.ID > 0 && p.id(providers.NounAffiliate, w.Affiliate.ID) != affiliate || body.OrderID > 0 && w.OrderID != "" && !w.OrderID.is(decimal(body.OrderID)) {
		return nil, p.garbled(opAddReferral, errAnother)
	}
	r := p.reply()
	if w.Status != "" && !w.CreatedAt.IsZero() && w.Affiliate.ID > 0 && w.Commission.Set && w.TotalSales.Set {
		r.harvest.Referrals = append(r.harvest.Referrals, referralList.convert(r, &w))
	}
	if r.err != nil {
		return nil, p.garbled(opAddReferral, r.err)
	}
	made := p.earned(noun, decimal(w.ID), affiliate)
	made.Harvest, made.StaleLists = r.harvest, listsOfReferrals
	return made, nil
}

const opAddReferral = "POST /referrals"

// listsOfReferrals are those that a referral stands in: what is approved is owed.
var listsOfReferrals = []providers.Noun{providers.NounReferral, providers.NounCommission, providers.NounPayout}

// earned is a referral that has changed, by its number, as one of its two nouns, and with it what its affiliate is owed.
func (p *provider) earned(noun providers.Noun, local string, affiliate providers.ID) *providers.Written {
	w := &providers.Written{ID: p.local(noun, local), Stale: []providers.ID{p.local(providers.NounReferral, local), p.local(providers.NounCommission, local)}}
	if n, ok := number(affiliate.Local); ok {
		w.Stale = append(w.Stale, affiliate, p.payoutID(dueState, n))
	}
	return w
}

// createReferral makes an order an affiliate's. That the vendor refuses an order that is somebody's already is assumed.
type createReferral struct {
	*provider
	in *providers.CreateReferralInput
}

func (c createReferral) check() providers.Problems {
	found := untaken("affiliate and orderId", given{"campaign", c.in.Campaign != nil}, given{"email", c.in.Email != nil},
		given{"customerId", c.in.CustomerID != nil}, given{"status", c.in.Status != nil})
	if c.in.OrderID == nil {
		found = append(found, providers.Problemf(providers.ProblemInvalid, "orderId", "is wanted: %s makes referrals of orders", title)...)
	} else if _, ok := number(*c.in.OrderID); !ok {
		found = append(found, providers.Problemf(providers.ProblemInvalid, "orderId", "has to be the shop's number of the order")...)
	}
	return append(found, c.named(providers.NounAffiliate, "affiliate", c.in.Affiliate)...)
}

func (c createReferral) plan(ctx context.Context) (*providers.Write, error) {
	a, err := c.addressee(ctx, "affiliate", c.in.Affiliate)
	if err != nil {
		return nil, err
	}
	switch sales, err := c.sales(ctx); {
	case err != nil:
		return nil, err
	case len(sales) > 0:
		return nil, providers.Problemf(providers.ProblemTaken, "orderId", "has a referral already")
	}
	n, _ := number(*c.in.OrderID)
	return &providers.Write{
		Op: opAddReferral, Fields: map[string]string{"affiliate_email": "affiliate", "order_id": "orderId"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			return c.addReferral(ctx, providers.NounReferral, a.ID, wireNewReferral{Type: "use_order_id", AffiliateEmail: *a.Email, OrderID: n})
		},
	}, nil
}

// sales are the order's referrals but for refunds, live.
func (c createReferral) sales(ctx context.Context) (sales []*providers.Referral, err error) {
	lists, err := c.Referrals(providers.ReferralFilter{OrderID: *c.in.OrderID})
	if err != nil {
		return nil, err
	}
	for _, l := range lists {
		for r, err := range providers.All(ctx, l, c) {
			if err != nil {
				return nil, err
			}
			if r.OrderID != nil && *r.OrderID == *c.in.OrderID && r.Status != providers.ReferralRefunded {
				sales = append(sales, r)
			}
		}
	}
	return sales, nil
}

// look searches for the order, which had no referral when the write was planned. One that the shop's own tracking has
// made since is not this write's work; that it says so is seen.
func (c createReferral) look(ctx context.Context, _ json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	sales, err := c.sales(ctx)
	if err != nil {
		return "", nil, err
	}
	sales = slices.DeleteFunc(sales, func(r *providers.Referral) bool { return r.AffiliateID != c.in.Affiliate })
	switch {
	case len(sales) == 0:
		return providers.NotMade, nil, nil
	case len(sales) > 1, disturbed, sales[0].Source != nil && strings.HasPrefix(strings.ToLower(*sales[0].Source), "tracked by"):
		return providers.Unclear, nil, nil
	}
	made := c.earned(providers.NounReferral, sales[0].ID.Local, c.in.Affiliate)
	made.Harvest.Referrals, made.StaleLists = sales, listsOfReferrals
	return providers.Made, made, nil
}
