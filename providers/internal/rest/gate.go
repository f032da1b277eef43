package rest

import (
	"fmt"
	"net/http"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// How many failures in a row close a gate, and for how long.
const (
	maxFailures  = 5                // of connections, for the account; of replies, for the endpoint
	failureDelay = 15 * time.Second // until one trial call may go
	refusalDelay = time.Minute      // likewise, after the vendor has refused the key
)

// gate is a circuit breaker: after failures in a row it holds calls back for a delay, and
// then lets one trial call at a time out until one succeeds. It keeps the failure that
// closed it, so that the calls that it holds back can name the cause. As long as all
// failures came from one request, it holds back that request alone: the record that it
// names may be sick, and the rest well. [Client.mu] guards it.
type gate struct {
	failures int    // in a row
	request  string // that all failures came from, the last failed trial's if there was one; "" for several
	closed   bool
	until    time.Time     // while closed: no trial call before
	delay    time.Duration // while closed: between two trial calls
	trial    bool          // a trial call is under way
	cause    *providers.Error
	since    time.Time // when the cause was seen
}

// everything is the request of a failure that speaks against all requests.
const everything = ""

// holds says whether a closed gate holds this request back.
func (g *gate) holds(request string) bool {
	return g.closed && (g.request == everything || g.request == request)
}

// wait is how long a call has to wait; 0 for not at all.
func (g *gate) wait(now time.Time, request string) time.Duration {
	switch {
	case !g.holds(request):
		return 0
	case g.trial: // nobody knows how long it takes
		return max(g.until.Sub(now), time.Second)
	default:
		return max(g.until.Sub(now), 0)
	}
}

// enter notes a call that goes out.
func (g *gate) enter(request string) { g.trial = g.trial || g.holds(request) }

// leave notes that a trial call came back without having left, so that the next one may try.
func (g *gate) leave(request string) { g.trial = g.trial && !g.holds(request) }

// fail notes a failure. The limit'th in a row, and a failed trial call, close the gate.
func (g *gate) fail(now time.Time, cause *providers.Error, limit int, delay time.Duration, request string) {
	trial := g.trial && g.holds(request)
	switch {
	case g.failures == 0 || trial: // whether another request fails is to be seen again
		g.request = request
	case g.request != request:
		g.request = everything
	}
	g.failures++
	if g.closed || g.failures >= limit {
		g.closed, g.until, g.delay = true, now.Add(delay), delay
		kept := *cause // what the caller makes of it is not what the vendor said
		g.cause, g.since = &kept, now
	}
	g.trial = g.trial && !trial
}

// pass notes a success, which opens the gate, unless that is closed for another request.
func (g *gate) pass(request string) {
	if !g.closed || g.holds(request) {
		*g = gate{}
	}
}

// nothing notes a call whose end proves nothing: the next trial call goes after the delay.
func (g *gate) nothing(now time.Time, request string) {
	if !g.trial || !g.holds(request) {
		return
	}
	g.until, g.trial = now.Add(g.delay), false
}

// scope is what a failed attempt speaks against.
type scope int

const (
	nobody     scope = iota
	connection       // the account: the vendor was not reached
	endpoint         // the endpoint: the vendor was reached, and this does not work
	key              // the account's key
)

// template is what is known of the endpoint that one Op names. [Client.mu] guards it.
type template struct {
	gate
	answered bool   // a call has succeeded
	fault    string // what was wrong when it was last called; "" for nothing
	at       time.Time
}

// key tells a request from others of its Op.
func (r Request) key() string { return r.Path + "?" + r.Query.Encode() }

// template is the endpoint of an Op. The lock is held.
func (c *Client) template(op string) *template {
	t := c.templates[op]
	if t == nil {
		t = new(template)
		c.templates[op] = t
	}
	return t
}

// admit lets an attempt out, or says why not. What it lets out ends with leave or report.
func (c *Client) admit(r Request) *failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, t := c.c.Now(), c.template(r.Op)
	for _, g := range []*gate{&c.gate, &t.gate} {
		if wait := g.wait(now, r.key()); wait > 0 {
			e := c.error(r, g.cause.Kind, 0, fmt.Errorf("not sent: %s, %v ago; the next call may go in %v",
				describe(g.cause), now.Sub(g.since).Round(time.Second), wait.Round(time.Second)), wait)
			e.Unsent = true
			return &failure{err: e, held: true}
		}
	}
	c.gate.enter(r.key())
	t.gate.enter(r.key())
	return nil
}

// leave notes that an admitted attempt was not made.
func (c *Client) leave(r Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gate.leave(r.key())
	c.template(r.Op).gate.leave(r.key())
}

// report tells the gates how an admitted attempt has ended, and says when the next may be
// made; zero for at once.
func (c *Client) report(r Request, got reply, f *failure) (wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, t, request := c.c.Now(), c.template(r.Op), r.key()
	against := nobody
	if f != nil {
		against = f.against
	}
	if against == key && f.err.Status != http.StatusUnauthorized && c.answered && !t.answered {
		// The key is good elsewhere: it is this endpoint that is closed to it, or not paid for.
		t.fail(now, f.err, 1, refusalDelay, request)
		c.gate.nothing(now, request)
		return t.wait(now, request)
	}
	switch {
	case against == key:
		c.gate.fail(now, f.err, 1, refusalDelay, everything)
	case against == connection:
		c.gate.fail(now, f.err, maxFailures, failureDelay, everything)
	case f == nil, c.proves(r, f), got.code != 0 && !c.refused():
		c.gate.pass(request)
	default:
		c.gate.nothing(now, request)
	}
	switch {
	case against == endpoint:
		t.fail(now, f.err, maxFailures, failureDelay, request)
	case f == nil, got.code != 0 && against == nobody:
		t.gate.pass(request)
	default:
		t.gate.nothing(now, request)
	}
	return max(c.gate.wait(now, request), t.wait(now, request))
}

// refused says whether the account rests because its key was refused. The lock is held.
func (c *Client) refused() bool {
	return c.gate.closed && c.gate.cause.Kind == providers.KindUnauthorized
}
