// Package eventstest holds the suite that every [events.Log] passes.
package eventstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/providers"
)

// Open makes an empty log by a clock.
type Open func(t *testing.T, limits events.Limits, now func() time.Time) events.Log

// Run proves that a log keeps the contract of [events.Log].
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"order": order, "values": values, "refusals": refusals, "once": once, "race of a key": races,
		"positions": positions, "another log": another, "limits": limits, "clock goes back": clockBack,
		"wait": wait, "writers": writers, "canceled": canceled,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

// Event makes an event that says its number.
func Event(n int) events.Event {
	return events.Event{
		Record: providers.ID{Account: "acme", Noun: providers.NounCommission, Local: fmt.Sprint(n)},
		Kind:   providers.Updated, At: start, Source: events.Webhook,
	}
}

var start = time.Date(2026, 3, 4, 5, 6, 7, 123456789, time.UTC)

// clock is a clock that a test moves.
type clock struct{ since atomic.Int64 }

func (c *clock) now() time.Time          { return start.Add(time.Duration(c.since.Load())) }
func (c *clock) advance(d time.Duration) { c.since.Add(int64(d)) }

// log is a log under test. Its calls fail the test where they fail.
type log struct {
	*testing.T
	events.Log
	*clock
}

func newLog(t *testing.T, open Open, limits events.Limits) log {
	c := &clock{}
	return log{t, open(t, limits, c.now), c}
}

func (l log) append(once events.Once, all ...events.Event) bool {
	l.Helper()
	done, err := l.Append(l.Context(), once, all...)
	if err != nil {
		l.Fatalf("Append: %v", err)
	}
	return done
}

// fill appends the events of these numbers one by one, and returns the position before the
// first and that behind each.
func (l log) fill(from, to int) []events.Position {
	l.Helper()
	at := []events.Position{l.last()}
	for n := from; n < to; n++ {
		l.append(events.Once{}, Event(n))
		at = append(at, l.last())
	}
	return at
}

func (l log) last() events.Position {
	l.Helper()
	last, err := l.Last(l.Context())
	if err != nil {
		l.Fatalf("Last: %v", err)
	}
	return last
}

func (l log) read(after events.Position, limit int) []events.Entry {
	l.Helper()
	entries, err := l.Read(l.Context(), after, limit)
	if err != nil {
		l.Fatalf("Read: %v", err)
	}
	return entries
}

// wantGone wants a position to be refused by Read and Wait.
func (l log) wantError(what string, after events.Position, want ...error) {
	l.Helper()
	refused := func(err error) bool {
		return slices.ContainsFunc(want, func(w error) bool { return errors.Is(err, w) })
	}
	if entries, err := l.Read(l.Context(), after, 10); !refused(err) {
		l.Errorf("%s: Read gave %d entries and error %v, want %v", what, len(entries), err, want)
	}
	ctx, cancel := context.WithTimeout(l.Context(), 10*time.Second)
	defer cancel()
	if err := l.Wait(ctx, after); !refused(err) {
		l.Errorf("%s: Wait gave error %v, want %v", what, err, want)
	}
}

func numbers(entries []events.Entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Record.Local)
	}
	return strings.Join(all, " ")
}

// order: all readers see the order of appending, in pages of any size.
func order(t *testing.T, open Open) {
	l := newLog(t, open, events.Limits{})
	begin := l.last()
	if got := l.read(begin, 10); len(got) != 0 {
		t.Errorf("an empty log has %s", numbers(got))
	}
	l.append(events.Once{}, Event(1), Event(2), Event(3))
	l.advance(time.Second)
	l.append(events.Once{}, Event(4))
	l.append(events.Once{}, Event(5), Event(6))
	const want = "1 2 3 4 5 6"
	for limit := range 8 {
		var all []events.Entry
		for after := begin; ; after = all[len(all)-1].Position {
			page := l.read(after, limit)
			if len(page) > max(limit, 1) {
				t.Fatalf("%d entries, want at most %d", len(page), limit)
			}
			if all = append(all, page...); len(page) == 0 {
				break
			}
		}
		if got := numbers(all); got != want {
			t.Errorf("in pages of %d: %s, want %s", limit, got, want)
		}
		if got := all[5].Position; got != l.last() {
			t.Errorf("the last entry is at %q, Last is %q", got, l.last())
		}
	}
}

