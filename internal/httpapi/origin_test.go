package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/httpapi"
)

const (
	portal    = "https://portal.example.com"
	elsewhere = "https://elsewhere.example"
)

func inviting(o *httpapi.Options) { o.Origins = []string{portal, "http://localhost:3000"} }

// corsHeaders are those of an answer's headers that CORS is about.
func corsHeaders(h http.Header) map[string]string {
	got := map[string]string{}
	for name, values := range h {
		values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return name == "Vary" && v == "Accept-Encoding" })
		if (strings.HasPrefix(name, "Access-Control-") || name == "Vary") && len(values) > 0 {
			got[name] = strings.Join(values, ", ")
		}
	}
	return got
}

// TestPreflight wants a page of a listed origin told that it may do what clients do, and
// everybody else nothing.
func TestPreflight(t *testing.T) {
	h, _ := serve(t, inviting)
	locked, _ := serve(t, func(o *httpapi.Options) { inviting(o); o.Auth = auth.New(nil, nil) })
	const vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
	nothing := map[string]string{"Vary": vary}
	granted := func(method, headers string) map[string]string {
		g := map[string]string{"Access-Control-Allow-Origin": portal, "Access-Control-Allow-Methods": method, "Access-Control-Max-Age": "7200", "Vary": vary}
		if headers != "" {
			g["Access-Control-Allow-Headers"] = headers
		}
		return g
	}
	const all = "accept,apollo-require-preflight,apollographql-client-name,apollographql-client-version,authorization,baggage,content-type," +
		"graphql-require-preflight,sentry-trace,traceparent,tracestate,x-api-key,x-apollo-operation-id,x-apollo-operation-name,x-graphql-yoga-csrf,x-partnergraph-explain,x-request-id,x-requested-with"
	for _, test := range []struct {
		name, origin, method, headers string
		want                          map[string]string
	}{
		{"POST", portal, "POST", "authorization,content-type", granted("POST", "authorization,content-type")},
		{"GET", portal, "GET", "", granted("GET", "")},
		{"all headers", portal, "POST", all, granted("POST", all)},
		{"another header", portal, "POST", "content-type,x-other", nothing},
		{"cookies", portal, "POST", "cookie", nothing},
		{"another method", portal, "DELETE", "", nothing},
		{"another origin", elsewhere, "POST", "content-type", nothing},
		{"another scheme", "http://portal.example.com", "POST", "content-type", nothing},
		{"another port", portal + ":8443", "POST", "content-type", nothing},
		{"a name that ends so", "https://evil-portal.example.com", "POST", "content-type", nothing},
		{"a name that begins so", portal + ".evil.example", "POST", "content-type", nothing},
		{"another case", "https://PORTAL.example.com", "POST", "content-type", nothing},
		{"no origin of its own", "null", "POST", "content-type", nothing},
	} {
		for _, h := range []http.Handler{h, locked} { // a preflight never brings a key
			for _, path := range []string{"/graphql", "/schema.graphql"} {
				w := send(h, http.MethodOptions, path, nil, "Origin", test.origin, "Access-Control-Request-Method", test.method, "Access-Control-Request-Headers", test.headers)
				if w.Code != http.StatusNoContent || w.Body.Len() != 0 {
					t.Errorf("%s, %s: %d %s", test.name, path, w.Code, w.Body)
				}
				if diff := cmp.Diff(test.want, corsHeaders(w.Header())); diff != "" {
					t.Errorf("%s, %s (-want +got):\n%s", test.name, path, diff)
				}
			}
		}
	}
	if w := send(h, http.MethodOptions, "/graphql", nil, "Origin", portal, "Access-Control-Request-Method", "POST", "Access-Control-Request-Private-Network", "true"); w.Header().Get("Access-Control-Allow-Private-Network") != "" {
		t.Errorf("a page of a public network is let into a private one: %v", w.Header())
	}
	if w := send(h, http.MethodOptions, "/", nil, "Origin", portal, "Access-Control-Request-Method", "GET"); len(corsHeaders(w.Header())) != 0 {
		t.Errorf("the page is shared: %v", w.Header())
	}
}

// TestPreflightHeaders wants the configured headers allowed beside the usual ones, whatever
// their case, and no other.
func TestPreflightHeaders(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) { inviting(o); o.Headers = []string{"X-Tenant", "x-b3-traceid"} })
	for headers, want := range map[string]string{
		"x-tenant":                           "x-tenant",
		"content-type,x-b3-traceid,x-tenant": "content-type,x-b3-traceid,x-tenant",
		"sentry-trace,traceparent":           "sentry-trace,traceparent",
		"x-other":                            "",
		"x-tenant,x-other":                   "",
	} {
		w := send(h, http.MethodOptions, "/graphql", nil, "Origin", portal, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", headers)
		if got := w.Header().Get("Access-Control-Allow-Headers"); got != want {
			t.Errorf("%s: %q are allowed, want %q", headers, got, want)
		}
	}
}

