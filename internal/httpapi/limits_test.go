package httpapi_test

import (
	_ "embed"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
)

// introspection is what GraphiQL asks for first: getIntrospectionQuery of graphql-js with
// every option on.
//
//go:embed testdata/introspection.graphql
var introspection string

// nested is a selection of n fields below each other.
func nested(field string, n int) string {
	return strings.Repeat("{"+field, n) + strings.Repeat("}", n)
}

// aliases is n fields, each under an alias.
func aliases(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d: __typename", i)
	}
	return b.String()
}

// TestLimits wants what is too much refused before it is validated, with the limit, how
// much was asked, how much is allowed, and where.
func TestLimits(t *testing.T) {
	const none = ""
	// No document here is valid but those that pass: whoever validates first would say
	// something else.
	tests := []struct {
		name, query    string
		limit          string
		asked, allowed int
		field          string
	}{
		{"tokens", "{ x { y(a: 1)" + strings.Repeat(" b", 500) + "} }", "tokens", 511, 500, "x.b"},
		{"tokens in a fragment", "{ ...F } fragment F on X { z" + strings.Repeat(" b", 500) + "}", "tokens", 511, 500, "b"},
		{"tokens of variables", "query(" + strings.Repeat("$a:A ", 200) + "){a}", "tokens", 806, 500, none},
		{"depth", nested("x", 13), "depth", 13, 12, strings.Repeat("x.", 12) + "x"},
		{"much deeper", nested("x", 30), "depth", 30, 12, strings.Repeat("x.", 12) + "x"},
		{"depth in an inline fragment", nested("x ... on X {y} x", 13), "depth", 13, 12, strings.Repeat("x.", 12) + "x"},
		{"depth in a fragment", "{a{...F}} fragment F on X " + nested("x", 12), "depth", 13, 12, "a" + strings.Repeat(".x", 12)},
		{"depth in a fragment met before", "{...F a{b{c{...F}}}} fragment F on X " + nested("x", 10), "depth", 13, 12, "a.b.c"},
		{"depth in a fragment that no one uses", "{a} fragment F on X " + nested("x", 13), "depth", 13, 12, strings.Repeat("x.", 12) + "x"},
		{"depth in the second fragment of a name", "{a ...F} fragment F on X {x} fragment F on X " + nested("x", 13), "depth", 13, 12, strings.Repeat("x.", 12) + "x"},
		{"depth below introspection's names", "{a: __schema" + nested("x", 20) + "}", "depth", 21, 20, "a" + strings.Repeat(".x", 20)},
		{"depth after introspection", "{__type{name} y" + nested("x", 12) + "}", "depth", 13, 12, "y" + strings.Repeat(".x", 12)},
		{"no introspection by alias", "{__schema: a" + nested("x", 12) + "}", "depth", 13, 12, "__schema" + strings.Repeat(".x", 12)},
		{"aliases", "{x {" + aliases(51) + "}}", "aliases", 51, 50, "x.a50"},
		{"repeated", "{x" + strings.Repeat(" y", 60) + "}", "aliases", 59, 50, "y"},
		{"repeated in inline fragments", "{x" + strings.Repeat(" ... {y}", 60) + "}", "aliases", 59, 50, "y"},
		{"repeated under a type", "{x" + strings.Repeat(" ... on X {y}", 60) + "}", "aliases", 59, 50, "y"},
		{"a fragment repeated", "{x {" + strings.Repeat(" ...F", 60) + "}} fragment F on X {y}", "aliases", 59, 50, "x"},
		{"aliases in fragments", "{x{...F} y{...F} z{...F}} fragment F on X {" + aliases(20) + "}", "aliases", 60, 50, "z"},
		{"aliases in several operations", "query A{" + aliases(30) + "} query B{x{" + aliases(30) + "}}", "aliases", 60, 50, "x.a20"},
		{"aliases in a fragment that no one uses", "{x} fragment F on X {y{" + aliases(60) + "}}", "aliases", 60, 50, "y.a50"},
		{"fragments that double", "{x{...F0}}" + doubling(31), "aliases", 1<<31 - 1, 50, "x"},
		{"operations", strings.Repeat("query A{a}", 21), "operations", 21, 20, none},
	}
	h, _ := serve(t, nil)
	for _, tt := range tests {
		w := post(h, tt.query, "Accept", graphqlResponse)
		a := decode(t, w)
		if w.Code != http.StatusUnprocessableEntity || a.Data != nil || len(a.Errors) != 1 {
			t.Errorf("%s: %d %.300s", tt.name, w.Code, w.Body)
			continue
		}
		e := a.Errors[0].Extensions
		if e.Code != "QUERY_TOO_COMPLEX" || e.Limit != tt.limit || e.Asked != tt.asked || e.Allowed != tt.allowed || e.Field != tt.field || e.RequestID == "" {
			t.Errorf("%s: %+v, want %s: %d of %d at %s", tt.name, e, tt.limit, tt.asked, tt.allowed, tt.field)
		}
		if !strings.Contains(a.Errors[0].Message, fmt.Sprint(tt.asked)) || !strings.Contains(a.Errors[0].Message, fmt.Sprint(tt.allowed)) {
			t.Errorf("%s: %s", tt.name, a.Errors[0].Message)
		}
	}
}

