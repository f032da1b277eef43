package persisted

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"
)

// Memory is a [Store] in this process, bounded in bytes, half of them for each part. When a
// part is full, what is used least makes room.
type Memory struct {
	parts map[Part]*otter.Cache[string, entry]
	now   func() time.Time
}

type entry struct {
	document string
	until    time.Time
	used     bool // a second time
}

var _ Store = (*Memory)(nil)

// overhead is about what an entry takes besides its document: hash, time, and its places in
// otter's tables.
const overhead = 256

// NewMemory makes a store that takes about so many bytes; it panics unless there are at
// least two. It starts no goroutine.
func NewMemory(bytes int64, now func() time.Time) *Memory {
	if bytes < 2 {
		panic("persisted: a memory without a byte")
	}
	m := &Memory{now: now, parts: map[Part]*otter.Cache[string, entry]{}}
	for _, part := range []Part{Staff, Partners} {
		m.parts[part] = otter.Must(&otter.Options[string, entry]{
			MaximumWeight: uint64(bytes / 2),
			Weigher:       func(_ string, e entry) uint32 { return uint32(overhead + len(e.document)) },
			Logger:        &otter.NoopLogger{},
		})
	}
	return m
}

// Get looks a document up.
func (m *Memory) Get(_ context.Context, part Part, hash string) (string, bool) {
	document, _, ok := m.use(part, hash)
	return document, ok
}

// use looks a document up, and says whether this is its second use.
func (m *Memory) use(part Part, hash string) (document string, second, ok bool) {
	e, ok := m.parts[part].GetIfPresent(hash)
	if !ok || !m.now().Before(e.until) {
		return "", false, false
	}
	if !e.used {
		m.keep(part, hash, e.document, UsedLifetime, true)
	}
	return e.document, !e.used, true
}

// Put keeps a document.
func (m *Memory) Put(_ context.Context, part Part, document string) {
	if len(document) <= Longest {
		m.keep(part, Hash(document), document, FirstLifetime, false)
	}
}

// keep keeps a document for a lifetime.
func (m *Memory) keep(part Part, hash, document string, lifetime time.Duration, used bool) {
	m.parts[part].Set(hash, entry{document, m.now().Add(lifetime), used})
}

// Forget empties the store.
func (m *Memory) Forget() {
	for _, kept := range m.parts {
		kept.InvalidateAll()
	}
}

// Bytes is about how much the store takes just now. It first does what room-making is due.
func (m *Memory) Bytes() (n int64) {
	for _, kept := range m.parts {
		kept.CleanUp()
		n += int64(kept.WeightedSize())
	}
	return n
}
