package firstpromoter

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// codeList is GET /promo_codes: promo codes, of all or of one membership. That it pages like the
// others is assumed. Archived codes stay in it.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/promo-codes/openapi-v2-promocodes.json
//
//api:operation GET /promo_codes
var codeList = endpoint[wireCode, providers.Coupon]{
	noun: providers.NounCoupon, path: "/promo_codes", convert: (*reply).coupon, core: couponCore,
}

// codeOne is GET /promo_codes/{id}: one promo code.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/promo-codes/openapi-v2-promocodes.json
//
//api:operation GET /promo_codes/{id}
var codeOne = codeList

// wireCode is a promo code.
type wireCode struct {
	wire.Members
	ID                 int64               `json:"id"`
	Code               *string             `json:"code"`
	Description        *string             `json:"description"`
	PromoterCampaignID optional[int64]     `json:"promoter_campaign_id"`
	ArchivedAt         optional[time.Time] `json:"archived_at"`
	Reward             *struct {
		ID int64 `json:"id"`
	} `json:"reward"`
}

// membership is the number of the code's membership; "" where there is none, or none that
// can be read.
func (w *wireCode) membership() string {
	if w.PromoterCampaignID.Value == nil {
		return ""
	}
	return decimal(*w.PromoterCampaignID.Value)
}

// couponCore is what every promo code of the list has.
var couponCore = &wire.Core{
	Members: []string{"description", "promoter_campaign_id"},
	Knowledge: wire.NewKnowledge([]string{"providerId", "createdAt", "code"}, map[string]string{
		"description": "description", "affiliate": "promoter_campaign_id", "campaign": "promoter_campaign_id",
	}),
}

// withoutOwner covers what a promo code tells by itself.
var withoutOwner = providers.AllBut("affiliate", "campaign")

// coupon is a promo code whose owner is not known; nil for an archived one, whose use
// counts for nobody. A code without a text is no record, nor is one of which it cannot be
// told whether it is archived.
func (r *reply) coupon(w *wireCode) *providers.Coupon {
	if w.ArchivedAt.Value != nil {
		return nil
	}
	code := text(w.Code)
	if code == nil || w.ArchivedAt.Odd() {
		return &providers.Coupon{}
	}
	c := &providers.Coupon{Node: r.node(providers.NounCoupon, w.ID, nil, withoutOwner), Code: *code, Description: text(w.Description)}
	if w.PromoterCampaignID.Value == nil && !w.PromoterCampaignID.Odd() {
		c.Known = nil // nobody's
	}
	return c
}

// couponOf is a promo code of these memberships, if the code says so. Others are left
// without an owner: the list may be everybody's, and a vendor may ignore the filter.
func couponOf(memberships ...*providers.Membership) func(*reply, *wireCode) *providers.Coupon {
	owners := make(map[string]*providers.Membership, len(memberships))
	for _, m := range memberships {
		owners[m.ProviderID] = m
	}
	return func(r *reply, w *wireCode) *providers.Coupon {
		c := r.coupon(w)
		if m := owners[w.membership()]; c != nil && m != nil {
			c.Known, c.AffiliateID, c.CampaignID = nil, m.AffiliateID, m.CampaignID
		}
		return c
	}
}

// errNotNarrowed is in the error of a list that would be everybody's, and is not walked.
const errNotNarrowed providers.Cause = "the vendor does not narrow promo codes to a membership"

// couponsOf are the promo codes of memberships, all in one page: they are few.
func (p *provider) couponsOf(ctx context.Context, memberships []*providers.Membership) (*providers.Page[providers.Coupon], error) {
	all := &providers.Page[providers.Coupon]{}
	for _, m := range memberships {
		e := codeList
		e.convert = couponOf(m)
		for page, err := range e.pages(ctx, p, url.Values{"promoter_campaign_id": {m.ProviderID}}) {
			if err != nil {
				return nil, err
			}
			other := func(c *providers.Coupon) bool { return c.AffiliateID != m.AffiliateID }
			if page.More && slices.ContainsFunc(page.Items, other) {
				return nil, &providers.Error{
					Account: p.config.Account,
					Op:      "GET " + codeList.path,
					Kind:    providers.KindUnsupported,
					Err:     errNotNarrowed,
				}
			}
			all.Items = append(all.Items, page.Items...)
			all.Unread += page.Unread
		}
	}
	return all, nil
}

