package events

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"
)

// Log keeps events in one order, for a time. Every implementation passes the suite in
// package eventstest.
//
// Implementations MUST be safe for concurrent use and MUST honour their context.
type Log interface {
	// Append appends events in order, all or none. appended is false where once.Key was
	// appended within once.For: then nothing is appended. After an error the events may or
	// may not have been appended; a caller who tries again needs a key.
	Append(ctx context.Context, once Once, events ...Event) (appended bool, err error)

	// Read returns up to limit entries behind a position, in order; none where nothing has
	// happened since. Its error wraps [ErrGone] where entries behind the position are
	// missing, and [ErrPosition] where it is no position of this log.
	Read(ctx context.Context, after Position, limit int) ([]Entry, error)

	// Last returns the position behind the last entry.
	Last(ctx context.Context) (Position, error)

	// Wait returns nil as soon as there is an entry behind the position. Its errors are those
	// of Read, or the context's.
	Wait(ctx context.Context, after Position) error
}

// Once names what is appended at most once within a time. The zero Once is always appended.
type Once struct {
	Key string
	For time.Duration // at least a millisecond
}

// MaxAppend bounds the events of one Append.
const MaxAppend = 1000

// maxRead bounds the entries of one Read.
const maxRead = 1000

// The ways in which a position is refused.
var (
	// ErrGone says that entries behind a position are missing.
	ErrGone = errors.New("events: changes since this position are not kept any more: " +
		"fetch what you show again, and subscribe without a position")

	// ErrPosition says that a text is no position of this log.
	ErrPosition = errors.New("events: this is no position of the log: " +
		"fetch what you show again, and subscribe without a position")
)

// Limits bound what a log keeps. The first limit that is reached counts; 0 means no limit.
type Limits struct {
	Age   time.Duration // since an event was appended
	Count int           // events
	Bytes int           // of encoded events, about 100 each
}

func newIncarnation() (i incarnation) {
	_, _ = rand.Read(i[:]) // it never fails
	return i
}

// Pauses between two attempts while a log does not answer.
const (
	minPause = 20 * time.Millisecond
	maxPause = time.Second
)

// readSize is how many entries one Read of this package asks for.
const readSize = 256

// Follow passes the entries behind a position to take, in order and without a gap, as they
// come. While the log does not answer, it tries again after bounded pauses. It returns
// take's error, an error that wraps [ErrGone] or [ErrPosition], or the context's cause.
func Follow(ctx context.Context, log Log, after Position, logger *slog.Logger, take func([]Entry) error) error {
	r := retry{logger: logger}
	for {
		entries, err := log.Read(ctx, after, readSize)
		if err == nil {
			r.answered()
		}
		if err == nil && len(entries) == 0 {
			err = log.Wait(ctx, after)
		}
		if err != nil {
			if err := r.rest(ctx, err); err != nil {
				return err
			}
			continue
		}
		r.pause = 0
		if len(entries) == 0 {
			continue
		}
		if err := take(entries); err != nil {
			return err
		}
		after = entries[len(entries)-1].Position
	}
}

// retry is how reads of a log are repeated. The first failure of a row is logged, and so is
// the end of it.
type retry struct {
	logger *slog.Logger
	failed bool
	pause  time.Duration // the last one
}

// answered notes that the log has answered.
func (r *retry) answered() {
	if r.failed {
		r.logger.Info("the event log answers again")
	}
	r.failed = false
}

// rest pauses after a failure. Its error says that another attempt is useless.
func (r *retry) rest(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, ErrGone) || errors.Is(err, ErrPosition):
		return err
	case !r.failed:
		r.logger.Warn("the event log does not answer; trying again", "error", err)
	}
	r.failed, r.pause = true, min(max(2*r.pause, minPause), maxPause)
	timer := time.NewTimer(r.pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// persist repeats a read until it succeeds, fails for good or ctx ends.
func persist[T any](ctx context.Context, logger *slog.Logger, read func() (T, error)) (T, error) {
	r := retry{logger: logger}
	for {
		got, err := read()
		if err == nil {
			r.answered()
			return got, nil
		}
		if err := r.rest(ctx, err); err != nil {
			return got, err
		}
	}
}
