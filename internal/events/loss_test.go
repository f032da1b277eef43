package events_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/events/eventstest"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// fill appends events, one by one, and returns the position before the first and that
// behind each.
func fill(t *testing.T, log events.Log, from, to int) []events.Position {
	t.Helper()
	at := []events.Position{last(t, log)}
	for n := from; n < to; n++ {
		if _, err := log.Append(t.Context(), events.Once{}, eventstest.Event(n)); err != nil {
			t.Fatal(err)
		}
		at = append(at, last(t, log))
	}
	return at
}

func last(t *testing.T, log events.Log) events.Position {
	t.Helper()
	at, err := log.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestRedisLoss takes from Redis what it should keep, each key and entry, and wants every
// reader who would miss something to be told, before and after the next events.
func TestRedisLoss(t *testing.T) {
	client := redistest.Start(t).Client(redisclient.Durable)
	const state, stream, total = "{pg:events}:log", "{pg:events}:stream", 5
	tests := map[string]struct {
		lose func() error
		kept func(i int) bool // whether the position behind i events stays good
	}{
		"everything": {func() error { return client.FlushAll(t.Context()).Err() }, func(int) bool { return false }},
		"the state":  {func() error { return client.Del(t.Context(), state).Err() }, func(int) bool { return false }},
		"the stream": {func() error { return client.Del(t.Context(), stream).Err() }, func(i int) bool { return i == total }},
		"the name":   {func() error { return client.HDel(t.Context(), state, "log").Err() }, func(int) bool { return false }},
		"the number": {func() error { return client.HDel(t.Context(), state, "n").Err() }, func(int) bool { return false }},
		"the size":   {func() error { return client.HDel(t.Context(), state, "bytes").Err() }, func(int) bool { return true }},
	}
	for lost := range total {
		tests[fmt.Sprint("entry ", lost)] = struct {
			lose func() error
			kept func(i int) bool
		}{func() error {
			all, err := client.XRange(t.Context(), stream, "-", "+").Result()
			if err != nil {
				return err
			}
			return client.XDel(t.Context(), stream, all[lost].ID).Err()
		}, func(i int) bool { return i > lost }}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			flush(t, client)
			log := events.NewRedis(client, events.Limits{Count: 1000, Bytes: 1 << 20, Age: time.Hour}, nil)
			at := fill(t, log, 0, total)
			if err := tt.lose(); err != nil {
				t.Fatal(err)
			}
			for added := range 2 * total {
				for i, after := range at {
					entries, err := log.Read(t.Context(), after, 100)
					switch {
					case tt.kept(i) && (err != nil || len(entries) != total-i+added):
						t.Errorf("behind %d, with %d more: %d entries, error %v; want %d", i, added, len(entries), err, total-i+added)
					case !tt.kept(i) && !errors.Is(err, events.ErrGone):
						t.Errorf("behind %d, with %d more: %d entries, error %v; want ErrGone", i, added, len(entries), err)
					}
				}
				fill(t, log, total+added, total+added+1)
			}
		})
	}
}

// TestRedisLosesTail: a server that comes back with an older state, as a replica that was
// not in step does, tells it to readers who have seen what is lost, whatever its clock says.
func TestRedisLosesTail(t *testing.T) {
	client := redistest.Start(t).Client(redisclient.Durable)
	const state, stream = "{pg:events}:log", "{pg:events}:stream"
	for _, drift := range []time.Duration{-time.Hour, -time.Millisecond, time.Millisecond, time.Hour} {
		flush(t, client)
		now := time.Now()
		log := events.NewRedis(client, events.Limits{}, func() time.Time { return now })
		at := fill(t, log, 0, 3)
		keys := map[string]string{}
		for _, key := range []string{state, stream} {
			keys[key] = client.Dump(t.Context(), key).Val()
		}
		now = now.Add(time.Minute)
		lost := fill(t, log, 3, 6)
		for key, value := range keys {
			if err := client.RestoreReplace(t.Context(), key, 0, value).Err(); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(drift)
		for added := range 6 {
			for i, after := range lost[1:] {
				_, err := log.Read(t.Context(), after, 100)
				if !errors.Is(err, events.ErrGone) && !errors.Is(err, events.ErrPosition) {
					t.Errorf("drift %v, behind lost event %d, with %d more: error %v", drift, i, added, err)
				}
			}
			if entries, err := log.Read(t.Context(), at[1], 100); err != nil || len(entries) != 2+added {
				t.Errorf("drift %v, behind a kept one: %d entries, error %v; want %d", drift, len(entries), err, 2+added)
			}
			fill(t, log, 6, 7)
		}
	}
}

// TestRedisFull: a Redis without room takes all or nothing, and keeps the key free.
func TestRedisFull(t *testing.T) {
	client := redistest.Start(t, "--maxmemory-policy", "noeviction").Client(redisclient.Durable)
	log := events.NewRedis(client, events.Limits{}, nil)
	begin := last(t, log)
	room := func(size string) {
		if err := client.ConfigSet(t.Context(), "maxmemory", size).Err(); err != nil {
			t.Fatal(err)
		}
	}
	key := events.Once{Key: "k", For: time.Hour}
	room("1")
	if done, err := log.Append(t.Context(), key, eventstest.Event(1), eventstest.Event(2)); done || err == nil {
		t.Fatalf("a full Redis: appended %t, error %v", done, err)
	}
	room("0")
	if entries, err := log.Read(t.Context(), begin, 10); len(entries) != 0 || err != nil {
		t.Errorf("after a refusal: %d entries, error %v", len(entries), err)
	}
	if done, err := log.Append(t.Context(), key, eventstest.Event(1)); !done || err != nil {
		t.Errorf("with room again: appended %t, error %v", done, err)
	}
}

// TestRedisExpiry: a log that nobody appends to is emptied when its last event is too old,
// and only who would miss something is told.
func TestRedisExpiry(t *testing.T) {
	client := redistest.Start(t).Client(redisclient.Durable)
	log := events.NewRedis(client, events.Limits{Age: 50 * time.Millisecond}, nil)
	at := fill(t, log, 0, 2)
	var err error
	for err == nil {
		_, err = log.Read(t.Context(), at[0], 1)
	}
	if !errors.Is(err, events.ErrGone) {
		t.Errorf("behind what is expired: %v, want ErrGone", err)
	}
	if entries, err := log.Read(t.Context(), at[2], 1); len(entries) != 0 || err != nil {
		t.Errorf("behind the last: %d entries, error %v; want neither", len(entries), err)
	}
}

// TestRedisKeys: all keys have the tag, so that a cluster has them on one node, and none
// shows what a caller named.
func TestRedisKeys(t *testing.T) {
	client := redistest.Start(t).Client(redisclient.Durable)
	log := events.NewRedis(client, events.Limits{Age: time.Hour}, nil)
	for i := range 3 {
		once := events.Once{Key: fmt.Sprint("secret", i), For: time.Hour}
		if _, err := log.Append(t.Context(), once, eventstest.Event(i)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	tagged := client.Keys(t.Context(), "{pg:events}:*").Val()
	named := client.Keys(t.Context(), "*secret*").Val()
	if len(got) != 5 || len(tagged) != 5 || len(named) != 0 {
		t.Errorf("keys %q, %d tagged, %d readable; want 5, 5, 0", got, len(tagged), len(named))
	}
	for _, key := range got {
		if ttl := client.PTTL(t.Context(), key).Val(); ttl < 0 != (key == "{pg:events}:log") || ttl > time.Hour {
			t.Errorf("%s is kept for %v", key, ttl)
		}
	}
}
