package budget_test

import (
	"context"
	"fmt"
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
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// emptied is a Redis without data: the clock of each bubble begins anew.
func emptied(t *testing.T, target redisclient.Target) redisclient.Target {
	t.Helper()
	err := redistest.Open(t, target, redisclient.Cache).Del(context.Background(), "partnergraph:shares:{shares}:members").Err()
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// sharesOf are one replica's shares at a Redis, by the test's clock.
func sharesOf(t *testing.T, target redisclient.Target, replicas int, log *slog.Logger, hooks ...redis.Hook) *budget.RedisShares {
	t.Helper()
	client := redistest.Open(t, target, redisclient.Cache)
	for _, h := range hooks {
		client.AddHook(h)
	}
	s := budget.NewRedisShares(budget.SharesOptions{
		Client: client, Replicas: replicas, Logger: log, Now: time.Now, Patience: 10 * time.Second,
	})
	t.Cleanup(s.Close)
	return s
}

func calls(count, limit int) budget.Price {
	return budget.Price{Part: "calls", Count: count, Limit: float64(limit)}
}

// TestShares wants a share to hold a minute's limit over all that give it, to fill evenly,
// to take all prices or none, and to tell how long to wait.
func TestShares(t *testing.T) {
	server := redistest.Start(t).Target()
	cluster := redistest.StartCluster(t)
	for name, open := range map[string]func(t *testing.T) []budget.Shares{
		"memory": func(*testing.T) []budget.Shares {
			s := budget.NewShares(time.Now)
			return []budget.Shares{s, s}
		},
		"Redis": func(t *testing.T) []budget.Shares {
			emptied(t, server)
			return []budget.Shares{sharesOf(t, server, 0, strict(t)), sharesOf(t, server, 0, strict(t))}
		},
		"Redis, replicas": func(t *testing.T) []budget.Shares {
			emptied(t, server)
			return []budget.Shares{sharesOf(t, server, 2, strict(t)), sharesOf(t, server, 2, strict(t))}
		},
		"cluster": func(t *testing.T) []budget.Shares {
			return []budget.Shares{sharesOf(t, cluster, 0, strict(t)), sharesOf(t, cluster, 0, strict(t))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				t.Cleanup(func() { time.Sleep(time.Minute) })
				replicas := open(t)
				time.Sleep(3 * time.Second) // all are known
				who := name
				take := func(i int, want time.Duration, prices ...budget.Price) {
					t.Helper()
					got := replicas[i%2].Take(t.Context(), who, prices...)
					if got < want || got > want+10*time.Microsecond {
						t.Fatalf("%v: wait for %v, want %v", prices, got, want)
					}
				}
				for i := range 12 {
					take(i, 0, calls(1, 12))
				}
				take(0, 5*time.Second, calls(1, 12))
				take(1, 20*time.Second, calls(4, 12)) // nothing was taken
				who += " besides"
				take(1, 0, calls(12, 12)) // another's is whole
				who = name
				time.Sleep(10 * time.Second)
				take(0, 0, calls(2, 12))
				take(1, 5*time.Second, calls(1, 12))

				// Several parts: all or none.
				all := budget.Price{Part: "all", Count: 50, Limit: 60, Again: 1}
				take(1, 5*time.Second, calls(1, 12), all)
				time.Sleep(5 * time.Second)
				take(0, 0, calls(1, 12), all)
				all.Count = 20
				take(1, 11*time.Second, calls(0, 12), all) // 10 and the one to ask again are missing

				// More than a share takes all of it, and the rest is owed.
				who += " in debt"
				take(0, 0, calls(1, 12))
				take(1, 5*time.Second, calls(30, 12))
				time.Sleep(5 * time.Second)
				take(0, 0, calls(30, 12))
				take(1, 95*time.Second, calls(1, 12))
				take(1, 150*time.Second, calls(12, 12))
				time.Sleep(95 * time.Second)
				take(0, 0, calls(1, 12))
				who += ", for a long time"
				take(0, 0, calls(60, 1))
				time.Sleep(30 * time.Minute)
				take(1, 29*time.Minute+60*time.Second, calls(1, 1)) // a minute for the call itself
				who = name

				// A limit may change: what was taken counts by its time.
				time.Sleep(time.Minute)
				take(0, 0, calls(6, 12))
				take(1, 0, calls(60, 120))
				take(1, 500*time.Millisecond, calls(1, 120))
			})
		})
	}
}

