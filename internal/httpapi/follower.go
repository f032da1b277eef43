package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/responses"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/resolvers"
)

// follower is one subscription that runs.
type follower struct {
	streams
	header   http.Header     // the viewer's credentials
	request  *http.Request   // with these
	stream   context.Context // ends with the stream
	asked    *request
	watch    *resolvers.Watch
	question question
	out      sink
	sub      *events.Subscription
	passed   events.Position // of the last event that was delivered, or not for this viewer
	serving  *serving        // by which the viewer was known last
	results  int             // that were sent
}

// run delivers events until the stream ends. err is why it cannot begin.
func (f *follower) run(ctx context.Context, err error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer context.AfterFunc(f.state.ending, func() { end(events.ErrClosed) })()
	f.stream, f.request = ctx, (&http.Request{Header: f.header}).WithContext(ctx)
	if err == nil {
		err = f.follow(ctx)
	}
	f.end(ctx, err)
}

// goOn runs a stream behind the handlers of its request, whose log line was written when the
// stream began: it has one of its own. A panic ends the stream alone.
func (f *follower) goOn(ctx context.Context, operation string, err error, ended func()) {
	defer ended()
	start, v := time.Now(), auth.ViewerFrom(ctx)
	l := &line{viewer: v.Name, role: v.Role, operation: operation}
	ctx = context.WithValue(ctx, lineKey{}, l)
	defer func() {
		if p := recover(); p != nil {
			err := f.serving.resolvers.Present(ctx, providers.Panicked(p))
			noteErrors(ctx, err)
			f.out.fail(gqlerror.List{err})
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		attributes := []slog.Attr{
			slog.Float64("milliseconds", float64(time.Since(start).Microseconds())/1000),
			slog.Int("results", f.results),
			slog.String("viewer", resolvers.CutText(l.viewer)),
			slog.String("operation", resolvers.CutText(l.operation)),
			slog.String("requestId", apierror.RequestID(ctx)),
		}
		if len(l.codes) > 0 {
			attributes = append(attributes, slog.Any("codes", l.codes))
		}
		f.serving.logger.LogAttrs(ctx, slog.LevelInfo, "a stream has ended", attributes...)
	}()
	f.run(ctx, err)
}

// errExpired ends the streams of viewers who are not known any more.
var errExpired = errors.New("the key or token of this stream is not accepted any more: subscribe again with a new one")

// errFailed ends a stream whose last result has told why.
type errFailed struct{ errs gqlerror.List }

func (errFailed) Error() string { return "the operation failed" }

// follow delivers events until the stream ends.
func (f *follower) follow(ctx context.Context) error {
	f.state.streams.live.Add(1)
	defer f.state.streams.live.Add(-1)
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
	f.results++
	return f.out.next(parts...)
}

// planEvent plans the operation for an event. It waits for room.
func (s *serving) planEvent(
	ctx context.Context,
	asked *request,
) (context.Context, *graphql.OperationContext, *recall, gqlerror.List, error) {
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
