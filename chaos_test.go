package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// What could make a subscriber miss a change, get it twice, get what is somebody else's, or
// get a record that is older than the change, and what makes it happen in the run:
//
//   - A vendor sends a delivery twice, late, or before an older one: its simulator does.
//   - A delivery reaches both replicas at once: the balancer sends some to both.
//   - The reply to a delivery is lost after its event was appended, or the delivery is cut:
//     the balancer loses and cuts some, and the vendor sends them again.
//   - The outcome of an append is unknown: Redis is held while commands are on their way, or
//     the connections of one replica are cut.
//   - Redis is away, for all or for one replica, while the other goes on and changes things.
//   - Invalidations wait for Redis while events are appended already: the same.
//   - A record is read while it changes: vendors answer after a random time, and clients read
//     all the time.
//   - A replica dies with deliveries, writes and streams that are under way, or stops in peace.
//     Its hub begins at the end of the log.
//   - A subscriber leaves between two events, or in the middle of one, and comes back to any
//     replica, over the other protocol, with its last position or that of the error.
//   - A subscriber begins without a position while the hub is behind: some begin in the middle.
//   - A token expires, and the configuration is read again, while streams are open.
//   - The server's own writes and the vendor tell the same: clients write through the replicas.
//   - Redis loses its data: at the end it does, and all subscribers have to be told.

// chaosLasts is how long the run goes on in make test, apart from its begin and end.
const chaosLasts = 12 * time.Second

// chaos is a run: two replicas over one Redis and the vendors' simulators, with subscribers.
type chaos struct {
	t        *testing.T
	seed     uint64
	world    *chaosWorld
	redis    *redistest.Server
	log      events.Log
	began    events.Position
	replicas []*chaosReplica
	watchers []*watcher
	counts   chaosCounts
	unread   sync.Map // how often a record was not read, by the reason
}

// chaosCounts say what has happened, for the summary.
type chaosCounts struct {
	deliveries, twice, lost, cut, refused atomic.Int64 // at the balancer
	writes, reads                         atomic.Int64 // of clients of the replicas
	connections, left, torn, ended        atomic.Int64 // of subscribers
	expired, gaps, unread, overloaded     atomic.Int64
}

// chaosReplica is a server in a process of its own, which reaches Redis through a proxy.
type chaosReplica struct {
	*victim
	proxy *redistest.Proxy
}

// signal sends a signal to the process, if it runs.
func (r *chaosReplica) signal(s syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.cmd.Process.Signal(s)
}

func newChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	c := &chaos{t: t, seed: seed, redis: redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")}
	c.log = events.NewRedis(c.redis.Client(redisclient.Durable), events.Limits{}, nil)
	c.began = must(c.log.Last(t.Context()))
	c.world = newChaosWorld(t, c.random(1))
	for i := range 2 {
		proxy := redistest.StartProxy(t, c.redis, nil)
		l := must(net.Listen("tcp", "127.0.0.1:0"))
		r := &chaosReplica{victim: &victim{t: t, address: l.Addr().String(), redis: c.redis}, proxy: proxy}
		_ = l.Close()
		r.config = write(t, c.world.accounts+fmt.Sprintf("redis: { cache: %q, replicas: 2 }\n"+
			"auth: { jwt: { issuer: chaos, audience: graph, hs256_secret: %q } }\n"+
			"writes: { settle: 1s }\ndrain: 300ms\nplayground: false\n"+
			"limits: { timeout: 10s, calls: 1000, partner: 100000, staff: 1000000, writes: 100000 }\n",
			proxy.Target().Addresses[0].Reveal(), chaosSecret))
		if dir := os.Getenv("CHAOS_LOGS"); dir != "" {
			r.stderr = must(os.Create(fmt.Sprintf("%s/replica%d.log", dir, i)))
		}
		r.start()
		t.Cleanup(r.kill)
		c.replicas = append(c.replicas, r)
	}
	for _, r := range c.replicas {
		redistest.Eventually(t, "the replica is ready", func(context.Context) error {
			response, err := http.Get("http://" + r.address + "/readyz")
			if err == nil {
				_ = response.Body.Close()
			}
			return err
		})
	}
	return c
}

