package resolvers_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/resolvers"
)

// TestCustomerEmails wants partners to see of their customers' addresses what the account
// and its campaigns let them, and staff all.
func TestCustomerEmails(t *testing.T) {
	sequential(t)
	for _, vendor := range registered() {
		for _, rule := range []resolvers.CustomerEmails{"", resolvers.EmailsHidden, resolvers.EmailsCampaign, resolvers.EmailsShown} {
			w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true, emails: map[string]resolvers.CustomerEmails{vendor: rule}})
			const fields = "id email maskedEmail affiliate { id } campaign { id }"
			masked := 0
			hiding := map[string]any{}
			for _, c := range w.rows(auth.Local(), "campaigns", "{}", "id hidesCustomerEmails") {
				hiding[id(c)] = c["hidesCustomerEmails"]
			}
			var self string
			selves := map[any]string{} // by whether their campaign hides addresses
			truth := map[string]object{}
			for _, r := range w.rows(auth.Local(), "referrals", "{}", fields) {
				truth[id(r)] = r
				campaign, _ := at(r, "campaign", "id").(string)
				if a, _ := at(r, "affiliate", "id").(string); r["email"] != nil && selves[hiding[campaign]] == "" {
					self, selves[hiding[campaign]] = a, a
				}
			}
			if self == "" {
				continue // the vendor tells nobody's address
			}
			kinds := slices.Collect(maps.Values(hiding))
			if slices.Contains(kinds, any(true)) && slices.Contains(kinds, any(false)) && (selves[true] == "" || selves[false] == "") {
				t.Fatalf("there are not both kinds of campaigns: %v", selves)
			}
			seen := 0
			for _, self := range selves {
				for _, r := range w.rows(partner(self), "referrals", "{}", fields) {
					var want any
					campaign, _ := at(r, "campaign", "id").(string)
					if hides := hiding[campaign]; rule == resolvers.EmailsShown || rule == resolvers.EmailsCampaign && hides == false {
						want = truth[id(r)]["email"]
					}
					var mask any
					if email, _ := truth[id(r)]["email"].(string); email != "" {
						mask = email[:1] + "…" + email[strings.Index(email, "@"):]
						masked++
					}
					if r["email"] != want || r["maskedEmail"] != mask {
						t.Errorf("%s, %q: %v (%v), want %v (%v)", vendor, rule, r["email"], r["maskedEmail"], want, mask)
					}
					seen++
				}
			}
			if seen == 0 || masked == 0 {
				t.Errorf("%s, %q: %d referrals are seen, %d of them with an address", vendor, rule, seen, masked)
			}
			for _, filter := range []string{`{ email: "a@b.c" }`, `{ customerId: "cus_1" }`, `{ search: "a" }`} {
				w.kits[vendor].Forget()
				a := w.as(partner(self), fmt.Sprintf("{ referrals(first: 1, filter: %s) { nodes { id } } }", filter), nil)
				refused := strings.Contains(a.text, string(apierror.BadUserInput))
				if refused != (rule != resolvers.EmailsShown) {
					t.Errorf("%s, %q, %s: %s", vendor, rule, filter, clipped(a.text))
				}
				if got := w.kits[vendor].Requests(); refused && len(got) > 0 {
					t.Errorf("%s, %q, %s: a refused filter costs %s", vendor, rule, filter, got[0].Path)
				}
			}
		}
	}
}

// TestCustomerIDs wants an address to be hidden where a shop takes it for the customer's id, too.
func TestCustomerIDs(t *testing.T) {
	for rule, want := range map[resolvers.CustomerEmails]any{resolvers.EmailsHidden: nil, resolvers.EmailsShown: "jo@shop.example"} {
		w := newWorld(t, setup{vendors: []string{"firstpromoter"}, noBudget: true, ticks: true, emails: map[string]resolvers.CustomerEmails{"firstpromoter": rule}})
		r := w.rows(auth.Local(), "referrals", "{}", "id customerId affiliate { id }")[0]
		self := at(r, "affiliate", "id").(string)
		read := func() any { return w.rows(partner(self), "referrals", "{}", "id customerId")[0]["customerId"] }
		if got := read(); got != r["customerId"] || got == nil {
			t.Errorf("%q: %v, want %v", rule, got, r["customerId"])
		}
		a := w.as(auth.Local(), fmt.Sprintf(`mutation { updateReferral(input: { idempotencyKey: "12345678", id: %q, customerId: "jo@shop.example" }) { referral { customerId } } }`, id(r)), nil)
		if !strings.Contains(a.text, `"customerId":"jo@shop.example"`) {
			t.Fatal(a.text)
		}
		if got := read(); got != want {
			t.Errorf("%q: %v, want %v", rule, got, want)
		}
	}
}

// TestCustomersByEvents has partners look for events by what their customers' addresses
// hold, and by the events of sales to others' customers. FirstPromoter finds commissions by
// all of these, and not even a cursor may show that there was something to find.
func TestCustomersByEvents(t *testing.T) {
	sequential(t)
	w := newWorld(t, setup{vendors: []string{"firstpromoter"}, noBudget: true, ticks: true, cost: 1 << 20})
	look := func(self, event string) (string, hit) {
		a := w.as(partner(self), `query($event: String) { commissions(first: 2, filter: { eventId: $event }) { totalCount nodes { id } pageInfo { hasNextPage endCursor } } }`,
			map[string]any{"event": event})
		if len(a.Errors) > 0 {
			t.Fatal(a.text)
		}
		for _, call := range w.called() { // how long the vendor's answer is would show, too
			if strings.Contains(call, "q=") {
				t.Errorf("the vendor searches: %s", call)
			}
		}
		return a.text, hit{data: string(a.Data)}.like(nil, nil)
	}
	tried := map[string]int{}
	all := w.rows(auth.Local(), "commissions", "{}", "id tier eventId affiliate { id } referral { email }")
	for _, c := range all {
		self, _ := at(c, "affiliate", "id").(string)
		event, _ := c["eventId"].(string)
		email, _ := at(c, "referral", "email").(string)
		hidden := map[string]string{"a customer's address": email, "a part of it": email[:strings.IndexByte(email, '@')+1]}
		if tier, _ := c["tier"].(float64); tier > 1 {
			hidden["the event of another's sale"] = event
		} else if event != "" && tried["own"] < 5 {
			tried["own"]++
			text, _ := look(self, event)
			if counted := strings.Contains(text, `"totalCount":1,`) || strings.Contains(text, `"totalCount":null,`); !counted || !strings.Contains(text, `"nodes":[{"id":"`+id(c)+`"}]`) {
				t.Errorf("an event of their own: %s", clipped(text))
			}
		}
		_, want := look(self, "ch_nothing")
		for what, value := range hidden {
			if tried[what]++; value == "" || tried[what] > 5 {
				continue
			}
			if text, got := look(self, value); !reflect.DeepEqual(got, want) {
				t.Errorf("%s shows in %s, want %s", what, clipped(text), want.data)
			}
		}
	}
	if len(tried) != 4 {
		t.Errorf("not all was tried: %v", tried)
	}
}

// TestCampaignNames wants partners to see what their campaigns are called, but where it is
// the merchant's own name.
func TestCampaignNames(t *testing.T) {
	vendors(t, setup{}, func(t *testing.T, w *world, vendor string, all *truth) {
		a := w.as(partner(id(all.affiliates[0])), `{ campaigns { nodes { name } } affiliates { nodes { campaign { name } } } }`, nil)
		if named := strings.Contains(a.text, `"name":"`); named != (vendor != "promotekit") || !strings.Contains(a.text, `"name":`) {
			t.Error(a.text)
		}
	})
}
