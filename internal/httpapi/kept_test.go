package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/httpapi"
)

// maxKept is what a server may keep of documents: 16 MiB of parsed ones for staff and as
// much for partners, and 8 MiB of persisted ones.
const maxKept = 2*16<<20 + 8<<20

// TestKeptDocuments sends the server more valid documents than it may keep, of several
// kinds, by staff and by partners and by each method. Whatever is kept with them, by any
// part of the server, is within the bound.
func TestKeptDocuments(t *testing.T) {
	known, token := byToken(t)
	h, log := serve(t, func(o *httpapi.Options) {
		o.Auth, o.Tokens, o.Body, o.Aliases, o.Timeout, o.Responses = known, 5000, 100<<10, 500, time.Minute, 0
	})
	kinds := []string{"aliases", "directives", "nested inline fragments", "comments", "values", "variables", "introspection fragments"}
	roles := [][]string{token("boss", "reader"), token("jane", "partner")}
	used := func() uint64 {
		log.Reset()
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	post(h, `{ __typename }`, roles[0]...)
	before := used()
	sent := 0
	for n := range 60 {
		for _, kind := range kinds {
			for _, role := range roles {
				query := fmt.Sprintf("# %d\n", n) + families[kind](400)
				post(h, query, role...)
				sent += len(query)
			}
		}
		// A document of few bytes in an URL of many.
		for i := range 20 {
			address := "http://localhost/graphql?query=" + url.QueryEscape(fmt.Sprintf("{a%d:__typename}", 20*n+i)) + "&x=" + strings.Repeat("x", 15<<10)
			r := httptest.NewRequest(http.MethodGet, address, nil)
			r.Header.Set(roles[1][0], roles[1][1])
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	if taken := int64(used()) - int64(before); taken > maxKept {
		t.Errorf("%d KiB are kept of %d KiB of documents, and %d are allowed", taken>>10, sent>>10, maxKept>>10)
	} else {
		t.Logf("%d KiB are kept of %d KiB of documents", taken>>10, sent>>10)
	}
	runtime.KeepAlive(h)
}
