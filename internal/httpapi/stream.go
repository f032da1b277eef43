package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/responses"
	"github.com/partnergraph/partnergraph/resolvers"
)

// A stream carries the results of an operation one by one: over server-sent events
// (eventstream.go) or a WebSocket (socket.go). A subscription has a result for each event, and
// any other operation has one. Each event is planned, counted and executed as an operation of
// its own by the handler that serves then, so that a reload of the configuration ends no
// stream of a viewer who may still have it.

const (
	// heartbeat is how often a stream without events shows that it lives, and learns
	// whether its viewer may still have it.
	heartbeat = 12 * time.Second
	// maxBehind is how many events of the log a stream may be behind.
	maxBehind = 2048
	// sendTime is how long a client may take to receive what is sent to a stream.
	sendTime = 20 * time.Second
	// roomPause is how long a stream waits before it asks for room again.
	roomPause = 50 * time.Millisecond
)

// sink sends the results of one operation to its client.
type sink interface {
	next(parts ...[]byte) error // a result, as the parts of a JSON text; it may wait for flush
	flush() error               // what next was given goes out
	fail(errs gqlerror.List)    // the operation ends with errors
	complete()                  // the operation ends
	beat() error                // nothing has happened for a time
}

// serving is what streams need of the handler that serves now.
type serving struct {
	transport
	auth      *auth.Authenticator // nil: nobody is asked
	resolvers *resolvers.Resolver
	hub       *events.Hub // nil: there are no subscriptions
	timeout   time.Duration
	bounded   func(http.Handler) http.Handler
	limits    streamLimits
	operation http.Handler // of a request that has a sink in its context
}

// streaming answers requests for streams, and passes others to next.
func streaming(o Options, t transport, quota *partnerQuota, next http.Handler) http.Handler {
	s := streams{o.State}
	known := viewer(o.Auth, quota.request(s))
	o.State.serving.Store(&serving{
		transport: t, auth: o.Auth, resolvers: o.Resolvers, hub: o.Hub, timeout: o.Timeout,
		bounded:   func(next http.Handler) http.Handler { return bounded(o, next) },
		limits:    streamLimits{o.Subscriptions, o.ViewerSubscriptions},
		operation: requestID(logged(o, recovered(o.Resolvers, known))),
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case upgrades(r):
			s.serveSocket(w, r)
		case wantsEvents(r), o.Hub != nil && reserves(r):
			known.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// viewer authenticates a stream's request by the configuration of now.
func (s *serving) viewer(r *http.Request) (*auth.Viewer, error) {
	if s.auth == nil {
		return auth.Local(), nil
	}
	return s.auth.FromRequest(r)
}

type streamedKey struct{}

// streams answers requests for streams, whose viewers are known.
type streams struct{ state *State }

// answer answers a request. open begins the stream of its results; before, a refusal is an
// answer of HTTP.
func (s streams) answer(w http.ResponseWriter, r *http.Request, open func() sink) {
	now := s.state.serving.Load()
	ctx := context.WithValue(graphql.StartOperationTrace(r.Context()), streamedKey{}, true)
	plain := r.Clone(ctx)
	plain.Header.Set("Accept", graphqlResponse)
	plain.Header.Del("Accept-Encoding")
	asked, bad := now.read(w, plain)
	if bad != nil {
		bad.answer(w, r)
		return
	}
	ctx, known, bad := now.accept(ctx, r, asked)
	switch {
	case bad != nil:
		bad.answer(w, r)
		return
	case !known:
		open().fail(gqlerror.List{notPersisted()})
		return
	}
	subscribes, errs, bad := now.kind(ctx, asked)
	switch {
	case bad != nil:
		bad.answer(w, r)
	case len(errs) > 0:
		explain(now.schema, nil, nil, errs)
		noteErrors(ctx, errs...)
		open().fail(now.exec.DispatchError(graphql.WithOperationContext(ctx, &graphql.OperationContext{}), errs).Errors)
	case !subscribes:
		result := &captured{}
		now.bounded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			now.respond(r.Context(), w, r, asked)
		})).ServeHTTP(result, plain.WithContext(ctx))
		result.pass(open())
	default:
		s.subscribe(ctx, w, r, now, asked, open)
	}
}

