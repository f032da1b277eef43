package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/httpapi"
)

// TestZZJoinOutsideGates has 400 requests of 98 KB wait for one that waits for a vendor, at a server whose
// limits.load lets ten of the smallest run.
func TestZZJoinOutsideGates(t *testing.T) {
	for _, who := range []string{"admin", "partner"} {
		for _, responses := range []int64{0, 32 << 20} {
			t.Run(fmt.Sprint(who, responses), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					k := newKeeper(t, func(o *httpapi.Options) {
						o.Load, o.Responses, o.Partner, o.PartnerCalls = 200_000, responses, 1_000_000, 1_000_000
						o.Body, o.Tokens, o.Timeout = 100<<10, 5000, 30*time.Second
					})
					token := k.token("a", "admin", nil)
					if who == "partner" {
						token = k.token("p", "partner", jwt.MapClaims{"affiliates": []string{affiliate("shop", "aff001")}})
					}
					held := make(chan struct{})
					k.hold.Store(func(ctx context.Context) error {
						select {
						case <-held:
							return nil
						case <-ctx.Done():
							return context.Cause(ctx)
						}
					})
					ids := make([]string, 9_000)
					for i := range ids {
						ids[i] = fmt.Sprint("i", i%10)
					}
					body, _ := json.Marshal(map[string]any{
						"query":     "query($a: [ID!]!) { nodes(ids: $a) @skip(if: true) { id } x: commissions(first: 3) { nodes { id } } } #" + strings.Repeat("x", 25_000),
						"variables": map[string]any{"a": ids},
					})
					t.Log(len(body), "bytes")
					var refused, done, bad atomic.Int64
					var wg sync.WaitGroup
					ask := func() {
						r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/graphql", bytes.NewReader(body))
						r.Header.Set("Content-Type", "application/json")
						r.Header.Set(token[0], token[1])
						w := httptest.NewRecorder()
						k.ServeHTTP(w, r)
						done.Add(1)
						switch {
						case w.Code == 503:
							refused.Add(1)
						case w.Code != 200 || strings.Contains(w.Body.String(), `"errors"`):
							if bad.Add(1) == 1 {
								t.Log(w.Code, w.Body.String()[:min(300, w.Body.Len())])
							}
						}
					}
					wg.Go(ask)
					synctest.Wait()
					runtime.GC()
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					const n = 200
					for range n {
						wg.Go(ask)
						synctest.Wait()
					}
					time.Sleep(5 * time.Second) // longer than any queue
					synctest.Wait()
					runtime.GC()
					runtime.ReadMemStats(&after)
					waiting := n + 1 - done.Load()
					each := int64(after.HeapAlloc-before.HeapAlloc) / max(waiting, 1)
					t.Logf("%s, responses %d: %d wait, %d refused with 503, %d bad; %d KB each", who, responses, waiting, refused.Load(), bad.Load(), each>>10)
					if waiting > 30 {
						t.Errorf("%s: %d requests run at once where limits.load has room for 22; %d MB", who, waiting, int64(after.HeapAlloc-before.HeapAlloc)>>20)
					}
					close(held)
					wg.Wait()
				})
			})
		}
	}
}
