package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/httpapi"
)

// TestHeaders wants the strict headers on every answer, whichever it is; and no cookie from
// anybody.
func TestHeaders(t *testing.T) {
	open, _ := serve(t, inviting)
	locked, _ := serve(t, func(o *httpapi.Options) { inviting(o); o.Auth = auth.New(nil, nil) })
	bare, _ := serve(t, func(o *httpapi.Options) { o.Playground = false })
	strict := map[string]string{
		"Cache-Control":                     "no-store",
		"Content-Security-Policy":           "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"Cross-Origin-Opener-Policy":        "same-origin",
		"Cross-Origin-Resource-Policy":      "same-origin",
		"Permissions-Policy":                "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), usb=()",
		"Referrer-Policy":                   "no-referrer",
		"X-Content-Type-Options":            "nosniff",
		"X-Frame-Options":                   "DENY",
		"X-Permitted-Cross-Domain-Policies": "none",
	}
	const query = "/graphql?query={__typename}"
	for _, test := range []struct {
		name, method, path string
		h                  http.Handler
		header             []string
		status             int
	}{
		{"an answer", "GET", query, open, nil, 200},
		{"an answer to another origin", "GET", query, open, []string{"Origin", portal}, 200},
		{"a bad request", "GET", "/graphql", open, nil, 400},
		{"no key", "GET", query, locked, nil, 401},
		{"an uninvited page", "GET", query, open, []string{"Origin", elsewhere}, 403},
		{"another name", "GET", query, open, []string{"Host", "evil.example"}, 403},
		{"another method", "DELETE", "/graphql", open, nil, 405},
		{"another media type", "GET", query, open, []string{"Accept", "text/html"}, 406},
		{"another body", "POST", "/graphql", open, []string{"Content-Type", "text/plain"}, 415},
		{"a preflight", "OPTIONS", "/graphql", open, []string{"Origin", portal, "Access-Control-Request-Method", "POST"}, 204},
		{"options", "OPTIONS", "/graphql", open, nil, 204},
		{"the schema", "GET", "/schema.graphql", open, nil, 200},
		{"the schema by another method", "POST", "/schema.graphql", open, nil, 405},
		{"alive", "GET", "/healthz", open, nil, 200},
		{"ready", "GET", "/readyz", open, nil, 200},
		{"nothing", "GET", "/nothing", open, nil, 404},
		{"no page", "GET", "/", bare, nil, 404},
		{"the page", "GET", "/?x", open, nil, 200},
		{"nothing of the page's", "GET", "/assets/nothing.js", open, nil, 404},
	} {
		r := httptest.NewRequest(test.method, "http://localhost"+test.path, nil)
		for i := 0; i < len(test.header); i += 2 {
			r.Header.Set(test.header[i], test.header[i+1])
		}
		if host := r.Header.Get("Host"); host != "" {
			r.Host = host
		}
		w := httptest.NewRecorder()
		test.h.ServeHTTP(w, r)
		if w.Code != test.status {
			t.Errorf("%s: %d %s, want %d", test.name, w.Code, w.Body, test.status)
		}
		got := map[string]string{}
		for name := range strict {
			got[name] = w.Header().Get(name)
		}
		if page := test.path == "/?x" || strings.HasPrefix(test.path, "/assets/"); page { // which says itself what it loads, and may be kept for a while
			if !strings.Contains(got["Content-Security-Policy"], "frame-ancestors 'none'") && test.status == 200 {
				t.Errorf("%s may be framed: %s", test.name, got["Content-Security-Policy"])
			}
			got["Content-Security-Policy"], got["Cache-Control"] = strict["Content-Security-Policy"], strict["Cache-Control"]
		}
		if diff := cmp.Diff(strict, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if !slices.Contains(w.Header()["Vary"], "Accept-Encoding") {
			t.Errorf("%s does not say that it may be compressed: %v", test.name, w.Header()["Vary"])
		}
		if cookie, set := w.Header()["Set-Cookie"]; set {
			t.Errorf("%s sets the cookie %q", test.name, cookie)
		}
		if _, set := w.Header()["Access-Control-Allow-Credentials"]; set || w.Header().Get("Access-Control-Allow-Origin") == "*" {
			t.Errorf("%s is everybody's: %v", test.name, w.Header())
		}
	}
}
