package uppromote

import (
	"context"
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
		l.none = true
		return
	}
	l.query.Set("order_id", id)
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