// TestOrder wants the limits told in their order, by a document that is beyond all of them,
// and then of one fewer each.
func TestOrder(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) {
		o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{providertest.NewFake("shop", providertest.Options{})}, Pages: 20, Calls: 0, Cost: 10, Logger: o.Logger, Now: time.Now})
	})
	const deep = `{nodes{campaign{commissions{nodes{campaign{commissions{nodes{campaign{commissions{nodes{campaign{id}}}}}}}}}}}}`
	for _, tt := range []struct{ limit, query string }{
		{"body", "{affiliates" + deep + aliases(51) + strings.Repeat(" id", 4<<10) + "}"},
		{"tokens", "{affiliates" + deep + aliases(51) + strings.Repeat(" id", 500) + "}"},
		{"depth", "{affiliates" + deep + aliases(51) + "}"},
		{"aliases", "{affiliates{nodes{id}}" + aliases(51) + "}"},
		{"cost", "{affiliates{nodes{id}}}"},
		{"calls", "{affiliates(first: 1){nodes{id}}}"},
	} {
		a := decode(t, post(h, tt.query))
		if len(a.Errors) != 1 {
			t.Fatalf("%s: %+v", tt.limit, a)
		}
		if e := a.Errors[0].Extensions; e.Limit != tt.limit || e.Code != "QUERY_TOO_COMPLEX" || e.Asked <= e.Allowed || e.Field == "" && tt.limit != "body" {
			t.Errorf("%s: %+v", tt.limit, a.Errors[0])
		}
	}
}

// doubling is n fragments of which each has the next one twice, under two fields.
func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on X {...F%d ... on Y {...F%d}}", i, i+1, i+1)
	}
	return b.String() + fmt.Sprintf(" fragment F%d on X {a: b}", n)
}

// TestWithinLimits wants what is just within the limits, and introspection as tools ask for
// it, to go on.
func TestWithinLimits(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) { o.Tokens = 5000; o.Aliases = 3 })
	for name, query := range map[string]string{
		"introspection": introspection,
		"aliases":       `{ a: __typename b: __typename __typename __typename }`,
		"one field of several types": `{ node(id: "x") {
			... on Affiliate { id name } ... on Campaign { id name } ... on Referral { id } ... on Commission { id } ... on Payout { id } } }`,
		"a fragment in several places": `{ affiliates(first: 1) { nodes { ...A } } other: affiliates(first: 2) { nodes { ...A } } } fragment A on Affiliate { id name }`,
		"depth":                        `{ referrals(first: 1) { nodes { affiliate { referrals(first: 1) { nodes { affiliate { referrals(first: 1) { nodes { affiliate { campaign { account { id } } } } } } } } } } } }`,
	} {
		a := decode(t, post(h, query))
		for _, e := range a.Errors {
			if name != "one field of several types" || e.Extensions.Code == "QUERY_TOO_COMPLEX" { // there is no such node
				t.Errorf("%s: %+v", name, e)
			}
		}
		if a.Data == nil {
			t.Errorf("%s: no data", name)
		}
	}
}

// TestManyErrors wants a document in which everything is wrong answered by less than a line
// for each mistake.
func TestManyErrors(t *testing.T) {
	h, _ := serve(t, nil)
	var query strings.Builder
	for i := range 400 {
		fmt.Fprintf(&query, " f%d", i)
	}
	if a := decode(t, post(h, "{"+query.String()+"}")); len(a.Errors) != 100 {
		t.Errorf("%d errors, want 100", len(a.Errors))
	}
}

// TestCycles wants fragments that contain themselves left to validation, which says it better.
func TestCycles(t *testing.T) {
	h, _ := serve(t, nil)
	for _, query := range []string{
		`{ ...F } fragment F on Query { ...F }`,
		`{ ...F } fragment F on Query { affiliates { nodes { campaign { id } } } ...G } fragment G on Query { ...F }`,
	} {
		w := post(h, query, "Accept", graphqlResponse)
		if a := decode(t, w); w.Code != http.StatusUnprocessableEntity || len(a.Errors) == 0 || !strings.Contains(a.Errors[0].Message, "within itself") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}
