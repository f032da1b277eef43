package telemetry

import (
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// TestWaits wants the histogram of waits to count the attempts alone that asked the budget.
func TestWaits(t *testing.T) {
	m := New("test")
	m.Attempted(providers.Attempt{Account: "shop", Op: "GET /a", Outcome: providers.OutcomeHeld})
	m.Attempted(providers.Attempt{Account: "shop", Op: "GET /a", Outcome: providers.OutcomeOK, Sent: true, Asked: true, Waited: 3 * time.Second})
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "partnergraph_budget_wait_seconds" {
			if h := f.Metric[0].Histogram; h.GetSampleCount() != 1 || h.GetSampleSum() != 3 {
				t.Errorf("%d waits of %v s together", h.GetSampleCount(), h.GetSampleSum())
			}
			return
		}
	}
	t.Error("no histogram of waits")
}
