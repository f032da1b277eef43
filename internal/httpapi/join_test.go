package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/httpapi"
)

// TestWaitersAreBounded has many ask for the same while a vendor is slow. Those who wait
// for the first one's answer count like those who are executed: staff may have all of
// limits.load, partners together three quarters of it, and one partner a quarter. Others
// are refused, and all who wait are answered.
func TestWaitersAreBounded(t *testing.T) {
	const load = 2000 // of 20 of the smallest requests
	for name, tt := range map[string]struct{ subjects, waiting int }{
		"staff":       {0, 20},
		"one partner": {1, 5},
		"partners":    {10, 15},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKeeper(t, func(o *httpapi.Options) {
					o.Load, o.Responses, o.Partner = load, 32<<20, 1_000_000
					o.Body, o.Timeout = 100<<10, 30*time.Second
				})
				tokens := [][]string{k.token("a", "admin", nil)}
				if tt.subjects > 0 {
					tokens = nil
				}
				for i := range tt.subjects {
					tokens = append(tokens, k.token(fmt.Sprint("p", i), "partner", jwt.MapClaims{"affiliates": []string{affiliate("shop", "aff001")}}))
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
				body, _ := json.Marshal(map[string]any{
					"query":     "query($n: Int!, $a: [ID!]!) { nodes(ids: $a) @skip(if: true) { id } x: commissions(first: $n) { nodes { id } } }",
					"variables": map[string]any{"a": []string{"i", "j"}, "n": 3},
				})
				var (
					wg      sync.WaitGroup
					mu      sync.Mutex
					answers = map[string]int{}
				)
				ask := func(token []string) {
					r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/graphql", bytes.NewReader(body))
					r.Header.Set("Content-Type", "application/json")
					r.Header.Set(token[0], token[1])
					w := httptest.NewRecorder()
					k.ServeHTTP(w, r)
					text := fmt.Sprint(w.Code)
					if w.Code == http.StatusOK {
						text += strings.Split(w.Body.String(), `,"extensions"`)[0]
					} else {
						text += w.Header().Get("Retry-After")
					}
					mu.Lock()
					defer mu.Unlock()
					answers[text]++
				}
				wg.Go(func() { ask(tokens[0]) })
				synctest.Wait()
				const rounds = 40
				for i := range rounds {
					wg.Go(func() { ask(tokens[i%len(tokens)]) })
					synctest.Wait()
				}
				time.Sleep(5 * time.Second) // longer than any queue
				synctest.Wait()
				if refused := answers["5032"]; refused != rounds-tt.waiting || len(answers) != 1 {
					t.Errorf("%d are refused, want %d: %v", refused, rounds-tt.waiting, answers)
				}
				close(held)
				wg.Wait()
				if len(answers) != 2 { // the refusals, and one text for all others
					t.Errorf("%v", answers)
				}
			})
		})
	}
}

// TestKeptApart has a partner ask for much that is kept: the answers of staff stay.
func TestKeptApart(t *testing.T) {
	k := newKeeper(t, func(o *httpapi.Options) {
		o.Responses, o.Partner = 1<<19, 0
	})
	staff := k.token("a", "admin", nil)
	partner := k.token("p", "partner", jwt.MapClaims{"affiliates": []string{affiliate("shop", "aff001")}})
	dashboard := func(i int) map[string]any {
		return map[string]any{"query": fmt.Sprintf("{ commissions(first: 10) { nodes { id affiliate { id name } } } } # %d", i)}
	}
	kept := func() (n int) {
		for i := range 20 {
			if _, again := k.send(dashboard(i), staff...); again {
				n++
			}
		}
		return n
	}
	for range 3 {
		kept()
	}
	if n := kept(); n != 20 {
		t.Fatalf("%d of 20 answers of staff are kept", n)
	}
	for i := range 300 {
		k.send(map[string]any{"query": fmt.Sprintf("{ campaigns(first: 100) { nodes { %s: id } } } # %d", strings.Repeat("x", 3000), i/3)}, partner...)
	}
	if n := kept(); n != 20 {
		t.Errorf("%d of 20 answers of staff are left", n)
	}
}
