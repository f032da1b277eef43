package resolvers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// idsOf are n ids of records of an account.
func idsOf(account string, noun providers.Noun, n int) (all []string) {
	for i := range n {
		all = append(all, providers.ID{Account: account, Noun: noun, Local: fmt.Sprint(1000 + i)}.String())
	}
	return all
}

// aliased is a field under 50 aliases, as many as are allowed.
func aliased(field string) string {
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintf(&b, " a%d: %s", i, field)
	}
	return b.String()
}

// TestArgumentsAreBounded wants an operation that gives much to its fields answered or
// refused for a few MB, whatever it gives: its body is small next to what its values would
// be in each field.
func TestArgumentsAreBounded(t *testing.T) {
	sequential(t)
	const maxAllocated = 24 << 20
	w := newWorld(t, setup{calls: 50, noBudget: true})
	for name := range w.accounts {
		w.ask(`query($a: [ID!]) { affiliates(first: 100, filter: { accounts: $a }) { nodes { id } } }`, map[string]any{"a": []string{account(name)}}) // is cached
	}
	var (
		xs      = func(n int) []string { return slices.Repeat([]string{"x"}, n) }
		text    = strings.Repeat("x", 90_000)
		inlined = func(n int, set string) string { return strings.Repeat("...{", n) + set + strings.Repeat("}", n) }
		filter  = func(members ...any) map[string]any {
			f := map[string]any{}
			for i := 0; i < len(members); i += 2 {
				f[members[i].(string)] = members[i+1]
			}
			return f
		}
	)
	type document struct {
		query string
		value any
	}
	documents := map[string]document{
		"ids":              {"query($v: [ID!]!) {" + aliased("nodes(ids: $v) { id }") + "}", xs(24_000)},
		"ids of one field": {"query($v: [ID!]!) { nodes(ids: $v) { id } }", xs(24_000)},
		"an id":            {"query($v: ID!) {" + aliased("node(id: $v) { id }") + "}", text},
		"a cursor":         {"query($v: String!) {" + aliased("referrals(first: 1, after: $v) { nodes { id } }") + "}", text},
		"a text":           {"query($v: String!) {" + aliased("affiliates(first: 1, filter: { email: $v }) { nodes { id } }") + "}", text},
		"enum values":      {"query($v: [ReferralStatusFilter!]) {" + aliased("referrals(first: 1, filter: { statuses: $v }) { nodes { id } }") + "}", slices.Repeat([]string{"ACTIVE"}, 10_000)},
		"a mutation": {"mutation($v: MarkPayoutPaidInput!) {" + aliased("markPayoutPaid(input: $v) { userErrors { code } }") + "}",
			filter("idempotencyKey", "abcdefgh", "id", "x", "commissions", xs(20_000), "expectedTotal", filter("amount", "1", "currencyCode", "USD"))},
		"objects":                  {"query($v: ReferralFilter!) { referrals(first: 1, filter: $v) { nodes { id } } }", slices.Repeat([]map[string]any{{"a": 1}}, 10_000)},
		"inline fragments":         {"query($v: ID) { affiliates(first: 100) { nodes {" + inlined(900, "id name email status campaign { id name }") + "} } }", nil},
		"nested inline fragments":  {"query($v: ID) { affiliates(first: 20) { nodes {" + inlined(400, "id referrals(first: 10) { nodes {"+inlined(400, "id email")+"} }") + "} } }", nil},
		"schema, inline fragments": {"query($v: ID) { __schema { types { fields { args {" + inlined(900, "name") + "} } } } }", nil},
	}
	for account := range w.accounts {
		campaigns, affiliates := idsOf(account, providers.NounCampaign, 100), idsOf(account, providers.NounAffiliate, 100)
		referrals, payouts := idsOf(account, providers.NounReferral, 100), idsOf(account, providers.NounPayout, 100)
		for list, f := range map[string]map[string]any{
			"affiliates":  filter("campaigns", campaigns),
			"memberships": filter("campaigns", campaigns, "affiliates", affiliates),
			"referrals":   filter("campaigns", campaigns, "affiliates", affiliates),
			"payouts":     filter("campaigns", campaigns, "affiliates", affiliates),
			"commissions": filter("campaigns", campaigns, "affiliates", affiliates, "referrals", referrals, "payouts", payouts),
			"coupons":     filter("affiliates", affiliates),
		} {
			typed := strings.ToUpper(list[:1]) + strings.TrimSuffix(list[1:], "s") + "Filter"
			documents[account+" "+list] = document{fmt.Sprintf("query($v: %s!) {%s}", typed, aliased(list+"(first: 1, filter: $v) { nodes { id } }")), f}
			documents[account+" "+list+" once"] = document{fmt.Sprintf("query($v: %s!) { %s(first: 1, filter: $v) { nodes { id } } }", typed, list), f}
		}
	}
	for name, d := range documents {
		recorded, allocated := w.allocated(t.Context(), strings.Replace(d.query, "query($v: ID)", "query", 1), map[string]any{"v": d.value})
		if allocated > maxAllocated {
			t.Errorf("%s: %d bytes are allocated: %s", name, allocated, clipped(recorded.Body.String()))
		}
		if strings.Contains(recorded.Body.String(), "is not a field of") || strings.Contains(recorded.Body.String(), "unknown") {
			t.Errorf("%s: %s", name, clipped(recorded.Body.String()))
		}
	}
}
