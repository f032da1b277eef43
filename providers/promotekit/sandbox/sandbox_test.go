package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func day(n int) time.Time { return noon.AddDate(0, 0, n-100) }

// tiny is a world with one of each thing that PromoteKit sees otherwise, or not at all.
func tiny() *sandbox.World {
	sale := func(customer, d int, amount int64) sandbox.Sale {
		return sandbox.Sale{Customer: customer, At: day(d), Amount: amount, Reference: fmt.Sprintf("ch_%d", d)}
	}
	earned := func(sale, customer, affiliate, d int, amount int64) sandbox.Commission {
		return sandbox.Commission{Sale: sale, Customer: customer, Affiliate: affiliate, At: day(d), Amount: amount,
			Verdict: sandbox.Approved, Payout: -1, Tier: 1}
	}
	w := &sandbox.World{
		Site: "n.example", Currency: "USD", Until: noon,
		Campaigns: []sandbox.Campaign{
			{Name: "Partners", CreatedAt: day(0), Percent: 20, Mode: "link", Default: true, Cookie: 30},
			{Name: "Creators", CreatedAt: day(1), Fixed: 1250, Mode: "coupon", Cookie: 60},
			{Name: "Both", CreatedAt: day(2), Percent: 10, Mode: "both"},
		},
		Affiliates: []sandbox.Affiliate{
			{First: "Ann", Last: "Ash", Email: "ann@x.example", Code: "ann", Coupon: "ANN20", JoinedAt: day(3), Standing: sandbox.Active, Campaigns: []int{0, 1}},
			{First: "Bob", Last: "Bay", Email: "bob@x.example", Code: "bob", Coupon: "BOB20", JoinedAt: day(4), Standing: sandbox.Archived, Campaigns: []int{1}},
			{First: "Cat", Last: "Cox", Email: "cat@x.example", Code: "cat", Coupon: "CAT20", JoinedAt: day(4), Standing: sandbox.Waiting, Campaigns: []int{2}},
		},
		Customers: []sandbox.Customer{
			{Email: "c0@y.example", Affiliate: 0, At: day(5), State: sandbox.Paying, Reference: "cus_0"},
			{Email: "c1@y.example", Affiliate: 1, At: day(6), State: sandbox.Refunded, Reference: "cus_1"},
			{Email: "c2@y.example", Affiliate: 0, At: day(7), State: sandbox.Lead, Reference: "cus_2"},
		},
		Sales:   []sandbox.Sale{sale(0, 10, 9900), sale(0, 11, -9900), sale(1, 12, 5000), sale(0, 13, 9900)},
		Payouts: []sandbox.Payout{{Affiliate: 0, Start: day(9), At: day(30), State: "paid"}, {Affiliate: 1, Start: day(9), At: day(31), State: "pending"}},
	}
	paid, refund, pending := earned(0, 0, 0, 10, 1980), earned(1, 0, 0, 11, -1980), earned(2, 1, 1, 12, 1000)
	paid.Payout, paid.Adjustment, pending.Payout = 0, 5, 1
	points, parent, refused := earned(3, 0, 0, 13, 500), earned(3, 0, 1, 13, 100), earned(3, 0, 0, 13, 1)
	points.Points, parent.Tier, refused.Verdict = true, 2, sandbox.Refused
	points.Payout = 0
	bonus, nobodys := earned(-1, -1, 0, 14, 2500), earned(-1, -1, 2, 15, 2500)
	w.Commissions = []sandbox.Commission{paid, refund, pending, points, parent, refused, bonus, nobodys}
	return w
}

func newTiny(now func() time.Time) *Server {
	return serve(tiny(), providers.SandboxOptions{Seed: 7, Now: now})
}

func still() time.Time { return noon }

// call sends one request with this key.
func call(s *Server, key, method, target string) (status int, body map[string]any) {
	return send(s, key, method, target, "")
}

