package uppromote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	server "github.com/partnergraph/partnergraph/providers/uppromote/sandbox"
)

// told are problems as "path CODE", one after the other.
func told(err error) string {
	var problems providers.Problems
	if !errors.As(err, &problems) {
		return fmt.Sprint(err)
	}
	var all []string
	for _, p := range problems {
		all = append(all, strings.Join(p.Field, ".")+" "+string(p.Code))
	}
	return strings.Join(all, ", ")
}

func email(a *providers.Affiliate) string { return *a.Email }

// TestInputs: what a caller got wrong is told by the path of the field, and what can be
// known without asking costs no call.
func TestInputs(t *testing.T) {
	sim, p := store(t)
	a := affiliateWhere(t, p, active)
	nobody, badID := id(providers.NounAffiliate, "999"), id(providers.NounAffiliate, "x~1")
	taken := commissionWhere(t, p, func(c *providers.Commission) bool { return c.OrderID != nil })
	paid := commissionWhere(t, p, func(c *providers.Commission) bool { return c.Status == providers.CommissionPaid })
	holder := affiliateWhere(t, p, func(a *providers.Affiliate) bool { return len(a.Coupons) > 0 })
	campaign := id(providers.NounCampaign, "999")
	custom := func(c providers.CustomCommissionInput) providers.NewCommissionInput {
		return providers.NewCommissionInput{Custom: &c}
	}
	for _, tt := range []struct {
		name  string
		c     providers.Command
		want  string
		calls int
	}{
		{"fields that others take", &providers.CreateAffiliateInput{Email: newEmail, PayoutEmail: new(newEmail), RefCode: new("a"), CouponCode: new("b"), Note: new("c")},
			"payoutEmail UNSUPPORTED, refCode UNSUPPORTED, couponCode UNSUPPORTED, note UNSUPPORTED", 0},
		{"no program's id", &providers.CreateAffiliateInput{Email: newEmail, Campaign: new(id(providers.NounCampaign, "01"))}, "campaign NOT_FOUND", 0},
		{"an address that is taken", &providers.CreateAffiliateInput{Email: strings.ToUpper(email(a))}, "email TAKEN", 2},
		{"a status of others", &providers.SetAffiliateStatusInput{ID: a.ID, Status: providers.AffiliateBanned, Campaign: &campaign}, "campaign UNSUPPORTED, status UNSUPPORTED", 0},
		{"nobody's id", &providers.SetAffiliateStatusInput{ID: badID, Status: providers.AffiliateActive}, "id NOT_FOUND", 0},
		{"nobody", &providers.SetAffiliateStatusInput{ID: nobody, Status: providers.AffiliateActive}, "id NOT_FOUND", 1},
		{"moving referrals", &providers.MoveAffiliateInput{ID: a.ID, ToCampaign: campaign, MoveReferrals: new(true)}, "moveReferrals UNSUPPORTED", 0},
		{"from elsewhere", &providers.MoveAffiliateInput{ID: a.ID, ToCampaign: a.Memberships[0].CampaignID, FromCampaign: &campaign}, "fromCampaign CONFLICT", 1},
		{"to nowhere", &providers.MoveAffiliateInput{ID: badID, ToCampaign: id(providers.NounCampaign, "x")}, "id NOT_FOUND, toCampaign NOT_FOUND", 0},
		{"below nobody", &providers.SetAffiliateParentInput{ID: a.ID, Parent: nobody}, "parent NOT_FOUND", 2},
		{"a customer of nobody", &providers.ConnectCustomerInput{Affiliate: nobody, CustomerEmail: newEmail}, "affiliate NOT_FOUND", 1},
		{"a coupon of others", &providers.AssignCouponInput{Affiliate: a.ID, Code: "A", Campaign: &campaign, RewardID: new("1")}, "campaign UNSUPPORTED, rewardId UNSUPPORTED", 0},
		{"a coupon that is held", &providers.AssignCouponInput{Affiliate: holder.ID, Code: strings.ToLower(holder.Coupons[0].Code)}, "code TAKEN", 1},
		{"a customer", &providers.CreateReferralInput{Affiliate: a.ID, Email: new(newEmail), CustomerID: new("1"), Campaign: &campaign, Status: new(providers.ReferralActive)},
			"campaign UNSUPPORTED, email UNSUPPORTED, customerId UNSUPPORTED, status UNSUPPORTED, orderId INVALID", 0},
		{"an order in words", &providers.CreateReferralInput{Affiliate: a.ID, OrderID: new("A-1")}, "orderId INVALID", 0},
		{"an order that has a referral", &providers.CreateReferralInput{Affiliate: a.ID, OrderID: taken.OrderID}, "orderId TAKEN", 2},
		{"a sale", &providers.CreateCommissionInput{Commission: providers.NewCommissionInput{Sale: &providers.SaleCommissionInput{Referral: taken.ReferralID}}}, "commission.sale UNSUPPORTED", 0},
		{"all that others take", &providers.CreateCommissionInput{EarnedAt: &noon, EventID: new("e"), InternalNote: new("n"), Notify: new(true),
			Commission: custom(providers.CustomCommissionInput{Affiliate: a.ID, Campaign: &campaign, Amount: *money("1")})},
			"commission.custom.campaign UNSUPPORTED, earnedAt UNSUPPORTED, eventId UNSUPPORTED, internalNote UNSUPPORTED, notify UNSUPPORTED", 0},
		{"a commission of nobody", &providers.CreateCommissionInput{Commission: custom(providers.CustomCommissionInput{Affiliate: nobody, Amount: *money("1")})},
			"commission.custom.affiliate NOT_FOUND", 1},
		{"no commission", &providers.SetCommissionStatusInput{ID: id(providers.NounCommission, "9"), Status: providers.CommissionDenied}, "id NOT_FOUND", 1},
		{"paying by status", &providers.SetCommissionStatusInput{ID: taken.ID, Status: providers.CommissionPaid}, "status UNSUPPORTED", 0},
		{"denying what was paid", &providers.SetCommissionStatusInput{ID: paid.ID, Status: providers.CommissionDenied}, "id WRONG_STATE", 1},
		{"adjusting what was paid", &providers.AdjustCommissionInput{ID: paid.ID, Amount: *money("1")}, "id WRONG_STATE", 1},
		{"a note on it", &providers.AdjustCommissionInput{ID: paid.ID, Amount: *money("1"), Note: new("n")}, "note UNSUPPORTED", 0},
		{"what was paid", &providers.MarkPayoutPaidInput{ID: id(providers.NounPayout, "paid~26001"), Commissions: []providers.ID{paid.ID}}, "id WRONG_STATE", 0},
		{"no payout", &providers.MarkPayoutPaidInput{ID: id(providers.NounPayout, "lost~1"), Commissions: []providers.ID{paid.ID, id(providers.NounCommission, "x")}},
			"id NOT_FOUND, commissions.1 NOT_FOUND", 0},
		{"owed to nobody", &providers.MarkPayoutPaidInput{ID: id(providers.NounPayout, "due~999"), Commissions: []providers.ID{paid.ID}}, "id NOT_FOUND", 1},
		{"two events", &providers.CreateWebhookSubscriptionInput{Events: []string{"affiliate.new", "affiliate.approved"}}, "events UNSUPPORTED", 0},
		{"an event that is subscribed to", &providers.CreateWebhookSubscriptionInput{Events: []string{"referral.new"}}, "events TAKEN", 1},
		{"no address", &providers.UpdateWebhookSubscriptionInput{ID: id(providers.NounWebhookSubscription, "referral.new"), Events: []string{"x"}, Active: new(false)},
			"events UNSUPPORTED, active UNSUPPORTED, targetUrl INVALID", 0},
		{"no subscription", &providers.UpdateWebhookSubscriptionInput{ID: id(providers.NounWebhookSubscription, "affiliate.new"), TargetURL: new("https://a.example")}, "id NOT_FOUND", 1},
		{"none to end", &providers.DeleteWebhookSubscriptionInput{ID: id(providers.NounWebhookSubscription, "affiliate.new")}, "id NOT_FOUND", 1},
	} {
		sim.Kit().Forget()
		w, err := p.Plan(t.Context(), tt.c)
		if got := told(err); got != tt.want || w != nil {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "@") {
			t.Errorf("%s: the error tells an address: %v", tt.name, err)
		}
		if log := sim.Kit().Requests(); len(log) != tt.calls || len(writes(log)) > 0 {
			t.Errorf("%s: %d calls; want %d: %+v", tt.name, len(log), tt.calls, log)
		}
	}
}

