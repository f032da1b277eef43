package uppromote

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

const (
	affiliateNo = "2029214"
	programNo   = "29486"
)

func TestReferralExample(t *testing.T) {
	p := played(t)
	lists, err := p.Referrals(providers.ReferralFilter{})
	got, harvest := first(t, p, lists, err)
	created := at("2025-09-24T09:28:10Z")
	diff(t, "referral", got, &providers.Referral{
		Node: node(providers.NounReferral, "1781736", "1781736", created, nil),
		Kind: providers.ReferralOrder, Email: new("customer-name@gmail.com"), Status: providers.ReferralActive, ProviderStatus: new("approved"),
		CustomerID: new("8680153416002"), Converted: new(true), Source: new("Tracked by coupon"), CouponCode: new("COUPON_NAME"),
		OrderID: new("6439217201474"), OrderNumber: new("3833"),
		AffiliateID: id(providers.NounAffiliate, affiliateNo), CampaignID: id(providers.NounCampaign, programNo),
	})
	commission := &providers.Commission{
		Node:   node(providers.NounCommission, "1781736", "1781736", created, nil),
		Status: providers.CommissionApproved, ProviderStatus: new("approved"), Kind: providers.CommissionSale,
		SaleAmount: money("1075.00"), Amount: money("537.50"), Adjustment: money("0.00"), EarnedAt: created, OrderID: new("6439217201474"),
		AffiliateID: id(providers.NounAffiliate, affiliateNo), CampaignID: id(providers.NounCampaign, programNo),
		ReferralID: id(providers.NounReferral, "1781736"), PayoutID: id(providers.NounPayout, "due~"+affiliateNo),
	}
	diff(t, "harvest", harvest, providers.Harvest{
		Commissions: []*providers.Commission{commission},
		Affiliates: []*providers.Affiliate{{
			Node:  node(providers.NounAffiliate, affiliateNo, affiliateNo, nil, nameStub),
			Email: new("example@gmail.com"), FirstName: new("Example"), LastName: new("Test"), Name: new("Example Test"),
		}},
		Campaigns: []*providers.Campaign{{Node: node(providers.NounCampaign, programNo, programNo, nil, programStub)}},
	})
	commissions, err := p.Commissions(providers.CommissionFilter{})
	row, harvest := first(t, p, commissions, err)
	diff(t, "commission", row, commission)
	diff(t, "its order", harvest.Referrals, []*providers.Referral{got})
}

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
			p := open(t, says(200, `{"data":`+tt.row+`}`), discard{})
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
	p := played(t)
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

