package wire

import (
	"log/slog"
	"sync"
)

// Log reports what was odd in an account's replies, each kind once. It is safe for
// concurrent use.
type Log struct {
	logger  *slog.Logger
	account string

	mu   sync.Mutex
	seen map[string]bool
}

// maxSeen bounds what a log remembers; further kinds are not reported.
const maxSeen = 1000

// NewLog makes the log of an account.
func NewLog(logger *slog.Logger, account string) *Log {
	return &Log{logger: logger, account: account, seen: map[string]bool{}}
}

// Odd reports oddities of an operation's reply.
func (l *Log) Odd(op string, odd []Oddity) {
	for _, o := range odd {
		if l.first(op + "\x00" + o.Field + "\x00" + o.Form) {
			l.logger.Warn("the vendor sent a value of an unexpected form; the field is empty",
				slog.String("account", l.account), slog.String("operation", op), slog.String("field", o.Field), slog.String("form", o.Form))
		}
	}
}

// Unread reports that rows of an operation's reply could not be read.
func (l *Log) Unread(op string, rows int) {
	if rows > 0 && l.first(op+"\x00unread") {
		l.logger.Warn("the vendor sent rows without a usable id; they are left out",
			slog.String("account", l.account), slog.String("operation", op), slog.Int("rows", rows))
	}
}

// Page reports that a page of an operation had more rows than were asked for.
func (l *Log) Page(op string, rows, asked int) {
	if rows > asked && l.first(op+"\x00page") {
		l.logger.Warn("the vendor sent more rows than were asked for; all are read",
			slog.String("account", l.account), slog.String("operation", op), slog.Int("rows", rows), slog.Int("asked", asked))
	}
}

func (l *Log) first(kind string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[kind] || len(l.seen) >= maxSeen {
		return false
	}
	l.seen[kind] = true
	return true
}
