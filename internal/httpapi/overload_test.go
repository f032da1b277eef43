package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
)

// busyVendor is an account whose calls take until they are released. It counts those that
// run.
type busyVendor struct {
	release       chan struct{}
	running, most atomic.Int64
	calls         atomic.Int64
}

func (v *busyVendor) call(context.Context, string) error {
	v.calls.Add(1)
	n := v.running.Add(1)
	defer v.running.Add(-1)
	for most := v.most.Load(); n > most && !v.most.CompareAndSwap(most, n); most = v.most.Load() {
	}
	<-v.release
	return nil
}

func (v *busyVendor) serve(t *testing.T, load int64, known *auth.Authenticator) *httpapi.Handler {
	v.release = make(chan struct{})
	h, _ := serve(t, func(o *httpapi.Options) {
		o.Load, o.Timeout, o.Auth = load, time.Hour, known
		shop := providertest.NewFake("shop", providertest.Options{Before: v.call})
		o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{shop}, Pages: 20, Calls: 50, Cost: 10_000, Logger: o.Logger, Now: time.Now})
	})
	return h
}

// busyQuery is a document of its own for each number; it makes one call.
func busyQuery(n int) string { return fmt.Sprintf("# %d\n{ campaigns(first: 1) { nodes { id } } }", n) }

// TestOverloadCounts sends twenty times as much as limits.load lets through. What runs is
// bounded by weight and takes as long as it does alone, few wait, for a second at most, and
// all others are refused at once, without a call.
func TestOverloadCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const load, weight, sent = 1000, 100, 200 // an operation weighs 100 at least
		const running, waiting = load / weight, load / weight / 2
		vendor := busyVendor{}
		h := vendor.serve(t, load, nil)
		var wg sync.WaitGroup
		var mu sync.Mutex
		type outcome struct {
			status int
			after  time.Duration
		}
		outcomes := map[outcome]int{}
		ask := func(n int) {
			wg.Go(func() {
				begin := time.Now()
				w := post(h, busyQuery(n), "Accept", graphqlResponse)
				if w.Code != http.StatusOK && (w.Header().Get("Retry-After") != "2" || !strings.Contains(w.Body.String(), `"OVERLOADED"`)) {
					t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
				}
				mu.Lock()
				defer mu.Unlock()
				outcomes[outcome{w.Code, time.Since(begin)}]++
			})
		}
		want := func(when string, expected map[outcome]int) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if fmt.Sprint(outcomes) != fmt.Sprint(expected) {
				t.Errorf("%s: %v, want %v", when, outcomes, expected)
			}
			clear(outcomes)
		}
		for n := range sent {
			ask(n)
		}
		synctest.Wait()
		want("at once", map[outcome]int{{503, 0}: sent - running - waiting})
		time.Sleep(time.Second)
		synctest.Wait()
		want("after a second", map[outcome]int{{503, time.Second}: waiting})
		if n := vendor.calls.Load(); n != running {
			t.Errorf("%d calls, want %d: those of what was refused were sent", n, running)
		}
		for n := range waiting {
			ask(sent + n)
		}
		time.Sleep(time.Second / 2)
		close(vendor.release)
		wg.Wait()
		want("in the end", map[outcome]int{{200, 3 * time.Second / 2}: running, {200, time.Second / 2}: waiting})
		if n := vendor.most.Load(); n > running {
			t.Errorf("%d ran at once, want at most %d", n, running)
		}
	})
}

// TestOverloadCost wants a refused request to cost its parsing and its plan, which tells its
// weight, and no more: fewer allocations than the same request takes that is executed, and
// a bounded number.
func TestOverloadCost(t *testing.T) {
	const most = 400
	vendor := busyVendor{}
	known, token := byToken(t)
	h := vendor.serve(t, 1000, known)
	jane := token("jane", "partner")
	var wg sync.WaitGroup
	for n := range 2 { // a quarter of what may run is one partner's: what is more is refused at once
		wg.Go(func() { post(h, busyQuery(n), jane...) })
	}
	for vendor.running.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	status := 0
	ask := func() {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/graphql", strings.NewReader(`{"query":"{ campaigns(first: 1) { nodes { id name } } }"}`))
		r.Header.Set("Content-Type", plainJSON)
		r.Header.Set(jane[0], jane[1])
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		status = w.Code
	}
	ask()
	allocated := testing.AllocsPerRun(50, ask)
	if status != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", status)
	}
	if allocated > most {
		t.Errorf("a refused request takes %.0f allocations, want at most %d", allocated, most)
	}
	if n := vendor.calls.Load(); n != 2 {
		t.Errorf("%d calls, want 2: those of what was refused were sent", n)
	}
	close(vendor.release)
	wg.Wait()
}

// TestRefusedUnplanned wants an overloaded server to refuse requests before they are planned:
// but not one that takes no execution of its own, since the same answer is being made.
func TestRefusedUnplanned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vendor := busyVendor{release: make(chan struct{})}
		known, token := byToken(t)
		h, _ := serve(t, func(o *httpapi.Options) {
			o.Load, o.Timeout, o.Auth = 1000, time.Hour, known
			shop := cache.Wrap(providertest.NewFake("shop", providertest.Options{Before: vendor.call}), cache.NewMemory(1<<20, time.Now),
				cache.Options{List: time.Minute, Stale: time.Hour, Now: time.Now, Logger: o.Logger})
			o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{shop}, Pages: 20, Calls: 50, Cost: 10_000, Logger: o.Logger, Now: time.Now})
		})
		const tooDear = `{ commissions(first: 100) { nodes { referral { commissions(first: 100) { nodes { id amount { amount } } } } } } }`
		boss, jane := token("boss", "reader"), token("jane", "partner")
		want := func(status int, code string) {
			t.Helper()
			for _, viewer := range [][]string{boss, jane} {
				if w := post(h, tooDear, append(viewer, "Accept", graphqlResponse)...); w.Code != status || !strings.Contains(w.Body.String(), code) {
					t.Errorf("%s: %d %s, want %d %s", viewer[1], w.Code, w.Body, status, code)
				}
			}
		}
		want(http.StatusUnprocessableEntity, `"QUERY_TOO_COMPLEX"`)
		var ended atomic.Int64
		ask := func(n int, viewer []string) {
			go func() {
				post(h, busyQuery(n), viewer...)
				ended.Add(1)
			}()
			synctest.Wait()
		}
		for n := range 15 { // ten are executed, two of them for the partner, who may have no more; and five wait for that
			ask(n, [][]string{jane, boss}[min(n/2, 1)])
		}
		want(http.StatusServiceUnavailable, `"OVERLOADED"`)
		ask(0, jane)
		ask(2, boss)
		if n := ended.Load(); n != 0 {
			t.Errorf("%d requests are refused that may be given the answer of another one", n)
		}
		close(vendor.release)
		synctest.Wait()
		want(http.StatusUnprocessableEntity, `"QUERY_TOO_COMPLEX"`)
	})
}

// TestLoadDocumented wants the documentation to state the figure that [TestLoadMemory]
// measures against, for the default of limits.load.
func TestLoadDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("in a test that allows %d MiB", maxLoadMemory>>20); !strings.Contains(string(page), want) {
		t.Errorf("docs/operations.md does not say %q", want)
	}
	if load := config.Default().Limits.Load; load != maxLoad {
		t.Errorf("limits.load is %d by default, and the memory of %d is measured", load, maxLoad)
	}
}