func TestAffiliateExchange(t *testing.T) {
	p := played(t)
	affiliate, created := id(providers.NounAffiliate, affiliateNo), at("2025-09-20T08:00:00Z")
	b, err := p.AffiliatesByID(t.Context(), []providers.ID{affiliate})
	if err != nil {
		t.Fatal(err)
	}
	membership := &providers.Membership{
		Node:   node(providers.NounMembership, affiliateNo+"~"+programNo, affiliateNo+"~"+programNo, created, nil),
		Status: providers.MembershipActive, ProviderStatus: new("active"), RefCode: new("2029214.AbC"), Link: new("https://store.example/?sca_ref=2029214.AbC"),
		Coupon: new("COUPON_NAME"), AffiliateID: affiliate, CampaignID: id(providers.NounCampaign, programNo),
	}
	coupon := &providers.Coupon{
		Node: node(providers.NounCoupon, affiliateNo+"~COUPON_NAME", "COUPON_NAME", nil, codeStub), Code: "COUPON_NAME", AffiliateID: affiliate,
	}
	diff(t, "affiliate", b.Found[affiliate], &providers.Affiliate{
		Node:  node(providers.NounAffiliate, affiliateNo, affiliateNo, created, nil),
		Email: new("example@gmail.com"), FirstName: new("Example"), LastName: new("Test"), Name: new("Example Test"),
		Status: providers.AffiliateActive, ProviderStatus: new("active"),
		Links: []providers.Link{{URL: "https://store.example/?sca_ref=2029214.AbC", Code: new("2029214.AbC")}},
		Balances: []providers.Balance{
			{Status: providers.BalancePending, Amount: money("0")}, {Status: providers.BalanceApproved, Amount: money("537.5")},
			{Status: providers.BalancePaid, Amount: money("100")}, {Status: providers.BalanceDenied, Amount: money("12.25")},
		},
		Note: new("I write about bicycles."), InternalNote: new("Met at the fair."),
		Memberships: []*providers.Membership{membership}, Coupons: []*providers.Coupon{coupon}, ParentID: id(providers.NounAffiliate, "2029001"),
	})
	diff(t, "harvest", b.Harvest, providers.Harvest{
		Memberships: []*providers.Membership{membership}, Coupons: []*providers.Coupon{coupon},
		Campaigns:  []*providers.Campaign{{Node: node(providers.NounCampaign, programNo, programNo, nil, namedProgramStub), Name: new("Friends")}},
		Affiliates: []*providers.Affiliate{{Node: node(providers.NounAffiliate, "2029001", "2029001", nil, emailStub), Email: new("upline@example.com")}},
	})
	lists, err := p.Affiliates(providers.AffiliateFilter{})
	fresh, _ := first(t, p, lists, err)
	if fresh.Status != providers.AffiliatePending || fresh.Name != nil || fresh.InternalNote != nil || fresh.Coupons == nil || !fresh.ParentID.IsZero() {
		t.Errorf("a new affiliate: %+v; want pending, without a name, a note or a parent, and known to have no coupons", fresh)
	}
	memberships, err := p.Memberships(providers.MembershipFilter{Affiliates: []providers.ID{affiliate}})
	got, _ := first(t, p, memberships, err)
	diff(t, "membership", got, membership)
}

func TestProgramExchange(t *testing.T) {
	p := played(t)
	program := id(providers.NounCampaign, programNo)
	b, err := p.CampaignsByID(t.Context(), []providers.ID{program})
	if err != nil {
		t.Fatal(err)
	}
	fifty, _ := providers.ParseDecimal("50")
	diff(t, "program", b.Found[program], &providers.Campaign{
		Node: node(providers.NounCampaign, programNo, programNo, at("2025-01-01T00:00:00Z"), nil),
		Name: new("Friends"), IsDefault: new(false), Commission: &providers.CommissionRule{Type: providers.RulePercentage, Percent: &fifty},
	})
	lists, err := p.Campaigns(providers.CampaignFilter{})
	if advanced, _ := first(t, p, lists, err); advanced.Commission != nil {
		t.Errorf("a rule by product is told as %+v", advanced.Commission)
	}
}

func TestCommissionRules(t *testing.T) {
	for row, want := range map[string]*providers.CommissionRule{
		`{"commission_type":"FLAT RATE PER ORDER","commission_amount":5}`:                                          {Type: providers.RuleFixed, Amount: money("5")},
		`{"commission_type":"Flat Rate Per Item","commission_amount":"5"}`:                                         nil,
		`{"commission_type":"Barter","commission_amount":"5"}`:                                                     {Type: providers.RuleUnknown},
		`{"commission_type":"Percent Of Sale","commission_amount":"20","commission_advanced":[{"product":"tea"}]}`: nil,
		`{}`: nil,
	} {
		var w wireProgram
		if err := json.Unmarshal([]byte(row), &w); err != nil {
			t.Fatal(err)
		}
		diff(t, row, w.commission("USD"), want)
	}
}

