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
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// attempt sends the request once, notes it, and judges the reply.
func (c *Client) attempt(ctx context.Context, r Request, a *providers.Attempt) (reply, *failure) {
	ctx, span := c.startSpan(ctx, r, a.Number)
	defer span.End()
	start := c.c.Now()
	got, f := c.send(ctx, r)
	a.Sent, a.Took = true, c.c.Now().Sub(start)
	call := providers.Call{Account: c.c.Account, Method: r.method(), Path: c.shown(r), Status: got.code,
		Duration: a.Took, Source: providers.SourceVendor, Attempt: a.Number}
	providers.TraceFrom(ctx).Add(call)
	c.c.Logger.LogAttrs(ctx, slog.LevelDebug, "call", slog.String("op", r.Op), slog.Int("status", got.code),
		slog.Float64("milliseconds", float64(call.Duration.Microseconds())/1000), slog.Int("attempt", a.Number))
	if r.Watch != nil && got.code != 0 {
		r.Watch(got.code, got.body)
	}
	if f == nil {
		f = c.judge(ctx, r, got)
	}
	endSpan(span, got.code, f)
	return got, f
}

// reply is what is kept of a response.
type reply struct {
	code       int
	retryAfter time.Duration
	location   string // the host that a redirect names
	page       bool   // it is a page of HTML, or an edge network says that it answered
	cut        bool   // the body is not whole
	body       []byte
}

// content is the body of the request and its type; nil for none.
func (r Request) content() (body io.Reader, contentType string, err error) {
	switch {
	case r.Body != nil && r.Form != nil:
		return nil, "", errors.New("the request has a body and a form")
	case r.Form != nil:
		return strings.NewReader(r.Form.Encode()), "application/x-www-form-urlencoded", nil
	case r.Body != nil:
		encoded, err := json.Marshal(r.Body)
		if err != nil {
			return nil, "", errors.New("the request's body has no JSON")
		}
		return bytes.NewReader(encoded), "application/json", nil
	}
	return nil, "", nil
}

// send makes the HTTP exchange. The body is read whole, within its bound, and closed.
func (c *Client) send(ctx context.Context, r Request) (reply, *failure) {
	target := c.c.BaseURL + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	body, contentType, err := r.content()
	if err != nil {
		return reply{}, c.unsendable(r, err.Error())
	}
	var (
		connections atomic.Int64 // that the request was handed to
		written     atomic.Bool  // from when it was written whole
	)
	once, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	trace := &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			if connections.Add(1) > maxConnections {
				stop(errWritten)
			}
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) { written.Store(written.Load() || info.Err == nil) },
	}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(once, trace), r.method(), target, body)
	if err != nil {
		return reply{}, c.unsendable(r, "the request's address is not well-formed")
	}
	for name, values := range c.c.Header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.c.UserAgent)
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	if r.method() != http.MethodGet {
		sendOnce(req, &written)
	}
	response, err := c.transport.RoundTrip(req)
	if err != nil {
		f := c.unreached(r, ctx, err)
		f.err.Unsent = connections.Load() == 0
		if !f.err.Unsent && ctx.Err() != nil {
			f.against = endpoint // the vendor was reached, and does not answer this
		}
		return reply{}, f
	}
	defer response.Body.Close()
	got := reply{code: response.StatusCode, retryAfter: retryAfter(response.Header.Get("Retry-After"), c.c.Now())}
	if got.code < 200 {
		// After a 101 the body is the raw connection, which the end of the context does not
		// close.
		return got, &failure{err: c.error(r, providers.KindBadReply, got.code, errSwitched, 0)}
	}
	if l, err := response.Location(); err == nil {
		got.location = l.Host
	}
	bound := c.c.MaxBytes
	if response.StatusCode >= 400 {
		bound = maxErrorBody
	}
	got.body, err = io.ReadAll(io.LimitReader(response.Body, bound+1))
	long := int64(len(got.body)) > bound
	got.body = bytes.TrimPrefix(got.body[:min(int64(len(got.body)), bound)], byteOrderMark)
	got.cut = err != nil || long
	got.page = response.Header.Get("Cf-Mitigated") != "" ||
		strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") || bytes.HasPrefix(bytes.TrimSpace(got.body), []byte("<"))
	switch {
	case response.StatusCode >= 400: // the status says enough where the body is cut short
	case err != nil:
		f := c.unreached(r, ctx, err)
		f.against = endpoint
		return got, f
	case long:
		return got, &failure{
			err: c.error(
				r,
				providers.KindBadReply,
				got.code,
				fmt.Errorf("the reply has more than the %d bytes that are allowed", bound),
				0,
			),
		}
	}
	return got, nil
}

// maxConnections bounds the connections that one attempt of a read is handed to: net/http
// sends a read again by itself. Over HTTP/2 it does so without a bound where the vendor
// resets the stream for some reasons.
const maxConnections = 3

// sendOnce keeps net/http from sending a write again that was written whole, as it does over
// HTTP/2: the vendor may have done the work before it reset the stream. A request without a
// body would be sent again unasked, so that each gets one. An empty body adds nothing to a
// DELETE, and to an HTTP/1 request of any other method that it is chunked.
func sendOnce(req *http.Request, written *atomic.Bool) {
	body := req.GetBody
	if req.Body == nil || req.Body == http.NoBody {
		body = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil }
		req.Body, _ = body()
	}
	req.GetBody = func() (io.ReadCloser, error) {
		if written.Load() {
			return nil, errWritten
		}
		return body()
	}
}

// errWritten is in the place of a second attempt at a write, and of too many at a read.
const errWritten providers.Cause = "the connection was reset after the request was sent"

