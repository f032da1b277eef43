package budget

import (
	"fmt"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// guard lengthens every window. A vendor counts a call when it arrives, and a budget counts
// it when it leaves. The first call of a window may be slow and the last one fast, so the
// vendor sees them closer together than they left. The guard covers a difference of half a
// second, for example a new connection or a network jitter of 200 ms. It costs less than
// one percent of a minute.
const guard = 500 * time.Millisecond

// callLog is a sliding-window log: the calls of the last window. Its owner guards it.
type callLog struct {
	limit   int
	window  time.Duration // the vendor's
	calls   []call        // oldest first
	blocked time.Time     // no call before this time
}

// call is one that was made, or may have been made.
type call struct {
	at   time.Time
	name string // unique among all replicas; empty where there are none
	told bool   // Redis has counted it
}

// newCallLog panics if limit or window is not positive.
func newCallLog(limit int, window time.Duration) callLog {
	if limit <= 0 || window <= 0 {
		panic(fmt.Sprintf("budget: %d calls in %v is no budget", limit, window))
	}
	return callLog{limit: limit, window: window}
}

// span is how long a call takes up its place.
func (l *callLog) span() time.Duration { return l.window + guard }

// wait is how long a call waits that has so many calls ahead of it. The limit is positive.
func (l *callLog) wait(now time.Time, ahead int) time.Duration {
	l.forget(now)
	// Each call gives its place back a window later, so the places repeat with the limit.
	laps, n := ahead/l.limit, ahead%l.limit
	at := now
	if free := l.limit - len(l.calls); n >= free {
		at = l.calls[n-free].at.Add(l.span())
	}
	if at.Before(l.blocked) {
		at = l.blocked
	}
	return at.Add(time.Duration(laps) * l.span()).Sub(now)
}

// note counts a call that was made no earlier than those noted before.
func (l *callLog) note(c call) { l.calls = append(l.calls, c) }

// block allows no call before a time, and reports whether that changes anything. It never
// shortens a wait.
func (l *callLog) block(until time.Time) bool {
	if !until.After(l.blocked) {
		return false
	}
	l.blocked = until
	return true
}

// forget drops the calls that are older than a window.
func (l *callLog) forget(now time.Time) {
	l.calls = slices.DeleteFunc(l.calls, func(c call) bool { return !c.at.Add(l.span()).After(now) })
}

// state describes the budget at this time.
func (l *callLog) state(now time.Time) providers.RateLimit {
	l.forget(now)
	last := now
	if n := len(l.calls); n > 0 {
		last = l.calls[n-1].at.Add(l.span())
	}
	return state(l.limit, l.window, len(l.calls), now, last, l.blocked)
}

// state describes a budget of which some places are used. The last of these is free again
// at last.
func state(limit int, window time.Duration, used int, now, last, blocked time.Time) providers.RateLimit {
	s := providers.RateLimit{
		Limit: limit, WindowSeconds: int(window / time.Second), Remaining: max(limit-used, 0), ResetAt: last,
	}
	if blocked.After(now) {
		s.Remaining = 0
		if blocked.After(last) {
			s.ResetAt = blocked
		}
	}
	return s
}