func TestPaymentExchanges(t *testing.T) {
	p := played(t)
	paid := &providers.Payout{
		Node:   node(providers.NounPayout, "paid~26154", "26154", at("2025-09-24T10:52:59Z"), nil),
		Status: providers.PayoutPaid, ProviderStatus: new("SUCCESS"), Amount: money("500"), Method: new("debit"), PaidAt: at("2025-09-24T10:52:59Z"),
		CommissionCount: new(int64(1)), AffiliateID: id(providers.NounAffiliate, affiliateNo), CommissionIDs: []providers.ID{id(providers.NounCommission, "1781737")},
	}
	lists, err := p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutPaid}})
	got, harvest := first(t, p, lists, err)
	diff(t, "paid", got, paid)
	diff(t, "affiliate", harvest.Affiliates, []*providers.Affiliate{{
		Node: node(providers.NounAffiliate, affiliateNo, affiliateNo, nil, emailStub), Email: new("example@gmail.com"),
	}})
	if n, err := lists[0].Count(t.Context()); n != 12 || err != nil || !lists[0].Exact {
		t.Errorf("count %d, %v, exact %v; want 12 of exactly those", n, err, lists[0].Exact)
	}
	b, err := p.PayoutsByID(t.Context(), []providers.ID{paid.ID})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "by id", b.Found[paid.ID], paid)
	lists, err = p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutDue}})
	due, _ := first(t, p, lists, err)
	diff(t, "due", due, &providers.Payout{
		Node:   node(providers.NounPayout, "due~"+affiliateNo, affiliateNo, nil, nil),
		Status: providers.PayoutDue, Amount: money("-537.5"), CommissionCount: new(int64(1)),
		AffiliateID: id(providers.NounAffiliate, affiliateNo), CommissionIDs: []providers.ID{id(providers.NounCommission, "1781736")},
	})
}

// TestPaymentWords: what is assumed of words, and rows that do not name their referrals.
func TestPaymentWords(t *testing.T) {
	for row, want := range map[string]providers.PayoutStatus{
		`{"payment_id":1,"status":"success"}`: providers.PayoutPaid, `{"payment_id":1,"status":"PENDING"}`: providers.PayoutPending,
		`{"payment_id":1,"status":"FAILED"}`: providers.PayoutFailed, `{"payment_id":1,"status":"LOST"}`: providers.PayoutUnknown,
	} {
		var w wirePayment
		if err := json.Unmarshal([]byte(row), &w); err != nil {
			t.Fatal(err)
		}
		got := played(t).reply().payment(&w)
		if got.Status != want || got.Known.Covers("commissions") || got.CommissionCount != nil {
			t.Errorf("%s: %s, commissions known: %v; want %s, not known", row, got.Status, got.Known.Covers("commissions"), want)
		}
	}
}

func TestTotal(t *testing.T) {
	for body, want := range map[string]int64{`{"data":{"total":7}}`: 7, `{"data":7}`: 7, `{"data":"7"}`: 7, `{"data":{}}`: -1, `{"data":null}`: -1} {
		got, err := open(t, says(200, body), discard{}).countPaid(t.Context())
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%s: %d, %v; want %d", body, got, err, want)
		}
	}
}

func TestCouponAndSubscriptionExchanges(t *testing.T) {
	p := played(t)
	coupons, err := p.Coupons(providers.CouponFilter{})
	coupon, _ := first(t, p, coupons, err)
	diff(t, "coupon", coupon, &providers.Coupon{
		Node: node(providers.NounCoupon, affiliateNo+"~COUPON_NAME", "158201", at("2024-07-11T06:58:59Z"), nil),
		Code: "COUPON_NAME", AffiliateID: id(providers.NounAffiliate, affiliateNo),
	})
	subscriptions, err := p.WebhookSubscriptions()
	subscription, _ := first(t, p, subscriptions, err)
	diff(t, "subscription", subscription, &providers.WebhookSubscription{
		Node:      node(providers.NounWebhookSubscription, "referral.new", "referral.new", at("2026-01-01T00:00:00Z"), nil),
		TargetURL: "https://hooks.example/referral", Events: []string{"referral.new"}, Active: new(true),
	})
}

// TestRawShowsNoSecrets: what must never be shown is in the exchanges, and is not shown.
func TestRawShowsNoSecrets(t *testing.T) {
	p := played(t)
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
