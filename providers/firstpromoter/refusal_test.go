package firstpromoter

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/firstpromoter/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// refused is an input that Plan refuses: where, why, and after how many reads at most.
type refused struct {
	name    string
	command providers.Command
	field   string
	code    providers.ProblemCode
	reads   int
}

// TestUntaken: what this vendor does not take, or wants, costs no call.
func TestUntaken(t *testing.T) {
	s := newStage(t)
	const unsupported, invalid = providers.ProblemUnsupported, providers.ProblemInvalid
	mail := new("x@example.com")
	affiliate := func(c providers.CreateAffiliateInput) providers.Command {
		c.Account, c.Email = account, *mail
		return &c
	}
	campaign := func(change func(*providers.CampaignTerms)) providers.Command {
		t := providers.CampaignTerms{WebsiteURL: new("https://a.example"), CookieDays: new(int64(30)), LinkParameter: new("via")}
		change(&t)
		return &providers.CreateCampaignInput{Account: account, Name: "Spring", Terms: t}
	}
	money := usd("5")
	check(t, s, []refused{
		{"payout address", affiliate(providers.CreateAffiliateInput{PayoutEmail: mail}), "payoutEmail", unsupported, 0},
		{"code", affiliate(providers.CreateAffiliateInput{RefCode: new("x")}), "refCode", unsupported, 0},
		{"coupon", affiliate(providers.CreateAffiliateInput{CouponCode: new("x")}), "couponCode", unsupported, 0},
		{"note", affiliate(providers.CreateAffiliateInput{Note: new("x")}), "note", unsupported, 0},
		{"no campaign", affiliate(providers.CreateAffiliateInput{Campaign: new(id(providers.NounCampaign, "x"))}), "campaign", providers.ProblemNotFound, 0},
		{"new payout address", &providers.UpdateAffiliateInput{ID: s.single.ID, PayoutEmail: mail}, "payoutEmail", unsupported, 0},
		{"new note", &providers.UpdateAffiliateInput{ID: s.single.ID, Note: new("x")}, "note", unsupported, 0},
		{"letters about sales", &providers.UpdateAffiliateInput{ID: s.single.ID, NotifyOnSale: new(true)}, "notifyOnSale", unsupported, 0},
		{"status", &providers.SetAffiliateStatusInput{ID: s.single.ID, Status: providers.AffiliateUnknown}, "status", unsupported, 0},
		{"archived in a campaign", &providers.SetAffiliateStatusInput{ID: s.single.ID, Status: providers.AffiliateArchived, Campaign: &s.campaigns[0].ID}, "campaign", unsupported, 0},
		{"order", &providers.CreateReferralInput{Affiliate: s.single.ID, Email: mail, OrderID: new("1")}, "orderId", unsupported, 0},
		{"nobody", &providers.CreateReferralInput{Affiliate: s.single.ID}, "email", invalid, 0},
		{"customer's status", &providers.CreateReferralInput{Affiliate: s.single.ID, Email: mail, Status: new(providers.ReferralActive)}, "status", unsupported, 0},
		{"decision", &providers.SetReferralStatusInput{ID: s.lead.ID, Decision: "MAYBE"}, "decision", unsupported, 0},
		{"amount of a sale", &providers.CreateCommissionInput{Commission: providers.NewCommissionInput{Sale: &providers.SaleCommissionInput{Referral: s.lead.ID, SaleAmount: money, Amount: &money}}},
			"commission.sale.amount", unsupported, 0},
		{"sale beside a custom commission", &providers.CreateCommissionInput{Commission: providers.NewCommissionInput{Custom: &providers.CustomCommissionInput{Affiliate: s.single.ID, Amount: money, SaleAmount: &money}}},
			"commission.custom.saleAmount", unsupported, 0},
		{"half a cent", &providers.CreateCommissionInput{Commission: providers.NewCommissionInput{Custom: &providers.CustomCommissionInput{Affiliate: s.single.ID, Amount: usd("0.005")}}},
			"commission.custom.amount", invalid, 0},
		{"half a cent of a sale", &providers.CreateCommissionInput{Commission: providers.NewCommissionInput{Sale: &providers.SaleCommissionInput{Referral: s.lead.ID, SaleAmount: usd("1.005")}}},
			"commission.sale.saleAmount", invalid, 0},
		{"half a cent more", &providers.AdjustCommissionInput{ID: s.approved.ID, Amount: usd("0.005")}, "amount", invalid, 0},
		{"commission status", &providers.SetCommissionStatusInput{ID: s.approved.ID, Status: providers.CommissionPaid}, "status", unsupported, 0},
		{"payout note", &providers.MarkPayoutPaidInput{ID: s.payout.ID, Note: new("x")}, "note", unsupported, 0},
		{"payout message", &providers.MarkPayoutPaidInput{ID: s.payout.ID, Message: new("x")}, "message", unsupported, 0},
		{"reward", &providers.AssignCouponInput{Affiliate: s.single.ID, Code: "X", RewardID: new("twenty")}, "rewardId", invalid, 0},
		{"no site", campaign(func(t *providers.CampaignTerms) { t.WebsiteURL = nil }), "terms.websiteUrl", invalid, 0},
		{"no days", campaign(func(t *providers.CampaignTerms) { t.CookieDays = nil }), "terms.cookieDays", invalid, 0},
		{"no parameter", campaign(func(t *providers.CampaignTerms) { t.LinkParameter = nil }), "terms.linkParameter", invalid, 0},
		{"parameter", campaign(func(t *providers.CampaignTerms) { t.LinkParameter = new("me") }), "terms.linkParameter", unsupported, 0},
		{"commission", campaign(func(t *providers.CampaignTerms) { t.Commission = &providers.CommissionRuleInput{Amount: &money} }), "terms.commission", unsupported, 0},
		{"codes", campaign(func(t *providers.CampaignTerms) { t.CodeMode = new(providers.CodeBoth) }), "terms.codeMode", unsupported, 0},
		{"template", campaign(func(t *providers.CampaignTerms) { t.CouponTemplate = new("x") }), "terms.couponTemplate", unsupported, 0},
		{"default", campaign(func(t *providers.CampaignTerms) { t.IsDefault = new(true) }), "terms.isDefault", unsupported, 0},
		{"default of a campaign", &providers.UpdateCampaignInput{ID: s.campaigns[0].ID, Terms: &providers.CampaignTerms{IsDefault: new(true)}}, "terms.isDefault", unsupported, 0},
	})
}

