package budget

import (
	"context"
	"sync"
	"time"
)

// Price is what something takes from one part of a share.
type Price struct {
	Part  string // of the share, such as "calls"
	Count int
	Limit float64 // of the part in a minute; positive
	Again int     // what the part has to hold besides when the subject asks again
}

// shareWindow is the time in which a share fills.
const shareWindow = time.Minute

// cost is the time in which the share gets back what the price takes, and again what it gets for
// asking again, in microseconds.
func (p Price) cost() (cost, again float64) {
	each := float64(shareWindow.Microseconds()) / p.Limit
	return float64(p.Count) * each, float64(p.Again) * each
}

// Shares are what each of many subjects may take in a minute. Each part of a share is a
// token bucket: it holds a whole minute's limit, and fills evenly. What costs more than a
// bucket holds is given when the bucket is full, and is owed from then on. Implementations
// are safe for concurrent use.
type Shares interface {
	// Take takes all prices from the subject's share and returns zero; or it takes nothing, and
	// returns how long to wait until the share has as much; or it returns [Unknown].
	Take(ctx context.Context, subject string, prices ...Price) (wait time.Duration)
	// Close ends the shares of this process.
	Close()
}

// Unknown is the answer of [Shares] that cannot tell just now whether a share has as much.
// That is no fault of the subject.
const Unknown time.Duration = -1

// shareKey names one part of the share of one subject.
type shareKey struct{ subject, part string }

// maxBuckets is how many parts of shares are kept. Those of new subjects are refused beyond
// it, until enough others are full again.
const maxBuckets = 100_000

// buckets are token buckets. Each is the time at which it is full again, in microseconds:
// so a limit may change at any time. A bucket that is absent is full at the time from.
type buckets struct {
	full  map[shareKey]float64
	from  float64
	swept float64 // when full buckets were dropped last
}

// take takes all prices or nothing. No bucket holds more than capacity, in microseconds of
// a window.
func (b *buckets) take(now, capacity float64, subject string, prices []Price) (wait float64) {
	window := float64(shareWindow.Microseconds())
	b.sweep(now)
	refused := false
	after := make([]float64, len(prices))
	for i, p := range prices {
		full, ok := b.full[shareKey{subject, p.Part}]
		if !ok {
			full = b.from
			if len(b.full) >= maxBuckets {
				return window
			}
		}
		cost, again := p.cost()
		full = max(full, now+window-capacity)
		after[i] = full + cost
		lack := full + min(cost, window) - now - window
		refused = refused || lack > 1 // a microsecond is for rounding
		wait = max(wait, lack+again)
	}
	if refused {
		return wait
	}
	for i, p := range prices {
		b.full[shareKey{subject, p.Part}] = after[i]
	}
	return 0
}

// sweep drops the buckets that are full, once in a window, and once in a second when there
// are too many buckets. What is kept is what was taken from in the last two windows.
func (b *buckets) sweep(now float64) {
	if b.full == nil {
		b.full, b.swept = map[shareKey]float64{}, now
	}
	wait := shareWindow
	if len(b.full) >= maxBuckets {
		wait = time.Second
	}
	if now-b.swept < float64(wait.Microseconds()) {
		return
	}
	b.swept = now
	for k, full := range b.full {
		if full <= now {
			delete(b.full, k)
		}
	}
}

// MemoryShares are the [Shares] of one process.
type MemoryShares struct {
	now   func() time.Time
	began time.Time

	mu      sync.Mutex
	buckets buckets
}

var _ Shares = (*MemoryShares)(nil)

// NewShares makes shares, all of which are whole.
func NewShares(now func() time.Time) *MemoryShares { return &MemoryShares{now: now, began: now()} }

// Take takes from a share, as [Shares] says.
func (s *MemoryShares) Take(_ context.Context, subject string, prices ...Price) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := s.buckets.take(float64(s.now().Sub(s.began).Microseconds()), float64(shareWindow.Microseconds()), subject, prices)
	return micro(wait)
}

// Close does nothing.
func (s *MemoryShares) Close() {}

// micro is a span of so many microseconds.
func micro(n float64) time.Duration { return time.Duration(n * float64(time.Microsecond)) }