// TestShared wants every answer readable to listed origins, errors too, and to no other.
func TestShared(t *testing.T) {
	h, _ := serve(t, inviting)
	locked, _ := serve(t, func(o *httpapi.Options) { inviting(o); o.Auth = auth.New(nil, nil) })
	query := "/graphql?query=" + url.QueryEscape("{__typename}")
	for _, test := range []struct {
		name, path, origin string
		h                  http.Handler
		status             int
		readable           bool
	}{
		{"an answer", query, portal, h, 200, true},
		{"the other listed", query, "http://localhost:3000", h, 200, true},
		{"a bad request", "/graphql", portal, h, 400, true},
		{"no key", query, portal, locked, 401, true},
		{"the schema", "/schema.graphql", portal, h, 200, true},
		{"no browser", query, "", h, 200, false},
		{"not listed", query, elsewhere, h, 403, false},
		{"the schema, not listed", "/schema.graphql", elsewhere, h, 200, false},
	} {
		want := map[string]string{"Vary": "Origin"}
		if test.readable {
			want["Access-Control-Allow-Origin"], want["Access-Control-Expose-Headers"] = test.origin, "X-Request-Id"
		}
		w := send(test.h, http.MethodGet, test.path, nil, "Origin", test.origin)
		if w.Code != test.status {
			t.Errorf("%s: %d %s, want %d", test.name, w.Code, w.Body, test.status)
		}
		if diff := cmp.Diff(want, corsHeaders(w.Header())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestUninvited wants nothing executed for a page of another origin, by whichever header
// its browser tells of it, and whoever has a key; and everything for the server's own page,
// listed ones and what is no browser.
func TestUninvited(t *testing.T) {
	h, log := serve(t, inviting)
	for _, test := range []struct {
		name, origin, site string
		want               int
	}{
		{"no browser", "", "", 200},
		{"its own page", "http://localhost", "same-origin", 200},
		{"its own page, in an older browser", "http://localhost", "", 200},
		{"its own page, behind a proxy that changes the host", "https://graph.example", "same-origin", 200},
		{"the address bar", "", "none", 200},
		{"listed", portal, "cross-site", 200},
		{"listed, of the same site", portal, "same-site", 200},
		{"listed, in an older browser", portal, "", 200},
		{"another page", elsewhere, "cross-site", 403},
		{"another page, in an older browser", elsewhere, "", 403},
		{"a page at another port", "http://localhost:8081", "same-site", 403},
		{"a page at another port, in an older browser", "http://localhost:8081", "", 403},
		{"a sandboxed frame", "null", "cross-site", 403},
		{"a sandboxed frame, in an older browser", "null", "", 403},
		{"a script or picture", "", "cross-site", 403},
		{"a script or picture of the same site", "", "same-site", 403},
	} {
		for method, request := range map[string]func() *httptest.ResponseRecorder{
			"GET": func() *httptest.ResponseRecorder {
				return send(h, http.MethodGet, "/graphql?query=query+Try{__typename}", nil, "Origin", test.origin, "Sec-Fetch-Site", test.site)
			},
			"POST": func() *httptest.ResponseRecorder {
				return send(h, http.MethodPost, "/graphql", strings.NewReader(`{"query":"query Try{__typename}"}`), "Origin", test.origin, "Sec-Fetch-Site", test.site)
			},
		} {
			log.Reset()
			w := request()
			if executed := strings.Contains(log.String(), `"operation":"Try"`); w.Code != test.want || executed != (test.want == 200) {
				t.Errorf("%s, %s: %d %s, executed: %t", test.name, method, w.Code, w.Body, executed)
			}
			if w.Code == http.StatusForbidden {
				if a := decode(t, w); a.Data != nil || len(a.Errors) != 1 || a.Errors[0].Message != "the request is from a web page of an origin that is not listed in cors.origins" ||
					a.Errors[0].Extensions.Code != "FORBIDDEN" || a.Errors[0].Extensions.RequestID == "" {
					t.Errorf("%s, %s: %s", test.name, method, w.Body)
				}
			}
		}
	}
}

// TestSilentBrowsers wants nothing executed by GET for a browser that does not say which
// page it asks for, unless it sends what a page cannot without asking leave; and everything
// for what is no browser.
func TestSilentBrowsers(t *testing.T) {
	h, log := serve(t, inviting)
	const (
		safari  = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.6 Safari/605.1.15"
		picture = "image/webp,image/avif,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
	)
	header := func(more ...string) []string { return append([]string{"User-Agent", safari}, more...) }
	for _, test := range []struct {
		name   string
		header []string
		want   int
	}{
		{"a picture", header("Accept", picture), 403},
		{"a script, or what fetch asks without leave", header("Accept", "*/*"), 403},
		{"what fetch asks without leave, as a client", header("Accept", graphqlResponse, "Accept-Language", "en", "Content-Language", "en", "Range", "bytes=0-"), 403},
		{"the types of forms", header("Content-Type", "text/plain"), 403},
		{"a type like the right one", header("Content-Type", "text/plain; charset=application/json"), 403},
		{"what a WebView adds", header("X-Requested-With", "com.example.app"), 403},
		{"what a proxy adds", header("X-Request-Id", "abc", "X-Forwarded-For", "192.0.2.1"), 403},
		{"a password in the address", header("Authorization", "Basic eDp5"), 403},
		{"a cookie of another server of this machine", header("Cookie", "a=b", "Referer", "https://elsewhere.example/"), 403},

		{"Apollo Client", header("X-Apollo-Operation-Name", "Try"), 200},
		{"Apollo Client, otherwise", header("Apollo-Require-Preflight", "true"), 200},
		{"by the name that they agreed on", header("GraphQL-Require-Preflight", "1"), 200},
		{"Yoga's", header("X-GraphQL-Yoga-CSRF", "1"), 200},
		{"a key", header("X-API-Key", "k"), 200},
		{"a token", header("Authorization", "Bearer t"), 200},
		{"a content type", header("Content-Type", plainJSON), 200},
		{"its own page", header("Sec-Fetch-Site", "same-origin"), 200},
		{"the address bar", header("Sec-Fetch-Site", "none"), 200},
		{"a listed page", header("Origin", portal), 200},
		{"curl", []string{"User-Agent", "curl/8.5.0", "Accept", "*/*"}, 200},
		{"Node", []string{"User-Agent", "node", "Accept", "*/*", "Sec-Fetch-Mode", "cors"}, 200},
		{"a client without a name", nil, 200},
	} {
		log.Reset()
		w := send(h, http.MethodGet, "/graphql?query=query+Try{__typename}", nil, test.header...)
		if executed := strings.Contains(log.String(), `"operation":"Try"`); w.Code != test.want || executed != (test.want == 200) {
			t.Errorf("%s: %d %s, executed: %t", test.name, w.Code, w.Body, executed)
		}
		if w.Code != http.StatusForbidden {
			continue
		}
		a := decode(t, w)
		for _, says := range []string{"POST", "GraphQL-Require-Preflight", "Apollo-Require-Preflight", "X-Apollo-Operation-Name", "X-API-Key"} {
			if a.Data != nil || len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "FORBIDDEN" || !strings.Contains(a.Errors[0].Message, says) {
				t.Errorf("%s: %s, want %s in it", test.name, w.Body, says)
			}
		}
	}
	if w := send(h, http.MethodPost, "/graphql", strings.NewReader(`{"query":"query Try{__typename}"}`), header("Accept", "*/*")...); w.Code != http.StatusOK {
		t.Errorf("POST of JSON: %d %s", w.Code, w.Body)
	}
	if w := send(h, http.MethodPost, "/graphql", strings.NewReader(`{"query":"query Try{__typename}"}`), header("Content-Type", "text/plain")...); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("POST of text: %d %s", w.Code, w.Body)
	}
	locked, log := serve(t, func(o *httpapi.Options) { o.Auth = auth.New(nil, nil) })
	for who, header := range map[string][]string{"a browser": header("Sec-Fetch-Site", "same-origin"), "what is none": nil} {
		if w := send(locked, http.MethodGet, "/graphql?query=query+Try{__typename}", nil, header...); w.Code != http.StatusUnauthorized || strings.Contains(log.String(), `"operation":"Try"`) {
			t.Errorf("%s without a key, where one is asked for: %d %s", who, w.Code, w.Body)
		}
	}
}

// TestSimpleRequests wants none of the bodies understood that a browser sends without
// asking for leave, should it not say where from either.
func TestSimpleRequests(t *testing.T) {
	h, log := serve(t, nil)
	const mutation = `{"query":"mutation Try{__typename}"}`
	for _, kind := range []string{"", "text/plain", "text/plain; charset=application/json", "text/plain, application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
		"application/jsonp", "application/graphql"} {
		if w := send(h, http.MethodPost, "/graphql", strings.NewReader(mutation), "Content-Type", kind); w.Code != http.StatusUnsupportedMediaType {
			t.Errorf("%q: %d %s", kind, w.Code, w.Body)
		}
	}
	if w := send(h, http.MethodGet, "/graphql?query="+url.QueryEscape("mutation Try{__typename}"), nil); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("a mutation by GET: %d %s", w.Code, w.Body)
	}
	if strings.Contains(log.String(), `"operation":"Try"`) {
		t.Errorf("executed: %s", log)
	}
	if w := send(h, http.MethodPost, "/graphql", strings.NewReader(mutation)); w.Code != http.StatusOK || !slices.Contains(strings.Split(log.String(), `"`), "Try") {
		t.Errorf("the same as JSON: %d %s", w.Code, w.Body)
	}
}
