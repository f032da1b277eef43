package events

import (
	"context"
	"sync"
	"time"
)

// Memory is a [Log] of this process: what is in it is gone when the process ends.
type Memory struct {
	limits Limits
	now    func() time.Time

	mu       sync.Mutex
	kept     []keptEvent // oldest first; the number of the first is last.n - len(kept) + 1
	bytes    int
	last     point
	appended chan struct{}        // closed by the next Append
	once     map[string]time.Time // until when a key is remembered
}

// keptEvent is an encoded event, as it takes less memory.
type keptEvent struct {
	milli uint64
	event []byte
}

var _ Log = (*Memory)(nil)

// NewMemory makes an empty log.
func NewMemory(limits Limits, now func() time.Time) *Memory {
	return &Memory{
		limits: limits, now: now, last: point{kind: memoryKind, log: newIncarnation()},
		appended: make(chan struct{}), once: map[string]time.Time{},
	}
}

// Append appends events.
func (m *Memory) Append(ctx context.Context, once Once, events ...Event) (bool, error) {
	encoded, err := encodeAll(once, events)
	if err != nil {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if once.Key != "" {
		if now.Before(m.once[once.Key]) {
			return false, nil
		}
		m.sweep(now)
		m.once[once.Key] = now.Add(once.For)
	}
	milli := max(uint64(max(now.UnixMilli(), 0)), m.last.milli)
	for _, e := range encoded {
		m.last = m.last.next(milli)
		m.kept = append(m.kept, keptEvent{milli, e})
		m.bytes += len(e)
	}
	m.trim(now)
	close(m.appended)
	m.appended = make(chan struct{})
	return true, nil
}

// sweep forgets a few of the keys that are over, so that they do not pile up.
func (m *Memory) sweep(now time.Time) {
	looked := 0
	for k, until := range m.once { // in no order
		if !now.Before(until) {
			delete(m.once, k)
		}
		if looked++; looked == 3 {
			return
		}
	}
}

// trim drops the entries beyond the limits.
func (m *Memory) trim(now time.Time) {
	var oldest uint64
	if m.limits.Age > 0 {
		oldest = uint64(max(now.Add(-m.limits.Age).UnixMilli(), 0))
	}
	drop := 0
	for ; drop < len(m.kept); drop++ {
		count := len(m.kept) - drop
		old := m.kept[drop].milli < oldest
		many := m.limits.Count > 0 && count > m.limits.Count
		if !old && !many && (m.limits.Bytes == 0 || m.bytes <= m.limits.Bytes) {
			break
		}
		m.bytes -= len(m.kept[drop].event)
		m.kept[drop] = keptEvent{}
	}
	m.kept = m.kept[drop:] // the next growth of the slice leaves the dropped part behind
}

// look returns the entries behind a position, and the channel that the next Append closes.
func (m *Memory) look(ctx context.Context, after Position, limit int) ([]Entry, <-chan struct{}, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	p, err := parseOf(memoryKind, after)
	if err != nil {
		return nil, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trim(m.now())
	oldest := m.last.n - uint64(len(m.kept)) + 1
	first := max(oldest, p.n+1)
	if err := p.compare(m.last, first); err != nil {
		return nil, nil, err
	}
	var entries []Entry
	for n := first; n <= m.last.n && len(entries) < min(limit, maxRead); n++ {
		k := m.kept[n-oldest]
		p = p.next(k.milli)
		entries = append(entries, Entry{decode(k.event), p.position()})
	}
	return entries, m.appended, nil
}

// Read returns the entries behind a position.
func (m *Memory) Read(ctx context.Context, after Position, limit int) ([]Entry, error) {
	entries, _, err := m.look(ctx, after, max(limit, 1))
	return entries, err
}

// Last returns the position behind the last entry.
func (m *Memory) Last(ctx context.Context) (Position, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last.position(), nil
}

// Wait waits for an entry behind a position.
func (m *Memory) Wait(ctx context.Context, after Position) error {
	for {
		entries, appended, err := m.look(ctx, after, 1)
		if err != nil || len(entries) > 0 {
			return err
		}
		select {
		case <-appended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
