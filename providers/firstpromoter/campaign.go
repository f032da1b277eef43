package firstpromoter

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// campaignList is GET /campaigns: all campaigns. It has no documented parameters; that it
// pages like the others is assumed.
//
// https://docs.firstpromoter.com/api-reference-v2/api-advanced/campaigns-api/openapi-v2-campaigns.json
//
//api:operation GET /campaigns
var campaignList = endpoint[wireCampaign, providers.Campaign]{
	noun: providers.NounCampaign, path: "/campaigns", convert: (*reply).campaign, core: campaignCore,
}

// campaignOne is GET /campaigns/{id}: one campaign.
//
// https://docs.firstpromoter.com/api-reference-v2/api-advanced/campaigns-api/openapi-v2-campaigns.json
//
//api:operation GET /campaigns/{id}
var campaignOne = campaignList

// rewardList is GET /rewards: the rules by which commissions are made. Whether it pages is
// not documented.
//
// https://docs.firstpromoter.com/api-reference-v2/api-advanced/rewards/openapi-v2-rewards.json
//
//api:operation GET /rewards
const rewardList = "/rewards"

// wireCampaign is a campaign; inside other records only its first two fields are there.
type wireCampaign struct {
	wire.Members
	ID                   int64        `json:"id"`
	Name                 *string      `json:"name"`
	LandingURL           *string      `json:"landing_url"`
	RefTokenParam        *string      `json:"ref_token_param"`
	VisitorCookieLife    *int64       `json:"visitor_cookie_life"`
	AutoApprovePromoters *bool        `json:"auto_approve_promoters"`
	IsPrivate            *bool        `json:"is_private"`
	IsDefault            *bool        `json:"is_default"`
	RewardsForPromoters  []wireEarner `json:"rewards_for_promoters"`
}

// WireID is the campaign's number.
func (w wireCampaign) WireID() string { return wireID(w.ID) }

// wireEarner says for which sales of a campaign a reward is earned.
type wireEarner struct {
	ApplyOn  *string `json:"apply_on"`
	RewardID int64   `json:"reward_id"`
	Reward   *struct {
		Name *string `json:"name"`
		Type *string `json:"promoter_reward_type"`
		Tier *int64  `json:"tier_level"`
	} `json:"reward"`
}

// wireReward is a rule by which commissions are made.
type wireReward struct {
	ID             int64             `json:"id"`
	Schemas        []json.RawMessage `json:"schemas"`
	Duration       *string           `json:"duration"`
	Months         *int64            `json:"duration_in_months"`
	MaxRedemptions json.RawMessage   `json:"max_redemptions"`
	NewCustomers   json.RawMessage   `json:"new_customers_only"`
}

// wireSchema is one case of a reward.
type wireSchema struct {
	Unit       *string           `json:"unit"`
	Amount     providers.Decimal `json:"amount"`
	FlatAmount *bool             `json:"flat_amount"`
	Rules      []json.RawMessage `json:"rules"`
}

// What a campaign inside another record knows: the edges that need the id alone, and what
// is sent of it. Campaigns have no dates.
var (
	campaignEdges = []string{"providerId", "createdAt", "memberships", "referrals", "commissions"}
	campaignKnown = wire.NewKnowledge(campaignEdges, map[string]string{"name": "name", "websiteUrl": elsewhere})
	campaignStub  = providers.Only(append([]string{"name"}, campaignEdges...)...) // as documented, for estimates
)

// campaignCore is what every campaign of the list has.
var campaignCore = &wire.Core{
	Members: []string{
		"name", "landing_url", "visitor_cookie_life", "auto_approve_promoters", "is_private", "is_default", "rewards_for_promoters",
	},
	Knowledge: wire.NewKnowledge(append([]string{"codeMode", "hidesCustomerEmails"}, campaignEdges...), map[string]string{
		"name": "name", "websiteUrl": "landing_url", "isDefault": "is_default", "isPrivate": "is_private",
		"approvalRequired": "auto_approve_promoters", "cookieDays": "visitor_cookie_life", "commission": "rewards_for_promoters",
	}),
}