// TestSharesWithoutRedis cuts replicas off: each goes on with its part of the share, which
// is empty then and fills evenly, and takes all of it again when Redis is back.
func TestSharesWithoutRedis(t *testing.T) {
	server := redistest.Start(t)
	for _, configured := range []int{0, 2} {
		synctest.Test(t, func(t *testing.T) {
			t.Cleanup(func() { time.Sleep(time.Minute) })
			emptied(t, server.Target())
			var links [2]severed
			var replicas [2]*budget.RedisShares
			for i := range replicas {
				replicas[i] = sharesOf(t, server.Target(), configured, quiet, &links[i])
			}
			who := fmt.Sprint("who ", configured)
			drain := func(i int) (n int) {
				for replicas[i].Take(t.Context(), who, calls(1, 60)) == 0 {
					n++
				}
				return n
			}
			time.Sleep(3 * time.Second)
			if n, again := drain(0), drain(1); n != 60 || again != 0 {
				t.Fatalf("%d and %d of a share of 60", n, again)
			}
			links[0].cut.Store(true)
			links[1].cut.Store(true)
			time.Sleep(6 * time.Second)
			a, b := drain(0), drain(1) // empty when they began, a second ago at most
			if a > 1 || b > 1 {
				t.Errorf("%d and %d at once", a, b)
			}
			time.Sleep(20 * time.Second)
			if a, b := drain(0), drain(1); a < 9 || b < 9 || a+b > 20 {
				t.Errorf("%d and %d in 20 s without Redis, want 10 each", a, b)
			}
			if wait := replicas[0].Take(t.Context(), who, calls(31, 60)); wait != time.Minute {
				t.Errorf("more than the part: wait for %v", wait)
			}
			time.Sleep(5 * time.Minute)
			if a, b := drain(0), drain(1); a != 30 || b != 30 {
				t.Errorf("%d and %d after a long time, want half of the share each", a, b)
			}
			links[0].cut.Store(false)
			links[1].cut.Store(false)
			time.Sleep(3 * time.Second)
			if n := drain(0); n > 10 {
				t.Errorf("%d when Redis is back: what was given without it is forgotten", n)
			}
			time.Sleep(time.Minute)
			if n := drain(0); n != 60 {
				t.Errorf("%d of 60 a minute later", n)
			}
		})
	}
}

// TestSharesStart starts replicas that do not reach Redis.
func TestSharesStart(t *testing.T) {
	server := redistest.Start(t)
	for configured, want := range map[int]int{0: 0, 3: 20} {
		synctest.Test(t, func(t *testing.T) {
			t.Cleanup(func() { time.Sleep(time.Minute) })
			var link severed
			link.cut.Store(true)
			s := sharesOf(t, server.Target(), configured, quiet, &link)
			time.Sleep(5 * time.Minute)
			n := 0
			for s.Take(t.Context(), "who", calls(1, 60)) == 0 {
				n++
			}
			if n != want {
				t.Errorf("%d calls with replicas: %d, want %d", n, configured, want)
			}
		})
	}
}

// oneWay is a link to Redis that a test cuts, or that loses Redis's answers only: all of
// them, or those to beats, which are not in pipelines.
type oneWay struct {
	severed
	deaf, beatless atomic.Bool
}

func (o *oneWay) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	cut := o.severed.ProcessHook(next)
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := cut(ctx, cmd)
		if o.deaf.Load() || o.beatless.Load() && cmd.Name() == "evalsha" {
			cmd.SetErr(io.ErrUnexpectedEOF)
			return cmd.Err()
		}
		return err
	}
}

func (o *oneWay) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	cut := o.severed.ProcessPipelineHook(next)
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := cut(ctx, cmds)
		if o.deaf.Load() {
			err = io.ErrUnexpectedEOF
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
		}
		return err
	}
}

// taken is what replicas gave of one share, in order of time.
type taken struct {
	mu sync.Mutex
	at []time.Time
	n  []int
}

func (g *taken) note(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at, g.n = append(g.at, time.Now()), append(g.n, n)
}