// kind parses and validates the document of a request, and says whether its operation is a
// subscription.
func (s *serving) kind(ctx context.Context, asked *request) (subscribes bool, errs gqlerror.List, bad *refusal) {
	pass := s.load.prepare.enter(ctx, int64(max(len(asked.Query), minDocument)))
	if pass == nil {
		return false, nil, overloaded("limits.load")
	}
	defer pass.leave()
	doc, errs := s.check.prepare(ctx, &asked.RawParams)
	if slices.Contains(errs, errQueriesOnly) {
		return false, nil, notAllowed(http.MethodPost, errQueriesOnly.Message)
	}
	if len(errs) > 0 {
		return false, errs, nil
	}
	return doc.Operations.ForName(asked.OperationName).Operation == ast.Subscription, nil, nil
}

// subscribe begins a subscription, and goes on until it ends.
func (s streams) subscribe(ctx context.Context, w http.ResponseWriter, r *http.Request, now *serving, asked *request, open func() sink) {
	if now.hub == nil {
		refused(http.StatusNotImplemented, apierror.Unsupported, "this server has no log of changes, and so no subscriptions").answer(w, r)
		return
	}
	leave, bad := s.state.streams.enter(auth.ViewerFrom(ctx), now.limits)
	if bad != nil {
		bad.answer(w, r)
		return
	}
	defer leave()
	planned, op, _, errs := now.plan(ctx, asked)
	if op == nil || slices.Contains(errs, errCrowded) {
		overloaded("limits.load").answer(w, r)
		return
	}
	planned = graphql.WithOperationContext(planned, op)
	var watch *resolvers.Watch
	if len(errs) == 0 {
		var err error
		if watch, err = now.resolvers.Watch(planned, op); err == nil {
			err = now.resolvers.Identify(planned, watch, now.takeCalls(ctx))
		}
		if err != nil {
			errs = gqlerror.List{now.resolvers.Present(planned, err)}
		}
	} else {
		explain(now.schema, op.Operation, asked.Variables, errs)
	}
	if len(errs) > 0 {
		noteErrors(ctx, errs...)
		open().fail(now.exec.DispatchError(planned, errs).Errors)
		return
	}
	note(ctx, func(l *line) { l.operation = nameOf(op) })
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer context.AfterFunc(s.state.ending, func() { end(events.ErrClosed) })()
	f := &follower{streams: s, request: r, stream: ctx, asked: asked, watch: watch, question: questionOf(planned, op), serving: now}
	asked.pack()
	var err error
	f.sub, err = now.hub.Subscribe(ctx, watch.After, maxBehind)
	f.out = open() // from here on the client knows that it misses nothing
	if err == nil {
		f.passed = f.sub.Position()
		s.state.streams.live.Add(1)
		err = f.follow(ctx)
		s.state.streams.live.Add(-1)
	}
	f.end(ctx, err)
}

// takeCalls takes calls out of the viewer's share.
func (s *serving) takeCalls(ctx context.Context) func(calls map[string]int) error {
	return func(calls map[string]int) error {
		if bad := s.partners.take(ctx, calls); bad != nil {
			return bad.clientError()
		}
		return nil
	}
}

// clientError is the refusal as an error of a field.
func (f *refusal) clientError() error {
	ext := map[string]any{}
	for name, value := range f.err.Extensions {
		ext[name] = value
	}
	code, _ := ext["code"].(apierror.Code)
	return &apierror.Error{Code: code, Text: f.err.Message, Extensions: ext}
}

// follower is one subscription that runs.
type follower struct {
	streams
	request  *http.Request   // with the viewer's credentials
	stream   context.Context // ends with the stream
	asked    *request
	watch    *resolvers.Watch
	question question
	out      sink
	sub      *events.Subscription
	passed   events.Position // of the last event that was delivered, or not for this viewer
	serving  *serving        // by which the viewer was known last
}

// errExpired ends the streams of viewers who are not known any more.
var errExpired = errors.New("the key or token of this stream is not accepted any more: subscribe again with a new one")

// errFailed ends a stream whose last result has told why.
type errFailed struct{ errs gqlerror.List }

func (errFailed) Error() string { return "the operation failed" }

// follow delivers events until the stream ends.
func (f *follower) follow(ctx context.Context) error {
	for {
		wait, stop := context.WithTimeout(ctx, heartbeat)
		entries, err := f.sub.Next(wait)
		stop()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		silent := errors.Is(err, context.DeadlineExceeded)
		if err != nil && !silent {
			return err
		}
		if silent || f.serving != f.state.serving.Load() {
			if ctx, err = f.authenticate(); err != nil {
				return err
			}
		}
		if silent {
			if err := f.out.beat(); err != nil {
				return err
			}
			// What was known stays in use where it cannot be read.
			_ = f.serving.resolvers.Identify(ctx, f.watch, f.serving.takeCalls(ctx))
		}
		if ctx, err = f.pass(ctx, entries); err != nil {
			return err
		}
	}
}

