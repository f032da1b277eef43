package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/ledger"
)

// dying is a store as a process sees it that dies after so many steps: from then on nothing
// it does happens. A step that is the last may have happened, or not.
type dying struct {
	ledger.Store
	steps atomic.Int64
	half  bool // the last step happens, and its answer does not arrive
}

var errDead = errors.New("the process is dead")

func (d *dying) step(do func()) error {
	switch n := d.steps.Add(-1); {
	case n > 0:
		do()
		return nil
	case n == 0 && d.half:
		do()
	}
	return errDead
}

func (d *dying) Load(ctx context.Context, key string) (r ledger.Record, err error) {
	if dead := d.step(func() { r, err = d.Store.Load(ctx, key) }); dead != nil {
		return ledger.Record{}, dead
	}
	return r, err
}

func (d *dying) Save(ctx context.Context, key, was string, value []byte, keep time.Duration) (v string, err error) {
	if dead := d.step(func() { v, err = d.Store.Save(ctx, key, was, value, keep) }); dead != nil {
		return "", dead
	}
	return v, err
}

// dead says whether the process is dead: then it sends nothing either.
func (d *dying) dead() bool { return d.steps.Load() <= 0 }

// TestCrashes lets the process die at each of its steps, with the write that it may have
// sent landing or not, and asks again until there is an answer: nothing is doubled, and
// nothing is lost.
func TestCrashes(t *testing.T) {
	for steps := int64(1); steps <= 12; steps++ {
		for _, half := range []bool{false, true} {
			for _, lands := range []bool{false, true} {
				in(t, fmt.Sprintf("after %d steps, half %t, landing %t", steps, half, lands), func(b bench) {
					d := &dying{Store: b.store, half: half}
					d.steps.Store(steps)
					died := false
					b.sends(func(do func()) error {
						if d.dead() {
							b.Error("a dead process sent something")
						}
						if lands {
							do()
						}
						if steps%2 == 0 { // it dies while the call is under way
							d.steps.Store(0)
							died = true
							return cut(true)
						}
						if !lands {
							return cut(true)
						}
						return nil
					})
					c := command("key-0001", "1", "ev")
					_, _ = open(d).Do(b.Context(), request(b.vendor, c))
					died = died || d.dead()
					b.sends(answered)
					for range 100 {
						if _, err := b.ledger.Do(b.Context(), request(b.vendor, c)); err == nil {
							break
						}
						time.Sleep(time.Second)
					}
					b.made(c, true)
					b.mu.Lock()
					defer b.mu.Unlock()
					if b.vendor.made["ev"] != 1 {
						b.Errorf("made %d times, want 1 (%d sent, died %t)", b.vendor.made["ev"], b.posts, died)
					}
				})
			}
		}
	}
}

// TestHistories lets several clients of two replicas write to a few targets while calls are
// cut, land late and processes die, and each ask until it has an answer. What can be proven
// is made exactly once; what cannot, at most once, and unknown only if it was in doubt.
func TestHistories(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { history(t, rand.New(rand.NewPCG(seed, 4))) })
		})
	}
}

func history(t *testing.T, rng *rand.Rand) {
	v, store := newVendor(), ledger.NewMemory(time.Now)
	var late sync.WaitGroup // writes that have still to land
	var mu sync.Mutex       // guards rng, and the processes
	n := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return rng.IntN(n)
	}
	processes := make([]*dying, 2)
	start := func(i int) *dying {
		d := &dying{Store: store, half: rng.IntN(2) == 0}
		d.steps.Store(int64(20 + rng.IntN(200)))
		return d
	}
	for i := range processes {
		processes[i] = start(i)
	}
	// process is a replica that lives; a dead one is started again.
	process := func(i int) *dying {
		mu.Lock()
		defer mu.Unlock()
		if processes[i].dead() {
			processes[i] = start(i)
		}
		return processes[i]
	}
	v.sends(func(do func()) error {
		time.Sleep(time.Duration(n(2000)) * time.Millisecond)
		switch n(5) {
		case 0:
			return cut(false)
		case 1:
			return cut(true)
		case 2:
			do()
			return cut(true)
		case 3:
			late.Go(func() { time.Sleep(time.Duration(n(int(settle/time.Millisecond)-1)) * time.Millisecond); do() })
			return cut(true)
		default:
			do()
			return nil
		}
	})
	const clients = 12
	unknown := make([]bool, clients)
	var wg sync.WaitGroup
	for i := range clients {
		event := fmt.Sprint("ev", i)
		if i%4 == 0 {
			event = "" // not provable
		}
		c := command(fmt.Sprintf("key-%04d", i), fmt.Sprint(i%3), event)
		wg.Go(func() {
			for try := range 1000 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				_, err := open(process((i+try)%2)).Do(ctx, request(v, c))
				cancel()
				u, doubt := errors.AsType[*ledger.Unknown](err)
				if err == nil || doubt && u.RetryAfter == 0 {
					unknown[i] = err != nil
					return
				}
				time.Sleep(time.Duration(1+n(10)) * time.Second)
			}
			t.Errorf("%s: no answer", event)
		})
	}
	wg.Wait()
	late.Wait()
	blind := 0
	for i := range clients {
		if i%4 == 0 {
			blind++
			continue
		}
		if event := fmt.Sprint("ev", i); v.made[event] != 1 || unknown[i] {
			t.Errorf("%s was made %d times, unknown %t; want once, and known", event, v.made[event], unknown[i])
		}
	}
	known := 0
	for i := 0; i < clients; i += 4 {
		if !unknown[i] {
			known++
		}
	}
	if v.made[""] > blind || v.made[""] < known {
		t.Errorf("of %d writes that cannot be proven %d were made, and %d are known to be", blind, v.made[""], known)
	}
}
