package firstpromoter

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// says is a vendor that answers each path with one body on the first page, and nothing is
// written to it.
func says(t *testing.T, bodies map[string]string) *provider {
	return open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies[r.URL.Path]
		if page := r.URL.Query().Get("page"); r.URL.Path == campaignList.path && !ok || page != "" && page != "1" {
			body, ok = `[]`, true
		}
		if r.Method != http.MethodGet {
			t.Errorf("%s %s was sent", r.Method, r.URL)
		}
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(body))
	}), someKey)
}

// janeAs is Jane with these memberships, "28004 accepted" each.
func janeAs(change string, memberships ...string) string {
	var joined []string
	for _, m := range memberships {
		campaign, state, _ := strings.Cut(m, " ")
		joined = append(joined, `{"id":1`+campaign+`,"campaign_id":`+campaign+`,"promoter_id":8262622,"state":"`+state+`"}`)
	}
	if !strings.Contains(change, "archived_at") {
		change += `,"archived_at":null`
	}
	return `{"id":8262622,"email":"jane@example.com","profile":{"first_name":"Jane","last_name":"Doe"},"promoter_campaigns":[` + strings.Join(joined, ",") + `]` + change + `}`
}

const janePath = "/promoters/8262622"

// TestLooks: what a vendor's records say of a write, by what was there before.
func TestLooks(t *testing.T) {
	const made, notMade, unclear = providers.Made, providers.NotMade, providers.Unclear
	status := func(s providers.AffiliateStatus) providers.Command {
		return &providers.SetAffiliateStatusInput{IdempotencyKey: someWrite, ID: jane, Status: s}
	}
	move := &providers.MoveAffiliateInput{IdempotencyKey: someWrite, ID: jane, ToCampaign: second}
	person := func(last string, campaign *providers.ID) providers.Command {
		return &providers.CreateAffiliateInput{IdempotencyKey: someWrite, Account: account, Email: "Jane@example.com", FirstName: new("Jane"), LastName: &last, Campaign: campaign}
	}
	customer := &providers.CreateReferralInput{IdempotencyKey: someWrite, Affiliate: jane, Email: new("c@example.com")}
	referral := func(promoter, campaign string) string {
		return `{"id":5,"email":"c@example.com","state":"signup","promoter_campaign":{"id":9,"promoter_id":` + promoter + `,"campaign_id":` + campaign + `}}`
	}
	commission := func(status string, paid string) string {
		return `[{"id":13533100,"status":"` + status + `","is_paid":` + paid + `,"promoter_campaign":{"id":9,"promoter_id":8,"campaign_id":7}}]`
	}
	approve := &providers.SetCommissionStatusInput{IdempotencyKey: someWrite, ID: earned, Status: providers.CommissionApproved}
	campaign := &providers.CreateCampaignInput{IdempotencyKey: someWrite, Account: account, Name: "Spring", Terms: providers.CampaignTerms{CookieDays: new(int64(30))}}
	hook := &providers.CreateWebhookSubscriptionInput{IdempotencyKey: someWrite, Account: account, TargetURL: "https://a.example", Events: []string{"a", "b"}}
	coupon := &providers.AssignCouponInput{IdempotencyKey: someWrite, Affiliate: jane, Code: "JANE", Description: new("new")}
	for _, c := range []struct {
		name      string
		command   providers.Command
		before    string
		vendor    map[string]string
		disturbed bool
		want      providers.Verdict
	}{
		{"somebody who is gone", status(providers.AffiliateBanned), `{}`, nil, false, unclear},
		{"banned", status(providers.AffiliateBanned), `{"Campaign":"28004","State":"accepted"}`, map[string]string{janePath: janeAs("", "28004 blocked")}, true, made},
		{"as before", status(providers.AffiliateBanned), `{"Campaign":"28004","State":"accepted"}`, map[string]string{janePath: janeAs("", "28004 accepted")}, false, notMade},
		{"neither", status(providers.AffiliateBanned), `{"Campaign":"28004","State":"accepted"}`, map[string]string{janePath: janeAs("", "28004 inactive")}, false, unclear},
		{"restored, and waits as before", status(providers.AffiliateActive), `{"Archived":true}`, map[string]string{janePath: janeAs("", "28004 pending")}, false, made},
		{"accepted, and archived since", status(providers.AffiliateActive), `{"Campaign":"28004","State":"pending"}`,
			map[string]string{janePath: janeAs(`,"archived_at":"2026-01-01T00:00:00Z"`, "28004 accepted")}, false, unclear},
		{"moved", move, `{"From":"28004","State":"ACTIVE"}`, map[string]string{janePath: janeAs("", "28005 accepted")}, true, made},
		{"entered, not left", move, `{"From":"28004","State":"ACTIVE"}`, map[string]string{janePath: janeAs("", "28004 accepted", "28005 accepted")}, false, made},
		{"entered, not left, others wrote", move, `{"From":"28004","State":"ACTIVE"}`, map[string]string{janePath: janeAs("", "28004 accepted", "28005 accepted")}, true, unclear},
		{"left only", move, `{"From":"28004","State":"ACTIVE"}`, map[string]string{janePath: janeAs("", "28004 inactive")}, false, unclear},
		{"of the address", person("Doe", nil), `{}`, map[string]string{"/promoters/Jane@example.com": janeAs("", "28004 pending")}, false, made},
		{"of another last name", person("Roe", nil), `{}`, map[string]string{"/promoters/Jane@example.com": janeAs("", "28004 pending")}, false, unclear},
		{"of another campaign", person("Doe", &second), `{}`, map[string]string{"/promoters/Jane@example.com": janeAs("", "28004 pending")}, false, unclear},
		{"her customer", customer, `{"Campaign":"28004"}`, map[string]string{"/referrals/c@example.com": referral("8262622", "28004")}, false, made},
		{"her customer elsewhere", customer, `{"Campaign":"28004"}`, map[string]string{"/referrals/c@example.com": referral("8262622", "28005")}, false, unclear},
		{"somebody else's there", customer, `{"Campaign":"28004"}`, map[string]string{"/referrals/c@example.com": referral("1", "28004")}, false, unclear},
		{"approved, and paid since", approve, `{"State":"PENDING"}`, map[string]string{"/commissions": commission("approved", "true")}, false, made},
		{"denied since", approve, `{"State":"PENDING"}`, map[string]string{"/commissions": commission("denied", "false")}, false, unclear},
		{"a new namesake", campaign, `{"IDs":"1 2"}`, map[string]string{"/campaigns": `[{"id":3,"name":"Spring","visitor_cookie_life":30},{"id":2,"name":"Spring"}]`}, false, made},
		{"only the namesakes of before", campaign, `{"IDs":"1 2"}`, map[string]string{"/campaigns": `[{"id":2,"name":"Spring","visitor_cookie_life":30},{"id":1,"name":"Spring"}]`}, true, notMade},
		{"a new namesake on other terms", campaign, `{"IDs":"1 2"}`, map[string]string{"/campaigns": `[{"id":3,"name":"Spring","visitor_cookie_life":60}]`}, false, unclear},
		{"two new namesakes", campaign, `{"IDs":""}`, map[string]string{"/campaigns": `[{"id":3,"name":"Spring","visitor_cookie_life":30},{"id":4,"name":"Spring"}]`}, false, unclear},
		{"a new webhook", hook, `{"IDs":"1"}`, map[string]string{"/webhooks": `[{"id":2,"url":"https://a.example","event_types":["b","a"]},{"id":1,"url":"https://a.example"}]`}, false, made},
		{"the webhook of before", hook, `{"IDs":"1"}`, map[string]string{"/webhooks": `[{"id":1,"url":"https://a.example","event_types":["a","b"]}]`}, true, notMade},
		{"a webhook for other events", hook, `{"IDs":"1"}`, map[string]string{"/webhooks": `[{"id":2,"url":"https://a.example","event_types":["a"]}]`}, false, unclear},
		{"a code that was hers, as it was", coupon, `{"Membership":"128004","Campaign":"28004"}`,
			map[string]string{janePath: janeAs("", "28004 accepted"), "/promo_codes": `[{"id":1,"code":"jane","description":null,"archived_at":null,"promoter_campaign_id":128004}]`}, false, notMade},
		{"a code that was hers, described", coupon, `{"Membership":"128004","Campaign":"28004"}`,
			map[string]string{janePath: janeAs("", "28004 accepted"), "/promo_codes": `[{"id":1,"code":"JANE","description":"new","promoter_campaign_id":128004}]`}, false, made},
		{"a code that was hers, and is no more", coupon, `{"Membership":"128004","Campaign":"28004"}`, map[string]string{janePath: janeAs("", "28004 accepted"), "/promo_codes": `[]`}, false, unclear},
	} {
		v, w, err := says(t, c.vendor).Look(t.Context(), c.command, json.RawMessage(c.before), c.disturbed)
		if err != nil || v != c.want || (w != nil) != (v == made) {
			t.Errorf("%s: got %s, %+v, %v; want %s", c.name, v, w, err, c.want)
		}
	}
}