// pass delivers those of some events that the viewer wants. A viewer whose credentials have
// expired gets at most what is there already.
func (f *follower) pass(ctx context.Context, entries []events.Entry) (_ context.Context, err error) {
	known := false
	for _, entry := range entries {
		if f.serving.resolvers.Wants(ctx, f.watch, entry.Event) {
			if !known {
				if ctx, err = f.authenticate(); err != nil {
					return ctx, err
				}
			}
			if known, err = f.deliver(ctx, entry); err != nil {
				return ctx, err
			}
		}
		f.passed = entry.Position
	}
	return ctx, f.out.flush()
}

// authenticate finds out who the viewer is by the configuration of now. The context is the
// stream's, however often it is asked for.
func (f *follower) authenticate() (context.Context, error) {
	f.serving = f.state.serving.Load()
	v, err := f.serving.viewer(f.request)
	if err != nil {
		return f.stream, errExpired
	}
	return auth.WithViewer(f.stream, v), nil
}

// deliver sends the result of the operation for an event: the one that another stream has
// executed, if there is one for the same document and as much as this viewer may see. shared
// says so; else time may have passed.
func (f *follower) deliver(ctx context.Context, entry events.Entry) (shared bool, err error) {
	key, keyed := f.question.key(ctx, entry.Position)
	if keyed {
		if answer := f.serving.responses.part(ctx).Get(key); answer != nil && f.pays(ctx, answer) {
			return true, f.send(ctx, int64(len(answer.Body)), answer.Body)
		}
	}
	if err := f.out.flush(); err != nil { // what follows may take time
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.serving.timeout)
	defer cancel()
	var flight *responses.Flight
	if keyed {
		var answer *responses.Answer
		if answer, flight, err = f.join(ctx, key); err != nil {
			return false, err
		}
		if answer != nil && f.pays(ctx, answer) {
			return false, f.send(ctx, int64(len(answer.Body)), answer.Body)
		}
		ctx = context.WithValue(ctx, eventKey{}, key)
	}
	defer flight.End()
	return false, f.execute(ctx, entry, flight)
}

// pays takes the price of an answer out of the viewer's share.
func (f *follower) pays(ctx context.Context, answer *responses.Answer) bool {
	return f.serving.partners.take(ctx, answer.ByAccount) == nil
}

// join is the result of another stream, or the flight in which this one executes for others.
// It waits for room.
func (f *follower) join(ctx context.Context, key responses.Key) (*responses.Answer, *responses.Flight, error) {
	for {
		answer, flight, err := f.serving.responses.part(ctx).Join(ctx, key, func() (leave func()) { return f.serving.park(ctx, f.asked) })
		if err == nil {
			return answer, flight, nil
		}
		if err := pause(ctx); err != nil {
			return nil, nil, err
		}
	}
}

// execute executes the operation for an event, and sends the result.
func (f *follower) execute(ctx context.Context, entry events.Entry, flight *responses.Flight) error {
	now := f.serving
	d := &resolvers.Delivery{Entry: entry}
	ctx = resolvers.WithDelivery(ctx, d)
	defer f.asked.pack()
	planned, op, recall, errs, err := now.planEvent(ctx, f.asked)
	if err != nil || f.stream.Err() != nil {
		flight.Abandon()
		return cmp.Or(context.Cause(f.stream), err)
	}
	if len(errs) > 0 { // the configuration, or what the viewer may do, has changed
		return errFailed{errs}
	}
	leave := func() {}
	if bad := now.partners.take(ctx, resolvers.PlannedByAccount(op)); bad != nil {
		d.Unread = bad.clientError()
	} else if pass := now.load.execute.enter(ctx, weight(op, f.asked)); pass != nil {
		leave = pass.leave
	} else {
		d.Unread = overloaded("limits.load").clientError()
	}
	executed, response := now.dispatch(planned, op, leave)
	if d.Unread != nil {
		flight.Abandon() // others may read it
	} else {
		now.keepAnswer(executed, flight, recall, op, response)
	}
	flight.End()
	if f.stream.Err() != nil { // in the middle of it: nobody is told of what was not finished
		return context.Cause(f.stream)
	}
	switch {
	case d.Hidden:
		return nil
	case d.Failed != nil:
		return errFailed{response.Errors}
	case response == nil:
		return errFailed{gqlerror.List{now.resolvers.Present(executed, context.DeadlineExceeded)}}
	}
	noteErrors(ctx, response.Errors...)
	parts, size, ok := encode(response, now.answers.max)
	if !ok {
		return errFailed{gqlerror.List{now.answers.tooLarge(executed)}}
	}
	return f.send(ctx, size, parts...)
}

