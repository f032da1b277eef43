package ledger_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// TestHolding wants every value looked at, and none changed.
func TestHolding(t *testing.T) {
	for name, open := range map[string]func(*testing.T) redis.UniversalClient{
		"single": func(t *testing.T) redis.UniversalClient { return redistest.Start(t).Client(redisclient.Durable) },
		"cluster": func(t *testing.T) redis.UniversalClient {
			return redistest.Open(t, redistest.StartCluster(t), redisclient.Durable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t)
			s := ledger.NewRedis(c)
			for key, value := range map[string]string{"entry:1": `{"kim"}`, "target:kim": `{}`, "entry:2": `{}`, "entry:3": ``} {
				if _, err := s.Save(t.Context(), key, "", []byte(value), time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Set(t.Context(), "pg:epoch:shop", "kim", 0).Err(); err != nil { // another's
				t.Fatal(err)
			}
			for range 2 {
				all, holding, err := ledger.Holding(t.Context(), c, func(text string) bool { return strings.Contains(text, "kim") })
				if all != 4 || holding != 2 || err != nil {
					t.Errorf("%d of %d, %v; want 2 of 4", holding, all, err)
				}
			}
		})
	}
}

// TestUnknownHoldsLess wants an entry that is kept for ever, and never looked at again,
// without what was there before.
func TestUnknownHoldsLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &watched{Store: ledger.NewMemory(time.Now)}
		b := bench{T: t, vendor: newVendor(), ledger: open(s)}
		c := command("key-0001", "1", "")
		b.sends(cutBefore)
		b.unknown(c, 0)
		if e := s.last(t); e.State != "SENT" || e.Before == nil {
			t.Fatalf("before anybody asks again it is %+v", e)
		}
		time.Sleep(settle)
		b.unknown(c, 0)
		if e := s.last(t); e.State != "UNKNOWN" || e.Before != nil {
			t.Errorf("kept for ever: %+v", e)
		}
	})
}

// watched keeps the last entry that is stored.
type watched struct {
	ledger.Store
	entry []byte
}

func (w *watched) last(t *testing.T) (e struct {
	State  string
	Before json.RawMessage
}) {
	t.Helper()
	if err := json.Unmarshal(w.entry, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func (w *watched) Save(ctx context.Context, key, was string, value []byte, keep time.Duration) (string, error) {
	if strings.HasPrefix(key, "entry:") {
		w.entry = value
	}
	return w.Store.Save(ctx, key, was, value, keep)
}
