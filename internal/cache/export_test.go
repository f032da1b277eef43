package cache

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Linked says whether memory is trusted.
func (t *Tiered) Linked() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.linked
}

// Watch calls f in the middle of hearing what was dropped of an account.
func (t *Tiered) Watch(account string, f func()) { t.watch(account, f) }

// Lose has memory be trusted no longer, until the channel is open again.
func (t *Tiered) Lose() { t.flush(false) }

// Waiting is how many keys are still to be dropped in Redis.
func (t *Tiered) Waiting() int {
	t.drops.mu.Lock()
	defer t.drops.mu.Unlock()
	return t.drops.count + t.drops.tried
}

// Held is how many of the entries that a store answered hold something.
func Held(entries []*Entry) (n int) {
	for _, e := range entries {
		if e != nil {
			n++
		}
	}
	return n
}

// Clear empties a memory.
func (m *Memory) Clear() { m.clear("") }

// Prefix is what the keys of entries begin with.
func (r *Redis) Prefix() string { return r.prefix }

// MaxRefreshes is how many refreshes of an account are under way at once.
const MaxRefreshes = maxRefreshes

// Blind is a memory that does not notice changes of one kind of entry, or of none. It
// counts the reads, and knows the keys of what was ever stored.
type Blind struct {
	*Memory
	Kind       Kind
	Gets, Puts atomic.Int64

	mu   sync.Mutex
	keys map[Key]bool
}

func (b *Blind) holds(key Key, version uint64) bool {
	kind := key.Kind
	if version == 0 {
		kind = "nothing"
	}
	return kind == b.Kind || b.Memory.holds(key, version)
}

// Get counts.
func (b *Blind) Get(ctx context.Context, keys ...Key) ([]*Entry, error) {
	b.Gets.Add(1)
	return b.Memory.Get(ctx, keys...)
}

// Put remembers the keys.
func (b *Blind) Put(ctx context.Context, entries map[Key]Entry) error {
	b.Puts.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.keys == nil {
		b.keys = map[Key]bool{}
	}
	for k := range entries {
		b.keys[k] = true
	}
	return b.Memory.Put(ctx, entries)
}

// Keys are the keys of one kind.
func (b *Blind) Keys(kind Kind) (keys []Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range b.keys {
		if k.Kind == kind {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b Key) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

// Evict removes an entry, as if it had given way.
func (m *Memory) Evict(key Key) {
	m.entries.Invalidate(key)
	m.moved(key)
}

// Encoded is a record as Redis has it.
func Encoded(tb testing.TB, record any) []byte {
	b, err := encode(Entry{Value: record})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Decoded reads an entry as Redis has it.
func Decoded(b []byte) error {
	_, err := decode(b)
	return err
}

// LeaseKey is where the lease of a key stands.
func LeaseKey(k Key) string { return leaseKey(k) }

// LeaseLife is how long a lease lasts.
const LeaseLife = leaseLife

// Acquire takes the lease of a key, and says whether it was free.
func Acquire(tb testing.TB, s Store, owner string, k Key) bool {
	held, err := s.(leaser).leases().acquire(tb.Context(), owner, []Key{k})
	if err != nil {
		tb.Fatal(err)
	}
	return held[0]
}

// Renew makes the lease of a key last longer.
func Renew(tb testing.TB, s Store, owner string, k Key) {
	if err := s.(leaser).leases().renew(tb.Context(), owner, []Key{k}); err != nil {
		tb.Fatal(err)
	}
}

// Release gives the lease of a key back.
func Release(tb testing.TB, s Store, owner string, k Key) {
	if err := s.(leaser).leases().release(tb.Context(), owner, []Key{k}); err != nil {
		tb.Fatal(err)
	}
}

// Stored is an entry as Redis gives it back.
func Stored(tb testing.TB, e Entry) Entry {
	b, err := encode(e)
	if err != nil {
		tb.Fatal(err)
	}
	if e, err = decode(b); err != nil {
		tb.Fatal(err)
	}
	return e
}

// At is what is shown of an entry.
func (e *Entry) At(now time.Time) *Entry { return e.at(now) }
