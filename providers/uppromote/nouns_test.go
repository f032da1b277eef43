package uppromote

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

func TestReferralRows(t *testing.T) {
	for _, tt := range []struct {
		name, row string
		referral  providers.ReferralStatus
		status    providers.CommissionStatus
		kind      providers.CommissionKind
		amount    *providers.Money
		converted bool
	}{
		{"refund by id", `{"id":1,"order_id":"5","status":"pending","refund_id":9,"commission":"-2.50"}`,
			providers.ReferralRefunded, providers.CommissionPending, providers.CommissionRefund, money("-2.50"), true},
		{"refund by amount", `{"id":1,"order_id":5,"status":"paid","total_sales":-10,"commission":-2.5,"commission_adjustment":"0.25"}`,
			providers.ReferralRefunded, providers.CommissionPaid, providers.CommissionRefund, money("-2.25"), true},
		{"bonus", `{"id":"1","order_id":null,"status":"DENIED","total_sales":"0.00","commission":"50"}`,
			providers.ReferralDenied, providers.CommissionDenied, providers.CommissionCustom, money("50"), false},
		{"unknown word, nothing else", `{"id":1,"status":"frozen","commission_rule":null,"affiliate":null}`,
			providers.ReferralUnknown, providers.CommissionUnknown, providers.CommissionCustom, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := open(t, providertest.Answer(200, `{"data":`+tt.row+`}`))
			b, err := p.ReferralsByID(t.Context(), []providers.ID{id(providers.NounReferral, "1")})
			if err != nil {
				t.Fatal(err)
			}
			r := b.Found[id(providers.NounReferral, "1")]
			if r == nil || len(b.Harvest.Commissions) != 1 {
				t.Fatalf("found %+v; want the referral and its commission", b)
			}
			c := b.Harvest.Commissions[0]
			if r.Status != tt.referral || *r.Converted != tt.converted || c.Status != tt.status || c.Kind != tt.kind {
				t.Errorf("got %s, converted %v, %s, %s; want %s, %v, %s, %s", r.Status, *r.Converted, c.Status, c.Kind, tt.referral, tt.converted, tt.status, tt.kind)
			}
			diff(t, "amount", c.Amount, tt.amount)
			if paid := c.Status == providers.CommissionPaid; c.PayoutUnknown != paid || c.Known.Covers("payout") == paid {
				t.Errorf("payout unknown: %v, known: %v", c.PayoutUnknown, c.Known.Covers("payout"))
			}
		})
	}
}

// TestPaidReferral reads one that is paid, and learns by which payment.
func TestPaidReferral(t *testing.T) {
	p := played(t, "referral_get", "payout_list_paid")
	p.emails.state.Store(filterIgnored) // so that the stored list of all payments is read
	want := id(providers.NounCommission, "1781737")
	b, err := p.CommissionsByID(t.Context(), []providers.ID{want}, "amount")
	if err != nil {
		t.Fatal(err)
	}
	c := b.Found[want]
	if c == nil || !c.PayoutUnknown || c.Known.Covers("payout") {
		t.Fatalf("without need: %+v", c)
	}
	diff(t, "amount", c.Amount, money("500.00"))
	b, err = p.CommissionsByID(t.Context(), []providers.ID{want}, "payout")
	if err != nil {
		t.Fatal(err)
	}
	if c := b.Found[want]; c == nil || c.PayoutUnknown || c.PayoutID != id(providers.NounPayout, "paid~26154") || c.Known != nil {
		t.Errorf("with need: %+v", c)
	}
}

func TestCommissionRules(t *testing.T) {
	const share = `{"commission_type":"Percent Of Sale","commission_amount":"20.00",`
	twenty, err := providers.ParseDecimal("20")
	if err != nil {
		t.Fatal(err)
	}
	percent := func(notes ...string) *providers.CommissionRule {
		return &providers.CommissionRule{Type: providers.RulePercentage, Percent: &twenty, Notes: notes}
	}
	for row, want := range map[string]*providers.CommissionRule{
		`{"commission_type":"FLAT RATE PER ORDER","commission_amount":5}`:  {Type: providers.RuleFixed, Amount: money("5")},
		`{"commission_type":"Flat Rate Per Item","commission_amount":"5"}`: {Type: providers.RuleFixedPerItem, Amount: money("5")},
		`{"commission_type":"Percent of sale","commission_amount":"N/A"}`:  {Type: providers.RulePercentage, Notes: []string{"commission_amount: N/A"}},
		`{"commission_type":"Barter","commission_amount":"5"}`:             {Type: providers.RuleUnknown, Notes: []string{"commission_type: Barter", "commission_amount: 5"}},
		share + `"rule":"advance"}`:                                        percent("rule: advance"),
		share + `"rule":"basic"}`:                                          percent(),
		share + `"rule":null,"commission_advanced":[]}`:                    percent(),
		share + `"commission_advanced":[{"product": "tea"}]}`:              percent(`commission_advanced: [{"product":"tea"}]`),
		share + `"new_customer_commission":{"rate":"30"}}`:                 percent(`new_customer_commission: {"rate":"30"}`),
		share + `"lifetime_commission":{},"rule":"advance"}`:               percent("rule: advance"),
		share + `"lifetime_commission":"on"}`:                              percent("lifetime_commission: on"),
		share + `"special_coupon_commission":[1],"rule":["odd",{}]}`:       percent(`rule: ["odd",{}]`, "special_coupon_commission: [1]"),
		`{"rule":"advance"}`:                                               {Type: providers.RuleUnknown, Notes: []string{"rule: advance"}},
		`{}`:                                                               nil,
	} {
		var w wireProgram
		if _, err := wire.Decode([]byte(row), &w); err != nil {
			t.Fatal(err)
		}
		diff(t, row, w.commission("USD"), want)
	}
}

