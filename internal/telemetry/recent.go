package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/internal/ledger"
)

// How much the status page shows at most.
const (
	maxLines   = 20
	maxUnknown = 100
)

// Line is a line of the log, at WARN or above.
type Line struct {
	At         time.Time         `json:"at"`
	Level      string            `json:"level"`
	Message    string            `json:"message"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// lastLines are the last lines of the log. It is safe for concurrent use.
type lastLines struct {
	mu    sync.Mutex
	lines []Line // the newest last
}

func (l *lastLines) add(line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == maxLines {
		l.lines = slices.Delete(l.lines, 0, 1)
	}
	l.lines = append(l.lines, line)
}

// newest are the lines, the newest first.
func (l *lastLines) newest() []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := append([]Line{}, l.lines...) // never nil, which JSON has as null
	slices.Reverse(lines)
	return lines
}

// Log is a handler that also keeps the last lines at WARN and above for the status page.
func (m *Metrics) Log(next slog.Handler) slog.Handler { return lineKeeper{next, &m.lines, nil} }

// lineKeeper keeps lines, and hands them on.
type lineKeeper struct {
	slog.Handler
	kept       *lastLines
	attributes []slog.Attr
}

// Enabled is true for what is kept, too.
func (k lineKeeper) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || k.Handler.Enabled(ctx, level)
}

// Handle keeps a line, and hands it on.
func (k lineKeeper) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		line := Line{At: r.Time, Level: r.Level.String(), Message: r.Message, Attributes: map[string]string{}}
		add := func(a slog.Attr) bool {
			if a.Key != "stack" {
				line.Attributes[a.Key] = fmt.Sprint(a.Value)
			}
			return true
		}
		for _, a := range k.attributes {
			add(a)
		}
		r.Attrs(add)
		k.kept.add(line)
	}
	if !k.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return k.Handler.Handle(ctx, r)
}

// WithAttrs is the handler for lines with these attributes.
func (k lineKeeper) WithAttrs(attrs []slog.Attr) slog.Handler {
	return lineKeeper{k.Handler.WithAttrs(attrs), k.kept, append(slices.Clone(k.attributes), attrs...)}
}

// WithGroup is the handler for lines in a group, which the status page does not show.
func (k lineKeeper) WithGroup(name string) slog.Handler {
	return lineKeeper{k.Handler.WithGroup(name), k.kept, k.attributes}
}

// UnknownWrite is a write whose outcome nobody knows yet, or ever will.
type UnknownWrite struct {
	At       time.Time `json:"at"`
	Account  string    `json:"account"`
	Mutation string    `json:"mutation"`
	Key      string    `json:"key"`  // the beginning of the hash of the idempotency key, as in the log
	Look     string    `json:"look"` // what a person looks at
}

// unknownWrites are those that this process has met and not seen settled. It is safe for
// concurrent use.
type unknownWrites struct {
	mu     sync.Mutex
	writes []UnknownWrite // the newest last
}

// note keeps an unknown write, and drops one that is settled.
func (u *unknownWrites) note(a ledger.Audit) {
	if a.Outcome == ledger.OutcomeNotSent {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.writes = slices.DeleteFunc(u.writes, func(w UnknownWrite) bool { return w.Key == a.Key && w.Account == a.Account })
	if a.Outcome != ledger.OutcomeUnknown {
		return
	}
	if len(u.writes) == maxUnknown {
		u.writes = slices.Delete(u.writes, 0, 1)
	}
	u.writes = append(u.writes, UnknownWrite{time.Now(), a.Account, string(a.Mutation), a.Key, a.Look})
}

// newest are the writes, the newest first.
func (u *unknownWrites) newest() []UnknownWrite {
	u.mu.Lock()
	defer u.mu.Unlock()
	writes := append([]UnknownWrite{}, u.writes...) // never nil, which JSON has as null
	slices.Reverse(writes)
	return writes
}
