package httpapi

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFallback wants the page of a program without its own to say so, to hold the first query, and to load from its CDN alone.
func TestFallback(t *testing.T) {
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		fallback().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	w := get("/")
	next, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusFound || next.Path != "/" {
		t.Fatalf("%d to %q: %v", w.Code, next, err)
	}
	if query := next.Query().Get("query"); !strings.Contains(query, "was not built") || !strings.HasSuffix(query, FirstQuery) {
		t.Errorf("the first tab holds %s", query)
	}
	if w := get(next.String()); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "graphiql") || w.Header().Get("Content-Security-Policy") != fallbackPolicy {
		t.Errorf("%d %v", w.Code, w.Header())
	} else if cdns := regexp.MustCompile(`https://[^/"]+`).FindAllString(w.Body.String(), -1); len(cdns) == 0 || slices.ContainsFunc(cdns, func(cdn string) bool { return cdn != "https://cdn.jsdelivr.net" }) {
		t.Errorf("it loads from %q", cdns)
	}
}
