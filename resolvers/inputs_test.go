package resolvers

import (
	"slices"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/schema"
)

// ruled are the schema's rules with one more, for it has none of its own below the first
// input: the amount of money is for nobody.
func ruled(typeName, field string) []string {
	if typeName == "MoneyInput" && field == "amount" {
		return nil
	}
	return schema.Roles(typeName, field)
}

// TestAccessWithinInputs wants the rules of inputs to hold wherever an input stands: in an
// argument, a variable, another input.
func TestAccessWithinInputs(t *testing.T) {
	for name, tt := range map[string]struct {
		query     string
		variables map[string]any
		want      []string
	}{
		"in place": {query: `mutation { createCommission(input: { idempotencyKey: "k", commission: { custom: { affiliate: "b", amount: { amount: "1", currencyCode: USD } } } }) { userErrors { code } } }`,
			want: []string{"MoneyInput.amount"}},
		"nothing": {query: `mutation($m: MoneyInput!) { createCommission(input: { idempotencyKey: "k", commission: { sale: { referral: "r", saleAmount: $m } } }) { userErrors { code } } }`, variables: map[string]any{"m": nil}},
		"in a variable": {
			query:     `mutation($m: MoneyInput!) { createCommission(input: { idempotencyKey: "k", commission: { custom: { affiliate: "b", amount: $m } } }) { userErrors { code } } }`,
			variables: map[string]any{"m": map[string]any{"amount": "1", "currencyCode": "USD"}}, want: []string{"MoneyInput.amount"},
		},
		"all of it in a variable": {
			query: `mutation($in: CreateCommissionInput!) { createCommission(input: $in) { userErrors { code } } }`, want: []string{"MoneyInput.amount"},
			variables: map[string]any{"in": map[string]any{"commission": map[string]any{"custom": map[string]any{"amount": map[string]any{"amount": "1"}}}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := gqlparser.LoadQueryWithRules(schema.Parsed(), tt.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			a := &access{op: &graphql.OperationContext{Doc: doc, Variables: tt.variables}, role: auth.RoleAdmin, roles: ruled, seen: map[*ast.FragmentDefinition]bool{}}
			a.selections(doc.Operations[0].SelectionSet)
			if !slices.Equal(a.refused, tt.want) {
				t.Errorf("%q are refused, want %q", a.refused, tt.want)
			}
		})
	}
}

// TestAccessWithinLists wants the rules of inputs to hold in lists of them, which no field
// of the schema takes yet.
func TestAccessWithinLists(t *testing.T) {
	free, ruledOut := map[string]any{"currencyCode": "USD"}, map[string]any{"currencyCode": "USD", "amount": "1"}
	for name, tt := range map[string]struct {
		value any
		want  []string
	}{
		"one":              {[]any{ruledOut}, []string{"MoneyInput.amount"}},
		"the last":         {[]any{free, nil, ruledOut}, []string{"MoneyInput.amount"}},
		"in a list in one": {[]any{[]any{free}, []any{free, ruledOut}}, []string{"MoneyInput.amount"}},
		"none":             {[]any{free, nil}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := &access{op: &graphql.OperationContext{}, role: auth.RoleAdmin, roles: ruled}
			a.input("MoneyInput", tt.value, &ast.Position{})
			if !slices.Equal(a.refused, tt.want) {
				t.Errorf("%q are refused, want %q", a.refused, tt.want)
			}
		})
	}
}
