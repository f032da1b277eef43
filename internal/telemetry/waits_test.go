package telemetry

import (
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/providers"
)

// TestWaits wants the histogram of waits to count the attempts alone that asked the budget.
func TestWaits(t *testing.T) {
	m := New("test")
	m.Attempted(providers.Attempt{Account: "shop", Op: "GET /a", Outcome: providers.OutcomeHeld})
	m.Attempted(providers.Attempt{Account: "shop", Op: "GET /a", Outcome: providers.OutcomeOK, Sent: true, Asked: true, Waited: 3 * time.Second})
	if count, sum := histogram(t, m, "partnergraph_budget_wait_seconds"); count != 1 || sum != 3 {
		t.Errorf("%d waits of %v s together", count, sum)
	}
}

// TestBlockingCommands wants the latency of Redis to be that of the commands alone that do
// not ask it to wait.
func TestBlockingCommands(t *testing.T) {
	m := New("test")
	m.Commanded(redisclient.Command{Role: redisclient.Durable, Took: time.Minute, Blocking: true})
	m.Commanded(redisclient.Command{Role: redisclient.Durable, Took: 2 * time.Second})
	count, sum := histogram(t, m, "partnergraph_redis_seconds")
	if count != 1 || sum != 2 {
		t.Errorf("%d commands of %v s together", count, sum)
	}
}

// histogram is the count and the sum of a histogram that has one series.
func histogram(t *testing.T, m *Metrics, name string) (count uint64, sum float64) {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			h := f.Metric[0].Histogram
			return h.GetSampleCount(), h.GetSampleSum()
		}
	}
	t.Fatalf("no histogram %s", name)
	return 0, 0
}
