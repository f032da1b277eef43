package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
)

const (
	graphqlResponse = "application/graphql-response+json"
	plainJSON       = "application/json"
)

// send is a request to /graphql; a header without a value is taken out.
func send(h http.Handler, method, target string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost"+target, body)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", plainJSON)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// answer is a response, with whether it has data at all.
type answer struct {
	Data   *json.RawMessage
	Errors []struct {
		Message    string
		Extensions struct {
			Code, Limit, Field, RequestID string
			Asked, Allowed                int
		}
	}
}

// decode reads a response, which has to be of its media type, in UTF-8.
func decode(t *testing.T, w *httptest.ResponseRecorder) (a answer) {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != graphqlResponse+"; charset=utf-8" && got != plainJSON+"; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if strings.Contains(w.Body.String(), `"data":null`) {
		a.Data = new(json.RawMessage("null")) // which Unmarshal does not tell from none
	}
	return a
}

// TestAccept wants the media type of the greatest weight, the specification's for who names
// it, and 406 where there is none.
func TestAccept(t *testing.T) {
	h, _ := serve(t, nil)
	for accept, want := range map[string]string{
		"":                                  plainJSON,
		"*/*":                               plainJSON,
		"application/*":                     plainJSON,
		plainJSON:                           plainJSON,
		"application/json;charset=UTF-8":    plainJSON,
		graphqlResponse:                     graphqlResponse,
		"APPLICATION/GraphQL-Response+JSON": graphqlResponse,
		graphqlResponse + ", " + plainJSON:  graphqlResponse,
		plainJSON + ", " + graphqlResponse:  graphqlResponse,
		graphqlResponse + ",application/json;q=0.9":            graphqlResponse,
		graphqlResponse + ";q=0.8,application/json;q=0.9":      plainJSON,
		graphqlResponse + ";q=0.8, */*;q=0.9":                  plainJSON,
		graphqlResponse + ", */*;q=0.1":                        graphqlResponse,
		"application/json;q=0, */*":                            graphqlResponse,
		"text/html, application/xhtml+xml, */*;q=0.8":          plainJSON,
		"application/json;q=high, " + graphqlResponse + ";q=0": "",
		"text/html":                         "",
		"application/json;q=0":              "",
		"application/json;charset=utf-16":   "",
		"*/*;q=0":                           "",
		"application/graphql+json; q=1":     "",
		";;;":                               "",
		"application/json;q=2":              "",
		"application/json;q=NaN, text/html": "",
	} {
		w := send(h, http.MethodGet, "/graphql?query=%7B__typename%7D", nil, "Accept", accept)
		decode(t, w)
		got := strings.TrimSuffix(w.Header().Get("Content-Type"), "; charset=utf-8")
		if want == "" {
			if w.Code != http.StatusNotAcceptable {
				t.Errorf("%q: %d %s, want 406", accept, w.Code, got)
			}
		} else if w.Code != http.StatusOK || got != want {
			t.Errorf("%q: %d %s, want %s", accept, w.Code, got, want)
		}
	}
}

