package budget

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// waitQueue holds the calls of one process that wait for a place, in order of arrival. It starts
// no goroutine.
type waitQueue struct {
	mu      sync.Mutex    // also guards the budget that embeds the queue
	waiters []*waiter     // in order of arrival
	moved   chan struct{} // closed, and replaced, when the wait of any waiter has changed
}

// waiter is one call that waits; its address is its identity.
type waiter struct{ _ byte }

func newWaitQueue() waitQueue { return waitQueue{moved: make(chan struct{})} }

// take waits for a place, as Take of [providers.Budget] says. place is called under the lock. It
// returns how long a call waits that has so many calls ahead of it. If the wait is zero and the
// call is to be counted, place has counted it.
func (q *waitQueue) take(ctx context.Context, place func(ahead int, count bool) time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	me := &waiter{}
	q.waiters = append(q.waiters, me)
	for {
		ended := ctx.Err() != nil
		// A call goes only if there is also a place for each call ahead of it. So it does not
		// matter which of them wakes first.
		wait := place(slices.Index(q.waiters, me), !ended)
		if !ended && wait <= 0 {
			q.leave(me)
			return nil
		}
		if err := refusal(ctx, wait); err != nil {
			q.leave(me)
			q.wake() // the calls behind move up
			return err
		}
		q.sleep(ctx, wait)
	}
}

// refusal returns why a call may not wait this long, or nil.
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

// sleep waits, unlocked, until the time has passed, the context has ended or a wait has changed.
func (q *waitQueue) sleep(ctx context.Context, wait time.Duration) {
	moved := q.moved
	q.mu.Unlock()
	defer q.mu.Lock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-moved:
	case <-ctx.Done():
	}
}

func (q *waitQueue) leave(w *waiter) {
	q.waiters = slices.DeleteFunc(q.waiters, func(other *waiter) bool { return other == w })
}

// wake lets all waiters compute their wait again. The caller holds the lock.
func (q *waitQueue) wake() {
	close(q.moved)
	q.moved = make(chan struct{})
}
