package resolvers_test

import (
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// rowsOfUpPromote are the writes at UpPromote, whose actions name affiliates by their addresses.
var rowsOfUpPromote = []row{
	{"uppromote", providers.CanCreateAffiliate, "", func(c *cast) play {
		return play{
			input: object{"account": account(c.vendor), "email": "Robin.New@example.com", "firstName": "Robin", "approved": false},
			sends: `POST /affiliates {"email":"Robin.New@example.com","first_name":"Robin","status":"inactive"}`, calls: 3,
			fields: `email firstName status`, is: `{"email":"Robin.New@example.com","firstName":"Robin","status":"INACTIVE"}`,
		}
	}},
	{"uppromote", providers.CanSetAffiliateStatus, "", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input: object{"id": a.at("id"), "status": "INACTIVE"}, sends: text(`POST /affiliate/active {"affiliate_email":%q,"status":"denied"}`, a.at("email")), calls: 3,
			fields: `status memberships { status }`, is: `{"status":"INACTIVE","memberships":[{"status":"INACTIVE"}]}`,
		}
	}},
	{"uppromote", providers.CanMoveAffiliate, "", func(c *cast) play {
		a := c.affiliate(nil)
		to := c.campaign(a)
		return play{
			input: object{"id": a.at("id"), "fromCampaign": a.at("memberships.0.campaign.id"), "toCampaign": to.at("id")},
			sends: text(`POST /affiliate/move-affiliate-to-program {"affiliate_email":%q,"program_id":%s}`, a.at("email"), to.at("providerId")), calls: 3,
			fields: `campaign { id } memberships { campaign { id } }`, is: text(`{"campaign":{"id":%[1]q},"memberships":[{"campaign":{"id":%[1]q}}]}`, to.at("id")),
		}
	}},
	{"uppromote", providers.CanSetAffiliateParent, "", func(c *cast) play {
		a := c.affiliate(func(f found) bool { return f.at("parent.id") == "" })
		up := c.affiliate(func(f found) bool { return f.at("parent.id") == "" && f.at("id") != a.at("id") })
		return play{
			input: object{"id": a.at("id"), "parent": up.at("id")},
			sends: text(`POST /affiliate/set-upline {"affiliate_email":%q,"upline_affiliate_email":%q}`, a.at("email"), up.at("email")), calls: 4,
			fields: `parent { id }`, is: text(`{"parent":{"id":%q}}`, up.at("id")),
		}
	}},
	{"uppromote", providers.CanConnectCustomer, "", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input: object{"affiliate": a.at("id"), "customerEmail": "buyer@new.example"},
			sends: text(`POST /affiliate/create-connect-customer {"affiliate_email":%q,"customer_email":"buyer@new.example"}`, a.at("email")), calls: 3,
			fields: `email`, is: text(`{"email":%q}`, a.at("email")), blind: true,
		}
	}},
	{"uppromote", providers.CanAssignCoupon, "", func(c *cast) play {
		a := c.affiliate(func(f found) bool { return f.at("coupons.0.code") == "" })
		return play{
			input: object{"affiliate": a.at("id"), "code": "NEW-2026", "description": "New."},
			sends: text(`POST /coupons/assign {"affiliate_email":%q,"coupon":"NEW-2026","description":"New."}`, a.at("email")), calls: 3,
			fields: `code description affiliate { id }`, is: text(`{"code":"NEW-2026","description":"New.","affiliate":{"id":%q}}`, a.at("id")),
			seen: text(`{ affiliate(id: %q) { coupons { code } } }`, a.at("id")), shows: `{"affiliate":{"coupons":[{"code":"NEW-2026"}]}}`,
		}
	}},
	{"uppromote", providers.CanCreateReferral, "", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input: object{"affiliate": a.at("id"), "orderId": "7000000000001"},
			sends: text(`POST /referrals {"type":"use_order_id","affiliate_email":%q,"order_id":7000000000001}`, a.at("email")), calls: 3,
			fields: `orderId kind affiliate { id }`, is: text(`{"orderId":"7000000000001","kind":"ORDER","affiliate":{"id":%q}}`, a.at("id")),
			seen: text(`{ affiliate(id: %q) { referrals(first: 1) { nodes { orderId } } } }`, a.at("id")), shows: `{"affiliate":{"referrals":{"nodes":[{"orderId":"7000000000001"}]}}}`,
		}
	}},
	{"uppromote", providers.CanCreateCommission, "", func(c *cast) play {
		a := c.affiliate(nil)
		return play{
			input: object{"commission": object{"custom": object{"affiliate": a.at("id"), "amount": dollars("17.30"), "saleAmount": dollars("100")}}, "note": "Well done."},
			sends: text(`POST /referrals {"type":"fixed_amount","affiliate_email":%q,"commission":17.3,"total_sale":100,"comment":"Well done."}`, a.at("email")), calls: 2,
			fields: `kind status amount { amount } saleAmount { amount } affiliate { id }`,
			is:     text(`{"kind":"CUSTOM","status":"PENDING","amount":{"amount":"17.30"},"saleAmount":{"amount":"100.00"},"affiliate":{"id":%q}}`, a.at("id")), blind: true,
			seen: text(`{ affiliate(id: %q) { commissions(first: 1) { nodes { amount { amount } } } } }`, a.at("id")), shows: `{"affiliate":{"commissions":{"nodes":[{"amount":{"amount":"17.30"}}]}}}`,
		}
	}},
	{"uppromote", providers.CanSetCommissionStatus, "", func(c *cast) play {
		e := c.one("commissions", "", `id providerId status`, func(f found) bool { return f.at("status") == "PENDING" })
		return play{
			input: object{"id": e.at("id"), "status": "APPROVED"}, sends: text(`POST /referral/%s/status {"status":"approved"}`, e.at("providerId")), calls: 3,
			fields: `status`, is: `{"status":"APPROVED"}`,
		}
	}},
	{"uppromote", providers.CanAdjustCommission, "", func(c *cast) play {
		e := c.one("commissions", "", `id providerId status adjustment { amount }`, func(f found) bool {
			return f.at("status") == "PENDING" && strings.Trim(f.at("adjustment.amount"), "0.") == ""
		})
		return play{
			input: object{"id": e.at("id"), "amount": dollars("-2.50")}, sends: text(`POST /referral/%s/adjustment {"adjustment":-2.5}`, e.at("providerId")), calls: 3,
			fields: `adjustment { amount }`, is: `{"adjustment":{"amount":"-2.50"}}`,
		}
	}},
	{"uppromote", providers.CanSetCommissionStatus, "of what is due", func(c *cast) play {
		due, inside := c.due("DUE")
		var rest []string
		for _, id := range inside[1:] {
			rest = append(rest, text(`{"id":%q}`, id))
		}
		return play{
			input: object{"id": inside[0], "status": "DENIED"}, sends: text(`POST /referral/%s/status {"status":"denied"}`, parsed(inside[0]).Local), calls: 3,
			fields: `status`, is: `{"status":"DENIED"}`,
			seen:  text(`{ node(id: %q) { ... on Payout { commissions(first: 50) { nodes { id } } } } }`, due.at("id")),
			shows: text(`{"node":{"commissions":{"nodes":[%s]}}}`, strings.Join(rest, ",")),
		}
	}},
	{"uppromote", providers.CanAdjustCommission, "of what is due", func(c *cast) play {
		_, inside := c.due("DUE")
		return play{
			input: object{"id": inside[0], "amount": dollars("0.25")}, sends: text(`POST /referral/%s/adjustment {"adjustment":0.25}`, parsed(inside[0]).Local), calls: 3,
			fields: `adjustment { amount }`, is: `{"adjustment":{"amount":"0.25"}}`,
		}
	}},
	{"uppromote", providers.CanMarkPayoutPaid, "", func(c *cast) play {
		due, inside := c.due("DUE")
		var locals []string
		for i := range inside {
			locals = append(locals, parsed(inside[i]).Local)
		}
		return play{
			input: object{"id": due.at("id"), "commissions": inside, "expectedTotal": dollars(due.at("amount.amount")), "note": "By bank.", "message": "Thanks."},
			sends: text(`POST /payments/mark-as-paid {"affiliate_email":%q,"referral_ids":%q,"note":"By bank.","message":"Thanks."}`, due.at("affiliate.email"), strings.Join(locals, ",")), calls: 4,
			fields: `status amount { amount }`, is: text(`{"status":"PAID","amount":{"amount":%q}}`, due.at("amount.amount")),
			seen: text(`{ nodes(ids: [%q]) { ... on Commission { status } } }`, inside[0]), shows: `{"nodes":[{"status":"PAID"}]}`,
		}
	}},
	{"uppromote", providers.CanCreateWebhookSubscription, "", func(c *cast) play {
		return play{
			input: object{"account": account(c.vendor), "targetUrl": "https://hooks.example/in", "events": []string{"affiliate.new"}},
			sends: `POST /webhook-subscriptions {"target_url":"https://hooks.example/in","event":"affiliate.new"}`, calls: 3, secret: "sandbox-secret-1-affiliate.new",
			fields: `targetUrl events`, is: `{"targetUrl":"https://hooks.example/in","events":["affiliate.new"]}`,
		}
	}},
	{"uppromote", providers.CanUpdateWebhookSubscription, "", func(c *cast) play {
		hook := c.one("webhookSubscriptions", "", "id providerId", nil)
		return play{
			input: object{"id": hook.at("id"), "targetUrl": "https://hooks.example/in"},
			sends: text(`PUT /webhook-subscriptions {"target_url":"https://hooks.example/in","event":%q}`, hook.at("providerId")), calls: 3,
			fields: `targetUrl`, is: `{"targetUrl":"https://hooks.example/in"}`,
		}
	}},
	{"uppromote", providers.CanDeleteWebhookSubscription, "", func(c *cast) play {
		hook := c.one("webhookSubscriptions", "", "id providerId", nil)
		return play{input: object{"id": hook.at("id")}, sends: text(`DELETE /webhook-subscriptions {"event":%q}`, hook.at("providerId")), calls: 2}
	}},
}
