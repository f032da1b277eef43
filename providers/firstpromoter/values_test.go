package firstpromoter

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// with is a row with some of its members replaced.
func with(t *testing.T, row string, members map[string]string) string {
	t.Helper()
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(row), &object); err != nil {
		t.Fatal(err)
	}
	for name, value := range members {
		object[name] = json.RawMessage(value)
	}
	b, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOddCurrencies: the currency of an original sale is the row's, the account's where the
// row names none, and never made up.
func TestOddCurrencies(t *testing.T) {
	for currency, want := range map[string]string{
		`"eur"`: "EUR", `" EUR "`: "EUR", `null`: "USD", `{"code": "EUR"}`: "", `["EUR"]`: "", `"US Dollar"`: "", `840`: "",
	} {
		members := map[string]string{"commission_type": `"sale"`, "original_sale_amount": "1250", "original_sale_currency": currency}
		_, c := oddSecond(t, "/commissions", members, func(p *provider) ([]providers.List[providers.Commission], error) {
			return p.Commissions(providers.CommissionFilter{})
		})
		if m := c.OriginalSaleAmount; (m != nil) != (want != "") || m != nil && m.CurrencyCode != want {
			t.Errorf("currency %s: the original sale is %v, want %q", currency, m, want)
		}
	}
}

// oddSecond is the second of three rows of a list, sound and with these members; the others
// must not change.
func oddSecond[T providers.Record](t *testing.T, path string, members map[string]string, plan func(p *provider) ([]providers.List[T], error)) (before, odd *T) {
	t.Helper()
	read := func(rows []string) []*T {
		p := open(t, &lists{rows: map[string][]string{path: rows}}, someKey)
		lists, err := plan(p)
		if err != nil {
			t.Fatal(err)
		}
		page, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
		if err != nil || len(page.Items) != 3 || page.Unread != 0 {
			t.Fatalf("%s with %v: %+v, %v; want three rows", path, members, page, err)
		}
		return page.Items
	}
	rows := rowsOf(path, 3)
	sound := read(rows)
	rows[1] = with(t, rows[1], members)
	all := read(rows)
	for _, i := range []int{0, 2} {
		if !reflect.DeepEqual(sound[i], all[i]) {
			t.Errorf("%s with %v: row %d has changed", path, members, i)
		}
	}
	providers.NodeOf(sound[1]).Known = providers.NodeOf(all[1]).Known   // TestThinRows holds it
	providers.NodeOf(sound[1]).Unread = providers.NodeOf(all[1]).Unread // TestUnjudgedRows holds it
	return sound[1], all[1]
}

