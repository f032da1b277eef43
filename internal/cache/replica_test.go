package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/cache/cachetest"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// replicas are two that share a vendor, a Redis and a clock.
type replicas struct {
	a, b  bench
	clock *cachetest.Clock
	redis *cache.Redis // as a third would see it
}

func newReplicas(t *testing.T, c redis.UniversalClient, fake *providertest.Fake, vendorOfB providers.Provider) replicas {
	clock := cachetest.NewClock()
	o := cache.RedisOptions{Timeout: patient, Now: clock.Now}
	return replicas{
		a:     benchOf(t, fake, fake, newTiered(t, c, o), clock.Now),
		b:     benchOf(t, fake, vendorOfB, newTiered(t, c, o), clock.Now),
		clock: clock, redis: cache.NewRedis(c, o),
	}
}

const aff001 = "a-1/record/Affiliate/aff001"

// sources reads an affiliate and tells where it came from.
func (b bench) sources(local string) (from []providers.Source) {
	b.Helper()
	trace := &providers.Trace{}
	if _, err := b.AffiliatesByID(providers.WithTrace(b.Context(), trace), ids(local)); err != nil {
		b.Fatal(err)
	}
	for _, c := range trace.Calls() {
		from = append(from, c.Source)
	}
	return from
}

// What one replica read is the other's answer: fresh, stale with a refresh behind it, and
// when the vendor fails.
func replicasShare(t *testing.T, c redis.UniversalClient) {
	var mu sync.Mutex
	var down error
	fake := providertest.NewFake("a-1", providertest.Options{Before: func(context.Context, string) error {
		mu.Lock()
		defer mu.Unlock()
		return down
	}})
	r := newReplicas(t, c, fake, fake)
	from := func(what string, b bench, want ...providers.Source) {
		t.Helper()
		if got := b.sources("aff001"); !slices.Equal(got, want) {
			t.Errorf("%s: from %q; want %q", what, got, want)
		}
	}
	from("cold", r.a, providers.SourceVendor)
	from("fresh at the other", r.b, providers.SourceRedis)
	from("fresh, remembered", r.b, providers.SourceMemory)
	r.a.first()
	r.b.costs("a page at the other", func() { r.b.first() })

	spent := fake.Spent()
	r.clock.Move(time.Minute)
	from("stale", r.b, providers.SourceStale)
	redistest.Eventually(t, "the refresh behind it is stored", func(ctx context.Context) error {
		e, err := r.redis.Get(ctx, key(aff001))
		if err == nil {
			err = unless(r.clock.Now().Before(e[0].FreshUntil), "stale")
		}
		return err
	})
	from("refreshed by the other", r.a, providers.SourceRedis)
	if got := fake.Spent() - spent; got != 1 {
		t.Errorf("%d calls to refresh; want 1", got)
	}

	mu.Lock()
	down = &providers.Error{Account: "a-1", Kind: providers.KindUnavailable}
	mu.Unlock()
	r.clock.Move(30 * time.Minute)
	from("stale, the vendor being down", r.a, providers.SourceStale)
	from("stale, the vendor being down, at the other", r.b, providers.SourceStale)
}

// One replica's invalidation reaches the other's memory.
func replicasHear(t *testing.T, c redis.UniversalClient) {
	fake := providertest.NewFake("a-1", providertest.Options{})
	r := newReplicas(t, c, fake, fake)
	both := func() {
		for _, b := range []bench{r.a, r.b} {
			b.affiliates(nil, "aff001", "aff002")
			b.first()
		}
	}
	both()
	r.a.costs("warm", both)
	r.a.rename("aff001", "Second")
	fake.Remove(everyCommission(t, fake)[1:]...)
	r.a.invalidate([]string{"aff001"}, providers.NounCommission)
	redistest.Eventually(t, "the other replica knows", func(context.Context) error {
		return unless(r.b.affiliates(nil, "aff001")["aff001"] == "Second" && len(r.b.first().Items) == 1, "it answers what was before")
	})
	r.a.costs("what the other read since", func() {
		if got, rows := r.a.affiliates(nil, "aff001")["aff001"], len(r.a.first().Items); got != "Second" || rows != 1 {
			t.Errorf("%q, %d rows; want what there is since", got, rows)
		}
	})
}