// TestPaymentWords: payments' words by any case, and rows that do not name their referrals.
func TestPaymentWords(t *testing.T) {
	for want, words := range map[providers.PayoutStatus]string{
		providers.PayoutPaid:    "success SUCCESS processed Processed PAID completed",
		providers.PayoutPending: "PENDING pending processing PROCESSING",
		providers.PayoutFailed:  "FAILED denied DENIED canceled CANCELLED returned refunded reversed",
		providers.PayoutUnknown: "LOST",
	} {
		for word := range strings.FieldsSeq(words) {
			w := wirePayment{PaymentID: 1, Status: word, ProcessedAt: noon}
			got := open(t, http.NotFoundHandler()).reply().payment(&w)
			if got.Status != want || *got.ProviderStatus != word || (got.PaidAt != nil) != (want == providers.PayoutPaid) {
				t.Errorf("%s: %s, paid at %v; want %s", word, got.Status, got.PaidAt, want)
			}
			if got.Known.Covers("commissions") || got.CommissionIDs != nil || got.CommissionCount != nil {
				t.Errorf("%s: commissions known: %v; want not", word, got.Known.Covers("commissions"))
			}
		}
	}
}

func TestTotal(t *testing.T) {
	for body, want := range map[string]int64{`{"data":{"total":7}}`: 7, `{"data":7}`: 7, `{"data":"7"}`: 7, `{"data":{}}`: -1, `{"data":null}`: -1} {
		got, err := open(t, providertest.Answer(200, body)).countPaid(t.Context())
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%s: %d, %v; want %d", body, got, err, want)
		}
	}
}

// TestRawShowsNoSecrets: what must never be shown is in the exchanges, and is not shown.
func TestRawShowsNoSecrets(t *testing.T) {
	p := played(t, "affiliate_get", "campaign_get", "referral_get", "payout_get", "payout_list_due", "coupon_list", "webhook_list")
	p.emails.state.Store(filterIgnored) // so that what is owed is searched in the stored list
	for _, tt := range []struct {
		id   providers.ID
		want string // is shown
	}{
		{id(providers.NounAffiliate, affiliateNo), `"default_affiliate_link"`},
		{id(providers.NounMembership, affiliateNo+"~"+programNo), `"program_name":"Friends"`},
		{id(providers.NounCampaign, programNo), `"commission_amount":"50"`},
		{id(providers.NounReferral, "1781737"), `"order_id":6439217201474`},
		{id(providers.NounCommission, "1781737"), `"affiliate":{"email":`},
		{id(providers.NounPayout, "paid~26154"), `"referral_ids":[1781737]`},
		{id(providers.NounPayout, "due~"+affiliateNo), `"total_commission":-537.5`},
		{id(providers.NounCoupon, affiliateNo+"~COUPON_NAME"), `"id":158201`},
		{id(providers.NounWebhookSubscription, "referral.new"), `"target_url"`},
	} {
		raw, err := p.RawRecord(t.Context(), tt.id)
		if err != nil || !strings.Contains(string(raw), tt.want) {
			t.Errorf("%+v: %s, %v; want %s in it", tt.id, raw, err, tt.want)
		}
		for _, secret := range []string{"secret", "not-to-be-shown", "payment_info", "pay@example.com", "Harbour", "+1555", "DE123", "vat", "tax_value", "12345", "custom_fields"} {
			if strings.Contains(string(raw), secret) {
				t.Errorf("%+v shows %q: %s", tt.id, secret, raw)
			}
		}
	}
}

// TestAllowListGoesDown: a member that was text and becomes an object is not shown.
func TestAllowListGoesDown(t *testing.T) {
	var v any
	if err := json.Unmarshal([]byte(`{"id":1,"email":{"secret":"x"},"coupons":["A",{"secret":"x"}],"affiliate":{"id":2,"phone":"x"}}`), &v); err != nil {
		t.Fatal(err)
	}
	s := members("id email coupons")
	s["affiliate"] = members("id")
	got, _ := s.of(v)
	diff(t, "shown", got, any(map[string]any{"id": 1.0, "coupons": []any{"A"}, "affiliate": map[string]any{"id": 2.0}}))
}
