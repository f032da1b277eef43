// Package responses keeps finished answers, each with the cache entries that it was made
// of: its witnesses. An answer is given again only while all of them are fresh and in the
// store ([cache.Witnesses]). So a write, a webhook, a refresh or a forgotten account needs
// to change the store alone, and nothing here has to be told.
//
// An answer is kept only if it was made of entries that were in the store, all of them
// fresh: to make it again would cost no call, and give the same bytes. A request that had
// to read at a vendor leaves what it read in the store, and the next one leaves its answer
// here.
package responses

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/compress"
)

// Key is a hash of everything that an answer depends on besides what is read for it: the
// document, the operation, its variables, and what the viewer may see.
type Key [32]byte

// Answer is the answer to a query. Nobody changes it.
type Answer struct {
	Body      []byte
	Planned   int            // how many calls the operation was planned to take
	ByAccount map[string]int // these calls of a partner, by account
	Operation string

	key       Key
	witnesses *cache.Witnesses

	mu      sync.Mutex
	encoded bool                     // once already
	forms   [compress.Codings][]byte // the body in each coding; nil where it is not kept
}

// overhead is about what an answer takes besides its bytes and witnesses, and accountBytes
// what it takes for an account.
const (
	overhead     = 256
	accountBytes = 64
)

func (a *Answer) size() uint32 {
	bytes := overhead + accountBytes*len(a.ByAccount) + cap(a.Body) + len(a.Operation) + a.witnesses.Bytes()
	for _, form := range a.forms {
		bytes += cap(form)
	}
	return uint32(min(bytes, math.MaxUint32))
}

// Cache keeps answers in memory, bounded in bytes. When it is full, what is used least
// makes room. A nil Cache keeps nothing. It is safe for concurrent use.
type Cache struct {
	answers *otter.Cache[Key, *Answer]
	most    uint32        // bytes of one answer
	forgets atomic.Uint64 // how often everything was forgotten

	mu      sync.Mutex
	flights map[Key]*Flight
}

// largest is the part of the cache that one answer may take: a sixteenth.
const largest = 16

// New makes a cache that takes about so many bytes; nil for none.
func New(bytes int64) *Cache {
	if bytes <= 0 {
		return nil
	}
	most := uint32(min(bytes/largest, math.MaxUint32))
	return &Cache{flights: map[Key]*Flight{}, most: most, answers: otter.Must(bounded(bytes))}
}

// bounded are the options of a cache of so many bytes.
func bounded(bytes int64) *otter.Options[Key, *Answer] {
	return &otter.Options[Key, *Answer]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(_ Key, a *Answer) uint32 { return a.size() },
		Logger:        &otter.NoopLogger{},
	}
}

// Get is the answer of a key, if it is still what an execution would answer; else nil.
func (c *Cache) Get(k Key) *Answer {
	if c == nil {
		return nil
	}
	a, ok := c.answers.GetIfPresent(k)
	if !ok {
		return nil
	}
	if !a.witnesses.Hold() {
		c.drop(k, a)
		return nil
	}
	return a
}

// Encoded is the body of an answer in a coding, by encode where it is not kept in that
// coding; false where encode says so. It is kept from the second time on: most answers are
// asked for once or never again, and would hold the memory in vain.
func (c *Cache) Encoded(a *Answer, coding compress.Coding, encode func(compress.Coding, ...[]byte) ([]byte, bool)) (form []byte, ok bool) {
	if coding == compress.Identity {
		return a.Body, true
	}
	if form = a.form(coding); form != nil {
		return form, true
	}
	if form, ok = encode(coding, a.Body); !ok { // without the mutex, for which all others with this answer would wait
		return nil, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.encoded {
		a.encoded = true
		return form, true
	}
	if a.forms[coding] != nil {
		return a.forms[coding], true
	}
	a.forms[coding] = slices.Clone(form) // without the spare capacity of the buffer
	c.answers.ComputeIfPresent(a.key, func(kept *Answer) (*Answer, otter.ComputeOp) {
		if kept == a {
			return a, otter.WriteOp // it is weighed again
		}
		return kept, otter.CancelOp
	})
	return form, true
}

// form is the body in a coding, where it is kept.
func (a *Answer) form(coding compress.Coding) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.forms[coding]
}

