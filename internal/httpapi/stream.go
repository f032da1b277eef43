package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/events"
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

	// goOn says whether results may be sent after the handlers of the request have returned:
	// without their stacks and buffers a stream takes a third of the memory. r is the request. Then
	// whoever sends them has the context from then on, which ends when the client goes, and calls
	// ended at last.
	goOn(ctx context.Context, r *http.Request) (going context.Context, ended func(), ok bool)
}

// serving is what streams need of the handler that serves now.
type serving struct {
	transport
	auth      *auth.Authenticator // nil: nobody is asked
	logger    *slog.Logger
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
		transport: t, auth: o.Auth, logger: o.Logger, resolvers: o.Resolvers, hub: o.Hub, timeout: o.Timeout,
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
		result.pass(ctx, now.load.write, open())
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

// subscribe begins a subscription.
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
	going := false
	defer func() {
		if !going {
			leave()
		}
	}()
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
	f := &follower{
		streams: s, asked: asked, watch: watch, question: questionOf(planned, op), serving: now,
		header: credentials(r.Header),
	}
	asked.pack()
	var err error
	if f.sub, err = now.hub.Subscribe(ctx, watch.After, maxBehind); err == nil {
		f.passed = f.sub.Position()
	}
	w.Header().Set("Connection", "close") // it ends with the stream: see eventStream.goOn
	f.out = open()                        // from here on the client knows that it misses nothing
	behind, ended, ok := f.out.goOn(ctx, r)
	if !ok {
		f.run(ctx, err)
		return
	}
	going = true
	go f.goOn(behind, nameOf(op), err, func() {
		ended()
		leave()
	})
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

// pass sends the answer to a sink: as a result, or where nothing was executed as errors. It
// counts as unread until it is sent.
func (c *captured) pass(ctx context.Context, unread *gate, out sink) {
	pass := unread.enter(ctx, int64(c.body.Cap()))
	if pass == nil {
		out.fail(gqlerror.List{noRoom("limits.load")})
		return
	}
	defer pass.leave()
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
