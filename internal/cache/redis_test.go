package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/cache/cachetest"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// patient is long enough for a busy machine.
const patient = 10 * time.Second

// empty removes everything from a Redis.
func empty(t testing.TB, c redis.UniversalClient) {
	t.Helper()
	flush := func(ctx context.Context, c *redis.Client) error { return c.FlushAll(ctx).Err() }
	var err error
	if cluster, ok := c.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(t.Context(), flush)
	} else {
		err = flush(t.Context(), c.(*redis.Client))
	}
	if err != nil {
		t.Fatal(err)
	}
	quiet(t, c)
}

// quiet waits until every message that was published at a cluster has arrived at all of its
// servers. They pass messages on in order, so that a last one from each to each is enough.
// What a test before has dropped would else be dropped for the next one.
func quiet(t testing.TB, c redis.UniversalClient) {
	t.Helper()
	cluster, ok := c.(*redis.ClusterClient)
	if !ok {
		return
	}
	var mu sync.Mutex
	var servers []*redis.Client
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	must(cluster.ForEachMaster(t.Context(), func(_ context.Context, c *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		servers = append(servers, c)
		return nil
	}))
	hearing := make([]*redis.PubSub, len(servers))
	for i, c := range servers {
		hearing[i] = c.Subscribe(t.Context(), "last")
		defer func() { _ = hearing[i].Close() }()
		_, err := hearing[i].Receive(t.Context()) // the subscription is confirmed
		must(err)
	}
	for _, c := range servers {
		must(c.Publish(t.Context(), "last", "").Err())
	}
	for _, s := range hearing {
		for range servers {
			_, err := s.ReceiveMessage(t.Context())
			must(err)
		}
	}
}

// TestShared is what must be so with a single Redis and with a cluster.
func TestShared(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) redis.UniversalClient{
		"single": func(t *testing.T) redis.UniversalClient { return redistest.Start(t).Client(redisclient.Durable) },
		"cluster": func(t *testing.T) redis.UniversalClient {
			return redistest.Open(t, redistest.StartCluster(t), redisclient.Durable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t)
			for name, test := range map[string]func(*testing.T, redis.UniversalClient){
				"Redis": suiteOfRedis, "Tiered": suiteOfTiered, "replicas share": replicasShare, "replicas hear": replicasHear,
				"slow read elsewhere": slowReadElsewhere, "channel lost": channelLost, "catches up": catchesUp,
				"forgets all": forgetsAll, "forget while reading": forgetWhileReading, "forget while writing": forgetWhileWriting,
				"forget peeked": forgetPeeked, "holding": holding,
				"replicas read once": replicasReadOnce, "leases end": leasesEnd,
			} {
				t.Run(name, func(t *testing.T) { empty(t, c); test(t, c) })
			}
		})
	}
}

func suiteOfRedis(t *testing.T, c redis.UniversalClient) {
	cachetest.Run(t, func(t *testing.T, now func() time.Time) cache.Store {
		empty(t, c)
		return cache.NewRedis(c, cache.RedisOptions{Timeout: patient, Now: now})
	})
}

// single is a store of a server of its own, with the server's client.
func single(t testing.TB) (*cache.Redis, redis.UniversalClient) {
	c := redistest.Start(t).Client(redisclient.Durable)
	return cache.NewRedis(c, cache.RedisOptions{Timeout: patient}), c
}

// put stores a count for an hour.
func put(t testing.TB, s cache.Store, local string, n cache.Count) {
	t.Helper()
	end := time.Now().Add(time.Hour)
	if err := s.Put(t.Context(), map[cache.Key]cache.Entry{key(local): {Value: n, FreshUntil: end, StaleUntil: end}}); err != nil {
		t.Fatal(err)
	}
}

// count is the count stored, -1 for none.
func count(t testing.TB, s cache.Store, local string) cache.Count {
	t.Helper()
	got, err := s.Get(t.Context(), key(local))
	if err != nil {
		t.Fatal(err)
	}
	if got[0] != nil {
		return got[0].Value.(cache.Count)
	}
	return -1
}

