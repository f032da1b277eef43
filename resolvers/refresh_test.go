package resolvers_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/cache"
)

// counted counts the vendors' replies.
type counted struct{ atomic.Int64 }

func (c *counted) Write(b []byte) (int, error) {
	c.Add(1)
	return len(b), nil
}

// puts is a store that tells of each reading that ended.
type puts struct {
	cache.Store
	ended chan struct{}
}

func (p puts) Put(ctx context.Context, entries map[cache.Key]cache.Entry) error {
	defer func() { p.ended <- struct{}{} }()
	return p.Store.Put(ctx, entries)
}

// take waits for n readings, and forgets those that it does not wait for.
func (p puts) take(n int) {
	for range n {
		<-p.ended
	}
}

// TestRefreshesOfRequest wants what refreshes stale answers to be among the limits.calls of
// the request that asked: it was planned to take none, and is answered at once. What is not
// refreshed is stale, and later requests refresh it.
func TestRefreshesOfRequest(t *testing.T) {
	const calls = 30
	for _, v := range []*auth.Viewer{auth.Local(), {Name: "reader", Subject: "reader", Role: auth.RoleReader}} {
		heard, now := new(counted), new(atomic.Int64)
		clock := func() time.Time { return today.Add(time.Duration(now.Load())) }
		store := puts{cache.NewMemory(64<<20, clock), make(chan struct{}, 1000)}
		w := newWorld(t, setup{vendors: []string{"uppromote"}, calls: calls, heard: heard, noBudget: true, store: store})
		ids := make([]string, 0, 100)
		for _, row := range w.page("commissions") {
			ids = append(ids, row["id"].(string))
		}
		store.take(1)
		w.pass(30 * time.Minute) // stale, and not gone
		now.Store(int64(30 * time.Minute))
		refreshed := 0
		for request := 0; refreshed < len(ids); request++ {
			before := heard.Load()
			a := w.as(v, `query($ids: [ID!]!) { a: nodes(ids: $ids) { id } b: nodes(ids: $ids) { id } }`, map[string]any{"ids": ids})
			if len(a.Errors) != 0 || a.Extensions.Cost.Spent != 0 {
				t.Fatalf("%s", clipped(a.text))
			}
			store.take(1) // the refresh has ended
			n := int(heard.Load() - before)
			if n == 0 || n > calls || request > 10 {
				t.Fatalf("%s: request %d makes %d calls; at most %d are allowed", v.Name, request, n, calls)
			}
			refreshed += n
		}
		before := heard.Load()
		if a := w.as(v, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": ids}); len(a.Errors) != 0 || heard.Load() != before {
			t.Errorf("all are fresh, and it takes %d calls: %s", heard.Load()-before, clipped(a.text))
		}
	}
}