// TestOddValues: a value in an unexpected form is what is plainly meant, or null; never a
// value that is not so.
func TestOddValues(t *testing.T) {
	at := func(s string) *time.Time {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			panic(err)
		}
		return &t
	}
	type members = map[string]string
	affiliates := func(p *provider) ([]providers.List[providers.Affiliate], error) {
		return p.Affiliates(providers.AffiliateFilter{})
	}
	referrals := func(p *provider) ([]providers.List[providers.Referral], error) {
		return p.Referrals(providers.ReferralFilter{})
	}
	commissions := func(p *provider) ([]providers.List[providers.Commission], error) {
		return p.Commissions(providers.CommissionFilter{})
	}
	payouts := func(p *provider) ([]providers.List[providers.Payout], error) {
		return p.Payouts(providers.PayoutFilter{})
	}

	for _, c := range []struct {
		members members
		want    func(a *providers.Affiliate)
	}{
		{members{"archived_at": `""`}, func(*providers.Affiliate) {}},
		{members{"archived_at": `"2026-02-01"`}, func(a *providers.Affiliate) {
			a.Status, a.ProviderStatus = providers.AffiliateArchived, new("archived")
		}},
		{members{"archived_at": `{"x":1}`}, func(a *providers.Affiliate) { a.Status = providers.AffiliateUnknown }},
		{members{"promoter_campaigns": `[{"id":5,"campaign_id":28,"state":[]},{"id":6,"campaign_id":29,"state":"pending"}]`}, nil},
		{members{"balances": `{"cash":[],"points":"12"}`}, nil},
		{members{"profile": `[]`, "stats": `"x"`, "name": `["x"]`}, func(a *providers.Affiliate) { a.Name = nil }},
	} {
		before, got := oddSecond(t, "/promoters", c.members, affiliates)
		if c.want == nil {
			if strings.Contains(fmt.Sprint(c.members), "state") && got.Status != providers.AffiliateUnknown {
				t.Errorf("%v: the status is %s, though a better one cannot be read", c.members, got.Status)
			}
			if len(got.Balances) > 1 || len(got.Balances) == 1 && got.Balances[0].Reward == nil {
				t.Errorf("%v: balances %+v", c.members, got.Balances)
			}
			continue
		}
		if c.want(before); !reflect.DeepEqual(before, got) {
			t.Errorf("%v: %+v, want %+v", c.members, got, before)
		}
	}
	for _, c := range []struct {
		members members
		want    func(f *providers.Referral)
	}{
		{members{"customer_since": `"2026-02-01"`}, func(f *providers.Referral) {
			f.ConvertedAt, f.Converted = at("2026-02-01T00:00:00Z"), new(true)
		}},
		{members{"customer_since": `1767225600`}, func(f *providers.Referral) { f.Converted = nil }},
		{members{"uid": `991`}, func(f *providers.Referral) { f.CustomerID = new("991") }},
		{members{"promoter_campaign": `null`}, func(f *providers.Referral) { f.AffiliateID, f.CampaignID = providers.ID{}, providers.ID{} }},
		{members{"promoter_campaign": `[]`}, func(f *providers.Referral) { f.AffiliateID, f.CampaignID = providers.ID{}, providers.ID{} }},
		{members{"promoter_campaign": `{"id":5001,"campaign_id":28,"promoter":null}`}, func(f *providers.Referral) { f.AffiliateID = providers.ID{} }},
		{members{"promoter_campaign": `{"id":5001,"promoter":1001,"campaign":"28"}`}, func(*providers.Referral) {}},
	} {
		before, got := oddSecond(t, "/referrals", c.members, referrals)
		if c.want(before); !reflect.DeepEqual(before, got) {
			t.Errorf("%v: %+v, want %+v", c.members, got, before)
		}
	}
	for _, c := range []struct {
		members members
		want    func(c *providers.Commission)
	}{
		{members{"created_at": `"2026-03-01 10:00:00 UTC"`}, func(c *providers.Commission) {
			c.CreatedAt = at("2026-03-01T10:00:00Z")
			c.EarnedAt = c.CreatedAt
		}},
		{members{"created_at": `"2026-03-01T10:00:00"`}, func(c *providers.Commission) {
			c.CreatedAt = at("2026-03-01T10:00:00Z")
			c.EarnedAt = c.CreatedAt
		}},
		{members{"event_id": `12345`}, func(c *providers.Commission) { c.EventID = new("12345") }},
		{members{"tier": `"2"`}, func(c *providers.Commission) { c.Tier, c.OthersSale = new(int64(2)), true }},
		{members{"tier": `"second"`}, func(c *providers.Commission) { c.Tier, c.OthersSale = nil, true }},
		{members{"is_split": `[]`}, func(c *providers.Commission) { c.OthersSale = true }},
		{members{"id": `"7001"`}, func(*providers.Commission) {}},
		{members{"is_paid": `"1"`}, func(c *providers.Commission) { c.Status = providers.CommissionPaid }},
		{members{"is_paid": `"paid"`}, func(c *providers.Commission) { c.Status = providers.CommissionUnknown }},
		{members{"amount": `"much"`}, func(c *providers.Commission) { c.Amount = nil }},
		{members{"amount": `-400`, "commission_type": `[]`}, func(c *providers.Commission) {
			c.Kind, c.Amount = providers.CommissionKindUnknown, providers.NewMoney(usd("-4").Amount, "USD")
		}},
		{members{"referral": `{}`}, func(c *providers.Commission) { c.ReferralID = providers.ID{} }},
		{members{"referral": `2001`}, func(*providers.Commission) {}},
	} {
		before, got := oddSecond(t, "/commissions", c.members, commissions)
		if c.want(before); !reflect.DeepEqual(before, got) {
			t.Errorf("%v: %+v, want %+v", c.members, got, before)
		}
	}
	for _, c := range []struct {
		members members
		want    func(o *providers.Payout)
	}{
		{members{"period_start": `"2026-02-01"`}, func(o *providers.Payout) { o.PeriodStart = at("2026-02-01T00:00:00Z") }},
		{members{"paid_at": `"0000-00-00 00:00:00"`}, func(*providers.Payout) {}},
		{members{"payout_method": `{"method":"stripe"}`}, func(o *providers.Payout) { o.Method = new("stripe") }},
		{members{"payout_method": `"paypal"`}, func(*providers.Payout) {}},
		{members{"promoter": `1001`, "campaign": `{"id":"28"}`}, func(*providers.Payout) {}},
		{members{"promoter": `{"id":null}`}, func(o *providers.Payout) { o.AffiliateID = providers.ID{} }},
	} {
		before, got := oddSecond(t, "/payouts", c.members, payouts)
		if c.want(before); !reflect.DeepEqual(before, got) {
			t.Errorf("%v: %+v, want %+v", c.members, got, before)
		}
	}
}