// What is stored under another shape, or cannot be understood, is not there; and gives way.
func TestRedisForeign(t *testing.T) {
	s, c := single(t)
	put(t, s, "k", 1)
	if ttl, err := c.PTTL(t.Context(), s.Prefix()+key("k").String()).Result(); err != nil || ttl > time.Hour || ttl < time.Hour-time.Minute {
		t.Errorf("the key lasts %v, %v; want as long as its entry", ttl, err)
	}
	if err := c.Rename(t.Context(), s.Prefix()+key("k").String(), "pg:other:k").Err(); err != nil {
		t.Fatal(err)
	}
	if got := count(t, s, "k"); got != -1 {
		t.Errorf("an entry of another shape is seen: %d", got)
	}
	for i, garbage := range []string{"", "x", "12345678", "12345678{}", "12345678{\"kind\":\"count\"}\n-", strings.Repeat("\xff", 1000)} {
		if err := c.Set(t.Context(), s.Prefix()+key("k").String(), garbage, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if got := count(t, s, "k"); got != -1 {
			t.Errorf("garbage %q is read as %d", garbage, got)
		}
		put(t, s, "k", cache.Count(i))
		if got := count(t, s, "k"); got != cache.Count(i) {
			t.Errorf("after garbage %q and another Put: %d; want %d", garbage, got, i)
		}
	}
}

// A key lasts as long as its fence, also when what stands there now is gone sooner.
func TestRedisFenceLasts(t *testing.T) {
	s, c := single(t)
	now := time.Now()
	if err := s.Drop(t.Context(), "a-1", now.Add(time.Hour), key("k")); err != nil {
		t.Fatal(err)
	}
	began, err := s.Epoch(t.Context(), "a-1")
	if err != nil {
		t.Fatal(err)
	}
	e := cache.Entry{Value: cache.Count(1), Began: began, FreshUntil: now.Add(time.Minute), StaleUntil: now.Add(time.Minute)}
	if err := s.Put(t.Context(), map[cache.Key]cache.Entry{key("k"): e}); err != nil {
		t.Fatal(err)
	}
	if ttl, err := c.PTTL(t.Context(), s.Prefix()+key("k").String()).Result(); err != nil || ttl < 50*time.Minute || count(t, s, "k") != 1 {
		t.Errorf("the key lasts %v, %v; want as long as the fence, an hour", ttl, err)
	}
}

// An evicted epoch is no way back, and the account's epochs do not depend on the shape.
func TestRedisEpoch(t *testing.T) {
	s, c := single(t)
	before, err := s.Epoch(t.Context(), "a-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Drop(t.Context(), "a-1", time.Now().Add(time.Hour), key("k")); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Exists(t.Context(), "pg:epoch:a-1").Result(); n != 1 || err != nil {
		t.Errorf("the epoch's key: %d, %v", n, err)
	}
	ahead := time.Now().Add(time.Hour).UnixMicro() // the server's clock was set back
	if err := c.Set(t.Context(), "pg:epoch:a-1", ahead, 0).Err(); err != nil {
		t.Fatal(err)
	}
	began, err := s.Epoch(t.Context(), "a-1")
	if began < cache.Epoch(ahead) || err != nil {
		t.Errorf("after the clock was set back the epoch is %d, %v; want at least %d", began, err, ahead)
	}
	end := time.Now().Add(time.Hour)
	if err := s.Put(t.Context(), map[cache.Key]cache.Entry{key("k"): {Value: cache.Count(1), Began: began, FreshUntil: end, StaleUntil: end}}); err != nil {
		t.Fatal(err)
	}
	if got := count(t, s, "k"); got != 1 {
		t.Fatalf("%d; want what began behind the fence", got)
	}
	if err := s.Drop(t.Context(), "a-1", end, key("k")); err != nil {
		t.Fatal(err)
	}
	if got := count(t, s, "k"); got != -1 {
		t.Error("what began at the same microsecond as the invalidation, before it, is there")
	}
	if err := c.Del(t.Context(), "pg:epoch:a-1").Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Epoch(t.Context(), "a-1"); got < before || err != nil {
		t.Errorf("after it was evicted the epoch is %d, %v; want at least %d", got, err, before)
	}
}

// A drop that Redis does not hear of counts here at once, and in Redis and for the others
// when it can be reached. Whoever waits until they are told is told then.
func TestDropWaits(t *testing.T) {
	server := redistest.Start(t)
	c := server.Client(redisclient.Cache)
	o := cache.RedisOptions{Timeout: time.Second}
	s, other := newTiered(t, c, o), newTiered(t, server.Client(redisclient.Cache), o)
	far := cache.NewRedis(server.Client(redisclient.Durable), cache.RedisOptions{Timeout: patient})
	put(t, s, "k", 1)
	if here, there := count(t, s, "k"), count(t, other, "k"); here != 1 || there != 1 {
		t.Fatalf("%d and %d; want 1 at both", here, there)
	}
	server.Hold()
	if err := s.Drop(t.Context(), "a-1", time.Now().Add(time.Hour), key("k")); err != nil {
		t.Errorf("Drop while Redis hangs: %v", err)
	}
	if got := count(t, s, "k"); got != -1 || s.Waiting() != 1 {
		t.Errorf("here it is %d still, %d keys wait; want none, and one", got, s.Waiting())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Told(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("told while Redis hangs: %v", err)
	}
	server.Release()
	if err := s.Told(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := far.Get(t.Context(), key("k")); err != nil || cache.Held(got) != 0 || s.Waiting() != 0 {
		t.Errorf("told, and Redis has %d, %d keys wait; %v", cache.Held(got), s.Waiting(), err)
	}
	if err := other.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := count(t, other, "k"); got != -1 {
		t.Errorf("told, and the other has %d", got)
	}
}

// More than can wait is an error, but counts here nevertheless.
func TestTooManyWait(t *testing.T) {
	server := redistest.Start(t)
	s := newTiered(t, server.Client(redisclient.Cache), cache.RedisOptions{Timeout: time.Second})
	server.Stop()
	redistest.Eventually(t, "the loss is noticed", func(context.Context) error { return unless(!s.Linked(), "linked") })
	put(t, s, "k0", 1)
	keys := make([]cache.Key, 10_001)
	for i := range keys {
		keys[i] = key(fmt.Sprint("k", i))
	}
	if err := s.Drop(t.Context(), "a-1", time.Now().Add(time.Hour), keys...); err == nil {
		t.Error("more keys than can wait: no error")
	}
	if got := count(t, s, "k0"); got != -1 {
		t.Errorf("%d is there still", got)
	}
	if err := s.Drop(t.Context(), "a-1", time.Now().Add(time.Hour), keys[1:]...); err != nil || s.Waiting() != 10_000 {
		t.Errorf("as many as can wait: %v, %d wait", err, s.Waiting())
	}
}

// What a replica of another release drops is dropped here as well; a message that nobody
// sends empties memory.
func TestOtherRelease(t *testing.T) {
	far, c := single(t)
	s := newTiered(t, c, cache.RedisOptions{Timeout: patient})
	put(t, s, "k", 1)
	at, err := far.Epoch(t.Context(), "a-1")
	if err != nil {
		t.Fatal(err)
	}
	say := func(text string) {
		t.Helper()
		if err := c.Publish(t.Context(), "pg:dropped", text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	until, _ := time.Now().Add(time.Hour).MarshalText()
	say(fmt.Sprintf(`{"Shape":"other","Account":"a-1","At":%d,"Until":%q,"Keys":[%q,"of a later release"]}`, at, until, key("k")))
	redistest.Eventually(t, "it is dropped", func(context.Context) error {
		return unless(count(t, s, "k") == -1 && count(t, far, "k") == -1, "not yet")
	})
	put(t, s, "other", 1)
	empty(t, c)
	if got := count(t, s, "other"); got != 1 {
		t.Fatalf("%d; want it in memory", got)
	}
	say("{")
	redistest.Eventually(t, "memory is emptied", func(context.Context) error { return unless(count(t, s, "other") == -1, "not yet") })
}
