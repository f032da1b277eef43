package cache_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// soon waits for nobody: in most tests nothing is late.
func soon(context.Context) error { return nil }

// forget is Forget of a-1 as the command does it. It returns when what it tells replicas
// has reached every node.
func forget(t *testing.T, c redis.UniversalClient, wait, besides func(context.Context) error) (entries int) {
	t.Helper()
	var mu sync.Mutex
	var heard []*redis.PubSub
	listen := func(ctx context.Context, node *redis.Client) error {
		s := node.Subscribe(ctx, "pg:dropped")
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, s)
		_, err := s.Receive(ctx)
		return err
	}
	var err error
	if cluster, ok := c.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(t.Context(), listen)
	} else {
		err = listen(t.Context(), c.(*redis.Client))
	}
	if err != nil {
		t.Fatal(err)
	}
	entries, err = cache.NewRedis(c, cache.RedisOptions{Timeout: patient}).Forget(t.Context(), "a-1", wait, besides)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range heard {
		for told := 0; told < 2; {
			m, err := s.ReceiveMessage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(m.Payload, `"Account":"a-1"`) && strings.Contains(m.Payload, `"All":true`) {
				told++
			}
		}
		_ = s.Close()
	}
	return entries
}

// keysOf are the keys of a Redis that match.
func keysOf(t *testing.T, c redis.UniversalClient, pattern string) []string {
	t.Helper()
	found := map[string]bool{}
	if err := redisclient.Scan(t.Context(), c, pattern, func(_ context.Context, _ redis.Cmdable, keys []string) error {
		for _, k := range keys {
			found[k] = true
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(found))
}

// Everything of an account goes, from Redis, of whatever release, and from the memories of
// both replicas; nothing of anybody else's.
func forgetsAll(t *testing.T, c redis.UniversalClient) {
	fake, other := providertest.NewFake("a-1", providertest.Options{}), providertest.NewFake("a-10", providertest.Options{})
	r := newReplicas(t, c, fake, fake)
	others := []bench{benchOf(t, other, other, r.a.store, r.clock.Now), benchOf(t, other, other, r.b.store, r.clock.Now)}
	tenth := []providers.ID{{Account: "a-10", Noun: providers.NounAffiliate, Local: "aff001"}}
	warm := func(b bench, id []providers.ID) {
		t.Helper()
		if _, err := b.AffiliatesByID(t.Context(), id); err != nil {
			t.Error(err)
		}
		b.first()
	}
	for _, b := range []bench{r.a, r.b} {
		warm(b, ids("aff001"))
	}
	for _, b := range others {
		warm(b, tenth)
	}
	const old, foreign = "pg:0123456789ab:a-1/record/Affiliate/aff001", "pg:0123456789ab:b-2/page/Affiliate/1/pg:0123456789ab:a-1/record"
	for _, k := range []string{old, foreign} {
		if err := c.Set(t.Context(), k, "of another release", time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
	}
	mine, theirs := len(keysOf(t, c, "pg:*:a-1/*")), keysOf(t, c, "pg:*:a-10/*")
	fake.Remove(everyCommission(t, fake)[1:]...)
	r.a.rename("aff001", "Second")

	if got := forget(t, c, soon, nil); got != mine-1 || got < 10 { // all but foreign
		t.Errorf("%d entries forgotten of %d", got, mine-1)
	}
	if got := keysOf(t, c, "pg:*:a-1/*"); !slices.Equal(got, []string{foreign}) {
		t.Errorf("left of the account in Redis: %q", got)
	}
	if d := cmp.Diff(theirs, keysOf(t, c, "pg:*:a-10/*")); d != "" {
		t.Errorf("another account's entries (-before +after):\n%s", d)
	}
	redistest.Eventually(t, "both replicas know", func(context.Context) error {
		for _, b := range []bench{r.a, r.b} {
			if b.affiliates(nil, "aff001")["aff001"] != "Second" || len(b.first().Items) != 1 {
				return errors.New("one shows what was there before")
			}
		}
		return nil
	})
	for _, b := range others {
		trace := &providers.Trace{}
		if _, err := b.AffiliatesByID(providers.WithTrace(t.Context(), trace), tenth); err != nil || trace.Calls()[0].Source != providers.SourceMemory {
			t.Errorf("another account: %v, %+v; want it remembered where it was", err, trace.Calls())
		}
		b.costs("another account", func() { warm(b, tenth) })
	}
	for _, b := range []bench{r.a, r.b} {
		b.costs("what was read since is remembered", func() { warm(b, ids("aff001")) })
	}
}

// A slow read that began before brings nothing back: neither at a replica that hears, nor
// at one that hears nothing.
func forgetWhileReading(t *testing.T, c redis.UniversalClient) {
	fake := providertest.NewFake("a-1", providertest.Options{})
	slow := newLate(fake)
	r := newReplicas(t, c, fake, slow)
	deaf := benchOf(t, fake, slow, r.redis, r.clock.Now)
	var wg sync.WaitGroup
	for i, b := range []bench{r.b, deaf} { // each something else, or one would wait for the other
		wg.Go(func() { b.affiliates(nil, fmt.Sprintf("aff%03d", i+1)) })
		wg.Go(func() {
			if _, err := b.page(t.Context(), providers.CommissionFilter{}, i+1); err != nil {
				t.Error(err)
			}
		})
	}
	for range 4 {
		<-slow.asked
	}
	fake.Remove(everyCommission(t, fake)[1:]...)
	r.a.rename("aff001", "Second")
	forget(t, c, soon, nil)
	close(slow.open)
	wg.Wait()
	if got := keysOf(t, c, "pg:*:a-1/*"); len(got) > 0 {
		t.Errorf("in Redis after the slow reads: %q", got)
	}
	for name, b := range map[string]bench{"the replica that read": r.b, "the other": r.a} {
		if got, rows := b.affiliates(nil, "aff001")["aff001"], len(b.first().Items); got != "Second" || rows != 1 {
			t.Errorf("%s: %q, %d rows; want what there is since", name, got, rows)
		}
	}
}

// What was on its way to Redis when the bar came is removed, because that is waited for.
func forgetWhileWriting(t *testing.T, c redis.UniversalClient) {
	var h between
	writer := redistest.Open(t, targetOf(t, c), redisclient.Durable)
	writer.AddHook(&h)
	s := cache.NewRedis(writer, cache.RedisOptions{Timeout: patient})
	put(t, s, "a-1/count/Affiliate/other", 1) // the script is known
	began, err := s.Epoch(t.Context(), "a-1")
	if err != nil {
		t.Fatal(err)
	}
	ready, release, done := make(chan bool), make(chan bool), make(chan error)
	on := func(next func(func() error) error) func(func() error) error {
		return func(send func() error) error { h.next(next); return send() }
	}
	h.next(on(on(func(send func() error) error { // the bar, what is there, and then the write
		ready <- true
		<-release
		return send()
	})))
	go func() {
		end := time.Now().Add(time.Hour)
		done <- s.Put(t.Context(), map[cache.Key]cache.Entry{key("a-1/count/Affiliate/late"): {Value: cache.Count(1), Began: began, FreshUntil: end, StaleUntil: end}})
	}()
	<-ready
	waits := 0
	forget(t, c, func(context.Context) error {
		if waits++; waits > 1 {
			return nil
		}
		release <- true
		err := <-done
		if got := keysOf(t, c, "pg:*:a-1/*late"); len(got) != 1 {
			t.Errorf("what was on its way is not there: %q", got)
		}
		return err
	}, nil)
	if got := keysOf(t, c, "pg:*:a-1/*"); len(got) > 0 || waits != 2 {
		t.Errorf("left in Redis: %q, after %d waits", got, waits)
	}
}

// targetOf is where a client of a test's is connected to.
func targetOf(t *testing.T, c redis.UniversalClient) redisclient.Target {
	t.Helper()
	var hosts []string
	cluster, ok := c.(*redis.ClusterClient)
	if ok {
		hosts = cluster.Options().Addrs
	} else {
		hosts = []string{c.(*redis.Client).Options().Addr}
	}
	target := redisclient.Target{Cluster: ok}
	for _, h := range hosts {
		target.Addresses = append(target.Addresses, redisclient.NewAddress("redis://"+h))
	}
	return target
}

// reminded is a vendor that answers what the cache remembers.
type reminded struct{ *providertest.Fake }

func (r reminded) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	b, err := r.Fake.AffiliatesByID(ctx, ids, need...)
	for id := range b.Found {
		if a := providers.Peek[providers.Affiliate](ctx, id); a != nil {
			whole := *a
			whole.Known = nil
			b.Found[id] = &whole
		}
	}
	return b, err
}

// A read that begins afterwards, at a replica that has not heard, and that is given what
// was remembered there, does not store it as if it were new.
func forgetPeeked(t *testing.T, c redis.UniversalClient) {
	fake := providertest.NewFake("a-1", providertest.Options{Stubs: true})
	r := newReplicas(t, c, fake, reminded{fake})
	r.b.first() // brings stubs of affiliates
	stub := r.b.first().Items[0].AffiliateID.Local
	r.a.rename(stub, "Second")
	forget(t, c, soon, func(context.Context) error { // what was in Redis is gone, and nobody was told
		if got := r.b.affiliates([]string{"clicks"}, stub)[stub]; got == "Second" {
			t.Error("nothing was remembered")
		}
		return nil
	})
	if got := keysOf(t, c, "pg:*:a-1/record/Affiliate/*"); len(got) > 0 {
		t.Errorf("in Redis: %q", got)
	}
	redistest.Eventually(t, "the replica knows", func(context.Context) error {
		return unless(r.b.affiliates(nil, stub)[stub] == "Second", "it shows what was there before")
	})
}

// What was read from Redis before, and comes in after the replica heard, is not in its memory.
func TestForgetWhileAnswering(t *testing.T) {
	var h between
	far, c := single(t)
	client := redistest.Open(t, targetOf(t, c), redisclient.Durable)
	s := newTiered(t, client, cache.RedisOptions{Timeout: patient})
	put(t, far, "a-1/count/Affiliate/x", 1)
	var told atomic.Int32
	s.OnForget(func() { told.Add(1) })
	client.AddHook(&h)
	h.next(func(send func() error) error {
		err := send()
		forget(t, c, soon, nil)
		redistest.Eventually(t, "the replica has heard", func(context.Context) error { return unless(told.Load() == 2, fmt.Sprint(told.Load(), " times")) })
		return err
	})
	if got := count(t, s, "a-1/count/Affiliate/x"); got != 1 {
		t.Errorf("%d; want Redis' answer", got)
	}
	if got := count(t, s, "a-1/count/Affiliate/x"); got != -1 {
		t.Error("the answer is in memory")
	}
}

// A replica that has heard does not remember what it began to read before when Redis goes
// away; and one that may not have heard is told so.
func TestForgetWithoutRedis(t *testing.T) {
	server := redistest.Start(t)
	fake := providertest.NewFake("a-1", providertest.Options{})
	slow := newLate(fake)
	s := newTiered(t, server.Client(redisclient.Cache), cache.RedisOptions{Timeout: time.Second})
	var told atomic.Int32
	s.OnForget(func() { told.Add(1) })
	b := benchOf(t, fake, slow, s, time.Now)
	var wg sync.WaitGroup
	wg.Go(func() { b.affiliates(nil, "aff001") })
	<-slow.asked
	b.rename("aff001", "Second")
	forget(t, server.Client(redisclient.Durable), soon, nil)
	redistest.Eventually(t, "the replica has heard", func(context.Context) error { return unless(told.Load() == 2, fmt.Sprint(told.Load(), " times")) })
	server.Stop()
	redistest.Eventually(t, "the loss is noticed", func(context.Context) error { return unless(!s.Linked(), "linked") })
	if got := told.Load(); got != 3 {
		t.Errorf("told %d times; want it told when the channel was lost", got)
	}
	close(slow.open)
	wg.Wait()
	if got := b.affiliates(nil, "aff001")["aff001"]; got != "Second" {
		t.Errorf("%q is remembered", got)
	}
	server.Restart()
	linked(t, s)
	if got := told.Load(); got != 4 {
		t.Errorf("told %d times; want it told when the channel was back", got)
	}
}

// Without Redis, or where something besides cannot be done, there is an error, and nobody
// is told that it is done.
func TestForgetFails(t *testing.T) {
	server := redistest.Start(t)
	c := server.Client(redisclient.Cache)
	far := cache.NewRedis(c, cache.RedisOptions{Timeout: patient})
	s := newTiered(t, c, cache.RedisOptions{Timeout: patient})
	s.OnForget(func() { t.Error("the replica is told") })
	put(t, far, "a-1/count/Affiliate/x", 1)
	broken := errors.New("broken")
	fails := func(context.Context) error { return broken }
	if _, err := far.Forget(t.Context(), "a-1", fails, nil); !errors.Is(err, broken) {
		t.Errorf("a wait that fails: %v", err)
	}
	if _, err := far.Forget(t.Context(), "a-1", soon, fails); !errors.Is(err, broken) {
		t.Errorf("what fails besides: %v", err)
	}
	s.OnForget(nil)
	server.Stop()
	if _, err := far.Forget(t.Context(), "a-1", soon, nil); err == nil {
		t.Error("no error without Redis")
	}
}

// Holding finds a text in keys and in what stands there, of all releases, and says whose
// they are.
func holding(t *testing.T, c redis.UniversalClient) {
	s := cache.NewRedis(c, cache.RedisOptions{Timeout: patient})
	put(t, s, "a-1/count/Affiliate/needle", 1)
	put(t, s, "a-1/count/Affiliate/hay", 1)
	for key, text := range map[string]string{
		"pg:0123456789ab:a-1/record/Affiliate/1": "12345678{}\n{\"needle\"}", "pg:0123456789ab:b-2/record/Affiliate/1": "needle",
		"pg:0123456789ab:b-2/record/Affiliate/2": "", "elsewhere:a-1/needle": "needle",
	} {
		if err := c.Set(t.Context(), key, text, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.HSet(t.Context(), "pg:ledger:entry:a-1/x", "v", "needle").Err(); err != nil { // no entry of the cache's, though as long
		t.Fatal(err)
	}
	got, err := cache.Holding(t.Context(), c, func(text string) bool { return strings.Contains(text, "needle") })
	if d := cmp.Diff(map[string]int{"a-1": 2, "b-2": 1}, got); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}
