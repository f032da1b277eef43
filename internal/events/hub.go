package events

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
)

// The ways in which a hub ends a subscription. Its position stays good for another one.
var (
	// ErrSlow says that a subscriber is more entries behind than it may be.
	ErrSlow = errors.New("events: the subscriber is too slow: subscribe again with the last position")

	// ErrClosed says that the hub is closed.
	ErrClosed = errors.New("events: the server is shutting down: subscribe again with the last position")
)

// HubOptions configures a [Hub].
type HubOptions struct {
	Log    Log
	Logger *slog.Logger
	Window int // entries that are held in memory for all subscribers; 0 means 4096

	// Ready returns when a record that is read from then on is no older than the entries that
	// were read from the log before the call. Subscribers get them then. Its only error is that of
	// its context. nil: they get them at once.
	Ready func(context.Context) error
}

const (
	defaultWindow = 4096
	maxBatch      = 128 // entries of one Next
	maxReads      = 8   // subscribers that read the log at once
)

// Hub reads a log once in a process, for many subscribers. It has one goroutine.
type Hub struct {
	o      HubOptions
	ctx    context.Context // ends with the hub
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when the goroutine has ended
	reads  chan struct{} // a place for each read of the log by a subscriber

	mu      sync.Mutex
	changed chan struct{} // closed when anything below changes
	closed  bool
	era     int // 0: the log has not answered yet; increases when it begins anew
	window  window
}

// NewHub starts a hub. The caller closes it.
func NewHub(o HubOptions) *Hub {
	o.Window = cmp.Or(o.Window, defaultWindow)
	if o.Ready == nil {
		o.Ready = func(context.Context) error { return nil }
	}
	h := &Hub{o: o, ended: make(chan struct{}), reads: make(chan struct{}, maxReads), changed: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancelCause(context.Background())
	go func() {
		defer close(h.ended)
		h.follow()
	}()
	return h
}

// Close ends all subscriptions with [ErrClosed], and returns when the hub's goroutine has
// ended: at once with [Memory], after up to two seconds with a [Redis] that does not answer.
func (h *Hub) Close() {
	h.cancel(ErrClosed)
	h.change(func() { h.closed = true })
	<-h.ended
}

// change changes what subscribers look at, and wakes them.
func (h *Hub) change(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
	close(h.changed)
	h.changed = make(chan struct{})
}

// follow reads the log, and begins with its end again where it has begun anew.
func (h *Hub) follow() {
	for {
		last, err := persist(h.ctx, h.o.Logger, h.last)
		if err != nil {
			return
		}
		h.change(func() {
			h.era++
			h.window = window{size: h.o.Window, base: last}
		})
		err = Follow(h.ctx, h.o.Log, last.at, h.o.Logger, func(entries []Entry) error {
			if err := h.o.Ready(h.ctx); err != nil {
				return err
			}
			h.change(func() { h.window.add(entries) })
			return nil
		})
		if h.ctx.Err() != nil {
			return
		}
		h.o.Logger.Warn("changes are missing in the event log; all subscriptions end", "error", err)
	}
}

// last is the end of the log.
func (h *Hub) last() (cursor, error) {
	at, err := h.o.Log.Last(h.ctx)
	if err != nil {
		return cursor{}, err
	}
	p, err := parse(at)
	return cursor{p.n, at}, err
}

// ready waits until the log has answered for the first time.
func (h *Hub) ready(ctx context.Context) error {
	for {
		h.mu.Lock()
		era, closed, changed := h.era, h.closed, h.changed
		h.mu.Unlock()
		switch {
		case closed:
			return ErrClosed
		case era > 0:
			return nil
		}
		if err := wait(ctx, changed); err != nil {
			return err
		}
	}
}

// Subscribe makes a subscription to what comes behind a position, or with "" behind what
// the hub has read. It waits while the log does not answer. bound is how many entries the
// subscriber may be behind once it has caught up: at least 1, at most the hub's window.
func (h *Hub) Subscribe(ctx context.Context, after Position, bound int) (*Subscription, error) {
	if err := h.ready(ctx); err != nil {
		return nil, err
	}
	s := &Subscription{hub: h, bound: uint64(min(max(bound, 1), h.o.Window))}
	h.mu.Lock()
	s.era, s.cursor = h.era, h.window.head()
	if after == "" {
		s.live = true
		h.mu.Unlock()
		return s, nil
	}
	p, err := parse(after)
	found := behind
	if err == nil {
		s.cursor = cursor{p.n, after}
		_, found = h.window.after(s.cursor)
	}
	h.mu.Unlock()
	if err != nil || found == inside {
		return s, err
	}
	s.page, err = h.read(ctx, after)
	return s, err
}

// read reads the log for a subscriber.
func (h *Hub) read(ctx context.Context, after Position) ([]Entry, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(h.ctx, func() { cancel(ErrClosed) })()
	select {
	case h.reads <- struct{}{}:
		defer func() { <-h.reads }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	entries, err := persist(ctx, slog.New(slog.DiscardHandler), func() ([]Entry, error) {
		return h.o.Log.Read(ctx, after, maxBatch)
	})
	if err != nil || len(entries) == 0 || h.shown(entries[len(entries)-1].Position) {
		return entries, err
	}
	return entries, h.o.Ready(ctx)
}

// shown says whether the hub has passed on an entry before.
func (h *Hub) shown(at Position) bool {
	p, err := parse(at)
	h.mu.Lock()
	defer h.mu.Unlock()
	return err == nil && p.n <= h.window.head().n
}
