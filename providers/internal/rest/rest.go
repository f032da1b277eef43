// Package rest is the one polite HTTP client of all vendors. A call goes through these steps, in
// this order: retry → breaker → budget → send → status → bounded decode.
//
// Only reads are sent again, and only while the call's deadline leaves room: after a connection
// that failed, a 429 (Retry-After is obeyed) and a 5xx. Every attempt takes its own place in the
// budget. Redirects are not followed: they would take the credentials elsewhere. Errors are
// [*providers.Error], with neither secrets nor e-mail addresses of customers in their text; the vendor's folder says
// by [Config.Classify] what its error bodies mean.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
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

	HTTP   *http.Client
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

// Request is one read.
type Request struct {
	Op    string // as the vendor's page has it: "GET /affiliates/{id}"
	Path  string // below the base URL, escaped
	Query url.Values
	Into  any // what the JSON body is decoded into; unknown fields are ignored

	// PrivatePath says that Path holds something private (an e-mail address): traces then show Op instead.
	PrivatePath bool
}

// Health is how the calls of a client have gone.
type Health struct {
	Status        providers.AccountStatus
	LastError     *string
	LastSuccessAt *time.Time
}

// Client reads from one account. It is safe for concurrent use.
type Client struct {
	c        Config
	client   http.Client
	breaker  circuitbreaker.CircuitBreaker[[]byte]
	executor failsafe.Executor[[]byte]

	mu     sync.Mutex
	health Health
}

// failure is an attempt that failed, and what that means for the next.
type failure struct {
	err   *providers.Error
	again bool          // sending the same once more may help
	wait  time.Duration // before that; 0 for the usual backoff
	trips bool          // it counts for the breaker
}

func (f *failure) Error() string { return f.err.Error() }

// New makes a client.
func New(c Config) *Client {
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	cl := &Client{c: c, client: *c.HTTP, health: Health{Status: providers.AccountOK}}
	cl.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	cl.client.Timeout = 0 // the context has the deadline
	retry := retrypolicy.NewBuilder[[]byte]().
		HandleIf(func(_ []byte, err error) bool { f := (*failure)(nil); return errors.As(err, &f) && f.again }).
		WithMaxAttempts(maxAttempts).
		WithBackoff(firstBackoff, maxBackoff).
		WithJitterFactor(jitter).
		WithDelayFunc(func(e failsafe.ExecutionAttempt[[]byte]) time.Duration {
			if f := (*failure)(nil); errors.As(e.LastError(), &f) && f.wait > 0 {
				return f.wait
			}
			return -1
		}).
		ReturnLastFailure().
		Build()
	cl.breaker = circuitbreaker.NewBuilder[[]byte]().
		HandleIf(func(_ []byte, err error) bool { f := (*failure)(nil); return errors.As(err, &f) && f.trips }).
		WithFailureThreshold(breakerFailures).
		WithDelay(breakerDelay).
		Build()
	cl.executor = failsafe.With(retry, cl.breaker)
	return cl
}

// Get makes one read and decodes its reply into r.Into.
func (c *Client) Get(ctx context.Context, r Request) error {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, c.c.Timeout)
	defer cancel()
	var last *failure
	body, err := c.executor.WithContext(ctx).GetWithExecution(func(e failsafe.Execution[[]byte]) ([]byte, error) {
		if err := c.c.Budget.Take(ctx); err != nil {
			last = c.refused(r, caller, err)
			return nil, last
		}
		var body []byte
		body, last = c.attempt(ctx, r, e.Attempts())
		if last != nil {
			if caller.Err() != nil {
				last.again, last.trips = false, false
			}
			last.again = last.again && c.room(ctx, last.wait)
			return nil, last
		}
		return body, nil
	})
	switch {
	case errors.Is(err, circuitbreaker.ErrOpen):
		wait := c.breaker.RemainingDelay()
		return c.fail(caller, c.error(r, providers.KindUnavailable, 0, fmt.Errorf("not tried: the last calls failed; next try in %v", wait.Round(time.Second)), wait))
	case err != nil && last != nil:
		return c.fail(caller, last.err)
	case err != nil:
		return c.fail(caller, c.error(r, kindOfContext(caller), 0, errors.New("the time for the call is over"), 0))
	}
	if r.Into != nil {
		if err := decode(body, r.Into); err != nil {
			return c.fail(caller, c.error(r, providers.KindBadReply, http.StatusOK, err, 0))
		}
	}
	c.succeeded()
	return nil
}

// room says whether the deadline leaves time for one more attempt after a wait.
func (c *Client) room(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > max(wait, firstBackoff)
}

// attempt sends the request once, and answers the reply's body.
func (c *Client) attempt(ctx context.Context, r Request, attempt int) ([]byte, *failure) {
	start := c.c.Now()
	status, body, err := c.send(ctx, r)
	call := providers.Call{Account: c.c.Account, Method: http.MethodGet, Path: c.shown(r), Status: status.code,
		Duration: c.c.Now().Sub(start), Source: providers.SourceVendor, Attempt: attempt}
	providers.TraceFrom(ctx).Add(call)
	c.c.Logger.LogAttrs(ctx, slog.LevelDebug, "call", slog.String("op", r.Op), slog.Int("status", status.code),
		slog.Duration("took", call.Duration), slog.Int("attempt", attempt))
	if err != nil {
		return nil, err
	}
	return body, c.judge(r, status, body, attempt)
}

