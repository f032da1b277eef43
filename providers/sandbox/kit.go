package sandbox

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Request is one call as the simulator saw it.
type Request struct {
	At     time.Time // when it arrived
	Method string
	Path   string // with the query
	Body   string // the first 64 KiB of it
	Status int    // 0 where the caller got no whole reply
	// Done is the status of the work itself, whether or not anybody was told; 0 where none
	// was done. Work that lands late is a request of its own in the log, with a Status of
	// 0.
	Done int
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
	// Shape is how the vendor's lists look, for the oddities of [Kit.Odd].
	Shape Shape
}

// Kit is the part of a simulator that is the same for every vendor: it is served through
// [Kit.Handler], and told by the other methods what to do to calls. It is safe for
// concurrent use.
type Kit struct {
	o   KitOptions
	odd *Odd

	mu        sync.Mutex
	log       []Request
	windows   map[string]*window
	latency   time.Duration
	jitter    time.Duration
	errorRate float64
	faults    []Fault
	chooser   func(*http.Request) (Fault, bool)
	late      sync.WaitGroup
	down      bool
	switches  map[string]bool
}

// window counts the calls of one key. A fixed window is numbered by how many of its length
// fit since the Unix epoch, a rolling one has the times of its calls.
type window struct {
	number int64
	count  int
	calls  []time.Time
}

// The bounds of what a kit remembers.
const (
	maxRequests = 100_000
	maxBody     = 64 << 10
)

// NewKit makes a kit; nothing is switched on.
func NewKit(o KitOptions) *Kit {
	k := &Kit{o: o, windows: map[string]*window{}, switches: map[string]bool{}}
	k.odd = &Odd{kit: k, unreadable: map[string]map[string]bool{}, bent: map[Bend]bool{}}
	return k
}

// Handler serves next behind the kit's log, downtime, latency, faults, rate windows and
// oddities, in this order.
func (k *Kit) Handler(next http.Handler) http.Handler {
	next = k.odd.handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		call := Request{At: k.o.Now(), Method: r.Method, Path: r.URL.RequestURI(), Body: keepBody(r)}
		answered := false
		k.mu.Lock() // Settled may be called before
		k.late.Add(1)
		k.mu.Unlock()
		defer func() {
			if answered {
				call.Status = rec.status
			}
			k.note(call)
			k.late.Done()
		}()
		down, wait := k.weather()
		if down {
			cut()
		}
		if !sleep(r, wait) {
			cut()
		}
		if fault, ok := k.fault(r); ok {
			done := fault.reply()
			switch {
			case fault.worked():
				made := k.unseen(r, next)
				call.Done = made.status
				if fault.own() {
					done = made
				}
			case fault.Late > 0:
				k.land(r, fault.Late, next, call)
			}
			fault.answer(rec, r, done)
		} else {
			k.limited(rec, r, next)
			call.Done = rec.status
		}
		answered = true
	})
}

// unseen does the work of a request and keeps the reply.
func (k *Kit) unseen(r *http.Request, next http.Handler) *reply {
	return capture(r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { k.limited(w, r, next) }))
}

// land does the work of a request later, when nobody waits for it any more.
func (k *Kit) land(r *http.Request, after time.Duration, next http.Handler, call Request) {
	body, _ := io.ReadAll(r.Body) // what cannot be read has not arrived
	later := r.Clone(context.WithoutCancel(r.Context()))
	later.Body = io.NopCloser(bytes.NewReader(body))
	k.mu.Lock() // Settled may be called before
	defer k.mu.Unlock()
	k.late.Go(func() {
		time.Sleep(after)
		call.Done = k.unseen(later, next).status
		k.note(call)
	})
}

// Settled waits until all calls have been answered and logged, and all that was to land
// late has landed. (A client may be done with a call before the handler is.)
func (k *Kit) Settled() {
	k.mu.Lock()
	late := &k.late
	k.mu.Unlock()
	late.Wait()
}

// limited serves a call that is within the limit. Calls above it do not count, failed ones do.
func (k *Kit) limited(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if wait, ok := k.admit(r); !ok {
		k.o.TooMany(w, wait)
		return
	}
	next.ServeHTTP(w, r)
}

