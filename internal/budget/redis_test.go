package budget_test

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/budget/budgettest"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
)

var quiet = slog.New(slog.DiscardHandler)

// strict fails a test when a budget has anything to say: that Redis does not answer.
func strict(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(failing{t}, nil))
}

type failing struct{ t *testing.T }

func (f failing) Write(line []byte) (int, error) {
	f.t.Errorf("%s", line)
	return len(line), nil
}

// shared is one replica's budget at a Redis. It goes by the test's clock, and is patient,
// for the machine may be busy.
func shared(t *testing.T, target redisclient.Target, log *slog.Logger, limit int, hooks ...redis.Hook) *budget.Redis {
	t.Helper()
	t.Cleanup(func() { time.Sleep(time.Minute) }) // after the client was closed: what it left asleep wakes in the bubble
	client := redistest.Open(t, target, redisclient.Cache)
	for _, h := range hooks {
		client.AddHook(h)
	}
	b := budget.NewRedis(budget.RedisOptions{
		Client: client, Account: t.Name(), Limit: limit, Window: time.Minute,
		Logger: log, Now: time.Now, Patience: 10 * time.Second,
	})
	t.Cleanup(b.Close)
	return b
}

func TestRedis(t *testing.T) {
	server := redistest.Start(t).Target()
	budgettest.Run(t, func(t *testing.T, limit int, _ time.Duration) providers.Budget {
		return shared(t, server, strict(t), limit)
	})
}

func TestRedisCluster(t *testing.T) {
	cluster := redistest.StartCluster(t)
	budgettest.Run(t, func(t *testing.T, limit int, _ time.Duration) providers.Budget {
		return shared(t, cluster, strict(t), limit)
	})
}

// granted is when calls were let through, in order.
type granted struct {
	mu sync.Mutex
	at []time.Time
}

// hammer lets callers come to a budget at random in the next two minutes, and stay until
// each had its call.
func (g *granted) hammer(ctx context.Context, wg *sync.WaitGroup, b providers.Budget, callers int, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	for range callers {
		delay := time.Duration(random.Int64N(int64(2 * time.Minute)))
		wg.Go(func() {
			time.Sleep(delay)
			if b.Take(ctx) == nil {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.at = append(g.at, time.Now())
			}
		})
	}
}

// most is the largest number of calls in any span shorter than a window.
func (g *granted) most(window time.Duration) int {
	slices.SortFunc(g.at, time.Time.Compare)
	most := 0
	for i, first := 0, 0; i < len(g.at); i++ {
		for g.at[i].Sub(g.at[first]) >= window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// TestReplicas: however many replicas there are, no window holds more calls than the limit;
// and what is allowed is used.
func TestReplicas(t *testing.T) {
	server := redistest.Start(t).Target()
	synctest.Test(t, func(t *testing.T) {
		const limit, callers = 7, 40
		var g granted
		var wg sync.WaitGroup
		start := time.Now()
		for i := range 3 {
			g.hammer(t.Context(), &wg, shared(t, server, strict(t), limit), callers, uint64(i))
		}
		wg.Wait()
		if got, want := len(g.at), 3*callers; got != want {
			t.Errorf("%d calls were let through, want %d", got, want)
		}
		if got := g.most(time.Minute); got != limit {
			t.Errorf("up to %d calls in a window, want %d", got, limit)
		}
		if got, most := time.Since(start), 20*time.Minute; got > most { // 120 calls, 7 a minute
			t.Errorf("took %v, want at most %v", got, most)
		}
	})
}

// TestExhaustedEverywhere: what a vendor said to one replica holds for all.
func TestExhaustedEverywhere(t *testing.T) {
	server := redistest.Start(t).Target()
	synctest.Test(t, func(t *testing.T) {
		a, b := shared(t, server, strict(t), 10), shared(t, server, strict(t), 10)
		a.Exhausted(5 * time.Minute)
		start := time.Now()
		time.Sleep(2 * time.Second) // what b tells may be a second old
		if got := b.State(); got.Remaining != 0 || got.ResetAt.Sub(start).Round(time.Second) != 5*time.Minute {
			t.Errorf("the other's state is %+v", got)
		}
		if err := b.Take(t.Context()); err != nil || time.Since(start).Round(time.Second) != 5*time.Minute {
			t.Errorf("the other was let through after %v (%v), want 5 minutes", time.Since(start), err)
		}
	})
}

// TestRedisGone: when Redis stops in the middle, and comes back with nothing, calls go on,
// each replica's within its share, and no window holds more than the limit.
func TestRedisGone(t *testing.T) {
	server := redistest.Start(t)
	restart, restarted := make(chan bool), make(chan bool)
	go func() { // where the clock is real, for it takes a while
		defer close(restarted)
		<-restart
		server.Restart()
	}()
	synctest.Test(t, func(t *testing.T) {
		const limit, callers = 10, 100
		replicas := []*budget.Redis{shared(t, server.Target(), quiet, limit), shared(t, server.Target(), quiet, limit)}
		var all granted
		var wg sync.WaitGroup
		each := make([]granted, len(replicas))
		for i, b := range replicas {
			each[i].hammer(t.Context(), &wg, b, callers, uint64(i))
		}
		time.Sleep(150 * time.Second)
		server.Stop()
		stopped := time.Now()
		time.Sleep(5 * time.Minute)
		restart <- true
		<-restarted
		back := time.Now()
		wg.Wait()
		for i := range each {
			all.at = append(all.at, each[i].at...)
			if got := len(each[i].at); got != callers {
				t.Errorf("replica %d: %d calls were let through, want %d", i, got, callers)
			}
			var alone granted
			for _, at := range each[i].at {
				if at.Sub(stopped) >= time.Minute && at.Before(back) {
					alone.at = append(alone.at, at)
				}
			}
			if got, want := alone.most(time.Minute), limit/len(replicas); got != want {
				t.Errorf("replica %d: up to %d calls in a window without Redis, want its share, %d", i, got, want)
			}
		}
		if got := all.most(time.Minute); got != limit {
			t.Errorf("up to %d calls in a window, want %d", got, limit)
		}
	})
}

// severed is a Redis that can be cut off for one client, and counts the commands that the
// client sent.
type severed struct {
	cut  atomic.Bool
	sent atomic.Int64
}

func (s *severed) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *severed) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		s.sent.Add(1)
		if s.cut.Load() {
			for _, cmd := range cmds {
				cmd.SetErr(io.ErrUnexpectedEOF)
			}
			return io.ErrUnexpectedEOF
		}
		return next(ctx, cmds)
	}
}