// values: each member comes back, times with their nanoseconds.
func values(t *testing.T, open Open) {
	l := newLog(t, open, events.Limits{})
	var want []events.Event
	for i, noun := range providers.Nouns {
		for _, kind := range []providers.ChangeKind{providers.Created, providers.Updated, providers.Deleted, "RENAMED"} {
			e := Event(i)
			e.Record = providers.ID{Account: "a-1", Noun: noun, Local: "~/é\n\x00\xff"}
			e.Kind, e.At = kind, start.Add(time.Duration(-i)*1000*time.Hour)
			if i%2 == 0 {
				e.Owner = providers.ID{Account: "a-1", Noun: providers.NounAffiliate, Local: "1~2"}
			}
			e.Source = []events.Source{events.Webhook, events.Sweep, events.Write, ""}[i%4]
			want = append(want, e)
		}
	}
	begin := l.last()
	l.append(events.Once{}, want...)
	var got []events.Event
	for _, e := range l.read(begin, 100) {
		got = append(got, e.Event)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// refusals: what cannot be kept is refused, with all that comes with it, and its key stays
// free.
func refusals(t *testing.T, open Open) {
	l := newLog(t, open, events.Limits{})
	begin := l.last()
	change := func(do func(*events.Event)) events.Event {
		e := Event(2)
		do(&e)
		return e
	}
	key := events.Once{Key: "k", For: time.Hour}
	for name, tt := range map[string]struct {
		once events.Once
		all  []events.Event
	}{
		"no events":           {key, nil},
		"too many":            {key, make([]events.Event, events.MaxAppend+1)},
		"no record":           {key, []events.Event{Event(1), change(func(e *events.Event) { e.Record = providers.ID{} })}},
		"no such noun":        {key, []events.Event{Event(1), change(func(e *events.Event) { e.Record.Noun = "Cat" })}},
		"no such owner":       {key, []events.Event{Event(1), change(func(e *events.Event) { e.Owner.Account = "acme" })}},
		"no kind":             {key, []events.Event{Event(1), change(func(e *events.Event) { e.Kind = "" })}},
		"no time":             {key, []events.Event{Event(1), change(func(e *events.Event) { e.At = time.Time{} })}},
		"a time out of range": {key, []events.Event{Event(1), change(func(e *events.Event) { e.At = time.Unix(1<<40, 0) })}},
		"too large": {
			key, []events.Event{Event(1), change(func(e *events.Event) { e.Record.Local = strings.Repeat("x", 5000) })},
		},
		"a key for no time": {events.Once{Key: "k"}, []events.Event{Event(1)}},
	} {
		if done, err := l.Append(t.Context(), tt.once, tt.all...); done || err == nil {
			t.Errorf("%s: appended %t, error %v; want an error", name, done, err)
		}
	}
	if got := l.read(begin, 10); len(got) != 0 {
		t.Errorf("refused, and in the log: %s", numbers(got))
	}
	if !l.append(key, Event(1)) {
		t.Error("a refused Append took its key")
	}
}

// once: a key is appended once in its time, which a repetition does not prolong.
func once(t *testing.T, open Open) {
	l := newLog(t, open, events.Limits{Count: 2})
	begin := l.last()
	a, b := events.Once{Key: "a", For: time.Minute}, events.Once{Key: "b", For: time.Hour}
	for i, step := range []struct {
		key     events.Once
		advance time.Duration
		want    bool
	}{
		{a, 0, true}, {a, 0, false}, {b, 0, true}, {events.Once{}, 0, true}, {events.Once{}, 0, true},
		{a, time.Minute - time.Millisecond, false}, {a, time.Millisecond, true}, {b, 0, false},
		{a, time.Minute - time.Millisecond, false}, {b, 0, false}, {a, time.Hour, true}, {b, 0, true},
	} {
		l.advance(step.advance)
		before := l.last()
		if got := l.append(step.key, Event(i)); got != step.want {
			t.Errorf("step %d: appended %t, want %t", i, got, step.want)
		}
		if moved := l.last() != before; moved != step.want {
			t.Errorf("step %d: the log moved %t, want %t", i, moved, step.want)
		}
	}
	l.wantError("trimmed", begin, events.ErrGone)
}

// races: of those who append a key at once, one does.
func races(t *testing.T, open Open) {
	l := newLog(t, open, events.Limits{})
	begin := l.last()
	for round := range 5 {
		var done atomic.Int32
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				ok, err := l.Append(context.Background(), events.Once{Key: fmt.Sprint(round), For: time.Hour}, Event(n), Event(n))
				if err != nil {
					t.Errorf("Append: %v", err)
				}
				if ok {
					done.Add(1)
				}
			})
		}
		wg.Wait()
		if got := len(l.read(begin, 100)); done.Load() != 1 || got != 2*(round+1) {
			t.Fatalf("%d of 8 appended, %d entries; want 1 and %d", done.Load(), got, 2*(round+1))
		}
	}
}

