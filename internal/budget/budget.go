// Package budget holds an account's calls to what its vendor allows, within this process.
//
// [Memory] is a sliding-window log: it remembers when each call of the last window was made, so
// that no span as long as the window ever holds more calls than the limit. A token bucket would
// need less memory, but lets nearly twice the limit through one window after a quiet time, and
// vendors count windows.
//
// Places are counted when a call leaves, and vendors count it when it arrives; a refusal that
// comes of the difference is what [Memory.Exhausted] is for.
package budget

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Memory is a [providers.Budget] of one process. It is safe for concurrent use, starts no
// goroutine, and serves those who wait in the order they came.
type Memory struct {
	limit  int
	window time.Duration
	now    func() time.Time

	mu      sync.Mutex
	calls   []time.Time   // of the last window, oldest first: at most limit
	blocked time.Time     // nobody calls before
	queue   []*waiter     // who waits, in the order they came
	moved   chan struct{} // closed, and made anew, when someone's place in time has changed
}

// waiter is one Take that waits; its address is its identity.
type waiter struct{ _ byte }

var _ providers.Budget = (*Memory)(nil)

// New makes a budget of limit calls in any span as long as window. Both must be positive: New
// panics otherwise. The clock tells when calls are made; waiting itself goes by the runtime's.
func New(limit int, window time.Duration, now func() time.Time) *Memory {
	if limit <= 0 || window <= 0 {
		panic(fmt.Sprintf("budget: %d calls in %v is no budget", limit, window))
	}
	return &Memory{limit: limit, window: window, now: now, moved: make(chan struct{})}
}

// Take waits for a free place and counts it, as [providers.Budget] says.
func (m *Memory) Take(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	me := &waiter{}
	m.queue = append(m.queue, me)
	for {
		now := m.now()
		// With this many free places there is one for each who came before as well, so it does
		// not matter who of them wakes first.
		wait := m.place(now, slices.Index(m.queue, me)).Sub(now)
		if err := refusal(ctx, wait); err != nil {
			m.leave(me)
			m.wake() // those behind move up
			return err
		}
		if wait <= 0 {
			m.leave(me)
			m.calls = append(m.calls, now)
			return nil
		}
		m.sleep(ctx, wait)
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
	if deadline, ok := ctx.Deadline(); ok && wait > 0 && time.Until(deadline) <= wait {
		return refuse(errors.New("no place is free before the deadline"))
	}
	return nil
}

// sleep waits, unlocked, until the time has passed, the context ended or a place moved.
func (m *Memory) sleep(ctx context.Context, wait time.Duration) {
	moved := m.moved
	m.mu.Unlock()
	defer m.mu.Lock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-moved:
	case <-ctx.Done():
	}
}

// place is when there will be a place for a call that n others go before.
func (m *Memory) place(now time.Time, n int) time.Time {
	m.forget(now)
	// Each call takes its place again a window later, so the places repeat with the limit.
	laps, n := n/m.limit, n%m.limit
	at := now
	if free := m.limit - len(m.calls); n >= free {
		at = m.calls[n-free].Add(m.window)
	}
	if at.Before(m.blocked) {
		at = m.blocked
	}
	return at.Add(time.Duration(laps) * m.window)
}

// forget drops the calls that lie a window back.
func (m *Memory) forget(now time.Time) {
	m.calls = slices.DeleteFunc(m.calls, func(t time.Time) bool { return !t.Add(m.window).After(now) })
}

func (m *Memory) leave(w *waiter) {
	m.queue = slices.DeleteFunc(m.queue, func(q *waiter) bool { return q == w })
}

func (m *Memory) wake() {
	close(m.moved)
	m.moved = make(chan struct{})
}

// Exhausted lets nobody call before wait has passed. It never shortens a wait, and those who wait
// already and cannot wait so long are refused at once.
func (m *Memory) Exhausted(wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if until := m.now().Add(wait); until.After(m.blocked) {
		m.blocked = until
		m.wake()
	}
}

// State is the budget as it stands.
func (m *Memory) State() providers.RateLimit {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.forget(now)
	s := providers.RateLimit{
		Limit:         m.limit,
		WindowSeconds: int(m.window / time.Second),
		Remaining:     m.limit - len(m.calls),
		ResetAt:       now,
	}
	if n := len(m.calls); n > 0 {
		s.ResetAt = m.calls[n-1].Add(m.window)
	}
	if m.blocked.After(now) {
		s.Remaining = 0
		if m.blocked.After(s.ResetAt) {
			s.ResetAt = m.blocked
		}
	}
	return s
}