// send is call with something to send.
func send(s *Server, key, method, target, text string) (status int, body map[string]any) {
	r := httptest.NewRequest(method, target, strings.NewReader(text))
	if key != "" {
		r.Header.Set("Authorization", key)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		body = map[string]any{"unreadable": w.Body.String()}
	}
	return w.Code, body
}

// get sends one request with the right key and answers its rows, picked by path, one line each.
func get(t *testing.T, s *Server, target string, paths ...string) (lines []string) {
	t.Helper()
	status, body := call(s, "Bearer "+APIKey, http.MethodGet, target)
	if status != http.StatusOK || body["success"] != true {
		t.Fatalf("%s: %d %v", target, status, body)
	}
	data, ok := body["data"].([]any)
	if !ok {
		data = []any{body["data"]}
	}
	for _, row := range data {
		var words []string
		for _, path := range paths {
			v := row
			for key := range strings.SplitSeq(path, ".") {
				m, _ := v.(map[string]any)
				v = m[key]
			}
			words = append(words, fmt.Sprint(v))
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return lines
}

// TestStory tells what PromoteKit makes of the world.
func TestStory(t *testing.T) {
	s := newTiny(still)
	for _, tt := range []struct {
		target string
		paths  string
		want   []string
	}{
		{"/campaigns", "name commission_type commission_amount code_mode website_url is_default", []string{
			"Both percentage 10 both https://n.example false",
			"Creators fixed 12.5 coupon <nil> false",
			"Partners percentage 20 link https://n.example true",
		}},
		{"/affiliates?email=ann%40x.example", "approved banned campaign.name links promo_codes", []string{
			"true false Partners [map[code:ann url:https://n.example?via=ann]] []"}},
		{"/affiliates?promo_code=BOB20", "approved banned campaign.name links", []string{"true true Creators []"}},
		{"/affiliates?ref_code=cat", "approved banned campaign.name", []string{"false false Both"}},
		{"/affiliates?ref_code=bob", "id", nil},
		{"/affiliates?campaign_id=" + s.program.uuid(campaignKind, 1), "email", []string{"bob@x.example"}},
		{"/affiliates?campaign_id=" + s.program.uuid(affiliateKind, 1), "email", nil},
		{"/referrals", "email subscription_status affiliate.email affiliate.campaign.name", []string{
			"c2@y.example trialing ann@x.example Partners",
			"c1@y.example canceled bob@x.example Creators",
			"c0@y.example active ann@x.example Partners",
		}},
		{"/referrals?subscription_status=active,canceled", "email", []string{"c1@y.example", "c0@y.example"}},
		{"/referrals?affiliate_id=" + s.program.uuid(affiliateKind, 0) + "&subscription_status=active", "email", []string{"c0@y.example"}},
		{"/referrals?stripe_customer_id=cus_2&unknown=1", "email", []string{"c2@y.example"}},
		{"/commissions", "commission_amount revenue_amount currency payout_status stripe_payment_id affiliate.email referral.email payout.amount", []string{
			"25 25 usd not_paid <nil> ann@x.example c2@y.example <nil>",
			"10 50 usd not_paid ch_12 bob@x.example c1@y.example <nil>",
			"-19.8 -99 usd not_paid ch_11 ann@x.example c0@y.example <nil>",
			"19.85 99 usd paid ch_10 ann@x.example c0@y.example 19.85",
		}},
		{"/commissions?affiliate_id=" + s.program.uuid(affiliateKind, 1), "commission_amount", []string{"10"}},
		{"/commissions?referral_id=" + s.program.uuid(referralKind, 0), "commission_amount", []string{"-19.8", "19.85"}},
		{"/commissions/" + s.program.uuid(commissionKind, 2), "commission_amount payout", []string{"10 <nil>"}},
		{"/payouts", "amount payment_count period affiliate_name affiliate.email", []string{"19.85 1 " + day(9).Format("January 2006") + " Ann Ash ann@x.example"}},
		{"/payouts?affiliate_id=" + s.program.uuid(affiliateKind, 1), "amount", nil},
	} {
		if diff := cmp.Diff(tt.want, get(t, s, tt.target, strings.Fields(tt.paths)...)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.target, diff)
		}
	}
}

func TestSwitches(t *testing.T) {
	s := newTiny(still)
	s.Kit().Set(IDsOnly, true)
	p := s.program
	want := []string{p.uuid(affiliateKind, 0) + " " + p.uuid(referralKind, 0) + " " + p.uuid(payoutKind, 0)}
	if diff := cmp.Diff(want, get(t, s, "/commissions/"+p.uuid(commissionKind, 0), "affiliate", "referral", "payout")); diff != "" {
		t.Errorf("ids only (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{p.uuid(campaignKind, 0)}, get(t, s, "/affiliates/"+p.uuid(affiliateKind, 0), "campaign")); diff != "" {
		t.Errorf("ids only (-want +got)\n%s", diff)
	}
	s.Kit().Set(IgnoreFilters, true)
	if got, want := len(get(t, s, "/commissions?affiliate_id="+p.uuid(affiliateKind, 1), "id")), 4; got != want {
		t.Errorf("with filters ignored: got %d rows, want all %d", got, want)
	}
}

func TestPaging(t *testing.T) {
	s := newTiny(still)
	for _, tt := range []struct {
		query string
		rows  int
		want  map[string]any
	}{
		{"", 3, map[string]any{"page": 1., "limit": 10., "total_count": 3., "total_pages": 1., "has_more": false}},
		{"?limit=2", 2, map[string]any{"page": 1., "limit": 2., "total_count": 3., "total_pages": 2., "has_more": true}},
		{"?limit=2&page=2", 1, map[string]any{"page": 2., "limit": 2., "total_count": 3., "total_pages": 2., "has_more": false}},
		{"?page=9", 0, map[string]any{"page": 9., "limit": 10., "total_count": 3., "total_pages": 1., "has_more": false}},
	} {
		_, body := call(s, "Bearer "+APIKey, http.MethodGet, "/referrals"+tt.query)
		if diff := cmp.Diff(any(tt.want), body["pagination"]); diff != "" {
			t.Errorf("%q (-want +got)\n%s", tt.query, diff)
		}
		if got := len(body["data"].([]any)); got != tt.rows {
			t.Errorf("%q: got %d rows, want %d", tt.query, got, tt.rows)
		}
	}
}

func TestErrors(t *testing.T) {
	s, key := newTiny(still), "Bearer "+APIKey
	for _, tt := range []struct {
		key, method, target string
		status              int
		kind                string
	}{
		{"", "GET", "/affiliates", 401, "authentication_error"},
		{APIKey, "GET", "/affiliates", 401, "authentication_error"},
		{key + "x", "GET", "/affiliates", 401, "authentication_error"},
		{key, "GET", "/affiliates?limit=101", 400, "validation_error"},
		{key, "GET", "/affiliates?limit=0", 400, "validation_error"},
		{key, "GET", "/affiliates?page=0", 400, "validation_error"},
		{key, "GET", "/affiliates?page=one", 400, "validation_error"},
		{key, "GET", "/affiliates?campaign_id=1", 400, "validation_error"},
		{key, "GET", "/affiliates?email=jane", 400, "validation_error"},
		{key, "GET", "/referrals?subscription_status=cancelled", 400, "validation_error"},
		{key, "GET", "/affiliates/1", 400, "validation_error"},
		{key, "GET", "/affiliates/" + s.program.uuid(campaignKind, 0), 404, "not_found"},
		{key, "GET", "/commissions/" + s.program.uuid(commissionKind, 3), 404, "not_found"}, // points
		{key, "GET", "/payouts/" + s.program.uuid(payoutKind, 1), 404, "not_found"},         // not paid
		{key, "GET", "/referrals/" + s.program.uuid(referralKind, 0), 404, "not_found"},
		{key, "GET", "/nothing", 404, "not_found"},
		{key, "DELETE", "/affiliates", 405, "method_not_allowed"},
	} {
		status, body := call(s, tt.key, tt.method, tt.target)
		said, _ := body["error"].(map[string]any)
		if status != tt.status || body["success"] != false || said["type"] != tt.kind || said["message"] == "" {
			t.Errorf("%s %s with %q: got %d %v, want %d %s", tt.method, tt.target, tt.key, status, body, tt.status, tt.kind)
		}
	}
}

// TestRateLimit: 200 calls a minute for a key, failed ones counted.
func TestRateLimit(t *testing.T) {
	now := noon
	s := newTiny(func() time.Time { return now })
	for i := range 201 {
		status, body := call(s, "Bearer "+APIKey, http.MethodGet, "/affiliates/1")
		if limited := status == http.StatusTooManyRequests; limited != (i == 200) {
			t.Fatalf("call %d: got %d %v", i+1, status, body)
		}
	}
	if status, _ := call(s, "Bearer other", http.MethodGet, "/affiliates"); status != http.StatusUnauthorized {
		t.Errorf("another key: got %d, want 401", status)
	}
	now = now.Add(time.Minute)
	if status, _ := call(s, "Bearer "+APIKey, http.MethodGet, "/affiliates"); status != http.StatusOK {
		t.Errorf("a minute later: got %d, want 200", status)
	}
}

func TestIDs(t *testing.T) {
	p, other := &program{seed: 7}, &program{seed: 8}
	seen := map[string]bool{}
	for k := campaignKind; k <= payoutKind; k++ {
		for i := range 2000 {
			id := p.uuid(k, i)
			if seen[id] || !uuidPattern.MatchString(id) || id[14] != '4' || !strings.Contains("89ab", id[19:20]) {
				t.Fatalf("%q is no UUID of version 4, or was there before", id)
			}
			seen[id] = true
			if got, ok := p.index(k, id); !ok || got != i {
				t.Fatalf("index(%q) = %d, %v; want %d", id, got, ok, i)
			}
			if _, ok := p.index(k+1, id); ok {
				t.Fatalf("%q is the id of another noun as well", id)
			}
			if _, ok := other.index(k, id); ok {
				t.Fatalf("%q is an id of another world as well", id)
			}
		}
	}
}

// TestFiguresAddUp holds the payouts of a made world against the commissions that point to them.
func TestFiguresAddUp(t *testing.T) {
	s := New(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 3, Now: still})
	s.Kit().Forget()
	addsUp(t, s)
	if len(s.program.payouts.order) < 10 || len(s.program.commissions.order) < 300 {
		t.Errorf("%d payouts, %d commissions prove little", len(s.program.payouts.order), len(s.program.commissions.order))
	}
	states := map[string]bool{}
	for i := range s.program.world.Customers {
		states[s.program.subscription(i)] = true
	}
	if len(states) != 5 {
		t.Errorf("referrals are in the states %v; want all five", states)
	}
}

// addsUp holds the payouts against their commissions.
func addsUp(t *testing.T, s *Server) {
	t.Helper()
	sum, count := map[int32]int64{}, map[int32]int64{}
	for _, i := range s.program.commissions.order {
		if c := s.program.world.Commissions[i]; s.program.payout[i] >= 0 {
			sum[s.program.payout[i]] += c.Amount + c.Adjustment
			count[s.program.payout[i]]++
		}
	}
	for _, i := range s.program.payouts.order {
		p := shortPayoutRecord(view{program: s.program}, int(i))
		if p.Amount != s.program.major(sum[i]) || p.PaymentCount != count[i] || count[i] == 0 {
			t.Errorf("payout %s of %s over %d; its commissions are %d minor units over %d", p.ID, p.Amount, p.PaymentCount, sum[i], count[i])
		}
	}
}
