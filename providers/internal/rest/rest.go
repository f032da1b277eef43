// Package rest is the one polite HTTP client of all vendors. A call goes through these steps, in
// this order: retry → gates → allowance → budget → send → status → bounded decode.
//
// Only reads are sent again, and only while the call's deadline leaves room: after a
// connection that failed, a 429 (Retry-After is obeyed) and a 5xx. A write is sent once.
// Its error says by [providers.Error.Unsent] and [providers.Error.Refused] when nothing was
// done; after any other error the write may have been made. Every attempt takes its own
// place in the budget and in the request's [providers.Allowance]. Redirects are not
// followed: they would take the credentials elsewhere. Errors are [*providers.Error], with
// neither secrets nor e-mail addresses of customers in their text; the vendor's folder says
// by [Config.Classify] what its error bodies mean, and by [Request.Verify] which replies it
// understands. What an envelope says of the call is judged here, for all vendors: see
// [wire.Failed].
package rest

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/partnergraph/partnergraph/providers"
)

// Config is what a client is made from.
type Config struct {
	Account  string        // the account's id, for errors and traces
	Provider string        // the vendor's word, likewise
	BaseURL  string        // without a slash at its end
	Header   http.Header   // sent with every call: the credentials. Never logged.
	Timeout  time.Duration // of one call, with its waits and retries
	// FirstWait is the wait after a 429 that does not say how long to wait; doubled each
	// time. 0: a second.
	FirstWait time.Duration
	UserAgent string // sent with every call; "" for DefaultUserAgent
	MaxBytes  int64  // of a reply's body; 0 for DefaultMaxBytes

	// Private are the parameters, of queries and forms, whose values never appear in
	// traces, logs or errors.
	Private []string

	// Typed are the query parameters whose values clients type. A refusal of the content of
	// a read with one of them says nothing of the account, once that has shown to be well.
	Typed []string

	// Classify reads a reply that may be an error: any status, and the body (at most 64 KiB
	// of it). It answers nil for a success; otherwise Kind, Fields and Err, and the client
	// adds the rest. Where it leaves Kind empty the client goes by the status. Refused says
	// that the vendor documents errors of this status and form: no other error settles a
	// write. It may be nil.
	Classify func(status int, body []byte) *providers.Error

	HTTP   *http.Client // only its Transport is used: a client would follow redirects
	Logger *slog.Logger
	Budget providers.Budget
	Now    func() time.Time
	Pause  func(time.Duration) time.Duration // see [providers.Config.Pause]

	Observe providers.Observer // see [providers.Config.Observe]
}

// DefaultMaxBytes bounds a reply where the configuration names no bound: a hundred rows of the
// widest list take less than a tenth of it.
const DefaultMaxBytes = 8 << 20

// DefaultUserAgent is sent where the configuration names none.
const DefaultUserAgent = "partnergraph/dev"

// The patience of a client. Its deadline bounds all of it.
const (
	maxAttempts    = 4
	firstBackoff   = 500 * time.Millisecond // after a connection that failed or a 5xx; doubled each time
	limitedBackoff = time.Second            // [Config.FirstWait] where none is given
	maxBackoff     = time.Minute
	jitter         = 0.25

	maxErrorBody = 64 << 10 // of an error's body
)

// Request is one read or write.
type Request struct {
	Op    string // as the vendor's page has it, its method first: "GET /affiliates/{id}"
	Path  string // below the base URL, escaped
	Query url.Values
	Body  any // sent as JSON; nil for none
	// Form is sent as application/x-www-form-urlencoded, for vendors that take forms; nil
	// for none. A request has a Body or a Form.
	Form url.Values
	Into any // what the reply's JSON is decoded into; unknown fields are ignored. nil: the reply is not looked into

	// Optional says that a 200 without a body is a success, too; neither Into nor Verify see it.
	Optional bool

	// Verify is called after a reply has been decoded into Into. It answers nil for a reply
	// that can be understood, a [*providers.Error] for one that is an error itself, like
	// Classify, and any other error for a bad reply. Only what it accepts is a success of
	// the account. It may be nil.
	Verify func() error

	// Later says that this reads a page behind the first one. Vendors answer the page
	// behind the last with an empty list. A refusal of a page's number therefore says
	// neither that the list has ended nor anything of the account: the page cannot be read
	// now.
	Later bool

	// NotFound are the statuses, beside 404 and 410, that the vendor documents as "no such
	// record" here.
	NotFound []int

	// Watch, if there is one, is shown the reply to each attempt: its status, and as much of its
	// body as is read. It is called before the reply is judged.
	Watch func(status int, body []byte)

	// PrivatePath says that Path holds something private (an e-mail address): traces then
	// show Op instead.
	PrivatePath bool

	// Classify is used in the place of [Config.Classify] where a reply means something else
	// to this request than to others; nil for the same.
	Classify func(status int, body []byte) *providers.Error
}