// TestRequests wants each request understood or refused with its status, whatever media
// type is accepted, and none of the refused ones repeated.
func TestRequests(t *testing.T) {
	h, _ := serve(t, nil)
	const secret = "s3cret"
	query := func(params ...string) string {
		v := url.Values{}
		for i := 0; i < len(params); i += 2 {
			v.Set(params[i], params[i+1])
		}
		return "/graphql?" + v.Encode()
	}
	tests := []struct {
		name, method, target, body string
		header                     []string
		want                       int
		plain                      int // the status as plainJSON, where that differs
		code, allow                string
	}{
		{name: "query", body: `{"query":"{__typename}"}`, want: 200},
		{name: "byte order mark", body: "\uFEFF" + `{"query":"{__typename}"}`, want: 200},
		{name: "more members", body: `{"query":"{__typename}","QUERY":1,"id":7,"hash":{}}`, want: 200},
		{name: "nulls", body: `{"query":"{__typename}","variables":null,"operationName":null,"extensions":null}`, want: 200},
		{name: "by name", body: `{"query":"query A{__typename} query B{__typename}","operationName":"B","variables":{},"extensions":{"a":1}}`, want: 200},
		{name: "a number", body: `{"query":"query($n:Int!){affiliates(first:$n){nodes{id}}}","variables":{"n":1}}`, want: 200},
		{name: "charset", body: `{"query":"{__typename}"}`, header: []string{"Content-Type", "application/json; charset=UTF-8"}, want: 200},
		{name: "no body", want: 400, code: "BAD_USER_INPUT"},
		{name: "no JSON", body: `{"query":"` + secret, want: 400, code: "BAD_USER_INPUT"},
		{name: "JSON and more", body: `{"query":"{__typename}"} ` + secret, want: 400, code: "BAD_USER_INPUT"},
		{name: "not UTF-8", body: "{\"query\":\"{__typename}\",\"" + secret + "\":\"\xff\"}", want: 400, code: "BAD_USER_INPUT"},
		{name: "a list", body: `[{"query":"{__typename}"}]`, want: 422, plain: 400, code: "BAD_USER_INPUT"},
		{name: "null", body: `null`, want: 422, plain: 400, code: "BAD_USER_INPUT"},
		{name: "no query", body: `{"qeury":"` + secret + `"}`, want: 422, plain: 400, code: "BAD_USER_INPUT"},
		{name: "empty query", body: `{"query":""}`, want: 422, plain: 400, code: "BAD_USER_INPUT"},
		{name: "query of a wrong type", body: `{"query":["` + secret + `"]}`, want: 422, plain: 400, code: "BAD_USER_INPUT"},
		{name: "variables of a wrong type", body: `{"query":"{__typename}","variables":"` + secret + `"}`, want: 422, plain: 400, code: "BAD_USER_INPUT"},
		{name: "operationName of a wrong type", body: `{"query":"{__typename}","operationName":{"` + secret + `":1}}`, want: 422, plain: 400, code: "BAD_USER_INPUT"},
		{name: "extensions of a wrong type", body: `{"query":"{__typename}","extensions":["` + secret + `"]}`, want: 422, plain: 400, code: "BAD_USER_INPUT"},
		{name: "no Content-Type", body: `{"query":"{__typename}"}`, header: []string{"Content-Type", ""}, want: 415, code: "BAD_USER_INPUT"},
		{name: "text", body: `{"query":"{__typename}"}`, header: []string{"Content-Type", "text/plain"}, want: 415, code: "BAD_USER_INPUT"},
		{name: "form", body: `query={__typename}`, header: []string{"Content-Type", "application/x-www-form-urlencoded"}, want: 415, code: "BAD_USER_INPUT"},
		{name: "other charset", body: `{"query":"{__typename}"}`, header: []string{"Content-Type", "application/json; charset=latin1"}, want: 415, code: "BAD_USER_INPUT"},
		{name: "too large", body: `{"query":"{__typename}","x":"` + strings.Repeat("x", 10<<10) + `"}`, want: 413, code: "QUERY_TOO_COMPLEX"},
		{name: "GET", method: "GET", target: query("query", "query Q($n:String!){__type(name:$n){name}}", "variables", `{"n":"Query"}`, "operationName", "Q", "extensions", ""), want: 200},
		{name: "GET without query", method: "GET", target: "/graphql", want: 422, plain: 400, code: "BAD_USER_INPUT"},
		{name: "GET of a wrong type", method: "GET", target: query("query", "{__typename}", "variables", `["`+secret+`"]`), want: 422, plain: 400, code: "BAD_USER_INPUT"},
		{name: "GET of JSON and more", method: "GET", target: query("query", "{__typename}", "variables", `{}}`+secret), want: 422, plain: 400, code: "BAD_USER_INPUT"},
		{name: "GET of no UTF-8", method: "GET", target: query("query", "{__typename} #\xff"+secret), want: 400, code: "BAD_USER_INPUT"},
		{name: "GET of no URL", method: "GET", target: "/graphql?query=%7B__typename%7D&" + secret + "=%zz", want: 400, code: "BAD_USER_INPUT"},
		{name: "GET too long", method: "GET", target: query("query", "{__typename}", "x", strings.Repeat("x", 10<<10)), want: 414, code: "QUERY_TOO_COMPLEX"},
		{name: "GET mutation", method: "GET", target: query("query", "mutation "+secret+"{__typename}"), want: 405, code: "BAD_USER_INPUT", allow: "POST"},
		{name: "GET one of a document's operations, a mutation", method: "GET", target: query("query", "query A{__typename} mutation B{__typename}", "operationName", "B"), want: 405, code: "BAD_USER_INPUT", allow: "POST"},
		{name: "PUT", method: "PUT", body: `{"query":"{__typename}"}`, want: 405, code: "BAD_USER_INPUT", allow: "GET, POST, OPTIONS"},
		{name: "HEAD", method: "HEAD", target: query("query", "{__typename}"), want: 405, code: "BAD_USER_INPUT", allow: "GET, POST, OPTIONS"},
	}
	for _, tt := range tests {
		for _, accept := range []string{plainJSON, graphqlResponse} {
			method, target := tt.method, tt.target
			if method == "" {
				method = http.MethodPost
			}
			if target == "" {
				target = "/graphql"
			}
			w := send(h, method, target, strings.NewReader(tt.body), append([]string{"Accept", accept}, tt.header...)...)
			a := decode(t, w)
			want := tt.want
			if accept == plainJSON && tt.plain != 0 {
				want = tt.plain
			}
			if w.Code != want || w.Header().Get("Allow") != tt.allow || w.Header().Get("Content-Type") != accept+"; charset=utf-8" {
				t.Errorf("%s, as %s: %d %v %s, want %d", tt.name, accept, w.Code, w.Header(), w.Body, tt.want)
			}
			if tt.want == http.StatusOK {
				if a.Data == nil || len(a.Errors) > 0 {
					t.Errorf("%s: %s", tt.name, w.Body)
				}
				continue
			}
			if a.Data != nil || len(a.Errors) != 1 || a.Errors[0].Extensions.Code != tt.code || a.Errors[0].Extensions.RequestID == "" || strings.Contains(w.Body.String(), secret) {
				t.Errorf("%s: %s, want %s, without data and what was sent", tt.name, w.Body, tt.code)
			}
		}
	}
}

