package all_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	promotekit "github.com/partnergraph/partnergraph/providers/promotekit/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// hookWrite is a write at a simulated vendor and the events that it sends, "+" before what is
// sent several times; "silent" for a change that the vendor tells nobody; "" for none.
// "{name}" is the id that a write of this name answered.
type hookWrite struct {
	call, body string
	name       string // of the id in the reply
	events     string
}

// hookVendors are the vendors' writes.
var hookVendors = map[string]struct {
	subscribe func(t *testing.T, v *hookVendor, address string, events []string) providers.HookSecrets
	writes    []hookWrite
}{
	"promotekit": {
		subscribe: func(t *testing.T, v *hookVendor, address string, _ []string) providers.HookSecrets {
			const secret = "whsec_c2VjcmV0IG9mIHRoZSBzaW11bGF0b3I="
			if err := v.sim.(*promotekit.Server).AddEndpoint(address, secret); err != nil {
				t.Fatal(err)
			}
			return providers.HookSecrets{Signing: []string{secret}}
		},
		writes: []hookWrite{
			{"GET /campaigns", "", "campaign", ""},
			{"POST /affiliates", `{"email": "ann@new.example", "first_name": "Ann", "last_name": "Ash", "approved": false}`, "ann", "affiliate.created"},
			{"PUT /affiliates/{ann}", `{"approved": true}`, "", "affiliate.approved"},
			{"PUT /affiliates/{ann}", `{"approved": true, "details": "x"}`, "", "silent"},
			{"PUT /affiliates/{ann}", `{"banned": true}`, "", "silent"},
			{"PUT /affiliates/{ann}", `{"approved": false}`, "", "silent"},
			{"PUT /affiliates/{none}", `{"approved": true}`, "", "refused"},
			{"POST /affiliates", `{"email": "ann@new.example", "first_name": "Ann", "last_name": "Ash"}`, "", "refused"},
			{"POST /referrals", `{"affiliate_id": "{ann}", "email": "c@new.example"}`, "customer", "referral.created"},
			{"POST /commissions", `{"referral_id": "{customer}", "revenue_amount": 10, "commission_amount": 2}`, "", "commission.created referral.converted"},
			{"POST /commissions", `{"referral_id": "{customer}", "revenue_amount": 10, "commission_amount": 2}`, "", "commission.created"},
			{"PUT /campaigns/{campaign}", `{"name": "Other"}`, "", "silent"},
		},
	},
	"firstpromoter": {
		subscribe: func(t *testing.T, v *hookVendor, address string, events []string) providers.HookSecrets {
			encoded, _ := json.Marshal(map[string]any{
				"url": address, "event_types": events, "basic_auth_user": "u", "basic_auth_password": "p", "headers": map[string]string{"X-Key": "k"},
			})
			reply := v.call(t, "POST /webhooks", string(encoded), true)
			secret, _ := reply["secret_key"].(string)
			return providers.HookSecrets{Signing: []string{"old", secret}, Header: "Authorization", Values: []string{"Basic dTpw"}}
		},
		writes: []hookWrite{
			{"GET /campaigns", "", "campaign", ""},
			{"GET /payouts?filters[status]=pending", "", "payout", ""},
			{"GET /rewards", "", "reward", ""},
			{"POST /promoters", `{"email": "ann@new.example", "profile": {"first_name": "Ann"}, "always_approve": false, "initial_campaign_id": {campaign}}`, "ann",
				"promoter.created promoter_campaign.created"},
			{"GET /promoter_campaigns", "", "membership", ""},
			{"POST /promoters/accept", `{"ids": [{ann}], "campaign_id": {campaign}}`, "", "promoter_campaign.updated promoter_campaign.accepted"},
			{"POST /promoters/accept", `{"ids": [{ann}], "campaign_id": {campaign}}`, "", ""},
			{"PUT /promoters/{ann}", `{"profile": {"first_name": "Anna"}}`, "", "promoter.updated"},
			{"POST /promoters/archive", `{"ids": [{ann}]}`, "", "promoter.updated"},
			{"POST /promoters/archive", `{"ids": [{ann}]}`, "", ""},
			{"POST /promoters/restore", `{"ids": [{ann}]}`, "", "promoter.updated"},
			{"PUT /promoter_campaigns/{membership}", `{"ref_token": "anna"}`, "", "promoter_campaign.updated"},
			{"PUT /promoter_campaigns/{membership}", `{"state": "inactive"}`, "", "promoter_campaign.updated promoter_campaign.inactive"},
			{"POST /referrals", `{"promoter_campaign_id": {membership}, "email": "c@new.example"}`, "customer", "referral.created"},
			{"PUT /referrals/{customer}", `{"uid": "u-1"}`, "", "referral.updated"},
			{"POST /commissions", `{"commission_type": "sale", "referral_id": {customer}, "sale_amount": 1000}`, "sale",
				"referral.updated referral.converted commission.created promoter.balance.updated"},
			{"POST /commissions", `{"commission_type": "sale", "referral_id": {customer}, "sale_amount": 1000}`, "",
				"commission.created promoter.balance.updated"},
			{"POST /commissions", `{"commission_type": "custom", "promoter_campaign_id": {membership}, "amount": 500}`, "custom",
				"commission.created promoter.balance.updated"},
			{"PUT /commissions/{custom}", `{"external_note": "x"}`, "", "commission.updated"},
			{"POST /commissions/approve", `{"ids": [{sale}]}`, "", "commission.updated commission.approved promoter.balance.updated"},
			{"POST /commissions/approve", `{"ids": [{sale}]}`, "", ""},
			{"POST /commissions/deny", `{"ids": [{custom}]}`, "", "commission.updated commission.denied promoter.balance.updated"},
			{"POST /referrals/disable", `{"ids": [{customer}]}`, "", "referral.updated"},
			{"POST /payouts/mark_as_paid", `{"ids": [{payout}]}`, "", "payout.updated payout.completed promoter.balance.updated +commission.updated"},
			{"POST /payouts/mark_as_paid", `{"ids": [{payout}]}`, "", ""},
			{"PUT /campaigns/{campaign}", `{"name": "Other"}`, "", "silent"},
			{"POST /promo_codes", `{"code": "ANNA", "reward_id": {reward}, "promoter_campaign_id": {membership}}`, "", "silent"},
		},
	},
	"uppromote": {
		subscribe: func(t *testing.T, v *hookVendor, address string, events []string) (secrets providers.HookSecrets) {
			for _, event := range events {
				call := "POST /webhook-subscriptions"
				if slices.Contains([]string{"payment.paid", "affiliate.status-changed", "referral.new"}, event) { // there already
					v.call(t, "DELETE /webhook-subscriptions", `{"event": "`+event+`"}`, true)
				}
				data, _ := v.call(t, call, `{"event": "`+event+`", "target_url": "`+address+"/"+event+`"}`, true)["data"].(map[string]any)
				secrets.Signing = append(secrets.Signing, data["secret_key"].(string))
			}
			return secrets
		},
		writes: []hookWrite{
			{"GET /programs", "", "program", ""},
			{"POST /affiliates", `{"email": "ann@new.example", "first_name": "Ann"}`, "ann", "affiliate.new"},
			{"POST /affiliates", `{"email": "bob@new.example", "first_name": "Bob", "program_id": {program}}`, "bob", "affiliate.new"},
			{"POST /affiliate/active", `{"affiliate_email": "ann@new.example", "status": "approved"}`, "", "affiliate.approved affiliate.status-changed"},
			{"POST /affiliate/active", `{"affiliate_email": "ann@new.example", "status": "approved"}`, "", ""},
			{"POST /affiliate/active", `{"affiliate_email": "ann@new.example", "status": "denied"}`, "", "affiliate.inactive affiliate.status-changed"},
			{"POST /affiliate/set-upline", `{"affiliate_email": "ann@new.example", "upline_affiliate_email": "bob@new.example"}`, "", "silent"},
			{"POST /affiliate/move-affiliate-to-program", `{"affiliate_email": "bob@new.example", "program_id": {program}}`, "", "silent"},
			{"POST /affiliate/create-connect-customer", `{"affiliate_email": "bob@new.example", "customer_email": "c@new.example"}`, "", ""},
			{"POST /coupons/assign", `{"affiliate_email": "bob@new.example", "coupon": "BOB"}`, "", "silent"},
			{"POST /referrals", `{"type": "fixed_amount", "affiliate_email": "ann@new.example", "commission": 5}`, "first", "referral.new"},
			{"POST /referrals", `{"type": "use_order_id", "affiliate_email": "ann@new.example", "order_id": 77}`, "second", "referral.new"},
			{"POST /referral/{first}/adjustment", `{"adjustment": 2}`, "", "silent"},
			{"POST /referral/{first}/status", `{"status": "approved"}`, "", "referral.approved referral.status-changed"},
			{"POST /referral/{first}/status", `{"status": "approved"}`, "", ""},
			{"POST /referral/{second}/status", `{"status": "denied"}`, "", "referral.denied referral.status-changed"},
			{"POST /payments/mark-as-paid", `{"affiliate_email": "ann@new.example"}`, "", "payment.paid referral.status-changed"},
			{"POST /referral/{none}/status", `{"status": "approved"}`, "", "refused"},
		},
	},
}

