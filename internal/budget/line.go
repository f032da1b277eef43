package budget

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// line is those of one process who wait for a place, served in the order they came. It starts no goroutine.
type line struct {
	mu    sync.Mutex    // also guards what belongs to the budget
	queue []*waiter     // in the order they came
	moved chan struct{} // closed, and made anew, when someone's place in time has changed
}

// waiter is one call that waits; its address is its identity.
type waiter struct{ _ byte }

func newLine() line { return line{moved: make(chan struct{})} }

// take waits for a place, as Take of [providers.Budget] says. place, called under the lock, says how long a call has to wait
// that ahead others go before; if that is no time, and it is to be counted, place has counted it.
func (l *line) take(ctx context.Context, place func(ahead int, count bool) time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	me := &waiter{}
	l.queue = append(l.queue, me)
	for {
		ended := ctx.Err() != nil
		// With this many free places there is one for each who came before as well, so it does not matter who of them wakes
		// first.
		wait := place(slices.Index(l.queue, me), !ended)
		if !ended && wait <= 0 {
			l.leave(me)
			return nil
		}
		if err := refusal(ctx, wait); err != nil {
			l.leave(me)
			l.wake() // those behind move up
			return err
		}
		l.sleep(ctx, wait)
	}
}

// refusal is why a call may not wait this long, nil where it may.
func refusal(ctx context.Context, wait time.Duration) error {
	refuse := func(err error) error {
		return &providers.Error{Op: "budget", Kind: providers.KindRateLimited, RetryAfter: max(wait, 0), Err: err}
	}
	if err := ctx.Err(); err != nil {
		return refuse(err)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return refuse(errors.New("no place is free before the deadline"))
	}
	return nil
}

// sleep waits, unlocked, until the time has passed, the context ended or a place moved.
func (l *line) sleep(ctx context.Context, wait time.Duration) {
	moved := l.moved
	l.mu.Unlock()
	defer l.mu.Lock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-moved:
	case <-ctx.Done():
	}
}

func (l *line) leave(w *waiter) {
	l.queue = slices.DeleteFunc(l.queue, func(q *waiter) bool { return q == w })
}

// wake lets everyone look again how long they have to wait. The caller holds the lock.
func (l *line) wake() {
	close(l.moved)
	l.moved = make(chan struct{})
}