// errSwitched is a 101, which nobody asked for.
const errSwitched providers.Cause = "the connection was switched to another protocol"

// byteOrderMark may stand before a reply's JSON.
var byteOrderMark = []byte("\xef\xbb\xbf")

// unsendable is the failure of a request that cannot be made.
func (c *Client) unsendable(r Request, text string) *failure {
	e := c.error(r, providers.KindUnknown, 0, errors.New(text), 0)
	e.Unsent = true
	return &failure{err: e}
}

// errOtherSuccess is a reply to a read with another success than the one that is documented.
const errOtherSuccess providers.Cause = "a read was answered with another status than 200"

// judge says what a reply means; nil for a success, which has been decoded and verified.
func (c *Client) judge(ctx context.Context, r Request, got reply) *failure {
	if got.code >= 300 && got.code < 400 { // not the vendor's API that speaks: nothing to classify
		err := fmt.Errorf("the vendor redirects to the host %q; configure the address that it redirects to", got.location)
		return &failure{err: c.error(r, providers.KindBadReply, got.code, err, 0)}
	}
	// A page is not the API's word: neither a refusal of the key, nor that there is no such
	// record.
	refused := got.code/100 == 4 && got.code != http.StatusTooManyRequests
	if got.page && (refused || got.code == http.StatusServiceUnavailable) {
		e := c.error(r, providers.KindUnavailable, got.code, providers.ErrEdge, got.retryAfter)
		return &failure{err: e, again: got.code == http.StatusServiceUnavailable, against: endpoint} // a challenge stays one
	}
	var said *providers.Error
	if classify := r.classify(c.c); classify != nil {
		said = classify(got.code, got.body[:min(len(got.body), maxErrorBody)])
	}
	if said == nil && got.code >= 200 && got.code < 300 {
		err := c.read(ctx, r, got.code, got.body)
		switch {
		case r.method() == http.MethodGet && got.code != http.StatusOK: // such as a part of the content
			said = &providers.Error{Kind: providers.KindBadReply, Err: errOtherSuccess}
		case err == nil:
			return nil
		case ctx.Err() != nil:
			f := c.unreached(r, ctx, err)
			f.against = endpoint
			return f
		case !errors.As(err, &said):
			said = &providers.Error{Kind: providers.KindBadReply, Err: err}
		}
	}
	if said == nil {
		said = &providers.Error{}
	}
	kind := cmp.Or(said.Kind, KindOfStatus(got.code))
	switch {
	case got.code == http.StatusPaymentRequired: // whatever the body calls it
		kind, said.Err = KindOfStatus(got.code), providers.ErrPayment
	case slices.Contains(r.NotFound, got.code):
		kind = providers.KindNotFound
	case r.Later && (inputRefused(kind) || got.code == http.StatusNoContent):
		kind, said.Err = providers.KindBadReply, providers.ErrPageRefused
	}
	e := c.error(r, kind, cmp.Or(said.Status, got.code), said.Err, got.retryAfter)
	if r.method() != http.MethodGet && refusal(kind) {
		if e.Refused = said.Refused && got.code/100 == 4 && !got.cut; !e.Refused {
			// Anybody on the way may have said this, also after the vendor did the work.
			e.Kind = providers.KindBadReply
			return &failure{err: e}
		}
	}
	e.Fields = c.hideFields(r, said.Fields)
	f := &failure{err: e, again: kind.Retryable()}
	switch kind {
	case providers.KindUnavailable:
		f.against = endpoint
	case providers.KindUnauthorized:
		f.against = key
	}
	return f
}

// refusal says whether a kind is that of a vendor that did not do what it was asked to.
func refusal(k providers.Kind) bool {
	switch k {
	case providers.KindInvalid, providers.KindNotFound, providers.KindConflict,
		providers.KindUnauthorized, providers.KindRateLimited, providers.KindUnsupported:
		return true
	}
	return false
}

// unreached is the failure of an exchange that did not end. The error's text names the host
// at most: the library's has the whole address.
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
	case errors.Is(context.Cause(ctx), providers.ErrAccountTime):
		return &failure{err: c.error(r, providers.KindUnavailable, 0, providers.ErrAccountTime, 0), against: connection}
	case ctx.Err() != nil || errors.As(err, &dns) && dns.Timeout():
		text = "no answer in time"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		text = "the connection was cut"
	default:
		text += ": " + err.Error()
	}
	return &failure{err: c.error(r, providers.KindUnavailable, 0, errors.New(text), 0), again: true, against: connection}
}

// overBudget is the failure of a call that the budget did not let out.
func (c *Client) overBudget(r Request, caller context.Context, err error) *failure {
	e := c.error(r, providers.KindCanceled, 0, context.Canceled, 0)
	if kindOfContext(caller) != providers.KindCanceled {
		var wait time.Duration
		if e := (*providers.Error)(nil); errors.As(err, &e) {
			wait = e.RetryAfter
		}
		cause := errors.New("not sent: this account's budget of calls is used up, and no place comes free in time")
		if errors.Is(err, providers.ErrReserve) {
			cause = fmt.Errorf("not sent: %w", providers.ErrReserve)
		}
		e = c.error(r, providers.KindRateLimited, 0, cause, wait)
	}
	e.Unsent = true
	return &failure{err: e}
}

func (c *Client) error(r Request, kind providers.Kind, status int, err error, wait time.Duration) *providers.Error {
	return &providers.Error{
		Account:    c.c.Account,
		Provider:   c.c.Provider,
		Op:         r.Op,
		Kind:       kind,
		Status:     status,
		RetryAfter: wait,
		Err:        c.hide(r, err),
	}
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
