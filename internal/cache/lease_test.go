package cache_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// Three replicas whose thousand clients want the same cold page and records ask the vendor
// as often as one client does.
func replicasReadOnce(t *testing.T, c redis.UniversalClient) {
	const clients = 1000
	var (
		pages, records atomic.Int64
		began          sync.WaitGroup
	)
	began.Add(clients)
	fake := providertest.NewFake("a-1", providertest.Options{Before: func(_ context.Context, call string) error {
		began.Wait() // nobody is late
		if strings.HasPrefix(call, "AffiliatesByID") {
			records.Add(1)
		} else {
			pages.Add(1)
		}
		return nil
	}})
	var replicas [3]bench
	for i := range replicas {
		replicas[i] = benchOf(t, fake, fake, newTiered(t, c, cache.RedisOptions{Timeout: patient}), time.Now)
	}
	var clientsDone sync.WaitGroup
	for i := range clients {
		b := replicas[i%len(replicas)]
		clientsDone.Go(func() {
			began.Done()
			if got, err := b.AffiliatesByID(t.Context(), ids("aff001", "aff002")); err != nil || len(got.Found) != 2 {
				t.Errorf("by id: %+v, %v", got, err)
			}
			if page, err := b.page(t.Context(), providers.CommissionFilter{}, 1); err != nil || len(page.Items) == 0 {
				t.Errorf("a page: %+v, %v", page, err)
			}
		})
	}
	clientsDone.Wait()
	if p, r := pages.Load(), records.Load(); p != 1 || r != 1 {
		t.Errorf("%d calls for the page and %d for the records; want one each", p, r)
	}
}

// A holder that was lost delays the others until its lease ends, and takes nobody else's.
func leasesEnd(t *testing.T, c redis.UniversalClient) {
	fake := providertest.NewFake("a-1", providertest.Options{})
	s := newTiered(t, c, cache.RedisOptions{Timeout: patient})
	b := benchOf(t, fake, fake, s, time.Now)
	k := key(aff001)
	if held := cache.Acquire(t, s, "lost", k); !held {
		t.Fatal("nobody holds the lease, and it is not given")
	}
	if cache.Acquire(t, s, "another", k) {
		t.Error("two hold the lease")
	}
	left := func() time.Duration {
		t.Helper()
		left, err := c.PTTL(t.Context(), cache.LeaseKey(k)).Result()
		if err != nil {
			t.Fatal(err)
		}
		return left
	}
	if life := left(); life <= 0 || life > cache.LeaseLife {
		t.Errorf("it ends in %v; want %v at most", life, cache.LeaseLife)
	}
	shorten := func(life time.Duration) {
		if err := c.PExpire(t.Context(), cache.LeaseKey(k), life).Err(); err != nil {
			t.Fatal(err)
		}
	}
	shorten(cache.LeaseLife / 2)
	cache.Renew(t, s, "another", k)
	if left() > cache.LeaseLife/2 {
		t.Error("another has renewed it")
	}
	cache.Renew(t, s, "lost", k)
	if left() <= cache.LeaseLife/2 {
		t.Error("its holder has not renewed it")
	}
	cache.Release(t, s, "another", k)
	if cache.Acquire(t, s, "another", k) {
		t.Error("another has given it back")
	}
	if err := s.Drop(t.Context(), "a-1", time.Now().Add(time.Hour), k); err != nil {
		t.Fatal(err)
	}
	if !cache.Acquire(t, s, "another", k) {
		t.Error("who reads what was invalidated since keeps others from reading")
	}
	if cache.Acquire(t, s, "a third", k) {
		t.Error("two hold the lease that one of them has taken over")
	}
	shorten(30 * time.Millisecond)
	b.costs("while a lost holder's lease lasts", func() { b.affiliates(nil, "aff001") }, "AffiliatesByID 1")
	redistest.Eventually(t, "the reader has given it back", func(ctx context.Context) error {
		n, err := c.Exists(ctx, cache.LeaseKey(k)).Result()
		if err == nil {
			err = unless(n == 0, "it is there still")
		}
		return err
	})
}

// A read that panics gives its lease back.
func TestLeaseOfPanic(t *testing.T) {
	far, c := single(t)
	fake := providertest.NewFake("a-1", providertest.Options{Before: func(context.Context, string) error { panic("broken") }})
	b := benchOf(t, fake, fake, far, time.Now)
	if _, err := b.AffiliatesByID(t.Context(), ids("aff001")); err == nil {
		t.Error("no error")
	}
	if n, err := c.Exists(t.Context(), cache.LeaseKey(key(aff001))).Result(); n != 0 || err != nil {
		t.Errorf("%d leases are left, %v", n, err)
	}
}

// Who waits for another replica's read leaves when the request ends.
func TestWaitForLease(t *testing.T) {
	far, _ := single(t)
	fake := providertest.NewFake("a-1", providertest.Options{})
	b := benchOf(t, fake, fake, far, time.Now)
	cache.Acquire(t, far, "busy", key(aff001))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := b.AffiliatesByID(ctx, ids("aff001")); err == nil {
		t.Error("no error")
	}
	if got := fake.Spent(); got != 0 {
		t.Errorf("%d calls while another replica reads", got)
	}
}
