package promotekit

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/promotekit/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
	kit "github.com/partnergraph/partnergraph/providers/sandbox"
)

// said are problems, a line each.
func said(err error) (lines []string) {
	var problems providers.Problems
	if !errors.As(err, &problems) {
		if err != nil {
			lines = []string{err.Error()}
		}
		return lines
	}
	for _, p := range problems {
		lines = append(lines, string(p.Code)+" "+strings.Join(p.Field, "."))
		if p.Message == "" {
			lines = append(lines, "without a message")
		}
	}
	return lines
}

// TestRefusedUnread: what the vendor does not take, or wants and does not get, costs no call.
func TestRefusedUnread(t *testing.T) {
	c := newCast(t)
	account, absent := providers.ID{Account: "saas", Noun: providers.NounAccount}, id(providers.NounCampaign, "7")
	terms := func(change func(*providers.CampaignTerms)) providers.Command {
		terms := providers.CampaignTerms{Commission: &providers.CommissionRuleInput{Amount: dollars("1")}, CodeMode: new(providers.CodeLink), WebsiteURL: new("https://x.example")}
		change(&terms)
		return &providers.CreateCampaignInput{Account: account, Name: "n", Terms: terms}
	}
	for name, tt := range map[string]struct {
		command providers.Command
		want    string
	}{
		"affiliate": {&providers.CreateAffiliateInput{Account: account, Email: "a@x.example", SendEmail: new(false), Campaign: &absent},
			"INVALID firstName, INVALID lastName, UNSUPPORTED sendEmail, NOT_FOUND campaign"},
		"status":    {&providers.SetAffiliateStatusInput{ID: c.member.ID, Status: providers.AffiliateArchived, Campaign: &c.link.ID}, "UNSUPPORTED status, UNSUPPORTED campaign"},
		"move":      {&providers.MoveAffiliateInput{ID: c.member.ID, ToCampaign: absent, MoveReferrals: new(true)}, "UNSUPPORTED moveReferrals, NOT_FOUND toCampaign"},
		"no such":   {&providers.UpdateAffiliateInput{ID: id(providers.NounAffiliate, "7"), FirstName: new("x")}, "NOT_FOUND id"},
		"no part":   {&providers.UpdateMembershipInput{ID: id(providers.NounMembership, uuidA), RefCode: new("x")}, "NOT_FOUND id"},
		"coupon":    {&providers.AssignCouponInput{Affiliate: c.insider.ID, Code: "X", Description: new("d"), Campaign: &c.both.ID, RewardID: new("r")}, "UNSUPPORTED description, UNSUPPORTED campaign, UNSUPPORTED rewardId"},
		"terms":     {terms(func(t *providers.CampaignTerms) { *t = providers.CampaignTerms{} }), "INVALID terms.commission, INVALID terms.codeMode"},
		"link":      {terms(func(t *providers.CampaignTerms) { t.WebsiteURL = nil }), "INVALID terms.websiteUrl"},
		"both":      {terms(func(t *providers.CampaignTerms) { t.CodeMode = new(providers.CodeBoth) }), "INVALID terms.couponTemplate"},
		"code mode": {terms(func(t *providers.CampaignTerms) { t.CodeMode = new(providers.CodeUnknown) }), "UNSUPPORTED terms.codeMode"},
		"others' terms": {terms(func(t *providers.CampaignTerms) {
			t.IsPrivate, t.ApprovalRequired, t.CookieDays, t.LinkParameter = new(true), new(true), new(int64(3)), new("via")
		}), "UNSUPPORTED terms.isPrivate, UNSUPPORTED terms.approvalRequired, UNSUPPORTED terms.cookieDays, UNSUPPORTED terms.linkParameter"},
		"changed terms": {&providers.UpdateCampaignInput{ID: c.link.ID, Terms: &providers.CampaignTerms{IsPrivate: new(true)}}, "UNSUPPORTED terms.isPrivate"},
		"no campaign":   {&providers.UpdateCampaignInput{ID: absent, Name: new("x")}, "NOT_FOUND id"},
		"referral": {&providers.CreateReferralInput{Affiliate: id(providers.NounAffiliate, "7"), OrderID: new("1"), Campaign: &c.link.ID, Status: new(providers.ReferralRefunded)},
			"UNSUPPORTED status, INVALID email, UNSUPPORTED orderId, UNSUPPORTED campaign, NOT_FOUND affiliate"},
		"custom": {&providers.CreateCommissionInput{Commission: providers.NewCommissionInput{Custom: &providers.CustomCommissionInput{Affiliate: c.member.ID, Amount: *dollars("1")}}},
			"UNSUPPORTED commission.custom"},
		"sale": {&providers.CreateCommissionInput{Note: new("n"), InternalNote: new("n"), Notify: new(true), Commission: providers.NewCommissionInput{
			Sale: &providers.SaleCommissionInput{Referral: id(providers.NounReferral, "7", "8"), SaleAmount: *dollars("1")}}},
			"INVALID commission.sale.amount, NOT_FOUND commission.sale.referral, UNSUPPORTED note, UNSUPPORTED internalNote, UNSUPPORTED notify"},
	} {
		s := simulator()
		plan, err := open(t, s).Plan(t.Context(), tt.command)
		if got := strings.Join(said(err), ", "); got != tt.want || plan != nil {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
		if got := calls(s); len(got) > 0 {
			t.Errorf("%s: it cost %q", name, got)
		}
	}
}

// TestRefusedByRecords: what does not go with the vendor's records is said, and nothing is sent.
func TestRefusedByRecords(t *testing.T) {
	c := newCast(t)
	all := writes(c)
	absent := id(providers.NounAffiliate, uuidA)
	taken := *all["createAffiliate"].command.(*providers.CreateAffiliateInput)
	taken.Email = strings.ToUpper(*c.member.Email)
	referred := *all["createReferral"].command.(*providers.CreateReferralInput)
	if page, err := open(t, simulator()).ReferralsByID(t.Context(), []providers.ID{c.referral}); err != nil {
		t.Fatal(err)
	} else {
		referred.Email = page.Found[c.referral].Email
	}
	for name, tt := range map[string]struct {
		command providers.Command
		want    string
	}{
		"address taken":                 {&taken, "TAKEN email"},
		"customer taken":                {&referred, "TAKEN email"},
		"no affiliate":                  {&providers.UpdateAffiliateInput{ID: absent, FirstName: new("x")}, "NOT_FOUND id"},
		"no affiliate to give a coupon": {&providers.AssignCouponInput{Affiliate: absent, Code: "X"}, "NOT_FOUND affiliate"},
		"no campaign":                   {&providers.UpdateCampaignInput{ID: id(providers.NounCampaign, uuidA), Name: new("x")}, "NOT_FOUND id"},
		"no campaign to be the default": {&providers.UpdateCampaignInput{ID: id(providers.NounCampaign, uuidA), Terms: &providers.CampaignTerms{IsDefault: new(true)}}, "NOT_FOUND id"},
		"links without an address": {&providers.UpdateCampaignInput{ID: c.coupon.ID, Terms: &providers.CampaignTerms{CodeMode: new(providers.CodeLink)}},
			"INVALID terms.websiteUrl"},
		"in this campaign already":     {&providers.MoveAffiliateInput{ID: c.member.ID, ToCampaign: c.link.ID}, "WRONG_STATE toCampaign"},
		"from another campaign":        {&providers.MoveAffiliateInput{ID: c.member.ID, FromCampaign: &c.coupon.ID, ToCampaign: c.both.ID}, "WRONG_STATE fromCampaign"},
		"a membership that is no more": {&providers.UpdateMembershipInput{ID: id(providers.NounMembership, c.member.ID.Local, c.both.ID.Local), RefCode: new("x")}, "NOT_FOUND id"},
		"no coupons in this campaign": {&providers.UpdateMembershipInput{ID: id(providers.NounMembership, c.member.ID.Local, c.link.ID.Local), CouponCode: new("X")},
			"WRONG_STATE couponCode"},
		"a coupon where there are none": {&providers.AssignCouponInput{Affiliate: c.member.ID, Code: "X"}, "WRONG_STATE code"},
		"their own coupon":              {&providers.AssignCouponInput{Affiliate: c.insider.ID, Code: strings.ToLower(c.insider.Coupons[0].Code)}, "TAKEN code"},
		"the event again":               {commission(c.referral, "1", "1", c.sale.EventID), "TAKEN eventId"},
		"no referral":                   {commission(id(providers.NounReferral, uuidA, c.member.ID.Local), "1", "1", nil), "NOT_FOUND commission.sale.referral"},
		"another affiliate's referral": {commission(id(providers.NounReferral, uuidOf(c.referral), c.insider.ID.Local), "1", "1", nil),
			"NOT_FOUND commission.sale.referral"},
		"another affiliate's referral without commissions": {commission(id(providers.NounReferral, uuidOf(c.bare), c.insider.ID.Local), "1", "1", nil),
			"NOT_FOUND commission.sale.referral"},
	} {
		s := simulator()
		plan, err := open(t, s).Plan(t.Context(), tt.command)
		if got := strings.Join(said(err), ", "); got != tt.want || plan != nil || sent(s) != 0 {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
	spelled := providertest.Answer(http.StatusOK, `{"success": true, "data": {"id": "`+uuidA+`"}}`)
	for _, command := range []providers.Command{
		&providers.UpdateAffiliateInput{ID: id(providers.NounAffiliate, strings.ToUpper(uuidA)), FirstName: new("x")},
		&providers.UpdateCampaignInput{ID: id(providers.NounCampaign, strings.ToUpper(uuidA)), Name: new("x")},
	} {
		if _, err := open(t, spelled).Plan(t.Context(), command); strings.Join(said(err), "") != "NOT_FOUND id" {
			t.Errorf("%s, the id spelled otherwise: got %v", command.Mutation(), err)
		}
	}
}

// TestRefusedByVendor: what the vendor says no to leads back to the input, and tells
// nobody's address.
func TestRefusedByVendor(t *testing.T) {
	c := newCast(t)
	all := writes(c)
	code := *all["createAffiliate"].command.(*providers.CreateAffiliateInput)
	code.RefCode = c.member.Links[0].Code
	nowhere := code
	nowhere.Campaign, nowhere.RefCode = new(id(providers.NounCampaign, uuidA)), nil
	for name, tt := range map[string]struct {
		command providers.Command
		fault   string // what the vendor answers in place of the simulator, with its status
		kind    providers.Kind
		field   string
	}{
		"code taken":          {command: &code, kind: providers.KindConflict, field: "refCode"},
		"address taken":       {command: &providers.UpdateAffiliateInput{ID: c.member.ID, Email: c.insider.Email}, kind: providers.KindConflict, field: "email"},
		"coupon taken":        {command: &providers.AssignCouponInput{Affiliate: c.insider.ID, Code: "X"}, fault: `409 promo_code X exists`, kind: providers.KindConflict, field: "code"},
		"no campaign":         {command: &nowhere, field: "campaign"},
		"no campaign to join": {command: &providers.MoveAffiliateInput{ID: c.member.ID, ToCampaign: id(providers.NounCampaign, uuidA)}, field: "toCampaign"},
		"no affiliate":        {command: &providers.CreateReferralInput{Affiliate: id(providers.NounAffiliate, uuidA), Email: new("n@x.example")}, field: "affiliate"},
		"not the default": {command: &providers.UpdateCampaignInput{ID: c.link.ID, Terms: &providers.CampaignTerms{IsDefault: new(false)}},
			kind: providers.KindInvalid, field: "terms.isDefault"},
		"bad amount":    {command: all["createCommission"].command, fault: "422 revenue_amount is too low", kind: providers.KindInvalid, field: "commission.sale.saleAmount"},
		"no field":      {command: all["createCommission"].command, fault: "400 no", kind: providers.KindInvalid},
		"a private one": {command: all["createAffiliate"].command, fault: "409 email Jane@new.example is taken", kind: providers.KindConflict, field: "email"},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulator()
			plan, err := open(t, s).Plan(t.Context(), tt.command)
			if err != nil {
				t.Fatal(err)
			}
			if status, message, ok := strings.Cut(tt.fault, " "); ok {
				body, _ := json.Marshal(map[string]any{"success": false, "error": map[string]string{"message": message, "type": "t"}})
				n := map[string]int{"400": 400, "409": 409, "422": 422}[status]
				s.Kit().Fail(kit.Fault{Status: n, Body: string(body)})
			}
			written, err := plan.Send(t.Context())
			if err == nil || written != nil || strings.Contains(strings.ToLower(err.Error()), "jane@") {
				t.Fatalf("got %+v, %v", written, err)
			}
			if tt.kind == "" {
				if got, want := said(err), []string{"NOT_FOUND " + tt.field}; !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
				return
			}
			e := (*providers.Error)(nil)
			if !errors.As(err, &e) || e.Kind != tt.kind {
				t.Fatalf("got %v, want %s", err, tt.kind)
			}
			var fields []string
			for name, words := range e.Fields {
				fields = append(fields, plan.Fields[name])
				if strings.Contains(strings.Join(words, " "), "@") {
					t.Errorf("an address is told: %q", words)
				}
			}
			if diff := cmp.Diff(strings.Fields(tt.field), fields); strings.Join(fields, " ") != tt.field {
				t.Errorf("fields (-want +got)\n%s", diff)
			}
			if got := sent(s); got != 1 {
				t.Errorf("%d writes were sent, want 1", got)
			}
		})
	}
}

// TestMutations holds the switches of Plan and Look, the proofs, the capabilities and the
// tests' writes together.
func TestMutations(t *testing.T) {
	proven, tested, able := map[providers.Capability]bool{}, map[providers.Capability]bool{}, map[providers.Capability]bool{}
	p := open(t, simulator())
	for _, proof := range p.Proofs() {
		proven[proof.Mutation] = true
	}
	for _, w := range writes(newCast(t)) {
		tested[w.command.Mutation()] = true
	}
	all := commands()
	for _, c := range all {
		if slices.Contains(p.Account().Capabilities, c.Mutation()) {
			able[c.Mutation()] = true
		}
	}
	if diff := cmp.Diff(able, proven); diff != "" {
		t.Errorf("capabilities and proofs (-capabilities +proofs)\n%s", diff)
	}
	if diff := cmp.Diff(able, tested); diff != "" {
		t.Errorf("capabilities and tests (-capabilities +tests)\n%s", diff)
	}
	switches := map[string][]string{}
	file, err := parser.ParseFile(token.NewFileSet(), "write.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && (f.Name.Name == "Plan" || f.Name.Name == "Look") {
			ast.Inspect(f.Body, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && strings.HasSuffix(s.Sel.Name, "Input") {
					switches[f.Name.Name] = append(switches[f.Name.Name], s.Sel.Name)
				}
				return true
			})
		}
	}
	var known []string
	for name, c := range all {
		if able[c.Mutation()] {
			known = append(known, name)
			continue
		}
		if _, err := p.Plan(t.Context(), c); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("planning %s: got %v", name, err)
		}
		if _, _, err := p.Look(t.Context(), c, nil, false); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("looking for %s: got %v", name, err)
		}
	}
	slices.Sort(known)
	for name, cases := range switches {
		slices.Sort(cases)
		if diff := cmp.Diff(known, cases); diff != "" {
			t.Errorf("%s (-capabilities +cases)\n%s", name, diff)
		}
	}
	if len(switches) != 2 {
		t.Errorf("the switches are of %d functions", len(switches))
	}
}

