package providers

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Source says who answered a read.
type Source string

// The sources of an answer.
const (
	SourceVendor Source = "VENDOR" // a call to the vendor
	SourceMemory Source = "MEMORY" // this process' memory, fresh
	SourceRedis  Source = "REDIS"  // the replicas' shared cache, fresh
	SourceStale  Source = "STALE"  // either of them, past its time; a refresh runs behind it
)

// Call is one thing that a request read: a call to a vendor, or an answer from the cache.
type Call struct {
	Account  string
	Method   string // of a vendor's call, else ""
	Path     string // path and query of a vendor's call, without secrets and e-mail addresses; or the cache's key
	Status   int    // of a vendor's call; 0 where no reply came
	Duration time.Duration
	Source   Source
	Attempt  int // 1 for the first try of a vendor's call
}

// Trace collects what one request read. It is safe for concurrent use; a nil Trace collects
// nothing.
type Trace struct {
	VendorsOnly bool // answers from the cache are not collected

	mu    sync.Mutex
	calls []Call
	stale []string // accounts that a stale answer came from
}

// Part is a trace for a part of the request, which collects likewise.
func (t *Trace) Part() *Trace { return &Trace{VendorsOnly: t == nil || t.VendorsOnly} }

// Add notes calls.
func (t *Trace) Add(calls ...Call) {
	if t == nil || len(calls) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, calls...)
}

// Join adds what a part has noted.
func (t *Trace) Join(part *Trace) {
	t.Add(part.Calls()...)
	for _, account := range part.Stale() {
		t.AddStale(account)
	}
}

// AddStale notes that a stale answer of an account was given, also where answers from the
// cache are not collected.
func (t *Trace) AddStale(account string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.stale, account) {
		t.stale = append(t.stale, account)
	}
}

// Stale are the accounts that stale answers came from so far.
func (t *Trace) Stale() []string {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.stale)
}

// Calls is what was noted so far, in the order of their ends.
func (t *Trace) Calls() []Call {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Call(nil), t.calls...)
}

// Spent is how many calls went to vendors so far, retries included.
func (t *Trace) Spent() (n int) {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.calls {
		if t.calls[i].Source == SourceVendor {
			n++
		}
	}
	return n
}

type traceKey struct{}

// WithTrace is ctx with t to collect into.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceFrom is the Trace of ctx, nil where there is none.
func TraceFrom(ctx context.Context) *Trace {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	return t
}
