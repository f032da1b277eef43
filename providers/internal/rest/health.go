package rest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"github.com/partnergraph/partnergraph/providers"
)

// Health is how the calls of a client have gone.
type Health struct {
	Status        providers.AccountStatus
	LastError     *string
	LastSuccessAt *time.Time
}

// Health is how the calls have gone so far: OK until something fails; DEGRADED after a failed call; DOWN while the
// breaker is open, or after the key was refused; OK again after a success. An answer that a record is not there is no failure.
func (c *Client) Health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.health
	if c.breaker.IsOpen() {
		h.Status = providers.AccountDown
	}
	return h
}

func (c *Client) succeeded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.c.Now()
	c.health = Health{Status: providers.AccountOK, LastSuccessAt: &now}
}

// fail notes how a call ended.
func (c *Client) fail(caller context.Context, e *providers.Error) error {
	switch {
	case e.Kind == providers.KindNotFound || e.Kind == providers.KindInvalid:
		c.succeeded() // the vendor answered, and knows us
	case caller.Err() != nil || e.Kind == providers.KindCanceled:
		// The caller went away: that says nothing about the vendor.
	case errors.Is(e, circuitbreaker.ErrOpen):
		// What opened the breaker says more.
	default:
		c.mu.Lock()
		defer c.mu.Unlock()
		text, status := describe(e), providers.AccountDegraded
		if e.Kind == providers.KindUnauthorized || c.health.Status == providers.AccountDown { // a refused key stays so until a success
			status = providers.AccountDown
		}
		c.health.Status, c.health.LastError = status, &text
	}
	return e
}

// describe is an error for whoever looks after the account. What the vendor said is left to the log.
func describe(e *providers.Error) string {
	s := e.Op + ": " + string(e.Kind)
	if e.Status != 0 {
		s += fmt.Sprintf(" (status %d)", e.Status)
	}
	return s
}
