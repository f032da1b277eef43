package events

import (
	"context"
	"errors"
	"fmt"
)

// Subscription is one subscriber's way through a log. It is a place in the hub's window, so
// that it has no queue, no goroutine, and nothing to close. It is not safe for concurrent
// use.
type Subscription struct {
	hub    *Hub
	era    int
	cursor cursor  // behind the last entry that Next returned
	page   []Entry // read from the log, and not returned yet
	bound  uint64
	live   bool  // it has caught up with the hub
	err    error // why it has ended
}

// Position returns the position behind the last entry that Next returned, at first the one
// that it began with.
func (s *Subscription) Position() Position { return s.cursor.at }

// Next returns the next entries, and waits for them. The slice is shared by all subscribers
// and must not be changed. [ErrSlow], [ErrGone] and [ErrClosed] end the subscription; after
// an error of the context it may go on.
func (s *Subscription) Next(ctx context.Context) ([]Entry, error) {
	for s.err == nil {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		entries, found, changed, err := s.look()
		switch {
		case err != nil:
			s.err = err
		case len(entries) > 0:
			s.cursor = cursor{s.cursor.n + uint64(len(entries)), entries[len(entries)-1].Position}
			return entries, nil
		case found != behind:
			if err := wait(ctx, changed); err != nil {
				return nil, err
			}
		default:
			if err := s.fetch(ctx, changed); err != nil {
				return nil, err
			}
		}
	}
	s.page = nil
	return nil, s.err
}

// look returns the entries that are there. Where there are none, it says where the cursor
// is, and what tells of a change.
func (s *Subscription) look() (entries []Entry, found place, changed <-chan struct{}, err error) {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, 0, nil, ErrClosed
	case s.era != h.era:
		return nil, 0, nil, fmt.Errorf("%w (the log has begun anew)", ErrGone)
	case len(s.page) > 0:
		entries, s.page = s.page, nil
		return entries, inside, nil, nil
	}
	entries, found = h.window.after(s.cursor)
	switch {
	case found == astray:
		return nil, 0, nil, fmt.Errorf("%w (the log has lost what was appended last)", ErrGone)
	case s.live && found != ahead && h.window.head().n-s.cursor.n > s.bound:
		return nil, 0, nil, ErrSlow
	case found == behind:
		return nil, found, h.changed, nil
	}
	now := min(len(entries), maxBatch)
	s.live = s.live || uint64(len(entries)-now) <= s.bound
	return entries[:now:now], found, h.changed, nil
}

// fetch reads a page from the log, as the window does not reach back to the cursor. Where
// the log has none, it has begun anew and the hub is about to notice.
func (s *Subscription) fetch(ctx context.Context, changed <-chan struct{}) error {
	page, err := s.hub.read(ctx, s.cursor.at)
	switch {
	case errors.Is(err, ErrGone), errors.Is(err, ErrPosition), errors.Is(err, ErrClosed):
		s.err = err
		return nil
	case err != nil:
		return err
	case len(page) == 0:
		return wait(ctx, changed)
	}
	s.page = page
	return nil
}

// wait waits for a change, or until ctx ends.
func wait(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
