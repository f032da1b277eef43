package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
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

// stuck is an exporter of spans that never gets rid of any.
type stuck struct{}

func (stuck) ExportSpans(ctx context.Context, _ []trace.ReadOnlySpan) error {
	<-ctx.Done()
	return ctx.Err()
}

func (stuck) Shutdown(context.Context) error { return nil }

// TestKeptNames sends named operations in long documents, whose answers are kept, and whose
// spans wait for their export. Neither keeps a document in memory.
func TestKeptNames(t *testing.T) {
	const sent, length, most = 150, 90 << 10, 5 << 20
	for name, change := range map[string]func(*httpapi.Options){
		"answers": func(o *httpapi.Options) { o.Responses = 1 << 20 },
		"spans":   func(o *httpapi.Options) { o.Tracer = trace.NewTracerProvider(trace.WithBatcher(stuck{})) },
		"spans and documents": func(o *httpapi.Options) {
			o.Tracer, o.TraceText = trace.NewTracerProvider(trace.WithBatcher(stuck{})), true
		},
	} {
		h, log := serve(t, func(o *httpapi.Options) {
			o.Tokens, o.Body, o.Timeout, o.Documents = 5000, 100<<10, time.Minute, 1<<20
			shop := cache.Wrap(providertest.NewFake("shop", providertest.Options{}), cache.NewMemory(1<<20, time.Now),
				cache.Options{List: time.Minute, Stale: time.Hour, Now: time.Now, Logger: o.Logger})
			o.Resolvers = resolvers.New(resolvers.Options{
				Accounts: []providers.Provider{shop}, Pages: 20, Calls: 50, Cost: 10_000, Logger: o.Logger, Now: time.Now,
			})
			change(o)
		})
		used := func() int64 {
			log.Reset()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		post(h, `{ campaigns(first: 1) { nodes { id } } }`)
		before := used()
		for n := range sent {
			if w := post(h, fmt.Sprintf("query Name%d { campaigns(first: 1) { nodes { id } } } # %s", n, strings.Repeat("x", length))); w.Code != http.StatusOK {
				t.Fatalf("%d %.200s", w.Code, w.Body)
			}
		}
		if taken := used() - before; taken > most {
			t.Errorf("%s: %d KiB are kept of %d KiB of documents, and %d are allowed", name, taken>>10, sent*length>>10, most>>10)
		}
		runtime.KeepAlive(h)
	}
}
