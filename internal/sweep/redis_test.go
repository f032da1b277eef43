package sweep

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
)

// noted gives a commission its nth note.
func noted(n int) func(*providers.Commission) {
	return func(c *providers.Commission) { c.Note = new(fmt.Sprint(n)) }
}

// TestReplicasOnRedis wants replicas that share a Redis, and sweep as fast as they can, to
// tell each of many edits once, while one after the other ends in the middle
// of a round and another one begins.
func TestReplicasOnRedis(t *testing.T) {
	const changes = 40
	server := redistest.Start(t)
	client := server.Client(redisclient.Durable)
	real := &clock{now: time.Now()}
	s := &shared{
		clock: real, store: ledger.NewRedisUnder(client, "pg:sweep:"), log: events.NewRedis(client, events.Limits{}, nil),
		cache: cache.NewRedis(server.Client(redisclient.Cache), cache.RedisOptions{Timeout: 5 * time.Second}),
	}
	f := emptyFake(real, nil, commission(0, 0))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := s.replica(t, f)
	if _, err := first.sweeper.Round(ctx, first.account); err != nil { // it learns
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 3 {
		r := s.replica(t, f)
		r.sweeper = New(Options{
			Accounts: []Account{r.account}, Store: s.store, Interval: time.Millisecond, Timeout: time.Minute, Intake: r.intake, Log: s.log, Now: real.Now,
			Logger: r.sweeper.o.Logger,
		})
		wg.Go(func() {
			for i := 1; ctx.Err() == nil; i++ {
				life, end := context.WithTimeout(ctx, time.Duration(i%7*3)*time.Millisecond)
				r.sweeper.Run(life)
				end()
				real.pass(time.Second) // so that pages are read again
			}
		})
	}
	for i := 1; i <= changes; i++ {
		f.Insert(commissions(commission(0, 0, noted(i))))
		redistest.Eventually(t, fmt.Sprintf("change %d is told", i), func(ctx context.Context) error {
			entries, err := s.log.Read(ctx, first.begin, 1000)
			if err == nil && len(entries) < i {
				err = fmt.Errorf("%d of %d events", len(entries), i)
			}
			return err
		})
	}
	cancel()
	wg.Wait()
	var want []string
	for range changes {
		want = append(want, "UPDATED Commission/c00 of ann")
	}
	first.wants("all changes", want...)
}
