package redisclient

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// scopeName names the spans of this package.
const scopeName = "github.com/partnergraph/partnergraph/internal/redisclient"

// Command is a round trip to Redis: a command or a pipeline.
type Command struct {
	Role      Role
	Took      time.Duration
	Blocking  bool  // Redis was asked to wait for something, so that Took is no latency
	Err       error // nil for an answer; the absence of a key is one
	Unreached bool  // nobody answered, though the caller waited
	Refused   bool  // no connection could be made: so Unreached, too
}

// Observe tells observer of each round trip of a client, and adds a span to the traces of
// requests. The observer is called by many goroutines at once, and returns at once.
func Observe(c redis.UniversalClient, role Role, observer func(Command)) {
	c.AddHook(observed{role, observer})
}

// observed is the hook of an observed client.
type observed struct {
	role     Role
	observer func(Command)
}

func (observed) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook observes a command.
func (o observed) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return o.observe(ctx, strings.ToUpper(cmd.Name()), blocks(cmd), func(ctx context.Context) error { return next(ctx, cmd) })
	}
}

// ProcessPipelineHook observes a pipeline.
func (o observed) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return o.observe(ctx, "PIPELINE", false, func(ctx context.Context) error { return next(ctx, cmds) })
	}
}

// blocks says whether a command asks Redis to wait: XREAD with BLOCK.
func blocks(cmd redis.Cmder) bool {
	return cmd.Name() == "xread" && slices.ContainsFunc(cmd.Args(), func(arg any) bool { return arg == "block" })
}

// observe makes a round trip. Its span has the attributes of
// https://opentelemetry.io/docs/specs/semconv/database/redis/, without keys and values.
func (o observed) observe(ctx context.Context, name string, blocking bool, trip func(context.Context) error) error {
	if parent := trace.SpanFromContext(ctx); parent.SpanContext().IsValid() {
		var span trace.Span
		ctx, span = parent.TracerProvider().
			Tracer(scopeName).
			Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
				attribute.String("db.system.name", "redis"),
				attribute.String("db.operation.name", name), attribute.String("partnergraph.redis.role", string(o.role))),
			)
		defer span.End()
	}
	start := time.Now()
	err := trip(ctx)
	c := Command{Role: o.role, Took: time.Since(start), Blocking: blocking}
	if err != nil && !errors.Is(err, redis.Nil) && !errors.Is(err, context.Canceled) {
		c.Err, c.Unreached, c.Refused = err, unreached(err), refused(err)
		trace.SpanFromContext(ctx).SetStatus(codes.Error, "")
	}
	o.observer(c)
	return err
}

// unreached says whether an error means that no Redis answered.
func unreached(err error) bool {
	if answered := redis.Error(nil); errors.As(err, &answered) {
		return false
	}
	network := net.Error(nil)
	return errors.As(err, &network) || errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, context.DeadlineExceeded) || isCut(err)
}

// isCut says whether an error means that a connection ended.
func isCut(err error) bool {
	text := err.Error()
	return strings.Contains(text, "EOF") || strings.Contains(text, "closed")
}

// refused says whether an error means that no connection could be made.
func refused(err error) bool {
	dial := (*net.OpError)(nil)
	return errors.As(err, &dial) && dial.Op == "dial"
}