// positions: what is no position is refused, whatever of it was altered.
func positions(t *testing.T, open Open) {
	l := newLog(t, open, events.Limits{})
	at := l.fill(0, 3)
	for _, bad := range []events.Position{"", "x", "0", "$", "0-0", "AAAA", events.Position(strings.Repeat("A", 10_000))} {
		l.wantError(fmt.Sprintf("%.10q", bad), bad, events.ErrPosition)
	}
	for i := range at[1] {
		for _, c := range []string{"", "A", "B", "\n", "=", "AA"} {
			text := at[1][:i] + events.Position(c) + at[1][i+1:]
			if text == at[1] {
				continue
			}
			if _, err := l.Read(t.Context(), text, 1); !errors.Is(err, events.ErrPosition) {
				t.Errorf("%q, altered to %q: error %v, want ErrPosition", at[1], text, err)
			}
		}
	}
}

// another: a position of another log is never read.
func another(t *testing.T, open Open) {
	at := newLog(t, open, events.Limits{}).fill(0, 3)
	l := newLog(t, open, events.Limits{})
	for i := range 5 {
		for n, position := range at {
			l.wantError(fmt.Sprintf("position %d of another log, with %d events here", n, i), position, events.ErrGone, events.ErrPosition)
		}
		l.append(events.Once{}, Event(i))
	}
}

// limits: what is beyond a limit is dropped, oldest first, and only who would miss
// something is told.
func limits(t *testing.T, open Open) {
	probe := newLog(t, open, events.Limits{Bytes: 1 << 20})
	probe.append(events.Once{}, Event(10))
	const age, step = time.Minute, 20 * time.Second
	for name, tt := range map[string]struct {
		limits  events.Limits
		advance time.Duration // between two events
		kept    int
	}{
		"none":          {events.Limits{}, step, 30},
		"count":         {events.Limits{Count: 7, Age: time.Hour}, 0, 7},
		"count of one":  {events.Limits{Count: 1}, step, 1},
		"age":           {events.Limits{Age: age, Count: 1000}, step, 4}, // the oldest is exactly a minute old
		"all at once":   {events.Limits{Age: age, Count: 5, Bytes: 1 << 20}, step, 4},
		"bytes":         {events.Limits{Bytes: 400}, 0, -1},
		"a single byte": {events.Limits{Bytes: 1}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t, open, tt.limits)
			const total = 30
			at := []events.Position{l.last()}
			for n := range total {
				if n > 0 {
					l.advance(tt.advance)
				}
				l.append(events.Once{}, Event(10+n))
				at = append(at, l.last())
			}
			kept := tt.kept
			if kept < 0 {
				for kept = 0; ; kept++ { // as many as can be read
					if _, err := l.Read(t.Context(), at[total-kept-1], 1); err != nil {
						break
					}
				}
				if kept < 4 || kept > 12 {
					t.Errorf("%d events of %d bytes are kept", kept, tt.limits.Bytes)
				}
			}
			for i, after := range at {
				if i < total-kept {
					l.wantError(fmt.Sprintf("behind %d", i), after, events.ErrGone)
				} else if got := len(l.read(after, 100)); got != total-i {
					t.Errorf("behind %d: %d entries, want %d", i, got, total-i)
				}
			}
			l.advance(365 * 24 * time.Hour)
			l.append(events.Once{}, Event(50), Event(51))
			if tt.limits.Age > 0 && tt.kept > 2 {
				l.wantError("a year ago", at[total-1], events.ErrGone)
				if got := numbers(l.read(at[total], 10)); got != "50 51" {
					t.Errorf("from the end of what was dropped: %s, want 50 51", got)
				}
			}
		})
	}
}