// TestUnknownLength wants a body that does not say how long it is held to its bound.
func TestUnknownLength(t *testing.T) {
	h, _ := serve(t, nil)
	body := io.MultiReader(strings.NewReader(`{"query":"`), strings.NewReader(strings.Repeat(" ", 20<<10)))
	w := send(h, http.MethodPost, "/graphql", body)
	if a := decode(t, w); w.Code != http.StatusRequestEntityTooLarge || a.Errors[0].Extensions.Limit != "body" || a.Errors[0].Extensions.Allowed != 10<<10 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestOptions wants the methods told.
func TestOptions(t *testing.T) {
	h, _ := serve(t, nil)
	if w := send(h, http.MethodOptions, "/graphql", nil); w.Code != http.StatusNoContent || w.Header().Get("Allow") != "GET, POST, OPTIONS" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// TestStatus wants the status of a request that was understood to say what became of it, in
// the media type that has this meaning, and always 200 in the other.
func TestStatus(t *testing.T) {
	fake := providertest.NewFake("shop", providertest.Options{Before: func(context.Context, string) error {
		return &providers.Error{Account: "shop", Kind: providers.KindUnavailable}
	}})
	h, _ := serve(t, func(o *httpapi.Options) {
		o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{fake}, Pages: 20, Calls: 50, Cost: 10_000, Logger: o.Logger, Now: time.Now})
	})
	for query, want := range map[string]struct {
		status       int
		data, errors bool
	}{
		`{ __typename }`: {200, true, false},
		`{ __typename affiliates { nodes { id } } }`: {294, true, true}, // a part of the data
		`{`:                    {400, false, true},
		`# nothing`:            {422, false, true},
		`{ nothing }`:          {422, false, true},
		`mutation { nothing }`: {422, false, true},
		`{ __typename ... @defer { affiliates { nodes { id } } } }`: {422, false, true}, // null, were it executed
		`query($id: ID!) { node(id: $id) { id } }`:                  {422, false, true},
		`query A { __typename } query B { __typename }`:             {422, false, true},
		`{ a` + strings.Repeat("{a", 50) + strings.Repeat("}", 51):  {422, false, true},
	} {
		for _, accept := range []string{plainJSON, graphqlResponse} {
			w := post(h, query, "Accept", accept)
			a := decode(t, w)
			status := want.status
			if accept == plainJSON {
				status = http.StatusOK
			}
			if w.Code != status || (a.Data != nil) != want.data || (len(a.Errors) > 0) != want.errors {
				t.Errorf("%s as %s: %d %s, want %d %+v", query, accept, w.Code, w.Body, status, want)
			}
		}
	}
}

