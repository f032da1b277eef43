package httpapi_test

import (
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
)

// maxLoadMemory is what the documentation of limits.load says.
const maxLoadMemory = 350 << 20

// TestLoadMemory wants the most expensive queries that are allowed, many more at once than limits.load lets through, to
// take no more memory than the documentation says.
func TestLoadMemory(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) {
		o.Load, o.Answer, o.Tokens, o.Body, o.Aliases, o.Timeout = 200_000, 4<<20, 5000, 100<<10, 500, time.Minute
		fake := providertest.NewFake("shop", providertest.Options{PageSize: 100})
		o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{fake}, Pages: 20, Calls: 100_000, Cost: 10_000, Logger: o.Logger, Now: time.Now})
	})
	queries := map[string]string{
		"records": `{ affiliates(first: 100) { nodes { ...A commissions(first: 12) { nodes { id status createdAt fetchedAt affiliate { id name } } } } } } fragment A on Affiliate { id name email status createdAt fetchedAt }`,
		"schema":  `{ __schema { types { name description ` + strings.TrimSuffix(strings.TrimPrefix(repeated(10, `fields { name description args { name description type { name } } type { name } }`), "{"), "}") + ` } } }`,
	}
	var base, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&base)
	for name, query := range queries {
		body, _ := json.Marshal(map[string]string{"query": query})
		var wg sync.WaitGroup
		statuses := make(chan int, 200)
		var most uint64
		for range 120 {
			wg.Go(func() {
				w := send(h, http.MethodPost, "/graphql", strings.NewReader(string(body)), "Accept", graphqlResponse)
				statuses <- w.Code
				if w.Code == 400 {
					t.Errorf("%s: %.300s", name, w.Body)
				}
			})
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		for running := true; running; {
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
			select {
			case <-done:
				running = false
			default:
				runtime.Gosched()
			}
		}
		close(statuses)
		counts := map[int]int{}
		for s := range statuses {
			counts[s]++
		}
		t.Logf("%s: %d MiB, statuses %v", name, (most-base.HeapInuse)>>20, counts)
		if most > base.HeapInuse+maxLoadMemory {
			t.Errorf("%s: %d MiB, and %d are documented", name, (most-base.HeapInuse)>>20, maxLoadMemory>>20)
		}
	}
}