// withoutRewards covers what a campaign tells by itself.
var withoutRewards = providers.AllBut("commission")

// campaign is a campaign by itself. Its Commission is left to [provider.pay].
func (r *reply) campaign(w *wireCampaign) *providers.Campaign {
	c := &providers.Campaign{
		Node:       r.node(providers.NounCampaign, w.ID, nil, withoutRewards),
		Name:       named(w.Name),
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

// campaignStub is the id of a campaign that came with another record, and harvests what
// came of it.
func (r *reply) campaignStub(w wire.Related[wireCampaign]) providers.ID {
	n, _ := number(w.ID)
	if w.Record != nil {
		glean(r, &r.harvest.Campaigns, wire.MarkPart(campaignCore, w.Record, &providers.Campaign{
			Node: r.node(providers.NounCampaign, n, nil, campaignKnown.Fields(w.Record.Members)), Name: named(w.Record.Name),
		}))
	}
	return r.id(providers.NounCampaign, n)
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

// rule is what a sale earns: by the one reward of the promoter who brings the customer, as far as
// there is one. Further rewards, and the shares of parents (tiers), are told by their names.
func (r *reply) rule(earners []wireEarner, rewards map[int64]wireReward) *providers.CommissionRule {
	if len(earners) == 0 {
		return nil
	}
	tier := func(e wireEarner) bool { return e.Reward != nil && e.Reward.Tier != nil && *e.Reward.Tier > 1 }
	direct := slices.DeleteFunc(slices.Clone(earners), tier)
	rule := &providers.CommissionRule{Type: providers.RuleUnknown}
	if len(direct) == 1 {
		rule = r.reward(direct[0], rewards)
	}
	for _, e := range earners {
		if len(direct) != 1 || tier(e) {
			e.note(rule)
		}
	}
	return rule
}

// note tells an earner by its name: "monthly: 20% recurring commission".
func (e wireEarner) note(rule *providers.CommissionRule) {
	words := []string{"reward"}
	if e.ApplyOn != nil {
		words[0] = *e.ApplyOn
	}
	if e.Reward != nil && e.Reward.Tier != nil && *e.Reward.Tier > 1 {
		words = append(words, fmt.Sprintf("tier %d", *e.Reward.Tier))
	}
	name := fmt.Sprintf("%d", e.RewardID)
	if e.Reward != nil && e.Reward.Name != nil {
		name = *e.Reward.Name
	}
	quoted, _ := json.Marshal(name)
	rule.Note(strings.Join(words, ", "), quoted)
}

// reward is what one reward earns. The case without conditions is the rule, if it pays
// money; other cases are opaque. That a flat amount is in cents is assumed, and so is the
// meaning of duration.
func (r *reply) reward(e wireEarner, rewards map[int64]wireReward) *providers.CommissionRule {
	rule := &providers.CommissionRule{Type: providers.RuleUnknown}
	reward, ok := rewards[e.RewardID]
	for _, raw := range reward.Schemas {
		var s wireSchema
		odd, err := wire.Decode(raw, &s) // a case that is not read whole may have conditions
		money := err == nil && len(odd) == 0 && s.Unit != nil && strings.EqualFold(*s.Unit, "cash") && s.FlatAmount != nil
		if !money || len(s.Rules) > 0 || rule.Type != providers.RuleUnknown {
			rule.Note("schema", raw)
			continue
		}
		if rule.Type = providers.RulePercentage; *s.FlatAmount {
			rule.Type, rule.Amount = providers.RuleFixed, r.cents(s.Amount, r.config.Currency)
		} else {
			rule.Percent = providers.NewCommissionRule(rule.Type, s.Amount, "").Percent
		}
	}
	switch duration := reward.Duration; {
	case duration == nil || *duration == "forever":
	case *duration == "once":
		rule.Payments = new(int64(1))
	case *duration == "repeating" && reward.Months != nil:
		rule.Months = reward.Months
	default:
		rule.Notes = append(rule.Notes, "duration: "+*duration)
	}
	rule.Note("max_redemptions", reward.MaxRedemptions)
	rule.Note("new_customers_only", reward.NewCustomers)
	simple := e.ApplyOn != nil && *e.ApplyOn == "all" && e.Reward != nil && e.Reward.Type != nil && *e.Reward.Type == "sale"
	if !ok || !simple || rule.Type == providers.RuleUnknown {
		e.note(rule)
	}
	if e.Reward != nil && e.Reward.Type != nil && *e.Reward.Type != "sale" {
		rule.Notes = append(rule.Notes, "promoter_reward_type: "+*e.Reward.Type)
	}
	return rule
}

// rewards reads all rewards of promoters.
func (p *provider) rewards(ctx context.Context) (map[int64]wireReward, error) {
	rewards := map[int64]wireReward{}
	e := endpoint[wireReward, providers.Campaign]{ // rewards are no records: none is shown
		path: rewardList, always: url.Values{"scope": {"promoters"}},
		convert: func(_ *reply, w *wireReward) *providers.Campaign {
			rewards[w.ID] = *w
			return nil
		},
	}
	_, _, err := e.rowsOf(ctx, p, nil)
	return rewards, err
}

// needsRewards says whether a read of campaigns has to tell what they pay.
func needsRewards(need []string) bool { return !withoutRewards.Covers(need...) }

// Campaigns plans the list of all campaigns. They have no dates.
func (p *provider) Campaigns(providers.CampaignFilter) ([]providers.List[providers.Campaign], error) {
	return []providers.List[providers.Campaign]{campaignList.list(p, nil, true, nil)}, nil
}

// CampaignsByID reads one campaign by its id, several from their list, which is short. What
// they pay takes a read of the rewards.
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
	extent := e.extent(p)
	return providers.Gather(ctx, known, extent.PageSize(pageSize), extent.Pages(), true,
		func(ctx context.Context, n int) (*providers.Page[providers.Campaign], error) {
			return e.page(ctx, p, nil, providers.PageRequest{Number: n})
		},
		func(ctx context.Context, id providers.ID) (*providers.Campaign, providers.Harvest, error) {
			return e.one(ctx, p, id.Local, nil)
		}, func(c *providers.Campaign) bool { return c.Known.Covers(need...) })
}

// The writes of campaigns.
//
// https://docs.firstpromoter.com/api-reference-v2/api-advanced/campaigns-api/openapi-v2-campaigns.json
const (
	//api:operation POST /campaigns
	campaignCreate = "POST /campaigns"
	//api:operation PUT /campaigns/{id}
	campaignUpdate = "PUT /campaigns/{id}"
)

// campaignBody is what POST and PUT /campaigns take.
type campaignBody struct {
	Name                 *string `json:"name,omitempty"`
	LandingURL           *string `json:"landing_url,omitempty"`
	RefTokenParam        *string `json:"ref_token_param,omitempty"`
	VisitorCookieLife    *int64  `json:"visitor_cookie_life,omitempty"` // days
	AutoApprovePromoters *bool   `json:"auto_approve_promoters,omitempty"`
	IsPrivate            *bool   `json:"is_private,omitempty"`
}

// campaignFields are the vendor's names of what is written to a campaign.
var campaignFields = map[string]string{
	"name": "name", "landing_url": "terms.websiteUrl", "ref_token_param": "terms.linkParameter", "visitor_cookie_life": "terms.cookieDays",
	"auto_approve_promoters": "terms.approvalRequired", "is_private": "terms.isPrivate",
}

// linkParameters are those that a campaign's links can have.
var linkParameters = []string{"fpr", "via", "fp_ref", "deal", "ref", "_from", "_by", "_go"}

// campaignTerms are terms as the vendor takes them. What a campaign pays is a reward, made apart.
func campaignTerms(name *string, t providers.CampaignTerms, r *providers.Problems) campaignBody {
	r.When(t.Commission != nil, providers.ProblemUnsupported, "terms.commission", "FirstPromoter's rewards are made in its dashboard")
	r.When(t.CodeMode != nil, providers.ProblemUnsupported, "terms.codeMode", "FirstPromoter does not take it: affiliates have both")
	r.When(t.CouponTemplate != nil, providers.ProblemUnsupported, "terms.couponTemplate", "FirstPromoter does not take it")
	r.When(t.IsDefault != nil, providers.ProblemUnsupported, "terms.isDefault", "FirstPromoter does not take it")
	b := campaignBody{Name: name, LandingURL: t.WebsiteURL, VisitorCookieLife: t.CookieDays, IsPrivate: t.IsPrivate}
	if t.ApprovalRequired != nil {
		b.AutoApprovePromoters = new(!*t.ApprovalRequired)
	}
	if t.LinkParameter != nil {
		r.When(!slices.Contains(linkParameters, *t.LinkParameter), providers.ProblemUnsupported, "terms.linkParameter",
			"FirstPromoter takes "+strings.Join(linkParameters, ", "))
		b.RefTokenParam = new("?" + *t.LinkParameter)
	}
	return b
}

// is says whether a campaign is as the body asks for.
func (b campaignBody) is(w *wireCampaign) bool {
	return sameName(w.Name, b.Name) && equal(w.LandingURL, b.LandingURL) && equal(w.RefTokenParam, b.RefTokenParam) &&
		equal(
			w.VisitorCookieLife,
			b.VisitorCookieLife,
		) && equal(w.AutoApprovePromoters, b.AutoApprovePromoters) && equal(w.IsPrivate, b.IsPrivate)
}

// settingsImage is what updateCampaign changes.
type settingsImage struct{ Settings string }

func imageOfSettings(w *wireCampaign) settingsImage {
	b, err := json.Marshal(campaignBody{w.Name, w.LandingURL, w.RefTokenParam, w.VisitorCookieLife, w.AutoApprovePromoters, w.IsPrivate})
	if err != nil {
		panic(err) // texts, numbers and flags
	}
	return settingsImage{hash(string(b))}
}

// keeping is the endpoint of campaigns, which also keeps what the replies said.
func keeping(kept *[]*wireCampaign) endpoint[wireCampaign, providers.Campaign] {
	e := campaignOne
	e.convert = func(r *reply, w *wireCampaign) *providers.Campaign {
		*kept = append(*kept, w)
		return r.campaign(w)
	}
	return e
}

// createCampaign is POST /campaigns. Names need not be unique: those that have this one
// already are noted before.
type createCampaign struct {
	*providers.CreateCampaignInput
}

// namesakesImage are the campaigns of the name that were there before, by their ids.
type namesakesImage struct{ IDs string }

// namesakes are the campaigns that have the name, or tell none, and of all that are there
// the records.
func (m createCampaign) namesakes(
	ctx context.Context,
	p *provider,
) (ids []string, kept []*wireCampaign, all []*providers.Campaign, err error) {
	all, _, err = keeping(&kept).rowsOf(ctx, p, nil)
	for _, c := range all {
		if c.Name == nil || wire.Same(*c.Name, m.Name) {
			ids = append(ids, c.ID.Local)
		}
	}
	return ids, kept, all, err
}

func (m createCampaign) body(r *providers.Problems) campaignBody {
	return campaignTerms(&m.Name, m.Terms, r)
}

func (m createCampaign) wants(*provider) (r providers.Problems) {
	body := m.body(&r)
	r.When(body.LandingURL == nil, providers.ProblemInvalid, "terms.websiteUrl", "FirstPromoter wants it")
	r.When(body.VisitorCookieLife == nil, providers.ProblemInvalid, "terms.cookieDays", "FirstPromoter wants it")
	r.When(
		m.Terms.LinkParameter == nil,
		providers.ProblemInvalid,
		"terms.linkParameter",
		"FirstPromoter wants it: one of "+strings.Join(linkParameters, ", "),
	)
	return r
}

func (m createCampaign) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	body := m.body(new(providers.Problems))
	ids, _, _, err := m.namesakes(ctx, p)
	if err != nil {
		return nil, err
	}
	return &providers.Write{
		Op: campaignCreate, Fields: campaignFields, Before: providers.Image(namesakesImage{strings.Join(ids, " ")}),
		Send: func(ctx context.Context) (*providers.Written, error) {
			c, h, err := campaignOne.write(ctx, p, campaignCreate, pathOf(campaignCreate), body)
			if err != nil {
				return nil, err
			}
			return m.written(c, h), nil
		},
	}, nil
}

func (m createCampaign) written(id providers.ID, h providers.Harvest) *providers.Written {
	return written(id, h, []providers.Noun{providers.NounCampaign})
}

func (m createCampaign) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	ids, kept, all, err := m.namesakes(ctx, p)
	if err != nil {
		return "", nil, err
	}
	was := strings.Fields(pictured[namesakesImage](before).IDs)
	ids = slices.DeleteFunc(ids, func(id string) bool { return slices.Contains(was, id) })
	if len(ids) != 1 {
		return judgeNew(len(ids) > 0, false, disturbed), nil, nil
	}
	i := slices.IndexFunc(all, func(c *providers.Campaign) bool { return c.ID.Local == ids[0] })
	terms := m.body(new(providers.Problems))
	terms.Name = nil // its case may be the vendor's
	alike := all[i].Name != nil && terms.is(kept[i])
	return judgeNew(true, alike, disturbed), m.written(all[i].ID, providers.HarvestOf(all[i])), nil
}

