package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/persisted"
)

// asks are the ways to send a document: its answer, and whether it was executed.
var asks = map[string]func(t *testing.T, h http.Handler, document, accept string) answer{
	"POST": func(t *testing.T, h http.Handler, document, accept string) answer {
		body, _ := json.Marshal(map[string]string{"query": document, "operationName": operation(document)})
		return decode(t, send(h, http.MethodPost, "/graphql", bytes.NewReader(body), "Accept", accept))
	},
	"GET": func(t *testing.T, h http.Handler, document, accept string) answer {
		return decode(t, send(h, http.MethodGet, "/graphql?"+url.Values{"query": {document}, "operationName": {operation(document)}}.Encode(), nil, "Accept", accept))
	},
	"persisted": func(t *testing.T, h http.Handler, document, accept string) answer {
		body := map[string]any{"query": document, "operationName": operation(document), "extensions": persistedQuery(1, persisted.Hash(document))}
		for range 2 { // sent, and by its hash
			text, _ := json.Marshal(body)
			w := send(h, http.MethodPost, "/graphql", strings.NewReader(string(text)), "Accept", accept)
			if a := decode(t, w); len(a.Errors) > 0 {
				return a
			}
			delete(body, "query")
		}
		return answer{}
	},
}

// operation is the name of the first operation of a document with several.
func operation(document string) string {
	if strings.HasPrefix(document, "query A") {
		return "A"
	}
	return ""
}

// used is a document without the fragments of one letter that it does not use. Those that a
// fragment uses stand in front of it.
func used(document string) string {
	for _, name := range []string{"L", "V", "N", "F", "I", "E"} {
		if strings.Contains(document, "..."+name+" ") {
			continue
		}
		if before, rest, ok := strings.Cut(document, "fragment "+name+" on "); ok {
			_, after, _ := strings.Cut(rest, "fragment ")
			if document = before; after != "" {
				document += "fragment " + after
			}
		}
	}
	return document
}

// repeated is a selection with a field under n aliases.
func repeated(n int, field string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d: %s", i, field)
	}
	return "{" + b.String() + " }"
}

// TestIntrospectionBounds wants what reads too much of the schema refused, by every way,
// with the limit.
func TestIntrospectionBounds(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) { o.Tokens = 5000; o.Aliases = 5000 })
	var (
		types   = `{ __schema { types { `
		leveled = ` fragment L on __Type { ...V ofType { ...V ofType { ...V ofType { ...V } } } } `
		parts   = ` fragment N on __Type { kind name description ofType { kind name description ofType { kind name description } } } fragment F on __Field { name description isDeprecated deprecationReason }
			fragment I on __InputValue { name description defaultValue } fragment E on __Type ` + repeated(30, `enumValues { name description isDeprecated deprecationReason }`)
	)
	for name, query := range map[string]string{
		"aliases of __schema":                  repeated(50, `__schema { queryType { name } }`),
		"aliases of __type":                    repeated(3, `__type(name: "Query") { name }`),
		"both":                                 `{ __schema { queryType { name } } ` + repeated(2, `__type(name: "Query") { name }`)[1:],
		"without an alias":                     `{ __schema { queryType { name } } __schema { types { name } } __schema { directives { name } } }`,
		"in fragments":                         `{ ...A ...B ...C } fragment A on Query { __schema { queryType { name } } } fragment B on Query { b: __type(name: "Query") { name } } fragment C on Query { c: __type(name: "Int") { name } }`,
		"in inline fragments":                  `{ ... on Query { ... { a: __schema { queryType { name } } } } ... @include(if: true) { b: __type(name: "Query") { name } } c: __type(name: "Int") { name } }`,
		"in an operation that is not executed": `query A { __typename } query B { a: __schema { types { name } } b: __type(name: "Int") { name } c: __type(name: "Int") { name } }`,
		"types of fields":                      types + `fields { type { ...L } } } } }` + leveled + `fragment V on __Type ` + repeated(15, `fields { ...F args { ...I type { ...N } } type { ...N } }`) + parts,
		"enum values of fields":                types + `fields { type { ...L } } } } }` + leveled + `fragment V on __Type { fields { type { ...E ofType { ...E ofType { ...E } } } args { type { ...E ofType { ...E ofType { ...E } } } } } }` + parts,
		"enum values of inputs":                types + `fields { args { type { ...L } } } inputFields { type { ...L } } } } }` + leveled + `fragment V on __Type ` + repeated(20, `inputFields { type { ...E ofType { ...E ofType { ...E ofType { ...E } } } } }`) + parts,
		"leaves under aliases":                 types + `fields { type { ...L } } } } }` + leveled + `fragment V on __Type { fields ` + repeated(60, `description`) + ` }` + parts,
		"__typename under aliases":             types + `fields { type { ...L } } } } }` + leveled + `fragment V on __Type { fields { type ` + repeated(60, `__typename`) + ` } }` + parts,
	} {
		query = used(query)
		for way, ask := range asks {
			for _, accept := range []string{plainJSON, graphqlResponse} {
				a := ask(t, h, query, accept)
				if a.Data != nil || len(a.Errors) != 1 {
					t.Errorf("%s by %s: %.300v", name, way, a)
					continue
				}
				if e := a.Errors[0].Extensions; e.Code != "QUERY_TOO_COMPLEX" || e.Asked <= e.Allowed || e.Limit != "introspection" && e.Limit != "aliases" {
					t.Errorf("%s by %s: %+v", name, way, a.Errors[0])
				}
			}
		}
	}
}