// TestLate wants a request whose time was over before it was executed answered as such, not
// by null.
func TestLate(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) { o.Timeout = 0 })
	for accept, status := range map[string]int{plainJSON: http.StatusOK, graphqlResponse: http.StatusGatewayTimeout} {
		w := post(h, `{ __typename }`, "Accept", accept)
		if a := decode(t, w); w.Code != status || a.Data != nil || len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "UPSTREAM_UNAVAILABLE" {
			t.Errorf("%d %s, want %d", w.Code, w.Body, status)
		}
	}
}

// FuzzRequest wants any body answered in JSON, with data or with errors that say why not.
func FuzzRequest(f *testing.F) {
	for _, body := range []string{
		`{"query":"{__typename}","variables":{"a":1e400},"operationName":"A","extensions":{}}`, "\uFEFF{}", `[]`, `{"query":"{"}`, "{\"query\":\"\xff\"}",
		`{"query":"{...F} fragment F on Query{...F a:__typename}"}`, `{"query":"query($a:[[Int]]=[[1]]){__schema{types{...T}}} fragment T on __Type{ofType{...T}}"}`,
		`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38"}}}`,
		`{"query":"{__typename}","extensions":{"persistedQuery":{"version":1.0,"sha256Hash":["a"]}}}`,
	} {
		f.Add([]byte(body), "*/*")
	}
	f.Fuzz(func(t *testing.T, body []byte, accept string) {
		h, _ := serve(t, nil)
		r := httptest.NewRequest(http.MethodPost, "http://localhost/graphql", bytes.NewReader(body))
		r.Header["Content-Type"], r.Header["Accept"] = []string{plainJSON}, []string{accept}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		a := decode(t, w)
		switch w.Code {
		case http.StatusOK, 294:
			if a.Data == nil && len(a.Errors) == 0 {
				t.Errorf("neither data nor errors: %s", w.Body)
			}
		case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusNotAcceptable, http.StatusRequestEntityTooLarge:
			if a.Data != nil || len(a.Errors) == 0 {
				t.Errorf("%d with data or without errors: %s", w.Code, w.Body)
			}
		default:
			t.Errorf("%d %s", w.Code, w.Body)
		}
		for _, e := range a.Errors {
			if e.Extensions.Code == "" || e.Extensions.Code == "INTERNAL" {
				t.Errorf("code %q: %s", e.Extensions.Code, w.Body)
			}
		}
	})
}
