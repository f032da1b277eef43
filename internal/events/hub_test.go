package events_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/events"
)

var quiet = slog.New(slog.DiscardHandler)

// hub starts a hub that ends with the test.
func hub(t testing.TB, log events.Log, window int) *events.Hub {
	h := events.NewHub(events.HubOptions{Log: log, Logger: quiet, Window: window})
	t.Cleanup(h.Close)
	return h
}

// TestReady wants no subscriber to get an entry before it is ready, whether the hub passes it
// on or the subscriber reads it from the log.
func TestReady(t *testing.T) {
	log := events.NewMemory(events.Limits{}, time.Now)
	asked, goes := make(chan struct{}), make(chan struct{})
	h := events.NewHub(events.HubOptions{Log: log, Logger: quiet, Window: 2, Ready: func(ctx context.Context) error {
		select {
		case asked <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		<-goes
		return nil
	}})
	t.Cleanup(h.Close)
	follows, err := log.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	live := subscribe(t, h, "", 2)
	for n := range 3 {
		fill(t, log, n, n+1)
		<-asked
		goes <- struct{}{}
		if entry := next(t, live, 1); entry != fmt.Sprint(n) {
			t.Fatalf("got %s, want %d", entry, n)
		}
	}
	got, resumed := make(chan string), make(chan string)
	fill(t, log, 3, 4)
	go func() { got <- next(t, live, 1) }()
	go func() { resumed <- next(t, subscribe(t, h, follows, 2), 4) }() // from the log, as the window does not reach back
	<-asked
	<-asked
	select {
	case entry := <-got:
		t.Errorf("the hub passes on %s before it is ready", entry)
	case entries := <-resumed:
		t.Errorf("a subscriber reads %s before it is ready", entries)
	default:
	}
	goes <- struct{}{}
	goes <- struct{}{}
	if one, others := <-got, <-resumed; one != "3" || others != "0 1 2 3" {
		t.Errorf("then they get %s and %s, want 3 and all", one, others)
	}
	if entries := next(t, subscribe(t, h, follows, 2), 4); entries != "0 1 2 3" { // the hub has passed them on: nobody waits
		t.Errorf("got %s", entries)
	}
}

func subscribe(t testing.TB, h *events.Hub, after events.Position, bound int) *events.Subscription {
	t.Helper()
	s, err := h.Subscribe(t.Context(), after, bound)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// next returns the numbers of the next n events.
func next(t testing.TB, s *events.Subscription, n int) string {
	t.Helper()
	var all []string
	for len(all) < n {
		entries, err := s.Next(t.Context())
		if err != nil {
			t.Fatalf("after %q: %v", strings.Join(all, " "), err)
		}
		for _, e := range entries {
			all = append(all, e.Record.Local)
		}
		if at := entries[len(entries)-1].Position; at != s.Position() {
			t.Errorf("the last entry is at %q, the subscription at %q", at, s.Position())
		}
	}
	return strings.Join(all, " ")
}

// sequence writes the numbers from, …, to-1.
func sequence(from, to int) string {
	var all []string
	for n := from; n < to; n++ {
		all = append(all, fmt.Sprint(n))
	}
	return strings.Join(all, " ")
}

// TestResume: from every position of the log, whatever of it is in the window, a subscriber
// gets what is behind it, while more is appended, and each event once.
func TestResume(t *testing.T) {
	const before, during, after = 300, 40, 20
	for _, window := range []int{1, 3, 50, 1000} {
		log := events.NewMemory(events.Limits{}, time.Now)
		first := fill(t, log, 0, before)
		h := hub(t, log, window)
		now := subscribe(t, h, "", window) // the hub has begun
		at := append(first, fill(t, log, before, before+during)[1:]...)
		var wg sync.WaitGroup
		for n := 0; n < len(at); n += 7 {
			s := subscribe(t, h, at[n], window)
			if s.Position() != at[n] {
				t.Errorf("a subscription behind %d begins at %q", n, s.Position())
			}
			want := n
			wg.Go(func() {
				for want < before+during+after {
					entries, err := s.Next(t.Context())
					if errors.Is(err, events.ErrSlow) { // the window is small
						s, err = h.Subscribe(t.Context(), s.Position(), window)
					}
					if err != nil {
						t.Errorf("window %d, behind %d: %v", window, want, err)
						return
					}
					for _, e := range entries {
						if e.Record.Local != fmt.Sprint(want) {
							t.Errorf("window %d: event %s, want %d", window, e.Record.Local, want)
							return
						}
						want++
					}
				}
			})
		}
		fill(t, log, before+during, before+during+after)
		wg.Wait()
		if now.Position() != at[before] {
			t.Errorf("window %d: a subscription without a position began at %q, want %q", window, now.Position(), at[before])
		}
	}
}

// TestNow: a subscription without a position sees what comes after it, and nothing before.
func TestNow(t *testing.T) {
	log := events.NewMemory(events.Limits{}, time.Now)
	fill(t, log, 0, 5)
	s := subscribe(t, hub(t, log, 0), "", 10)
	fill(t, log, 5, 8)
	if got := next(t, s, 3); got != "5 6 7" {
		t.Errorf("got %s, want 5 6 7", got)
	}
}

// TestSlow: a subscriber that has caught up and falls behind its bound is ended, and goes on
// from its position; one who is still catching up may be as far behind as the log is long.
func TestSlow(t *testing.T) {
	for bound := range 6 {
		log := events.NewMemory(events.Limits{}, time.Now)
		at := fill(t, log, 0, 500)
		h := hub(t, log, 5)
		slow, watch := subscribe(t, h, "", bound), subscribe(t, h, "", 5)
		late := subscribe(t, h, at[0], bound)
		most := max(bound, 1) // at least one, at most the window
		for n := range most {
			fill(t, log, 500+n, 501+n)
			next(t, watch, 1)
		}
		if got := next(t, slow, most); got != sequence(500, 500+most) {
			t.Errorf("bound %d, as far behind as allowed: got %s", bound, got)
		}
		for n := range most + 1 {
			fill(t, log, 600+n, 601+n)
			next(t, watch, 1)
		}
		for range 2 { // it stays ended
			if entries, err := slow.Next(t.Context()); !errors.Is(err, events.ErrSlow) {
				t.Errorf("bound %d, one more behind: %d entries, error %v; want ErrSlow", bound, len(entries), err)
			}
		}
		again := subscribe(t, h, slow.Position(), bound)
		if got := next(t, again, most+1); got != sequence(600, 601+most) {
			t.Errorf("bound %d, resumed: got %s", bound, got)
		}
		if got, want := next(t, late, 500+most), sequence(0, 500+most); !strings.HasPrefix(got, want) {
			t.Errorf("bound %d, catching up: got %s", bound, got)
		}
	}
}

// TestGone: a position that the log cannot resume is refused, whoever asks the hub for it.
func TestGone(t *testing.T) {
	log := events.NewMemory(events.Limits{Count: 10}, time.Now)
	h := hub(t, log, 5)
	watch := subscribe(t, h, "", 5)
	var at []events.Position
	for n := range 30 {
		at = append(at, fill(t, log, n, n+1)[0])
		next(t, watch, 1)
	}
	other := last(t, events.NewMemory(events.Limits{}, time.Now))
	for _, tt := range []struct {
		after events.Position
		want  error
	}{{at[0], events.ErrGone}, {at[19], events.ErrGone}, {at[20], nil}, {at[29], nil}, {other, events.ErrGone}, {"x", events.ErrPosition}} {
		if _, err := h.Subscribe(t.Context(), tt.after, 5); !errors.Is(err, tt.want) {
			t.Errorf("position %q: error %v, want %v", tt.after, err, tt.want)
		}
	}
	late := subscribe(t, h, at[20], 5)
	next(t, late, 1)
	for n := range 200 {
		fill(t, log, 30+n, 31+n)
		next(t, watch, 1)
	}
	for err := error(nil); !errors.Is(err, events.ErrGone); {
		if _, err = late.Next(t.Context()); err != nil && !errors.Is(err, events.ErrGone) {
			t.Fatalf("trimmed while it caught up: %v, want ErrGone", err)
		}
	}
}

// TestClose: Close ends those who wait and those who come, at their positions, from which
// another hub goes on.
func TestClose(t *testing.T) {
	log := events.NewMemory(events.Limits{}, time.Now)
	h := hub(t, log, 0)
	waiting, ready := subscribe(t, h, "", 10), subscribe(t, h, "", 10)
	fill(t, log, 0, 2)
	next(t, waiting, 2)
	ended := make(chan error)
	go func() {
		_, err := waiting.Next(t.Context())
		ended <- err
	}()
	h.Close()
	if err := <-ended; !errors.Is(err, events.ErrClosed) {
		t.Errorf("who waits: %v, want ErrClosed", err)
	}
	if _, err := ready.Next(t.Context()); !errors.Is(err, events.ErrClosed) {
		t.Errorf("who has something to read: %v, want ErrClosed", err)
	}
	for _, after := range []events.Position{"", ready.Position()} {
		if _, err := h.Subscribe(t.Context(), after, 10); !errors.Is(err, events.ErrClosed) {
			t.Errorf("who comes: %v, want ErrClosed", err)
		}
	}
	h.Close()
	fill(t, log, 2, 4)
	other := hub(t, log, 0)
	for from, s := range map[int]*events.Subscription{0: ready, 2: waiting} {
		if got := next(t, subscribe(t, other, s.Position(), 10), 4-from); got != sequence(from, 4) {
			t.Errorf("at another hub: got %s, want %s", got, sequence(from, 4))
		}
	}
}

// TestNextContext: a subscription goes on after a wait that was cut short.
func TestNextContext(t *testing.T) {
	log := events.NewMemory(events.Limits{}, time.Now)
	s := subscribe(t, hub(t, log, 0), "", 10)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := s.Next(ctx)
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	fill(t, log, 0, 1)
	if got := next(t, s, 1); got != "0" {
		t.Errorf("got %s, want 0", got)
	}
}

// failing is a log that does not answer while it is away.
type failing struct {
	events.Log
	away  atomic.Bool
	tries atomic.Int64
}

var errAway = errors.New("away")

func (f *failing) try() error {
	f.tries.Add(1)
	if f.away.Load() {
		return errAway
	}
	return nil
}

func (f *failing) Read(ctx context.Context, after events.Position, limit int) ([]events.Entry, error) {
	if err := f.try(); err != nil {
		return nil, err
	}
	return f.Log.Read(ctx, after, limit)
}

func (f *failing) Last(ctx context.Context) (events.Position, error) {
	if err := f.try(); err != nil {
		return "", err
	}
	return f.Log.Last(ctx)
}

// Wait fails as a connection does that is cut.
func (f *failing) Wait(ctx context.Context, after events.Position) error {
	if err := f.Log.Wait(ctx, after); err != nil {
		return err
	}
	return f.try()
}

// TestAway: while the log does not answer, a hub asks again after bounded pauses, whoever
// comes waits, and nothing is missed. Each spell is logged once.
func TestAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		log := &failing{Log: events.NewMemory(events.Limits{}, time.Now)}
		log.away.Store(true)
		at := fill(t, log.Log, 0, 3)
		h := events.NewHub(events.HubOptions{Log: log, Logger: slog.New(slog.NewTextHandler(&said, nil)), Window: 2})
		defer h.Close()
		hour := func() {
			tries := log.tries.Load()
			time.Sleep(time.Hour)
			if tries = log.tries.Load() - tries; tries < 3600 || tries > 3700*2 {
				t.Errorf("%d attempts in an hour", tries)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if _, err := h.Subscribe(ctx, "", 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("before the log has answered: %v", err)
		}
		cancel()
		hour()
		log.away.Store(false)
		now, early := subscribe(t, h, "", 2), subscribe(t, h, at[0], 2)
		log.away.Store(true)
		got := make(chan string)
		go func() { got <- next(t, early, 5) }() // catches up
		go func() { got <- next(t, now, 2) }()
		time.Sleep(time.Second)
		fill(t, log.Log, 3, 5)
		hour()
		log.away.Store(false)
		if a, b := <-got, <-got; a != "0 1 2 3 4" && b != "0 1 2 3 4" || a != "3 4" && b != "3 4" {
			t.Errorf("got %q and %q", a, b)
		}
		synctest.Wait()
		if n := strings.Count(said.String(), "WARN"); n != 2 || strings.Count(said.String(), "INFO") != n {
			t.Errorf("two spells are logged as\n%s", said.String())
		}
	})
}

// TestSubscriberCost: ten thousand subscribers who wait take at most 2 KB each of the heap,
// and no goroutine beside their own.
func TestSubscriberCost(t *testing.T) {
	const size = 10_000
	log := events.NewMemory(events.Limits{}, time.Now)
	at := fill(t, log, 0, 300)
	h := hub(t, log, 0)
	subscribe(t, h, "", 1)
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	subscriptions := make([]*events.Subscription, size)
	goroutines, before := runtime.NumGoroutine(), heap()
	for i := range subscriptions {
		after := events.Position("")
		if i%2 == 0 {
			after = at[len(at)-1-i%3]
		}
		subscriptions[i] = subscribe(t, h, after, 100)
		if i%2 == 0 && i%3 > 0 {
			next(t, subscriptions[i], i%3)
		}
	}
	if got := runtime.NumGoroutine(); got != goroutines {
		t.Errorf("%d goroutines for %d subscriptions", got-goroutines, size)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg, begun sync.WaitGroup
	begun.Add(size)
	for _, s := range subscriptions {
		wg.Go(func() {
			begun.Done()
			if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Next: %v", err)
			}
		})
	}
	begun.Wait()
	each := (int64(heap()) - int64(before)) / size
	t.Logf("%d bytes of the heap for each waiting subscriber, its own goroutine's stack aside", each)
	if each > 2048 {
		t.Errorf("%d bytes each, want at most 2048", each)
	}
	cancel()
	wg.Wait()
	runtime.KeepAlive(subscriptions)
}
