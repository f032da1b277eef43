package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/playground"
	"github.com/partnergraph/partnergraph/resolvers"
)

// TestFallback wants the page of a program without its own to say so, to hold the first
// query, and to load from its CDN alone.
func TestFallback(t *testing.T) {
	w := httptest.NewRecorder()
	fallback().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	page := w.Body.String()
	if w.Code != http.StatusOK || !strings.Contains(page, "GraphiQL") || w.Header().Get("Content-Security-Policy") != fallbackPolicy {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	cdns := regexp.MustCompile(`https://[^/"]+`).FindAllString(page, -1)
	if len(cdns) == 0 || slices.ContainsFunc(cdns, func(cdn string) bool { return cdn != "https://cdn.jsdelivr.net" }) {
		t.Errorf("it loads from %q", cdns)
	}
	if loads, hashes := strings.Count(page, "https://"), strings.Count(page, `integrity="sha256-`); loads != hashes {
		t.Errorf("%d files are loaded, and %d have a hash", loads, hashes)
	}
	m := regexp.MustCompile(`defaultQuery: (".*"),`).FindStringSubmatch(page)
	var query string
	if m == nil || json.Unmarshal([]byte(m[1]), &query) != nil || query != notBuilt+FirstQuery {
		t.Errorf("the first tab holds %s", query)
	}
}

// TestFallbackKeepsNothing wants no header and no document in the URL or in the browser's
// storage.
func TestFallbackKeepsNothing(t *testing.T) {
	w := httptest.NewRecorder()
	fallback().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?headers=x", nil))
	page := w.Body.String()
	for _, way := range []string{"localStorage", "sessionStorage", "indexedDB", "cookie", "history.", "location", "URLSearchParams", "onEditHeaders", "shouldPersistHeaders: true"} {
		if strings.Contains(page, way) {
			t.Errorf("the page uses %s", way)
		}
	}
	for _, way := range []string{"storage: new Memory()", "shouldPersistHeaders: false"} {
		if !strings.Contains(page, way) {
			t.Errorf("the page has no %s", way)
		}
	}
}

// TestFallbackWithoutAuth wants the fallback where there are no keys, and nowhere else.
func TestFallbackWithoutAuth(t *testing.T) {
	for _, open := range []bool{false, true} {
		mux := http.NewServeMux()
		mountPage(mux, false, open)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/", nil))
		if got := w.Code == http.StatusOK; got != open {
			t.Errorf("without auth: %t: %d", open, w.Code)
		}
	}
	for _, known := range []*auth.Authenticator{nil, auth.New(nil, nil)} {
		h := New(Options{Resolvers: resolvers.New(resolvers.Options{}), Auth: known, Playground: true, Logger: discard})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/", nil))
		if got := w.Code == http.StatusOK; got != (playground.Built() || known == nil) || strings.Contains(w.Body.String(), "cdn.jsdelivr.net") && known != nil {
			t.Errorf("with auth: %t: %d", known != nil, w.Code)
		}
	}
}
