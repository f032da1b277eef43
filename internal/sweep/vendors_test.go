package sweep

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// silentWrite is a write at a simulated vendor of which no webhook tells, and what a sweep
// tells of it: the kind and the noun of each event. "{name}" is the id that the call of this
// name answered.
type silentWrite struct {
	call, body string
	name       string // of the id in the reply
	want       string
}

// silentWrites are the writes of each vendor.
var silentWrites = map[string][]silentWrite{
	"promotekit": {
		{"GET /campaigns", "", "campaign", ""},
		{"POST /affiliates", `{"email": "ann@new.example", "first_name": "Ann", "last_name": "Ash", "approved": false}`, "ann", "CREATED Affiliate, CREATED Membership"},
		{"PUT /affiliates/{ann}", `{"approved": true}`, "", "UPDATED Affiliate, UPDATED Membership"},
		{"PUT /affiliates/{ann}", `{"banned": true}`, "", "UPDATED Affiliate, UPDATED Membership"},
		{"POST /referrals", `{"affiliate_id": "{ann}", "email": "c@new.example"}`, "customer", "CREATED Referral"},
		{"POST /commissions", `{"referral_id": "{customer}", "revenue_amount": 10, "commission_amount": 2}`, "", "CREATED Commission"},
		{"PUT /campaigns/{campaign}", `{"name": "Other"}`, "", "UPDATED Campaign"},
	},
	"firstpromoter": {
		{"GET /campaigns", "", "campaign", ""},
		{"GET /payouts?filters[status]=pending", "", "payout", ""},
		{"GET /rewards", "", "reward", ""},
		{"POST /promoters", `{"email": "ann@new.example", "profile": {"first_name": "Ann"}, "initial_campaign_id": {campaign}}`, "ann", "CREATED Affiliate, CREATED Membership"},
		{"PUT /promoters/{ann}", `{"profile": {"first_name": "Anna"}}`, "", "UPDATED Affiliate"},
		{"POST /promoters/archive", `{"ids": [{ann}]}`, "", "UPDATED Affiliate"},
		{"GET /promoter_campaigns", "", "membership", ""},
		{"POST /referrals", `{"promoter_campaign_id": {membership}, "email": "c@new.example"}`, "customer", "CREATED Referral"},
		{"POST /commissions", `{"commission_type": "sale", "referral_id": {customer}, "sale_amount": 1000}`, "sale", "CREATED Commission, UPDATED Referral"},
		{"PUT /commissions/{sale}", `{"external_note": "x"}`, "", "UPDATED Commission"},
		{"POST /payouts/mark_as_paid", `{"ids": [{payout}]}`, "", "UPDATED Affiliate, UPDATED Commission, UPDATED Payout"},
		{"PUT /campaigns/{campaign}", `{"name": "Other"}`, "", "UPDATED Campaign"},
		{"POST /promo_codes", `{"code": "ANNA", "reward_id": {reward}, "promoter_campaign_id": {membership}}`, "", "CREATED Coupon"},
	},
	"uppromote": {
		{"GET /programs", "", "program", ""},
		{"POST /affiliates", `{"email": "ann@new.example", "first_name": "Ann"}`, "ann", "CREATED Affiliate, CREATED Membership"},
		{"POST /affiliate/active", `{"affiliate_email": "ann@new.example", "status": "approved"}`, "", "UPDATED Affiliate, UPDATED Membership"},
		{"POST /affiliates", `{"email": "bob@new.example", "first_name": "Bob", "program_id": {program}}`, "bob", "CREATED Affiliate, CREATED Membership"},
		{"POST /affiliate/set-upline", `{"affiliate_email": "ann@new.example", "upline_affiliate_email": "bob@new.example"}`, "", "UPDATED Affiliate"},
		{"POST /coupons/assign", `{"affiliate_email": "bob@new.example", "coupon": "BOB"}`, "", "CREATED Coupon, UPDATED Affiliate, UPDATED Membership"},
		{"POST /referrals", `{"type": "fixed_amount", "affiliate_email": "ann@new.example", "commission": 5}`, "first", "CREATED Commission, CREATED Referral, UPDATED Affiliate"},
		{"POST /referral/{first}/adjustment", `{"adjustment": 2}`, "", "UPDATED Affiliate, UPDATED Commission"},
		{"POST /referral/{first}/status", `{"status": "approved"}`, "", "CREATED Payout, UPDATED Affiliate, UPDATED Commission, UPDATED Referral"},
		{"POST /payments/mark-as-paid", `{"affiliate_email": "ann@new.example"}`, "", "CREATED Payout, DELETED Payout, UPDATED Affiliate, UPDATED Commission, UPDATED Referral"},
	},
}

