package persisted_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const memory = 1 << 20

// patience is how long Redis is waited for: as long as a busy machine may take.
const patience = 10 * time.Second

func newMemory() *persisted.Memory { return persisted.NewMemory(memory, time.Now) }

// TestStores wants the same of every store.
func TestStores(t *testing.T) {
	for name, open := range map[string]func(*testing.T) persisted.Store{
		"Memory": func(*testing.T) persisted.Store { return newMemory() },
		"Redis": func(t *testing.T) persisted.Store {
			return persisted.NewRedis(redistest.Start(t).Client(redisclient.Cache), patience, newMemory())
		},
		"Cluster": func(t *testing.T) persisted.Store {
			return persisted.NewRedis(redistest.Open(t, redistest.StartCluster(t), redisclient.Cache), patience, newMemory())
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			wants(t, s, "{ a }", false)
			s.Put(t.Context(), persisted.Staff, "{ a }")
			s.Put(t.Context(), persisted.Staff, "{ b }")
			wants(t, s, "{ a }", true)
			wants(t, s, "{ b }", true)
			wants(t, s, "{ c }", false)

			wantsOf(t, s, persisted.Partners, "{ a }", false)
			s.Put(t.Context(), persisted.Partners, "{ c }")
			wantsOf(t, s, persisted.Partners, "{ c }", true)
			wants(t, s, "{ c }", false)

			longest := strings.Repeat("#", persisted.Longest)
			s.Put(t.Context(), persisted.Staff, longest)
			wants(t, s, longest, true)
			s.Put(t.Context(), persisted.Staff, longest+"#")
			wants(t, s, longest+"#", false)

			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					text := fmt.Sprintf("{ d%d }", i%5)
					s.Put(t.Context(), persisted.Staff, text)
					s.Get(t.Context(), persisted.Staff, persisted.Hash(text))
				})
			}
			wg.Wait()
			wants(t, s, "{ d4 }", true)
		})
	}
}

// wants a document of staff's, or none.
func wants(t *testing.T, s persisted.Store, document string, want bool) {
	t.Helper()
	wantsOf(t, s, persisted.Staff, document, want)
}

func wantsOf(t *testing.T, s persisted.Store, of persisted.Part, document string, want bool) {
	t.Helper()
	got, ok := s.Get(t.Context(), of, persisted.Hash(document))
	if ok != want || ok && got != document {
		t.Errorf("%.20q is found in %q: %v, as %.20q, want %v", document, of, ok, got, want)
	}
}

// TestBounds wants memory to stay within its bytes, and to forget what has lived.
func TestBounds(t *testing.T) {
	now := time.Unix(0, 0)
	m := persisted.NewMemory(memory, func() time.Time { return now })
	filler := strings.Repeat("#", 10<<10)
	for i := range 500 {
		m.Put(t.Context(), persisted.Staff, fmt.Sprint(i, filler))
	}
	if got := m.Bytes(); got > memory/2 || got < memory/4 {
		t.Errorf("500 documents of %d bytes take %d of %d", len(filler), got, memory)
	}

	m.Put(t.Context(), persisted.Staff, "{ a }")
	now = now.Add(persisted.FirstLifetime)
	wants(t, m, "{ a }", false)
	m.Put(t.Context(), persisted.Staff, "{ a }")
	now = now.Add(persisted.FirstLifetime - 1)
	wants(t, m, "{ a }", true) // its second use
	now = now.Add(persisted.UsedLifetime - 1)
	wants(t, m, "{ a }", true)
	now = now.Add(1)
	wants(t, m, "{ a }", false)
}

// TestApart wants each part bounded by itself: what partners send drives none of staff's
// documents out.
func TestApart(t *testing.T) {
	m := newMemory()
	for i := range 100 {
		m.Put(t.Context(), persisted.Staff, fmt.Sprint("{ a", i, " }"))
	}
	filler := strings.Repeat("#", 10<<10)
	for i := range 1000 {
		m.Put(t.Context(), persisted.Partners, fmt.Sprint(i, filler))
	}
	if got := m.Bytes(); got > memory {
		t.Errorf("%d bytes of %d", got, memory)
	}
	for i := range 100 {
		wants(t, m, fmt.Sprint("{ a", i, " }"), true)
	}
}

// TestQuota wants each viewer to have as much kept as the next, no more, and more with time.
func TestQuota(t *testing.T) {
	now := time.Unix(0, 0)
	q := persisted.NewQuota(func() time.Time { return now })
	take := func(viewer string, size int) (bytes int) {
		document := strings.Repeat("#", size)
		for range 10_000 {
			if !q.Take(viewer, document) {
				break
			}
			bytes += size
		}
		return bytes
	}
	const quota = 512 << 10
	for viewer, size := range map[string]int{"a": 100, "b": 10 << 10, "c": persisted.Longest} {
		if got := take(viewer, size); got > quota || got < quota/4 {
			t.Errorf("%s has %d bytes kept in documents of %d", viewer, got, size)
		}
		if got := take(viewer, size); got != 0 {
			t.Errorf("%s has %d bytes more kept", viewer, got)
		}
		now = now.Add(persisted.FirstLifetime)
		if got := take(viewer, size); got > quota || got < quota/4 {
			t.Errorf("%s has %d bytes kept after a while", viewer, got)
		}
	}
}

