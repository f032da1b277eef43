package resolvers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/auth"
)

// TestPartnerLists wants of every root list what an admin sees of it, less what is others'.
func TestPartnerLists(t *testing.T) {
	vendors(t, setup{}, func(t *testing.T, w *world, vendor string, all *truth) {
		for _, self := range all.some() {
			secrets := all.secrets(self)
			for _, n := range belonging {
				got := w.rows(partner(self), n.list, "{}", n.fields)
				if diff := cmp.Diff(byID(all.own(n.list, self)), byID(got)); diff != "" {
					t.Errorf("%s of %s (-want +got):\n%s", n.list, self, clipped(diff))
				}
				text, _ := json.Marshal(got)
				if found := leaks(string(text), secrets); len(found) > 0 {
					t.Errorf("%s of %s leak %q", n.list, self, found)
				}
			}
			for _, n := range belonging {
				var data object
				if err := json.Unmarshal(w.as(partner(self), "{ "+n.list+"(first: 1) { totalCount } }", nil).Data, &data); err != nil {
					t.Fatal(err)
				}
				if got, want := at(data, n.list, "totalCount"), float64(len(all.own(n.list, self))); got != nil && got != want {
					t.Errorf("%v %s of %s are counted, want %v", got, n.list, self, want)
				}
			}
			got := w.rows(partner(self), "affiliates", "{}", "id")
			if len(got) != 1 || id(got[0]) != self {
				t.Errorf("affiliates of %s: %v", self, got)
			}
			joined := all.campaignsOf(self)
			var want []object
			for _, c := range all.campaigns {
				for _, j := range joined {
					if id(c) == j {
						want = append(want, c)
					}
				}
			}
			if diff := cmp.Diff(byID(want), byID(w.rows(partner(self), "campaigns", "{}", "id cookieDays"))); diff != "" {
				t.Errorf("campaigns of %s (-want +got):\n%s", self, diff)
			}
		}
	})
}