// vendor is a simulated vendor over HTTP.
type vendor struct {
	providers.Provider
	*shared
	sim    providers.Simulator
	server *httptest.Server
}

func newVendor(t *testing.T, f providers.Factory) *vendor {
	t.Helper()
	s := newShared()
	sim := f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: s.clock.Now})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	c := providertest.Config("a-1", sim, s.clock.Now())
	c.BaseURL, c.HTTP, c.Credentials, c.Now = server.URL, server.Client(), sim.Credentials(), s.clock.Now
	p, err := f.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &vendor{p, s, sim, server}
}

// call makes a call at the simulator and answers the id in its reply.
func (v *vendor) call(t *testing.T, name, call, body string) string {
	t.Helper()
	method, path, _ := strings.Cut(call, " ")
	request, err := http.NewRequestWithContext(t.Context(), method, v.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	scheme := "Bearer "
	if name == "uppromote" {
		scheme = ""
	}
	request.Header.Set("Authorization", scheme+v.sim.Credentials()["api_key"])
	request.Header.Set("Account-ID", v.sim.Credentials()["account_id"])
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var reply any
	if err := json.NewDecoder(response.Body).Decode(&reply); response.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %d %v %v", call, body, response.StatusCode, reply, err)
	}
	return idIn(reply)
}

// idIn is the id of the record in a reply, or of the first of several.
func idIn(reply any) string {
	switch r := reply.(type) {
	case []any:
		if len(r) > 0 {
			return idIn(r[0])
		}
	case map[string]any:
		if data, ok := r["data"]; ok {
			return idIn(data)
		}
		if n, ok := r["id"].(float64); ok {
			return fmt.Sprint(int64(n))
		}
		id, _ := r["id"].(string)
		return id
	}
	return ""
}

// TestVendors wants each write at each simulated vendor told once, as what it changes, where
// no webhook tells it; and nothing told by the first round, nor where nothing has changed.
func TestVendors(t *testing.T) {
	for _, f := range all.Registry().Factories() {
		t.Run(f.Name, func(t *testing.T) {
			v := newVendor(t, f)
			s, r := v.shared, v.replica(t, v.Provider)
			r.round()
			r.round()
			r.wants("before anything changes")
			ids := map[string]string{}
			for _, w := range silentWrites[f.Name] {
				for name, id := range ids {
					w.call, w.body = strings.ReplaceAll(w.call, "{"+name+"}", id), strings.ReplaceAll(w.body, "{"+name+"}", id)
				}
				s.clock.pass(time.Second)
				if id := v.call(t, f.Name, w.call, w.body); w.name != "" {
					ids[w.name] = id
				}
				r.round()
				var got []string
				for _, e := range r.events() {
					got = append(got, fmt.Sprintf("%s %s", e.Kind, e.Record.Noun))
				}
				slices.Sort(got)
				if text := strings.Join(got, ", "); text != w.want {
					t.Errorf("%s %s: told %s, want %s", w.call, w.body, text, w.want)
				}
				r.round()
				r.wants("the round after " + w.call)
			}
			if r.counted[Failed]+r.counted[Held] > 0 || r.logged.Len() > 0 {
				t.Errorf("%v: %s", r.counted, r.logged)
			}
		})
	}
}

// TestOddVendors wants nothing told of a vendor that answers rows, fields and calls in an odd
// form, the same ones each time.
func TestOddVendors(t *testing.T) {
	for _, f := range all.Registry().Factories() {
		t.Run(f.Name, func(t *testing.T) {
			v := newVendor(t, f)
			r, odd := v.replica(t, v.Provider), v.sim.(interface{ Kit() *sandbox.Kit }).Kit().Odd()
			odd.Mix(1, 0.05, 0.05)
			for i := range 10 {
				v.clock.pass(time.Minute)
				_, _ = r.sweeper.Round(t.Context(), r.account)
				r.wants(fmt.Sprintf("round %d", i))
			}
			if r.counted[Read] < 10 {
				t.Errorf("too little was read: %v", r.counted)
			}
		})
	}
}
