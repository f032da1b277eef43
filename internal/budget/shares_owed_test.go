package budget_test

import (
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// TestSharesOwed wants Redis to keep what is owed until it is made up for.
func TestSharesOwed(t *testing.T) {
	server := redistest.Start(t).Target()
	s := budget.NewRedisShares(budget.SharesOptions{Client: redistest.Open(t, server, redisclient.Cache), Logger: strict(t), Patience: 10 * time.Second})
	t.Cleanup(s.Close)
	if wait := s.Take(t.Context(), "partner", calls(60, 1)); wait != 0 {
		t.Fatalf("wait for %v", wait)
	}
	client := redistest.Open(t, server, redisclient.Cache)
	var longest time.Duration
	for _, key := range client.Keys(t.Context(), "partnergraph:shares:*").Val() {
		longest = max(longest, client.PTTL(t.Context(), key).Val())
	}
	if longest < 59*time.Minute {
		t.Errorf("what is owed for an hour is kept for %v", longest)
	}
}
