package resolvers_test

import (
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// boss is an active affiliate of one campaign, another than that of a.
func (c *cast) boss(a found) found {
	return c.affiliate(func(f found) bool {
		return f.at("id") != a.at("id") && f.at("memberships.0.campaign.id") != a.at("memberships.0.campaign.id")
	})
}

// referral is a customer of an active affiliate with one campaign.
func (c *cast) referral(status string) found {
	return c.one("referrals", "", `id providerId status affiliate { id providerId status memberships { id } }`, func(f found) bool {
		return f.at("status") == status && f.at("affiliate.status") == "ACTIVE" && f.at("affiliate.memberships.1.id") == ""
	})
}

// sale is a commission in money.
func (c *cast) sale(status string) found {
	return c.one("commissions", "", `id providerId status kind amount { amount } campaign { id } affiliate { id providerId status memberships { providerId campaign { id } } }`, func(f found) bool {
		return f.at("status") == status && f.at("kind") == "SALE" && f.at("amount.amount") != "" && f.at("affiliate.status") == "ACTIVE"
	})
}

// due is a payout with several commissions, and these.
func (c *cast) due(status string) (payout found, commissions []string) {
	payout = c.one("payouts", "statuses: ["+status+"]", `id providerId status amount { amount } affiliate { id providerId email } commissions(first: 50) { nodes { id } }`, func(f found) bool {
		return f.at("commissions.nodes.1.id") != "" && !strings.HasPrefix(f.at("amount.amount"), "-") && f.at("amount.amount") != ""
	})
	for i := 0; payout.at(text("commissions.nodes.%d.id", i)) != ""; i++ {
		commissions = append(commissions, payout.at(text("commissions.nodes.%d.id", i)))
	}
	return payout, commissions
}

// rowsOfFirstPromoter are the writes at FirstPromoter.
var rowsOfFirstPromoter = []row{
	{"firstpromoter", providers.CanCreateAffiliate, "", func(c *cast) play {
		in := c.one("campaigns", "", "id providerId name", nil)
		return play{
			input: object{"account": account(c.vendor), "email": "new.one@example.com", "firstName": "Ann", "campaign": in.at("id"), "approved": false, "sendEmail": false},
			sends: text(`POST /promoters {"email":"new.one@example.com","profile":{"first_name":"Ann"},"drip_emails":false,"always_approve":false,"initial_campaign_id":%s}`, in.at("providerId")),
			calls: 2, fields: `email firstName status memberships { status campaign { id } }`,
			is: text(`{"email":"new.one@example.com","firstName":"Ann","status":"PENDING","memberships":[{"status":"PENDING","campaign":{"id":%q}}]}`, in.at("id")),
		}
	}},
	{"firstpromoter", providers.CanUpdateAffiliate, "", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input: object{"id": a.at("id"), "email": "other@example.com", "lastName": "Smith"},
			sends: text(`PUT /promoters/%s {"email":"other@example.com","profile":{"last_name":"Smith"}}`, a.at("providerId")), calls: 2,
			fields: `email lastName`, is: `{"email":"other@example.com","lastName":"Smith"}`,
		}
	}},
	{"firstpromoter", providers.CanSetAffiliateStatus, "by an action", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input: object{"id": a.at("id"), "status": "REJECTED"},
			sends: text(`POST /promoters/reject {"ids":[%s],"campaign_id":%s}`, a.at("providerId"), a.at("memberships.0.campaign.providerId")), calls: 3,
			fields: `status memberships { status }`, is: `{"status":"REJECTED","memberships":[{"status":"REJECTED"}]}`,
			seen: text(`{ node(id: %q) { ... on Membership { status } } }`, a.at("memberships.0.id")), shows: `{"node":{"status":"REJECTED"}}`,
		}
	}},
	{"firstpromoter", providers.CanSetAffiliateStatus, "of a membership", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input: object{"id": a.at("id"), "status": "INACTIVE"},
			sends: text(`PUT /promoter_campaigns/%s {"state":"inactive"}`, a.at("memberships.0.providerId")), calls: 3,
			fields: `status memberships { status }`, is: `{"status":"INACTIVE","memberships":[{"status":"INACTIVE"}]}`,
		}
	}},
	{"firstpromoter", providers.CanSetAffiliateStatus, "to the archive", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input: object{"id": a.at("id"), "status": "ARCHIVED"}, sends: text(`POST /promoters/archive {"ids":[%s]}`, a.at("providerId")), calls: 3,
			fields: `status`, is: `{"status":"ARCHIVED"}`,
		}
	}},
	{"firstpromoter", providers.CanMoveAffiliate, "", func(c *cast) play {
		a := c.affiliate(nil)
		to := c.campaign(a)
		return play{
			input: object{"id": a.at("id"), "toCampaign": to.at("id"), "moveReferrals": true},
			sends: text(`POST /promoters/move_to_campaign {"ids":[%s],"from_campaign_id":%s,"to_campaign_id":%s,"soft_move_referrals":true}`,
				a.at("providerId"), a.at("memberships.0.campaign.providerId"), to.at("providerId")), calls: 4,
			fields: `memberships { status campaign { id } }`,
			is:     text(`{"memberships":[{"status":"INACTIVE","campaign":{"id":%q}},{"status":"ACTIVE","campaign":{"id":%q}}]}`, a.at("memberships.0.campaign.id"), to.at("id")),
		}
	}},
	{"firstpromoter", providers.CanSetAffiliateParent, "", func(c *cast) play {
		a := c.affiliate(nil)
		boss := c.boss(a)
		return play{
			input: object{"id": a.at("id"), "parent": boss.at("id")},
			sends: text(`POST /promoters/assign_parent {"ids":[%s],"parent_promoter_id":%s}`, a.at("providerId"), boss.at("providerId")), calls: 4,
			fields: `parent { id }`, is: text(`{"parent":{"id":%q}}`, boss.at("id")),
			seen: text(`{ affiliate(id: %q) { children(first: 1) { nodes { id } } } }`, boss.at("id")), shows: text(`{"affiliate":{"children":{"nodes":[{"id":%q}]}}}`, a.at("id")),
		}
	}},
	{"firstpromoter", providers.CanAddAffiliateToCampaign, "", func(c *cast) play {
		a := c.affiliate(nil)
		to := c.campaign(a)
		return play{
			input: object{"affiliate": a.at("id"), "campaign": to.at("id")},
			sends: text(`POST /promoters/add_to_campaign {"ids":[%s],"campaign_id":%s}`, a.at("providerId"), to.at("providerId")), calls: 4,
			fields: `status affiliate { id } campaign { id }`, is: text(`{"status":"ACTIVE","affiliate":{"id":%q},"campaign":{"id":%q}}`, a.at("id"), to.at("id")),
			seen:  text(`{ affiliate(id: %q) { memberships { campaign { id } } } }`, a.at("id")),
			shows: text(`{"affiliate":{"memberships":[{"campaign":{"id":%q}},{"campaign":{"id":%q}}]}}`, a.at("memberships.0.campaign.id"), to.at("id")),
		}
	}},
	{"firstpromoter", providers.CanUpdateMembership, "", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input: object{"id": a.at("memberships.0.id"), "refCode": "brand-new", "couponCode": "NEW10"},
			sends: text(`PUT /promoter_campaigns/%s {"ref_token":"brand-new","coupon":"NEW10"}`, a.at("memberships.0.providerId")), calls: 2,
			fields: `refCode coupon`, is: `{"refCode":"brand-new","coupon":"NEW10"}`,
			seen: text(`{ affiliate(id: %q) { memberships { refCode coupon } } }`, a.at("id")), shows: `{"affiliate":{"memberships":[{"refCode":"brand-new","coupon":"NEW10"}]}}`,
		}
	}},
	{"firstpromoter", providers.CanAssignCoupon, "", func(c *cast) play {
		a := c.affiliate(func(f found) bool { return f.at("coupons.0.code") == "" })
		return play{
			input: object{"affiliate": a.at("id"), "code": "BRANDNEW", "rewardId": "157001", "description": "fair"},
			sends: text(`POST /promo_codes {"code":"BRANDNEW","reward_id":157001,"promoter_campaign_id":%s,"description":"fair"}`, a.at("memberships.0.providerId")), calls: 5,
			fields: `code description affiliate { id }`, is: text(`{"code":"BRANDNEW","description":"fair","affiliate":{"id":%q}}`, a.at("id")),
			seen: text(`{ affiliate(id: %q) { coupons { code } } }`, a.at("id")), shows: `{"affiliate":{"coupons":[{"code":"BRANDNEW"}]}}`,
		}
	}},
	{"firstpromoter", providers.CanCreateCampaign, "", func(c *cast) play {
		return play{
			input: object{"account": account(c.vendor), "name": "Spring", "terms": object{"websiteUrl": "https://northwind.example/spring", "cookieDays": 45, "linkParameter": "via", "isPrivate": true}},
			sends: `POST /campaigns {"name":"Spring","landing_url":"https://northwind.example/spring","ref_token_param":"?via","visitor_cookie_life":45,"is_private":true}`, calls: 3,
			fields: `name websiteUrl cookieDays isPrivate`, is: `{"name":"Spring","websiteUrl":"https://northwind.example/spring","cookieDays":45,"isPrivate":true}`,
		}
	}},
	{"firstpromoter", providers.CanUpdateCampaign, "", func(c *cast) play {
		in := c.one("campaigns", "", "id providerId approvalRequired", func(f found) bool { return f.at("approvalRequired") == "false" })
		return play{
			input: object{"id": in.at("id"), "terms": object{"approvalRequired": true}},
			sends: text(`PUT /campaigns/%s {"auto_approve_promoters":false}`, in.at("providerId")), calls: 2, fields: `approvalRequired`, is: `{"approvalRequired":true}`,
		}
	}},
	{"firstpromoter", providers.CanCreateReferral, "", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input: object{"affiliate": a.at("id"), "email": "fresh@customer.example", "customerId": "u-1"},
			sends: text(`POST /referrals {"promoter_campaign_id":%s,"email":"fresh@customer.example","uid":"u-1"}`, a.at("memberships.0.providerId")), calls: 3,
			fields: `email customerId status affiliate { id }`, is: text(`{"email":"fresh@customer.example","customerId":"u-1","status":"LEAD","affiliate":{"id":%q}}`, a.at("id")),
			seen: text(`{ affiliate(id: %q) { referrals(first: 1) { nodes { email } } } }`, a.at("id")), shows: `{"affiliate":{"referrals":{"nodes":[{"email":"fresh@customer.example"}]}}}`,
		}
	}},
	{"firstpromoter", providers.CanUpdateReferral, "", func(c *cast) play {
		f := c.referral("LEAD")
		return play{
			input: object{"id": f.at("id"), "email": "moved@customer.example"}, sends: text(`PUT /referrals/%s {"email":"moved@customer.example"}`, f.at("providerId")), calls: 2,
			fields: `email`, is: `{"email":"moved@customer.example"}`,
		}
	}},
	{"firstpromoter", providers.CanMoveReferral, "", func(c *cast) play {
		f := c.referral("LEAD")
		boss := c.affiliate(func(a found) bool { return a.at("id") != f.at("affiliate.id") })
		return play{
			input: object{"id": f.at("id"), "affiliate": boss.at("id"), "moveCommissions": true},
			sends: text(`POST /referrals/move_to_promoter {"ids":[%s],"promoter_campaign_id":%s,"move_associated_commissions":true}`, f.at("providerId"), boss.at("memberships.0.providerId")), calls: 4,
			fields: `affiliate { id } campaign { id }`, is: text(`{"affiliate":{"id":%q},"campaign":{"id":%q}}`, boss.at("id"), boss.at("memberships.0.campaign.id")),
		}
	}},
	{"firstpromoter", providers.CanSetReferralStatus, "", func(c *cast) play {
		f := c.referral("LEAD")
		return play{
			input: object{"id": f.at("id"), "decision": "DISABLE"}, sends: text(`POST /referrals/disable {"ids":[%s]}`, f.at("providerId")), calls: 3,
			fields: `status`, is: `{"status":"DENIED"}`,
		}
	}},
	{"firstpromoter", providers.CanCreateCommission, "of a sale", func(c *cast) play {
		f := c.referral("LEAD")
		return play{
			input: object{"commission": object{"sale": object{"referral": f.at("id"), "saleAmount": dollars("49.90")}}, "eventId": "ch_new", "note": "thanks"},
			sends: text(`POST /commissions {"commission_type":"sale","referral_id":%s,"sale_amount":4990,"event_id":"ch_new","external_note":"thanks"}`, f.at("providerId")), calls: 3,
			fields: `kind saleAmount { amount } eventId note referral { id }`,
			is:     text(`{"kind":"SALE","saleAmount":{"amount":"49.90"},"eventId":"ch_new","note":"thanks","referral":{"id":%q}}`, f.at("id")),
			seen:   text(`{ referral(id: %q) { commissions(first: 1) { nodes { eventId } } } }`, f.at("id")), shows: `{"referral":{"commissions":{"nodes":[{"eventId":"ch_new"}]}}}`,
		}
	}},
	{"firstpromoter", providers.CanCreateCommission, "of something else", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input: object{"commission": object{"custom": object{"affiliate": a.at("id"), "amount": dollars("12.5")}}, "eventId": "bonus-1"},
			sends: text(`POST /commissions {"commission_type":"custom","promoter_campaign_id":%s,"amount":1250,"unit":"cash","event_id":"bonus-1"}`, a.at("memberships.0.providerId")), calls: 3,
			fields: `kind amount { amount } affiliate { id }`, is: text(`{"kind":"CUSTOM","amount":{"amount":"12.50"},"affiliate":{"id":%q}}`, a.at("id")),
			seen: text(`{ affiliate(id: %q) { commissions(first: 1) { nodes { eventId } } } }`, a.at("id")), shows: `{"affiliate":{"commissions":{"nodes":[{"eventId":"bonus-1"}]}}}`,
		}
	}},
	{"firstpromoter", providers.CanUpdateCommission, "", func(c *cast) play {
		e := c.sale("PENDING")
		return play{
			input: object{"id": e.at("id"), "note": "hello", "internalNote": "checked"},
			sends: text(`PUT /commissions/%s {"external_note":"hello","internal_note":"checked"}`, e.at("providerId")), calls: 2,
			fields: `note internalNote`, is: `{"note":"hello","internalNote":"checked"}`,
		}
	}},
	{"firstpromoter", providers.CanSetCommissionStatus, "", func(c *cast) play {
		e := c.sale("PENDING")
		return play{
			input: object{"id": e.at("id"), "status": "APPROVED"}, sends: text(`POST /commissions/approve {"ids":[%s]}`, e.at("providerId")), calls: 3,
			fields: `status`, is: `{"status":"APPROVED"}`,
		}
	}},
	{"firstpromoter", providers.CanSetCommissionStatus, "to denied", func(c *cast) play {
		e := c.sale("APPROVED")
		return play{
			input: object{"id": e.at("id"), "status": "DENIED"}, sends: text(`POST /commissions/deny {"ids":[%s]}`, e.at("providerId")), calls: 3,
			fields: `status`, is: `{"status":"DENIED"}`,
		}
	}},
	{"firstpromoter", providers.CanAdjustCommission, "", func(c *cast) play {
		e := c.one("commissions", "", `id providerId status kind amount { amount } affiliate { id status memberships { providerId campaign { id } } }`, func(f found) bool {
			return f.at("status") == "APPROVED" && f.at("kind") == "SALE" && f.at("amount.amount") != "" && f.at("affiliate.memberships.1.providerId") == "" && f.at("affiliate.status") == "ACTIVE"
		})
		return play{
			input: object{"id": e.at("id"), "amount": dollars("-3.05"), "note": "returned"},
			sends: text(`POST /commissions {"commission_type":"custom","promoter_campaign_id":%s,"amount":-305,"unit":"cash","event_id":"*","external_note":"returned",
				"internal_note":"Adjusts commission %s"}`, e.at("affiliate.memberships.0.providerId"), e.at("providerId")), calls: 3,
			fields: `kind amount { amount } note affiliate { id }`, is: text(`{"kind":"CUSTOM","amount":{"amount":"-3.05"},"note":"returned","affiliate":{"id":%q}}`, e.at("affiliate.id")),
			seen: text(`{ affiliate(id: %q) { commissions(first: 1) { nodes { amount { amount } } } } }`, e.at("affiliate.id")), shows: `{"affiliate":{"commissions":{"nodes":[{"amount":{"amount":"-3.05"}}]}}}`,
		}
	}},
	{"firstpromoter", providers.CanMarkPayoutPaid, "", func(c *cast) play {
		due, inside := c.due("PENDING")
		return play{
			input: object{"id": due.at("id"), "commissions": inside, "expectedTotal": dollars(due.at("amount.amount"))},
			sends: text(`POST /payouts/mark_as_paid {"ids":[%s]}`, due.at("providerId")), calls: 5,
			fields: `status amount { amount }`, is: text(`{"status":"PAID","amount":{"amount":%q}}`, due.at("amount.amount")),
			seen: text(`{ nodes(ids: [%q]) { ... on Commission { status } } }`, inside[0]), shows: `{"nodes":[{"status":"PAID"}]}`,
		}
	}},
	{"firstpromoter", providers.CanCreateWebhookSubscription, "", func(c *cast) play {
		return play{
			input: object{"account": account(c.vendor), "targetUrl": "https://hooks.example.com/x", "events": []string{"b", "a"}},
			sends: `POST /webhooks {"url":"https://hooks.example.com/x","event_types":["b","a"]}`, calls: 4, secret: strings.Repeat("5ec2e7", 11)[:64],
			fields: `targetUrl events`, is: `{"targetUrl":"https://hooks.example.com/x","events":["b","a"]}`,
		}
	}},
	{"firstpromoter", providers.CanUpdateWebhookSubscription, "", func(c *cast) play {
		hook := c.one("webhookSubscriptions", "", "id providerId", nil)
		return play{
			input: object{"id": hook.at("id"), "events": []string{"referral.created"}, "active": false},
			sends: text(`PUT /webhooks/%s {"event_types":["referral.created"],"active":false}`, hook.at("providerId")), calls: 3,
			fields: `events active`, is: `{"events":["referral.created"],"active":false}`,
		}
	}},
	{"firstpromoter", providers.CanDeleteWebhookSubscription, "", func(c *cast) play {
		hook := c.one("webhookSubscriptions", "", "id providerId", nil)
		return play{input: object{"id": hook.at("id")}, sends: "DELETE /webhooks/" + hook.at("providerId"), calls: 2}
	}},
}
