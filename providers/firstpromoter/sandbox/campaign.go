package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// label is a campaign as other records carry it.
func (s *Server) label(i int) object {
	colors := []string{"#EC4899", "#3B82F6", "#10B981", "#F59E0B"}
	return object{"id": campaigns.of(i), "name": s.world.Campaigns[i].Name, "color": colors[i%len(colors)]}
}

func (s *Server) campaign(i int) object {
	c := s.world.Campaigns[i]
	o := s.label(i)
	for name, value := range (object{
		"stats":       s.campaignStats[i].object("referrals_count", "sales_count", "customers_count", "promoters_count", "revenue_amount"),
		"landing_url": s.terms[i].landing, "signup_url": "https://partners." + s.world.Site + "/signup/" + slug(c.Name),
		"visitor_cookie_life": c.Cookie, "ref_token_param": s.terms[i].parameter,
		"auto_approve_leads": true, "auto_approve_promoters": !c.Approval,
		"track_ad_traffic": "allow", "is_private": c.Private, "is_default": c.Default, "upgrade_details": nil, "links": []object{},
		"rewards_for_promoters": s.earners(i), "rewards_for_referrals": []object{},
	}) {
		o[name] = value
	}
	return o
}

// pays says whether a campaign has a reward. Those that were made by calls have none.
func (s *Server) pays(campaign int) bool {
	return s.world.Campaigns[campaign].Percent != 0 || s.world.Campaigns[campaign].Fixed != 0
}

// earners say what a campaign pays: its reward on every sale.
func (s *Server) earners(campaign int) []object {
	if !s.pays(campaign) {
		return []object{}
	}
	return []object{{
		"apply_on": "all", "product_ids": []int64{}, "reward_id": rewards.of(campaign),
		"reward": object{
			"name": s.rewardName(campaign), "promoter_reward_type": "sale", "hide_reward": false, "tier_level": 1, "coupon": nil,
		},
		"products": []object{},
	}}
}

// rewards are the rules: one for each campaign.
func (s *Server) rewards() []object {
	all := []object{}
	for i := len(s.world.Campaigns) - 1; i >= 0; i-- {
		if !s.pays(i) {
			continue
		}
		c := s.world.Campaigns[i]
		amount := c.Percent
		if c.Fixed != 0 {
			amount = c.Fixed
		}
		all = append(all, object{
			"id": rewards.of(i), "name": s.rewardName(i), "is_promoter_reward": true, "promoter_reward_type": "sale", "coupon": nil,
			"editable": true, "hide_reward": false, "provider": "stripe", "provider_coupon_id": nil, "duration": "forever",
			"duration_in_months": nil, "max_redemptions": nil, "new_customers_only": false, "tier_reward_mode": nil, "tier_level": 1,
			"created_at": stamp(c.CreatedAt), "updated_at": stamp(c.CreatedAt),
			"schemas": []object{{"unit": "cash", "amount": amount, "flat_amount": c.Fixed != 0, "rules": []object{}}},
		})
	}
	return all
}

// campaignBody is what POST and PUT /campaigns take.
type campaignBody struct {
	Name        *string `json:"name"`
	Landing     *string `json:"landing_url"`
	Parameter   *string `json:"ref_token_param"`
	Cookie      *int    `json:"visitor_cookie_life"`
	AutoApprove *bool   `json:"auto_approve_promoters"`
	Private     *bool   `json:"is_private"`
}

// write puts what a body says into a campaign; false where that is not allowed, and then
// the call is answered.
func (b campaignBody) write(w http.ResponseWriter, c *world.Campaign, t *terms) bool {
	if b.Landing != nil {
		if !strings.HasPrefix(*b.Landing, "http") {
			refuse(w, "landing_url", "is invalid")
			return false
		}
		t.landing = *b.Landing
	}
	if b.Parameter != nil {
		if !slices.Contains([]string{"?fpr", "?via", "?fp_ref", "?deal", "?ref", "?_from", "?_by", "?_go"}, *b.Parameter) {
			refuse(w, "ref_token_param", "is not included in the list")
			return false
		}
		t.parameter = *b.Parameter
	}
	if b.Name != nil {
		c.Name = *b.Name
	}
	if b.Cookie != nil {
		c.Cookie = *b.Cookie
	}
	if b.AutoApprove != nil {
		c.Approval = !*b.AutoApprove
	}
	if b.Private != nil {
		c.Private = *b.Private
	}
	return true
}

func (s *Server) createCampaign(w http.ResponseWriter, r *http.Request) {
	b, ok := body[campaignBody](w, r)
	if !ok {
		return
	}
	for name, there := range map[string]bool{
		"name": b.Name != nil, "landing_url": b.Landing != nil, "ref_token_param": b.Parameter != nil,
		"visitor_cookie_life": b.Cookie != nil,
	} {
		if !there {
			refuse(w, name, "can't be blank")
			return
		}
	}
	c, t := world.Campaign{CreatedAt: s.now().UTC().Truncate(time.Second), Mode: "link"}, terms{}
	if !b.write(w, &c, &t) {
		return
	}
	s.world.Campaigns, s.terms = append(s.world.Campaigns, c), append(s.terms, t)
	s.campaignStats = append(s.campaignStats, stats{})
	s.tell("", "", providers.NounCampaign, campaigns.of(len(s.world.Campaigns)-1), 0, nil, nil)
	sendStatus(w, http.StatusCreated, s.campaign(len(s.world.Campaigns)-1))
}

func (s *Server) updateCampaign(w http.ResponseWriter, r *http.Request) {
	b, ok := body[campaignBody](w, r)
	if !ok {
		return
	}
	i, ok := campaigns.row(r.PathValue("id"), len(s.world.Campaigns))
	if !ok {
		notFound(w)
		return
	}
	c, t := s.world.Campaigns[i], s.terms[i]
	if !b.write(w, &c, &t) {
		return
	}
	s.world.Campaigns[i], s.terms[i] = c, t
	s.tell("", "", providers.NounCampaign, campaigns.of(i), 0, nil, nil)
	send(w, s.campaign(i))
}