// TestRefused: what the records do not allow is found by reading, and nothing is sent.
func TestRefused(t *testing.T) {
	s := newStage(t)
	const notFound, conflict, wrong, taken, invalid = providers.ProblemNotFound, providers.ProblemConflict, providers.ProblemWrongState, providers.ProblemTaken, providers.ProblemInvalid
	in := s.single.Memberships[0].CampaignID
	nobody, nowhere := id(providers.NounAffiliate, "8299999"), s.other(s.single)
	foreign := providers.ID{Account: "other", Noun: providers.NounAffiliate, Local: s.single.ID.Local}
	spelled := id(providers.NounAffiliate, "../campaigns/28001")
	custom := func(a providers.ID, campaign *providers.ID) providers.Command {
		return &providers.CreateCommissionInput{IdempotencyKey: someWrite, Commission: providers.NewCommissionInput{
			Custom: &providers.CustomCommissionInput{Affiliate: a, Campaign: campaign, Amount: usd("1")}}}
	}
	status := func(a providers.ID, to providers.AffiliateStatus, campaign *providers.ID) providers.Command {
		return &providers.SetAffiliateStatusInput{ID: a, Status: to, Campaign: campaign}
	}
	member := s.single.Memberships[0].ID
	stranger := id(providers.NounMembership, s.single.Memberships[0].ProviderID+"~"+s.boss.ID.Local)
	check(t, s, []refused{
		{"taken address", &providers.CreateAffiliateInput{Account: account, Email: strings.ToUpper(*s.boss.Email)}, "email", taken, 1},
		{"nobody", &providers.UpdateAffiliateInput{ID: nobody, FirstName: new("A")}, "id", notFound, 1},
		{"another account's", &providers.UpdateAffiliateInput{ID: foreign, FirstName: new("A")}, "id", notFound, 0},
		{"an id that is a path", &providers.UpdateAffiliateInput{ID: spelled, FirstName: new("A")}, "id", notFound, 0},
		{"one of several", status(s.several.ID, providers.AffiliateBanned, nil), "campaign", invalid, 1},
		{"not in the campaign", status(s.single.ID, providers.AffiliateBanned, &nowhere), "campaign", notFound, 1},
		{"archived", status(s.archived.ID, providers.AffiliateBanned, nil), "id", wrong, 1},
		{"moved to where they are", &providers.MoveAffiliateInput{ID: s.several.ID, FromCampaign: &s.several.Memberships[0].CampaignID, ToCampaign: s.several.Memberships[1].CampaignID}, "toCampaign", conflict, 1},
		{"moved from where they are not", &providers.MoveAffiliateInput{ID: s.single.ID, FromCampaign: &nowhere, ToCampaign: in}, "fromCampaign", notFound, 1},
		{"moved to nowhere", &providers.MoveAffiliateInput{ID: s.single.ID, ToCampaign: id(providers.NounCampaign, "1")}, "toCampaign", notFound, 2},
		{"parent is nobody", &providers.SetAffiliateParentInput{ID: s.single.ID, Parent: nobody}, "parent", notFound, 2},
		{"added to where they are", &providers.AddAffiliateToCampaignInput{Affiliate: s.single.ID, Campaign: in}, "campaign", conflict, 1},
		{"added to nowhere", &providers.AddAffiliateToCampaignInput{Affiliate: s.single.ID, Campaign: id(providers.NounCampaign, "1")}, "campaign", notFound, 2},
		{"somebody else's membership", &providers.UpdateMembershipInput{ID: stranger, RefCode: new("x")}, "id", notFound, 1},
		{"half a membership", &providers.UpdateMembershipInput{ID: id(providers.NounMembership, strings.TrimRight(member.Local, "0123456789")), RefCode: new("x")}, "id", notFound, 0},
		{"taken customer", &providers.CreateReferralInput{Affiliate: s.single.ID, Email: s.lead.Email}, "email", taken, 2},
		{"taken customer's id", &providers.CreateReferralInput{Affiliate: s.single.ID, CustomerID: s.lead.CustomerID}, "customerId", taken, 2},
		{"referral in one of several", &providers.CreateReferralInput{Affiliate: s.several.ID, Email: new("a@b.example")}, "campaign", invalid, 1},
		{"no referral", &providers.UpdateReferralInput{ID: id(providers.NounReferral, "1"), Email: new("a@b.example")}, "id", notFound, 1},
		{"moved to their own", &providers.MoveReferralInput{ID: s.lead.ID, Affiliate: s.lead.AffiliateID, Campaign: &s.lead.CampaignID}, "affiliate", conflict, 2},
		{"approved without waiting", &providers.SetReferralStatusInput{ID: s.lead.ID, Decision: providers.ReferralApprove}, "id", wrong, 1},
		{"disabled twice", &providers.SetReferralStatusInput{ID: s.denied.ID, Decision: providers.ReferralDisable}, "id", wrong, 1},
		{"enabled for nothing", &providers.SetReferralStatusInput{ID: s.lead.ID, Decision: providers.ReferralEnable}, "id", wrong, 1},
		{"commission for nobody", custom(nobody, nil), "commission.custom.affiliate", notFound, 1},
		{"commission in one of several", custom(s.several.ID, nil), "commission.custom.campaign", invalid, 1},
		{"commission elsewhere", custom(s.single.ID, &nowhere), "commission.custom.campaign", notFound, 1},
		{"sale of nobody", &providers.CreateCommissionInput{Commission: providers.NewCommissionInput{Sale: &providers.SaleCommissionInput{Referral: id(providers.NounReferral, "1"), SaleAmount: usd("1")}}},
			"commission.sale.referral", notFound, 1},
		{"a sale that is there", &providers.CreateCommissionInput{EventID: s.approved.EventID, Commission: providers.NewCommissionInput{
			Sale: &providers.SaleCommissionInput{Referral: s.approved.ReferralID, SaleAmount: *s.approved.SaleAmount}}}, "eventId", taken, 2},
		{"adjusted points", &providers.AdjustCommissionInput{ID: s.points.ID, Amount: usd("1")}, "id", wrong, 1},
		{"no commission", &providers.UpdateCommissionInput{ID: id(providers.NounCommission, "1"), Note: new("x")}, "id", notFound, 3},
		{"denied when paid", &providers.SetCommissionStatusInput{ID: s.paid.ID, Status: providers.CommissionDenied}, "id", wrong, 1},
		{"new code without a reward", &providers.AssignCouponInput{Affiliate: s.single.ID, Code: "NEVERSEEN"}, "rewardId", invalid, 3},
		{"a code with another reward", &providers.AssignCouponInput{Affiliate: s.single.ID, Code: s.coupon.Code, RewardID: new("1")}, "rewardId", conflict, 2},
		{"no campaign", &providers.UpdateCampaignInput{ID: id(providers.NounCampaign, "1"), Name: new("x")}, "id", notFound, 1},
		{"no webhook", &providers.DeleteWebhookSubscriptionInput{ID: id(providers.NounWebhookSubscription, "1")}, "id", notFound, 1},
	})
}

