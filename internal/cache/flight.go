package cache

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// flights are the reads under way, by the keys that they will answer.
type flights struct {
	mu     sync.Mutex
	by     map[Key][]*flight
	behind int                          // refreshes under way
	failed func(*providers.Panic) error // makes the error of a read that panicked
}

// maxRefreshes is how many refreshes of an account are under way at once.
const maxRefreshes = 8

// flight is one read under way for everyone who waits for it.
type flight struct {
	keys []Key
	need []string // the fields it asks for; none: all
	done chan struct{}

	answer any // both are set before done closes
	err    error

	cancel   context.CancelFunc
	waiters  int       // guarded by flights.mu, as is the rest
	deadline time.Time // the latest of those who wait
	endless  bool      // one who waits has no deadline
}

// run reads what keys stand for.
type run func(ctx context.Context, keys []Key) (any, error)

// join makes the caller wait for all of keys: for flights that are under way and ask for
// enough, and for one new flight that reads the rest. It answers which flight brings which
// of the keys, and which of them is new (nil: none). The caller then waits for every one of
// them.
func (fs *flights) join(ctx context.Context, keys []Key, need []string, r run) (brings map[*flight][]Key, own *flight) {
	deadline, ok := ctx.Deadline() // before the lock: ctx may be a flight's own, which takes it
	fs.mu.Lock()
	defer fs.mu.Unlock()
	brings = map[*flight][]Key{}
	var rest []Key
	for _, k := range keys {
		if f := fs.find(k, need); f != nil {
			brings[f] = append(brings[f], k)
		} else {
			rest = append(rest, k)
		}
	}
	if len(rest) > 0 {
		own = &flight{keys: rest, need: need, done: make(chan struct{})}
		inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
		own.cancel = cancel
		fs.start(flightContext{inner, fs, own}, own, r)
		brings[own] = rest
	}
	for f := range brings {
		f.waiters++
		f.endless = f.endless || !ok
		if deadline.After(f.deadline) {
			f.deadline = deadline
		}
	}
	return brings, own
}

// refresh reads those of keys that nobody reads just now, with nobody waiting. It reads no
// more keys than it may make calls, and none where too many refreshes are under way. It
// ends with the process, and at its time.
func (fs *flights) refresh(ctx context.Context, o Options, keys []Key, need []string, r run) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return fs.find(k, need) != nil })
	if len(rest) > 0 {
		rest = rest[:min(len(rest), providers.AllowanceFrom(ctx).Left(rest[0].Account))]
	}
	if len(rest) == 0 || fs.behind == maxRefreshes || o.Process.Err() != nil {
		return
	}
	f := &flight{keys: rest, need: need, done: make(chan struct{}), waiters: 1} // for itself: it never leaves
	inner, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Timeout)
	stop := context.AfterFunc(o.Process, cancel)
	fs.behind++
	f.cancel = func() {
		cancel()
		stop()
	}
	fs.start(inner, f, func(ctx context.Context, keys []Key) (any, error) {
		defer func() {
			fs.mu.Lock()
			defer fs.mu.Unlock()
			fs.behind--
		}()
		return r(ctx, keys)
	})
}

// find is a flight that brings need of key. The lock is held.
func (fs *flights) find(key Key, need []string) *flight {
	for _, f := range fs.by[key] {
		if enough(f.need, need) {
			return f
		}
	}
	return nil
}

// enough says whether who asks for have is given want as well.
func enough(have, want []string) bool {
	return len(have) == 0 || len(want) > 0 && !slices.ContainsFunc(want, func(n string) bool { return !slices.Contains(have, n) })
}

// start sets a flight off. The lock is held.
func (fs *flights) start(ctx context.Context, f *flight, r run) {
	if fs.by == nil {
		fs.by = map[Key][]*flight{}
	}
	for _, k := range f.keys {
		fs.by[k] = append(fs.by[k], f)
	}
	go func() {
		defer func() {
			if p := recover(); p != nil { // it would end the process: nobody's handler is above
				f.answer, f.err = nil, fs.failed(providers.Panicked(p))
			}
			f.cancel()
			fs.mu.Lock()
			defer fs.mu.Unlock()
			fs.forget(f)
			close(f.done)
		}()
		f.answer, f.err = r(ctx, f.keys)
	}()
}

// forget keeps others from joining. The lock is held.
func (fs *flights) forget(f *flight) {
	for _, k := range f.keys {
		fs.by[k] = slices.DeleteFunc(fs.by[k], func(g *flight) bool { return g == f })
		if len(fs.by[k]) == 0 {
			delete(fs.by, k)
		}
	}
}

// forgetAll keeps others from joining any that is under way; they bring their answers to
// those who wait already.
func (fs *flights) forgetAll() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	clear(fs.by)
}

// leave stops waiting; the last who leaves ends the flight.
func (fs *flights) leave(f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f.waiters--; f.waiters == 0 {
		f.cancel()
		fs.forget(f)
	}
}

// wait is a joined flight's answer; the error is the context's if that ends before. Either
// way the caller waits no more.
func (fs *flights) wait(ctx context.Context, f *flight) (any, error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		fs.leave(f)
		return nil, fmt.Errorf("waiting: %w", context.Cause(ctx))
	}
	return f.answer, f.err
}

// bring waits until all of keys were read, and gives each flight's answer to take. The
// request that began a flight pays for its calls: where its limits ended them, those who
// waited join again, and one of them begins the next flight. take answers which keys this
// holds for; others says that another request began the flight.
func (fs *flights) bring(
	ctx context.Context,
	keys []Key,
	need []string,
	r run,
	take func(answer any, err error, keys []Key, others bool) (again []Key),
) {
	for len(keys) > 0 {
		brings, own := fs.join(ctx, keys, need, r)
		keys = nil
		for f, asked := range brings {
			answer, err := fs.wait(ctx, f)
			keys = append(keys, take(answer, err, asked, f != own)...)
		}
	}
}

// flightContext is a flight's context. It has the deadline of those who wait, so that a
// budget can refuse at once what would come too late, but ends only when they have gone.
type flightContext struct {
	context.Context
	fs *flights
	f  *flight
}

// Deadline is the latest deadline of those who wait.
func (c flightContext) Deadline() (time.Time, bool) {
	c.fs.mu.Lock()
	defer c.fs.mu.Unlock()
	return c.f.deadline, !c.f.endless
}
