package sandbox

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
		"landing_url": "https://" + s.world.Site, "signup_url": "https://partners." + s.world.Site + "/signup/" + slug(c.Name),
		"visitor_cookie_life": c.Cookie, "ref_token_param": "?fpr", "auto_approve_leads": true, "auto_approve_promoters": !c.Approval,
		"track_ad_traffic": "allow", "is_private": c.Private, "is_default": c.Default, "upgrade_details": nil, "links": []object{},
		"rewards_for_promoters": s.earners(i), "rewards_for_referrals": []object{},
	}) {
		o[name] = value
	}
	return o
}

// earners say what a campaign pays: its reward on every sale.
func (s *Server) earners(campaign int) []object {
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
