package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// again is how often one who waits looks whether there is something new.
const again = 20 * time.Millisecond

// hold waits for the lease on the target: until nobody has it, and until what was sent to
// it last has an answer, or has had the time to land.
func (w *write) hold(ctx context.Context) error {
	for {
		wait, err := w.take(ctx)
		if err != nil || wait <= 0 {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w: %w", ErrBusy, context.Cause(ctx))
		}
	}
}

// take takes the lease, or says how long to wait before the next try.
func (w *write) take(ctx context.Context) (time.Duration, error) {
	t, version, err := loadAs[target](ctx, w, w.target)
	if err != nil {
		return 0, err
	}
	now := w.now
	if t.Owner != "" && now.Before(t.Until) {
		return again, nil
	}
	if wait, err := w.doubt(ctx, t.Last); err != nil || wait > 0 {
		return wait, err
	}
	t.Format, t.Owner, t.Until = format, w.owner, now.Add(w.o.Plan)
	switch version, err = w.store.Save(ctx, w.target, version, encode(t), w.keepTarget(t)); {
	case errors.Is(err, ErrMoved):
		return again, nil
	case err != nil:
		return 0, unavailable(err)
	}
	w.lease = lease{t, version}
	return 0, nil
}

// doubt is how long the last write to the target may still land. The one that this request
// asks for itself is no doubt: it is recovered.
func (w *write) doubt(ctx context.Context, last string) (time.Duration, error) {
	if last == "" || last == w.key {
		return 0, nil
	}
	e, version, err := loadAs[entry](ctx, w, last)
	if err != nil || version == "" || e.State != sent {
		return 0, err
	}
	return e.LeftBy.Add(w.o.Settle).Sub(w.now), nil
}

// keepTarget is how long a target is remembered. An entry of it that is asked for later
// finds another last one, or none, and takes it for disturbed. A target that nothing was
// sent to is a lease alone: it ends by itself where its holder does not release it, because
// the holder died, or never learned that it has the lease.
func (w *write) keepTarget(t target) time.Duration {
	if t.Last == "" {
		return w.o.Plan + storeTime
	}
	return w.o.Keep + w.o.Settle
}

// release gives the lease back. If that fails it ends by itself. A target that nothing was
// sent to is forgotten: who is refused leaves nothing behind.
func (w *write) release(ctx context.Context) {
	w.lease.Owner = ""
	value := encode(w.lease.target)
	if w.lease.Last == "" {
		value = nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	_, _ = w.store.Save(ctx, w.target, w.lease.version, value, w.keepTarget(w.lease.target))
}