// TestLifetimes wants a document in Redis for hours, and for days from its second use, from
// whichever memory.
func TestLifetimes(t *testing.T) {
	server := redistest.Start(t)
	c := server.Client(redisclient.Cache)
	first, second := persisted.NewRedis(c, patience, newMemory()), persisted.NewRedis(c, patience, newMemory())
	for document, reader := range map[string]*persisted.Redis{"{ a }": first, "{ b }": second} {
		first.Put(t.Context(), persisted.Staff, document)
		keys := c.Keys(t.Context(), "*"+persisted.Hash(document)).Val()
		if len(keys) != 1 {
			t.Fatal(keys)
		}
		if got := c.TTL(t.Context(), keys[0]).Val(); got <= 0 || got > persisted.FirstLifetime {
			t.Errorf("%s, sent once, lives for %v", document, got)
		}
		wants(t, reader, document, true)
		if got := c.TTL(t.Context(), keys[0]).Val(); got <= persisted.FirstLifetime || got > persisted.UsedLifetime {
			t.Errorf("%s, used twice, lives for %v", document, got)
		}
	}
}

// TestShared wants what one server was sent known to the others, for as long as the first
// one said, even when Redis has gone.
func TestShared(t *testing.T) {
	server := redistest.Start(t)
	first := persisted.NewRedis(server.Client(redisclient.Cache), patience, newMemory())
	now := time.Now()
	second := persisted.NewRedis(server.Client(redisclient.Cache), patience, persisted.NewMemory(memory, func() time.Time { return now }))
	first.Put(t.Context(), persisted.Staff, "{ a }")
	first.Put(t.Context(), persisted.Staff, "{ b }")
	wants(t, second, "{ a }", true)
	wantsOf(t, second, persisted.Partners, "{ b }", false)
	first.Put(t.Context(), persisted.Partners, "{ p }")
	wantsOf(t, second, persisted.Partners, "{ p }", true)
	wants(t, second, "{ p }", false)

	server.Stop()
	wants(t, first, "{ b }", true)
	wants(t, second, "{ a }", true)
	wants(t, second, "{ b }", false)
	second.Put(t.Context(), persisted.Staff, "{ c }")
	wants(t, second, "{ c }", true)

	now = now.Add(persisted.UsedLifetime + time.Minute)
	wants(t, second, "{ a }", false)
}

// TestForged wants a document in Redis that is not what its hash says, or that never ends,
// taken for none.
func TestForged(t *testing.T) {
	c := redistest.Start(t).Client(redisclient.Cache)
	s := persisted.NewRedis(c, patience, newMemory())
	s.Put(t.Context(), persisted.Staff, "{ a }")
	keys, err := c.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("%v %v", keys, err)
	}
	if life := c.TTL(t.Context(), keys[0]).Val(); life <= 0 || life > persisted.FirstLifetime {
		t.Errorf("it lives for %v", life)
	}
	for value, lifetime := range map[string]time.Duration{"{ forged }": time.Hour, "{ a }": 0} {
		if err := c.Set(t.Context(), keys[0], value, lifetime).Err(); err != nil {
			t.Fatal(err)
		}
		wants(t, persisted.NewRedis(c, patience, newMemory()), "{ a }", false)
	}
}

// deadlines is a hook that notes how long Redis may take.
type deadlines struct {
	redis.Hook
	most time.Duration
}

func (d *deadlines) see(ctx context.Context) {
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(time.Hour)
	}
	d.most = max(d.most, time.Until(end))
}

func (d *deadlines) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d *deadlines) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, c redis.Cmder) error { d.see(ctx); return next(ctx, c) }
}

func (d *deadlines) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, c []redis.Cmder) error { d.see(ctx); return next(ctx, c) }
}

// TestHeld wants a Redis that answers nobody to be as good as none, after as long as a
// request waits.
func TestHeld(t *testing.T) {
	server := redistest.Start(t)
	c, seen := server.Client(redisclient.Cache), &deadlines{}
	c.AddHook(seen)
	s := persisted.NewRedis(c, 50*time.Millisecond, newMemory())
	server.Hold()
	defer server.Release()
	wants(t, s, "{ a }", false)
	s.Put(t.Context(), persisted.Staff, "{ a }")
	wants(t, s, "{ a }", true)
	if seen.most <= 0 || seen.most > 50*time.Millisecond {
		t.Errorf("a request waits for Redis up to %v", seen.most)
	}
}
