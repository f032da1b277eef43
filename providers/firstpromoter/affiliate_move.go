package firstpromoter

import (
	"context"
	"encoding/json"

	"github.com/partnergraph/partnergraph/providers"
)

// moveAffiliate is POST /promoters/move_to_campaign. That an affiliate stands in the new
// campaign afterwards is assumed; what becomes of the old membership is not.
type moveAffiliate struct {
	*providers.MoveAffiliateInput
}

// moveImage is the state in the campaign that is left.
type moveImage struct{ From, State string }

func (m moveAffiliate) wants(p *provider) providers.Problems {
	return append(p.named(providers.NounAffiliate, "id", m.ID), p.named(providers.NounCampaign, "toCampaign", m.ToCampaign)...)
}

func (m moveAffiliate) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	a, _, err := promoterOne.now(ctx, p, m.ID, "id", withParent)
	if err != nil {
		return nil, err
	}
	from, err := theMembership(a, m.FromCampaign, "fromCampaign")
	if err != nil {
		return nil, err
	}
	if membershipIn(a, m.ToCampaign) != nil {
		return nil, providers.Problemf(providers.ProblemConflict, "toCampaign", "the affiliate takes part in it already")
	}
	if _, _, err := campaignOne.now(ctx, p, m.ToCampaign, "toCampaign", nil); err != nil {
		return nil, err
	}
	body := promotersBody{
		IDs:           []int64{numberOf(m.ID)},
		From:          numberOf(from.CampaignID),
		To:            numberOf(m.ToCampaign),
		SoftMoveOfAll: m.MoveReferrals,
	}
	return &providers.Write{Op: promoterMove, Before: providers.Image(moveImage{from.CampaignID.Local, string(from.Status)}),
		Send: func(ctx context.Context) (*providers.Written, error) {
			if err := p.act(ctx, promoterMove, body); err != nil {
				return nil, err
			}
			return m.written(providers.Harvest{}, from), nil
		}}, nil
}

// written: the membership that was left is another as well, where there still is one.
func (m moveAffiliate) written(h providers.Harvest, from *providers.Membership) *providers.Written {
	stale := []providers.ID{m.ID}
	if from != nil {
		stale = append(stale, from.ID)
	}
	return written(m.ID, h, []providers.Noun{
		providers.NounAffiliate,
		providers.NounMembership,
		providers.NounReferral,
		providers.NounCommission,
		providers.NounCoupon,
	}, stale...)
}

func (m moveAffiliate) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	a, h, err := promoterOne.now(ctx, p, m.ID, "id", withParent)
	if err != nil {
		return "", nil, err
	}
	h.Affiliates = append(h.Affiliates, a)
	was := pictured[moveImage](before)
	old := membershipIn(a, p.local(providers.NounCampaign, was.From))
	left := (old == nil || string(old.Status) != was.State) && !watchOf(ctx).hides("promoter_campaigns")
	entered := membershipIn(a, m.ToCampaign) != nil
	// Entered alone may be the work of addAffiliateToCampaign.
	return providers.JudgeState(entered && (left || !disturbed), !entered && !left, disturbed), m.written(h, old), nil
}

// setAffiliateParent is POST /promoters/assign_parent.
type setAffiliateParent struct {
	*providers.SetAffiliateParentInput
}

type parentImage struct{ Parent string }

func (m setAffiliateParent) wants(p *provider) providers.Problems {
	return append(p.named(providers.NounAffiliate, "id", m.ID), p.named(providers.NounAffiliate, "parent", m.Parent)...)
}

func (m setAffiliateParent) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	a, _, err := promoterOne.now(ctx, p, m.ID, "id", withParent)
	if err != nil {
		return nil, err
	}
	parent, _, err := promoterOne.now(ctx, p, m.Parent, "parent", withParent)
	if err != nil {
		return nil, err
	}
	if parent.ParentID == m.ID {
		return nil, providers.Problemf(providers.ProblemConflict, "parent", "is below the affiliate")
	}
	body := promotersBody{IDs: []int64{numberOf(m.ID)}, Parent: numberOf(m.Parent)}
	return &providers.Write{
		Op:     promoterParent,
		Before: providers.Image(parentImage{a.ParentID.Local}),
		Send: func(ctx context.Context) (*providers.Written, error) {
			if err := p.act(ctx, promoterParent, body); err != nil {
				return nil, err
			}
			return m.written(providers.Harvest{}), nil
		},
	}, nil
}

func (m setAffiliateParent) written(h providers.Harvest) *providers.Written {
	return written(m.ID, h, []providers.Noun{providers.NounAffiliate}, m.ID)
}

func (m setAffiliateParent) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	a, h, err := promoterOne.now(ctx, p, m.ID, "id", withParent)
	if err != nil {
		return "", nil, err
	}
	h.Affiliates = append(h.Affiliates, a)
	return providers.JudgeState(
			a.ParentID == m.Parent,
			a.ParentID.Local == pictured[parentImage](before).Parent,
			disturbed,
		), m.written(
			h,
		), nil
}