// TestOddRowFarBehind: one odd value on the second of three pages costs nothing else.
func TestOddRowFarBehind(t *testing.T) {
	rows := rowsOf("/commissions", 250)
	rows[120] = with(t, rows[120], map[string]string{"event_id": `77`})
	rows[140] = `null`
	if got := walks["/commissions"](t, open(t, &lists{rows: map[string][]string{"/commissions": rows}}, someKey)); len(got) != 249 {
		t.Errorf("%d rows of 250, of which one is none", len(got))
	}
}

// TestArchivedCodes: a promo code of which it cannot be told whether it is archived is
// counted as unread.
func TestArchivedCodes(t *testing.T) {
	for archived, want := range map[string][2]int{`null`: {1, 0}, `""`: {1, 0}, `"2026-02-01"`: {0, 0}, `[]`: {0, 1}, `true`: {0, 1}} {
		row := with(t, someRow["/promo_codes"](1), map[string]string{"archived_at": archived})
		p := open(t, &lists{rows: map[string][]string{"/promo_codes": {row}}}, someKey)
		page := providertest.First[providers.Coupon](t, p)(p.Coupons(providers.CouponFilter{}))
		if got := [2]int{len(page.Items), page.Unread}; got != want {
			t.Errorf("archived_at %s: %d rows, %d unread; want %v", archived, got[0], got[1], want)
		}
	}
}

// TestUnreadReachesCallers: rows that cannot be read are counted in every list that is made
// out of others.
func TestUnreadReachesCallers(t *testing.T) {
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch page := r.URL.Query().Get("page"); {
		case strings.HasPrefix(r.URL.Path, "/promoters/"):
			_, _ = w.Write([]byte(janeAs("", "28004 accepted", "28005 accepted")))
		case page > "1":
			_, _ = w.Write([]byte(`[]`))
		default:
			_, _ = w.Write([]byte(`[{"id":"x"},null]`))
		}
	}), someKey)
	unread := func(n int, more bool, mark uint64) string { return fmt.Sprint(n, more, mark != 0) }
	for name, got := range map[string]string{
		"promoters in a state": func() string {
			q := providertest.First[providers.Affiliate](t, p)(p.Affiliates(providers.AffiliateFilter{Statuses: []providers.AffiliateStatus{providers.AffiliateActive}}))
			return unread(q.Unread, q.More, q.Mark)
		}(),
		"commissions of a referral": func() string {
			f := providers.CommissionFilter{Referrals: []providers.ID{lead}}
			f.Parent.Referral = &providers.Referral{Node: providers.Node{ID: lead}, Email: new("a@example.com")}
			q := providertest.First[providers.Commission](t, p)(p.Commissions(f))
			return unread(q.Unread, q.More, q.Mark)
		}(),
	} {
		if want := "2 false true"; got != want {
			t.Errorf("%s: unread, more, marked are %s; want %s", name, got, want)
		}
	}
	page := providertest.First[providers.Coupon](t, p)(p.Coupons(providers.CouponFilter{Affiliates: []providers.ID{jane}}))
	if page.Unread != 4 || page.More {
		t.Errorf("codes of two memberships: %+v; want four unread", page)
	}
}

