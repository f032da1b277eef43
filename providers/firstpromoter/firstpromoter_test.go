package firstpromoter

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/firstpromoter/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

func TestNewNeedsWhatTheVendorDoesNotTell(t *testing.T) {
	for _, c := range []providers.Config{
		{Currency: "USD", Credentials: map[string]string{"api_key": "key"}},
		{Currency: "USD", Credentials: map[string]string{"account_id": "acc_1"}},
		{Credentials: someKey},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("New(%+v) succeeds", c)
		}
	}
}

func affiliateID(n string) providers.ID { return id(providers.NounAffiliate, n) }
func campaignID(n string) providers.ID  { return id(providers.NounCampaign, n) }

// planned is what a plan says without a call: the key of each list, "=" before those that
// are exact.
func planned[T providers.Record](lists []providers.List[T], err error) []string {
	if err != nil {
		return []string{err.Error()}
	}
	var keys []string
	for _, l := range lists {
		k := l.Key
		if l.Exact {
			k = "=" + k
		}
		if l.Within != nil {
			k += " within " + l.Within.Key
		}
		keys = append(keys, strings.NewReplacer("%5B", "[", "%5D", "]").Replace(k))
	}
	return keys
}

func TestPlans(t *testing.T) {
	p := open(t, http.NotFoundHandler(), someKey)
	type ids = []providers.ID
	foreign := providers.ID{Account: "other", Noun: providers.NounAffiliate, Local: "1"}
	day := func(d, h int) time.Time { return time.Date(2026, 1, d, h, 0, 0, 0, time.UTC) }
	yes := true
	for name, c := range map[string]struct{ got, want []string }{
		"affiliates": {planned(p.Affiliates(providers.AffiliateFilter{})), []string{"=all"}},
		"affiliates of campaigns": {planned(p.Affiliates(providers.AffiliateFilter{Campaigns: ids{campaignID("2"), campaignID("1"), campaignID("2")}})),
			[]string{"=filters[campaign_id][]=1&filters[campaign_id][]=2"}},
		"affiliates by states": {planned(p.Affiliates(providers.AffiliateFilter{Statuses: []providers.AffiliateStatus{providers.AffiliateArchived, providers.AffiliateBanned, providers.AffiliateActive}})),
			[]string{"filters[state]=accepted", "filters[state]=blocked", "=filters[archived]=true"}},
		"affiliates of a campaign by state": {planned(p.Affiliates(providers.AffiliateFilter{Campaigns: ids{campaignID("1")}, Statuses: []providers.AffiliateStatus{providers.AffiliateActive}})),
			[]string{"filters[campaign_id]=1"}},
		"affiliates below one":               {planned(p.Affiliates(providers.AffiliateFilter{Parent: affiliateID("7")})), []string{"=filters[parent_promoter_id]=7"}},
		"affiliates below another account's": {planned(p.Affiliates(providers.AffiliateFilter{Parent: foreign})), nil},
		"referrals of affiliates": {planned(p.Referrals(providers.ReferralFilter{Affiliates: ids{affiliateID("2"), foreign, affiliateID("1")}, Converted: &yes})),
			[]string{"=filters[promoter_id]=1&filters[type]=customer within all", "=filters[promoter_id]=2&filters[type]=customer within all"}},
		"referrals by states": {planned(p.Referrals(providers.ReferralFilter{Statuses: []providers.ReferralStatus{providers.ReferralLead, providers.ReferralTrialing}})),
			[]string{"=filters[state]=signup", "=filters[state]=subscribed"}},
		"referrals in a state that is not": {planned(p.Referrals(providers.ReferralFilter{Statuses: []providers.ReferralStatus{providers.ReferralPastDue}})), nil},
		"referrals of affiliates by states": {planned(p.Referrals(providers.ReferralFilter{Affiliates: ids{affiliateID("2"), affiliateID("1")}, Statuses: []providers.ReferralStatus{providers.ReferralLead}})),
			[]string{"filters[promoter_id]=1 within all", "filters[promoter_id]=2 within all"}},
		"referrals by date": {planned(p.Referrals(providers.ReferralFilter{CreatedAt: providers.DateRange{From: day(2, 5), To: day(4, 0)}})),
			[]string{"filters[created_at][from]=2026-01-02&filters[created_at][to]=2026-01-03"}},
		"referrals up to an hour": {planned(p.Referrals(providers.ReferralFilter{CreatedAt: providers.DateRange{To: day(4, 1)}})),
			[]string{"filters[created_at][to]=2026-01-04"}},
		"referrals of a campaign":   {planned(p.Referrals(providers.ReferralFilter{Campaigns: ids{campaignID("1")}})), []string{"filters[campaign_id]=1"}},
		"referrals that are orders": {planned(p.Referrals(providers.ReferralFilter{Kinds: []providers.ReferralKind{providers.ReferralOrder}})), nil},
		"commissions of payouts": {planned(p.Commissions(providers.CommissionFilter{Payouts: ids{id(providers.NounPayout, "3"), id(providers.NounPayout, "4")}})),
			[]string{"=filters[payout_id]=3", "=filters[payout_id]=4"}},
		"commissions of a referral, denied": {planned(p.Commissions(providers.CommissionFilter{Referrals: ids{id(providers.NounReferral, "9")}, Statuses: []providers.CommissionStatus{providers.CommissionDenied}})),
			[]string{"filters[status]=denied&referral_id=9 within all"}},
		"commissions paid or not": {planned(p.Commissions(providers.CommissionFilter{Statuses: []providers.CommissionStatus{providers.CommissionPaid, providers.CommissionApproved}})),
			[]string{"filters[status]=approved"}},
		"commissions of an affiliate in a campaign": {planned(p.Commissions(providers.CommissionFilter{Affiliates: ids{affiliateID("1")}, Campaigns: ids{campaignID("2")}})),
			[]string{"=filters[campaign_id]=2&filters[promoter_id]=1 within all"}},
		"payouts by state":          {planned(p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutDue, providers.PayoutPaid}})), []string{"=filters[status]=completed"}},
		"memberships of a campaign": {planned(p.Memberships(providers.MembershipFilter{Campaigns: ids{campaignID("1")}})), []string{"all"}},
		"memberships of affiliates": {planned(p.Memberships(providers.MembershipFilter{Affiliates: ids{affiliateID("1"), affiliateID("2")}})), []string{"=promoter_id=1&promoter_id=2"}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// TestCalls holds estimates against what reads take, of a hundred commissions.
func TestCalls(t *testing.T) {
	server := simulator()
	p := open(t, server, server.Credentials())
	lists, err := p.Commissions(providers.CommissionFilter{})
	if err != nil {
		t.Fatal(err)
	}
	page, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(page.Items), pageSize; got != want {
		t.Fatalf("a page has %d rows, want %d", got, want)
	}
	stubs := map[providers.ID]*providers.Affiliate{}
	for _, a := range page.Harvest.Affiliates {
		stubs[a.ID] = a
	}
	var ids []providers.ID
	for _, c := range page.Items {
		stub := stubs[c.AffiliateID]
		if !stub.Known.Covers("name", "email", "providerId") || stub.Known.Covers("clicks") || stub.Name == nil {
			t.Fatalf("the stub of %v knows the wrong things: %+v", c.AffiliateID, stub)
		}
		if !slices.Contains(ids, c.AffiliateID) {
			ids = append(ids, c.AffiliateID)
		}
	}
	for _, c := range []struct {
		edge providers.Edge
		need []string
		want int
	}{
		{providers.CommissionAffiliateEdge, []string{"name"}, 0},
		{providers.CommissionAffiliateEdge, []string{"clicks"}, 1},
		{providers.CommissionAffiliateEdge, []string{"parent"}, 100},
		{providers.CommissionCampaignEdge, []string{"name"}, 0},
		{providers.CommissionCampaignEdge, []string{"websiteUrl"}, 1},
		{providers.CommissionCampaignEdge, []string{"commission"}, 4},
		{providers.CommissionReferralEdge, []string{"email"}, 0},
		{providers.CommissionReferralEdge, []string{"status"}, 1},
		{providers.AffiliateParentEdge, []string{"name"}, 100},
		{providers.AffiliateParentEdge, []string{"clicks"}, 101},
		{providers.EdgeNamed("Membership.nothing"), nil, 0},
	} {
		if got := p.Calls(c.edge, providers.RowsOf(100), c.need...); got != c.want {
			t.Errorf("Calls(%q, 100, %q) = %d, want %d", c.edge, c.need, got, c.want)
		}
	}
	server.Kit().Forget()
	b, err := p.AffiliatesByID(t.Context(), ids, "clicks")
	if err != nil {
		t.Fatal(err)
	}
	archived := 0
	for _, a := range b.Found {
		if a.Status == providers.AffiliateArchived {
			archived++
		}
	}
	if got, want := len(server.Kit().Requests()), 1+archived; len(b.Found) != len(ids) || got != want {
		t.Errorf("%d of %d affiliates, %d of them archived, took %d calls, want %d", len(b.Found), len(ids), archived, got, want)
	}
	for _, r := range server.Kit().Requests() {
		if !strings.Contains(r.Path, "exclude_payout_method=true") {
			t.Errorf("%s asks for how somebody is paid", r.Path)
		}
	}
}

// TestArchived: they stand in lists only where they are asked for, and can be read by their ids.
func TestArchived(t *testing.T) {
	server := simulator()
	p := open(t, server, server.Credentials())
	count := func(f providers.AffiliateFilter) (archived, others int) {
		lists, err := p.Affiliates(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lists {
			for a, err := range providers.All(t.Context(), l, p) {
				if err != nil {
					t.Fatal(err)
				}
				if a.Status == providers.AffiliateArchived {
					archived++
				} else {
					others++
				}
			}
		}
		return archived, others
	}
	if archived, others := count(providers.AffiliateFilter{}); archived != 0 || others == 0 {
		t.Errorf("the list of all holds %d archived and %d others", archived, others)
	}
	if archived, others := count(providers.AffiliateFilter{Statuses: []providers.AffiliateStatus{providers.AffiliateArchived}}); archived == 0 || others != 0 {
		t.Errorf("the list of the archived holds %d archived and %d others", archived, others)
	}
}

// TestStatesOfAffiliates: who is active in one campaign and not in another stands in one
// list only.
func TestStatesOfAffiliates(t *testing.T) {
	server := simulator()
	p := open(t, server, server.Credentials())
	lists, err := p.Affiliates(providers.AffiliateFilter{Statuses: []providers.AffiliateStatus{providers.AffiliateActive, providers.AffiliateInactive}})
	if err != nil {
		t.Fatal(err)
	}
	seen, mixed := map[providers.ID]bool{}, 0
	for _, l := range lists {
		for a, err := range providers.All(t.Context(), l, p) {
			if err != nil {
				t.Fatal(err)
			}
			if seen[a.ID] {
				t.Errorf("%s, %s, stands in two lists", *a.Email, *a.ProviderStatus)
			}
			if seen[a.ID] = true; *a.ProviderStatus == "accepted, inactive" {
				mixed++
			}
		}
	}
	if mixed == 0 {
		t.Error("the world has nobody to try with")
	}
}

// TestCommissionsOfReferrals: what the search finds of others is left to their lists.
func TestCommissionsOfReferrals(t *testing.T) {
	found := providertest.Find(t, providertest.Exchanges(t, "."), "commission_list").Body
	email := "user@example.com"
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.Query().Get("q"); got != email {
			t.Errorf("searched for %q, want %q", got, email)
		}
		_, _ = w.Write(found)
	}), someKey)
	for local, want := range map[string]int{"29203686": 2, "29203687": 0} {
		f := providers.CommissionFilter{Referrals: []providers.ID{id(providers.NounReferral, local)}}
		f.Parent.Referral = &providers.Referral{Node: providers.Node{ID: f.Referrals[0]}, Email: &email}
		page := providertest.First[providers.Commission](t, p)(p.Commissions(f))
		if got := len(page.Items); got != want {
			t.Errorf("referral %s: got %d commissions, want %d", local, got, want)
		}
	}
}

