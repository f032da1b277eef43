package uppromote

import (
	"fmt"
	"slices"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// TestLookTells: what a look finds made is outdated, beside what it read.
func TestLookTells(t *testing.T) {
	p := open(t, providertest.Answer(200, `{"data":{"id":5,"email":"a@example.com","program_id":8}}`))
	move := &providers.MoveAffiliateInput{ID: id(providers.NounAffiliate, "5"), ToCampaign: id(providers.NounCampaign, "8")}
	v, written, err := p.Look(t.Context(), move, []byte(`"7"`), false)
	if v != providers.Made || err != nil || len(written.Harvest.Affiliates) != 1 || !slices.Contains(written.Stale, id(providers.NounMembership, "5~7")) {
		t.Errorf("a move: %s, %+v, %v; want the affiliate, and that the old membership is outdated", v, written, err)
	}
	v, _, err = p.Look(t.Context(), &providers.AssignCouponInput{Affiliate: id(providers.NounAffiliate, "5"), Code: "A"}, nil, false)
	if v != providers.Unclear || err != nil {
		t.Errorf("a record without coupons: %s, %v; want %s", v, err, providers.Unclear)
	}
}

// TestForeignWork: what others did meanwhile is not taken for a write's work.
func TestForeignWork(t *testing.T) {
	sim, p := store(t)
	a := affiliateWhere(t, p, active)
	due := dueWhere(t, p, func(d *providers.Payout) bool { return d.Amount.Amount.Sign() > 0 && len(d.CommissionIDs) > 1 })
	pending := commissionWhere(t, p, func(c *providers.Commission) bool { return c.Status == providers.CommissionPending })
	url := "https://a.example/1"
	hook := id(providers.NounWebhookSubscription, "referral.new")
	for _, tt := range []struct {
		name      string
		c         providers.Command
		meanwhile func()
	}{
		{"somebody of another name", &providers.CreateAffiliateInput{Email: newEmail, FirstName: new("Robin")}, func() {
			must(t, p, &providers.CreateAffiliateInput{Email: newEmail, FirstName: new("Alex")})
		}},
		{"a third status", &providers.SetCommissionStatusInput{ID: pending.ID, Status: providers.CommissionApproved}, func() {
			must(t, p, &providers.SetCommissionStatusInput{ID: pending.ID, Status: providers.CommissionDenied})
		}},
		{"another adjustment", &providers.AdjustCommissionInput{ID: pending.ID, Amount: *money("5")}, func() {
			must(t, p, &providers.AdjustCommissionInput{ID: pending.ID, Amount: *money("6")})
		}},
		{"some were paid", &providers.MarkPayoutPaidInput{ID: due.ID, Commissions: due.CommissionIDs, ExpectedTotal: *due.Amount}, func() {
			pay(t, p, wireMarkPaid{AffiliateEmail: email(reread(t, p, due.AffiliateID)), ReferralIDs: due.CommissionIDs[0].Local})
		}},
		{"an event at another address", &providers.CreateWebhookSubscriptionInput{TargetURL: url, Events: []string{"affiliate.new"}}, func() {
			must(t, p, &providers.CreateWebhookSubscriptionInput{TargetURL: url + "2", Events: []string{"affiliate.new"}})
		}},
		{"a third address", &providers.UpdateWebhookSubscriptionInput{ID: hook, TargetURL: &url}, func() {
			must(t, p, &providers.UpdateWebhookSubscriptionInput{ID: hook, TargetURL: new(url + "2")})
		}},
		{"a new subscription in the place of the old one", &providers.DeleteWebhookSubscriptionInput{ID: hook}, func() {
			old := subscriptionState(t, p, "referral.new")()
			must(t, p, &providers.DeleteWebhookSubscriptionInput{ID: hook})
			must(t, p, &providers.CreateWebhookSubscriptionInput{TargetURL: old, Events: []string{"referral.new"}})
		}},
		{"a third program", &providers.MoveAffiliateInput{ID: a.ID, ToCampaign: id(providers.NounCampaign, "999")}, func() {
			must(t, p, &providers.MoveAffiliateInput{ID: a.ID, ToCampaign: otherCampaign(t, p, a)})
		}},
	} {
		w, err := p.Plan(t.Context(), tt.c)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		sim.Kit().Fail(sandbox.Fault{}) // it was not made
		if _, err := w.Send(t.Context()); err == nil {
			t.Fatalf("%s: it was sent", tt.name)
		}
		tt.meanwhile()
		if v, written, err := p.Look(t.Context(), tt.c, w.Before, false); v != providers.Unclear || written != nil || err != nil {
			t.Errorf("%s: %s, %+v, %v; want %s", tt.name, v, written, err, providers.Unclear)
		}
	}
}

func otherCampaign(t *testing.T, p *provider, a *providers.Affiliate) providers.ID {
	t.Helper()
	lists, err := p.Campaigns(providers.CampaignFilter{})
	return rowWhere(t, p, lists, err, func(c *providers.Campaign) bool { return c.ID != a.Memberships[0].CampaignID }).ID
}

// TestOrdersMeanwhile: of an order's referrals only the affiliate's own can be the one that
// was to be made, and not what the shop has tracked by itself.
func TestOrdersMeanwhile(t *testing.T) {
	row := func(id, affiliate int, order, more string) string {
		return fmt.Sprintf(`{"id":%d,"order_id":%s,"status":"pending","affiliate":{"id":%d},"commission":"1",%s}`, id, order, affiliate, more)
	}
	for name, tt := range map[string]struct {
		rows      string
		disturbed bool
		want      providers.Verdict
	}{
		"nothing":               {"", false, providers.NotMade},
		"it":                    {row(1, 5, "77", `"tracking_type":"Manually added"`), false, providers.Made},
		"it, and the upline's":  {row(1, 5, "77", `"total_sales":"9"`) + "," + row(2, 6, "77", `"total_sales":"9"`), false, providers.Made},
		"it, or another's work": {row(1, 5, "77", `"total_sales":"9"`), true, providers.Unclear},
		"another's":             {row(1, 6, "77", `"total_sales":"9"`), false, providers.NotMade},
		"another order's":       {row(1, 5, "78", `"total_sales":"9"`), false, providers.NotMade},
		"a refund":              {row(1, 5, "77", `"refund_id":3`), false, providers.NotMade},
		"two":                   {row(1, 5, "77", `"total_sales":"9"`) + "," + row(2, 5, "77", `"total_sales":"9"`), false, providers.Unclear},
		"one that was tracked":  {row(1, 5, "77", `"tracking_type":"Tracked by affiliate link"`), false, providers.Unclear},
	} {
		p := open(t, providertest.Answer(200, `{"status":200,"data":[`+tt.rows+`]}`))
		c := &providers.CreateReferralInput{Affiliate: id(providers.NounAffiliate, "5"), OrderID: new("77")}
		v, written, err := p.Look(t.Context(), c, nil, tt.disturbed)
		if v != tt.want || err != nil || v == providers.Made && written.ID != id(providers.NounReferral, "1") {
			t.Errorf("%s: %s, %+v, %v; want %s", name, v, written, err, tt.want)
		}
	}
}

// TestLookFails: a look that cannot read says so, and none that a pre-image which is not
// ours decides.
func TestLookFails(t *testing.T) {
	for m, row := range mutations {
		_, good := store(t)
		y := row.play(t, good)
		v, written, err := open(t, providertest.Answer(401, `{"message":"Unauthorized"}`)).Look(t.Context(), y.c, nil, false)
		if row.made == providers.Unclear { // nothing is read
			if v != providers.Unclear || err != nil {
				t.Errorf("%s: %s, %v; want %s", m, v, err, providers.Unclear)
			}
		} else if providers.KindOf(err) != providers.KindUnauthorized || v != "" || written != nil {
			t.Errorf("%s: %q, %+v, %v; want the error", m, v, written, err)
		}
	}
	_, p := store(t)
	a := affiliateWhere(t, p, active)
	c := &providers.SetAffiliateStatusInput{ID: a.ID, Status: providers.AffiliateInactive}
	for _, before := range []string{"", "null", "7", "{}"} {
		if v, _, err := p.Look(t.Context(), c, []byte(before), false); v != providers.Unclear || err != nil {
			t.Errorf("the pre-image %q: %s, %v; want %s", before, v, err, providers.Unclear)
		}
	}
}

// TestPaidWithMore: a payment that covers others as well is not the one that was to be made.
func TestPaidWithMore(t *testing.T) {
	sim, p := store(t)
	due := dueWhere(t, p, func(d *providers.Payout) bool { return d.Amount.Amount.Sign() > 0 })
	c := &providers.MarkPayoutPaidInput{ID: due.ID, Commissions: due.CommissionIDs, ExpectedTotal: *due.Amount}
	w, err := p.Plan(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	sim.Kit().Fail(sandbox.Fault{})
	if _, err := w.Send(t.Context()); err == nil {
		t.Fatal("it was sent")
	}
	bonus := must(t, p, &providers.CreateCommissionInput{Commission: providers.NewCommissionInput{
		Custom: &providers.CustomCommissionInput{Affiliate: due.AffiliateID, Amount: *money("3")}}})
	must(t, p, &providers.SetCommissionStatusInput{ID: bonus.ID, Status: providers.CommissionApproved})
	payAll(t, p, due.AffiliateID)
	if v, _, err := p.Look(t.Context(), c, w.Before, false); v != providers.Unclear || err != nil {
		t.Errorf("%s, %v; want %s", v, err, providers.Unclear)
	}
}
