package httpapi

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/resolvers"
)

// mostPartners is how many partners' shares are kept. One that is forgotten is whole again, and so it is a minute after its partner asked last.
const mostPartners = 10_000

// shares are what each partner may take in a minute of what all viewers share: requests, which take the server's time, and calls, which the vendors
// count. Calls are taken when they were made, and so a share may be overdrawn: then its partner waits until time has made up for it. Staff have no
// bound but the accounts' own. Every process has its own shares.
type shares struct {
	minute   int // 0: no bound
	partners *otter.Cache[string, *rate.Limiter]
}

func newShares(minute int) *shares {
	return &shares{minute, otter.Must(&otter.Options[string, *rate.Limiter]{MaximumSize: mostPartners, Logger: &otter.NoopLogger{}})}
}

// of is the share of whoever asks in this context; nil for those without a bound.
func (s *shares) of(ctx context.Context) *rate.Limiter {
	v := auth.ViewerFrom(ctx)
	if s.minute == 0 || v == nil || v.Role != auth.RolePartner {
		return nil
	}
	l, _ := s.partners.ComputeIfAbsent(v.Subject, func() (*rate.Limiter, bool) {
		return rate.NewLimiter(rate.Every(time.Minute/time.Duration(s.minute)), s.minute), false
	})
	return l
}

// request takes a request out of its viewer's share, and refuses it where nothing is left.
func (s *shares) request(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l := s.of(r.Context()); l != nil && !l.Allow() {
			wait := int(math.Ceil((1 - l.Tokens()) / float64(l.Limit())))
			bad := refused(http.StatusTooManyRequests, resolvers.CodeRateLimited, "you have asked for more than a partner may in a minute (limits.partner)")
			bad.err.Extensions["retryable"], bad.err.Extensions["retryAfter"] = true, wait
			w.Header().Set("Retry-After", strconv.Itoa(wait))
			bad.answer(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// calls takes the calls that an operation cost, in its context.
func (s *shares) calls(ctx context.Context) {
	l := s.of(ctx)
	if l == nil {
		return
	}
	for left := providers.TraceFrom(ctx).Spent(); left > 0; left -= s.minute {
		l.ReserveN(time.Now(), min(left, s.minute))
	}
}
