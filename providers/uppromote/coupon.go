package uppromote

import (
	"context"
	"encoding/json"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// couponList reads the coupons of all affiliates. There is no read by id, and no filter but
// the date.
//
// https://aff-api.uppromote.com/docs/v2
//
//api:operation GET /coupons
var couponList = endpoint[wireCoupon, providers.Coupon]{
	noun: providers.NounCoupon, path: "/coupons", convert: (*reply).coupon,
}

// Coupons plans lists of coupons. Those of single affiliates stand in their records, as
// bare codes.
func (p *provider) Coupons(f providers.CouponFilter) ([]providers.List[providers.Coupon], error) {
	all := couponList.all(p)
	if len(f.Affiliates) == 0 {
		return []providers.List[providers.Coupon]{all}, nil
	}
	return ofAffiliates(p, f.Affiliates, "coupons", all, true, codesOf), nil
}

// CouponsByID reads the affiliates whose they are, if the codes are all that is needed;
// else it searches all coupons.
func (p *provider) CouponsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Coupon], error) {
	var own []providers.ID
	for _, id := range ids {
		if affiliate, _, ok := p.joined(id, providers.NounCoupon); ok {
			if _, ok := number(affiliate); ok {
				own = append(own, id)
			}
		}
	}
	if len(need) > 0 && codeStub.Covers(need...) {
		return fromAffiliates(ctx, p, providers.NounCoupon, own, codesOf)
	}
	return search(ctx, p, couponList.all(p), own)
}

func codesOf(a *providers.Affiliate) []*providers.Coupon { return a.Coupons }

// wireCoupon is a row of the list of coupons.
type wireCoupon struct {
	ID             int64     `json:"id"`
	AffiliateID    int64     `json:"affiliate_id"`
	AffiliateEmail string    `json:"affiliate_email"`
	Coupon         string    `json:"coupon"`
	Description    string    `json:"description"`
	CreatedAt      time.Time `json:"created_at"`
}

// wireCode is a coupon in an affiliate's record: the bare code, or an object that holds it.
type wireCode string

// UnmarshalJSON reads either.
func (c *wireCode) UnmarshalJSON(b []byte) error {
	var (
		code string
		w    wireCoupon
	)
	if _, err := wire.Decode(b, &code); err == nil {
		*c = wireCode(code)
		return nil
	}
	_, err := wire.Decode(b, &w)
	if *c = wireCode(w.Coupon); err == nil && w.Coupon == "" {
		err = errNoID
	}
	return err
}

// couponID names a coupon by its affiliate and code, which is what every reply has of it.
func (p *provider) couponID(affiliate int64, code string) providers.ID {
	if affiliate <= 0 || code == "" {
		return providers.ID{}
	}
	return p.local(providers.NounCoupon, providers.JoinLocal(decimal(affiliate), code))
}

// coupon converts a row.
func (r *reply) coupon(w *wireCoupon) *providers.Coupon {
	id := r.couponID(w.AffiliateID, w.Coupon)
	r.harvestAffiliate(w.AffiliateID, w.AffiliateEmail)
	return &providers.Coupon{
		Node:        r.node(id, decimal(w.ID), w.CreatedAt, nil),
		Code:        w.Coupon,
		Description: text(w.Description),
		AffiliateID: r.id(providers.NounAffiliate, w.AffiliateID),
	}
}

// codeStub is what an affiliate's record tells of a coupon. The vendor's own id it does not tell.
var codeStub = providers.Only("code", "affiliate", "campaign")

// codes are the coupons in an affiliate's record, not nil where there are none; nil where
// it does not say.
func (r *reply) codes(w *wireAffiliate) []*providers.Coupon {
	if w.Coupons == nil {
		return nil
	}
	coupons := make([]*providers.Coupon, 0, len(w.Coupons))
	for _, c := range w.Coupons {
		if id := r.couponID(w.ID, string(c)); !id.IsZero() {
			coupons = append(coupons, &providers.Coupon{
				Node: r.node(id, string(c), time.Time{}, codeStub), Code: string(c), AffiliateID: r.id(providers.NounAffiliate, w.ID),
			})
		}
	}
	return coupons
}

// assignCoupon gives an affiliate a code. That the vendor refuses one that is another's is
// assumed, and that it does not ask whether the shop has the code.
//
// https://aff-api.uppromote.com/docs/v2
//
//api:operation POST /coupons/assign
type assignCoupon struct {
	*provider
	in *providers.AssignCouponInput
}

const opAssignCoupon = "POST /coupons/assign"

// wireAssignment is what is sent.
type wireAssignment struct {
	AffiliateEmail string  `json:"affiliate_email"`
	Coupon         string  `json:"coupon"`
	Description    *string `json:"description,omitempty"`
}

func (c assignCoupon) check() providers.Problems {
	return append(
		untaken("affiliate, code and description", given{"campaign", c.in.Campaign != nil}, given{"rewardId", c.in.RewardID != nil}),
		c.named(providers.NounAffiliate, "affiliate", c.in.Affiliate)...)
}

func (c assignCoupon) plan(ctx context.Context) (*providers.Write, error) {
	a, err := c.addressee(ctx, "affiliate", c.in.Affiliate)
	if err != nil {
		return nil, err
	}
	if c.held(a) != nil {
		return nil, providers.Problemf(providers.ProblemTaken, "code", "is the affiliate's already")
	}
	return &providers.Write{
		Op: opAssignCoupon, Fields: map[string]string{"affiliate_email": "affiliate", "coupon": "code", "description": "description"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			said, err := c.act(ctx, opAssignCoupon, a, wireAssignment{*a.Email, c.in.Code, c.in.Description})
			code := c.in.Code
			switch {
			case err != nil:
				return nil, err
			case said.Coupon != "" && !wire.Same(said.Coupon, c.in.Code):
				return nil, c.garbled(opAssignCoupon, errAnother)
			case said.Coupon != "":
				code = said.Coupon // as the vendor spells it
			}
			w := outdated(a)
			n, _ := number(a.ID.Local)
			w.ID, w.StaleLists = c.couponID(n, code), listsOfCoupons
			w.Stale = append(w.Stale, w.ID)
			return w, nil
		},
	}, nil
}

// held is the coupon in an affiliate's record that has the code; nil for none.
func (c assignCoupon) held(a *providers.Affiliate) *providers.Coupon {
	for _, coupon := range a.Coupons {
		if wire.Same(coupon.Code, c.in.Code) {
			return coupon
		}
	}
	return nil
}

// look searches the affiliate's record: when the write was planned the code was not there.
// A code has one holder, so that it does not matter whose work it is.
func (c assignCoupon) look(ctx context.Context, _ json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	a, odd, err := byNumber(ctx, c.provider, affiliateList, c.in.Affiliate)
	switch {
	case err != nil:
		return "", nil, err
	case a == nil:
		return providers.Unclear, nil, nil
	}
	if coupon := c.held(a); coupon != nil {
		w := changed(a)
		if len(odd) > 0 {
			w = outdated(a)
		}
		w.ID, w.Stale, w.StaleLists = coupon.ID, append(w.Stale, coupon.ID), listsOfCoupons
		return providers.Made, w, nil
	}
	if disturbed || a.Coupons == nil || odd.member("coupons") { // it does not say that there are no others
		return providers.Unclear, nil, nil
	}
	return providers.NotMade, nil, nil
}

// listsOfCoupons are those that a coupon stands in: affiliates are found by their codes.
var listsOfCoupons = append([]providers.Noun{providers.NounCoupon}, listsOfAffiliates...)