// Coupons plans lists of promo codes: those of all, or one list for each affiliate, read by
// its memberships. Several of these lie within the list of all, as it is read for them
// together.
func (p *provider) Coupons(f providers.CouponFilter) ([]providers.List[providers.Coupon], error) {
	if len(f.Affiliates) == 0 {
		return []providers.List[providers.Coupon]{codeList.list(p, nil, true, nil)}, nil
	}
	ids := p.own(providers.NounAffiliate, f.Affiliates)
	var together *providers.List[providers.Coupon]
	if len(ids) > 1 {
		together = &providers.List[providers.Coupon]{
			Key: "owned&" + key(url.Values{"promoter_id": decimals(p.numbers(providers.NounAffiliate, ids))}),
			Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Coupon], error) {
				memberships, err := membershipsBy(ctx, r.Reader, ids)
				if err != nil || len(memberships) == 0 {
					return &providers.Page[providers.Coupon]{}, err
				}
				e := codeList
				e.convert = couponOf(memberships...)
				return e.page(ctx, p, nil, r)
			},
		}
	}
	var lists []providers.List[providers.Coupon]
	for _, id := range ids {
		lists = append(lists, providers.List[providers.Coupon]{
			Key:    key(url.Values{"promoter_id": {id.Local}}),
			Exact:  true,
			Within: together,
			Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Coupon], error) {
				if r.Number > 1 {
					return &providers.Page[providers.Coupon]{}, nil
				}
				memberships, err := membershipsBy(ctx, r.Reader, []providers.ID{id})
				if err != nil {
					return nil, err
				}
				return p.couponsOf(ctx, memberships)
			},
		})
	}
	return lists, nil
}

// needsOwner says whether a read of promo codes has to tell whose they are.
func needsOwner(need []string) bool { return !withoutOwner.Covers(need...) }

// CouponsByID reads promo codes one by one. To learn whose one is, its promoter is looked
// up by the code.
func (p *provider) CouponsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Coupon], error) {
	return providers.Gather(ctx, p.own(providers.NounCoupon, ids), codeList.extent(p).PageSize(pageSize), 0, false, nil,
		func(ctx context.Context, id providers.ID) (*providers.Coupon, providers.Harvest, error) {
			membership := ""
			e := codeOne
			e.convert = func(r *reply, w *wireCode) *providers.Coupon {
				membership = w.membership()
				return r.coupon(w)
			}
			c, h, err := e.one(ctx, p, id.Local, nil)
			if err != nil || c == nil || c.Known.Covers(need...) {
				return c, h, err
			}
			place := -1 // of the code's membership among its owner's
			a, harvest, err := promoterOne.find(
				ctx,
				p,
				"promo_code",
				c.Code,
				withParent,
				func(_ context.Context, a *providers.Affiliate) ([]string, error) {
					place = slices.IndexFunc(a.Memberships, func(m *providers.Membership) bool { return m.ProviderID == membership })
					if place < 0 {
						return nil, nil
					}
					return []string{c.Code}, nil
				},
			)
			if err != nil {
				return nil, h, err
			}
			h.Add(harvest)
			c.Known = nil
			if a == nil {
				return c, h, nil
			}
			h.Affiliates = append(h.Affiliates, a)
			c.AffiliateID, c.CampaignID = a.ID, a.Memberships[place].CampaignID
			return c, h, nil
		}, nil)
}

// The writes of promo codes.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/promo-codes/openapi-v2-promocodes.json
const (
	//api:operation POST /promo_codes
	codeCreate = "POST /promo_codes"
	//api:operation PUT /promo_codes/{id}
	codeUpdate = "PUT /promo_codes/{id}"
)

// codeBody is what POST and PUT /promo_codes take.
type codeBody struct {
	Code        *string `json:"code,omitempty"`
	Reward      int64   `json:"reward_id,omitempty"`
	Membership  int64   `json:"promoter_campaign_id"`
	Description *string `json:"description,omitempty"`
}

// assignCoupon is PUT /promo_codes/{id} for a code that is there, whose use then counts for
// the membership, and POST /promo_codes for a new one.
type assignCoupon struct {
	*providers.AssignCouponInput
}

// codeImage is the membership whose the code was before.
type codeImage struct{ Membership, Campaign string }

func (m assignCoupon) wants(p *provider) (r providers.Problems) {
	if m.RewardID != nil {
		_, ok := number(*m.RewardID)
		r.When(!ok, providers.ProblemInvalid, "rewardId", "has to be a number of FirstPromoter's")
	}
	return append(r, p.named(providers.NounAffiliate, "affiliate", m.Affiliate)...)
}