func check(t *testing.T, s *stage, cases []refused) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s.server.Kit().Forget()
			_, err := s.Plan(t.Context(), c.command)
			var problems providers.Problems
			if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Code != c.code || strings.Join(problems[0].Field, ".") != c.field {
				t.Errorf("got %#v, want %s at %s", err, c.code, c.field)
			}
			if strings.Contains(err.Error(), "@") {
				t.Errorf("the problem tells an address: %v", err)
			}
			if writes, reads := s.sent(); len(writes) != 0 || reads != c.reads {
				t.Errorf("%d writes and %d reads, want 0 and %d", len(writes), reads, c.reads)
			}
		})
	}
}

// TestPayoutAgrees: a payout is marked as paid for exactly the commissions named and
// exactly their sum, or not at all.
func TestPayoutAgrees(t *testing.T) {
	s := newStage(t)
	more := *s.payout.Amount
	sum, err := more.Amount.Add(usd("0.01").Amount)
	if err != nil {
		t.Fatal(err)
	}
	more.Amount = sum
	euros := *s.payout.Amount
	euros.CurrencyCode = "EUR"
	few, others := s.inside[1:], append(slices.Clone(s.inside), s.pending.ID)
	for name, c := range map[string]struct {
		ids   []providers.ID
		total providers.Money
		field string
	}{
		"one is not named":        {few, *s.payout.Amount, "commissions"},
		"one is of somewhere":     {others, *s.payout.Amount, "commissions." + decimal(int64(len(s.inside)))},
		"a cent more":             {s.inside, more, "expectedTotal"},
		"another currency":        {s.inside, euros, "expectedTotal"},
		"only those of elsewhere": {[]providers.ID{s.pending.ID}, *s.payout.Amount, "commissions"},
	} {
		s.server.Kit().Forget()
		_, err := s.Plan(t.Context(), &providers.MarkPayoutPaidInput{ID: s.payout.ID, Commissions: c.ids, ExpectedTotal: c.total})
		var problems providers.Problems
		if !errors.As(err, &problems) || problems[0].Code != providers.ProblemConflict || strings.Join(problems[0].Field, ".") != c.field {
			t.Errorf("%s: got %v, want a conflict at %s", name, err, c.field)
		}
		if writes, _ := s.sent(); len(writes) != 0 {
			t.Errorf("%s: %d writes", name, len(writes))
		}
	}

	// What changes at the vendor between a client's reading and its writing is seen.
	w := mustPlan(t, s, &providers.SetCommissionStatusInput{IdempotencyKey: someWrite, ID: s.inside[0], Status: providers.CommissionDenied})
	if _, err := w.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	pay := &providers.MarkPayoutPaidInput{ID: s.payout.ID, Commissions: s.inside, ExpectedTotal: *s.payout.Amount}
	var problems providers.Problems
	if _, err := s.Plan(t.Context(), pay); !errors.As(err, &problems) || problems[0].Code != providers.ProblemConflict {
		t.Errorf("after one of its commissions was denied: got %v, want a conflict", err)
	}
}

