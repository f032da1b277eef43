package firstpromoter

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// codeList is GET /promo_codes: promo codes, of all or of one membership. That it pages like the
// others is assumed. Archived codes stay in it.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/promo-codes/openapi-v2-promocodes.json
//
//api:operation GET /promo_codes
var codeList = endpoint[wireCode, providers.Coupon]{
	noun: providers.NounCoupon, path: "/promo_codes", convert: (*reply).coupon,
}

// codeOne is GET /promo_codes/{id}: one promo code.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/promo-codes/openapi-v2-promocodes.json
//
//api:operation GET /promo_codes/{id}
var codeOne = codeList

// wireCode is a promo code.
type wireCode struct {
	ID                 int64      `json:"id"`
	Code               *string    `json:"code"`
	Description        *string    `json:"description"`
	PromoterCampaignID *int64     `json:"promoter_campaign_id"`
	ArchivedAt         *time.Time `json:"archived_at"`
	Reward             *struct {
		ID int64 `json:"id"`
	} `json:"reward"`
}

// withoutOwner covers what a promo code tells by itself.
var withoutOwner = providers.AllBut("affiliate", "campaign")

// errNoCode is in the error of a reply in which a promo code has no code.
var errNoCode = errors.New("a promo code without a code")

// coupon is a promo code whose owner is not known; nil for an archived one, whose use counts for nobody.
func (r *reply) coupon(w *wireCode) *providers.Coupon {
	if w.ArchivedAt != nil {
		return nil
	}
	c := &providers.Coupon{Node: r.node(providers.NounCoupon, w.ID, nil, withoutOwner), Description: text(w.Description)}
	if w.PromoterCampaignID == nil {
		c.Known = nil // nobody's
	}
	if code := text(w.Code); code != nil {
		c.Code = *code
	} else if r.err == nil {
		r.err = errNoCode
	}
	return c
}

// couponOf is a promo code of this membership, if the code says so: a vendor who ignores the filter sends others', too.
func couponOf(m *providers.Membership) func(*reply, *wireCode) *providers.Coupon {
	return func(r *reply, w *wireCode) *providers.Coupon {
		c := r.coupon(w)
		if c != nil && w.PromoterCampaignID != nil && decimal(*w.PromoterCampaignID) == m.ProviderID {
			c.Known, c.AffiliateID, c.CampaignID = nil, m.AffiliateID, m.CampaignID
		}
		return c
	}
}

// couponPage is a page of the promo codes of memberships, which takes a call for each.
func (p *provider) couponPage(ctx context.Context, memberships []*providers.Membership, n int) (*providers.Page[providers.Coupon], error) {
	all := &providers.Page[providers.Coupon]{}
	for _, m := range memberships {
		e := codeList
		e.convert = couponOf(m)
		page, err := e.page(ctx, p, url.Values{"promoter_campaign_id": {m.ProviderID}}, n)
		if err != nil {
			return nil, err
		}
		all.Items = append(all.Items, page.Items...)
		all.More = all.More || page.More
	}
	return all, nil
}

// Coupons plans lists of promo codes: those of all, or one list for each affiliate, read by its memberships.
func (p *provider) Coupons(f providers.CouponFilter) ([]providers.List[providers.Coupon], error) {
	if len(f.Affiliates) == 0 {
		return []providers.List[providers.Coupon]{codeList.list(p, nil, true, nil)}, nil
	}
	var lists []providers.List[providers.Coupon]
	for _, id := range p.own(providers.NounAffiliate, f.Affiliates) {
		lists = append(lists, providers.List[providers.Coupon]{
			Key:   key(url.Values{"promoter_id": {id.Local}}),
			Exact: true,
			Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Coupon], error) {
				b, err := r.Reader.AffiliatesByID(ctx, []providers.ID{id}, "memberships")
				if err == nil {
					err = b.Failed[id]
				}
				if err != nil {
					return nil, err
				}
				if b.Found[id] == nil {
					return &providers.Page[providers.Coupon]{}, nil
				}
				return p.couponPage(ctx, b.Found[id].Memberships, r.Number)
			},
		})
	}
	return lists, nil
}

// needsOwner says whether a read of promo codes has to tell whose they are.
func needsOwner(need []string) bool { return !withoutOwner.Covers(need...) }