// commands is one of each, empty, by the name of its type.
func commands() map[string]providers.Command {
	all := map[string]providers.Command{}
	for _, c := range []providers.Command{
		new(providers.CreateAffiliateInput), new(providers.UpdateAffiliateInput), new(providers.SetAffiliateStatusInput), new(providers.MoveAffiliateInput),
		new(providers.SetAffiliateParentInput), new(providers.ConnectCustomerInput), new(providers.AddAffiliateToCampaignInput),
		new(providers.UpdateMembershipInput), new(providers.AssignCouponInput), new(providers.CreateCampaignInput), new(providers.UpdateCampaignInput),
		new(providers.CreateReferralInput), new(providers.UpdateReferralInput), new(providers.MoveReferralInput), new(providers.SetReferralStatusInput),
		new(providers.CreateCommissionInput), new(providers.UpdateCommissionInput), new(providers.SetCommissionStatusInput),
		new(providers.AdjustCommissionInput), new(providers.MarkPayoutPaidInput), new(providers.CreateWebhookSubscriptionInput),
		new(providers.UpdateWebhookSubscriptionInput), new(providers.DeleteWebhookSubscriptionInput),
	} {
		all[reflect.TypeOf(c).Elem().Name()] = c
	}
	return all
}

// TestWritesIDsOnly: what comes as its id alone is read where it is needed.
func TestWritesIDsOnly(t *testing.T) {
	c := newCast(t)
	for name, w := range writes(c) {
		s := simulator()
		s.Kit().Set(sandbox.IDsOnly, true)
		p := open(t, s)
		plan, err := p.Plan(t.Context(), w.command)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		written, err := plan.Send(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := written.ID.Local, strings.Replace(w.id, "new", uuidOf(written.ID), 1); got != want {
			t.Errorf("%s answers %s, want %s", name, got, want)
		}
		checkWritten(t, p, w, written)
		_, err = p.Plan(t.Context(), &providers.AssignCouponInput{Affiliate: c.member.ID, Code: "X"})
		if got := strings.Join(said(err), ""); got != "WRONG_STATE code" {
			t.Errorf("a coupon where there are none: got %s", got)
		}
	}
}
