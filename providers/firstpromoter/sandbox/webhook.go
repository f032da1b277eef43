package sandbox

// webhookEvents are what the account's subscriptions report, one list for each.
var webhookEvents = [][]string{
	{"promoter.created", "promoter.updated"},
	{"referral.created", "commission.created", "payout.completed"},
}

func (s *Server) webhook(i int) object {
	return object{
		"id": webhooks.of(i), "url": "https://hooks." + s.world.Site + "/firstpromoter", "event_types": webhookEvents[i], "campaign_ids": []int64{1},
		"description": nil, "active": i > 0, "timeout": 30, "max_retries": 10, "headers": object{"Authorization": "Bearer secret-header"},
		"basic_auth_user": "secret-user", "basic_auth_enabled": true,
		"created_at": stamp(s.world.Until.AddDate(0, i-3, 0)), "updated_at": stamp(s.world.Until.AddDate(0, i-3, 0)),
	}
}
