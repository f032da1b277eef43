package ledger

import (
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// TooMany is the error of a write that was not begun because its subject asked for too many. Nothing is kept of it.
type TooMany struct{ RetryAfter time.Duration }

// Error says how long to wait.
func (e *TooMany) Error() string {
	return fmt.Sprintf("ledger: too many writes in a minute; ask again after %v", e.RetryAfter)
}

// maxSubjects bounds how many subjects' writes are counted. The rate of one that is forgotten begins anew.
const maxSubjects = 10_000

// pace bounds how many writes each subject asks for: every one costs calls to the store, and to the vendor.
type pace struct {
	minute   int // 0: not bounded
	subjects *otter.Cache[string, *rate.Limiter]
}

func newPace(minute int) pace {
	if minute == 0 {
		return pace{}
	}
	return pace{minute, otter.Must(&otter.Options[string, *rate.Limiter]{MaximumSize: maxSubjects, Logger: &otter.NoopLogger{}})}
}

// take counts a write of a subject, or says how long to wait until there may be one.
func (p pace) take(subject string) time.Duration {
	if p.minute == 0 {
		return 0
	}
	l, _ := p.subjects.ComputeIfAbsent(subject, func() (*rate.Limiter, bool) {
		return rate.NewLimiter(rate.Every(time.Minute/time.Duration(p.minute)), p.minute), false
	})
	now := time.Now()
	r := l.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}