// TestLookFails: a look that cannot read says nothing.
func TestLookFails(t *testing.T) {
	s := newStage(t)
	for _, a := range s.attempts() {
		w := mustPlan(t, s, a.command)
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }), someKey)
		if v, _, err := p.Look(t.Context(), a.command, w.Before, false); providers.KindOf(err) != providers.KindUnauthorized || v != "" {
			t.Errorf("%s: got %q, %v", a.name, v, err)
		}
	}
}

// TestHeld: what keeps single writes from being planned, beyond what the simulated world holds.
func TestHeld(t *testing.T) {
	payout := func(status string, amount string) string {
		return `[{"id":27,"status":"` + status + `","unit":"cash","amount":` + amount + `,"promoter":{"id":8},"campaign":{"id":7}}]`
	}
	row := func(id, change string) string {
		return `{"id":` + id + `,"status":"approved","unit":"cash","amount":500,"promoter_campaign":{"id":9,"promoter_id":8,"campaign_id":7}` + change + `}`
	}
	pay := &providers.MarkPayoutPaidInput{IdempotencyKey: someWrite, ID: id(providers.NounPayout, "27"), ExpectedTotal: usd("10"),
		Commissions: []providers.ID{id(providers.NounCommission, "1"), id(providers.NounCommission, "2")}}
	coupon := &providers.AssignCouponInput{IdempotencyKey: someWrite, Affiliate: jane, Code: "JANE"}
	two := "[" + row("1", "") + "," + row("2", "") + "]"
	for _, c := range []struct {
		name    string
		command providers.Command
		vendor  map[string]string
		want    string // the code and the field; "" where it is planned
	}{
		{"a payout as expected", pay, map[string]string{"/payouts": payout("pending", "1000.0"), "/commissions": two}, ""},
		{"a row twice, as pages shift", pay, map[string]string{"/payouts": payout("pending", "1000"), "/commissions": "[" + row("1", "") + "," + row("1", "") + "," + row("2", "") + "]"}, ""},
		{"paid", pay, map[string]string{"/payouts": payout("completed", "1000"), "/commissions": two}, "WRONG_STATE id"},
		{"processing", pay, map[string]string{"/payouts": payout("processing", "1000"), "/commissions": two}, "WRONG_STATE id"},
		{"points", pay, map[string]string{"/payouts": strings.Replace(payout("pending", "1000"), "cash", "points", 1), "/commissions": two}, "WRONG_STATE id"},
		{"another amount", pay, map[string]string{"/payouts": payout("pending", "999"), "/commissions": two}, "CONFLICT expectedTotal"},
		{"half a cent", pay, map[string]string{"/payouts": payout("pending", "1000.5"), "/commissions": two}, "CONFLICT expectedTotal"},
		{"another sum", pay, map[string]string{"/payouts": payout("pending", "1000"), "/commissions": "[" + row("1", `,"amount":499`) + "," + row("2", "") + "]"}, "CONFLICT expectedTotal"},
		{"one is missing", pay, map[string]string{"/payouts": payout("pending", "1000"), "/commissions": "[" + row("1", `,"amount":1000`) + "]"}, "CONFLICT commissions.1"},
		{"one is not named", pay, map[string]string{"/payouts": payout("pending", "1000"), "/commissions": "[" + row("1", "") + "," + row("2", "") + "," + row("3", `,"amount":0`) + "]"}, "CONFLICT commissions"},
		{"one waits", pay, map[string]string{"/payouts": payout("pending", "1000"), "/commissions": "[" + row("1", `,"status":"pending"`) + "," + row("2", "") + "]"}, "CONFLICT commissions"},
		{"one is paid", pay, map[string]string{"/payouts": payout("pending", "1000"), "/commissions": "[" + row("1", `,"is_paid":true`) + "," + row("2", "") + "]"}, "CONFLICT commissions"},
		{"one is somebody else's", pay, map[string]string{"/payouts": payout("pending", "1000"),
			"/commissions": "[" + strings.Replace(row("1", ""), `"promoter_id":8`, `"promoter_id":6`, 1) + "," + row("2", "") + "]"}, "CONFLICT commissions"},

		{"adjusting what is denied", &providers.AdjustCommissionInput{IdempotencyKey: someWrite, ID: id(providers.NounCommission, "1"), Amount: usd("1")},
			map[string]string{"/commissions": "[" + row("1", `,"status":"denied"`) + "]"}, "WRONG_STATE id"},
		{"a parent from below", &providers.SetAffiliateParentInput{IdempotencyKey: someWrite, ID: jane, Parent: id(providers.NounAffiliate, "5")},
			map[string]string{janePath: janeAs(""), "/promoters/5": `{"id":5,"parent_promoter":{"id":8262622}}`}, "CONFLICT parent"},
		{"a referral to another campaign of the same", &providers.MoveReferralInput{IdempotencyKey: someWrite, ID: lead, Affiliate: jane, Campaign: &second},
			map[string]string{janePath: janeAs("", "28004 accepted", "28005 accepted"),
				"/referrals/29203686": `{"id":29203686,"promoter_campaign":{"id":128004,"promoter_id":8262622,"campaign_id":28004}}`}, ""},
		{"somebody in no campaign", &providers.CreateReferralInput{IdempotencyKey: someWrite, Affiliate: jane, Email: new("c@example.com")},
			map[string]string{janePath: janeAs("")}, "WRONG_STATE campaign"},
		{"an archived code", coupon, map[string]string{janePath: janeAs("", "28004 accepted"),
			"/promo_codes": `[{"id":1,"code":"JANE","archived_at":"2026-01-01T00:00:00Z"}]`}, "WRONG_STATE code"},
		{"a code beside an archived one", coupon, map[string]string{janePath: janeAs("", "28004 accepted"),
			"/promo_codes": `[{"id":2,"code":"jane"},{"id":1,"code":"JANE","archived_at":"2026-01-01T00:00:00Z"}]`}, ""},
		{"a code behind an archived one", coupon, map[string]string{janePath: janeAs("", "28004 accepted"),
			"/promo_codes": `[{"id":1,"code":"JANE","archived_at":"2026-01-01T00:00:00Z"},{"id":2,"code":"jane"}]`}, ""},
	} {
		_, err := says(t, c.vendor).Plan(t.Context(), c.command)
		var problems providers.Problems
		got := ""
		if errors.As(err, &problems) {
			got = string(problems[0].Code) + " " + strings.Join(problems[0].Field, ".")
		} else if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestEarning: a commission is taken for the one that was to be made only if it is alike in
// all that was asked for.
func TestEarning(t *testing.T) {
	one := int64(1)
	sale := createCommission{&providers.CreateCommissionInput{Commission: providers.NewCommissionInput{Sale: &providers.SaleCommissionInput{Referral: lead, SaleAmount: usd("20")}}}}.wanted(providers.ID{})
	custom := createCommission{&providers.CreateCommissionInput{Commission: providers.NewCommissionInput{Custom: &providers.CustomCommissionInput{Affiliate: jane, Amount: usd("20")}}}}.wanted(main)
	for _, c := range []struct {
		name   string
		want   earning
		change func(*providers.Commission)
		is     bool
	}{
		{"the sale", sale, func(c *providers.Commission) {}, true},
		{"the parent's share", sale, func(c *providers.Commission) { c.Tier = new(int64(2)) }, false},
		{"another customer's", sale, func(c *providers.Commission) { c.ReferralID = id(providers.NounReferral, "1") }, false},
		{"another sale", sale, func(c *providers.Commission) { c.SaleAmount = new(usd("21")) }, false},
		{"a refund", sale, func(c *providers.Commission) { c.Kind = providers.CommissionRefund }, false},
		{"of no sale", sale, func(c *providers.Commission) { c.SaleAmount = nil }, false},
		{"the bonus", custom, func(c *providers.Commission) { c.Kind = providers.CommissionCustom }, true},
		{"the bonus of a sale", custom, func(c *providers.Commission) {}, false},
		{"somebody else's bonus", custom, func(c *providers.Commission) {
			c.Kind, c.AffiliateID = providers.CommissionCustom, id(providers.NounAffiliate, "1")
		}, false},
		{"a bonus elsewhere", custom, func(c *providers.Commission) { c.Kind, c.CampaignID = providers.CommissionCustom, second }, false},
		{"another bonus", custom, func(c *providers.Commission) { c.Kind, c.Amount = providers.CommissionCustom, new(usd("2000")) }, false},
	} {
		row := &providers.Commission{Kind: providers.CommissionSale, Tier: &one, Amount: new(usd("20")), SaleAmount: new(usd("20")), AffiliateID: jane, CampaignID: main, ReferralID: lead}
		c.change(row)
		if got := c.want.is(row); got != c.is {
			t.Errorf("%s: got %v, want %v", c.name, got, c.is)
		}
	}
}

// TestEvents: what names no event gets one that is the same for the same write and another
// for any other; days are those of UTC.
func TestEvents(t *testing.T) {
	event := func(key, local string) string {
		return eventOf(&providers.AdjustCommissionInput{IdempotencyKey: key, ID: id(providers.NounCommission, local)})
	}
	first, again := event("k1", "1"), event("k1", "1")
	if first != again || first == event("k2", "1") || first == event("k1", "2") {
		t.Errorf("events are %q, %q, %q, %q", first, again, event("k2", "1"), event("k1", "2"))
	}
	var body commissionBody
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
		}
		switch r.URL.Path {
		case janePath:
			_, _ = w.Write([]byte(janeAs("", "28004 accepted")))
		default:
			_, _ = w.Write([]byte(`[]`))
		}
	}), someKey)
	evening := time.Date(2026, 8, 19, 22, 0, 0, 0, time.FixedZone("west", -5*3600))
	w, err := p.Plan(t.Context(), &providers.CreateCommissionInput{IdempotencyKey: someWrite, EarnedAt: &evening, Commission: providers.NewCommissionInput{
		Custom: &providers.CustomCommissionInput{Affiliate: jane, Amount: usd("20")}}})
	if err != nil {
		t.Fatal(err)
	}
	var e *providers.Error
	if _, err := w.Send(t.Context()); !errors.As(err, &e) || e.Kind != providers.KindBadReply || e.Unsent {
		t.Errorf("an answer without the commission: got %#v, want one that says it may have been made", err)
	}
	if got, want := body.EventDate, "2026-08-20"; got != want {
		t.Errorf("got the day %q, want %q", got, want)
	}
}

