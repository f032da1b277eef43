package uppromote

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// referralList reads referrals as orders: a page of them, or one by its id. Each brings its
// commission along.
//
// https://aff-api.uppromote.com/docs/v2/get-list-referrals-21170075e0
// https://aff-api.uppromote.com/docs/v2/get-a-referral-by-id-21170076e0
//
//api:operation GET /referrals
//api:operation GET /referrals/{id}
var referralList = endpoint[wireReferral, providers.Referral]{
	noun: providers.NounReferral, path: "/referrals",
	convert: func(r *reply, w *wireReferral) *providers.Referral {
		if w.ID > 0 {
			r.harvest.Commissions = append(r.harvest.Commissions, wire.Narrow(commissionCore, r.list, w, r.commission(w)))
		}
		return r.referral(w)
	},
	core: referralCore,
}

// referralCore is what every row has as an order: what is empty is null.
var referralCore = &wire.Core{
	Members: []string{
		"order_id", "order_number", "customer_id", "total_sales", "commission_rule", "status", "refund_id", "tracking_type",
		"affiliate", "coupon_applied", "customer_email", "created_at",
	},
	Knowledge: wire.NewKnowledge([]string{"providerId", "kind", "signedUpAt", "convertedAt", "commissions"}, map[string]string{
		"createdAt":      "created_at",
		"email":          "customer_email",
		"maskedEmail":    "customer_email",
		"status":         "status refund_id total_sales",
		"providerStatus": "status",
		"customerId":     "customer_id",
		"source":         "tracking_type",
		"couponCode":     "coupon_applied",
		"orderId":        "order_id",
		"converted":      "order_id",
		"orderNumber":    "order_number",
		"affiliate":      "affiliate",
		"campaign":       "commission_rule",
	}),
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
func (p *provider) ReferralsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Referral], error) {
	return referralList.byIDs(ctx, p, ids, false, covers[providers.Referral](need))
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

// wireReferral is a row that is two records: the order that an affiliate brought, and the
// commission on it.
type wireReferral struct {
	wire.Members
	ID             int64             `json:"id"`
	OrderID        string            `json:"order_id"`
	OrderNumber    string            `json:"order_number"`
	CustomerID     string            `json:"customer_id"`
	TotalSales     providers.Decimal `json:"total_sales"`
	CommissionRule struct {
		wire.Members
		ProgramID int64 `json:"program_id"`
	} `json:"commission_rule"`
	CommissionAdjustment providers.Decimal           `json:"commission_adjustment"`
	Status               string                      `json:"status"`
	Commission           providers.Decimal           `json:"commission"`
	RefundID             string                      `json:"refund_id"`
	TrackingType         string                      `json:"tracking_type"`
	Affiliate            wire.Related[wireAffiliate] `json:"affiliate"`
	CouponApplied        string                      `json:"coupon_applied"`
	CustomerEmail        string                      `json:"customer_email"`
	CreatedAt            time.Time                   `json:"created_at"`
}

// refund says whether the row takes a sale back. That refunds carry an id is assumed; that
// they are negative is not.
func (w *wireReferral) refund() bool {
	_, refund := number(w.RefundID)
	return refund || w.TotalSales.Set && w.TotalSales.Value.IsNeg()
}

// order is the order's id: "" for none. told is false where there is something else in its place.
func (w *wireReferral) order() (id string, told bool) {
	if _, ok := number(w.OrderID); ok {
		return w.OrderID, true
	}
	return "", w.OrderID == "" || w.OrderID == "0"
}

// unread are the fields of the order and of the commission that cannot be read, besides
// those whose members are odd themselves.
func (w *wireReferral) unread() (fields []string) {
	if _, told := w.order(); !told {
		fields = append(fields, "converted", "orderId")
	}
	if rule := w.CommissionRule; !rule.Empty() && (rule.Odd("program_id") || !rule.Has("program_id")) {
		fields = append(fields, "campaign")
	}
	return fields
}

// referral is the row as an order. It does not say when the order was made, only when the
// row was.
func (r *reply) referral(w *wireReferral) *providers.Referral {
	order, told := w.order()
	out := &providers.Referral{
		Node:           r.numbered(providers.NounReferral, w.ID, w.CreatedAt, nil),
		Kind:           providers.ReferralOrder,
		Email:          text(w.CustomerEmail),
		Status:         w.referralStatus(),
		ProviderStatus: text(w.Status),
		CustomerID:     text(w.CustomerID),
		Source:         text(w.TrackingType),
		CouponCode:     text(w.CouponApplied),
		OrderID:        text(order),
		OrderNumber:    text(w.OrderNumber),
		AffiliateID:    r.relatedAffiliate(w.Affiliate),
		CampaignID:     r.id(providers.NounCampaign, w.CommissionRule.ProgramID),
	}
	if told {
		out.Converted = new(order != "")
	}
	out.Unread = w.unread()
	r.harvestProgram(w.CommissionRule.ProgramID, "")
	return out
}

func (w *wireReferral) referralStatus() providers.ReferralStatus {
	if w.refund() {
		return providers.ReferralRefunded
	}
	switch strings.ToLower(w.Status) {
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

// wireNewReferral is what is sent. The total's name is another here than in rows. That what
// goes with which type is as follows is assumed: an order's id with use_order_id, a
// commission with fixed_amount.
type wireNewReferral struct {
	Type           string      `json:"type"`
	AffiliateEmail string      `json:"affiliate_email"`
	OrderID        int64       `json:"order_id,omitempty"`
	Commission     json.Number `json:"commission,omitempty"`
	TotalSale      json.Number `json:"total_sale,omitempty"`
	Comment        *string     `json:"comment,omitempty"`
}

// addReferral makes a referral by hand, and answers it as one of its two nouns. That the
// reply holds the row is assumed; its id is enough, and a row with an odd value is read
// again.
//
// https://aff-api.uppromote.com/docs/v2
//
//api:operation POST /referrals
func (p *provider) addReferral(
	ctx context.Context,
	noun providers.Noun,
	affiliate providers.ID,
	body wireNewReferral,
) (*providers.Written, error) {
	w, odd, err := send[wireReferral](ctx, p, opAddReferral, referralList.path, body)
	if err != nil {
		return nil, err
	}
	if w.ID <= 0 {
		return nil, p.garbled(opAddReferral, errNoID)
	}
	// The request names the affiliate by the address. Its order is compared by [wire.Another].
	if owner, _ := number(w.Affiliate.ID); owner > 0 && p.id(providers.NounAffiliate, owner) != affiliate {
		return nil, p.garbled(opAddReferral, errAnother)
	}
	made := p.earned(noun, decimal(w.ID), affiliate)
	made.StaleLists = listsOfReferrals
	if len(odd) == 0 && w.Has("status", "created_at", "affiliate", "commission", "total_sales", "order_id") {
		r := p.reply()
		r.harvest.Referrals = append(r.harvest.Referrals, referralList.convert(r, &w))
		made.Harvest = r.harvest
	}
	return made, nil
}

const opAddReferral = "POST /referrals"

// listsOfReferrals are those that a referral stands in: what is approved is owed.
var listsOfReferrals = []providers.Noun{providers.NounReferral, providers.NounCommission, providers.NounPayout}

// earned is a referral that has changed, by its number, as one of its two nouns, and with
// it what its affiliate is owed.
func (p *provider) earned(noun providers.Noun, local string, affiliate providers.ID) *providers.Written {
	w := &providers.Written{
		ID:    p.local(noun, local),
		Stale: []providers.ID{p.local(providers.NounReferral, local), p.local(providers.NounCommission, local)},
	}
	if n, ok := number(affiliate.Local); ok {
		w.Stale = append(w.Stale, affiliate, p.payoutID(dueState, n))
	}
	return w
}

// createReferral makes an order an affiliate's. That the vendor refuses an order that is
// somebody's already is assumed.
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
	switch sales, _, err := c.sales(ctx); {
	case err != nil:
		return nil, err
	case len(sales) > 0:
		return nil, providers.Problemf(providers.ProblemTaken, "orderId", "has a referral already")
	}
	n, _ := number(*c.in.OrderID)
	return &providers.Write{
		Op: opAddReferral, Fields: map[string]string{"affiliate_email": "affiliate", "order_id": "orderId"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			return c.addReferral(
				ctx,
				providers.NounReferral,
				a.ID,
				wireNewReferral{Type: "use_order_id", AffiliateEmail: *a.Email, OrderID: n},
			)
		},
	}, nil
}

// sales are the order's referrals but for refunds, live. unclear says that there are rows
// that do not tell whose order they are of.
func (c createReferral) sales(ctx context.Context) (sales []*providers.Referral, unclear bool, err error) {
	lists, err := c.Referrals(providers.ReferralFilter{OrderID: *c.in.OrderID})
	if err != nil {
		return nil, false, err
	}
	for _, l := range lists {
		for r, err := range every(ctx, c.provider, l) {
			switch {
			case err != nil:
				return nil, false, err
			case r.Status == providers.ReferralRefunded:
			case r.OrderID == nil:
				unclear = true
			case *r.OrderID == *c.in.OrderID:
				sales = append(sales, r)
				unclear = unclear || r.AffiliateID.IsZero()
			}
		}
	}
	return sales, unclear, nil
}

// look searches for the order, which had no referral when the write was planned. One that
// the shop's own tracking has made since is not this write's work; that it says so is seen.
func (c createReferral) look(ctx context.Context, _ json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	sales, unclear, err := c.sales(ctx)
	if err != nil {
		return "", nil, err
	}
	sales = slices.DeleteFunc(sales, func(r *providers.Referral) bool { return r.AffiliateID != c.in.Affiliate })
	switch {
	case len(sales) == 0 && !unclear:
		return providers.NotMade, nil, nil
	case len(sales) != 1, disturbed, sales[0].Source != nil && strings.HasPrefix(strings.ToLower(*sales[0].Source), "tracked by"):
		return providers.Unclear, nil, nil
	}
	made := c.earned(providers.NounReferral, sales[0].ID.Local, c.in.Affiliate)
	made.Harvest.Referrals, made.StaleLists = sales, listsOfReferrals
	return providers.Made, made, nil
}