// TestOthersSale: shares of tiers above the first, and of splits, are earned on sales to
// customers who may be others'.
func TestOthersSale(t *testing.T) {
	for row, want := range map[string]bool{
		`{"id":1}`: false, `{"id":1,"tier":1,"is_split":false}`: false, `{"id":1,"tier":null,"is_split":null}`: false,
		`{"id":1,"tier":2,"is_split":false}`: true, `{"id":1,"tier":1,"is_split":true}`: true,
	} {
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("[" + row + "]")) }), someKey)
		page := providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{}))
		if len(page.Items) != 1 || page.Items[0].OthersSale != want {
			t.Errorf("%s: %+v, want %t", row, page.Items, want)
		}
	}
}

// TestCodesOfOthers: a vendor who ignores whose promo codes are asked for sends others',
// which are taken for nobody's.
func TestCodesOfOthers(t *testing.T) {
	promoter := providertest.Find(t, providertest.Exchanges(t, "."), "affiliate_get_active").Body
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/promo_codes" {
			_, _ = w.Write(promoter)
			return
		}
		_, _ = w.Write([]byte(`[{"id":1,"code":"MINE","promoter_campaign_id":` + r.URL.Query().Get("promoter_campaign_id") + `},{"id":2,"code":"OTHERS","promoter_campaign_id":1},{"id":3,"code":"NOBODYS"}]`))
	}), someKey)
	page := providertest.First[providers.Coupon](t, p)(p.Coupons(providers.CouponFilter{Affiliates: []providers.ID{jane}}))
	if len(page.Items) == 0 {
		t.Fatal("there are none")
	}
	for _, c := range page.Items {
		if got, want := c.AffiliateID == jane, c.Code == "MINE"; got != want {
			t.Errorf("%s is %v's", c.Code, c.AffiliateID)
		}
	}
}

