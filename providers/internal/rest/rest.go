// Package rest is the one polite HTTP client of all vendors. A call goes through these steps, in
// this order: retry → breaker → budget → send → status → bounded decode.
//
// Only reads are sent again, and only while the call's deadline leaves room: after a connection
// that failed, a 429 (Retry-After is obeyed) and a 5xx. A write is sent once, whatever becomes of it, and its error says by
// [providers.Error.Sent] whether it may have left. Every attempt takes its own place in the
// budget. Redirects are not followed: they would take the credentials elsewhere. Errors are
// [*providers.Error], with neither secrets nor e-mail addresses of customers in their text; the vendor's folder says
// by [Config.Classify] what its error bodies mean.
package rest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
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
	MaxBytes int64         // of a reply's body; 0 for DefaultMaxBytes

	// Private are the query parameters whose values never appear in traces, logs or errors.
	Private []string

	// Classify reads a reply that may be an error: any status, and the body (at most 64 KiB of
	// it). It answers nil for a success; otherwise Kind, Fields and Err, and the client adds the
	// rest. Where it leaves Kind empty the client goes by the status. It may be nil.
	Classify func(status int, body []byte) *providers.Error

	HTTP   *http.Client // only its Transport is used: a client would follow redirects
	Logger *slog.Logger
	Budget providers.Budget
	Now    func() time.Time
}

// DefaultMaxBytes bounds a reply where the configuration names no bound: a hundred rows of the
// widest list take less than a tenth of it.
const DefaultMaxBytes = 8 << 20

// The patience of a client. Its deadline bounds all of it.
const (
	maxAttempts    = 4
	firstBackoff   = 500 * time.Millisecond // after a connection that failed or a 5xx; doubled each time
	limitedBackoff = time.Second            // after a 429 that does not say how long to wait; likewise
	maxBackoff     = time.Minute
	jitter         = 0.25

	breakerFailures = 5                // consecutive ones that open the breaker
	breakerDelay    = 15 * time.Second // until one call may try again
	maxErrorBody    = 64 << 10         // of an error's body
)

// Request is one read or write.
type Request struct {
	Op    string // as the vendor's page has it, its method first: "GET /affiliates/{id}"
	Path  string // below the base URL, escaped
	Query url.Values
	Body  any // sent as JSON; nil for none
	Into  any // what the reply's JSON is decoded into; unknown fields are ignored. nil: the reply is not looked into

	// PrivatePath says that Path holds something private (an e-mail address): traces then show Op instead.
	PrivatePath bool

	// Classify is used in the place of [Config.Classify] where a reply means something else to this
	// request than to others; nil for the same.
	Classify func(status int, body []byte) *providers.Error
}

// method is the request's, by its Op.
func (r Request) method() string {
	method, _, _ := strings.Cut(r.Op, " ")
	return method
}

// Client calls one account. It is safe for concurrent use.
type Client struct {
	c         Config
	transport http.RoundTripper
	breaker   circuitbreaker.CircuitBreaker[reply]
	executor  failsafe.Executor[reply]

	mu     sync.Mutex
	health Health
}

// failure is an attempt that failed, and what that means for the next. Its error's RetryAfter is the
// wait before that.
type failure struct {
	err   *providers.Error
	again bool // sending the same once more may help
	trips bool // it counts for the breaker
}

func (f *failure) Error() string { return f.err.Error() }

// New makes a client.
func New(c Config) *Client {
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	cl := &Client{c: c, transport: c.HTTP.Transport, health: Health{Status: providers.AccountOK}}
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
			return f.err.RetryAfter
		}).
		ReturnLastFailure().
		Build())
	// The breaker is asked and told by hand: as a policy it would take a call that the budget refused,
	// or that its caller left, for a success.
	cl.breaker = circuitbreaker.NewBuilder[reply]().
		WithFailureThreshold(breakerFailures).
		WithSuccessThreshold(1).
		WithDelay(breakerDelay).
		Build()
	return cl
}

// Get makes one read and decodes its reply into r.Into, which holds nothing of use after an error.
func (c *Client) Get(ctx context.Context, r Request) error {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, c.c.Timeout)
	defer cancel()
	got, err := c.executor.WithContext(ctx).GetWithExecution(func(e failsafe.Execution[reply]) (reply, error) {
		got, f := c.try(ctx, caller, r, e.Attempts())
		if f != nil {
			return got, f
		}
		return got, nil
	})
	if f := (*failure)(nil); errors.As(err, &f) {
		return c.fail(caller, f.err)
	}
	if err != nil { // the context ended, and that is all the executor says
		return c.fail(caller, c.unreached(r, ctx, err).err)
	}
	if r.Into != nil {
		if err := decode(got.body, r.Into); err != nil {
			return c.fail(caller, c.error(r, providers.KindBadReply, got.code, err, 0))
		}
	}
	c.succeeded()
	return nil
}

