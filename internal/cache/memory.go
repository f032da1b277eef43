package cache

import (
	"context"
	"math"
	"reflect"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/partnergraph/partnergraph/providers"
)

// Memory is a [Store] in this process, bounded in bytes. When it is full, what is used least makes
// room.
type Memory struct {
	entries *otter.Cache[string, Entry]
	now     func() time.Time
}

var _ Store = (*Memory)(nil)

// NewMemory makes a store that takes about so many bytes; it panics unless there is at least one. It starts no
// goroutine that outlives a call for long.
func NewMemory(bytes int64, now func() time.Time) *Memory {
	if bytes <= 0 {
		panic("cache: a memory without a byte")
	}
	return &Memory{now: now, entries: otter.Must(&otter.Options[string, Entry]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(key string, e Entry) uint32 { return weigh(key, e) },
		Logger:        &otter.NoopLogger{},
	})}
}

// Get looks entries up. It never fails.
func (m *Memory) Get(_ context.Context, keys ...string) (map[string]Entry, error) {
	now := m.now()
	found := make(map[string]Entry, len(keys))
	for _, k := range keys {
		if e, ok := m.entries.GetIfPresent(k); ok && now.Before(e.StaleUntil) {
			found[k] = e
		}
	}
	return found, nil
}

// Put stores entries, each of them atomically. It never fails.
func (m *Memory) Put(_ context.Context, entries map[string]Entry) error {
	now := m.now()
	for k, e := range entries {
		m.entries.Compute(k, func(stored Entry, found bool) (Entry, otter.ComputeOp) {
			if found {
				return Merge(stored, e, now), otter.WriteOp
			}
			return e, otter.WriteOp
		})
	}
	return nil
}

// Drop removes entries. It never fails.
func (m *Memory) Drop(_ context.Context, keys ...string) error {
	for _, k := range keys {
		m.entries.Invalidate(k)
	}
	return nil
}

// Bytes is about how much the store takes just now. It first does what room-making is due.
func (m *Memory) Bytes() int64 {
	m.entries.CleanUp()
	return int64(m.entries.WeightedSize())
}

// overhead is about what an entry takes besides its key and value: its times, and its places in
// otter's hash table and queues.
const overhead = 256

// weigh estimates the bytes of an entry. Records that stand inside of others are counted there
// too, though they are often shared: the bound errs on the safe side.
func weigh(key string, e Entry) uint32 {
	return uint32(min(overhead+len(key)+int(size(reflect.ValueOf(e.Value))), math.MaxUint32))
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