// TestOtherRecord: an answer about another record than was written to is no answer.
func TestOtherRecord(t *testing.T) {
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte(janeAs("", "28004 accepted")))
			return
		}
		_, _ = w.Write([]byte(`{"id":1,"email":"other@example.com"}`))
	}), someKey)
	w, err := p.Plan(t.Context(), &providers.UpdateAffiliateInput{IdempotencyKey: someWrite, ID: jane, FirstName: new("A")})
	if err != nil {
		t.Fatal(err)
	}
	var e *providers.Error
	if _, err := w.Send(t.Context()); !errors.As(err, &e) || e.Kind != providers.KindBadReply || e.Unsent {
		t.Errorf("got %#v, want an answer that cannot be understood", err)
	}
}

// TestCodeOnALaterPage: a code in use is found behind an archived one of the same text,
// however far.
func TestCodeOnALaterPage(t *testing.T) {
	rows := make([]string, pageSize)
	for i := range rows {
		rows[i] = `{"id":` + decimal(int64(i+1)) + `,"code":"C` + decimal(int64(i)) + `","archived_at":"2026-01-01T00:00:00Z"}`
	}
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "1" {
			_, _ = w.Write([]byte("[" + strings.Join(rows, ",") + "]"))
			return
		}
		if r.URL.Query().Get("page") == "2" {
			_, _ = w.Write([]byte(`[{"id":900,"code":"C7"}]`))
			return
		}
		t.Errorf("page %s was read", r.URL.Query().Get("page"))
	}), someKey)
	c, err := p.codeNamed(t.Context(), "c7")
	if err != nil || c == nil || c.ID != 900 {
		t.Errorf("got %+v, %v; want the code 900", c, err)
	}
}