// Send makes one write by one attempt, and decodes its reply into r.Into like Get.
func (c *Client) Send(ctx context.Context, r Request) error {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, c.c.Timeout)
	defer cancel()
	got, f := c.try(ctx, caller, r, 1)
	if f != nil {
		return c.fail(caller, f.err)
	}
	if r.Into != nil {
		if err := decode(got.body, r.Into); err != nil {
			return c.fail(caller, c.error(r, providers.KindBadReply, got.code, err, 0))
		}
	}
	c.succeeded()
	return nil
}

// try is one attempt: breaker → budget → send → status, and what follows for the next.
func (c *Client) try(ctx, caller context.Context, r Request, attempt int) (reply, *failure) {
	if !c.breaker.TryAcquirePermit() {
		return reply{}, c.open(r)
	}
	if err := c.c.Budget.Take(ctx); err != nil {
		f := c.refused(r, caller, err)
		c.report(f)
		return reply{}, f
	}
	got, f := c.attempt(ctx, r, attempt)
	if f != nil && f.err.Status == 0 && caller.Err() != nil {
		f.trips = false // the caller left too little time: that says nothing about the vendor
	}
	c.report(f)
	c.schedule(ctx, f, attempt)
	return got, f
}

// open is the failure of a call that the breaker did not let out.
func (c *Client) open(r Request) *failure {
	wait := max(c.breaker.RemainingDelay(), time.Second) // none remains while the trial call runs
	err := fmt.Errorf("not tried: %w after the last calls failed", circuitbreaker.ErrOpen)
	return &failure{err: c.error(r, providers.KindUnavailable, 0, err, wait)}
}

// report tells the breaker how an attempt that it let out has ended.
func (c *Client) report(f *failure) {
	switch {
	case f != nil && f.trips:
		c.breaker.RecordFailure()
	case f == nil || f.err.Status != 0: // the vendor answered
		c.breaker.RecordSuccess()
	case c.breaker.IsHalfOpen(): // the trial call proved nothing: the next one tries, after the delay
		c.breaker.RecordFailure()
	}
}

// schedule works out the wait before the next attempt, and whether there is one.
func (c *Client) schedule(ctx context.Context, f *failure, attempt int) {
	if f == nil || !f.again {
		return
	}
	f.err.RetryAfter = max(f.err.RetryAfter, backoff(f.err.Kind, attempt))
	if f.err.Kind == providers.KindRateLimited {
		c.c.Budget.Exhausted(f.err.RetryAfter)
	}
	if c.breaker.IsOpen() {
		f.again = false
		f.err.RetryAfter = max(f.err.RetryAfter, c.breaker.RemainingDelay())
	}
	deadline, _ := ctx.Deadline() // there is one: Get sets it
	f.again = f.again && ctx.Err() == nil && time.Until(deadline) > f.err.RetryAfter
}

// backoff is the wait after so many attempts, where the vendor asks for none or for a shorter one.
func backoff(kind providers.Kind, attempts int) time.Duration {
	first := firstBackoff
	if kind == providers.KindRateLimited {
		first = limitedBackoff
	}
	wait := min(first<<(attempts-1), maxBackoff)
	return time.Duration(float64(wait) * (1 + jitter*(2*rand.Float64()-1)))
}

// attempt sends the request once, notes it, and judges the reply.
func (c *Client) attempt(ctx context.Context, r Request, attempt int) (reply, *failure) {
	start := c.c.Now()
	got, f := c.send(ctx, r)
	call := providers.Call{Account: c.c.Account, Method: r.method(), Path: c.shown(r), Status: got.code,
		Duration: c.c.Now().Sub(start), Source: providers.SourceVendor, Attempt: attempt}
	providers.TraceFrom(ctx).Add(call)
	c.c.Logger.LogAttrs(ctx, slog.LevelDebug, "call", slog.String("op", r.Op), slog.Int("status", got.code),
		slog.Duration("took", call.Duration), slog.Int("attempt", attempt))
	if f == nil {
		f = c.judge(r, got)
	}
	return got, f
}

// reply is what is kept of a response.
type reply struct {
	code       int
	retryAfter time.Duration
	location   string // the host that a redirect names
	body       []byte
}

