package redistest_test

import (
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// TestServer: a server that was stopped answers nobody, and when it is started again has nothing.
func TestServer(t *testing.T) {
	s := redistest.Start(t)
	c := s.Client(redisclient.Cache)
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if err := c.Get(t.Context(), "k").Err(); err == nil {
		t.Error("a stopped server answered")
	}
	s.Restart()
	if n, err := c.Exists(t.Context(), "k").Result(); n != 0 || err != nil {
		t.Errorf("after Restart: %d keys, error %v; want none of either", n, err)
	}
}

// TestCluster: keys of all nodes are reached.
func TestCluster(t *testing.T) {
	c := redistest.Open(t, redistest.StartCluster(t), redisclient.Cache)
	for _, k := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		if err := c.Set(t.Context(), k, k, time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Get(t.Context(), k).Result(); got != k || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, k)
		}
	}
}