// clockBack: the order is that of appending, also where the clock was set back.
func clockBack(t *testing.T, open Open) {
	l := newLog(t, open, events.Limits{})
	begin := l.last()
	for n := range 4 {
		l.append(events.Once{}, Event(n))
		l.advance(-time.Hour)
	}
	if got := numbers(l.read(begin, 10)); got != "0 1 2 3" {
		t.Errorf("got %s, want 0 1 2 3", got)
	}
}

// wait: who waits is woken by the next event, and by the end of its context.
func wait(t *testing.T, open Open) {
	l := newLog(t, open, events.Limits{})
	at := l.fill(0, 2)
	if err := l.Wait(t.Context(), at[0]); err != nil {
		t.Errorf("there is something already: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := l.Wait(context.Background(), at[2]); err != nil {
				t.Errorf("Wait: %v", err)
			}
			if got := numbers(l.read(at[2], 10)); got != "2" {
				t.Errorf("after Wait: %s, want 2", got)
			}
		})
	}
	wg.Go(func() {
		if err := l.Wait(ctx, events.Position(at[2])); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Wait: %v", err)
		}
	})
	l.append(events.Once{}, Event(2))
	cancel()
	wg.Wait()
	if err := l.Wait(ctx, l.last()); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait without a context: %v", err)
	}
}

// writers: several writers and readers at once see one order, and each writer's.
func writers(t *testing.T, open Open) {
	l := newLog(t, open, events.Limits{})
	const size, each = 4, 25
	begin := l.last()
	var wg sync.WaitGroup
	for w := range size {
		wg.Go(func() {
			for n := range each {
				if _, err := l.Append(context.Background(), events.Once{}, Event(1000*w+2*n), Event(1000*w+2*n+1)); err != nil {
					t.Errorf("Append: %v", err)
				}
			}
		})
	}
	seen := make([][]events.Entry, 3)
	for r := range seen {
		wg.Go(func() {
			for after := begin; len(seen[r]) < 2*size*each; after = seen[r][len(seen[r])-1].Position {
				if err := l.Wait(t.Context(), after); err != nil {
					t.Errorf("Wait: %v", err)
					return
				}
				page, err := l.Read(t.Context(), after, 1+r*7)
				if err != nil || len(page) == 0 {
					t.Errorf("Read: %d entries, error %v", len(page), err)
					return
				}
				seen[r] = append(seen[r], page...)
			}
		})
	}
	wg.Wait()
	for r := range seen {
		if d := cmp.Diff(seen[0], seen[r]); d != "" {
			t.Fatalf("two readers saw different orders:\n%s", d)
		}
	}
	next := map[int]int{}
	for i, e := range seen[0] {
		var n int
		fmt.Sscan(e.Record.Local, &n)
		if want := next[n/1000]; n%1000 != want || want%2 == 1 && seen[0][i-1].Record.Local != fmt.Sprint(n-1) {
			t.Fatalf("entry %d is %d, want the %dth of its writer, and pairs together", i, n, want)
		}
		next[n/1000]++
	}
}

// canceled: nothing is done for a context that has ended.
func canceled(t *testing.T, open Open) {
	l := newLog(t, open, events.Limits{})
	at := l.fill(0, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if done, err := l.Append(ctx, events.Once{}, Event(1)); done || err == nil {
		t.Errorf("Append: %t, %v", done, err)
	}
	_, err := l.Read(ctx, at[0], 1)
	_, lastErr := l.Last(ctx)
	for call, err := range map[string]error{"Read": err, "Last": lastErr, "Wait": l.Wait(ctx, at[0])} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want the context's", call, err)
		}
	}
	if l.last() != at[1] {
		t.Error("something was appended")
	}
}
