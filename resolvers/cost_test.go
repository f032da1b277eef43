package resolvers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/playground"
	"github.com/partnergraph/partnergraph/providers"
)

// costs asks for more field values than are allowed, and says how many those were and which
// field was the most expensive.
func costs(t *testing.T, w *world, query string, variables map[string]any) (asked int, field string) {
	t.Helper()
	a := w.ask(query, variables)
	if len(a.Errors) != 1 {
		t.Fatalf("%s: %d errors, want one: %s", query, len(a.Errors), clipped(a.text))
	}
	e := a.Errors[0]
	if e.Extensions["code"] != "QUERY_TOO_COMPLEX" || e.Extensions["limit"] != "cost" || e.Extensions["allowed"] != 1.0 {
		t.Fatalf("%s: %s", query, clipped(a.text))
	}
	asked, field = int(e.Extensions["asked"].(float64)), e.Extensions["field"].(string)
	if !strings.Contains(e.Message, fmt.Sprintf("may have %d field values, and 1 are allowed; the most expensive field is %s with ", asked, field)) {
		t.Errorf("%s: %s", query, e.Message)
	}
	return asked, field
}

// TestCost wants each field value counted once for each row that there may be, and nothing sent.
func TestCost(t *testing.T) {
	w := newWorld(t, setup{cost: 1})
	affiliate := account("promotekit")
	for _, tt := range []struct {
		query     string
		variables map[string]any
		asked     int
		field     string
	}{
		{`{ viewer { name } }`, nil, 2, "viewer"},
		{`{ referrals { nodes { id } } }`, nil, 1 + 1 + 20, "referrals"},
		{`{ r: referrals(first: 3) { totalCount pageInfo { hasNextPage endCursor } nodes { id email } edges { cursor node { id } } } }`, nil, 1 + 4 + 2 + 3*2 + 3*3, "r"},
		{`query($n: Int!, $with: Boolean!) { referrals(first: $n) { nodes { id email @include(if: $with) } } }`, map[string]any{"n": 7, "with": false}, 1 + 1 + 7, "referrals"},
		{`{ commissions(first: 10) { nodes { id amount { amount currencyCode } affiliate { id campaign { name } } } } }`, nil, 1 + 1 + 10*(3+2+2+1), "commissions"},
		{`{ referrals(first: 10) { nodes { commissions(first: 5) { nodes { id status } } } } }`, nil, 1 + 1 + 10*(1+1+5*2), "referrals.commissions"},
		{`{ affiliates(first: 2) { nodes { balances { status } coupons { code } memberships { campaign { id } } } } }`, nil, 1 + 1 + 2*(3+10+10+10*2), "affiliates.balances"},
		{`{ accounts { capabilities } }`, nil, 1 + 10*10, "accounts"},
		{`{ campaigns(first: 2) { nodes { id commission { notes } } } }`, nil, 1 + 1 + 2*(1+1+10), "campaigns.commission"},
		{`{ webhookSubscriptions(first: 3) { nodes { events } } }`, nil, 1 + 1 + 3*10, "webhookSubscriptions"},
		{`{ referrals { nodes { __typename } } }`, nil, 1 + 1 + 20, "referrals"},
		{`{ referrals { __typename } affiliates(first: 2) { edges { __typename node { __typename } } } }`, nil, 1 + 1 + 1 + 1 + 2*2 + 2*1, "affiliates"},
		{`{ a: __typename b: __typename }`, nil, 2, "a"},
		{`{ commissions(first: 10) { nodes { a: __typename b: __typename id amount { __typename amount } } edges { __typename } pageInfo { __typename } } }`, nil,
			1 + 3 + 1 + 10*1 + 10*(4+2), "commissions"},
		{`query($a: [ID!]) { commissions(filter: { accounts: $a }) { a: __typename b: __typename nodes { id } } }`, map[string]any{"a": []string{}}, 1 + 3, "commissions"},
		{`{ viewer { a: __typename b: __typename name } }`, nil, 1 + 3, "viewer"},
		{`mutation { deleteWebhookSubscription(input: { idempotencyKey: "key-0001", id: "" }) { a: __typename b: __typename userErrors { code message } } }`, nil,
			1 + 3 + 10*2, "deleteWebhookSubscription"},
		{`{ accounts { id provider { name } } }`, nil, 1 + 10*3, "accounts"},
		{`query($id: ID!) { node(id: $id) { id ... on Account { name } } }`, map[string]any{"id": affiliate}, 1 + 2, "node"},
		{`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": []string{affiliate, affiliate, affiliate}}, 1 + 3, "nodes"},
		{`{ ...Q } fragment Q on Query { referrals(first: 2) { ...C } } fragment C on ReferralConnection { nodes { ...R } } fragment R on Referral { id email }`, nil, 1 + 1 + 2*2, "referrals"},
	} {
		if asked, field := costs(t, w, tt.query, tt.variables); asked != tt.asked || field != tt.field {
			t.Errorf("%s: %d, at %s, want %d, at %s", tt.query, asked, field, tt.asked, tt.field)
		}
	}
	for vendor, kit := range w.kits {
		if got := len(kit.Requests()); got != 0 {
			t.Errorf("%s saw %d calls", vendor, got)
		}
	}
	if a := w.ask(`{ __typename __schema { types { name fields { name type { name } } } } }`, nil); len(a.Errors) != 0 {
		t.Errorf("introspection costs: %s", clipped(a.text))
	}
}

// TestCostOfFragments wants an end of counting where fragments in fragments multiply what
// stands in a short document.
func TestCostOfFragments(t *testing.T) {
	w := newWorld(t, setup{cost: 1})
	var query strings.Builder
	query.WriteString(`{ affiliates(first: 100) { nodes { ...F0 } } }`)
	for i := range 3 {
		next := fmt.Sprintf("...F%d", i+1)
		fmt.Fprintf(&query, " fragment F%d on Affiliate { parent { %s } children(first: 100) { nodes { %s } } referrals(first: 100) { nodes { affiliate { %s } } } }", i, next, next, next)
	}
	query.WriteString(` fragment F3 on Affiliate { id }`)
	if asked, _ := costs(t, w, query.String(), nil); asked < 1_000_000 {
		t.Errorf("%d were asked for", asked)
	}
}

// TestCostBeforeCalls wants the limits told in their order.
func TestCostBeforeCalls(t *testing.T) {
	w := newWorld(t, setup{vendors: []string{"uppromote"}, calls: 1, cost: 100})
	a := w.ask(`{ commissions(first: 100) { nodes { affiliate { id status } } } }`, nil)
	if len(a.Errors) != 1 || a.Errors[0].Extensions["limit"] != "cost" || a.Errors[0].Extensions["asked"] != 302.0 {
		t.Errorf("%s", a.text)
	}
	if a := w.ask(`{ commissions(first: 10) { nodes { affiliate { id status } } } }`, nil); len(a.Errors) != 1 || a.Errors[0].Extensions["limit"] != "calls" {
		t.Errorf("%s", a.text)
	}
}

// TestUsualCosts wants what people ask for within the default.
func TestUsualCosts(t *testing.T) {
	sequential(t)
	w := newWorld(t, setup{noBudget: true, ticks: true})
	tight := newWorld(t, setup{cost: 1})
	for name, query := range map[string]string{
		"the playground's walk":                    playground.Walk,
		"the most expensive of docs/benchmarks.md": `{ referrals(first: 100) { nodes { id commissions { nodes { id payout { status } } } } } }`,
		"two levels below 100 rows":                `{ referrals(first: 100) { nodes { id email status affiliate { id name campaign { id name } } commissions(first: 5) { nodes { amount { amount currencyCode } status } } } } }`,
		"every list of 100 affiliates": `{ affiliates(first: 100) { nodes { id name email status campaign { id name } referrals(first: 10) { nodes { id email } } commissions(first: 10) { nodes { id status } }
			payouts(first: 10) { nodes { id status } } } } }`,
	} {
		asked, field := costs(t, tight, query, nil)
		t.Logf("%s: %d, most expensive %s", name, asked, field)
		if a := w.ask(query, nil); len(a.Errors) != 0 {
			t.Errorf("%s: %s", name, clipped(a.text))
		}
	}
}

// TestPartnerPlan wants what is planned for partners, which they may be refused for, to
// tell nothing of others: neither how much there is of theirs, nor what is cached of it,
// nor which accounts there are and how many.
func TestPartnerPlan(t *testing.T) {
	sequential(t)
	refusal := func(w *world, v *auth.Viewer, query string) string {
		t.Helper()
		a := w.as(v, query, nil)
		if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != string(apierror.TooComplex) || a.Errors[0].Extensions["limit"] != "calls" {
			t.Fatalf("%s: %s", query, clipped(a.text))
		}
		return fmt.Sprint(a.Errors[0].Message, a.Errors[0].Extensions["asked"])
	}
	nobody := &auth.Viewer{Name: "nobody", Role: auth.RolePartner, Email: "nobody@nowhere.example"}
	counts := map[string]bool{}
	for _, vendors := range [][]string{{"promotekit"}, registered()} {
		w := newWorld(t, setup{vendors: vendors, noBudget: true, calls: 1, cost: 1 << 20})
		counts[refusal(w, nobody, `{ commissions(first: 1) { nodes { id } } payouts(first: 1) { nodes { id } } coupons(first: 1) { nodes { id } } }`)] = true
		named := map[string]bool{}
		for _, account := range []string{"promotekit", "uppromote", "nowhere"} {
			id := providers.ID{Account: account, Noun: providers.NounAccount}.String()
			named[refusal(w, nobody, fmt.Sprintf(`{ commissions(first: 1, filter: { accounts: [%[1]q] }) { nodes { id } } payouts(first: 1, filter: { accounts: [%[1]q] }) { nodes { id } } }`, id))] = true
		}
		if len(named) != 1 {
			t.Errorf("whether there is an account makes a difference: %v", named)
		}
	}
	if len(counts) != 1 {
		t.Errorf("how many accounts there are makes a difference: %v", counts)
	}
	const query = `{ campaigns { nodes { memberships(first: 100) { nodes { affiliate { name } campaign { name } } } commissions(first: 100) { nodes { referral { status } payout { status } affiliate { name } } } } }
		coupons(first: 100) { nodes { description } } }`
	for _, vendor := range registered() {
		plans := map[string]bool{}
		for _, size := range []providers.SandboxSize{providers.SandboxSmall, providers.SandboxMedium} {
			w := newWorld(t, setup{vendors: []string{vendor}, size: size, noBudget: true, calls: 1, cost: 1 << 20})
			staff := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, cost: 1 << 20, calls: 1 << 20, beside: w})
			me := partner(id(staff.page("affiliates")[0]))
			plans[refusal(w, me, query)] = true
			for _, list := range []string{"affiliates", "memberships", "referrals", "commissions", "payouts", "coupons"} {
				w.as(auth.Local(), fmt.Sprintf("{ %s(first: 100) { nodes { id } } }", list), nil)
			}
			plans[refusal(w, me, query)] = true
		}
		if len(plans) != 1 {
			t.Errorf("how much there is at %s, or is known of it, makes a difference: %v", vendor, plans)
		}
	}
}

// page is the first page of a root list.
func (w *world) page(list string) []object {
	w.t.Helper()
	data, _ := must[map[string]struct{ Nodes []object }](w, fmt.Sprintf("{ %s(first: 100) { nodes { id } } }", list), nil)
	return data[list].Nodes
}