// drop removes an answer, unless another has taken its place.
func (c *Cache) drop(k Key, a *Answer) {
	c.answers.ComputeIfPresent(k, func(kept *Answer) (*Answer, otter.ComputeOp) {
		if kept == a {
			return nil, otter.InvalidateOp
		}
		return kept, otter.CancelOp
	})
}

// Forget removes all answers. Those that are being made are not kept.
func (c *Cache) Forget() {
	if c == nil {
		return
	}
	c.forgets.Add(1)
	c.answers.InvalidateAll()
}

// Bytes is about how much the answers take just now. It first does what room-making is due.
func (c *Cache) Bytes() int64 {
	if c == nil {
		return 0
	}
	c.answers.CleanUp()
	return int64(c.answers.WeightedSize())
}

// Flight is one execution for all who ask with the same key meanwhile.
type Flight struct {
	c       *Cache
	key     Key
	forgets uint64 // of the cache, before anything was read

	done  chan struct{}
	ended sync.Once
	again bool // set before done closes: the next execution may leave an answer that this one did not
}

// maxWaits is how often a request waits for the execution of another. The client of the
// first may go away, and the second has to read at vendors; then the third finds all of
// that in the store, and its answer is everybody's.
const maxWaits = 3

// ErrNoRoom says that a request may not wait for another one.
var ErrNoRoom = errors.New("too many requests wait for others")

// Join is the answer of a key, made by another request that is executed just now; or the
// caller's own flight, which it has to end; or neither, where the caller has to execute by
// itself alone. No caller waits longer than its context, and none fails because another
// did.
//
// Before a caller waits, park is called, once. It answers what to call after the wait, or
// nil where the caller may not wait: then Join returns ErrNoRoom.
func (c *Cache) Join(ctx context.Context, k Key, park func() (leave func())) (*Answer, *Flight, error) {
	if c == nil {
		return nil, nil, nil
	}
	for n := range maxWaits {
		c.mu.Lock()
		f, found := c.flights[k]
		if !found {
			f = &Flight{c: c, key: k, forgets: c.forgets.Load(), done: make(chan struct{})}
			c.flights[k] = f
		}
		c.mu.Unlock()
		if !found {
			return nil, f, nil
		}
		if n == 0 {
			leave := park()
			if leave == nil {
				return nil, nil, ErrNoRoom
			}
			defer leave()
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, nil, nil
		}
		if a := c.Get(k); a != nil || !f.again {
			return a, nil, nil
		}
	}
	return nil, nil, nil
}

// UnderWay says whether the answer of a key is being made.
func (c *Cache) UnderWay(k Key) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flights[k] != nil
}

// Keep keeps an answer whose witnesses r has collected, if it is still valid, and not
// larger than a sixteenth of the cache.
func (f *Flight) Keep(a *Answer, r *cache.Recorder) {
	if f == nil {
		return
	}
	var ok bool
	if a.witnesses, ok = r.Witnesses(); !ok {
		f.again = r.Settling()
		return
	}
	a.key = f.key
	if a.size() > f.c.most {
		return
	}
	f.c.answers.Set(f.key, a)
	f.c.answers.CleanUp()                // makes room now: else many that are kept at once take a multiple of the bound
	if f.c.forgets.Load() != f.forgets { // meanwhile, so that it may have come in behind the removal
		f.c.drop(f.key, a)
	}
}

// Abandon says that the execution ended because its own client has gone, which tells the
// others nothing.
func (f *Flight) Abandon() {
	if f != nil {
		f.again = true
	}
}

// End lets those go on who wait. It may be called again.
func (f *Flight) End() {
	if f == nil {
		return
	}
	f.ended.Do(func() {
		f.c.mu.Lock()
		delete(f.c.flights, f.key)
		f.c.mu.Unlock()
		close(f.done)
	})
}
