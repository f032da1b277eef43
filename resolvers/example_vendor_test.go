package resolvers_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/auth"
)

// TestExampleVendor serves the smallest vendor beside a large one through the whole
// handler. What it has is answered. What it lacks is left out of lists of all accounts, and
// refused where the account is named.
func TestExampleVendor(t *testing.T) {
	w := newWorld(t, setup{vendors: []string{"example", "promotekit"}, portal: true, noBudget: true, ticks: true, calls: 10_000})
	admin := &auth.Viewer{Name: "admin", Role: auth.RoleAdmin}
	// ask is the data of an answer, and the codes and messages of its errors.
	ask := func(v *auth.Viewer, query string, variables map[string]any) (data object, failed []string) {
		t.Helper()
		a := w.browse(v, query, variables)
		if err := json.Unmarshal(a.Data, &data); err != nil && len(a.Errors) == 0 {
			t.Fatalf("%v: %s", err, clipped(a.text))
		}
		for _, e := range a.Errors {
			code, _ := e.Extensions["code"].(string)
			failed = append(failed, code+": "+e.Message)
		}
		return data, failed
	}
	answered := func(v *auth.Viewer, query string, variables map[string]any) object {
		t.Helper()
		data, failed := ask(v, query, variables)
		if failed != nil {
			t.Fatalf("%s: %q", query, failed)
		}
		return data
	}
	only := map[string]any{"example": []string{account("example")}}

	t.Run("capabilities", func(t *testing.T) {
		accounts := answered(admin, `{ accounts { provider { id name documentationUrl } capabilities } }`, nil)["accounts"].([]any)
		want := object{
			"provider": object{"id": "example", "name": "Example", "documentationUrl": "https://example.com/docs/api"},
			"capabilities": []any{"AFFILIATE_COMMISSIONS", "COUNT_AFFILIATES", "COUNT_COMMISSIONS", "FILTER_COMMISSIONS_BY_AFFILIATE",
				"LIST_AFFILIATES", "LIST_COMMISSIONS"},
		}
		if diff := cmp.Diff(want, accounts[0]); diff != "" {
			t.Errorf("the account (-want +got):\n%s", diff)
		}
	})

	lists := answered(admin, `query ($example: [ID!]) {
		affiliates(first: 100, filter: {accounts: $example}) {
			totalCount
			nodes { id name memberships { id } campaign { id } coupons { id } commissions(first: 2) { nodes { id } } }
		}
		commissions(first: 100, filter: {accounts: $example}) {
			totalCount
			nodes { id amount { amount currencyCode } affiliate { id name email } campaign { id } referral { id } payout { id } }
		}
	}`, only)
	affiliates, commissions := at(lists, "affiliates", "nodes").([]any), at(lists, "commissions", "nodes").([]any)
	owned := map[string][]string{} // by affiliate, of the first page of commissions

	t.Run("lists", func(t *testing.T) {
		if n := at(lists, "affiliates", "totalCount"); n != float64(len(affiliates)) || len(affiliates) < 30 || len(commissions) != 100 {
			t.Fatalf("%d of %v affiliates, %d commissions", len(affiliates), n, len(commissions))
		}
		names := map[string]any{}
		for _, row := range affiliates {
			a := row.(object)
			names[id(a)] = a["name"]
			if at(a, "campaign") != nil || len(a["memberships"].([]any))+len(a["coupons"].([]any)) > 0 {
				t.Errorf("%s has what the vendor lacks: %v", id(a), a)
			}
		}
		for _, row := range commissions {
			c := row.(object)
			owner, _ := at(c, "affiliate", "id").(string)
			owned[owner] = append(owned[owner], id(c))
			if name, ok := names[owner]; !ok || name != at(c, "affiliate", "name") || at(c, "affiliate", "email") == nil {
				t.Errorf("%s is of %v", id(c), c["affiliate"])
			}
			if at(c, "amount", "currencyCode") != "USD" || at(c, "campaign") != nil || at(c, "referral") != nil || at(c, "payout") != nil {
				t.Errorf("a commission: %v", c)
			}
		}
		for _, row := range affiliates {
			a := row.(object)
			var newest []string
			for _, c := range at(a, "commissions", "nodes").([]any) {
				newest = append(newest, id(c.(object)))
			}
			if known := owned[id(a)]; len(newest) < min(len(known), 2) || !slices.Equal(newest[:min(len(known), 2)], known[:min(len(known), 2)]) {
				t.Errorf("the newest commissions of %s are %q; want %q", id(a), newest, known)
			}
		}
		if n, _ := at(lists, "commissions", "totalCount").(float64); n < 500 {
			t.Errorf("%v commissions are counted", n)
		}
	})

	t.Run("both accounts", func(t *testing.T) {
		accounts := map[string]bool{}
		for _, row := range at(answered(admin, `{ commissions(first: 100) { nodes { account { id } } } }`, nil), "commissions", "nodes").([]any) {
			accounts[at(row.(object), "account", "id").(string)] = true
		}
		if want := []string{account("example"), account("promotekit")}; !slices.Equal(slices.Sorted(maps.Keys(accounts)), slices.Sorted(slices.Values(want))) {
			t.Errorf("commissions of %v", accounts)
		}
	})

	t.Run("nodes", func(t *testing.T) {
		for _, row := range []any{affiliates[0], affiliates[len(affiliates)-1], commissions[0], commissions[99]} {
			want := id(row.(object))
			if got := at(answered(admin, `query ($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": want}), "node", "id"); got != want {
				t.Errorf("node(id: %s) is %v", want, got)
			}
		}
	})

	t.Run("partner", func(t *testing.T) {
		for owner, theirs := range owned {
			data := answered(partner(owner), `{
				affiliates(first: 100) { nodes { id } }
				commissions(first: 100) { nodes { id affiliate { id } } }
			}`, nil)
			if got := at(data, "affiliates", "nodes").([]any); len(got) != 1 || id(got[0].(object)) != owner {
				t.Errorf("%s sees the affiliates %v", owner, got)
			}
			var seen []string
			for _, row := range at(data, "commissions", "nodes").([]any) {
				seen = append(seen, id(row.(object)))
				if at(row.(object), "affiliate", "id") != owner {
					t.Errorf("%s sees %v", owner, row)
				}
			}
			if len(seen) < len(theirs) || !slices.Equal(seen[:len(theirs)], theirs) {
				t.Errorf("%s sees %q; want %q first", owner, seen, theirs)
			}
			for other, ids := range owned {
				if got := at(answered(partner(owner), `query ($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": ids[0]}), "node"); other != owner && got != nil {
					t.Errorf("%s sees %v of %s", owner, got, other)
				}
			}
		}
	})

	t.Run("unsupported", func(t *testing.T) {
		for _, list := range []string{"memberships", "campaigns", "referrals", "payouts", "coupons", "webhookSubscriptions"} {
			query := `query ($example: [ID!]) { ` + list + `(filter: {accounts: $example}) { nodes { account { id } } } }`
			data, failed := ask(admin, query, only)
			if got, _ := at(data, list, "nodes").([]any); len(got) > 0 || len(failed) != 1 || failed[0] != "UNSUPPORTED: Example does not have this" {
				t.Errorf("%s of the account: %v, %q", list, got, failed)
			}
			data, failed = ask(admin, query, nil)
			if got, ok := at(data, list, "nodes").([]any); !ok || len(got) == 0 && list != "webhookSubscriptions" || failed != nil {
				t.Errorf("%s of all accounts: %v, %q", list, got, failed)
			}
		}
		data, failed := ask(admin, `mutation ($account: ID!) {
			createAffiliate(input: {idempotencyKey: "key-of-the-test", account: $account, email: "new@example.com", firstName: "Ann", lastName: "Ash"}) {
				affiliate { id }
			}
		}`, map[string]any{"account": account("example")})
		if at(data, "createAffiliate") != nil || len(failed) != 1 || failed[0] != "UNSUPPORTED: Example does not have this" {
			t.Errorf("a mutation: %v, %q", data, failed)
		}
		for _, r := range w.kits["example"].Requests() {
			if !strings.HasPrefix(r.Path, "/affiliates") && !strings.HasPrefix(r.Path, "/commissions") || r.Method != "GET" {
				t.Errorf("the vendor was sent %s %s", r.Method, r.Path)
			}
		}
	})
}