// CouponsByID reads promo codes one by one. To learn whose one is, its promoter is looked up by the code.
func (p *provider) CouponsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Coupon], error) {
	return providers.Gather(ctx, p.own(providers.NounCoupon, ids), pageSize, 0, false, nil,
		func(ctx context.Context, id providers.ID) (*providers.Coupon, providers.Harvest, error) {
			var membership int64
			e := codeOne
			e.convert = func(r *reply, w *wireCode) *providers.Coupon {
				if w.PromoterCampaignID != nil {
					membership = *w.PromoterCampaignID
				}
				return r.coupon(w)
			}
			c, h, err := e.one(ctx, p, id.Local, nil)
			if err != nil || c == nil || c.Known.Covers(need...) {
				return c, h, err
			}
			a, harvest, err := promoterOne.find(ctx, p, "promo_code", c.Code, withParent)
			if err != nil {
				return nil, h, err
			}
			h.Add(harvest)
			c.Known = nil
			if a == nil {
				return c, h, nil
			}
			h.Affiliates = append(h.Affiliates, a)
			if i := slices.IndexFunc(a.Memberships, func(m *providers.Membership) bool { return m.ProviderID == decimal(membership) }); i >= 0 {
				c.AffiliateID, c.CampaignID = a.ID, a.Memberships[i].CampaignID
			}
			return c, h, nil
		})
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

// assignCoupon is PUT /promo_codes/{id} for a code that is there, whose use then counts for the membership, and POST
// /promo_codes for a new one.
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
	case was.ArchivedAt != nil:
		return nil, providers.Problemf(providers.ProblemWrongState, "code", "the code is archived")
	case m.RewardID != nil && (was.Reward == nil || was.Reward.ID != reward):
		return nil, providers.Problemf(providers.ProblemConflict, "rewardId", "the code is there already, with another reward")
	default:
		w.Op = codeUpdate
		if was.PromoterCampaignID != nil {
			before.Membership = decimal(*was.PromoterCampaignID)
		}
		id := p.id(providers.NounCoupon, was.ID)
		w.Send = func(ctx context.Context) (*providers.Written, error) {
			c, h, err := e.write(ctx, p, codeUpdate, e.path+"/"+id.Local, body)
			if err == nil && c.ID != id {
				err = p.unknown(codeUpdate, providers.KindBadReply, errNoRecordBack)
			}
			if err != nil {
				return nil, err
			}
			return m.written(c, h), nil
		}
	}
	w.Before = providers.Image(before)
	return w, nil
}

// codeNamed is the promo code of this text, archived or not; nil for none. No look-up finds what is nobody's, so that the
// list is walked. That case means nothing in codes is assumed.
func (p *provider) codeNamed(ctx context.Context, code string) (found *wireCode, err error) {
	e := codeList
	e.convert = func(r *reply, w *wireCode) *providers.Coupon {
		if w.Code != nil && strings.EqualFold(*w.Code, code) && (found == nil || found.ArchivedAt != nil) {
			found = w
		}
		return nil
	}
	for n, more := 1, true; more && (found == nil || found.ArchivedAt != nil); n++ {
		page, err := e.page(ctx, p, nil, n)
		if err != nil {
			return nil, err
		}
		more = page.More
	}
	return found, nil
}

func (m assignCoupon) written(c *providers.Coupon, h providers.Harvest) *providers.Written {
	return written(c.ID, h, []providers.Noun{providers.NounCoupon, providers.NounAffiliate}, m.Affiliate)
}

// look: a code that is the membership's now was assigned, unless it was its before, and only described anew.
func (m assignCoupon) look(ctx context.Context, p *provider, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
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
	i := slices.IndexFunc(all, func(c *providers.Coupon) bool { return strings.EqualFold(c.Code, m.Code) })
	if i < 0 {
		return providers.JudgeState(false, was.Membership != member.ProviderID, disturbed), nil, nil
	}
	h.Coupons = append(h.Coupons, all[i])
	holds := equal(all[i].Description, m.Description)
	return providers.JudgeState(holds, was.Membership == member.ProviderID, disturbed), m.written(all[i], h), nil
}
