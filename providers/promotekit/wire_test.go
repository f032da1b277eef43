package promotekit

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// decoded converts what JSON says.
func decoded[W any, T any](t testing.TB, convert func(*reply, *W) *T, text string) *T {
	t.Helper()
	w := new(W)
	if _, err := wire.Decode([]byte(text), w); err != nil {
		t.Fatal(err)
	}
	return convert(newReply("saas", "EUR", noon), w)
}

// words is what an enum and the word beside it became.
func words[S ~string](s S, word *string) string {
	if word == nil {
		return string(s)
	}
	return string(s) + " (" + *word + ")"
}

func TestStates(t *testing.T) {
	affiliate := func(text string) string {
		a := decoded(t, (*reply).affiliate, text)
		return words(a.Status, a.ProviderStatus)
	}
	referral := func(text string) string {
		r := decoded(t, (*reply).referral, text)
		return words(r.Status, r.ProviderStatus)
	}
	commission := func(text string) string {
		c := decoded(t, (*reply).commission, text)
		return words(c.Status, c.ProviderStatus) + " " + string(c.Kind)
	}
	for _, tt := range []struct{ got, want string }{
		{affiliate(`{"id": "a", "approved": true, "banned": false}`), "ACTIVE (approved)"},
		{affiliate(`{"id": "a", "approved": false, "banned": false}`), "PENDING (waiting)"},
		{affiliate(`{"id": "a", "approved": true, "banned": true}`), "BANNED (banned)"},
		{affiliate(`{"id": "a", "approved": null}`), "UNKNOWN"},
		{affiliate(`{"id": "a", "approved": 1, "banned": 0}`), "ACTIVE (approved)"},
		{affiliate(`{"id": "a", "approved": true, "banned": "N/A"}`), "UNKNOWN"},
		{affiliate(`{"id": "a", "approved": [], "banned": true}`), "BANNED (banned)"},
		{referral(`{"id": "r", "subscription_status": "signed_up"}`), "LEAD (signed_up)"},
		{referral(`{"id": "r", "subscription_status": "active"}`), "ACTIVE (active)"},
		{referral(`{"id": "r", "subscription_status": "trialing"}`), "TRIALING (trialing)"},
		{referral(`{"id": "r", "subscription_status": "canceled"}`), "CANCELED (canceled)"},
		{referral(`{"id": "r", "subscription_status": "past_due"}`), "PAST_DUE (past_due)"},
		{referral(`{"id": "r", "subscription_status": "cancelled"}`), "UNKNOWN (cancelled)"},
		{referral(`{"id": "r", "subscription_status": "Past_Due"}`), "PAST_DUE (Past_Due)"},
		{referral(`{"id": "r"}`), "UNKNOWN"},
		{commission(`{"id": "c", "payout_status": "Paid", "revenue_amount": 1}`), "PAID (Paid) CUSTOM"},
		{commission(`{"id": "c", "payout_status": "NOT_PAID", "revenue_amount": 1}`), "APPROVED (NOT_PAID) CUSTOM"},
		{commission(`{"id": "c", "payout_status": "not_paid", "stripe_payment_id": "ch_1", "revenue_amount": 1}`), "APPROVED (not_paid) SALE"},
		{commission(`{"id": "c", "payout_status": "paid", "revenue_amount": 1}`), "PAID (paid) CUSTOM"},
		{commission(`{"id": "c", "payout_status": "held", "stripe_payment_id": "ch_1", "revenue_amount": -1}`), "UNKNOWN (held) REFUND"},
		{commission(`{"id": "c", "payout_status": [], "stripe_payment_id": {}, "revenue_amount": 1}`), "UNKNOWN UNKNOWN"},
		{commission(`{"id": "c", "payout_status": "paid", "stripe_payment_id": "ch_1", "revenue_amount": []}`), "PAID (paid) UNKNOWN"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}

func TestMoney(t *testing.T) {
	for _, tt := range []struct{ amount, currency, want string }{
		{`19.99`, `"usd"`, "19.99 USD"},
		{`"19.990"`, `"usd"`, "19.99 USD"},
		{`0.1`, `null`, "0.10 EUR"},
		{`-5`, `"JPY"`, "-5 JPY"},
		{`0`, `""`, "0.00 EUR"},
		{`null`, `"usd"`, ""},
		{`""`, `"usd"`, ""},
	} {
		p := decoded(t, (*reply).payout, `{"id": "p", "amount": `+tt.amount+`, "currency": `+tt.currency+`}`)
		got := ""
		if p.Amount != nil {
			got = p.Amount.Amount.String() + " " + p.Amount.CurrencyCode
		}
		if got != tt.want {
			t.Errorf("%s %s: got %q, want %q", tt.amount, tt.currency, got, tt.want)
		}
	}
}

func TestCommissionRules(t *testing.T) {
	percent := func(s string) *decimal.Decimal { return new(decimal.MustParse(s)) }
	euros := func(s string) *providers.Money { return providers.NewMoney(decimal.MustParse(s), "EUR") }
	type rule = providers.CommissionRule
	for wire, want := range map[string]*rule{
		`"commission_type": "percentage", "commission_amount": 12.5`:                                                                        {Type: providers.RulePercentage, Percent: percent("12.5")},
		`"commission_type": "percentage", "commission_amount": "20.00"`:                                                                     {Type: providers.RulePercentage, Percent: percent("20")},
		`"commission_type": "fixed", "commission_amount": 20`:                                                                               {Type: providers.RuleFixed, Amount: euros("20")},
		`"commission_type": "fixed"`:                                                                                                        {Type: providers.RuleFixed},
		`"commission_type": "tiered", "commission_amount": 20`:                                                                              {Type: providers.RuleUnknown, Notes: []string{"commission_type: tiered", "commission_amount: 20"}},
		`"commission_type": "fixed", "commission_amount": 20, "custom_commission_type": "x"`:                                                {Type: providers.RuleFixed, Amount: euros("20"), Notes: []string{"custom_commission_type: x"}},
		`"commission_type": "fixed", "commission_amount": 20, "first_payment_commission": {"enabled": false, "type": "fixed", "amount": 5}`: {Type: providers.RuleFixed, Amount: euros("20")},
		`"commission_type": "percentage", "commission_amount": 20, "first_payment_commission": {"enabled": true, "type": "fixed", "amount": 5}`: {Type: providers.RulePercentage, Percent: percent("20"),
			FirstPayment: &providers.PaymentRule{Type: providers.RuleFixed, Amount: euros("5")}},
		`"commission_type": "fixed", "commission_amount": 20, "first_payment_commission": {"enabled": true, "type": "percentage", "amount": 50}`: {Type: providers.RuleFixed, Amount: euros("20"),
			FirstPayment: &providers.PaymentRule{Type: providers.RulePercentage, Percent: percent("50")}},
		`"commission_type": "fixed", "commission_amount": 20, "first_payment_commission": {"enabled": true, "type": "odd", "amount": 50}`: {Type: providers.RuleFixed, Amount: euros("20"),
			FirstPayment: &providers.PaymentRule{Type: providers.RuleUnknown}, Notes: []string{"first_payment_commission: odd 50"}},
		`"commission_type": "fixed", "commission_amount": 20, "limit_type": "months", "limit_amount": 12`:      {Type: providers.RuleFixed, Amount: euros("20"), Months: new(int64(12))},
		`"commission_type": "fixed", "commission_amount": 20, "limit_type": "Payments", "limit_amount": "3"`:   {Type: providers.RuleFixed, Amount: euros("20"), Payments: new(int64(3))},
		`"commission_type": "fixed", "commission_amount": 20, "limit_type": "moons", "limit_amount": 3`:        {Type: providers.RuleFixed, Amount: euros("20"), Notes: []string{"limit_type: moons", "limit_amount: 3"}},
		`"commission_type": "fixed", "commission_amount": 20, "limit_type": "months", "limit_amount": 1.5`:     {Type: providers.RuleFixed, Amount: euros("20"), Notes: []string{"limit_type: months", "limit_amount: 1.5"}},
		`"commission_type": "fixed", "commission_amount": 20, "limit_type": null, "limit_amount": null`:        {Type: providers.RuleFixed, Amount: euros("20")},
		`"commission_type": "fixed", "commission_amount": 20, "limit_type": {"a": 1}, "limit_amount": [false]`: {Type: providers.RuleFixed, Amount: euros("20"), Notes: []string{`limit_type: {"a":1}`, "limit_amount: [false]"}},
		`"commission_type": "percentage", "commission_amount": "15 %"`:                                         {Type: providers.RulePercentage, Notes: []string{"commission_amount: 15 %"}},
		`"commission_type": "fixed", "commission_amount": 20, "first_payment_commission": {"enabled": true, "type": "fixed", "amount": "5 or 6"}`: {Type: providers.RuleFixed, Amount: euros("20"),
			Notes: []string{`first_payment_commission: {"enabled":true,"type":"fixed","amount":"5 or 6"}`}},
		`"commission_type": "fixed", "commission_amount": 20, "first_payment_commission": ["fixed", 5]`: {Type: providers.RuleFixed, Amount: euros("20"), Notes: []string{`first_payment_commission: ["fixed",5]`}},
		`"commission_type": "fixed", "commission_amount": 20, "first_payment_commission": []`:           {Type: providers.RuleFixed, Amount: euros("20")},
		`"name": "nothing said"`: nil,
	} {
		got := decoded(t, (*reply).campaign, `{"id": "c", `+wire+`}`).Commission
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", wire, diff)
		}
	}
}

// TestNothing: what is null, empty or absent is nil, and never a made-up value.
func TestNothing(t *testing.T) {
	at := func(n providers.Noun, local string) providers.Node {
		return providers.Node{ID: id(n, local), ProviderID: local, FetchedAt: noon}
	}
	for _, text := range []string{
		`{"id": "` + uuidA + `"}`,
		`{"id": "` + uuidA + `", "email": "", "first_name": null, "links": null, "promo_codes": [], "clicks": null, "details": "", "created_at": "", "campaign": null,
			"name": null, "website_url": "", "code_mode": "", "cookie_duration": null, "first_payment_commission": null}`,
	} {
		a := decoded(t, (*reply).affiliate, text)
		if diff := cmp.Diff(&providers.Affiliate{
			Node: at(providers.NounAffiliate, uuidA), Status: providers.AffiliateUnknown,
			Memberships: []*providers.Membership{}, Coupons: []*providers.Coupon{},
		}, a); diff != "" {
			t.Errorf("affiliate (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(&providers.Campaign{Node: at(providers.NounCampaign, uuidA), NamePrivate: true}, decoded(t, (*reply).campaign, text)); diff != "" {
			t.Errorf("campaign (-want +got)\n%s", diff)
		}
	}
	want := &providers.Referral{Node: providers.Node{ID: id(providers.NounReferral, uuidA, noAffiliate), ProviderID: uuidA, FetchedAt: noon}, Kind: providers.ReferralCustomer, Status: providers.ReferralUnknown}
	if diff := cmp.Diff(want, decoded(t, (*reply).referral, `{"id": "`+uuidA+`", "affiliate": null}`)); diff != "" {
		t.Errorf("referral (-want +got)\n%s", diff)
	}
}

// TestReferralWithoutAffiliate: the id of a referral is the same in every reply, or there
// is none. It says that there is no affiliate only where the row does.
func TestReferralWithoutAffiliate(t *testing.T) {
	none := id(providers.NounReferral, uuidA, noAffiliate)
	owned := id(providers.NounReferral, uuidA, uuidB)
	for member, want := range map[string]providers.ID{
		``: none, `, "affiliate": null`: none, `, "affiliate": ""`: none, `, "affiliate": {"id": null, "email": null}`: none,
		`, "affiliate": []`: {}, `, "affiliate": {}`: {}, `, "affiliate": 12`: {}, `, "affiliate": true`: {}, `, "affiliate": "text"`: {},
		`, "affiliate": {"id": 12}`: {}, `, "affiliate": {"id": ""}`: {}, `, "affiliate": {"email": "a@b.example"}`: {},
		`, "affiliate": "` + uuidB + `"`: owned, `, "affiliate": {"id": "` + uuidB + `"}`: owned,
	} {
		row := `{"id": "` + uuidA + `"` + member + `}`
		if got := decoded(t, (*reply).referral, row).ID; got != want {
			t.Errorf("%s: %v, want %v", row, got, want)
		}
		// Inside a commission of the affiliate, of none, and of one who cannot be told.
		for owner, of := range map[string]providers.ID{`"` + uuidB + `"`: owned, `null`: want, `[]`: want} {
			if owner == `[]` && want == none {
				of = providers.ID{}
			}
			text := `{"id": "` + uuidC + `", "affiliate": ` + owner + `, "referral": ` + row + `}`
			if got := decoded(t, (*reply).commission, text).ReferralID; got != of {
				t.Errorf("%s: %v, want %v", text, got, of)
			}
		}
	}
}

// TestTimes reads the forms in which the vendor's database writes times.
func TestTimes(t *testing.T) {
	for text, want := range map[string]string{
		`"2019-08-24T14:15:22Z"`:            "2019-08-24T14:15:22Z",
		`"2019-08-24T14:15:22.64213+00:00"`: "2019-08-24T14:15:22.64213Z",
		`"2019-08-24T16:15:22+02:00"`:       "2019-08-24T14:15:22Z",
		`"2019-08-24T14:15:22.5"`:           "2019-08-24T14:15:22.5Z",
		`"2019-08-24"`:                      "2019-08-24T00:00:00Z",
		`"yesterday"`:                       "",
		`"0000-00-00 00:00:00"`:             "",
		`12`:                                "",
		`{}`:                                "",
	} {
		r := decoded(t, (*reply).referral, `{"id": "r", "signup_date": `+text+`, "created_at": `+text+`}`)
		c := decoded(t, (*reply).commission, `{"id": "c", "referral_date": `+text+`}`)
		for field, at := range map[string]*time.Time{"signup_date": r.SignedUpAt, "created_at": r.CreatedAt, "referral_date": c.EarnedAt} {
			got := ""
			if at != nil {
				got = at.Format(time.RFC3339Nano)
			}
			if got != want {
				t.Errorf("%s %s: got %q, want %q", field, text, got, want)
			}
		}
	}
}

// TestCoupons: a code makes one coupon, and none makes none.
func TestCoupons(t *testing.T) {
	a := decoded(t, (*reply).affiliate, `{"id": "`+uuidA+`", "campaign": "`+uuidC+`", "promo_codes": [
		{"code": "A~B", "external_id": "promo_1"}, {"code": "C"}, {"code": ""}, {"code": "C", "external_id": "promo_2"}, "SAVE10", 7]}`)
	var got []string
	for _, c := range a.Coupons {
		got = append(got, c.Code+" "+c.ID.Local+" "+c.ProviderID+" "+c.CampaignID.Local)
	}
	if diff := cmp.Diff([]string{
		"A~B " + uuidA + "~A%7EB promo_1 " + uuidC, "C " + uuidA + "~C C " + uuidC, "SAVE10 " + uuidA + "~SAVE10 SAVE10 " + uuidC,
	}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if m := a.Memberships[0]; *m.Coupon != "A~B" || m.ID != id(providers.NounMembership, uuidA, uuidC) || m.JoinedAt != nil {
		t.Errorf("got %+v", m)
	}
}
