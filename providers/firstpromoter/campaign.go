package firstpromoter

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
)

// campaignList is GET /campaigns: all campaigns. It has no documented parameters; that it pages like
// the others is assumed.
//
// https://docs.firstpromoter.com/api-reference-v2/api-advanced/campaigns-api/openapi-v2-campaigns.json
//
//api:operation GET /campaigns
var campaignList = endpoint[wireCampaign, providers.Campaign]{
	noun: providers.NounCampaign, path: "/campaigns", convert: (*reply).campaign,
}

// campaignOne is GET /campaigns/{id}: one campaign.
//
// https://docs.firstpromoter.com/api-reference-v2/api-advanced/campaigns-api/openapi-v2-campaigns.json
//
//api:operation GET /campaigns/{id}
var campaignOne = campaignList

// rewardList is GET /rewards: the rules by which commissions are made. Whether it pages is not documented.
//
// https://docs.firstpromoter.com/api-reference-v2/api-advanced/rewards/openapi-v2-rewards.json
//
//api:operation GET /rewards
const rewardList = "/rewards"

// wireCampaign is a campaign; inside other records only its first two fields are there.
type wireCampaign struct {
	ID                   int64        `json:"id"`
	Name                 *string      `json:"name"`
	LandingURL           *string      `json:"landing_url"`
	VisitorCookieLife    *int64       `json:"visitor_cookie_life"`
	AutoApprovePromoters *bool        `json:"auto_approve_promoters"`
	IsPrivate            *bool        `json:"is_private"`
	IsDefault            *bool        `json:"is_default"`
	RewardsForPromoters  []wireEarner `json:"rewards_for_promoters"`
}

// wireEarner says for which sales of a campaign a reward is earned.
type wireEarner struct {
	ApplyOn  *string `json:"apply_on"`
	RewardID int64   `json:"reward_id"`
	Reward   *struct {
		Type *string `json:"promoter_reward_type"`
		Tier *int64  `json:"tier_level"`
	} `json:"reward"`
}

// wireReward is a rule by which commissions are made.
type wireReward struct {
	ID      int64        `json:"id"`
	Schemas []wireSchema `json:"schemas"`
}

// wireSchema is one case of a reward.
type wireSchema struct {
	Unit       *string           `json:"unit"`
	Amount     providers.Decimal `json:"amount"`
	FlatAmount *bool             `json:"flat_amount"`
	Rules      []json.RawMessage `json:"rules"`
}

// campaignStub covers what other records tell of a campaign, and the edges that need the id alone.
var campaignStub = providers.Only("providerId", "createdAt", "name", "memberships", "referrals", "commissions")

// withoutRewards covers what a campaign tells by itself.
var withoutRewards = providers.AllBut("commission")

// campaign is a campaign by itself. Its Commission is left to [provider.pay].
func (r *reply) campaign(w *wireCampaign) *providers.Campaign {
	c := &providers.Campaign{
		Node:       r.node(providers.NounCampaign, w.ID, nil, withoutRewards),
		Name:       text(w.Name),
		WebsiteURL: text(w.LandingURL),
		IsDefault:  w.IsDefault,
		IsPrivate:  w.IsPrivate,
		CookieDays: w.VisitorCookieLife,
	}
	if w.AutoApprovePromoters != nil {
		c.ApprovalRequired = new(!*w.AutoApprovePromoters)
	}
	return c
}

// campaignStub harvests a campaign that came with another record.
func (r *reply) campaignStub(w *wireCampaign) {
	if w == nil {
		return
	}
	glean(r, &r.harvest.Campaigns, &providers.Campaign{
		Node: r.node(providers.NounCampaign, w.ID, nil, campaignStub), Name: text(w.Name),
	})
}

// paidCampaign is a campaign with what a sale earns in it.
func paidCampaign(rewards map[int64]wireReward) func(*reply, *wireCampaign) *providers.Campaign {
	return func(r *reply, w *wireCampaign) *providers.Campaign {
		c := r.campaign(w)
		c.Known = nil
		c.Commission = r.rule(w.RewardsForPromoters, rewards)
		return c
	}
}

// rule is what a sale earns, in the simple case: one reward for all sales, with one case, in money. That a
// flat amount is in cents is assumed. Shares of parents (tiers) are no part of it.
func (r *reply) rule(earners []wireEarner, rewards map[int64]wireReward) *providers.CommissionRule {
	direct := slices.DeleteFunc(slices.Clone(earners), func(e wireEarner) bool {
		return e.Reward != nil && e.Reward.Tier != nil && *e.Reward.Tier > 1
	})
	if len(direct) != 1 {
		return nil
	}
	e := direct[0]
	reward := rewards[e.RewardID]
	if e.ApplyOn == nil || *e.ApplyOn != "all" || e.Reward == nil || e.Reward.Type == nil || *e.Reward.Type != "sale" || len(reward.Schemas) != 1 {
		return nil
	}
	s := reward.Schemas[0]
	if s.Unit == nil || *s.Unit != "cash" || len(s.Rules) > 0 || !s.Amount.Set || s.FlatAmount == nil {
		return nil
	}
	if *s.FlatAmount {
		return &providers.CommissionRule{Type: providers.RuleFixed, Amount: r.cents(s.Amount, r.config.Currency)}
	}
	return &providers.CommissionRule{Type: providers.RulePercentage, Percent: &s.Amount.Value}
}

// rewards reads all rewards of promoters. A page that brings nothing new is the whole list again.
func (p *provider) rewards(ctx context.Context) (map[int64]wireReward, error) {
	rewards := map[int64]wireReward{}
	for n := 1; ; n++ {
		var w list[wireReward]
		q := paged(n)
		q.Set("scope", "promoters")
		if _, err := p.get(ctx, request(rewardList, q, &w)); err != nil {
			return nil, err
		}
		before := len(rewards)
		for _, reward := range w {
			rewards[reward.ID] = reward
		}
		if len(w) != pageSize || len(rewards) == before {
			return rewards, nil
		}
	}
}

// needsRewards says whether a read of campaigns has to tell what they pay.
func needsRewards(need []string) bool { return !withoutRewards.Covers(need...) }

// Campaigns plans the list of all campaigns. They have no dates.
func (p *provider) Campaigns(providers.CampaignFilter) ([]providers.List[providers.Campaign], error) {
	return []providers.List[providers.Campaign]{campaignList.list(p, nil, true, nil)}, nil
}

// CampaignsByID reads one campaign by its id, several from their list, which is short. What they pay takes a
// read of the rewards.
func (p *provider) CampaignsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Campaign], error) {
	known := p.own(providers.NounCampaign, ids)
	e := campaignList
	if len(known) > 0 && needsRewards(need) {
		rewards, err := p.rewards(ctx)
		if err != nil {
			return nil, err
		}
		e.convert = paidCampaign(rewards)
	}
	return providers.Gather(ctx, known, pageSize, -1, true,
		func(ctx context.Context, n int) (*providers.Page[providers.Campaign], error) {
			return e.page(ctx, p, nil, n)
		},
		func(ctx context.Context, id providers.ID) (*providers.Campaign, providers.Harvest, error) {
			return e.one(ctx, p, id.Local, nil)
		})
}
