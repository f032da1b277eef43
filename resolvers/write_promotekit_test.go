package resolvers_test

import "github.com/partnergraph/partnergraph/providers"

// the campaigns of PromoteKit's small world, by what they give.
func (c *cast) giving(mode string) found {
	return c.one("campaigns", "", `id providerId name codeMode isDefault`, func(f found) bool { return f.at("codeMode") == mode })
}

// sold is a referral with a commission that has an event's id; unsold one without any commission.
func (c *cast) sold() found {
	return c.one("commissions", "", `id status eventId referral { id providerId }`, func(f found) bool { return f.at("eventId") != "" && f.at("referral.id") != "" })
}

// rowsOfPromoteKit are the writes at PromoteKit.
var rowsOfPromoteKit = []row{
	{"promotekit", providers.CanCreateAffiliate, "", func(c *cast) play {
		in := c.giving("BOTH")
		return play{
			input: object{"account": account(c.vendor), "email": "Jane@new.example", "firstName": "Jane", "lastName": "Doe", "payoutEmail": "pay@new.example",
				"campaign": in.at("id"), "refCode": "jane-doe", "couponCode": "JANE99", "approved": false, "note": "a friend"},
			sends: text(`POST /affiliates {"email":"Jane@new.example","first_name":"Jane","last_name":"Doe","payout_email":"pay@new.example","ref_code":"jane-doe",
				"promo_code":"JANE99","campaign_id":%q,"approved":false,"details":"a friend"}`, in.at("providerId")),
			calls:  3, // the address is asked for as it is written, and in lower case
			fields: `email name payoutEmail status note coupons { code } memberships { refCode campaign { id } }`,
			is: text(`{"email":"Jane@new.example","name":"Jane Doe","payoutEmail":"pay@new.example","status":"PENDING","note":"a friend","coupons":[{"code":"JANE99"}],
				"memberships":[{"refCode":"jane-doe","campaign":{"id":%q}}]}`, in.at("id")),
		}
	}},
	{"promotekit", providers.CanUpdateAffiliate, "", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input:  object{"id": a.at("id"), "email": "moved@new.example", "lastName": "Ray", "payoutEmail": "p@new.example", "note": "hi", "notifyOnSale": false},
			sends:  text(`PUT /affiliates/%s {"email":"moved@new.example","last_name":"Ray","payout_email":"p@new.example","details":"hi","new_paid_referral_notifications":false}`, a.at("providerId")),
			calls:  2,
			fields: `email lastName payoutEmail note`,
			is:     `{"email":"moved@new.example","lastName":"Ray","payoutEmail":"p@new.example","note":"hi"}`,
		}
	}},
	{"promotekit", providers.CanSetAffiliateStatus, "", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input: object{"id": a.at("id"), "status": "BANNED"}, sends: text(`PUT /affiliates/%s {"banned":true}`, a.at("providerId")), calls: 2,
			fields: `status providerStatus memberships { status }`, is: `{"status":"BANNED","providerStatus":"banned","memberships":[{"status":"BANNED"}]}`,
		}
	}},
	{"promotekit", providers.CanMoveAffiliate, "", func(c *cast) play {
		to := c.giving("LINK")
		a := c.affiliate(func(f found) bool { return f.at("memberships.0.campaign.id") != to.at("id") })
		return play{
			input: object{"id": a.at("id"), "fromCampaign": a.at("memberships.0.campaign.id"), "toCampaign": to.at("id")},
			sends: text(`PUT /affiliates/%s {"campaign_id":%q}`, a.at("providerId"), to.at("providerId")), calls: 2,
			fields: `campaign { id } memberships { campaign { id name } }`,
			is:     text(`{"campaign":{"id":%[1]q},"memberships":[{"campaign":{"id":%[1]q,"name":%[2]q}}]}`, to.at("id"), to.at("name")),
		}
	}},
	{"promotekit", providers.CanUpdateMembership, "", func(c *cast) play {
		in := c.giving("BOTH")
		a := c.affiliate(func(f found) bool { return f.at("memberships.0.campaign.id") == in.at("id") })
		return play{
			input: object{"id": a.at("memberships.0.id"), "refCode": "newref", "couponCode": "NEW99"},
			sends: text(`PUT /affiliates/%s {"ref_code":"newref","promo_code":"NEW99"}`, a.at("providerId")), calls: 2,
			fields: `refCode coupon affiliate { id }`, is: text(`{"refCode":"newref","coupon":"NEW99","affiliate":{"id":%q}}`, a.at("id")),
			seen: text(`{ affiliate(id: %q) { coupons { code } } }`, a.at("id")), shows: `{"affiliate":{"coupons":[{"code":"NEW99"}]}}`,
		}
	}},
	{"promotekit", providers.CanAssignCoupon, "", func(c *cast) play {
		in := c.giving("BOTH")
		a := c.affiliate(func(f found) bool { return f.at("memberships.0.campaign.id") == in.at("id") })
		return play{
			input: object{"affiliate": a.at("id"), "code": "GIVEN9"}, sends: text(`PUT /affiliates/%s {"promo_code":"GIVEN9"}`, a.at("providerId")), calls: 2,
			fields: `code affiliate { id }`, is: text(`{"code":"GIVEN9","affiliate":{"id":%q}}`, a.at("id")),
			seen:  text(`{ affiliate(id: %q) { coupons { code } memberships { coupon } } }`, a.at("id")),
			shows: `{"affiliate":{"coupons":[{"code":"GIVEN9"}],"memberships":[{"coupon":"GIVEN9"}]}}`,
		}
	}},
	{"promotekit", providers.CanCreateCampaign, "", func(c *cast) play {
		was := c.one("campaigns", "", "id isDefault", func(f found) bool { return f.at("isDefault") == "true" })
		return play{
			input: object{"account": account(c.vendor), "name": "Summer", "terms": object{"websiteUrl": "https://s.example", "codeMode": "BOTH", "couponTemplate": "co_1",
				"commission": object{"amount": object{"amount": "12.50", "currencyCode": "USD"}}, "isDefault": true}},
			sends: `POST /campaigns {"name":"Summer","commission_type":"fixed","commission_amount":12.5,"code_mode":"both","website_url":"https://s.example",
				"reference_coupon":"co_1","is_default":true}`,
			calls: 2, fields: `name websiteUrl codeMode isDefault`, is: `{"name":"Summer","websiteUrl":"https://s.example","codeMode":"BOTH","isDefault":true}`,
			seen: text(`{ campaign(id: %q) { isDefault } }`, was.at("id")), shows: `{"campaign":{"isDefault":false}}`,
		}
	}},
	{"promotekit", providers.CanUpdateCampaign, "", func(c *cast) play {
		to := c.giving("BOTH")
		was := c.one("campaigns", "", "id isDefault", func(f found) bool { return f.at("isDefault") == "true" })
		return play{
			input: object{"id": to.at("id"), "name": "Everybody", "terms": object{"isDefault": true}},
			sends: text(`PUT /campaigns/%s {"name":"Everybody","is_default":true}`, to.at("providerId")), calls: 2,
			fields: `name isDefault`, is: `{"name":"Everybody","isDefault":true}`,
			seen: text(`{ campaign(id: %q) { isDefault } }`, was.at("id")), shows: `{"campaign":{"isDefault":false}}`,
		}
	}},
	{"promotekit", providers.CanCreateReferral, "", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input: object{"affiliate": a.at("id"), "email": "cy@new.example", "customerId": "cus_9", "status": "PAST_DUE"},
			sends: text(`POST /referrals {"affiliate_id":%q,"email":"cy@new.example","stripe_customer_id":"cus_9","subscription_status":"past_due"}`, a.at("providerId")), calls: 2,
			fields: `email customerId status affiliate { id }`, is: text(`{"email":"cy@new.example","customerId":"cus_9","status":"PAST_DUE","affiliate":{"id":%q}}`, a.at("id")),
			seen: text(`{ affiliate(id: %q) { referrals(first: 1) { nodes { email } } } }`, a.at("id")), shows: `{"affiliate":{"referrals":{"nodes":[{"email":"cy@new.example"}]}}}`,
		}
	}},
	{"promotekit", providers.CanCreateCommission, "with an event", func(c *cast) play {
		sold := c.sold()
		return play{
			input: object{"commission": object{"sale": object{"referral": sold.at("referral.id"), "saleAmount": dollars("99.90"), "amount": dollars("20")}}, "eventId": "ch_new"},
			sends: text(`POST /commissions {"referral_id":%q,"revenue_amount":99.9,"commission_amount":20,"stripe_payment_id":"ch_new"}`, sold.at("referral.providerId")), calls: 2,
			fields: `amount { amount currencyCode } saleAmount { amount } eventId status referral { id }`,
			is: text(`{"amount":{"amount":"20.00","currencyCode":"USD"},"saleAmount":{"amount":"99.90"},"eventId":"ch_new","status":"APPROVED","referral":{"id":%q}}`,
				sold.at("referral.id")),
			seen:  text(`{ referral(id: %q) { commissions(first: 1) { nodes { eventId } } } }`, sold.at("referral.id")),
			shows: `{"referral":{"commissions":{"nodes":[{"eventId":"ch_new"}]}}}`,
		}
	}},
	{"promotekit", providers.CanCreateCommission, "like another", func(c *cast) play {
		sold := c.sold()
		input := object{"commission": object{"sale": object{"referral": sold.at("referral.id"), "saleAmount": dollars("17"), "amount": dollars("3.40")}}}
		c.made(row{mutation: providers.CanCreateCommission}, play{input: input}, "the-first-of-two")
		return play{
			input: input, sends: text(`POST /commissions {"referral_id":%q,"revenue_amount":17,"commission_amount":3.4}`, sold.at("referral.providerId")), calls: 2,
			fields: `amount { amount }`, is: `{"amount":{"amount":"3.40"}}`, blind: true,
		}
	}},
}

// dollars are a MoneyInput.
func dollars(amount string) object { return object{"amount": amount, "currencyCode": "USD"} }
