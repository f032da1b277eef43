package redisclient_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// TestObserveBlocking wants the commands marked that ask Redis to wait: how long they take
// is no latency.
func TestObserveBlocking(t *testing.T) {
	client := redistest.Start(t).Client(redisclient.Durable)
	if err := client.Ping(t.Context()).Err(); err != nil { // the connection is there
		t.Fatal(err)
	}
	var seen []redisclient.Command
	redisclient.Observe(client, redisclient.Durable, func(c redisclient.Command) { seen = append(seen, c) })
	read := func(block time.Duration) error {
		return client.XRead(t.Context(), &redis.XReadArgs{Streams: []string{"s"}, ID: "0", Block: block}).Err()
	}
	for _, err := range []error{read(time.Millisecond), read(-1), client.Get(t.Context(), "block").Err()} {
		if !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
	}
	if len(seen) != 3 || !seen[0].Blocking || seen[1].Blocking || seen[2].Blocking || seen[0].Err != nil {
		t.Errorf("%+v, want the first of 3 to block", seen)
	}
}