// hookVendor is a simulator and what its deliveries came to.
type hookVendor struct {
	sim     providers.Simulator
	name    string
	ids     map[string]string
	header  http.Header
	inbox   *httptest.Server
	mu      sync.Mutex
	arrived []providers.Delivery
}

// events are those that the writes send, each once.
func (v *hookVendor) events() (events []string) {
	for _, w := range hookVendors[v.name].writes {
		for _, event := range strings.Fields(w.events) {
			if event = strings.TrimPrefix(event, "+"); strings.Contains(event, ".") {
				events = append(events, event)
			}
		}
	}
	slices.Sort(events)
	return slices.Compact(events)
}

// call makes a call and reads the reply.
func (v *hookVendor) call(t *testing.T, call, body string, want bool) map[string]any {
	t.Helper()
	method, path, _ := strings.Cut(call, " ")
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header = v.header.Clone()
	w := httptest.NewRecorder()
	v.sim.ServeHTTP(w, r)
	if ok := w.Code/100 == 2; ok != want {
		t.Fatalf("%s %s: %d %s", call, body, w.Code, w.Body)
	}
	var reply any
	_ = json.Unmarshal(w.Body.Bytes(), &reply)
	object, _ := reply.(map[string]any)
	if rows, ok := reply.([]any); ok && len(rows) > 0 {
		object, _ = rows[0].(map[string]any)
	}
	return object
}