// method is the request's, by its Op.
func (r Request) method() string {
	method, _, _ := strings.Cut(r.Op, " ")
	return method
}

// classify is what classifies the replies to this request; nil for nothing.
func (r Request) classify(c Config) func(status int, body []byte) *providers.Error {
	if r.Classify != nil {
		return r.Classify
	}
	return c.Classify
}

// Client calls one account. It is safe for concurrent use.
type Client struct {
	c         Config
	transport http.RoundTripper
	executor  failsafe.Executor[reply]

	mu        sync.Mutex
	gate      gate                 // of the account
	templates map[string]*template // by Op
	fault     fault
	success   *time.Time // when the last call ended well
	answered  bool       // a call has succeeded
}

// failure is an attempt that failed, and what that means for the next. Its error's
// RetryAfter is the wait before that.
type failure struct {
	err     *providers.Error
	again   bool  // sending the same once more may help
	against scope // what it counts against
	held    bool  // a gate was closed
}

func (f *failure) Error() string { return f.err.Error() }

// New makes a client.
func New(c Config) *Client {
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	c.FirstWait = cmp.Or(c.FirstWait, limitedBackoff)
	c.UserAgent = cmp.Or(c.UserAgent, DefaultUserAgent)
	if c.Pause == nil {
		c.Pause = func(wait time.Duration) time.Duration { return wait }
	}
	if c.Observe == nil {
		c.Observe = func(providers.Attempt) {}
	}
	cl := &Client{c: c, transport: c.HTTP.Transport, templates: map[string]*template{}}
	if cl.transport == nil {
		cl.transport = http.DefaultTransport
	}
	// The wait is worked out by schedule: the policy's own jitter would shorten a Retry-After.
	cl.executor = failsafe.With(retrypolicy.NewBuilder[reply]().
		HandleIf(func(_ reply, err error) bool { f := (*failure)(nil); return errors.As(err, &f) && f.again }).
		WithMaxAttempts(maxAttempts).
		WithDelayFunc(func(e failsafe.ExecutionAttempt[reply]) time.Duration {
			f := (*failure)(nil)
			errors.As(e.LastError(), &f)
			return cl.c.Pause(f.err.RetryAfter)
		}).
		ReturnLastFailure().
		Build())
	return cl
}

// Get makes one read and decodes its reply into r.Into, which holds nothing of use after an
// error.
func (c *Client) Get(ctx context.Context, r Request) error {
	ctx, caller, cancel := c.share(ctx)
	defer cancel()
	f := c.get(ctx, caller, r)
	if f != nil {
		return c.fail(caller, r, f)
	}
	c.succeeded(r.Op)
	return nil
}

// get makes one read, with its retries.
func (c *Client) get(ctx, caller context.Context, r Request) *failure {
	var f *failure // of the last attempt: the executor's error hides it once the context has ended
	_, err := c.executor.WithContext(ctx).GetWithExecution(func(e failsafe.Execution[reply]) (reply, error) {
		var got reply
		if got, f = c.try(ctx, caller, r, e.Attempts()); f != nil {
			return got, f
		}
		return got, nil
	})
	if err != nil && (f == nil || kindOfContext(ctx) == providers.KindCanceled) {
		f = c.unreached(r, ctx, err)
	}
	return f
}

// WithHeader makes another client of the same account, which sends this value of a header. It
// spends the account's budget. What becomes of its calls does not count for this client's health.
func (c *Client) WithHeader(name, value string) *Client {
	other := c.c
	other.Header = c.c.Header.Clone()
	other.Header.Set(name, value)
	return New(other)
}