// send makes the HTTP exchange. The body is read whole, within its bound, and closed.
func (c *Client) send(ctx context.Context, r Request) (reply, *failure) {
	target := c.c.BaseURL + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	var body io.Reader
	if r.Body != nil {
		encoded, err := json.Marshal(r.Body)
		if err != nil {
			return reply{}, &failure{err: c.error(r, providers.KindUnknown, 0, errors.New("the request's body has no JSON"), 0)}
		}
		body = bytes.NewReader(encoded)
	}
	var sent atomic.Bool // from when there is a connection to write to
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), r.method(), target, body)
	if err != nil {
		return reply{}, &failure{err: c.error(r, providers.KindUnknown, 0, errors.New("the request's address is not well-formed"), 0)}
	}
	for name, values := range c.c.Header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	response, err := c.transport.RoundTrip(req)
	if err != nil {
		f := c.unreached(r, ctx, err)
		f.err.Sent = sent.Load()
		return reply{}, f
	}
	defer response.Body.Close()
	got := reply{code: response.StatusCode, retryAfter: retryAfter(response.Header.Get("Retry-After"), c.c.Now())}
	if l, err := response.Location(); err == nil {
		got.location = l.Host
	}
	bound := c.c.MaxBytes
	if response.StatusCode >= 400 {
		bound = maxErrorBody
	}
	got.body, err = io.ReadAll(io.LimitReader(response.Body, bound+1))
	long := int64(len(got.body)) > bound
	switch {
	case response.StatusCode >= 400: // the status says enough where the body is cut short
		got.body = got.body[:min(int64(len(got.body)), bound)]
	case err != nil:
		return got, c.unreached(r, ctx, err)
	case long:
		return got, &failure{err: c.error(r, providers.KindBadReply, got.code, fmt.Errorf("the reply has more than the %d bytes that are allowed", bound), 0)}
	}
	return got, nil
}

// judge says what a reply means; nil for a success.
func (c *Client) judge(r Request, got reply) *failure {
	if got.code >= 300 && got.code < 400 { // not the vendor's API that speaks: nothing to classify
		err := fmt.Errorf("the vendor redirects to the host %q; configure the address that it redirects to", got.location)
		return &failure{err: c.error(r, providers.KindBadReply, got.code, err, 0)}
	}
	var said *providers.Error
	classify := c.c.Classify
	if r.Classify != nil {
		classify = r.Classify
	}
	if classify != nil {
		said = classify(got.code, got.body[:min(len(got.body), maxErrorBody)])
	}
	if said == nil && got.code >= 200 && got.code < 300 {
		return nil
	}
	if said == nil {
		said = &providers.Error{}
	}
	e := c.error(r, cmp.Or(said.Kind, kindOfStatus(got.code)), got.code, said.Err, got.retryAfter)
	e.Fields = c.hideFields(r, said.Fields)
	return &failure{err: e, again: e.Kind.Retryable(), trips: e.Kind == providers.KindUnavailable}
}

// unreached is the failure of an exchange that did not end. The error's text names the host at most: the
// library's has the whole address.
func (c *Client) unreached(r Request, ctx context.Context, err error) *failure {
	if kind := kindOfContext(ctx); kind == providers.KindCanceled {
		return &failure{err: c.error(r, kind, 0, context.Canceled, 0)}
	}
	text := "the connection failed"
	var (
		inner *url.Error
		dns   interface{ Timeout() bool }
	)
	if errors.As(err, &inner) {
		err = inner.Err
	}
	switch {
	case ctx.Err() != nil || errors.As(err, &dns) && dns.Timeout():
		text = "no answer in time"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		text = "the connection was cut"
	default:
		text += ": " + err.Error()
	}
	return &failure{err: c.error(r, providers.KindUnavailable, 0, errors.New(text), 0), again: true, trips: true}
}

// refused is the failure of a call that the budget did not let out.
func (c *Client) refused(r Request, caller context.Context, err error) *failure {
	if kindOfContext(caller) == providers.KindCanceled {
		return &failure{err: c.error(r, providers.KindCanceled, 0, context.Canceled, 0)}
	}
	var wait time.Duration
	if e := (*providers.Error)(nil); errors.As(err, &e) {
		wait = e.RetryAfter
	}
	return &failure{err: c.error(r, providers.KindRateLimited, 0, errors.New("not sent: this account's budget of calls is used up, and no place comes free in time"), wait)}
}

func (c *Client) error(r Request, kind providers.Kind, status int, err error, wait time.Duration) *providers.Error {
	return &providers.Error{Account: c.c.Account, Provider: c.c.Provider, Op: r.Op, Kind: kind, Status: status, Sent: status != 0, RetryAfter: wait, Err: c.hide(r, err)}
}

// shown is a request's path as traces show it.
func (c *Client) shown(r Request) string {
	path := r.Path
	if r.PrivatePath {
		path = strings.TrimPrefix(r.Op, r.method()+" ")
	}
	if len(r.Query) == 0 {
		return path
	}
	query := make(url.Values, len(r.Query))
	for name, values := range r.Query {
		if slices.Contains(c.c.Private, name) {
			values = []string{"…"}
		}
		query[name] = values
	}
	text, err := url.QueryUnescape(query.Encode()) // for people: brackets rather than %5B
	if err != nil {
		text = query.Encode()
	}
	return path + "?" + text
}

func kindOfContext(ctx context.Context) providers.Kind {
	if errors.Is(ctx.Err(), context.Canceled) {
		return providers.KindCanceled
	}
	return providers.KindUnavailable
}