// most is by how much any span of time exceeds what a token bucket gives in it.
func (g *taken) most(limit int) (excess float64) {
	for first := range g.at {
		sum := 0
		for i := first; i < len(g.at); i++ {
			sum += g.n[i]
			excess = max(excess, float64(sum)-float64(limit)*(1+g.at[i].Sub(g.at[first]).Minutes()))
		}
	}
	return excess
}

// TestSharesWithoutBeats loses the answers to beats, as at a process that notices few of them
// in time. The replica goes by the whole share while Redis answers about shares, and by its
// part when it does not.
func TestSharesWithoutBeats(t *testing.T) {
	server := redistest.Start(t)
	for _, configured := range []int{0, 2} {
		synctest.Test(t, func(t *testing.T) {
			t.Cleanup(func() { time.Sleep(time.Minute) })
			var link oneWay
			s := sharesOf(t, emptied(t, server.Target()), configured, quiet, &link)
			time.Sleep(3 * time.Second)
			link.beatless.Store(true)
			who := fmt.Sprint("who without beats ", configured)
			for n := range 50 {
				if wait := s.Take(t.Context(), who, calls(1, 60)); wait != 0 {
					t.Fatalf("call %d of a share of 60: wait for %v", n, wait)
				}
				time.Sleep(time.Second)
			}
			link.cut.Store(true)
			time.Sleep(3 * time.Second)
			if wait := s.Take(t.Context(), who, calls(1, 60)); wait != budget.Unknown {
				t.Errorf("five beats have not passed: wait for %v", wait)
			}
			time.Sleep(2 * time.Second)
			if wait := s.Take(t.Context(), who, calls(1, 60)); wait <= 0 {
				t.Errorf("the replica's part is not empty: wait for %v", wait)
			}
		})
	}
}

// TestSharesPartitions cuts replicas off Redis at random, ends some and starts others, and
// empties Redis. No span of time ever has more than the share.
func TestSharesPartitions(t *testing.T) {
	server := redistest.Start(t)
	control := server.Client(redisclient.Cache)
	for _, seed := range []int{0, 1, 2, 3, 4, 7, 8, 41} { // among them those that show each rule of the protocol
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				t.Cleanup(func() { time.Sleep(time.Minute) })
				emptied(t, server.Target())
				random, beats := rand.New(rand.NewPCG(uint64(seed), 2)), rand.New(rand.NewPCG(uint64(seed), 3))
				const replicas, length = 3, 10 * time.Minute
				configured := []int{0, replicas}[random.IntN(2)]
				limit := []int{12, 60, 100}[random.IntN(3)]
				who := fmt.Sprint("who ", seed)
				var given taken
				var links [replicas]oneWay
				var group sync.WaitGroup
				ctx, cancel := context.WithTimeout(t.Context(), length)
				defer cancel()
				start := func(i int) {
					shares := sharesOf(t, server.Target(), configured, quiet, &links[i])
					random := rand.New(rand.NewPCG(random.Uint64(), 0))
					group.Go(func() {
						for ctx.Err() == nil {
							n := 1 + random.IntN(limit/4)
							if shares.Take(context.Background(), who, calls(n, limit)) == 0 {
								given.note(n)
							}
							time.Sleep(time.Duration(random.Int64N(int64(4 * time.Second))))
						}
					})
				}
				for i := range links {
					start(i)
					time.Sleep(time.Duration(random.Int64N(int64(10 * time.Second))))
				}
				for ctx.Err() == nil {
					if n := beats.IntN(2 * replicas); n < replicas {
						links[n].beatless.Store(!links[n].beatless.Load())
					}
					switch k := random.IntN(10); {
					case k >= 8:
						link := &links[random.IntN(replicas)]
						link.deaf.Store(!link.deaf.Load())
					case k < 5:
						link := &links[random.IntN(replicas)]
						link.cut.Store(!link.cut.Load())
					case k < 7:
						cut := random.IntN(2) == 0
						for i := range links {
							links[i].cut.Store(cut)
						}
					default:
						_ = control.FlushAll(context.Background()).Err()
					}
					time.Sleep(time.Duration(random.Int64N(int64(40 * time.Second))))
				}
				group.Wait()
				if len(given.at) == 0 || !slices.IsSortedFunc(given.at, time.Time.Compare) {
					t.Fatalf("%d takes", len(given.at))
				}
				if excess := given.most(limit); excess > 0.01 {
					t.Errorf("replicas: %d: %.2f more than the share of %d", configured, excess, limit)
				}
			})
		})
	}
}