// reply is what is left of a response besides its body.
type reply struct {
	code       int
	retryAfter time.Duration
	location   string
}

// send makes the HTTP exchange. The body is read whole, within its bound, and closed.
func (c *Client) send(ctx context.Context, r Request) (reply, []byte, *failure) {
	target := c.c.BaseURL + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return reply{}, nil, &failure{err: c.error(r, providers.KindUnknown, 0, errors.New("the request's address is not well-formed"), 0)}
	}
	for name, values := range c.c.Header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	response, err := c.client.Do(req)
	if err != nil {
		return reply{}, nil, c.unreached(r, ctx, err)
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
	body, err := io.ReadAll(io.LimitReader(response.Body, bound+1))
	switch {
	case err != nil:
		return got, nil, c.unreached(r, ctx, err)
	case int64(len(body)) > bound && response.StatusCode >= 400:
		body = body[:bound]
	case int64(len(body)) > bound:
		return got, nil, &failure{err: c.error(r, providers.KindBadReply, got.code, fmt.Errorf("the reply has more than the %d bytes that are allowed", bound), 0)}
	}
	return got, body, nil
}

// judge says what a reply means; nil for a success.
func (c *Client) judge(r Request, got reply, body []byte, attempt int) *failure {
	var said *providers.Error
	if c.c.Classify != nil {
		said = c.c.Classify(got.code, body[:min(len(body), maxErrorBody)])
	}
	if said == nil && got.code >= 200 && got.code < 300 {
		return nil
	}
	e := c.error(r, kindOfStatus(got.code), got.code, nil, got.retryAfter)
	if said != nil {
		e.Fields, e.Err = said.Fields, said.Err
		if said.Kind != "" {
			e.Kind = said.Kind
		}
	}
	if got.code >= 300 && got.code < 400 {
		e.Err = fmt.Errorf("the vendor redirects to %q; configure the address that it redirects to", got.location)
	}
	f := &failure{err: e, wait: got.retryAfter}
	switch e.Kind {
	case providers.KindRateLimited:
		f.again = true
		if f.wait == 0 {
			f.wait = min(limitedBackoff<<(attempt-1), maxBackoff)
		}
		e.RetryAfter = f.wait
		c.c.Budget.Exhausted(f.wait)
	case providers.KindUnavailable:
		f.again, f.trips = true, true
	}
	return f
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
	return &providers.Error{Account: c.c.Account, Provider: c.c.Provider, Op: r.Op, Kind: kind, Status: status, RetryAfter: wait, Err: err}
}

// shown is a request's path as traces show it.
func (c *Client) shown(r Request) string {
	path := r.Path
	if r.PrivatePath {
		path = strings.TrimPrefix(r.Op, "GET ")
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
	default:
		text, status := describe(e), providers.AccountDegraded
		if e.Kind == providers.KindUnauthorized {
			status = providers.AccountDown
		}
		c.mu.Lock()
		defer c.mu.Unlock()
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

func kindOfContext(ctx context.Context) providers.Kind {
	if errors.Is(ctx.Err(), context.Canceled) {
		return providers.KindCanceled
	}
	return providers.KindUnavailable
}

// kindOfStatus is the meaning that every vendor gives a status.
func kindOfStatus(status int) providers.Kind {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return providers.KindUnauthorized
	case status == http.StatusNotFound || status == http.StatusGone:
		return providers.KindNotFound
	case status == http.StatusConflict:
		return providers.KindConflict
	case status == http.StatusTooManyRequests:
		return providers.KindRateLimited
	case status >= 500 || status == http.StatusRequestTimeout:
		return providers.KindUnavailable
	case status >= 400:
		return providers.KindInvalid
	default:
		return providers.KindBadReply
	}
}

// decode reads one JSON value and nothing behind it.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the reply is not the JSON it should be: %w", scrubbed(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the reply goes on behind its JSON")
	}
	return nil
}

// scrubbed is a JSON error without the value that it complains of, which may be anybody's.
func scrubbed(err error) error {
	var (
		wrong  *json.UnmarshalTypeError
		syntax *json.SyntaxError
	)
	switch {
	case errors.As(err, &wrong):
		return fmt.Errorf("field %q is a %s, at byte %d", wrong.Field, strings.SplitN(wrong.Value, " ", 2)[0], wrong.Offset)
	case errors.As(err, &syntax):
		return fmt.Errorf("a syntax error at byte %d", syntax.Offset)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends too early")
	}
	return errors.New("a value cannot be read")
}

// maxRetryAfter is the longest wait that is believed.
const maxRetryAfter = time.Hour

// retryAfter reads the header of this name, seconds or a date (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3); 0 where it says nothing.
func retryAfter(s string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(s); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