// TestPartnerIDs asks for every record that there is by its id. Others' cost no call.
func TestPartnerIDs(t *testing.T) {
	vendors(t, setup{}, func(t *testing.T, w *world, vendor string, all *truth) {
		kit := w.kits[vendor]
		for _, self := range all.some() {
			v := partner(self)
			for _, n := range belonging { // what is theirs is known from here on
				w.rows(v, n.list, "{}", "id")
			}
			owner := map[string]string{}
			for _, a := range all.affiliates {
				owner[id(a)] = id(a)
			}
			for _, c := range all.campaigns {
				owner[id(c)] = ""
			}
			for _, c := range all.campaignsOf(self) {
				owner[c] = self
			}
			for _, rows := range all.of {
				for _, r := range rows {
					owner[id(r)], _ = at(r, "affiliate", "id").(string)
				}
			}
			for _, mine := range []bool{false, true} {
				var ids []string
				for id, o := range owner {
					if (o == self) == mine {
						ids = append(ids, id)
					}
				}
				kit.Forget()
				for len(ids) > 0 {
					part := ids[:min(100, len(ids))]
					ids = ids[len(part):]
					a := w.as(v, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": part})
					var data struct{ Nodes []object }
					if err := json.Unmarshal(a.Data, &data); err != nil || len(a.Errors) > 0 {
						t.Fatalf("%v %s", err, clipped(a.text))
					}
					for i, n := range data.Nodes {
						if (n != nil) != mine || mine && id(n) != part[i] {
							t.Errorf("node %s, which is %s's, for %s: %v", part[i], owner[part[i]], self, n)
						}
					}
				}
				if got := kit.Requests(); !mine && len(got) > 0 {
					t.Errorf("others' ids cost %d calls, as %s %s", len(got), got[0].Method, got[0].Path)
				}
			}
		}
	})
}

// everything follows every edge in both directions.
const everything = `{
  viewer { role accounts { id } affiliates { id email commissions(first: 5) { nodes { id affiliate { id name } } } } }
  accounts { id }
  affiliates(first: 100) { totalCount nodes {
    id email name
    campaign { id name } coupons { id code affiliate { id email } }
    memberships { id affiliate { id email } campaign { id
      memberships(first: 100) { totalCount nodes { id affiliate { id email } } }
      referrals(first: 100) { totalCount nodes { id affiliate { id name } commissions(first: 2) { nodes { id affiliate { id email } } } } }
      commissions(first: 100) { totalCount nodes { id affiliate { id email name } referral { id affiliate { id email name } } } } } }
    referrals(first: 100) { totalCount nodes { id affiliate { id name }
      commissions(first: 100) { totalCount nodes { id affiliate { id email name } referral { id } payout { id affiliate { id email } } } } } }
    commissions(first: 100) { totalCount nodes { id affiliate { id email } referral { id affiliate { id email name } commissions(first: 10) { nodes { id } } }
      payout { id affiliate { id email } commissions(first: 100) { totalCount nodes { id affiliate { id email } } } } } }
    payouts(first: 100) { totalCount nodes { id affiliate { id name } campaign { id } commissions(first: 100) { nodes { id affiliate { id email name } referral { id affiliate { id } } } } } }
  } }
}`

// TestPartnerEdges follows every edge, and wants what belongs together and nothing of others.
func TestPartnerEdges(t *testing.T) {
	vendors(t, setup{}, func(t *testing.T, w *world, vendor string, all *truth) {
		payable := map[string]map[string]bool{} // payout → commissions
		for _, self := range all.some() {
			a := w.as(partner(self), everything, nil)
			if len(a.Errors) > 0 {
				t.Fatal(clipped(fmt.Sprint(a.Errors)))
			}
			if found := leaks(a.text, all.secrets(self)); len(found) > 0 {
				t.Errorf("%s is told %q", self, found)
			}
			var data object
			if err := json.Unmarshal(a.Data, &data); err != nil {
				t.Fatal(err)
			}
			me := at(data, "affiliates", "nodes").([]any)[0]
			if got, want := id(at(data, "viewer", "affiliates").([]any)[0]), self; got != want {
				t.Errorf("the viewer is %s, want %s", got, want)
			}
			referrals := nodesOf(me, "referrals")
			if got, want := len(nodesOf(me, "commissions")), min(100, len(all.own("commissions", self))); got != want {
				t.Errorf("%d commissions of %s, want %d", got, self, want)
			}
			for _, r := range referrals {
				want := 0
				for _, c := range all.own("commissions", self) {
					if id(at(c, "referral")) == id(r) {
						want++
					}
				}
				if got := len(nodesOf(r, "commissions")); got < want {
					t.Errorf("%d commissions of referral %s, want %d", got, id(r), want)
				}
			}
			for _, m := range at(me, "memberships").([]any) {
				c := at(m, "campaign")
				if got := len(nodesOf(c, "memberships")); got != 1 {
					t.Errorf("%d memberships in campaign %s, want the own one", got, id(c))
				}
				for _, list := range []string{"referrals", "commissions"} {
					want := 0
					for _, r := range all.own(list, self) {
						if id(at(r, "campaign")) == id(c) {
							want++
						}
					}
					if got := len(nodesOf(c, list)); got != min(want, 100) {
						t.Errorf("%d %s in campaign %s, want %d", got, list, id(c), want)
					}
				}
			}
			for _, p := range nodesOf(me, "payouts") {
				if payable[id(p)] == nil {
					payable[id(p)] = map[string]bool{}
					as := w.as(auth.Local(), `query($id: ID!) { payout(id: $id) { commissions(first: 100) { nodes { id } } } }`, map[string]any{"id": id(p)})
					var truth object
					_ = json.Unmarshal(as.Data, &truth)
					for _, c := range nodesOf(at(truth, "payout"), "commissions") {
						payable[id(p)][id(c)] = true
					}
				}
				if got, want := len(nodesOf(p, "commissions")), len(payable[id(p)]); got != want {
					t.Errorf("%d commissions of payout %s, want %d", got, id(p), want)
				}
			}
		}
	})
}

func nodesOf(o any, list string) []any {
	rows, _ := at(o, list, "nodes").([]any)
	return rows
}

// TestPartnerFilters wants a filter by what is others' to find nothing, as one by what does
// not exist, and to cost nothing.
func TestPartnerFilters(t *testing.T) {
	vendors(t, setup{}, func(t *testing.T, w *world, vendor string, all *truth) {
		self := all.some()[0]
		v := partner(self)
		for _, n := range belonging {
			w.rows(v, n.list, "{}", "id")
		}
		foreign := func(list string) (ids []string) {
			for _, r := range all.of[list] {
				if at(r, "affiliate", "id") != self && at(r, "affiliate", "id") != nil && len(ids) < 5 {
					ids = append(ids, id(r))
				}
			}
			return ids
		}
		var others, strangers []string
		var email, name string
		for _, a := range all.affiliates {
			if id(a) != self {
				others = append(others, id(a))
				email, _ = a["email"].(string)
				name, _ = a["name"].(string)
			}
		}
		joined := strings.Join(all.campaignsOf(self), " ")
		for _, c := range all.campaigns {
			if !strings.Contains(joined, id(c)) {
				strangers = append(strangers, id(c))
			}
		}
		list := func(ids []string) string { b, _ := json.Marshal(ids); return string(b) }
		tries := []struct{ list, filter string }{
			{"affiliates", fmt.Sprintf("{ email: %q }", email)}, {"affiliates", fmt.Sprintf("{ search: %q }", name)},
			{"memberships", "{ affiliates: " + list(others) + " }"}, {"referrals", "{ affiliates: " + list(others) + " }"},
			{"commissions", "{ affiliates: " + list(others) + " }"}, {"payouts", "{ affiliates: " + list(others) + " }"},
			{"coupons", "{ affiliates: " + list(others) + " }"},
			{"commissions", "{ referrals: " + list(foreign("referrals")) + " }"},
			{"commissions", "{ payouts: " + list(foreign("payouts")) + " }"},
			{"commissions", "{ payouts: " + list(foreign("payouts")) + ", referrals: " + list(foreign("referrals")) + " }"},
		}
		if len(strangers) > 0 {
			for _, l := range []string{"affiliates", "memberships", "referrals", "commissions", "payouts"} {
				tries = append(tries, struct{ list, filter string }{l, "{ campaigns: " + list(strangers) + " }"})
			}
		}
		for _, try := range tries {
			w.kits[vendor].Forget()
			if got := w.rows(v, try.list, try.filter, "id"); len(got) > 0 {
				t.Errorf("%s with %s: %v", try.list, clipped(try.filter), got)
			}
			if got := w.kits[vendor].Requests(); len(got) > 0 {
				t.Errorf("%s with %s costs %s", try.list, clipped(try.filter), got[0].Path)
			}
		}
		for _, n := range belonging {
			both := append([]string{self}, others...)
			if diff := cmp.Diff(byID(all.own(n.list, self)), byID(w.rows(v, n.list, "{ affiliates: "+list(both)+" }", n.fields))); diff != "" {
				t.Errorf("%s of all (-want +got):\n%s", n.list, clipped(diff))
			}
		}
		for _, filter := range []string{"{ referrals: %s }", "{ payouts: %s }"} {
			edge := strings.TrimSuffix(strings.Fields(filter)[1], "s:")
			var ids []string
			want := map[string]bool{}
			for _, c := range all.own("commissions", self) {
				if to := id(at(c, edge)); to != "" {
					ids = append(ids, to)
				}
			}
			ids = ids[:min(len(ids), 10)]
			for _, c := range all.own("commissions", self) {
				for _, to := range ids {
					if id(at(c, edge)) == to {
						want[id(c)] = true
					}
				}
			}
			got := map[string]bool{}
			for _, c := range w.rows(v, "commissions", fmt.Sprintf(filter, list(append(ids, foreign(edge+"s")...))), "id") {
				got[id(c)] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("commissions by own and others' %ss (-want +got):\n%s", edge, clipped(diff))
			}
		}
	})
}