// TestPromoCodes: an affiliate is found by a code that only its promo codes show, and a
// code's owner by the code.
func TestPromoCodes(t *testing.T) {
	server := simulator()
	p := open(t, server, server.Credentials())
	lists, err := p.Coupons(providers.CouponFilter{})
	if err != nil {
		t.Fatal(err)
	}
	some := 0
	for row, err := range providers.All(t.Context(), lists[0], p) {
		if err != nil {
			t.Fatal(err)
		}
		if row.Known.Covers("affiliate") {
			t.Fatalf("the list of all cannot know whose %s is", row.Code)
		}
		if !strings.HasSuffix(row.Code, "-2") { // the simulator's mark of codes that no membership shows
			continue
		}
		some++
		b, err := p.CouponsByID(t.Context(), []providers.ID{row.ID})
		if err != nil {
			t.Fatal(err)
		}
		owner := b.Found[row.ID].AffiliateID
		f := providers.AffiliateFilter{PromoCode: row.Code}
		found, err := p.Affiliates(f)
		if err != nil {
			t.Fatal(err)
		}
		page, err := found[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) != 1 || page.Items[0].ID != owner || !f.Match(page.Items[0]) {
			t.Errorf("by %q: %d affiliates; want %v, with the code", row.Code, len(page.Items), owner)
		}
	}
	if some == 0 {
		t.Error("the world has no code to try with")
	}
}

