package promotekit

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
)

// membershipStates are those of [affiliateStates].
var membershipStates = []providers.MembershipStatus{
	providers.MembershipActive, providers.MembershipPending, providers.MembershipBanned, providers.MembershipUnknown,
}

// Memberships plans the lists of the affiliates whose memberships are asked for: each has one.
func (p *provider) Memberships(f providers.MembershipFilter) ([]providers.List[providers.Membership], error) {
	affiliates, mine := p.uuids(providers.NounAffiliate, f.Affiliates)
	campaigns, ours := p.uuids(providers.NounCampaign, f.Campaigns)
	if !mine || !ours || !canBe(f.Statuses, membershipStates...) {
		return nil, nil
	}
	if len(affiliates) > 0 {
		exact := len(campaigns) == 0 && len(f.Statuses) == 0
		return ofAffiliates(p, affiliates, exact, membershipsOf), nil
	}
	var lists []providers.List[providers.Membership]
	for _, l := range forEach("/affiliates", nil, "campaign_id", campaigns, len(f.Statuses) == 0, p.listAffiliates) {
		lists = append(lists, derived(l, true, membershipsOf))
	}
	return lists, nil
}

// membershipsOf is nil where the campaign could not be read: everybody has one.
func membershipsOf(a *providers.Affiliate) []*providers.Membership {
	if len(a.Memberships) == 0 {
		return nil
	}
	return a.Memberships
}

// MembershipsByID reads the affiliates that hold them. One that has moved to another campaign no
// longer has the membership asked for.
func (p *provider) MembershipsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Membership], error) {
	return partsByID(ctx, p, providers.NounMembership, ids, membershipsOf)
}

// partsByID reads parts of affiliates, whose ids begin with the affiliate's.
func partsByID[T providers.Record](
	ctx context.Context, p *provider, noun providers.Noun, ids []providers.ID, parts func(*providers.Affiliate) []*T,
) (*providers.Batch[T], error) {
	holders := map[providers.ID][]providers.ID{} // affiliate → wanted parts
	for _, id := range p.mine(noun, ids) {
		if local, ok := providers.SplitLocal(id.Local, 2); ok {
			a := p.id(providers.NounAffiliate, local[0])
			holders[a] = append(holders[a], id)
		}
	}
	batch, err := p.AffiliatesByID(ctx, slices.Collect(maps.Keys(holders)), "memberships", "coupons")
	if err != nil {
		return nil, err
	}
	out := &providers.Batch[T]{Found: map[providers.ID]*T{}, Harvest: batch.Harvest}
	for a, wanted := range holders {
		for _, id := range wanted {
			if err := batch.Failed[a]; err != nil {
				if out.Failed == nil {
					out.Failed = map[providers.ID]error{}
				}
				out.Failed[id] = err
			}
		}
		holder := batch.Found[a]
		if holder == nil {
			continue
		}
		out.Harvest.Affiliates = append(out.Harvest.Affiliates, holder)
		for _, part := range parts(holder) {
			for _, id := range wanted {
				if providers.NodeOf(part).ID == id {
					out.Found[id] = part
				}
			}
		}
	}
	return out, nil
}

// membership is the affiliate's part in its campaign; nil where it has none. It came into
// being with the affiliate. When the affiliate joined this campaign, the vendor does not
// say.
func (r *reply) membership(w *affiliateWire) *providers.Membership {
	if w.Campaign.ID == "" || w.WireID() == "" {
		return nil
	}
	state := standing(w)
	m := &providers.Membership{
		Node:           r.part(providers.NounMembership, w.record, w.Campaign.ID),
		Status:         state.membership,
		ProviderStatus: text(state.words),
		AffiliateID:    r.id(providers.NounAffiliate, w.ID),
		CampaignID:     r.id(providers.NounCampaign, w.Campaign.ID),
	}
	if len(w.Links) > 0 {
		m.RefCode, m.Link = text(w.Links[0].Code), text(w.Links[0].URL)
	}
	if len(w.PromoCodes) > 0 {
		m.Coupon = text(w.PromoCodes[0].Code)
	}
	return m
}

// updateMembership changes the codes of the affiliate, who has them in their one campaign.
func (p *provider) updateMembership(c *providers.UpdateMembershipInput) *affiliateChange {
	return &affiliateChange{
		body:  affiliateBody{RefCode: c.RefCode, PromoCode: c.CouponCode},
		lists: []providers.Noun{providers.NounAffiliate, providers.NounMembership, providers.NounCoupon},
		check: func(ctx context.Context, now *affiliateWire) error {
			if now.Odd("campaign") {
				return p.badReply("GET /affiliates/{id}", errNoCampaign)
			}
			if providers.JoinLocal(now.ID, now.Campaign.ID) != c.ID.Local {
				return notFound("id", "membership")
			}
			if c.RefCode != nil {
				if err := p.gives(ctx, now, "link", "refCode"); err != nil {
					return err
				}
			}
			if c.CouponCode != nil {
				return p.gives(ctx, now, "coupon", "couponCode")
			}
			return nil
		},
	}
}

var errNoCampaign = errors.New("the affiliate's campaign cannot be read")

// gives wants the affiliate's campaign to give links, or coupons: a code that nothing shows
// could be neither read back nor proven.
func (p *provider) gives(ctx context.Context, now *affiliateWire, what, field string) error {
	campaign := now.Campaign.Record
	if now.Campaign.ID != "" && (campaign == nil || !campaign.Has("code_mode")) {
		var err error
		if campaign, err = readOne[campaignWire](ctx, p, "/campaigns", now.Campaign.ID); err != nil {
			return err
		}
	}
	if campaign != nil && (campaign.CodeMode == "link" || campaign.CodeMode == "coupon") && campaign.CodeMode != what {
		return providers.Problemf(providers.ProblemWrongState, field, "the affiliate's campaign gives no %ss", what)
	}
	return nil
}

// affiliateStates are those that an affiliate can be in here; UNKNOWN where the vendor left the
// booleans out.
var affiliateStates = []providers.AffiliateStatus{
	providers.AffiliateActive, providers.AffiliatePending, providers.AffiliateBanned, providers.AffiliateUnknown,
}

// state is how an affiliate stands: the vendor has two booleans in place of a word.
type state struct {
	status     providers.AffiliateStatus
	membership providers.MembershipStatus
	words      string
}

// standing is UNKNOWN where either boolean that decides is missing.
func standing(w *affiliateWire) state {
	switch {
	case w.Banned != nil && *w.Banned:
		return state{providers.AffiliateBanned, providers.MembershipBanned, "banned"}
	case w.Approved == nil || w.Banned == nil:
		return state{providers.AffiliateUnknown, providers.MembershipUnknown, ""}
	case *w.Approved:
		return state{providers.AffiliateActive, providers.MembershipActive, "approved"}
	default:
		return state{providers.AffiliatePending, providers.MembershipPending, "waiting"}
	}
}
