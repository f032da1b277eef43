package httpapi

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"go.opentelemetry.io/otel/trace"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/playground"
	"github.com/partnergraph/partnergraph/resolvers"
)

// RequestIDHeader carries the id of a request: the client's, where it sent a sensible one,
// else a new one.
const RequestIDHeader = "X-Request-Id"

var sensibleID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func requestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(RequestIDHeader)
		if !sensibleID.MatchString(id) {
			id = rand.Text()
		}
		w.Header().Set(RequestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(apierror.WithRequestID(r.Context(), id)))
	})
}

// Served is a request that was answered, for metrics.
type Served struct {
	Route   string    // a path of [Routes], or "other"
	Trusted string    // the name of the operation, if its document is in the manifest
	Status  int       // of HTTP
	Codes   []string  // of the errors of the answer, each once
	Role    auth.Role // of the viewer; "" where nobody knows who that is
	Answer  string    // where the answer of an operation came from: AnswerKept …; "" for none
	Planned int       // calls to vendors
	Spent   int       // calls to vendors
	Took    time.Duration
	Bytes   int64 // of the answer's body
}

// Where the answer of an operation came from.
const (
	AnswerKept     = "kept"     // from the cache of finished answers
	AnswerShared   = "shared"   // from the execution for another request, which was under way
	AnswerExecuted = "executed" // from its own execution
)

// Observer is told of each request when it was answered, for metrics. It is called by many
// goroutines at once, and returns at once.
type Observer func(Served)

// maxCodes is how many codes of errors a log line has.
const maxCodes = 10

// line is what is known of a request besides what HTTP tells, for its log line.
type line struct {
	mu             sync.Mutex
	viewer         string
	account        string // of a delivery
	role           auth.Role
	operation      string
	trusted        string // the name of its document in the manifest
	reason         string // why it was refused, for the operator
	codes          []string
	answer         string
	planned, spent int
	stale          []string // accounts of which it was given stale data
}

type lineKey struct{}

// note adds to the request's log line.
func note(ctx context.Context, add func(*line)) {
	if l, ok := ctx.Value(lineKey{}).(*line); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		add(l)
	}
}

// noteErrors adds the codes of errors to the request's log line.
func noteErrors(ctx context.Context, errs ...*gqlerror.Error) {
	if len(errs) == 0 {
		return
	}
	note(ctx, func(l *line) {
		for _, err := range errs {
			code := fmt.Sprint(err.Extensions["code"])
			if len(l.codes) < maxCodes && !slices.Contains(l.codes, code) {
				l.codes = append(l.codes, code)
			}
		}
	})
}

// nameOf is the name of an operation, cut, as a text of its own: a part of the document would
// keep all of that in memory.
func nameOf(op *graphql.OperationContext) string {
	return strings.Clone(resolvers.CutText(op.Operation.Name))
}

// noteOperation adds to the request's log line what an executed operation cost.
func noteOperation(ctx context.Context, op *graphql.OperationContext) {
	note(ctx, func(l *line) {
		trace := resolvers.TraceOf(op)
		l.answer, l.planned, l.spent, l.stale = AnswerExecuted, resolvers.Planned(op), trace.Spent(), trace.Stale()
	})
}

// logged writes one line for each request, and tells the observer. The line has neither the
// request's query string nor its body, which may hold e-mail addresses.
func logged(o Options, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, l, rec := time.Now(), &line{}, &recorder{ResponseWriter: w}
		ctx, span := startRequest(o.Tracer, r)
		ctx = context.WithValue(ctx, lineKey{}, l)
		defer func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			served := l.served(r, rec, time.Since(start))
			endRequest(span, served)
			if o.Observe != nil {
				o.Observe(served)
			}
			o.Logger.LogAttrs(ctx, levelOf(served.Route), "request", l.attributes(ctx, r, served)...)
		}()
		next.ServeHTTP(rec, r.WithContext(ctx))
	})
}

// levelOf is the level of a request's log line. Probes come every few seconds.
func levelOf(route string) slog.Level {
	switch route {
	case "/healthz", "/readyz", "/metrics", "/status.json":
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// served is the request for metrics. The lock is held.
func (l *line) served(r *http.Request, rec *recorder, took time.Duration) Served {
	return Served{
		Route:   routeOf(r.URL.Path),
		Trusted: l.trusted,
		Status:  cmp.Or(rec.status, http.StatusOK),
		Role:    l.role,
		Codes:   l.codes,
		Answer:  l.answer,
		Planned: l.planned,
		Spent:   l.spent,
		Took:    took,
		Bytes:   rec.bytes,
	}
}

// attributes are those of the log line. The lock is held.
func (l *line) attributes(ctx context.Context, r *http.Request, s Served) []slog.Attr {
	attributes := []slog.Attr{
		slog.String("method", resolvers.CutText(r.Method)),
		slog.String("path", shownPath(r.URL.Path)),
		slog.Int("status", s.Status),
		slog.Int64("bytes", s.Bytes),
		slog.Float64("milliseconds", float64(s.Took.Microseconds())/1000),
		slog.String("viewer", resolvers.CutText(l.viewer)),
		slog.String("operation", resolvers.CutText(l.operation)),
		slog.String("requestId", apierror.RequestID(ctx)),
	}
	if l.answer != "" {
		attributes = append(attributes, slog.String("answer", l.answer), slog.Int("calls", l.spent))
	}
	if l.account != "" {
		attributes = append(attributes, slog.String("account", l.account))
	}
	if len(l.codes) > 0 {
		attributes = append(attributes, slog.Any("codes", l.codes))
	}
	if len(l.stale) > 0 {
		attributes = append(attributes, slog.Any("stale", l.stale))
	}
	if l.reason != "" {
		attributes = append(attributes, slog.String("reason", resolvers.CutText(l.reason)))
	}
	if id := trace.SpanContextFromContext(ctx).TraceID(); id.IsValid() {
		attributes = append(attributes, slog.String("traceId", id.String()))
	}
	return attributes
}

// shownPath is a path for the log. That of a delivery has a secret in it.
func shownPath(path string) string {
	if strings.HasPrefix(path, webhooksPath) {
		return webhooksPath + "…"
	}
	return resolvers.CutText(path)
}

// Routes are the paths that are served, as metrics and traces name them.
var Routes = []string{
	"/",
	"/graphql",
	"/schema.graphql",
	"/healthz",
	"/readyz",
	"/metrics",
	"/status",
	"/status.json",
	playground.Assets,
	webhooksPath,
}

// routeOf is the route of a path: one of a few, whatever clients ask for.
func routeOf(path string) string {
	switch {
	case slices.Contains(Routes, path):
		return path
	case strings.HasPrefix(path, playground.Assets):
		return playground.Assets
	case strings.HasPrefix(path, webhooksPath):
		return webhooksPath
	default:
		return "other"
	}
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int // 0 before the answer begins
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.status = cmp.Or(r.status, http.StatusOK)
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