// TestLookupProves wants a look-up's record to count only if it tells what was looked for.
// One with another value says that the vendor ignores find_by: the write is planned, and a
// look proves nothing. One that tells no value may be the one, so that nothing is planned.
// No list shows either.
func TestLookupProves(t *testing.T) {
	promoter := func(member string) string {
		return `{"id":8262622,` + member + `"promoter_campaigns":[{"id":128004,"campaign_id":28004,"promoter_id":8262622,"state":"accepted"` +
			`,"ref_token":"other","coupon":"OTHER"}]}`
	}
	customer := func(member string) string { return `{"id":5,` + member + `"state":"signup"}` }
	commands := map[string]providers.Command{
		"affiliate email":       &providers.CreateAffiliateInput{IdempotencyKey: someWrite, Account: account, Email: "New@example.com"},
		"referral email":        &providers.CreateReferralInput{IdempotencyKey: someWrite, Affiliate: jane, Email: new("New@example.com")},
		"referral customer":     &providers.CreateReferralInput{IdempotencyKey: someWrite, Affiliate: jane, CustomerID: new("new")},
		"affiliate ref code":    nil,
		"affiliate coupon code": nil,
	}
	for name, command := range commands {
		for _, c := range []struct {
			email, uid string
			planned    bool
		}{
			{`"email":"other@example.com",`, `"uid":"other",`, true},
			{`"email":"new@example.com.au",`, `"uid":"newer",`, true},
			{``, ``, false},
			{`"email":["new@example.com"],`, `"uid":{"id":"new"},`, false},
		} {
			vendor := map[string]string{janePath: janeAs("", "28004 accepted"), "/promo_codes": "[]"}
			for _, value := range []string{"New@example.com", "new@example.com", "new"} {
				vendor["/promoters/"+value], vendor["/referrals/"+value] = promoter(c.email), customer(c.email)
			}
			vendor["/referrals/new"] = customer(c.uid)
			p := says(t, vendor)
			if command != nil {
				w, err := p.Plan(t.Context(), command)
				if (w != nil) != c.planned || !c.planned && providers.KindOf(err) != providers.KindBadReply {
					t.Errorf("%s, answered with %s%s: planned %v, %v; want %v", name, c.email, c.uid, w != nil, err, c.planned)
				}
				if v, _, err := p.Look(t.Context(), command, json.RawMessage("{}"), false); v != providers.Unclear || err != nil {
					t.Errorf("%s, answered with %s%s: the look says %s, %v; want it to be unclear", name, c.email, c.uid, v, err)
				}
			}
			var err error
			switch name {
			case "affiliate email":
				err = firstError(t, p, p.Affiliates, providers.AffiliateFilter{Email: "New@example.com"})
			case "affiliate ref code":
				err = firstError(t, p, p.Affiliates, providers.AffiliateFilter{RefCode: "new"})
			case "affiliate coupon code":
				err = firstError(t, p, p.Affiliates, providers.AffiliateFilter{PromoCode: "new"})
			case "referral email":
				err = firstError(t, p, p.Referrals, providers.ReferralFilter{Email: "New@example.com"})
			case "referral customer":
				err = firstError(t, p, p.Referrals, providers.ReferralFilter{CustomerID: "new"})
			}
			if providers.KindOf(err) != providers.KindBadReply {
				t.Errorf("a list by %s, answered with %s%s: %v; want a reply that cannot be understood", name, c.email, c.uid, err)
			}
		}
	}
}

// firstError is the error of the first page of a list.
func firstError[T providers.Record, F any](t *testing.T, p *provider, plan func(F) ([]providers.List[T], error), filter F) error {
	t.Helper()
	lists, err := plan(filter)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
	return err
}
