package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// TestWrites: what was written is told at once, in the order of the lists.
func TestWrites(t *testing.T) {
	world := tiny()
	s := serve(world, providers.SandboxOptions{Seed: 7, Now: still})
	p := s.program
	first, ann, bob, c0, c2 := p.uuid(campaignKind, 0), p.uuid(affiliateKind, 0), p.uuid(affiliateKind, 1), p.uuid(referralKind, 0), p.uuid(referralKind, 2)
	for _, tt := range []struct {
		method, path, body string
		status             int
		target, paths      string
		want               []string
	}{
		{"POST", "/affiliates", `{"email": "Dan@x.example", "first_name": "Ann", "last_name": "Ash", "unknown": 1}`, 201,
			"/affiliates?email=dan@x.example", "email links approved banned campaign.name new_paid_referral_notifications created_at details", []string{
				"Dan@x.example [map[code:ann-ash url:https://n.example?via=ann-ash]] true false Partners true " + moment(noon) + " <nil>"}},
		{"POST", "/affiliates", `{"email": "eve@x.example", "first_name": "Ann", "last_name": "Ash", "approved": false, "banned": true, "details": "d"}`, 201,
			"/affiliates?email=eve@x.example", "links approved banned details", []string{"[map[code:ann-ash-2 url:https://n.example?via=ann-ash-2]] false false d"}},
		{"PUT", "/affiliates/" + bob, `{"promo_code": "BOB30", "banned": false, "approved": false, "details": null, "payout_email": "p@x.example", "first_name": null}`, 200,
			"/affiliates?promo_code=bob30", "email first_name approved banned payout_email", []string{"bob@x.example Bob false false p@x.example"}},
		{"PUT", "/affiliates/" + bob, `{"campaign_id": "` + first + `", "payout_email": null}`, 200,
			"/affiliates?campaign_id=" + first + "&ref_code=bob", "email promo_codes payout_email", []string{"bob@x.example [] <nil>"}},
		{"POST", "/campaigns", `{"name": "New", "commission_type": "percentage", "commission_amount": 7.5, "code_mode": "both", "website_url": "https://w.example", "reference_coupon": "co", "is_default": true}`, 201,
			"/campaigns", "name commission_amount is_default website_url reference_coupon", []string{
				"New 7.5 true https://w.example co", "Both 10 false https://n.example " + p.terms[2].coupon, "Creators 12.5 false <nil> " + p.terms[1].coupon, "Partners 20 false https://n.example <nil>"}},
		{"PUT", "/campaigns/" + first, `{"website_url": "https://z.example", "is_default": true}`, 200,
			"/affiliates/" + ann, "links campaign.is_default", []string{"[map[code:ann url:https://z.example?via=ann]] true"}},
		{"POST", "/referrals", `{"affiliate_id": "` + bob + `", "email": "c3@y.example", "subscription_status": "past_due"}`, 200,
			"/referrals?affiliate_id=" + bob, "email subscription_status stripe_customer_id created_at", []string{"c3@y.example past_due <nil> " + moment(noon), "c1@y.example canceled cus_1 " + moment(day(6))}},
		{"POST", "/commissions", `{"referral_id": "` + c0 + `", "revenue_amount": 10, "commission_amount": "2.50", "referral_date": "2026-01-02T03:04:05Z", "stripe_payment_id": "ch_10"}`, 201,
			"/commissions?referral_id=" + c0, "revenue_amount commission_amount currency payout_status referral_date created_at stripe_payment_id", []string{
				"10 2.5 usd not_paid 2026-01-02T03:04:05+00:00 " + moment(noon) + " ch_10",
				"-99 -19.8 usd not_paid " + date(day(11)) + " " + moment(day(11)) + " ch_11", "99 19.85 usd paid " + date(day(10)) + " " + moment(day(10)) + " ch_10"}},
		{"POST", "/commissions", `{"referral_id": "` + c2 + `", "revenue_amount": 10, "commission_amount": 2}`, 201,
			"/commissions?affiliate_id=" + ann, "referral.email commission_amount", []string{"c2@y.example 2", "c0@y.example 2.5", "c2@y.example 25", "c0@y.example -19.8", "c0@y.example 19.85"}},
		{"POST", "/commissions", `{"referral_id": "` + c2 + `", "revenue_amount": 10, "commission_amount": 2}`, 201,
			"/commissions?referral_id=" + c2, "commission_amount", []string{"2", "2", "25"}},
	} {
		status, body := send(s, "Bearer "+APIKey, tt.method, tt.path, tt.body)
		if status != tt.status || body["success"] != true {
			t.Fatalf("%s %s: got %d %v, want %d", tt.method, tt.path, status, body, tt.status)
		}
		id := body["data"].(map[string]any)["id"].(string)
		if got, want := uuidPattern.MatchString(id), true; got != want {
			t.Errorf("%s %s answers the id %q", tt.method, tt.path, id)
		}
		got := get(t, s, tt.target, strings.Fields(tt.paths)...)
		if strings.HasPrefix(tt.target, "/commissions") { // in one second the ids say who is first
			slices.Sort(got)
			slices.Sort(tt.want)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %s, then %s (-want +got)\n%s", tt.method, tt.path, tt.target, diff)
		}
	}
	if diff := cmp.Diff(tiny(), world); diff != "" {
		t.Errorf("the world was changed (-want +got)\n%s", diff)
	}
}