// random is the source of what a part of the run decides. Equal seeds decide the same; what
// happens at once is in the order of the day.
func (c *chaos) random(part uint64) *rand.Rand { return rand.New(rand.NewPCG(c.seed, part)) }

// between is a random time.
func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

// rest waits, unless the context ends first.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// havoc are the ways in which the run does harm to a replica, or to Redis. Each ends with
// everything there again.
var havoc = []struct {
	name string
	do   func(c *chaos, r *chaosReplica, random *rand.Rand)
}{
	{"replica killed", func(c *chaos, r *chaosReplica, random *rand.Rand) {
		r.kill()
		rest(c.t.Context(), between(random, 0, time.Second))
		r.start()
	}},
	{"replica stopped", func(c *chaos, r *chaosReplica, random *rand.Rand) {
		r.signal(syscall.SIGTERM)
		_ = r.cmd.Wait()
		r.start()
	}},
	{"Redis killed", func(c *chaos, _ *chaosReplica, random *rand.Rand) {
		c.redis.Stop()
		rest(c.t.Context(), between(random, 100*time.Millisecond, 1500*time.Millisecond))
		c.redis.Restart()
	}},
	{"Redis held", func(c *chaos, _ *chaosReplica, random *rand.Rand) {
		c.redis.Hold()
		rest(c.t.Context(), between(random, 50*time.Millisecond, 2*time.Second))
		c.redis.Release()
	}},
	{"replica cut from Redis", func(c *chaos, r *chaosReplica, random *rand.Rand) {
		r.proxy.Cut(true)
		rest(c.t.Context(), between(random, 0, 1500*time.Millisecond))
		r.proxy.Cut(false)
	}},
	{"configuration read again", func(_ *chaos, r *chaosReplica, _ *rand.Rand) { r.signal(syscall.SIGHUP) }},
}

// wreak does harm until the time is over, each kind once at least.
func (c *chaos) wreak(lasts time.Duration) (done map[string]int) {
	done = map[string]int{}
	random := c.random(2)
	over := time.Now().Add(lasts)
	for round := 0; ; round++ {
		for _, i := range random.Perm(len(havoc)) {
			if round > 0 && time.Now().After(over) {
				return done
			}
			h := havoc[i]
			h.do(c, c.replicas[random.IntN(len(c.replicas))], random)
			done[h.name]++
			rest(c.t.Context(), between(random, 300*time.Millisecond, 1500*time.Millisecond))
		}
	}
}

// TestChaos lets everything go wrong at once, and wants each subscriber to have got every
// change that they may see exactly once, in one order, and no other; no record older than
// the change that it came with; and no gap while Redis loses nothing. CHAOS is how long it
// goes on, CHAOS_SEED what it decides by.
func TestChaos(t *testing.T) {
	long(t)
	lasts, seed := chaosLasts, rand.Uint64()
	if text := os.Getenv("CHAOS"); text != "" {
		lasts = must(time.ParseDuration(text))
	}
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		seed = must(strconv.ParseUint(text, 10, 64))
	}
	t.Logf("CHAOS=%v CHAOS_SEED=%d", lasts, seed)
	c := newChaos(t, seed)
	front := c.balance()
	c.world.open(front)
	c.subscribe()

	changing, endChanges := context.WithCancel(t.Context())
	watching, endWatching := context.WithCancel(t.Context())
	var changes, watches sync.WaitGroup
	defer watches.Wait()
	defer endWatching()
	defer changes.Wait()
	defer endChanges()
	for _, w := range c.watchers {
		watches.Go(func() { w.run(watching, changing) })
	}
	for _, w := range c.watchers {
		if w.late == 0 {
			w.awaitBegin(t)
		}
	}
	for i, v := range c.world.vendors {
		changes.Go(func() { v.change(changing, c.random(100+uint64(i))) })
		changes.Go(func() { v.pump(changing) })
	}
	for i := range c.world.mutated {
		changes.Go(func() { c.mutate(changing, i, c.random(200+uint64(i))) })
	}
	changes.Go(func() { c.read(changing, c.random(300)) })
	watches.Go(func() { c.world.forget(watching) })
	harm := c.wreak(lasts)
	endChanges()
	changes.Wait()
	c.world.deliver()
	entries := c.settle()
	c.summarize(harm, entries)
	c.verify(entries)
	c.loseAll()
}