// TestIgnoredFilter: a vendor that ignores the filter by payout answers everybody's
// commissions, and nothing is paid.
func TestIgnoredFilter(t *testing.T) {
	stored := providertest.Exchanges(t, ".")
	var rows []json.RawMessage
	if err := json.Unmarshal(providertest.Find(t, stored, "commission_list_payout").Body, &rows); err != nil {
		t.Fatal(err)
	}
	all, err := json.Marshal(append(rows, json.RawMessage(`{"id":1,"status":"approved","unit":"cash","amount":0,"promoter_campaign":{"id":2,"promoter_id":3,"campaign_id":4}}`)))
	if err != nil {
		t.Fatal(err)
	}
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s was sent", r.Method, r.URL)
		}
		if r.URL.Path == "/payouts" {
			_, _ = w.Write(providertest.Find(t, stored, "payout_list_one").Body)
			return
		}
		_, _ = w.Write(all)
	}), someKey)
	_, err = p.Plan(t.Context(), &providers.MarkPayoutPaidInput{ID: id(providers.NounPayout, "2710290"), ExpectedTotal: usd("10"),
		Commissions: []providers.ID{id(providers.NounCommission, "13533000"), id(providers.NounCommission, "13533001")}})
	var problems providers.Problems
	if !errors.As(err, &problems) || problems[0].Code != providers.ProblemConflict {
		t.Errorf("got %v, want a conflict", err)
	}
}

