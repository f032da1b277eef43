package ledger_test

import (
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/ledger/ledgertest"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

func TestMemory(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledger.Store { return ledger.NewMemory(time.Now) })
}

func TestRedis(t *testing.T) {
	t.Run("single", func(t *testing.T) {
		client := redistest.Start(t).Client(redisclient.Durable)
		ledgertest.Run(t, func(*testing.T) ledger.Store { return ledger.NewRedis(client) })
	})
	t.Run("cluster", func(t *testing.T) {
		client := redistest.Open(t, redistest.StartCluster(t), redisclient.Durable)
		ledgertest.Run(t, func(*testing.T) ledger.Store { return ledger.NewRedis(client) })
	})
}
