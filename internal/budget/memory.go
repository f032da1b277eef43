package budget

import (
	"context"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Memory is a [providers.Budget] of one process. It is safe for concurrent use, starts no
// goroutine, and serves those who wait in the order they came.
type Memory struct {
	waitQueue
	calls callLog
	now   func() time.Time
}

var _ providers.Budget = (*Memory)(nil)

// New makes a budget of limit calls in any span as long as window. Both must be positive: New
// panics otherwise. The clock tells when calls are made; waiting itself goes by the runtime's.
func New(limit int, window time.Duration, now func() time.Time) *Memory {
	return &Memory{waitQueue: newWaitQueue(), calls: newCallLog(limit, window), now: now}
}

// Take waits for a free place and counts it, as [providers.Budget] says.
func (m *Memory) Take(ctx context.Context) error { return m.take(ctx, m.place) }

func (m *Memory) place(ahead int, count bool) time.Duration {
	now := m.now()
	wait := m.calls.wait(now, ahead)
	if count && wait <= 0 {
		m.calls.note(call{at: now})
	}
	return wait
}

// Exhausted lets nobody call before wait has passed. It never shortens a wait, and those who wait
// already and cannot wait so long are refused at once.
func (m *Memory) Exhausted(wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls.block(m.now().Add(wait)) {
		m.wake()
	}
}

// State is the budget as it stands.
func (m *Memory) State() providers.RateLimit {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls.state(m.now())
}
