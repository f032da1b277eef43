package httpapi_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
)

// maxLoadMemory is what the documentation of limits.load says of its default, maxLoad.
const (
	maxLoad       = 200_000
	maxLoadMemory = 768 << 20
)

// TestLoadMemory wants the most expensive queries that are allowed, many more at once than
// limits.load lets through, to take no more memory than the documentation says. A fifth of
// the default lets a fifth of them through: they may take a fifth of the memory.
func TestLoadMemory(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) {
		o.Load, o.Answer, o.Tokens, o.Body, o.Aliases, o.Timeout = maxLoad/5, 4<<20, 5000, 100<<10, 500, time.Minute
		fake := providertest.NewFake("shop", providertest.Options{PageSize: 100, Empty: true})
		long := strings.Repeat("n", 400)
		for i := range 100 {
			id := providers.ID{Account: "shop", Noun: providers.NounAffiliate, Local: fmt.Sprint(i)}
			fake.Insert(providers.HarvestOf(&providers.Affiliate{Node: providers.Node{ID: id, CreatedAt: new(time.Unix(int64(i), 0))}, Name: &long}))
		}
		o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{fake}, Pages: 20, Calls: 100_000, Cost: 10_000, Logger: o.Logger, Now: time.Now})
	})
	queries := map[string]string{
		"records": `{ affiliates(first: 100) { nodes ` + repeated(95, "name") + ` } }`, // 9,502 values, 4 MiB
		"schema":  `{ __schema { types { name description ` + strings.TrimSuffix(strings.TrimPrefix(repeated(10, `fields { name description args { name description type { name } } type { name } }`), "{"), "}") + ` } } }`,
	}
	defer debug.SetGCPercent(debug.SetGCPercent(200)) // the program's own
	runtime.GC()
	base := heapInUse()
	const allowed = maxLoadMemory / 5
	for name, query := range queries {
		body, _ := json.Marshal(map[string]string{"query": query})
		var wg sync.WaitGroup
		statuses := make(chan int, 200)
		var most uint64
		var large atomic.Int64
		for range 12 {
			wg.Go(func() {
				r := httptest.NewRequest(http.MethodPost, "http://localhost/graphql", bytes.NewReader(body))
				r.Header.Set("Content-Type", plainJSON)
				r.Header.Set("Accept", graphqlResponse)
				w := &sent{header: http.Header{}}
				h.ServeHTTP(w, r)
				statuses <- w.status
				large.Store(max(large.Load(), w.bytes))
			})
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		sample := time.NewTicker(time.Millisecond)
		for running := true; running; {
			most = max(most, heapInUse())
			select {
			case <-done:
				running = false
			case <-sample.C:
			}
		}
		sample.Stop()
		close(statuses)
		counts := map[int]int{}
		for s := range statuses {
			counts[s]++
		}
		t.Logf("%s: %d MiB, statuses %v, answers of %d bytes", name, (most-base)>>20, counts, large.Load())
		if counts[200] == 0 || large.Load() < 256<<10 {
			t.Errorf("%s: the queries are not expensive: %v, %d bytes", name, counts, large.Load())
		}
		if most > base+allowed {
			t.Errorf("%s: %d MiB, and %d are allowed", name, (most-base)>>20, allowed>>20)
		}
	}
}

// sent is where an answer is written to that, like a connection, keeps nothing of it.
type sent struct {
	header http.Header
	status int
	bytes  int64
}

func (s *sent) Header() http.Header    { return s.header }
func (s *sent) WriteHeader(status int) { s.status = cmp.Or(s.status, status) }

func (s *sent) Write(p []byte) (int, error) {
	s.WriteHeader(http.StatusOK)
	s.bytes += int64(len(p))
	return len(p), nil
}

// heapInUse is the memory of the heap that holds objects. Unlike runtime.ReadMemStats it
// stops nobody.
func heapInUse() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() + samples[1].Value.Uint64()
}
