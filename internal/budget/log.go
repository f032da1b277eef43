package budget

import (
	"fmt"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// log is when the calls of the last window were made. Its owner guards it.
type log struct {
	limit   int
	window  time.Duration
	calls   []time.Time // oldest first
	blocked time.Time   // nobody calls before
}

// newLog panics where there is no budget in limit and window.
func newLog(limit int, window time.Duration) log {
	if limit <= 0 || window <= 0 {
		panic(fmt.Sprintf("budget: %d calls in %v is no budget", limit, window))
	}
	return log{limit: limit, window: window}
}

// wait is how long a call has to wait that ahead others go before.
func (l *log) wait(now time.Time, ahead int) time.Duration {
	l.forget(now)
	// Each call takes its place again a window later, so the places repeat with the limit.
	laps, n := ahead/l.limit, ahead%l.limit
	at := now
	if free := l.limit - len(l.calls); n >= free {
		at = l.calls[n-free].Add(l.window)
	}
	if at.Before(l.blocked) {
		at = l.blocked
	}
	return at.Add(time.Duration(laps) * l.window).Sub(now)
}

// note counts a call that was made no earlier than those noted before.
func (l *log) note(at time.Time) { l.calls = append(l.calls, at) }

// block lets nobody call before a time, and says whether that is news. It never shortens a wait.
func (l *log) block(until time.Time) bool {
	if !until.After(l.blocked) {
		return false
	}
	l.blocked = until
	return true
}

// forget drops the calls that lie a window back.
func (l *log) forget(now time.Time) {
	l.calls = slices.DeleteFunc(l.calls, func(t time.Time) bool { return !t.Add(l.window).After(now) })
}

// state is the budget as it stands.
func (l *log) state(now time.Time) providers.RateLimit {
	l.forget(now)
	last := now
	if n := len(l.calls); n > 0 {
		last = l.calls[n-1].Add(l.window)
	}
	return state(l.limit, l.window, len(l.calls), now, last, l.blocked)
}

// state describes a budget of which some calls are used: of these the last gives its place back at last.
func state(limit int, window time.Duration, used int, now, last, blocked time.Time) providers.RateLimit {
	s := providers.RateLimit{Limit: limit, WindowSeconds: int(window / time.Second), Remaining: max(limit-used, 0), ResetAt: last}
	if blocked.After(now) {
		s.Remaining = 0
		if blocked.After(last) {
			s.ResetAt = blocked
		}
	}
	return s
}