// TestVendorRefuses: what the vendor refuses comes with its fields, whose names lead to the
// input's.
func TestVendorRefuses(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct {
		name    string
		command providers.Command
		kind    providers.Kind
		path    string
	}{
		{"code", &providers.UpdateMembershipInput{ID: s.single.Memberships[0].ID, RefCode: s.boss.Memberships[0].RefCode}, providers.KindInvalid, "refCode"},
		{"address", &providers.UpdateAffiliateInput{ID: s.single.ID, Email: s.boss.Email}, providers.KindInvalid, "email"},
		{"customer", &providers.UpdateReferralInput{ID: s.lead.ID, Email: s.denied.Email}, providers.KindInvalid, "email"},
		{"customer's id", &providers.CreateReferralInput{Affiliate: s.single.ID, Email: new("fresh@x.example"), CustomerID: s.lead.CustomerID}, providers.KindInvalid, "customerId"},
		{"reward", &providers.AssignCouponInput{Affiliate: s.single.ID, Code: "NEVERSEEN", RewardID: new("1")}, providers.KindNotFound, ""},
		{"campaign", &providers.CreateAffiliateInput{Account: account, Email: "one@example.com", Campaign: new(id(providers.NounCampaign, "1"))}, providers.KindInvalid, "campaign"},
		{"denied customer", &providers.CreateCommissionInput{EventID: new("ch_1"), Commission: providers.NewCommissionInput{Sale: &providers.SaleCommissionInput{Referral: s.denied.ID, SaleAmount: usd("1")}}},
			providers.KindConflict, ""},
	} {
		w := mustPlan(t, s, c.command)
		_, err := w.Send(t.Context())
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != c.kind {
			t.Errorf("%s: got %v, want %s", c.name, err, c.kind)
			continue
		}
		var paths []string
		for field := range e.Fields {
			paths = append(paths, w.Fields[field])
		}
		if got := strings.Join(paths, " "); got != c.path {
			t.Errorf("%s: the fields lead to %q, want %q", c.name, got, c.path)
		}
		if v, _ := mustLook(t, s, c.command, w.Before, false); v != providers.NotMade {
			t.Errorf("%s: a look says %s", c.name, v)
		}
	}
}