// TestRefused: what the vendor refuses comes back by our names of the fields, and nothing
// was done.
func TestRefused(t *testing.T) {
	sim, p := store(t)
	a := affiliateWhere(t, p, func(a *providers.Affiliate) bool { return !a.ParentID.IsZero() })
	holder := affiliateWhere(t, p, func(b *providers.Affiliate) bool { return len(b.Coupons) > 0 && b.ID != a.ID })
	e := commissionWhere(t, p, func(c *providers.Commission) bool { return c.Status == providers.CommissionApproved })
	for _, tt := range []struct {
		c     providers.Command
		field string
		kind  providers.Kind
		late  func() // what happens between the plan and the write
	}{
		{&providers.MoveAffiliateInput{ID: a.ID, ToCampaign: id(providers.NounCampaign, "999")}, "toCampaign", providers.KindInvalid, nil},
		{&providers.SetAffiliateParentInput{ID: a.ParentID, Parent: a.ID}, "parent", providers.KindInvalid, nil},
		{&providers.AssignCouponInput{Affiliate: a.ID, Code: holder.Coupons[0].Code}, "code", providers.KindInvalid, nil},
		{&providers.CreateWebhookSubscriptionInput{TargetURL: "https://a.example", Events: []string{"weather.changed"}}, "events", providers.KindInvalid, nil},
		{&providers.UpdateWebhookSubscriptionInput{ID: id(providers.NounWebhookSubscription, "payment.paid"), TargetURL: new("http://a.example")}, "targetUrl", providers.KindInvalid, nil},
		{&providers.DeleteWebhookSubscriptionInput{ID: id(providers.NounWebhookSubscription, "referral.new")}, "", providers.KindNotFound, func() {
			must(t, p, &providers.DeleteWebhookSubscriptionInput{ID: id(providers.NounWebhookSubscription, "referral.new")})
		}},
		{&providers.CreateAffiliateInput{Email: newEmail}, "email", providers.KindInvalid, func() { must(t, p, &providers.CreateAffiliateInput{Email: newEmail}) }},
		{&providers.AdjustCommissionInput{ID: e.ID, Amount: *money("1")}, "", providers.KindInvalid, func() { payAll(t, p, e.AffiliateID) }},
	} {
		w, err := p.Plan(t.Context(), tt.c)
		if err != nil {
			t.Fatal(err)
		}
		if tt.late != nil {
			tt.late()
		}
		sim.Kit().Forget()
		_, err = w.Send(t.Context())
		said := (*providers.Error)(nil)
		if !errors.As(err, &said) || said.Kind != tt.kind || said.Op != w.Op {
			t.Errorf("%s: %+v; want the kind %s", w.Op, err, tt.kind)
			continue
		}
		if log := writes(sim.Kit().Requests()); len(log) != 1 {
			t.Errorf("%s: %d writes were sent", w.Op, len(log))
		}
		var fields []string
		for name := range said.Fields {
			fields = append(fields, w.Fields[name])
		}
		if strings.Join(fields, " ") != tt.field || strings.Contains(err.Error(), "@") {
			t.Errorf("%s: the fields %q of %v; want %q", w.Op, fields, err, tt.field)
		}
	}
}