// TestNestedBalances: the other form of balances says the same of what is owed.
func TestNestedBalances(t *testing.T) {
	server := simulator()
	p := open(t, server, server.Credentials())
	read := func() (owed []string, statuses map[providers.BalanceStatus]bool) {
		lists, err := p.Affiliates(providers.AffiliateFilter{})
		if err != nil {
			t.Fatal(err)
		}
		statuses = map[providers.BalanceStatus]bool{}
		for a, err := range providers.All(t.Context(), lists[0], p) {
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range a.Balances {
				if statuses[b.Status] = true; b.Status == providers.BalanceCurrent && b.Amount != nil {
					owed = append(owed, b.Amount.Amount.String())
				}
			}
		}
		return owed, statuses
	}
	flat, one := read()
	server.Kit().Set(sandbox.NestedBalances, true)
	nested, three := read()
	if diff := cmp.Diff(flat, nested); diff != "" || len(flat) == 0 {
		t.Errorf("what is owed (-flat +nested)\n%s", diff)
	}
	if len(one) != 1 || len(three) != 3 {
		t.Errorf("got the balances %v and %v; want one and three", one, three)
	}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   providers.Kind
	}{
		"refused key":  {401, "", providers.KindUnauthorized},
		"empty object": {401, "{}", providers.KindUnauthorized},
		"no right":     {403, `{"message":"You don't have enough rights to perform this action","code":"forbidden"}`, providers.KindUnauthorized},
		"no account":   {404, `{"message":"Record not found","code":"not_found"}`, providers.KindUnauthorized},
		"validation":   {400, `{"message":"Validation failed: jane@example.com has already been taken","errors":{"email":["has already been taken"]},"code":"invalid_record"}`, providers.KindInvalid},
		"parameter":    {422, `{"message":"param is missing or the value is empty or invalid: email","code":"invalid_params"}`, providers.KindInvalid},
		"operation":    {422, `{"message":"Failed to move","code":"operation_failed"}`, providers.KindConflict},
		"too many":     {429, "", providers.KindRateLimited},
		"odd":          {200, `{"rows":[]}`, providers.KindBadReply},
		"no data":      {200, `{"data":{"id":1}}`, providers.KindBadReply},
		"no list":      {200, `null`, providers.KindBadReply},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "60") // longer than the client waits
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}), someKey)
			lists, err := p.Payouts(providers.PayoutFilter{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
			if got := providers.KindOf(err); got != c.want {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "jane@") {
				t.Errorf("the error tells an address: %v", err)
			}
		})
	}
}