// TestStubs: a related record knows what its object carries, and nothing else.
func TestStubs(t *testing.T) {
	type want = map[providers.ID][]string // fields that are known, beside the id and what it answers
	affiliate, campaign, referral, membership := id(providers.NounAffiliate, "1001"), id(providers.NounCampaign, "28"), id(providers.NounReferral, "2001"), id(providers.NounMembership, "5001~1001")
	whole := want{affiliate: {"email", "name"}, campaign: {"name"}, referral: {"customerId", "email", "maskedEmail"}, membership: {"affiliate", "campaign"}}
	for _, c := range []struct {
		place, referral string
		want            want
	}{
		{membershipM, `{"id":2001,"email":"a@example.com","uid":null}`, whole},
		{`{"id":5001,"campaign_id":28,"promoter_id":1001,"promoter":{"id":1001},"campaign":{"id":28}}`, `{"id":2001}`,
			want{affiliate: nil, campaign: nil, referral: nil, membership: {"affiliate", "campaign"}}},
		{`{"id":5001,"campaign_id":28,"promoter_id":1001,"promoter":1001,"campaign":28}`, `2001`, want{membership: {"affiliate", "campaign"}}},
		{`{"id":5001,"promoter_id":1001,"promoter":{"id":1001,"email":null},"campaign":{"id":28,"name":null}}`, `{"id":2001,"uid":"u"}`,
			want{affiliate: {"email"}, campaign: {"name"}, referral: {"customerId"}, membership: {"affiliate"}}},
	} {
		row := with(t, someRow["/commissions"](7000), map[string]string{"promoter_campaign": c.place, "referral": c.referral})
		p := open(t, &lists{rows: map[string][]string{"/commissions": {row}}}, someKey)
		page := providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{}))
		if e := page.Items[0]; e.AffiliateID != affiliate || e.CampaignID != campaign || e.ReferralID != referral {
			t.Errorf("%s: %+v", row, e)
		}
		got := want{}
		h := page.Harvest
		for _, n := range slices.Concat(nodes(h.Affiliates), nodes(h.Campaigns), nodes(h.Referrals), nodes(h.Memberships)) {
			names, except := n.Known.Names()
			if except {
				t.Errorf("%v is taken for a whole record", n.ID)
			}
			names = slices.DeleteFunc(slices.Sorted(slices.Values(names)), func(s string) bool {
				return slices.Contains(slices.Concat([]string{"id", "account", "fetchedAt"}, affiliateEdges, campaignEdges, referralEdges), s)
			})
			if len(names) == 0 {
				names = nil
			}
			got[n.ID] = names
		}
		if !maps.EqualFunc(got, c.want, func(a, b []string) bool { return slices.Equal(a, b) }) {
			t.Errorf("%s: stubs know %v, want %v", row, got, c.want)
		}
	}
	// What estimates take a stub to know is what a documented one knows.
	for _, c := range []struct{ stub, is *providers.Fields }{
		{affiliateStub, documented(t).Affiliates[0].Known}, {campaignStub, documented(t).Campaigns[0].Known}, {referralStub, documented(t).Referrals[0].Known},
	} {
		if !c.stub.CoversAll(c.is) || !c.is.CoversAll(c.stub) {
			t.Errorf("%v and %v", c.stub, c.is)
		}
	}
}

// documented are the stubs of the vendor's own example.
func documented(t *testing.T) providers.Harvest {
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(providertest.Find(t, providertest.Exchanges(t, "."), "commission_list").Body)
	}), someKey)
	return providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{})).Harvest
}