// TestRefusedWrites: what is wrong is said in the vendor's form, and nothing is changed.
func TestRefusedWrites(t *testing.T) {
	s := newTiny(still)
	p := s.program
	first, ann, gone := p.uuid(campaignKind, 0), p.uuid(affiliateKind, 0), p.uuid(affiliateKind, 99)
	const person, terms = `"first_name": "A", "last_name": "B"`, `"name": "n", "commission_type": "fixed", "commission_amount": 1`
	before := fmt.Sprint(p.world.Campaigns, p.world.Affiliates, p.world.Customers, p.world.Commissions, p.terms, p.standing)
	for _, tt := range []struct {
		method, target, body string
		status               int
		says                 string
	}{
		{"POST", "/affiliates", `{`, 400, "body"},
		{"POST", "/affiliates", `{"email": "a@x.example", "first_name": "A"}`, 400, "last_name is required"},
		{"POST", "/affiliates", `{"email": "a", ` + person + `}`, 400, "email"},
		{"POST", "/affiliates", `{"email": "a@x.example", "payout_email": "a", ` + person + `}`, 400, "payout_email"},
		{"POST", "/affiliates", `{"email": "ANN@x.example", ` + person + `}`, 409, "email is already taken"},
		{"POST", "/affiliates", `{"email": "a@x.example", "ref_code": "Bob", ` + person + `}`, 409, "ref_code is already taken"},
		{"POST", "/affiliates", `{"email": "a@x.example", "promo_code": "CODE", ` + person + `}`, 400, "promo_code"},
		{"POST", "/affiliates", `{"email": "a@x.example", "campaign_id": "` + ann + `", ` + person + `}`, 404, "campaign not found"},
		{"POST", "/affiliates", `{"email": "a@x.example", "campaign_id": "1", ` + person + `}`, 400, "campaign_id"},
		{"PUT", "/affiliates/" + gone, `{}`, 404, "not found"},
		{"PUT", "/affiliates/1", `{}`, 400, "UUID"},
		{"PUT", "/affiliates/" + ann, `[]`, 400, "body"},
		{"PUT", "/affiliates/" + p.uuid(affiliateKind, 2), `{"first_name": "Z", "promo_code": "ann20"}`, 409, "promo_code is already taken"},
		{"PUT", "/affiliates/" + ann, `{"email": "bob@x.example"}`, 409, "email"},
		{"POST", "/campaigns", `{"commission_type": "fixed"}`, 400, "name"},
		{"POST", "/campaigns", `{"name": "n", "commission_type": "fixed"}`, 400, "commission_amount"},
		{"POST", "/campaigns", `{` + terms + `, "code_mode": "none"}`, 400, "code_mode"},
		{"POST", "/campaigns", `{` + terms + `, "code_mode": "link"}`, 400, "website_url"},
		{"POST", "/campaigns", `{` + terms + `, "code_mode": "both", "website_url": "https://x.example"}`, 400, "reference_coupon"},
		{"PUT", "/campaigns/" + first, `{"commission_type": "tiered"}`, 400, "commission_type"},
		{"PUT", "/campaigns/" + first, `{"commission_amount": -1}`, 400, "commission_amount"},
		{"PUT", "/campaigns/" + first, `{"code_mode": "coupon"}`, 400, "reference_coupon"},
		{"PUT", "/campaigns/" + first, `{"is_default": false}`, 400, "is_default"},
		{"POST", "/referrals", `{"affiliate_id": "` + gone + `", "email": "n@x.example"}`, 404, "affiliate not found"},
		{"POST", "/referrals", `{"affiliate_id": "` + ann + `", "email": "C0@y.example"}`, 409, "email"},
		{"POST", "/referrals", `{"affiliate_id": "` + ann + `", "email": "n"}`, 400, "email"},
		{"POST", "/referrals", `{"affiliate_id": "` + ann + `", "email": "n@x.example", "subscription_status": "cancelled"}`, 400, "subscription_status"},
		{"POST", "/commissions", `{"referral_id": "` + ann + `", "revenue_amount": 1, "commission_amount": 1}`, 404, "referral not found"},
		{"POST", "/commissions", `{"referral_id": "` + p.uuid(referralKind, 0) + `", "revenue_amount": 0, "commission_amount": 1}`, 400, "revenue_amount"},
		{"POST", "/commissions", `{"referral_id": "` + p.uuid(referralKind, 0) + `", "revenue_amount": 1}`, 400, "commission_amount"},
		{"DELETE", "/affiliates/" + ann, ``, 405, "allowed"},
		{"PUT", "/commissions/" + p.uuid(commissionKind, 0), `{}`, 405, "allowed"},
	} {
		status, body := send(s, "Bearer "+APIKey, tt.method, tt.target, tt.body)
		said, _ := body["error"].(map[string]any)
		if status != tt.status || body["success"] != false || !strings.Contains(fmt.Sprint(said["message"]), tt.says) {
			t.Errorf("%s %s %s: got %d %v, want %d that says %q", tt.method, tt.target, tt.body, status, body, tt.status, tt.says)
		}
	}
	if after := fmt.Sprint(p.world.Campaigns, p.world.Affiliates, p.world.Customers, p.world.Commissions, p.terms, p.standing); after != before {
		t.Error("a write that was refused has changed something")
	}
}

