package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/httpapi"
)

// message is the text of the only error of an answer, which says that the client's input is bad.
func message(t *testing.T, h http.Handler, body string) string {
	t.Helper()
	w := send(h, http.MethodPost, "/graphql", strings.NewReader(body), "Content-Type", plainJSON)
	a := decode(t, w)
	if len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "BAD_USER_INPUT" {
		t.Errorf("%s: %d %s", body, w.Code, w.Body)
		return ""
	}
	return a.Errors[0].Message
}

// TestVariableMessages wants each fault of a variable told with its name, its place, what
// is expected and what was sent.
func TestVariableMessages(t *testing.T) {
	const secret = "s3cret@customer.example"
	list := func(declared, argument string) string {
		return `query($v: ` + declared + `) { commissions(` + argument + `: $v) { nodes { id } } }`
	}
	write := `mutation($input: CreateCommissionInput!) { createCommission(input: $input) { userErrors { code } } }`
	for _, tt := range []struct{ query, variables, want string }{
		{list("Int!", "first"), `{}`, `Variable "$v" is required`},
		{list("Int!", "first"), `{"v":null}`, `Variable "$v" must not be null`},
		{list("Int!", "first"), `{"v":2.5}`, `Variable "$v" must be a whole number (Int), not 2.5`},
		{list("Int!", "first"), `{"v":1e20}`, `Variable "$v" must be a whole number (Int), not 1e20`},
		{list("Int!", "first"), `{"v":123456789012345678901234567890123456789012345}`, `Variable "$v" must be a whole number (Int), not 1234567890123456789012345678901234567890…`},
		{list("Int!", "first"), `{"v":true}`, `Variable "$v" must be a whole number (Int), not true`},
		{list("Int!", "first"), `{"v":"` + secret + `"}`, `Variable "$v" must be a whole number (Int), not a string`},
		{list("Int!", "first"), `{"v":[1]}`, `Variable "$v" must be a whole number (Int), not a list`},
		{list("String", "after"), `{"v":true}`, `Variable "$v" must be a string, not true`},
		{list("CommissionFilter", "filter"), `{"v":"` + secret + `"}`, `Variable "$v" must be an object, CommissionFilter, not a string`},
		{list("CommissionFilter", "filter"), `{"v":{"createdAt":5}}`, `Variable "$v": createdAt must be an object, DateRange, not 5`},
		{list("CommissionFilter", "filter"), `{"v":{"acounts":[]}}`, `Variable "$v": acounts is not a field of CommissionFilter`},
		{list("CommissionFilter", "filter"), `{"v":{"createdAt":{"since":1}}}`, `Variable "$v": createdAt.since is not a field of DateRange`},
		{list("CommissionFilter", "filter"), `{"v":{"accounts":["a",null]}}`, `Variable "$v": accounts[1] must not be null`},
		{list("CommissionFilter", "filter"), `{"v":{"accounts":true}}`, `Variable "$v": accounts[0] must be a string (ID), not true`},
		{list("CommissionFilter", "filter"), `{"v":{"statuses":["PAID","PAYED"]}}`, `Variable "$v": statuses[1] must be a value of the enum CommissionStatusFilter, not "PAYED"`},
		{list("CommissionFilter", "filter"), `{"v":{"eventId":{}}}`, `Variable "$v": eventId must be a string, not an object`},
		{write, `{}`, `Variable "$input" is required`},
		{write, `{"input":{}}`, `Variable "$input": idempotencyKey is required`},
		{write, `{"input":{"idempotencyKey":null}}`, `Variable "$input": idempotencyKey must not be null`},
		{write, `{"input":{"idempotencyKey":"k","commission":{"custom":{"affiliate":"a","amount":{"amount":"1"}}}}}`, `Variable "$input": commission.custom.amount.currencyCode is required`},
		{write, `{"input":{"idempotencyKey":"k","commission":{"custom":{"affiliate":"a"}}}}`, `Variable "$input": commission.custom.amount is required`},
	} {
		for _, introspection := range []bool{true, false} {
			h, _ := serve(t, func(o *httpapi.Options) { o.Introspection = introspection })
			if got := message(t, h, `{"query":"`+tt.query+`","variables":`+tt.variables+`}`); got != tt.want {
				t.Errorf("%s\n%s, want\n%s", tt.variables, got, tt.want)
			}
		}
	}
}