// admit counts a call, or says how long it has to wait.
func (k *Kit) admit(r *http.Request) (wait time.Duration, ok bool) {
	if k.o.Limit <= 0 {
		return 0, true
	}
	key := ""
	if k.o.Key != nil {
		key = k.o.Key(r)
	}
	now := k.o.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	win := k.windows[key]
	if win == nil {
		win = &window{}
		k.windows[key] = win
	}
	if k.o.Rolling {
		win.calls = slices.DeleteFunc(win.calls, func(t time.Time) bool { return now.Sub(t) >= k.o.Window })
		if len(win.calls) >= k.o.Limit {
			return k.o.Window - now.Sub(win.calls[0]), false
		}
		win.calls = append(win.calls, now)
		return 0, true
	}
	sinceEpoch, length := now.UnixNano(), int64(k.o.Window)
	if number := sinceEpoch / length; number != win.number {
		win.number, win.count = number, 0
	}
	if win.count >= k.o.Limit {
		return time.Duration(length - sinceEpoch%length), false
	}
	win.count++
	return 0, true
}

// Requests are the calls since the last Forget, in the order of their ends. Of very many
// only the last are kept: 90,000 at least, 100,000 at most.
func (k *Kit) Requests() []Request {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.log)
}

// Forget empties the log of calls and the rate windows.
func (k *Kit) Forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.log, k.windows = nil, map[string]*window{}
}

// SetLatency makes every call take this long, and up to jitter longer.
func (k *Kit) SetLatency(latency, jitter time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.latency, k.jitter = latency, jitter
}

// SetErrorRate makes this share of calls (0 to 1) answer 500.
func (k *Kit) SetErrorRate(share float64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.errorRate = share
}

// Fail applies these faults to the next calls, one each.
func (k *Kit) Fail(faults ...Fault) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.faults = append(k.faults, faults...)
}

// Choose asks choose for a fault of each call that no other fault hits; nil ends that. It
// is asked one call at a time, and may not use the kit.
func (k *Kit) Choose(choose func(*http.Request) (Fault, bool)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.chooser = choose
}

// SetDown makes every connection be cut, until it is set back.
func (k *Kit) SetDown(down bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.down = down
}

// Set turns a vendor's own switch on or off; the vendor's simulator names its switches.
func (k *Kit) Set(name string, on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.switches[name] = on
}

// On says whether a switch is on.
func (k *Kit) On(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.switches[name]
}

// switched are those of these switches that are on.
func (k *Kit) switched(names []string) map[string]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.switches) == 0 {
		return nil
	}
	on := map[string]bool{}
	for _, name := range names {
		if k.switches[name] {
			on[name] = true
		}
	}
	return on
}

func (k *Kit) note(r Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.log) >= maxRequests {
		k.log = slices.Delete(k.log, 0, maxRequests/10)
	}
	k.log = append(k.log, r)
}

// weather is whether the vendor is down, and how long this call takes.
func (k *Kit) weather() (down bool, wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	wait = k.latency
	if k.jitter > 0 {
		wait += rand.N(k.jitter)
	}
	return k.down, wait
}

// fault takes the next fault, or makes one by the error rate, or has it chosen.
func (k *Kit) fault(r *http.Request) (Fault, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.faults) > 0 {
		f := k.faults[0]
		k.faults = k.faults[1:]
		return f, true
	}
	if k.errorRate > 0 && rand.Float64() < k.errorRate {
		return Fault{Status: http.StatusInternalServerError, Body: "simulated fault"}, true
	}
	if k.chooser != nil {
		return k.chooser(r)
	}
	return Fault{}, false
}

// sleep waits, unless the caller goes away first.
func sleep(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// keepBody reads the head of a request's body and puts it back.
func keepBody(r *http.Request) string {
	if r.Body == nil || r.Body == http.NoBody {
		return ""
	}
	head, _ := io.ReadAll(io.LimitReader(r.Body, maxBody)) // whoever reads on meets the error again
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), r.Body), r.Body}
	return string(head)
}

// statusRecorder remembers the status that was answered.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// cut ends the connection without an answer; it does not return.
func cut() { panic(http.ErrAbortHandler) }