// A slow read at one replica does not bring back what the other invalidated meanwhile, to
// either of them, nor does anybody wait for it who comes after the message.
func slowReadElsewhere(t *testing.T, c redis.UniversalClient) {
	fake := providertest.NewFake("a-1", providertest.Options{})
	slow := newLate(fake)
	r := newReplicas(t, c, fake, slow)
	var wg sync.WaitGroup
	wg.Go(func() { r.b.affiliates(nil, "aff001") })
	wg.Go(func() { r.b.first() })
	<-slow.asked
	<-slow.asked
	fake.Remove(everyCommission(t, fake)[1:]...)
	r.a.rename("aff001", "Second")
	r.a.invalidate([]string{"aff001"}, providers.NounCommission)
	r.a.rename("aff001", "Third") // so that a read by the other replica shows
	var joined sync.WaitGroup
	redistest.Eventually(t, "a read that does not wait for the slow one", func(context.Context) error {
		joined.Go(func() { r.b.affiliates(nil, "aff001") })
		select {
		case <-slow.asked:
			return nil
		case <-time.After(10 * time.Millisecond):
			return unless(false, "it waits")
		}
	})
	close(slow.open)
	wg.Wait()
	joined.Wait()
	for name, b := range map[string]bench{"the replica that read": r.b, "the other": r.a} {
		if got, rows := b.affiliates(nil, "aff001")["aff001"], len(b.first().Items); got != "Third" || rows != 1 {
			t.Errorf("%s: %q, %d rows; want what there is since the invalidation", name, got, rows)
		}
	}
}

// A replica that loses the channel empties its memory, and again when it has it back.
func channelLost(t *testing.T, c redis.UniversalClient) {
	fake := providertest.NewFake("a-1", providertest.Options{})
	s := newTiered(t, c, cache.RedisOptions{Timeout: patient})
	b := benchOf(t, fake, fake, s, time.Now)
	b.affiliates(nil, "aff001")
	empty(t, c)
	b.costs("from memory alone", func() { b.affiliates(nil, "aff001") })
	kill := func(ctx context.Context, c *redis.Client) error {
		return c.ClientKillByFilter(ctx, "TYPE", "pubsub").Err()
	}
	if cluster, ok := c.(*redis.ClusterClient); ok {
		if err := cluster.ForEachMaster(t.Context(), kill); err != nil {
			t.Fatal(err)
		}
	} else if err := kill(t.Context(), c.(*redis.Client)); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, "the loss is noticed", func(context.Context) error { return unless(!s.Linked(), "linked") })
	linked(t, s)
	b.costs("after the channel was lost", func() { b.affiliates(nil, "aff001") }, "AffiliatesByID 1")
	b.costs("remembered again", func() { b.affiliates(nil, "aff001") })
}

// Whoever has caught up has heard of every invalidation before: an event that was appended
// after one is not delivered with what was there before.
func catchesUp(t *testing.T, c redis.UniversalClient) {
	fake := providertest.NewFake("a-1", providertest.Options{})
	near, far := newTiered(t, c, cache.RedisOptions{Timeout: patient}), newTiered(t, c, cache.RedisOptions{Timeout: patient})
	a, b := benchOf(t, fake, fake, near, time.Now), benchOf(t, fake, fake, far, time.Now)
	b.affiliates(nil, "aff001", "aff002")
	hears, goes := make(chan struct{}, 2), make(chan struct{})
	far.Watch("a-1", func() { hears <- struct{}{}; <-goes })
	for _, local := range []string{"aff001", "aff002"} {
		if err := a.Invalidate(t.Context(), ids(local)); err != nil {
			t.Fatal(err)
		}
	}
	<-hears // and the second invalidation waits behind the first
	b.costs("before it is heard", func() { b.affiliates(nil, "aff002") })
	caught := make(chan error)
	go func() { caught <- far.CatchUp(t.Context()) }()
	select {
	case err := <-caught:
		t.Errorf("caught up before the invalidations are heard: %v", err)
	case <-time.After(10 * time.Millisecond): // it cannot fail by being short
	}
	close(goes)
	if err := <-caught; err != nil {
		t.Fatal(err)
	}
	b.costs("caught up", func() { b.affiliates(nil, "aff001", "aff002") }, "AffiliatesByID 2")

	empty(t, c)
	far.Watch("a-1", func() {})
	far.Lose()
	if err := far.CatchUp(t.Context()); err != nil {
		t.Errorf("while the channel is closed: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("gone")
	cancel(reason)
	if err := near.CatchUp(ctx); err != nil && !errors.Is(err, reason) {
		t.Errorf("whoever goes away: %v", err)
	}
}

// between stands between a client and its server.
type between struct {
	mu   sync.Mutex
	n    int                           // commands and pipelines so far
	once func(send func() error) error // sends the next
}

func (h *between) send(send func() error) error {
	h.mu.Lock()
	h.n++
	once := h.once
	h.once = nil
	h.mu.Unlock()
	if once != nil {
		return once(send)
	}
	return send()
}

func (h *between) next(once func(send func() error) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.once = once
}

func (h *between) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.n
}

func (h *between) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return h.send(func() error { return next(ctx, cmd) })
	}
}

func (h *between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := h.send(func() error { return next(ctx, cmds) })
		if err != nil && cmds[0].Err() == nil { // not sent
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
		}
		return err
	}
}