// TestIntrospectionOfTools wants what tools ask for executed, twice in a document, and far
// from the bounds.
func TestIntrospectionOfTools(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) { o.Tokens = 5000; o.Answer = 4 << 20 })
	for name, query := range map[string]string{
		"GraphiQL":        introspection,
		"schema and type": `{ __schema { queryType { name } } __type(name: "Affiliate") { name fields { name type { name } } } }`,
		"an unknown type": `{ __type(name: "Nothing") { name } }`,
	} {
		w := post(h, query)
		if a := decode(t, w); a.Data == nil || len(a.Errors) > 0 {
			t.Errorf("%s: %.300s", name, w.Body)
		}
		t.Logf("%s: %d bytes", name, w.Body.Len())
	}
}

// TestIntrospectionCount wants the values counted before the execution to be those in the
// answer: the members of all objects, the elements of all lists, and each object that is a
// member.
func TestIntrospectionCount(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) { o.Tokens = 5000 })
	var count func(v any) int
	count = func(v any) (n int) {
		switch v := v.(type) {
		case map[string]any:
			for _, member := range v {
				n += 1 + count(member)
				if _, ok := member.(map[string]any); ok {
					n++
				}
			}
		case []any:
			for _, element := range v {
				n += 1 + count(element)
			}
		}
		return n
	}
	for _, query := range []string{
		introspection,
		`{ __schema { queryType { name } mutationType { name } subscriptionType { name } directives { name locations args { name type { name ofType { name } } } } } }`,
		`{ __type(name: "CommissionFilter") { inputFields { name type { kind ofType { kind ofType { kind ofType { name enumValues { name } } } } } } } }`,
		`{ __type(name: "Node") { possibleTypes { name interfaces { name } } fields { name type { name } } enumValues { name } inputFields { name } } }`,
		`{ __type(name: "Nothing") { name } }`,
		`{ __typename __schema { types { ...T } } } fragment T on __Type { ...N ... on __Type { kind } } fragment N on __Type { name fields(includeDeprecated: true) { type { ...M } } } fragment M on __Type { description }`,
	} {
		var a struct{ Data map[string]any }
		if err := json.Unmarshal(post(h, query).Body.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		delete(a.Data, "__typename")
		if got, want := httpapi.SchemaValues(query), count(a.Data); got != want || want == 0 {
			t.Errorf("%.60s: %d are counted, and %d are in the answer", query, got, want)
		}
	}
}
