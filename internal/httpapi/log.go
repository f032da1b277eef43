package httpapi

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/internal/apierror"
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

// line is what the log line of a request says besides what HTTP tells.
type line struct {
	mu        sync.Mutex
	viewer    string
	operation string
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

// logged writes one line for each request: neither its query string nor its body, which may
// hold e-mail addresses.
func logged(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, l, rec := time.Now(), &line{}, &recorder{ResponseWriter: w}
		ctx := context.WithValue(r.Context(), lineKey{}, l)
		defer func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			log.LogAttrs(
				ctx,
				slog.LevelInfo,
				"request",
				slog.String(
					"method",
					resolvers.CutText(r.Method),
				),
				slog.String("path", resolvers.CutText(r.URL.Path)),
				slog.Int("status", cmp.Or(rec.status, http.StatusOK)),
				slog.Int64("bytes", rec.bytes),
				slog.Float64("milliseconds", float64(time.Since(start).Microseconds())/1000),
				slog.String("viewer", resolvers.CutText(l.viewer)),
				slog.String("operation", resolvers.CutText(l.operation)),
				slog.String("requestId", apierror.RequestID(ctx)),
			)
		}()
		next.ServeHTTP(rec, r.WithContext(ctx))
	})
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
