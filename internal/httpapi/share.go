package httpapi

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/resolvers"
)

// mostPartners is how many partners' shares are kept. One that is forgotten is whole again, and so it is a minute after its partner asked last.
const mostPartners = 10_000

// shares are what each partner may take in a minute of what all viewers share: requests, which take the server's time, and calls, which the vendors
// count. Both are taken beforehand, calls by the plan of the operation: what is left of a share depends on what its partner asked, and not on what was
// found. Staff have no bound but the accounts' own. Every process has its own shares.
type shares struct {
	minute   int // requests and planned calls together; 0: no bound
	calls    int // planned calls alone
	partners *otter.Cache[string, *share]
}

// share is what one partner may take.
type share struct{ all, calls *rate.Limiter }

// newShares makes shares. calls is the part of the smallest account's limit that one partner may take; 0 leaves the bound of
// a minute alone.
func newShares(minute, calls int) *shares {
	if calls == 0 {
		calls = minute
	}
	return &shares{minute, calls, otter.Must(&otter.Options[string, *share]{MaximumSize: mostPartners, Logger: &otter.NoopLogger{}})}
}

// each is a limiter of so many a minute, all of which may be taken at once.
func each(minute int) *rate.Limiter {
	return rate.NewLimiter(rate.Every(time.Minute/time.Duration(minute)), minute)
}

// find is the share of whoever asks in this context; nil for those without a bound.
func (s *shares) find(ctx context.Context) *share {
	v := auth.ViewerFrom(ctx)
	if s.minute == 0 || v == nil || v.Role != auth.RolePartner {
		return nil
	}
	found, _ := s.partners.ComputeIfAbsent(v.Subject, func() (*share, bool) { return &share{each(s.minute), each(s.calls)}, false })
	return found
}

// overShare is the refusal of what is more than is left of a share: it says how long to wait until there is as much.
func overShare(wait time.Duration) *refusal {
	seconds := int(math.Ceil(wait.Seconds()))
	bad := refused(http.StatusTooManyRequests, resolvers.CodeRateLimited, "you have asked for more than a partner may in a minute (limits.partner)")
	bad.err.Extensions["retryable"], bad.err.Extensions["retryAfter"] = true, seconds
	bad.wait = seconds
	return bad
}

// lacking is how long it takes until a limiter has n more.
func lacking(l *rate.Limiter, n int) time.Duration {
	return time.Duration((float64(n) - l.Tokens()) / float64(l.Limit()) * float64(time.Second))
}

// request takes a request out of its viewer's share, and refuses it where nothing is left.
func (s *shares) request(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if found := s.find(r.Context()); found != nil && !found.all.Allow() {
			overShare(lacking(found.all, 1)).answer(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// take takes the planned calls of an operation out of its viewer's share, and refuses it where they are more than is left: nil
// where they are not. An operation that is planned to take more than a whole share takes all of it.
func (s *shares) take(ctx context.Context, planned int) *refusal {
	found := s.find(ctx)
	if found == nil || planned == 0 {
		return nil
	}
	now := time.Now()
	calls := min(planned, s.calls)
	all := min(planned, s.minute-1) // the request was taken already
	one := found.calls.ReserveN(now, calls)
	if one.DelayFrom(now) == 0 {
		if all == 0 || found.all.AllowN(now, all) {
			return nil
		}
	}
	one.CancelAt(now)
	return overShare(max(lacking(found.calls, calls), lacking(found.all, all+1))) // with the request that asks again
}
