package cache

import (
	"context"
	"math"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/partnergraph/partnergraph/providers"
)

// Memory is a [Store] in this process, bounded in bytes. When it is full, what is used
// least makes room.
type Memory struct {
	entries  *otter.Cache[Key, *Entry]
	now      func() time.Time
	versions atomic.Uint64
	moves    [movements]atomic.Uint64 // how often what is shown of some account and noun has changed; see movementOf

	mu   sync.Mutex
	last Epoch // the highest handed out
}

var _ Store = (*Memory)(nil)

// NewMemory makes a store that takes about so many bytes; it panics unless there is at
// least one. It starts no goroutine that outlives a call for long.
func NewMemory(bytes int64, now func() time.Time) *Memory {
	if bytes <= 0 {
		panic("cache: a memory without a byte")
	}
	m := &Memory{now: now}
	m.entries = otter.Must(&otter.Options[Key, *Entry]{
		MaximumWeight: uint64(bytes),
		Weigher:       weigh,
		Logger:        &otter.NoopLogger{},
		OnAtomicDeletion: func(e otter.DeletionEvent[Key, *Entry]) {
			if e.WasEvicted() {
				m.moved(e.Key)
			}
		},
	})
	return m
}

// Get looks entries up. It never fails.
func (m *Memory) Get(_ context.Context, keys ...Key) ([]*Entry, error) {
	now := m.now()
	found := make([]*Entry, len(keys))
	for i, k := range keys {
		if e, ok := m.entries.GetIfPresent(k); ok && e.shown(now) {
			found[i] = e
		}
	}
	return found, nil
}

// Put stores entries, each of them atomically. It never fails.
func (m *Memory) Put(_ context.Context, entries map[Key]Entry) error {
	for k, e := range entries {
		m.merge(k, e)
	}
	return nil
}

// merge stores one entry, and is what is remembered then.
func (m *Memory) merge(key Key, incoming Entry) *Entry {
	now, kept := m.now(), false
	e, _ := m.entries.Compute(key, func(stored *Entry, _ bool) (*Entry, otter.ComputeOp) {
		var merged Entry
		if merged, kept = merge(orNone(stored), incoming, now); !kept {
			merged.version = m.versions.Add(1)
		}
		merged.Source = providers.SourceMemory
		return &merged, otter.WriteOp
	})
	if !kept {
		m.moved(key)
	}
	return e
}

// orNone is what e is, the zero Entry where there is none.
func orNone(e *Entry) Entry {
	if e == nil {
		return Entry{}
	}
	return *e
}

// merged is what merge would make of an entry.
func (m *Memory) merged(key Key, e Entry) *Entry {
	stored, _ := m.entries.GetIfPresent(key)
	merged := Merge(orNone(stored), e, m.now())
	return &merged
}

// Epoch is the time, at least. It never fails.
func (m *Memory) Epoch(context.Context, string) (Epoch, error) { return m.tick(0), nil }

// tick is the time, and more than the highest epoch so far by at least step.
func (m *Memory) tick(step Epoch) Epoch {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = max(Epoch(m.now().UnixMicro()), m.last) + step
	return m.last
}

// Drop fences entries. It never fails.
func (m *Memory) Drop(ctx context.Context, _ string, until time.Time, keys ...Key) error {
	return m.Put(ctx, fences(Fence{At: m.tick(1), Until: until}, keys))
}

// fences are what a Drop stores.
func fences(f Fence, keys []Key) map[Key]Entry {
	entries := make(map[Key]Entry, len(keys))
	for _, k := range keys {
		entries[k] = Entry{Fence: f}
	}
	return entries
}

// clear removes what is remembered of an account, or of all where it is "", but for fences:
// they keep out, and show nothing.
func (m *Memory) clear(account string) {
	now := m.now()
	for k := range m.entries.Keys() {
		if account != "" && k.Account != account {
			continue
		}
		m.entries.ComputeIfPresent(k, func(e *Entry) (*Entry, otter.ComputeOp) {
			left := Entry{Fence: higher(e.Fence, Fence{}, now)}
			if left.Fence == (Fence{}) {
				return nil, otter.InvalidateOp
			}
			return &left, otter.WriteOp
		})
	}
	for i := range m.moves {
		m.moves[i].Add(1)
	}
}

// Bytes is about how much the store takes just now. It first does what room-making is due.
func (m *Memory) Bytes() int64 {
	m.entries.CleanUp()
	return int64(m.entries.WeightedSize())
}

// overhead is about what an entry takes besides its key and value: its times, and its places in
// otter's hash table and queues.
const overhead = 320

// weigh estimates the bytes of an entry. Records that stand inside of others are counted there
// too, though they are often shared: the bound errs on the safe side.
func weigh(key Key, e *Entry) uint32 {
	return uint32(min(overhead+len(key.Local)+int(size(reflect.ValueOf(e.Value))), math.MaxUint32))
}

// size is what a value takes, with everything it leads to.
func size(v reflect.Value) uintptr {
	if !v.IsValid() {
		return 0
	}
	return v.Type().Size() + beyond(v)
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	fieldsType = reflect.TypeFor[*providers.Fields]()
)

// beyond is what a value leads to.
func beyond(v reflect.Value) (n uintptr) {
	switch v.Kind() {
	case reflect.String:
		return uintptr(v.Len())
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() || v.Type() == fieldsType { // shared by all
			return 0
		}
		return size(v.Elem())
	case reflect.Slice:
		n = uintptr(v.Cap()-v.Len()) * v.Type().Elem().Size()
		for i := range v.Len() {
			n += size(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == timeType { // leads to its zone only
			return 0
		}
		for i := range v.NumField() {
			n += beyond(v.Field(i))
		}
	}
	return n
}