// TestLiteralMessages wants each fault of a value in a document told with its argument and
// its place there.
func TestLiteralMessages(t *testing.T) {
	h, _ := serve(t, nil)
	for arguments, want := range map[string]string{
		`first: null`:                           `first: Expected value of type \"Int!\", found null.`,
		`first: 2.5`:                            `first: Int cannot represent non-integer value: 2.5`,
		`filter: 5`:                             `filter: Expected value of type \"CommissionFilter\", found 5.`,
		`filter: {accounts: [\"a\", null]}`:     `filter.accounts[1]: Expected value of type \"ID!\", found null.`,
		`filter: {createdAt: {since: 1}}`:       `filter.createdAt: Field \"since\" is not defined by type \"DateRange\".`,
		`filter: {statuses: [PAYED]}`:           `filter.statuses[0]: Value \"PAYED\" does not exist in \"CommissionStatusFilter!\" enum. Did you mean the enum value \"PAID\"?`,
		`filter: {accounts: [\"saas\"]}`:        `filter.accounts[0]: \"saas\" is no id of this server`,
		`filter: {createdAt: {from: \"2026\"}}`: `filter.createdAt.from: \"2026\" is no RFC 3339 time, such as 2026-11-21T09:30:00Z`,
	} {
		got := message(t, h, `{"query":"{ commissions(`+arguments+`) { nodes { id } } }"}`)
		if want := strings.ReplaceAll(want, `\"`, `"`); got != want {
			t.Errorf("%s: %s, want %s", arguments, got, want)
		}
	}
	for query, want := range map[string]string{
		`query($n: Int = true) { commissions(first: $n) { nodes { id } } }`:                       `$n: Int cannot represent non-integer value: true`,
		`{ affiliates { nodes { ... on Affiliate { commissions(first: 1.5) { nodes { id } } }}}}`: `first: Int cannot represent non-integer value: 1.5`,
		`{ viewer { name @skip(if: 1) } }`:                                                        `@skip.if: Boolean cannot represent a non boolean value: 1`,
	} {
		if got := message(t, h, `{"query":"`+query+`"}`); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for declared, want := range map[string]string{"Int": "first must not be null", "Int = 5": "first must not be null"} {
		if got := message(t, h, `{"query":"query($n: `+declared+`) { commissions(first: $n) { nodes { id } } }","variables":{"n":null}}`); got != want {
			t.Errorf("null for %s: %s, want %s", declared, got, want)
		}
	}
}

// TestEncodedBodies wants a body in a coding refused by the coding's name, and one without
// a coding read.
func TestEncodedBodies(t *testing.T) {
	h, _ := serve(t, nil)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(`{"query":"{__typename}"}`))
	_ = z.Close()
	for coding, named := range map[string]string{
		"gzip": "gzip", "GZIP": "gzip", "br": "br", "deflate": "deflate", "zstd": "zstd", "identity, gzip": "gzip", "x-new": "x-new",
		"<script>": "of an unknown name", strings.Repeat("x", 99): "of an unknown name",
	} {
		w := send(h, http.MethodPost, "/graphql", bytes.NewReader(zipped.Bytes()), "Content-Type", plainJSON, "Content-Encoding", coding)
		a := decode(t, w)
		want := "the request's body has the Content-Encoding " + named + ": send it as it is, without one"
		if w.Code != http.StatusUnsupportedMediaType || len(a.Errors) != 1 || a.Errors[0].Message != want || w.Header().Get("Accept-Encoding") != "identity" {
			t.Errorf("%s: %d %v %s", coding, w.Code, w.Header(), w.Body)
		}
	}
	for _, coding := range []string{"", "identity", "Identity", "identity, identity"} {
		w := send(h, http.MethodPost, "/graphql", strings.NewReader(`{"query":"{__typename}"}`), "Content-Type", plainJSON, "Content-Encoding", coding)
		if w.Code != http.StatusOK {
			t.Errorf("%q: %d %s", coding, w.Code, w.Body)
		}
	}
}

// TestBatches wants a batch refused as one, and what only begins like one as what it is.
func TestBatches(t *testing.T) {
	h, _ := serve(t, nil)
	const batch = "the request's body is a batch, a JSON array of requests: send each request by itself"
	for body, want := range map[string]string{
		`[{"query":"{__typename}"},{"query":"{__typename}"}]`: batch,
		" \n\t[]":    batch,
		"\uFEFF[{}]": batch,
		`[{"query":`: "the request's body is not JSON",
		`"query"`:    "the request's body is not a JSON object",
		`null`:       "the request's body is not a JSON object",
	} {
		w := send(h, http.MethodPost, "/graphql", strings.NewReader(body), "Content-Type", plainJSON)
		if a := decode(t, w); w.Code != http.StatusBadRequest || len(a.Errors) != 1 || a.Errors[0].Message != want {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}
