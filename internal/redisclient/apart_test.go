package redisclient_test

import (
	"testing"

	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// TestApart wants one server known under two names, and two servers known as two, unless
// one does not answer.
func TestApart(t *testing.T) {
	first, second, gone := redistest.Start(t), redistest.Start(t), redistest.Start(t)
	gone.Stop()
	cluster := redistest.StartCluster(t)
	named := func(s *redistest.Server) redisclient.Target {
		text := s.Target().Addresses[0].Reveal()
		return target("redis://localhost" + text[len("redis://127.0.0.1"):] + "/1")
	}
	node := redisclient.Target{Addresses: cluster.Addresses[1:2]}
	for name, tt := range map[string]struct {
		a, b redisclient.Target
		want bool
	}{
		"two names":             {first.Target(), named(first), false},
		"two servers":           {first.Target(), named(second), true},
		"one is away":           {first.Target(), gone.Target(), false},
		"a cluster":             {cluster, cluster, false},
		"a node of a cluster":   {cluster, node, false},
		"a cluster and another": {cluster, first.Target(), true},
	} {
		a, b := redistest.Open(t, tt.a, redisclient.Cache), redistest.Open(t, tt.b, redisclient.Durable)
		apart := redisclient.NewApart(a, b)
		for range 2 {
			if got := apart.Known(t.Context()); got != tt.want {
				t.Errorf("%s: %t, want %t", name, got, tt.want)
			}
		}
	}
}