// TestManyWriters: of many who want one address one gets it, and every commission is made.
func TestManyWriters(t *testing.T) {
	s := New(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 3, Now: still})
	s.Kit().Forget()
	referral := s.program.uuid(referralKind, 0)
	before := len(s.program.commissions.order)
	const writers = 20
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range writers {
		wg.Go(func() {
			one, _ := send(s, "Bearer "+APIKey, http.MethodPost, "/affiliates", `{"email": "one@x.example", "first_name": "A", "last_name": "B"}`)
			two, _ := send(s, "Bearer "+APIKey, http.MethodPost, "/commissions", `{"referral_id": "`+referral+`", "revenue_amount": 5, "commission_amount": 1}`)
			call(s, "Bearer "+APIKey, http.MethodGet, "/commissions?referral_id="+referral)
			mu.Lock()
			defer mu.Unlock()
			statuses[one]++
			statuses[two]++
		})
	}
	wg.Wait()
	if want := map[int]int{http.StatusCreated: 1 + writers, http.StatusConflict: writers - 1}; !cmp.Equal(want, statuses) {
		t.Errorf("statuses: got %v, want %v", statuses, want)
	}
	if got, want := len(s.program.commissions.order), before+writers; got != want {
		t.Errorf("commissions: got %d, want %d", got, want)
	}
	for _, tab := range []*table{s.program.affiliates, s.program.commissions} {
		if !slices.IsSortedFunc(tab.order, tab.compare) {
			t.Error("a list has lost its order")
		}
	}
	addsUp(t, s)
}

// TestMoves: the world moves by itself, and its figures add up.
func TestMoves(t *testing.T) {
	s := providertest.Live(t, func() *Server {
		return New(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 3, Now: still})
	}, func(s *Server) int { return len(s.program.world.Customers) + len(s.program.world.Commissions) })
	addsUp(t, s)
	for i, c := range s.program.world.Commissions {
		if customer := s.program.customer[i]; customer >= 0 && s.program.world.Customers[customer].Affiliate != c.Affiliate {
			t.Errorf("commission %d is another affiliate's than its referral", i)
		}
	}
	if n := len(s.program.commissions.order); n < 500 {
		t.Errorf("the list has %d commissions", n)
	}
}