// idIn is the id of the record in a reply, or of the first of several.
func idIn(reply map[string]any) string {
	if data, ok := reply["data"]; ok {
		if rows, ok := data.([]any); ok {
			data = rows[0]
		}
		reply, _ = data.(map[string]any)
	}
	if n, ok := reply["id"].(float64); ok {
		return fmt.Sprint(int64(n))
	}
	id, _ := reply["id"].(string)
	return id
}

func (v *hookVendor) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.arrived = append(v.arrived, providers.Delivery{Event: strings.TrimPrefix(r.URL.Path, "/"), Header: r.Header, Body: body})
}

// take are the deliveries since it was called last.
func (v *hookVendor) take() []providers.Delivery {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.arrived
	v.arrived = nil
	return all
}

// TestHooksOfSimulators makes each write that a simulated vendor has. It wants the events
// that the vendor's page names and no others, that the vendor's hooks verify them and read
// them, and that what they read names records by the ids that lists give them.
func TestHooksOfSimulators(t *testing.T) {
	noon := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return noon }
	for _, f := range all.Registry().Factories() {
		t.Run(f.Name, func(t *testing.T) {
			script := hookVendors[f.Name]
			v := &hookVendor{name: f.Name, ids: map[string]string{"none": "999"}, header: http.Header{}}
			v.sim = f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: now})
			for name, value := range map[string]string{"promotekit": "Bearer ", "firstpromoter": "Bearer ", "uppromote": ""} {
				if name == f.Name {
					v.header.Set("Authorization", value+v.sim.Credentials()["api_key"])
				}
			}
			v.header.Set("Account-ID", v.sim.Credentials()["account_id"])
			v.inbox = httptest.NewServer(v)
			defer v.inbox.Close()
			hooked := v.sim.(interface {
				Webhooks() *sandbox.Webhooks
				Kit() *sandbox.Kit
			})
			sender := hooked.Webhooks()
			sender.Open(sandbox.SendOptions{AllowHTTP: true})
			defer sender.Close()
			secrets := script.subscribe(t, v, v.inbox.URL, v.events())
			h := f.Hooks(providers.HookOptions{Account: "acme", Now: now})
			if needs := h.Needs(secrets); needs != "" {
				t.Error(needs)
			}
			var wanted []string
			for _, s := range h.Subscriptions(secrets) {
				if wanted = append(wanted, s.Events...); s.Sole && (len(s.Events) != 1 || s.Path != "/"+s.Events[0]) {
					t.Errorf("%v go to %q", s.Events, s.Path)
				}
			}
			for _, event := range v.events() {
				if !slices.Contains(wanted, event) {
					t.Errorf("%s is sent, and no subscription is wanted to it", event)
				}
			}
			for _, d := range v.take() { // validations
				if n, err := h.Read(d); err != nil || n.Ignored != "validation" || h.Verify(d, secrets) != nil {
					t.Errorf("the delivery %q while subscribing is read as %s: %v", d.Body, providertest.Told(n), err)
				}
			}
			account := providertest.Config("acme", v.sim, noon)
			account.Credentials = v.sim.Credentials()
			p, err := f.New(account)
			if err != nil {
				t.Fatal(err)
			}
			read := map[string]providers.Notice{}
			for _, w := range script.writes {
				for name, id := range v.ids {
					w.call, w.body = strings.ReplaceAll(w.call, "{"+name+"}", id), strings.ReplaceAll(w.body, "{"+name+"}", id)
				}
				before := len(sender.Log())
				reply := v.call(t, w.call, w.body, w.events != "refused")
				if w.name != "" {
					v.ids[w.name] = idIn(reply)
				}
				sender.Settle()
				for _, c := range sender.Log()[before:] {
					if c.Event == "" && slices.Contains(h.Complete(), c.Noun) {
						t.Errorf("%s: nobody is told of a %s, of which everything is told", w.call, c.Noun)
					}
				}
				v.check(t, h, secrets, w, sender.Log()[before:], read)
			}
			hooked.Kit().Forget()
			listed := listedIDs(t, p)
			for text, n := range read {
				for _, c := range n.Changes {
					if c.Kind != providers.Deleted && !listed[c.ID] && !strings.HasPrefix(c.ID.Local, "due~") {
						t.Errorf("%s names %+v, which no list has", text, c.ID)
					}
					for _, id := range append([]providers.ID{c.Affiliate}, c.Stale...) {
						if !id.IsZero() && !listed[id] && !strings.HasPrefix(id.Local, "due~") {
							t.Errorf("%s names %+v besides, which no list has", text, id)
						}
					}
				}
			}
		})
	}
}

