package httpapi

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestFallback wants the page of a program without its own to say so, to hold the first query, and not to be framed.
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
	if w := get(next.String()); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "graphiql") || w.Header().Get("X-Frame-Options") != "DENY" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
