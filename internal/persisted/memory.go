package persisted

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"
)

// Memory is a [Store] in this process, bounded in bytes. When it is full, what is used least makes room.
type Memory struct {
	kept *otter.Cache[string, entry]
	now  func() time.Time
}

type entry struct {
	document string
	until    time.Time
}

var _ Store = (*Memory)(nil)

// overhead is about what an entry takes besides its document: hash, time, and its places in otter's tables.
const overhead = 256

// NewMemory makes a store that takes about so many bytes; it panics unless there is at least one. It starts no goroutine.
func NewMemory(bytes int64, now func() time.Time) *Memory {
	if bytes <= 0 {
		panic("persisted: a memory without a byte")
	}
	return &Memory{now: now, kept: otter.Must(&otter.Options[string, entry]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(_ string, e entry) uint32 { return uint32(overhead + len(e.document)) },
		Logger:        &otter.NoopLogger{},
	})}
}

// Get looks a document up.
func (m *Memory) Get(_ context.Context, of Part, hash string) (string, bool) {
	e, ok := m.kept.GetIfPresent(string(of) + hash)
	if !ok || !m.now().Before(e.until) {
		return "", false
	}
	return e.document, true
}

// Put keeps a document.
func (m *Memory) Put(_ context.Context, of Part, document string, lifetime time.Duration) {
	if len(document) <= Longest {
		m.kept.Set(string(of)+Hash(document), entry{document, m.now().Add(lifetime)})
	}
}

// Forget empties the store.
func (m *Memory) Forget() { m.kept.InvalidateAll() }

// Bytes is about how much the store takes just now. It first does what room-making is due.
func (m *Memory) Bytes() int64 {
	m.kept.CleanUp()
	return int64(m.kept.WeightedSize())
}
