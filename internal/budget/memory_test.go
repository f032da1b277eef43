package budget_test

import (
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/budget/budgettest"
	"github.com/partnergraph/partnergraph/providers"
)

func TestMemory(t *testing.T) {
	budgettest.Run(t, func(_ *testing.T, limit int, window time.Duration) providers.Budget {
		return budget.New(limit, window, time.Now)
	})
}

func TestNoBudget(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New(0, …) did not panic")
		}
	}()
	budget.New(0, time.Minute, time.Now)
}