// What Redis said before the channel was lost does not come into memory after it is back.
func TestAnswerFromBeforeTheLoss(t *testing.T) {
	far, c := single(t)
	s := newTiered(t, c, cache.RedisOptions{Timeout: 2 * patient})
	put(t, far, "k", 1)
	var h between
	c.AddHook(&h)
	h.next(func(send func() error) error {
		err := send()
		if err := c.Publish(t.Context(), "pg:dropped", "{").Err(); err != nil { // the channel is given up
			t.Error(err)
		}
		redistest.Eventually(t, "the loss is noticed", func(context.Context) error { return unless(!s.Linked(), "linked") })
		linked(t, s)
		return err
	})
	if got := count(t, s, "k"); got != 1 {
		t.Errorf("%d; want Redis' answer", got)
	}
	empty(t, c)
	if got := count(t, s, "k"); got != -1 {
		t.Error("the answer is in memory")
	}
}

// What Redis does not take is not remembered while the channel is trusted.
func TestNotTaken(t *testing.T) {
	_, c := single(t)
	s := newTiered(t, c, cache.RedisOptions{Timeout: patient})
	var h between
	c.AddHook(&h)
	h.next(func(func() error) error { return errors.New("lost on the way") })
	put(t, s, "k", 1)
	if got := count(t, s, "k"); got != -1 || !s.Linked() {
		t.Errorf("%d, linked: %v; want nothing remembered", got, s.Linked())
	}
}

// A Redis that answers nobody is waited for once, and makes no error.
func TestRedisHangs(t *testing.T) {
	server := redistest.Start(t)
	c := server.Client(redisclient.Cache)
	var h between
	fake := providertest.NewFake("a-1", providertest.Options{})
	s := newTiered(t, c, cache.RedisOptions{Timeout: 50 * time.Millisecond})
	b := benchOf(t, fake, fake, s, time.Now)
	redistest.Eventually(t, "what is read is stored", func(context.Context) error { // 50 ms may be short for a busy machine
		before := fake.Spent()
		b.affiliates(nil, "aff001")
		return unless(fake.Spent() == before, "it is not")
	})
	c.AddHook(&h)
	server.Hold()
	b.costs("what is in memory", func() { b.affiliates(nil, "aff001") })
	const reads = 100
	for i := range reads {
		if got := b.affiliates(nil, fmt.Sprintf("aff%03d", 2+i%20)); len(got) != 1 {
			t.Fatalf("got %v; want the vendor's answer", got)
		}
	}
	if got := h.count(); got == 0 || got > 10 {
		t.Errorf("%d reads asked the hanging server %d times; want it asked once, and not again for a second", reads, got)
	}
	redistest.Eventually(t, "the loss is noticed", func(context.Context) error { return unless(!s.Linked(), "linked") })
	b.affiliates(nil, "aff001")
	b.costs("what is remembered while it hangs", func() { b.affiliates(nil, "aff001") })

	server.Release()
	linked(t, s)
	far := cache.NewRedis(c, cache.RedisOptions{Timeout: patient})
	redistest.Eventually(t, "it is stored again", func(ctx context.Context) error {
		b.affiliates(nil, "aff001")
		got, err := far.Get(ctx, key(aff001))
		if err == nil {
			err = unless(cache.Held(got) == 1, "it is not")
		}
		return err
	})
}

// A Redis that is gone makes no error, and is there again by itself. Memory is emptied at
// both ends.
func TestRedisGone(t *testing.T) {
	server := redistest.Start(t)
	fake := providertest.NewFake("a-1", providertest.Options{})
	s := newTiered(t, server.Client(redisclient.Cache), cache.RedisOptions{Timeout: time.Second})
	b := benchOf(t, fake, fake, s, time.Now)
	read := func() { b.affiliates(nil, "aff001"); b.first() }
	read()
	b.costs("warm", read)
	server.Stop()
	redistest.Eventually(t, "the loss is noticed", func(context.Context) error { return unless(!s.Linked(), "linked") })
	b.costs("after the loss", read, "AffiliatesByID 1", "Commissions page 1")
	b.costs("remembered without Redis", read)
	if err := s.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.costs("caught up with what another replica may have invalidated", read, "AffiliatesByID 1", "Commissions page 1")
	b.invalidate([]string{"aff001"}, providers.NounCommission)
	b.costs("invalidated without Redis", read, "AffiliatesByID 1", "Commissions page 1")

	put(t, s, "k", 1)
	if got := count(t, s, "k"); got != 1 {
		t.Errorf("%d; want it remembered without Redis", got)
	}
	server.Restart()
	linked(t, s)
	if got := count(t, s, "k"); got != -1 {
		t.Error("what was remembered without Redis is there still, though it may have been invalidated elsewhere")
	}
	redistest.Eventually(t, "what is read is stored again", func(context.Context) error {
		before := fake.Spent()
		read()
		return unless(fake.Spent() == before, "it is not")
	})
}
