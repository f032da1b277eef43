package sandbox

import (
	"net/http"
	"time"
)

// Fault is what a simulator does to a call instead of answering it as it should.
type Fault struct {
	Status int // answer this status with Body; 0: cut the connection
	Body   string
	Header http.Header
	After  bool // do the work first, then fault
}

// Request is one call as the simulator saw it.
type Request struct {
	At     time.Time
	Method string
	Path   string // with the query
	Body   string
	Status int
}

// KitOptions is what a Kit is made from.
type KitOptions struct {
	Now     func() time.Time
	Limit   int // calls in a window
	Window  time.Duration
	Rolling bool // a rolling window instead of fixed ones
	// Key names the window that a call counts in (the API key, the store); nil: one for all.
	Key func(*http.Request) string
	// TooMany answers a call above the limit. wait is the time until one would pass.
	TooMany func(w http.ResponseWriter, wait time.Duration)
}

// Kit is the part of a simulator that is the same for every vendor. It is safe for concurrent use.
type Kit struct {
	o KitOptions
}

// NewKit makes a kit; nothing is switched on.
func NewKit(o KitOptions) *Kit { return &Kit{o: o} }

// Handler serves next behind the kit's log, downtime, latency, faults and rate windows, in this order.
func (k *Kit) Handler(next http.Handler) http.Handler { return next }

// Requests are the calls since the last Forget, in order.
func (k *Kit) Requests() []Request { return nil }

// Forget empties the log of calls and the rate windows.
func (k *Kit) Forget() {}

// SetLatency makes every call take this long, and up to jitter longer.
func (k *Kit) SetLatency(latency, jitter time.Duration) {}

// SetErrorRate makes this share of calls (0 to 1) answer 500.
func (k *Kit) SetErrorRate(share float64) {}

// Fail applies these faults to the next calls, one each.
func (k *Kit) Fail(faults ...Fault) {}

// SetDown makes every connection be cut, until it is set back.
func (k *Kit) SetDown(down bool) {}

// Set turns a vendor's own switch on or off; the vendor's simulator names its switches.
func (k *Kit) Set(name string, on bool) {}

// On says whether a switch is on.
func (k *Kit) On(name string) bool { return false }