// check holds what arrived of a write against what is wanted and what the log has.
func (v *hookVendor) check(
	t *testing.T, h providers.Hooks, secrets providers.HookSecrets, w hookWrite, log []sandbox.Change, read map[string]providers.Notice,
) {
	t.Helper()
	var got, logged []string
	for _, d := range v.take() {
		if err := h.Verify(d, secrets); err != nil {
			t.Errorf("%s: %v: %s", w.call, err, d.Body)
		}
		n, err := h.Read(d)
		if err != nil || n.Ignored != "" || len(n.Changes) == 0 {
			t.Errorf("%s: %s is read as %s: %v", w.call, d.Body, providertest.Told(n), err)
			continue
		}
		d.Body[len(d.Body)/2] ^= 1
		if h.Verify(d, secrets) == nil {
			t.Errorf("%s is verified after a change of its body", n.Event)
		}
		got = append(got, n.Event)
		read[fmt.Sprint(len(read), " ", n.Event)] = n
	}
	for _, c := range log {
		if c.Event != "" {
			logged = append(logged, c.Event)
		}
	}
	if !slices.Equal(got, logged) {
		t.Errorf("%s: %v were delivered, and %v are in the log", w.call, got, logged)
	}
	if changed := w.events != "" && w.events != "refused"; changed != (len(log) > 0) {
		t.Errorf("%s %s: the log has %v", w.call, w.body, log)
	}
	var want []string
	for _, event := range strings.Fields(w.events) {
		if !strings.Contains(event, ".") {
			continue
		}
		if several, ok := strings.CutPrefix(event, "+"); ok { // one or more, between the others
			n := len(got)
			got = slices.DeleteFunc(got, func(e string) bool { return e == several })
			if len(got) == n {
				t.Errorf("%s: no %s", w.call, several)
			}
			continue
		}
		want = append(want, event)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s %s: the events %v, wanted %v", w.call, w.body, got, want)
	}
}

// listedIDs are the ids of the records in all lists of an account.
func listedIDs(t *testing.T, p providers.Provider) map[providers.ID]bool {
	t.Helper()
	ids := map[providers.ID]bool{}
	note[providers.Affiliate](t, p, ids)(p.Affiliates(providers.AffiliateFilter{}))
	note[providers.Membership](t, p, ids)(p.Memberships(providers.MembershipFilter{}))
	note[providers.Referral](t, p, ids)(p.Referrals(providers.ReferralFilter{}))
	note[providers.Commission](t, p, ids)(p.Commissions(providers.CommissionFilter{}))
	note[providers.Payout](t, p, ids)(p.Payouts(providers.PayoutFilter{}))
	note[providers.Coupon](t, p, ids)(p.Coupons(providers.CouponFilter{}))
	return ids
}

func note[T providers.Record](t *testing.T, p providers.Provider, ids map[providers.ID]bool) func([]providers.List[T], error) {
	return func(lists []providers.List[T], err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lists {
			for page, err := range providers.Pages(context.Background(), l, p, 0) {
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range page.Items {
					ids[providers.NodeOf(row).ID] = true
				}
			}
		}
	}
}
