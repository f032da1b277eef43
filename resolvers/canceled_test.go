package resolvers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// leaving is an account whose client goes away during the nth step. Steps are lists that
// are planned, and reads by id.
type leaving struct {
	providers.Provider
	steps, last *atomic.Int64
	leave       *func()
}

func (l leaving) step() {
	if l.steps.Add(1) == l.last.Load() {
		(*l.leave)()
	}
}

func (l leaving) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	l.step()
	return l.Provider.Commissions(f)
}

func (l leaving) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	l.step()
	return l.Provider.AffiliatesByID(ctx, ids, need...)
}

func (l leaving) CampaignsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Campaign], error) {
	l.step()
	return l.Provider.CampaignsByID(ctx, ids, need...)
}

// TestClientLeaves wants the work to end where its client leaves, while it is planned and
// while it is executed from the cache: no step is made after the one in which it leaves.
func TestClientLeaves(t *testing.T) {
	var steps, last atomic.Int64
	leave := func() {}
	w := newWorld(t, setup{vendors: []string{"promotekit"}, noBudget: true, wrap: func(p providers.Provider) providers.Provider {
		return leaving{p, &steps, &last, &leave}
	}})
	ask := func(query string, at int64) (made int64, answer string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		leave = cancel
		steps.Store(0)
		last.Store(at)
		body, err := json.Marshal(map[string]string{"query": query})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/graphql", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		w.handler.ServeHTTP(recorder, r)
		return steps.Load(), recorder.Body.String()
	}
	var lists strings.Builder
	for i := range 40 {
		fmt.Fprintf(&lists, " l%d: commissions(first: 1) { nodes { id } }", i)
	}
	for name, query := range map[string]string{
		"many lists": "{" + lists.String() + " }",
		"levels":     `{ commissions(first: 20) { nodes { affiliate { payoutEmail campaign { id createdAt } } } } }`,
	} {
		ask(query, 0) // what is read from now on is cached
		before := len(w.kits["promotekit"].Requests())
		all, text := ask(query, 0)
		if all < 3 || !strings.Contains(text, `"data":{`) || strings.Contains(text, `"errors"`) {
			t.Errorf("%s: %d steps: %s", name, all, clipped(text))
		}
		for at := int64(1); at <= all; at++ {
			if name == "many lists" && at > 40 { // the executor resolves root lists side by side
				break
			}
			if made, text := ask(query, at); made != at || strings.Contains(text, `"id"`) {
				t.Errorf("%s: the client leaves in step %d of %d, and %d are made: %s", name, at, all, made, clipped(text))
			}
		}
		if n := len(w.kits["promotekit"].Requests()) - before; n != 0 {
			t.Errorf("%s: %d calls", name, n)
		}
	}
}