func (s *severed) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		s.sent.Add(1)
		if s.cut.Load() {
			cmd.SetErr(io.ErrUnexpectedEOF)
			return cmd.Err()
		}
		return next(ctx, cmd)
	}
}

// TestCutOffAlone: what a replica called while it alone had no Redis is told to Redis
// afterwards, and what it heard from its vendor as well.
func TestCutOffAlone(t *testing.T) {
	server := redistest.Start(t).Target()
	synctest.Test(t, func(t *testing.T) {
		const limit = 10
		var link severed
		a, b := shared(t, server, quiet, limit, &link), shared(t, server, strict(t), limit)
		for _, r := range []*budget.Redis{a, b, a} { // so that a knows of two
			if err := r.Take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		link.cut.Store(true)
		sent := link.sent.Load()
		for range 3 { // 7 are left, and half of them are a's
			if err := a.Take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := link.sent.Load() - sent; got != 1 {
			t.Errorf("three calls asked Redis %d times, want once", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := a.Take(ctx); err == nil {
			t.Error("a fourth of half of seven places")
		}
		a.Exhausted(30 * time.Second)

		time.Sleep(2 * time.Second)
		if got := b.State(); got.Remaining != limit-3 {
			t.Errorf("before the return: %+v, want 3 calls counted", got)
		}
		link.cut.Store(false)
		time.Sleep(2 * time.Second)
		if got := b.State(); got.Remaining != 0 {
			t.Errorf("after the return: %+v, want the vendor's refusal known", got)
		}
		time.Sleep(28 * time.Second)
		if got := b.State(); got.Remaining != limit-6 {
			t.Errorf("after the refusal: %+v, want 6 calls counted", got)
		}
	})
}

// TestReturn: who is back first keeps to its share, for it does not know what the others
// called meanwhile.
func TestReturn(t *testing.T) {
	server := redistest.Start(t).Target()
	synctest.Test(t, func(t *testing.T) {
		const limit = 10
		var link severed
		a, b := shared(t, server, quiet, limit, &link), shared(t, server, quiet, limit, &link)
		attempt := func(r *budget.Redis, want bool) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := r.Take(ctx); (err == nil) != want {
				t.Errorf("got %v, want let through: %t", err, want)
			}
		}
		for _, r := range []*budget.Redis{a, b, a} { // so that both know of two
			attempt(r, true)
		}
		time.Sleep(2 * time.Minute)
		link.cut.Store(true)
		for _, r := range []*budget.Redis{a, b} {
			for range limit / 2 {
				attempt(r, true)
			}
			attempt(r, false)
		}
		link.cut.Store(false)
		time.Sleep(2 * time.Second)
		attempt(a, false)
		time.Sleep(2 * time.Minute)
		for range limit {
			attempt(a, true)
		}
		attempt(b, false)
	})
}

// TestSlowRedis: calls go on without a Redis that accepts connections and answers nobody.
func TestSlowRedis(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(redisclient.Cache)
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	server.Hold()
	defer server.Release()
	b := budget.NewRedis(budget.RedisOptions{
		Client: client, Account: "a", Limit: 10, Window: time.Hour, Logger: quiet, Replicas: 1,
	})
	t.Cleanup(b.Close)
	for range 5 {
		if err := b.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.State(); got.Remaining != 5 || got.Limit != 10 {
		t.Errorf("%+v, want 5 of 10", got)
	}
}

// TestRedisClock: replicas whose clocks are decades apart share a window, for Redis's own
// clock counts.
func TestRedisClock(t *testing.T) {
	server := redistest.Start(t).Target()
	takeOne := func(t *testing.T, left int) {
		t.Helper()
		b := budget.NewRedis(budget.RedisOptions{
			Client: redistest.Open(t, server, redisclient.Cache), Account: "a", Limit: 10, Window: time.Hour,
			Logger: strict(t), Patience: 10 * time.Second, Beat: time.Millisecond,
		})
		defer b.Close()
		if err := b.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := b.State()
		if reset := time.Until(got.ResetAt); got.Remaining != left || reset < 59*time.Minute || reset > 61*time.Minute {
			t.Errorf("%+v, want %d left until in an hour", got, left)
		}
	}
	takeOne(t, 9)
	synctest.Test(t, func(t *testing.T) { takeOne(t, 8) }) // at the turn of the millennium
	takeOne(t, 7)

	// It goes on, too.
	b := budget.NewRedis(budget.RedisOptions{
		Client: redistest.Open(t, server, redisclient.Cache), Account: "b", Limit: 1, Window: 10 * time.Millisecond, Logger: strict(t),
		Patience: 10 * time.Second, Beat: time.Millisecond,
	})
	t.Cleanup(b.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 3 {
		if err := b.Take(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoSharedBudget(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("NewRedis of no limit did not panic")
		}
	}()
	budget.NewRedis(budget.RedisOptions{Window: time.Minute})
}
