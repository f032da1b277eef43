package rest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Health is how the calls of a client have gone.
type Health struct {
	Status        providers.AccountStatus
	LastError     *string
	LastSuccessAt *time.Time
}

// faultLife is how long the fault of an endpoint counts that nobody calls any more, while others
// answer.
const faultLife = 10 * time.Minute

// Health is how the calls have gone so far. It is DOWN while the account rests, because its
// key was refused or no connection could be made. It is DEGRADED while an endpoint's last
// call failed, and after a call that could not be made. Otherwise it is OK.
func (c *Client) Health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := Health{Status: providers.AccountOK, LastSuccessAt: c.success}
	if c.gate.closed {
		text := describe(c.gate.cause)
		h.Status, h.LastError = providers.AccountDown, &text
		return h
	}
	last := c.fault
	for _, t := range c.templates {
		if t.fault != "" && (last.text == "" || t.at.After(last.at)) {
			last = fault{t.fault, t.at}
		}
	}
	if last.text != "" {
		h.Status, h.LastError = providers.AccountDegraded, &last.text
	}
	return h
}

// fault is what was wrong with the account's calls as such.
type fault struct {
	text string
	at   time.Time
}

// Answered says whether the vendor has ever answered a call with success. Before, a "not
// found" may be about the account instead of the record.
func (c *Client) Answered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// succeeded notes that a call of this Op ended well.
func (c *Client) succeeded(op string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered, c.template(op).answered = true, true
	c.well(op)
}

// well clears the faults that a good end disproves. The lock is held.
func (c *Client) well(op string) {
	now := c.c.Now()
	c.success, c.fault = &now, fault{}
	c.template(op).fault = ""
	for _, t := range c.templates {
		if now.Sub(t.at) > faultLife {
			t.fault = ""
		}
	}
}

// proves says whether a failed call proves, as a successful one does, that the account is
// well: a documented "no such record", once the vendor has shown that it knows the account.
// The lock is held.
func (c *Client) proves(r Request, f *failure) bool {
	return c.answered && f.err.Kind == providers.KindNotFound && r.namesRecord(f.err.Status)
}

// namesRecord says whether a "not found" with this status means that there is no such
// record: of a read that names one.
func (r Request) namesRecord(status int) bool {
	return r.method() == "GET" && (strings.Contains(r.Op, "{") || slices.Contains(r.NotFound, status))
}

// typed says whether a request holds what a client typed.
func (c *Client) typed(r Request) bool {
	return r.PrivatePath || slices.ContainsFunc(c.c.Typed, r.Query.Has)
}

// fail notes how a call ended.
func (c *Client) fail(caller context.Context, r Request, f *failure) *providers.Error {
	e := f.err
	c.mu.Lock()
	defer c.mu.Unlock()
	switch t := c.template(r.Op); {
	case f.held, providers.OverAllowance(e), caller.Err() != nil, e.Kind == providers.KindCanceled:
		// Nothing new about the vendor: it was not called, or its caller went away.
	case errors.Is(e, providers.ErrPageRefused):
		// The first page was read: it is about this page alone.
	case c.proves(r, f):
		c.well(r.Op)
	case e.Kind == providers.KindNotFound && r.namesRecord(e.Status):
		// Nobody knows yet whether it is about the record or about the account.
	case inputRefused(e.Kind) && (r.method() != "GET" || c.answered && c.typed(r)):
		// It is about what somebody wrote, or searched for.
	case e.Kind == providers.KindRateLimited, f.against == connection, c.refused():
		c.fault = fault{describe(e), c.c.Now()}
	default:
		t.fault, t.at = describe(e), c.c.Now()
	}
	return e
}

// inputRefused says whether a kind is about the content of a request.
func inputRefused(k providers.Kind) bool {
	return k == providers.KindInvalid || k == providers.KindNotFound || k == providers.KindConflict
}

// describe is an error for whoever looks after the account. What the vendor said is left to
// the log.
func describe(e *providers.Error) string {
	s := e.Op + ": " + string(e.Kind)
	if e.Status != 0 {
		s += fmt.Sprintf(" (status %d)", e.Status)
	}
	if cause := providers.Cause(""); errors.As(e, &cause) {
		s += ": " + string(cause)
	}
	return s
}