// TestLookupThatFindsNothing: the vendor may answer 404 or 422, and both mean that there is none.
func TestLookupThatFindsNothing(t *testing.T) {
	for _, status := range []int{404, 422} {
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == campaignList.path {
				_, _ = w.Write([]byte(`[]`))
				return
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"message":"Cannot find promoter by email","code":"invalid_params"}`))
		}), someKey)
		for _, email := range []string{"jane@example.com", "..", "a/b@example.com"} {
			lists, err := p.Affiliates(providers.AffiliateFilter{Email: email})
			if err != nil {
				t.Fatal(err)
			}
			page, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
			if err != nil || len(page.Items) != 0 {
				t.Errorf("%d: got %+v, %v; want an empty page", status, page, err)
			}
		}
	}
}

// TestRawRecord reads a record of each noun and looks for what must not be shown.
func TestRawRecord(t *testing.T) {
	stored := providertest.Exchanges(t, ".")
	for noun, c := range map[providers.Noun]struct{ local, path, exchange, shows string }{
		providers.NounAffiliate:           {"8262001", "/promoters/8262001", "affiliate_get", `"email":"old@example.com"`},
		providers.NounMembership:          {"14840000~8262001", "/promoters/8262001", "affiliate_get", `"ref_token":"jane"`},
		providers.NounCampaign:            {"28004", "/campaigns/28004", "campaign_get", `"upgrade_details":{"campaign_id"`},
		providers.NounReferral:            {"29203686", "/referrals/29203686", "referral_get", `"split_details":[{`},
		providers.NounCommission:          {"13533003", "/commissions", "commission_list", `"plan_id":7`},
		providers.NounPayout:              {"2710287", "/payouts", "payout_list", `"total_incl_tax":3645.0`},
		providers.NounCoupon:              {"510", "/promo_codes/510", "coupon_get", `"ext_id":"promo_1"`},
		providers.NounWebhookSubscription: {"1", "/webhooks/1", "webhook_get", `"timeout":30`},
	} {
		t.Run(string(noun), func(t *testing.T) {
			p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != c.path {
					t.Errorf("got a call of %s, want %s", r.URL.Path, c.path)
				}
				_, _ = w.Write(providertest.Find(t, stored, c.exchange).Body)
			}), someKey)
			raw, err := p.RawRecord(t.Context(), id(noun, c.local))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(raw); strings.Contains(got, "secret") || !strings.Contains(got, c.shows) {
				t.Errorf("got %s; want it with %s, and without secrets", got, c.shows)
			}
			if _, err := p.RawRecord(t.Context(), providers.ID{Account: "other", Noun: noun, Local: c.local}); providers.KindOf(err) != providers.KindNotFound {
				t.Errorf("another account's: got %v, want %v", err, providers.KindNotFound)
			}
		})
	}
}
