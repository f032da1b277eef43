package redisclient_test

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// slow counts, and then keeps the server busy for longer than a client of the cache role waits.
var slow = redis.NewScript(`
local n, start = redis.call('INCR', KEYS[1]), redis.call('TIME')
repeat
  local now = redis.call('TIME')
until (now[1] - start[1]) * 1000000 + now[2] - start[2] > 800000
return n`)

// TestSentOnce: a command whose answer does not come is not sent again.
func TestSentOnce(t *testing.T) {
	for name, to := range map[string]redisclient.Target{"one server": redistest.Start(t).Target(), "cluster": redistest.StartCluster(t)} {
		t.Run(name, func(t *testing.T) {
			hasty, patient := redistest.Open(t, to, redisclient.Cache), redistest.Open(t, to, redisclient.Durable)
			if err := hasty.Ping(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			if err := slow.Eval(t.Context(), hasty, []string{"n"}).Err(); err == nil {
				t.Error("it was waited for")
			}
			if n, err := patient.Get(t.Context(), "n").Int(); n != 1 || err != nil {
				t.Errorf("it arrived %d times (%v), want once", n, err)
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if err := hasty.Get(ended, "n").Err(); !errors.Is(err, context.Canceled) {
				t.Errorf("under an ended context: %v", err)
			}
		})
	}
}
