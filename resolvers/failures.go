package resolvers

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/providers"
)

const (
	// maxLogged is how many bytes of a text that clients choose a log line has.
	maxLogged = 200
	// maxLoggedError is how many bytes of an error a log line has: vendors' words may be longer.
	maxLoggedError = 1 << 10
)

// CutText is the beginning of a text that clients choose, for the log.
func CutText(text string) string { return cutAfter(maxLogged, text) }

func cutAfter(max int, text string) string {
	if len(text) <= max {
		return text
	}
	return strings.ToValidUTF8(text[:max], "") + "…"
}

// failure is what failures of one operation have in common that are one line in the log.
type failure struct {
	level       slog.Level
	message     string
	account, op string
	kind        providers.Kind
}

// failures are those of one operation: a client decides how many fields fail for one reason.
type failures struct {
	mu    sync.Mutex
	lines map[failure]*failureLine
}

// failureLine is a line of the log: the first failure, and how many there were.
type failureLine struct {
	attrs []slog.Attr
	count int
}

type failuresKey struct{}

// logFailure logs a failure: with others of its operation when that ends, and at once
// outside of one.
func (r *Resolver) logFailure(ctx context.Context, f failure, path ast.Path, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("path", CutText(path.String())), slog.String("requestId", apierror.RequestID(ctx)))
	all, ok := ctx.Value(failuresKey{}).(*failures)
	if !ok {
		r.log.LogAttrs(ctx, f.level, f.message, attrs...)
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	line := all.lines[f]
	if line == nil {
		if all.lines == nil {
			all.lines = map[failure]*failureLine{}
		}
		line = &failureLine{attrs: attrs}
		all.lines[f] = line
	}
	line.count++
}

// logFailures logs the failures of an operation that ended.
func (r *Resolver) logFailures(ctx context.Context) {
	all, ok := ctx.Value(failuresKey{}).(*failures)
	if !ok {
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	for f, line := range all.lines {
		r.log.LogAttrs(ctx, f.level, f.message, append(line.attrs, slog.Int("count", line.count))...)
	}
	all.lines = nil
}
