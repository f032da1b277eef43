package httpapi

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
)

// streamLimits bound the subscriptions that are open at once.
type streamLimits struct {
	all    int // at this replica; partners have three quarters; 0: no bound
	viewer int // of one viewer at this replica; 0: no bound
}

// streamCount counts open subscriptions.
type streamCount struct {
	mu       sync.Mutex
	all      int
	partners int
	each     map[string]int // by the viewer's subject
	live     atomic.Int64   // subscriptions that get every event from now on
	ended    chan struct{}  // closed when there are none; nil while nobody waits
}

func newStreamCount() *streamCount { return &streamCount{each: map[string]int{}} }

// enter counts a subscription until leave is called, or refuses it.
func (c *streamCount) enter(v *auth.Viewer, limits streamLimits) (leave func(), bad *refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	partner := 0
	if v.Role == auth.RolePartner {
		partner = 1
	}
	switch {
	case limits.viewer > 0 && c.each[v.Subject] >= limits.viewer:
		bad := refused(http.StatusTooManyRequests, apierror.RateLimited,
			"you have as many subscriptions open as one viewer may (limits.viewer_subscriptions): end another one first")
		bad.err.Extensions["retryable"] = false
		return nil, bad
	case limits.all > 0 && (c.all >= limits.all || partner > 0 && c.partners >= max(1, limits.all*3/4)):
		return nil, overloaded("limits.subscriptions")
	}
	count := func(n int) {
		c.all += n
		c.partners += n * partner
		if c.each[v.Subject] += n; c.each[v.Subject] == 0 {
			delete(c.each, v.Subject)
		}
		if c.all == 0 && c.ended != nil {
			close(c.ended)
			c.ended = nil
		}
	}
	count(1)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		count(-1)
	}, nil
}

// wait waits until there are no subscriptions.
func (c *streamCount) wait(ctx context.Context) error {
	c.mu.Lock()
	if c.all == 0 {
		c.mu.Unlock()
		return nil
	}
	if c.ended == nil {
		c.ended = make(chan struct{})
	}
	ended := c.ended
	c.mu.Unlock()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// EndStreams ends all streams with an error that says how to go on, and those that begin
// later at once. It returns when they have ended, or with ctx.
func (s *State) EndStreams(ctx context.Context) error {
	s.end()
	return s.streams.wait(ctx)
}

// Subscriptions is how many subscriptions are open and get every event.
func (s *State) Subscriptions() int { return int(s.streams.live.Load()) }