// share bounds a read by the account's timeout, and by what is left of it for the request.
// caller is the context whose end says nothing about the vendor: that of a read that gets
// less than half of the timeout ends with its share.
func (c *Client) share(ctx context.Context) (inner, caller context.Context, cancel func()) {
	caller, cancelShare := ctx, context.CancelFunc(func() {})
	if end := providers.AllowanceFrom(ctx).Deadline(c.c.Account, c.c.Timeout); !end.IsZero() && time.Until(end) < c.c.Timeout {
		shared, cancel := context.WithDeadlineCause(ctx, end, providers.ErrAccountTime)
		ctx, cancelShare = shared, cancel
		if time.Until(end) < c.c.Timeout/2 {
			caller = shared
		}
	}
	inner, cancelTimeout := context.WithTimeout(ctx, c.c.Timeout)
	return inner, caller, func() { cancelTimeout(); cancelShare() }
}

// Send makes one write by one attempt, and decodes its reply into r.Into like Get. The request's
// allowance counts it and does not refuse it.
func (c *Client) Send(ctx context.Context, r Request) error {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, c.c.Timeout)
	defer cancel()
	if _, f := c.try(ctx, caller, r, 1); f != nil {
		return c.fail(caller, r, f)
	}
	c.succeeded(r.Op)
	return nil
}

// try is one attempt, of which the observer is told, and what follows for the next.
func (c *Client) try(ctx, caller context.Context, r Request, number int) (reply, *failure) {
	a := providers.Attempt{Account: c.c.Account, Op: r.Op, Number: number}
	got, f := c.admitted(ctx, caller, r, &a)
	a.Outcome = outcomeOf(f)
	c.c.Observe(a)
	return got, f
}

// outcomeOf is what metrics say of an attempt.
func outcomeOf(f *failure) string {
	switch {
	case f == nil:
		return providers.OutcomeOK
	case f.held:
		return providers.OutcomeHeld
	default:
		return string(f.err.Kind)
	}
}

// admitted makes an attempt if the gates, the allowance and the budget admit it.
func (c *Client) admitted(ctx, caller context.Context, r Request, a *providers.Attempt) (reply, *failure) {
	if ctx.Err() != nil {
		f := c.unreached(r, ctx, ctx.Err())
		f.err.Unsent, f.against = true, nobody
		return reply{}, f
	}
	if f := c.admit(r); f != nil {
		return reply{}, f
	}
	allowance := providers.AllowanceFrom(ctx)
	counted := allowance.Take(c.c.Account)
	if !counted && r.method() == http.MethodGet {
		c.leave(r)
		return reply{}, &failure{err: c.error(r, providers.KindAllowance, 0, providers.ErrAllowance, 0)}
	}
	asked := c.c.Now()
	err := c.c.Budget.Take(ctx)
	a.Asked, a.Waited = true, c.c.Now().Sub(asked)
	if err != nil {
		c.leave(r)
		if counted {
			allowance.Return(c.c.Account)
		}
		return reply{}, c.overBudget(r, caller, err)
	}
	got, f := c.attempt(ctx, r, a)
	if f != nil && f.err.Status == 0 && caller.Err() != nil {
		f.against = nobody // the caller left too little time
	}
	wait := c.report(r, got, f)
	c.schedule(ctx, f, a.Number, wait)
	return got, f
}

// schedule works out the wait before the next attempt, and whether there is one. A closed
// gate holds the next attempt back for at least closed.
func (c *Client) schedule(ctx context.Context, f *failure, attempt int, closed time.Duration) {
	if f == nil || !f.again {
		return
	}
	f.err.RetryAfter = max(f.err.RetryAfter, c.backoff(f.err.Kind, attempt))
	if f.err.Kind == providers.KindRateLimited {
		c.c.Budget.Exhausted(f.err.RetryAfter)
	}
	if closed > 0 {
		f.again = false
		f.err.RetryAfter = max(f.err.RetryAfter, closed)
	}
	deadline, _ := ctx.Deadline() // there is one: Get sets it
	f.again = f.again && ctx.Err() == nil && time.Until(deadline) > f.err.RetryAfter
}

// backoff is the wait after so many attempts, where the vendor asks for none or for a
// shorter one.
func (c *Client) backoff(kind providers.Kind, attempts int) time.Duration {
	first := firstBackoff
	if kind == providers.KindRateLimited {
		first = c.c.FirstWait
	}
	wait := min(first<<(attempts-1), maxBackoff)
	return time.Duration(float64(wait) * (1 + jitter*(2*rand.Float64()-1)))
}