// must makes a write.
func must(t *testing.T, p *provider, c providers.Command) *providers.Written {
	t.Helper()
	w, err := p.Plan(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	written, err := w.Send(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return written
}

// payAll pays an affiliate all that is owed, past our checks.
func payAll(t *testing.T, p *provider, affiliate providers.ID) {
	t.Helper()
	pay(t, p, wireMarkPaid{AffiliateEmail: email(reread(t, p, affiliate))})
}

func pay(t *testing.T, p *provider, body wireMarkPaid) {
	t.Helper()
	if _, _, err := send[wirePayment](t.Context(), p, opMarkPaid, "/payments/mark-as-paid", body); err != nil {
		t.Fatal(err)
	}
}

// TestReplies: replies to writes in all the forms that are assumed, and in forms that say
// that something went wrong.
func TestReplies(t *testing.T) {
	const person = `{"id":5,"email":"a@example.com","status":"active","program_id":8,"coupons":[]}`
	status := &providers.SetAffiliateStatusInput{ID: id(providers.NounAffiliate, "5"), Status: providers.AffiliateInactive}
	coupon := &providers.AssignCouponInput{Affiliate: id(providers.NounAffiliate, "5"), Code: "SPRING"}
	create := &providers.CreateAffiliateInput{Email: "new@example.com"}
	order := &providers.CreateReferralInput{Affiliate: id(providers.NounAffiliate, "5"), OrderID: new("77")}
	hook := &providers.CreateWebhookSubscriptionInput{TargetURL: "https://a.example", Events: []string{"affiliate.new"}}
	paid := &providers.MarkPayoutPaidInput{ID: id(providers.NounPayout, "due~5"), Commissions: []providers.ID{id(providers.NounCommission, "9")}, ExpectedTotal: *money("4")}
	adjust := &providers.AdjustCommissionInput{ID: id(providers.NounCommission, "9"), Amount: *money("1")}
	for _, tt := range []struct {
		c     providers.Command
		reply string
		want  string // the id of what was written, or the kind of error
	}{
		{status, `{"status":200,"message":"success","data":{"affiliate_id":5,"status":"denied"}}`, "5"},
		{status, `{"status":200,"message":"success"}`, "5"},
		{status, `{"status":200,"data":null}`, "5"},
		{status, `{"status":200,"data":[]}`, "5"},
		{status, `{"status":200,"data":"done"}`, "5"},
		{status, `{"status":200,"data":{"affiliate_email":"A@EXAMPLE.com"}}`, "5"},
		{status, `{"status":200,"data":{"affiliate_id":6}}`, "bad_reply"},
		{status, `{"status":200,"data":{"affiliate_email":"b@example.com"}}`, "bad_reply"},
		{status, `{"status":422,"message":"no"}`, "bad_reply"},
		{status, `<html>`, "bad_reply"},
		{coupon, `{"data":{"affiliate_id":5,"coupon":"Spring"}}`, "5~Spring"},
		{coupon, `{"data":{"affiliate_id":5}}`, "5~SPRING"},
		{coupon, `{"data":{"coupon":"WINTER"}}`, "bad_reply"},
		{create, `{"data":{"id":6,"email":"new@example.com"}}`, "6"},
		{create, `{"data":[{"id":6,"email":"New@example.com"}]}`, "6"},
		{create, `{"data":{"id":6,"email":"old@example.com"}}`, "bad_reply"},
		{create, `{"data":{}}`, "bad_reply"},
		{order, `{"data":{"id":11}}`, "11"},
		{order, `{"data":{"id":11,"order_id":78}}`, "bad_reply"},
		{order, `{"data":{"id":11,"affiliate":{"id":6}}}`, "bad_reply"},
		{order, `{"data":{}}`, "bad_reply"},
		{adjust, `{"data":{"referral_id":9}}`, "9"},
		{adjust, `{"data":{"referral_id":10}}`, "bad_reply"},
		{hook, `{"data":{"event":"affiliate.new"}}`, "affiliate.new"},
		{hook, `{"data":{"event":"referral.new"}}`, "bad_reply"},
		{paid, `{"data":{"payment_id":3,"affiliate_id":5,"referral_ids":[9]}}`, "paid~3"},
		{paid, `{"data":{"payment_id":3}}`, "paid~3"},
		{paid, `{"data":{"payment_id":3,"affiliate_id":6}}`, "bad_reply"},
		{paid, `{"data":{"payment_id":3,"referral_ids":[9,10]}}`, "bad_reply"},
		{paid, `{"data":{}}`, "bad_reply"},
		{paid, `{"status":200,"data":{}}`, "due~5"},
	} {
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := tt.reply
			switch {
			case r.Method == http.MethodGet && r.URL.Path == "/affiliates/5":
				body = `{"data":` + person + `}`
			case r.Method == http.MethodGet && r.URL.Path == "/referrals/9":
				body = `{"data":{"id":9,"status":"pending","affiliate":{"id":5}}}`
			case r.Method == http.MethodGet && r.URL.Path == "/payments/unpaid":
				body = `{"data":[{"affiliate_id":5,"total_commission":4,"referral_ids":[9]}]}`
			case r.Method == http.MethodGet && r.URL.Path == "/referrals" && !r.URL.Query().Has("order_id"):
				body = `{"data":[{"id":9,"status":"approved","commission":"4","affiliate":{"id":5}}]}`
			case r.Method == http.MethodGet:
				body = `{"status":200,"data":[]}`
			}
			_, _ = io.WriteString(w, body)
		}))
		w, err := p.Plan(t.Context(), tt.c)
		if err != nil {
			t.Fatal(err)
		}
		written, err := w.Send(context.Background())
		var got string
		if e := (*providers.Error)(nil); errors.As(err, &e) {
			if got = string(e.Kind); e.Unsent {
				t.Errorf("%s: %+v does not say that it was sent", tt.reply, e)
			}
		} else if err == nil {
			got = written.ID.Local
		}
		if got != tt.want {
			t.Errorf("%s, answered by %s: %s (%v); want %s", w.Op, tt.reply, got, err, tt.want)
		}
	}
}

