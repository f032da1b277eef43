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
			s.Put(t.Context(), persisted.Staff, "{ a }", time.Hour)
			s.Put(t.Context(), persisted.Staff, "{ b }", time.Hour)
			wants(t, s, "{ a }", true)
			wants(t, s, "{ b }", true)
			wants(t, s, "{ c }", false)

			wantsOf(t, s, persisted.Partners, "{ a }", false)
			s.Put(t.Context(), persisted.Partners, "{ c }", time.Hour)
			wantsOf(t, s, persisted.Partners, "{ c }", true)
			wants(t, s, "{ c }", false)

			longest := strings.Repeat("#", persisted.Longest)
			s.Put(t.Context(), persisted.Staff, longest, time.Hour)
			wants(t, s, longest, true)
			s.Put(t.Context(), persisted.Staff, longest+"#", time.Hour)
			wants(t, s, longest+"#", false)

			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					text := fmt.Sprintf("{ d%d }", i%5)
					s.Put(t.Context(), persisted.Staff, text, time.Hour)
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
		m.Put(t.Context(), persisted.Staff, fmt.Sprint(i, filler), time.Hour)
	}
	if got := m.Bytes(); got > memory || got < memory/2 {
		t.Errorf("500 documents of %d bytes take %d of %d", len(filler), got, memory)
	}

	m.Put(t.Context(), persisted.Staff, "{ a }", time.Hour)
	now = now.Add(time.Hour - 1)
	wants(t, m, "{ a }", true)
	now = now.Add(1)
	wants(t, m, "{ a }", false)
}

// TestShared wants what one server was sent known to the others, for as long as the first one said, even when Redis has gone.
func TestShared(t *testing.T) {
	server := redistest.Start(t)
	first := persisted.NewRedis(server.Client(redisclient.Cache), patience, newMemory())
	now := time.Now()
	second := persisted.NewRedis(server.Client(redisclient.Cache), patience, persisted.NewMemory(memory, func() time.Time { return now }))
	first.Put(t.Context(), persisted.Staff, "{ a }", time.Hour)
	first.Put(t.Context(), persisted.Staff, "{ b }", time.Hour)
	wants(t, second, "{ a }", true)
	wantsOf(t, second, persisted.Partners, "{ b }", false)
	first.Put(t.Context(), persisted.Partners, "{ p }", time.Hour)
	wantsOf(t, second, persisted.Partners, "{ p }", true)
	wants(t, second, "{ p }", false)

	server.Stop()
	wants(t, first, "{ b }", true)
	wants(t, second, "{ a }", true)
	wants(t, second, "{ b }", false)
	second.Put(t.Context(), persisted.Staff, "{ c }", time.Hour)
	wants(t, second, "{ c }", true)

	now = now.Add(time.Hour + time.Minute)
	wants(t, second, "{ a }", false)
}

// TestForged wants a document in Redis that is not what its hash says, or that never ends, taken for none.
func TestForged(t *testing.T) {
	c := redistest.Start(t).Client(redisclient.Cache)
	s := persisted.NewRedis(c, patience, newMemory())
	s.Put(t.Context(), persisted.Staff, "{ a }", time.Hour)
	keys, err := c.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("%v %v", keys, err)
	}
	if life := c.TTL(t.Context(), keys[0]).Val(); life <= 0 || life > time.Hour {
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

// TestHeld wants a Redis that answers nobody to be as good as none, after as long as a request waits.
func TestHeld(t *testing.T) {
	server := redistest.Start(t)
	c, seen := server.Client(redisclient.Cache), &deadlines{}
	c.AddHook(seen)
	s := persisted.NewRedis(c, 50*time.Millisecond, newMemory())
	server.Hold()
	defer server.Release()
	wants(t, s, "{ a }", false)
	s.Put(t.Context(), persisted.Staff, "{ a }", time.Hour)
	wants(t, s, "{ a }", true)
	if seen.most <= 0 || seen.most > 50*time.Millisecond {
		t.Errorf("a request waits for Redis up to %v", seen.most)
	}
}