// TestApprove: a referral that waits is approved; one that was disabled meanwhile was not.
func TestApprove(t *testing.T) {
	s := newStage(t)
	s.server.Kit().Set(sandbox.HoldReferrals, true)
	send := func(c providers.Command) *providers.Written {
		t.Helper()
		made, err := mustPlan(t, s, c).Send(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	for _, instead := range []providers.ReferralDecision{providers.ReferralApprove, providers.ReferralDisable} {
		made := send(&providers.CreateReferralInput{IdempotencyKey: someWrite, Affiliate: s.single.ID, Email: new(strings.ToLower(string(instead)) + "@customer.example")})
		approve := &providers.SetReferralStatusInput{IdempotencyKey: someWrite, ID: made.ID, Decision: providers.ReferralApprove}
		w := mustPlan(t, s, approve)
		if v, _ := mustLook(t, s, approve, w.Before, false); v != providers.NotMade {
			t.Errorf("before: a look says %s", v)
		}
		send(&providers.SetReferralStatusInput{IdempotencyKey: someWrite, ID: made.ID, Decision: instead})
		want := providers.Made
		if instead == providers.ReferralDisable {
			want = providers.Unclear
		}
		if v, _ := mustLook(t, s, approve, w.Before, true); v != want {
			t.Errorf("after %s a look says %s, want %s", instead, v, want)
		}
	}
}

// TestMistaken: a look does not take another record for the one that was to be made.
func TestMistaken(t *testing.T) {
	s := newStage(t)
	send := func(c providers.Command) {
		t.Helper()
		if _, err := mustPlan(t, s, c).Send(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	person := func(first string) *providers.CreateAffiliateInput {
		return &providers.CreateAffiliateInput{IdempotencyKey: someWrite, Account: account, Email: "same@example.com", FirstName: &first}
	}
	customer := func(a *providers.Affiliate) *providers.CreateReferralInput {
		return &providers.CreateReferralInput{IdempotencyKey: someWrite, Affiliate: a.ID, Email: new("same@customer.example")}
	}
	sale := func(amount string) *providers.CreateCommissionInput {
		return &providers.CreateCommissionInput{IdempotencyKey: someWrite, EventID: new("ch_same"), Commission: providers.NewCommissionInput{
			Sale: &providers.SaleCommissionInput{Referral: s.lead.ID, SaleAmount: usd(amount)}}}
	}
	custom := func(event, amount string) *providers.CreateCommissionInput {
		return &providers.CreateCommissionInput{IdempotencyKey: someWrite, EventID: &event, Commission: providers.NewCommissionInput{
			Custom: &providers.CustomCommissionInput{Affiliate: s.single.ID, Amount: usd(amount)}}}
	}
	for _, c := range []struct {
		name         string
		ours, theirs providers.Command
		want         providers.Verdict
	}{
		{"a namesake's address", person("Ann"), person("Ben"), providers.Unclear},
		{"another affiliate's customer", customer(s.single), customer(s.boss), providers.Unclear},
		{"an event's other sale", sale("10"), sale("11"), providers.Unclear},
		{"a longer event", custom("ch_part", "10"), custom("ch_part_2", "10"), providers.NotMade},
		{"an event's bonus of another amount", custom("ch_bonus", "10"), custom("ch_bonus", "11"), providers.Unclear},
	} {
		w := mustPlan(t, s, c.ours)
		send(c.theirs)
		if v, _ := mustLook(t, s, c.ours, w.Before, false); v != c.want {
			t.Errorf("%s: a look says %s, want %s", c.name, v, c.want)
		}
	}
}

// TestSearchGoesOn: an event is looked for on every page that the search has, as the
// address of a customer may be found before it.
func TestSearchGoesOn(t *testing.T) {
	rows := make([]string, pageSize)
	for i := range rows {
		rows[i] = `{"id":` + decimal(int64(i+1)) + `,"event_id":"x","promoter_campaign":{"id":1,"promoter_id":2,"campaign_id":3}}`
	}
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("page") {
		case "1":
			_, _ = w.Write([]byte("[" + strings.Join(rows, ",") + "]"))
		case "2":
			_, _ = w.Write([]byte(`[{"id":900,"event_id":"ch_1","commission_type":"custom","unit":"cash","amount":100,"tier":1,"promoter_campaign":{"id":1,"promoter_id":2,"campaign_id":3}}]`))
		}
	}), someKey)
	c := &providers.CreateCommissionInput{IdempotencyKey: someWrite, EventID: new("ch_1"), Commission: providers.NewCommissionInput{
		Custom: &providers.CustomCommissionInput{Affiliate: id(providers.NounAffiliate, "2"), Amount: usd("1")}}}
	v, made, err := p.Look(t.Context(), c, json.RawMessage(`{"Campaign":"3"}`), true)
	if err != nil || v != providers.Made || made.ID.Local != "900" {
		t.Errorf("got %s %+v %v, want %s", v, made, err, providers.Made)
	}
}
