package budget_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// partitioned are replicas of a budget, each behind a link of its own that a test cuts.
type partitioned struct {
	t        *testing.T
	server   redisclient.Target
	limit    int
	replicas int
	calls    granted
	wg       sync.WaitGroup
}

// start starts a replica that is saturated, or asks at random, until the context ends.
func (p *partitioned) start(ctx context.Context, random *rand.Rand, link *severed) *budget.Redis {
	client := redistest.Open(p.t, p.server, redisclient.Cache)
	client.AddHook(link)
	b := budget.NewRedis(budget.RedisOptions{
		Client: client, Account: p.t.Name(), Limit: p.limit, Window: time.Minute, Replicas: p.replicas,
		Logger: quiet, Now: time.Now, Patience: 10 * time.Second,
	})
	p.t.Cleanup(b.Close)
	pause := []time.Duration{0, time.Second, 20 * time.Second}[random.IntN(3)]
	seed := random.Uint64()
	p.wg.Go(func() {
		random := rand.New(rand.NewPCG(seed, 0))
		for ctx.Err() == nil {
			if pause > 0 {
				time.Sleep(time.Duration(random.Int64N(int64(pause))))
			}
			if b.Take(ctx) != nil { // no place before the end
				return
			}
			p.calls.mu.Lock()
			p.calls.at = append(p.calls.at, time.Now())
			p.calls.mu.Unlock()
		}
	})
	return b
}

// TestPartitions starts three replicas one after another and cuts each of them, or all, off
// Redis again and again at random. Redis loses its data while all are cut off. In some runs
// a replica leaves or ends without a word. No window ever holds more calls than the limit.
func TestPartitions(t *testing.T) {
	server := redistest.Start(t)
	admin := server.Client(redisclient.Durable)
	seeds := 4
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(uint64(seed), 1))
				const replicas, length = 3, 8 * time.Minute
				p := partitioned{t: t, server: server.Target(), limit: []int{10, 40, 100}[random.IntN(3)]}
				t.Cleanup(func() { time.Sleep(time.Minute) })
				if random.IntN(3) == 0 {
					p.replicas = replicas
				}
				ctx, cancel := context.WithTimeout(t.Context(), length)
				defer cancel()
				var links [replicas]severed
				for i := range links {
					links[i].cut.Store(random.IntN(3) == 0)
					ctx, end := context.WithCancel(ctx)
					defer end()
					b := p.start(ctx, random, &links[i])
					if random.IntN(4) == 0 {
						time.AfterFunc(time.Duration(random.Int64N(int64(length))), func() {
							end()
							if seed%2 == 0 {
								b.Close()
							}
						})
					}
					time.Sleep([]time.Duration{0, 500 * time.Millisecond, 4 * time.Second, 90 * time.Second}[random.IntN(4)])
				}
				for ctx.Err() == nil {
					switch k := random.IntN(8); {
					case k < 5:
						link := &links[random.IntN(replicas)]
						link.cut.Store(!link.cut.Load())
					case k == 5:
						cut := random.IntN(2) == 0
						for i := range links {
							links[i].cut.Store(cut)
						}
					case k == 6: // an outage after which Redis is empty
						for i := range links {
							links[i].cut.Store(true)
						}
						time.Sleep(time.Duration(random.Int64N(int64(90 * time.Second))))
						if err := admin.FlushAll(context.Background()).Err(); err != nil {
							t.Error(err)
						}
						for i := range links {
							links[i].cut.Store(false)
						}
					}
					time.Sleep(time.Duration(random.Int64N(int64([]time.Duration{
						2 * time.Second, 10 * time.Second, 90 * time.Second, 3 * time.Minute}[random.IntN(4)]))))
				}
				p.wg.Wait()
				if got := p.calls.most(time.Minute); got > p.limit {
					t.Errorf("up to %d calls in a window, want at most %d", got, p.limit)
				}
				if len(p.calls.at) == 0 {
					t.Error("no calls")
				}
			})
		})
	}
}