// TestRicherStub: of two stubs of a record the one that knows more is kept, in whatever
// order they come.
func TestRicherStub(t *testing.T) {
	bare := with(t, someRow["/payouts"](1), map[string]string{"promoter": `{"id":1001}`})
	for _, rows := range [][]string{{bare, someRow["/payouts"](2)}, {someRow["/payouts"](2), bare}} {
		p := open(t, &lists{rows: map[string][]string{"/payouts": rows}}, someKey)
		stubs := providertest.First[providers.Payout](t, p)(p.Payouts(providers.PayoutFilter{})).Harvest.Affiliates
		if last := stubs[len(stubs)-1]; !last.Known.Covers("email") || last.Email == nil {
			t.Errorf("%v: the last of %d stubs knows %v", rows, len(stubs), last.Known)
		}
	}
}

// TestErrorBodies: each member of a refusal's body is read by itself.
func TestErrorBodies(t *testing.T) {
	for body, want := range map[string]struct {
		kind   providers.Kind
		text   string
		fields map[string][]string
	}{
		`{"message":"m","code":"invalid_params","errors":{"email":["taken"]}}`:       {providers.KindInvalid, "m", map[string][]string{"email": {"taken"}}},
		`{"message":"m","code":"invalid_params","errors":["taken"]}`:                 {providers.KindInvalid, "m", nil},
		`{"message":"m","code":"invalid_params","errors":"taken"}`:                   {providers.KindInvalid, "m", nil},
		`{"message":"m","code":"invalid_params","errors":{"email":"taken","x":[7]}}`: {providers.KindInvalid, "m", map[string][]string{"email": {"taken"}, "x": {"7"}}},
		`{"message":["m"],"code":"operation_failed","error":"e"}`:                    {providers.KindConflict, "e", nil},
		`{"error":"e","errors":null,"code":null}`:                                    {"", "e", nil},
		`{"message":"m","code":["x"],"errors":{"email":[{"a":1},"taken"],"y":null}}`: {"", "m", map[string][]string{"email": {"taken"}, "y": nil}},
		`[]`:     {"", "", nil},
		`<html>`: {"", "", nil},
		``:       {"", "", nil},
	} {
		e := classify(http.StatusUnprocessableEntity, []byte(body))
		text := ""
		if e.Err != nil {
			text = e.Err.Error()
		}
		if e.Kind != want.kind || text != want.text || !reflect.DeepEqual(e.Fields, want.fields) {
			t.Errorf("%s: %q, %q, %v; want %+v", body, e.Kind, text, e.Fields, want)
		}
	}
}

// TestRawForms: a raw record is found by a number in a text, and in an envelope.
func TestRawForms(t *testing.T) {
	for _, body := range []string{`[{"id":"7","status":"approved","secret":1}]`, `{"data":[null,{"id":7,"status":"approved"}]}`, `{"id":7.0,"status":"approved"}`} {
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }), someKey)
		raw, err := p.RawRecord(t.Context(), id(providers.NounCommission, "7"))
		if err != nil || !strings.Contains(string(raw), `"status":"approved"`) || strings.Contains(string(raw), "secret") {
			t.Errorf("%s: %s, %v", body, raw, err)
		}
	}
}

// TestMinorUnits: amounts are in the minor unit that the account's currency has.
func TestMinorUnits(t *testing.T) {
	for currency, want := range map[string]string{"KWD": "1.500", "USD": "15.00", "JPY": "1500"} {
		row := with(t, someRow["/commissions"](1), map[string]string{"amount": `1500`})
		c := providertest.Config("saas", &lists{rows: map[string][]string{"/commissions": {row}}}, noon)
		c.Credentials, c.Currency = someKey, currency
		p, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		page := providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{}))
		if got := page.Items[0].Amount; got == nil || got.Amount.String() != want || got.CurrencyCode != currency {
			t.Errorf("%s: %v, want %s", currency, got, want)
		}
	}
}
