package cache

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/partnergraph/partnergraph/providers"
)

// Recorder collects the entries that a request reads, from the stores of all accounts. A
// nil Recorder collects nothing. It is safe for concurrent use.
type Recorder struct {
	lessons uint64 // before anything was read

	mu      sync.Mutex
	store   holder
	now     func() time.Time
	seen    []witness
	until   time.Time
	closed  bool // the request has its answer
	missed  bool // something was not read from the store
	outside bool // something that was read can never be confirmed
	stale   bool
}

// witness is what a store held of a key.
type witness struct {
	key     Key
	version uint64 // 0: nothing
}

// holder is a [Store] that can tell whether something has changed.
type holder interface {
	// holds says whether an entry of this version is shown under the key; of version 0:
	// that nothing is.
	holds(key Key, version uint64) bool
	// movement changes, before the change is complete, with every change of what is shown under a
	// key of this movement; see movementOf.
	movement(i uint8) uint64
}

var _, _ holder = (*Memory)(nil), (*Tiered)(nil)

// NewRecorder makes a recorder, before the request reads anything.
func NewRecorder() *Recorder { return &Recorder{lessons: providers.Lessons()} }

func recorderFrom(ctx context.Context) *Recorder {
	if r := requestFrom(ctx); r != nil {
		return r.recorder
	}
	return nil
}

// note collects what the store of c held of keys.
func (r *Recorder) note(c *Cache, keys []Key, found []*Entry) {
	if r == nil {
		return
	}
	store, ok := c.store.(holder)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if !ok || r.store != nil && r.store != store {
		r.outside = true
		return
	}
	r.store, r.now = store, c.o.Now
	now := r.now()
	for i, e := range found {
		if e == nil {
			r.seen = append(r.seen, witness{keys[i], 0})
			continue
		}
		r.seen = append(r.seen, witness{keys[i], e.version})
		r.outside = r.outside || e.version == 0
		end := e.FreshUntil
		if !now.Before(end) { // for an estimate, to which stale is as good
			end = e.StaleUntil
		}
		if e.Payout != (Borrowed{}) && e.Payout.FreshUntil.Before(end) {
			end = e.Payout.FreshUntil
		}
		if r.until.IsZero() || end.Before(r.until) {
			r.until = end
		}
	}
}

// Stop ends the collection, for a request whose answer is not kept.
func (r *Recorder) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// spoil notes that an answer is, or is about to be, made of something that is not fresh in
// the store.
func (r *Recorder) spoil(s state) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missed = r.missed || s == miss
	r.stale = r.stale || s == stale
}

// Settling says, of a request without witnesses, whether the same request may have some now. It
// had to wait for a vendor, or something was stored while it read, and it read nothing that was
// stale.
func (r *Recorder) Settling() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.stale && !r.outside
}

// Witnesses are what was read, if all of it was fresh in the store and still is there. Nothing is
// collected any more.
func (r *Recorder) Witnesses() (w *Witnesses, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.missed || r.outside || r.stale {
		return nil, false
	}
	slices.SortFunc(r.seen, func(a, b witness) int {
		return cmp.Or(strings.Compare(a.key.Local, b.key.Local), cmp.Compare(a.version, b.version),
			strings.Compare(a.key.Account, b.key.Account), strings.Compare(string(a.key.Noun), string(b.key.Noun)),
			strings.Compare(string(a.key.Kind), string(b.key.Kind)), cmp.Compare(a.key.Number, b.key.Number))
	})
	w = &Witnesses{lessons: r.lessons, store: r.store, now: r.now, until: r.until, seen: slices.Clip(slices.Compact(r.seen))}
	for _, s := range w.seen {
		if i := movementOf(s.key); !slices.Contains(w.movements, i) {
			w.movements = append(w.movements, i)
		}
	}
	return w, w.Hold()
}

// Witnesses are the entries that an answer was made of. An answer is valid while all of them are
// fresh, and are what the store holds. They are safe for concurrent use.
type Witnesses struct {
	lessons   uint64
	store     holder
	now       func() time.Time
	until     time.Time
	seen      []witness
	movements []uint8                  // of all that was seen, each once
	held      atomic.Pointer[[]uint64] // their values when everything that was seen was last found held
}

// Hold says whether the same request would read the same entries, and nothing else.
func (w *Witnesses) Hold() bool {
	if w.lessons != providers.Lessons() {
		return false
	}
	if len(w.seen) == 0 {
		return true
	}
	if !w.until.IsZero() && !w.now().Before(w.until) {
		return false
	}
	if held := w.held.Load(); held != nil && w.unmoved(*held) {
		return true
	}
	held := make([]uint64, len(w.movements)) // read before the entries, so that no change is missed
	for i, m := range w.movements {
		held[i] = w.store.movement(m)
	}
	for _, s := range w.seen {
		if !w.store.holds(s.key, s.version) {
			return false
		}
	}
	w.held.Store(&held)
	return true
}

func (w *Witnesses) unmoved(held []uint64) bool {
	for i, m := range w.movements {
		if w.store.movement(m) != held[i] {
			return false
		}
	}
	return true
}

// Bytes is about what the witnesses take in memory.
func (w *Witnesses) Bytes() int {
	n := 128 + len(w.movements)*9
	for _, s := range w.seen {
		n += int(unsafe.Sizeof(s)) + len(s.key.Local)
	}
	return n
}

// movements is how many counters of changes a memory has. Where two nouns share one, a
// change of the one only costs that witnesses of the other are compared.
const movements = 256

// movementOf is the counter of a key's account and noun: a hash of both.
func movementOf(key Key) uint8 {
	const offset, prime = 2166136261, 16777619 // of FNV-1a
	h := uint32(offset)
	for _, text := range [...]string{key.Account, string(key.Noun)} {
		for i := range len(text) {
			h = (h ^ uint32(text[i])) * prime
		}
	}
	return uint8(h ^ h>>8 ^ h>>16 ^ h>>24)
}

func (m *Memory) moved(key Key)           { m.moves[movementOf(key)].Add(1) }
func (m *Memory) movement(i uint8) uint64 { return m.moves[i].Load() }

func (m *Memory) holds(key Key, version uint64) bool {
	e, ok := m.entries.GetIfPresent(key)
	shown := ok && e.shown(m.now())
	if version == 0 {
		return !shown
	}
	return shown && e.version == version
}

func (t *Tiered) movement(i uint8) uint64 { return t.memory.movement(i) }

// holds asks memory alone, while it is the answer. What it does not hold, Redis may.
func (t *Tiered) holds(key Key, version uint64) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.linked && version != 0 && t.memory.holds(key, version)
}
