package resolvers_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
)

// meeting has reads of affiliates wait until so many accounts are read at once.
type meeting struct {
	mu      sync.Mutex
	missing map[string]bool // accounts
	all     chan struct{}   // closed when none is missing
}

type meets struct {
	*cache.Cache
	*meeting
}

func (m meets) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	if providers.CachedOnly(ctx) {
		return m.Cache.AffiliatesByID(ctx, ids, need...)
	}
	m.mu.Lock()
	if delete(m.missing, m.AccountID()); len(m.missing) == 0 {
		select {
		case <-m.all:
		default:
			close(m.all)
		}
	}
	m.mu.Unlock()
	select {
	case <-m.all:
	case <-time.After(10 * time.Second): // only where the test fails
		return nil, context.DeadlineExceeded
	}
	return m.Cache.AffiliatesByID(ctx, ids, need...)
}

// TestLookSideBySide wants a look to read the records of several accounts at once.
func TestLookSideBySide(t *testing.T) {
	m := &meeting{missing: map[string]bool{}, all: make(chan struct{})}
	w := newWorld(t, setup{vendors: lookVendors, noBudget: true, answers: -1, wrap: func(p providers.Provider) providers.Provider {
		m.missing[p.AccountID()] = true
		return meets{p.(*cache.Cache), m}
	}})
	a := w.serve(`{ commissions(first: 100) { nodes { affiliate { id clicks memberships { id } } } } }`)
	if len(a.Errors) > 0 || len(m.missing) > 0 {
		t.Errorf("without %v: %s", m.missing, clipped(a.text))
	}
}