// TestSharesAreBounded wants shares in memory to be bounded in number: new subjects wait,
// known ones do not, and those whose share is whole again make room.
func TestSharesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound = 100_000
		s := budget.NewShares(time.Now)
		for i := range bound {
			if wait := s.Take(t.Context(), fmt.Sprint("subject ", i), calls(1, 2)); wait != 0 {
				t.Fatalf("subject %d waits for %v", i, wait)
			}
		}
		if wait := s.Take(t.Context(), "new", calls(1, 2)); wait != time.Minute {
			t.Errorf("a subject beyond the bound: wait for %v", wait)
		}
		if wait := s.Take(t.Context(), "subject 7", calls(1, 2)); wait != 0 {
			t.Errorf("a known subject: wait for %v", wait)
		}
		time.Sleep(31 * time.Second) // one of two calls takes half a minute to come back
		if wait := s.Take(t.Context(), "new", calls(1, 2)); wait != 0 {
			t.Errorf("after the others' shares are whole: wait for %v", wait)
		}
	})
}

// lateLink is a link to Redis on which questions take time.
type lateLink struct {
	severed
	delay   time.Duration
	running atomic.Int64
	most    atomic.Int64
}

func (l *lateLink) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	cut := l.severed.ProcessHook(next)
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "evalsha" { // a new connection introduces itself
			return cut(ctx, cmd)
		}
		defer l.late()()
		return cut(ctx, cmd)
	}
}

func (l *lateLink) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	cut := l.severed.ProcessPipelineHook(next)
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() == "evalsha" {
			defer l.late()()
		}
		return cut(ctx, cmds)
	}
}

// late takes its time.
func (l *lateLink) late() (done func()) {
	if n := l.running.Add(1); n > l.most.Load() {
		l.most.Store(n)
	}
	time.Sleep(l.delay)
	return func() { l.running.Add(-1) }
}

// TestSharesLate wants nobody refused because Redis, or what this process hears of it, is
// late, and few questions under way at once. Where nothing is heard, the share is not
// known, until the replica's own part of it decides.
func TestSharesLate(t *testing.T) {
	server := redistest.Start(t)
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Minute) })
		link := &lateLink{delay: 100 * time.Millisecond}
		client := redistest.Open(t, emptied(t, server.Target()), redisclient.Cache)
		client.AddHook(link)
		s := budget.NewRedisShares(budget.SharesOptions{Client: client, Logger: quiet, Now: time.Now})
		t.Cleanup(s.Close)
		time.Sleep(3 * time.Second)
		var wg sync.WaitGroup
		var taken, refused atomic.Int64
		for range 60 {
			wg.Go(func() {
				switch wait := s.Take(t.Context(), "late", calls(1, 50)); {
				case wait == 0:
					taken.Add(1)
				case wait > 0:
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		if n, not := taken.Load(), refused.Load(); n != 50 || not != 10 {
			t.Errorf("%d of a share of 50 are taken, and %d of 10 refused", n, not)
		}
		if n := link.most.Load(); n > 17 { // with that of the beat
			t.Errorf("%d questions at once", n)
		}
		// However many ask while answers take their time, as at a busy process, all are answered.
		var answered atomic.Int64
		for range 1000 {
			wg.Go(func() {
				if s.Take(t.Context(), "many", calls(1, 1_000_000)) == 0 {
					answered.Add(1)
				}
			})
		}
		wg.Wait()
		if n := answered.Load(); n != 1000 {
			t.Errorf("%d of 1000 at once are answered", n)
		}
		if n := link.most.Load(); n > 17 {
			t.Errorf("%d questions at once", n)
		}
		link.cut.Store(true)
		for range 3 {
			if wait := s.Take(t.Context(), "cut", calls(1, 60)); wait != budget.Unknown {
				t.Errorf("Redis does not answer: %v", wait)
			}
		}
		time.Sleep(20 * time.Second)
		if wait := s.Take(t.Context(), "cut", calls(1, 60)); wait != 0 {
			t.Errorf("the replica's own part: %v", wait)
		}
	})
}