// updateCampaign is PUT /campaigns/{id}.
type updateCampaign struct {
	*providers.UpdateCampaignInput
}

func (m updateCampaign) body(r *providers.Problems) campaignBody {
	var t providers.CampaignTerms
	if m.Terms != nil {
		t = *m.Terms
	}
	return campaignTerms(m.Name, t, r)
}

func (m updateCampaign) wants(p *provider) (r providers.Problems) {
	m.body(&r)
	return append(r, p.named(providers.NounCampaign, "id", m.ID)...)
}

func (m updateCampaign) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	body := m.body(new(providers.Problems))
	var kept []*wireCampaign
	if _, _, err := keeping(&kept).now(ctx, p, m.ID, "id", nil); err != nil {
		return nil, err
	}
	return &providers.Write{
		Op: campaignUpdate, Fields: campaignFields, Before: providers.Image(imageOfSettings(kept[0])),
		Send: func(ctx context.Context) (*providers.Written, error) {
			h, err := campaignOne.writeTo(ctx, p, campaignUpdate, m.ID.Local, body)
			if err != nil {
				return nil, err
			}
			return m.written(h), nil
		},
	}, nil
}

func (m updateCampaign) written(h providers.Harvest) *providers.Written {
	return written(m.ID, h, []providers.Noun{providers.NounCampaign}, m.ID)
}

func (m updateCampaign) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	var kept []*wireCampaign
	c, _, err := keeping(&kept).now(ctx, p, m.ID, "id", nil)
	if err != nil {
		return "", nil, err
	}
	holds := m.body(new(providers.Problems)).is(kept[0])
	return providers.JudgeState(
			holds,
			pictured[settingsImage](before) == imageOfSettings(kept[0]),
			disturbed,
		), m.written(
			providers.HarvestOf(c),
		), nil
}