// send sends a result, when there is room for what clients have not received yet.
func (f *follower) send(ctx context.Context, size int64, parts ...[]byte) error {
	pass, err := waitForRoom(ctx, f.serving.load.write, size)
	if err != nil {
		return err
	}
	defer pass.leave()
	return f.out.next(parts...)
}

// planEvent plans the operation for an event. It waits for room.
func (s *serving) planEvent(ctx context.Context, asked *request) (context.Context, *graphql.OperationContext, *recall, gqlerror.List, error) {
	for {
		planned, op, recall, errs := s.plan(ctx, asked)
		if op != nil && !slices.Contains(errs, errCrowded) {
			return planned, op, recall, errs, nil
		}
		if err := pause(ctx); err != nil {
			return nil, nil, nil, nil, err
		}
	}
}

// waitForRoom waits for room in a gate.
func waitForRoom(ctx context.Context, g *gate, weight int64) (*pass, error) {
	for {
		if p := g.enter(ctx, weight); p != nil {
			return p, nil
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context) error {
	timer := time.NewTimer(roomPause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end ends the stream, and says why and what to do, if there is somebody who reads it.
func (f *follower) end(ctx context.Context, err error) {
	var failed errFailed
	says := &gqlerror.Error{Extensions: map[string]any{"requestId": apierror.RequestID(ctx)}}
	say := func(code apierror.Code, retryable bool, format string, args ...any) {
		says.Message = fmt.Sprintf(format, args...)
		says.Extensions["code"], says.Extensions["retryable"] = code, retryable
	}
	const again = "subscribe again with the last `position` as `after`"
	switch {
	case errors.As(err, &failed):
		for _, e := range failed.errs {
			if e.Extensions == nil {
				e.Extensions = map[string]any{}
			}
			e.Path = nil
			e.Extensions["position"] = f.position()
		}
		noteErrors(ctx, failed.errs...)
		f.out.fail(failed.errs)
		return
	case errors.Is(err, events.ErrGone):
		say(apierror.StreamGap, false, "changes behind this position are not kept any more: "+
			"read again what you show, and subscribe without `after`")
	case errors.Is(err, events.ErrPosition):
		say(apierror.BadCursor, false, "`after` is no position of this stream: read again what you show, and subscribe without `after`")
	case errors.Is(err, events.ErrClosed):
		say(apierror.StreamEnded, true, "the server stops: %s", again)
	case errors.Is(err, events.ErrSlow):
		say(apierror.StreamEnded, true, "the stream is more than %d changes behind: %s", maxBehind, again)
	case errors.Is(err, errExpired):
		say(apierror.Unauthenticated, false, "%s, and the last `position` as `after`", errExpired.Error())
	case errors.Is(err, context.DeadlineExceeded):
		say(apierror.StreamEnded, true, "the server has too much to do: %s", again)
	default: // the client has gone
		return
	}
	if says.Extensions["code"] != apierror.StreamGap && says.Extensions["code"] != apierror.BadCursor {
		says.Extensions["position"] = f.position()
	}
	noteErrors(ctx, says)
	f.out.fail(gqlerror.List{says})
}

// position is the value of `after` with which nothing is missed and nothing comes twice; nil
// where there is none.
func (f *follower) position() any {
	if f.passed == "" {
		return nil
	}
	return f.serving.resolvers.Position(f.passed)
}

// captured is the answer to a request of the server's own.
type captured struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is as http.ResponseWriter says.
func (c *captured) Header() http.Header {
	if c.header == nil {
		c.header = http.Header{}
	}
	return c.header
}

// WriteHeader is as http.ResponseWriter says.
func (c *captured) WriteHeader(status int) { c.status = status }

func (c *captured) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	return c.body.Write(p)
}

// pass sends the answer to a sink: as a result, or where nothing was executed as errors.
func (c *captured) pass(out sink) {
	if c.status != http.StatusOK && c.status != statusPartial {
		out.fail(c.errors())
		return
	}
	if out.next(c.body.Bytes()) == nil {
		out.complete()
	}
}

// errors are those of an answer.
func (c *captured) errors() gqlerror.List {
	var answer struct{ Errors gqlerror.List }
	if err := json.Unmarshal(c.body.Bytes(), &answer); err != nil || len(answer.Errors) == 0 {
		return gqlerror.List{{
			Message:    "the request was refused: " + http.StatusText(c.status),
			Extensions: map[string]any{"code": apierror.Internal},
		}}
	}
	return answer.Errors
}