// TestPaymentIsSearched: where the reply does not name the payment, it is found by its referrals.
func TestPaymentIsSearched(t *testing.T) {
	sim := simulator()
	vendor := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			sim.ServeHTTP(w, r)
			return
		}
		sim.ServeHTTP(discarded{http.Header{}}, r)
		_, _ = io.WriteString(w, `{"status":200,"message":"success","data":{}}`)
	})
	p := open(t, vendor)
	sim.Kit().Set(server.IgnorePaymentEmail, true) // which makes the search longer
	due := dueWhere(t, p, func(d *providers.Payout) bool { return d.Amount.Amount.Sign() > 0 })
	written := must(t, p, &providers.MarkPayoutPaidInput{ID: due.ID, Commissions: due.CommissionIDs, ExpectedTotal: *due.Amount})
	b, err := p.PayoutsByID(t.Context(), []providers.ID{written.ID})
	if err != nil || b.Found[written.ID] == nil || !sameIDs(b.Found[written.ID].CommissionIDs, due.CommissionIDs) {
		t.Errorf("%+v: %+v, %v; want the payment", written.ID, b, err)
	}
}

// discarded takes an answer that nobody sees.
type discarded struct{ h http.Header }

func (d discarded) Header() http.Header         { return d.h }
func (d discarded) Write(b []byte) (int, error) { return len(b), nil }
func (d discarded) WriteHeader(int)             {}