func (m assignCoupon) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	reward := int64(0)
	if m.RewardID != nil {
		reward, _ = number(*m.RewardID)
	}
	member, err := p.memberNow(ctx, m.Affiliate, "affiliate", m.Campaign, "campaign")
	if err != nil {
		return nil, err
	}
	was, err := p.codeNamed(ctx, m.Code)
	if err != nil {
		return nil, err
	}
	n, _ := number(member.ProviderID)
	w := &providers.Write{Fields: map[string]string{
		"code": "code", "reward_id": "rewardId", "description": "description", "promoter_campaign_id": "campaign"}}
	body := codeBody{Membership: n, Description: m.Description}
	e := codeList
	e.convert = couponOf(member)
	before := codeImage{Campaign: member.CampaignID.Local}
	switch {
	case was == nil && m.RewardID == nil:
		return nil, providers.Problemf(providers.ProblemInvalid, "rewardId", "FirstPromoter wants it for a code that is new")
	case was == nil:
		w.Op, body.Code, body.Reward = codeCreate, &m.Code, reward
		w.Send = func(ctx context.Context) (*providers.Written, error) {
			c, h, err := e.write(ctx, p, codeCreate, pathOf(codeCreate), body)
			if err != nil {
				return nil, err
			}
			return m.written(c, h), nil
		}
	case was.ArchivedAt.Value != nil:
		return nil, providers.Problemf(providers.ProblemWrongState, "code", "the code is archived")
	case m.RewardID != nil && (was.Reward == nil || was.Reward.ID != reward):
		return nil, providers.Problemf(providers.ProblemConflict, "rewardId", "the code is there already, with another reward")
	default:
		w.Op = codeUpdate
		before.Membership = was.membership()
		id := p.id(providers.NounCoupon, was.ID)
		w.Send = func(ctx context.Context) (*providers.Written, error) {
			h, err := e.writeTo(ctx, p, codeUpdate, id.Local, body)
			if err != nil {
				return nil, err
			}
			return m.written(id, h), nil
		}
	}
	w.Before = providers.Image(before)
	return w, nil
}

// codeNamed is the promo code of this text, archived or not; nil for none. No look-up finds
// what is nobody's, so that the list is walked. That case means nothing in codes is
// assumed.
func (p *provider) codeNamed(ctx context.Context, code string) (found *wireCode, err error) {
	e := codeList
	e.convert = func(_ *reply, w *wireCode) *providers.Coupon {
		if w.Code != nil && wire.Same(*w.Code, code) && (found == nil || found.ArchivedAt.Value != nil) {
			found = w
		}
		return nil
	}
	for _, err := range e.pages(ctx, p, nil) {
		if err != nil {
			return nil, err
		}
		if found != nil && found.ArchivedAt.Value == nil {
			break
		}
	}
	return found, nil
}

func (m assignCoupon) written(id providers.ID, h providers.Harvest) *providers.Written {
	return written(id, h, []providers.Noun{providers.NounCoupon, providers.NounAffiliate}, m.Affiliate)
}

// look: a code that is the membership's now was assigned, unless it was its before, and
// only described anew.
func (m assignCoupon) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	was := pictured[codeImage](before)
	a, _, err := promoterOne.now(ctx, p, m.Affiliate, "affiliate", withParent)
	if err != nil {
		return "", nil, err
	}
	member := membershipIn(a, p.local(providers.NounCampaign, was.Campaign))
	if member == nil {
		return providers.Unclear, nil, nil
	}
	e := codeList
	e.convert = couponOf(member)
	all, h, err := e.rowsOf(ctx, p, url.Values{"promoter_campaign_id": {member.ProviderID}})
	if err != nil {
		return "", nil, err
	}
	i := slices.IndexFunc(all, func(c *providers.Coupon) bool { // the vendor may ignore the filter
		return wire.Same(c.Code, m.Code) && c.AffiliateID == member.AffiliateID && c.CampaignID == member.CampaignID
	})
	if i < 0 {
		return providers.JudgeState(false, was.Membership != member.ProviderID, disturbed), nil, nil
	}
	h.Coupons = append(h.Coupons, all[i])
	holds := equal(all[i].Description, m.Description)
	return providers.JudgeState(holds, was.Membership == member.ProviderID, disturbed), m.written(all[i].ID, h), nil
}
