package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a ledger in a bubble of time, and the vendor behind it.
type bench struct {
	*testing.T
	*vendor
	store  *ledger.Memory
	ledger *ledger.Ledger
}

// in runs a test in a bubble of time.
func in(t *testing.T, name string, test func(b bench)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := ledger.NewMemory(time.Now)
			test(bench{t, newVendor(), s, open(s)})
		})
	})
}

// made wants an outcome without problems.
func (b bench) made(c providers.Command, replayed bool) {
	b.Helper()
	out, err := b.ledger.Do(b.Context(), request(b.vendor, c))
	if err != nil {
		b.Fatalf("error %v, want an outcome", err)
	}
	if want := written(event(c)).ID; out.ID != want || out.Replayed != replayed || len(out.Problems) > 0 || (out.Written == nil) != replayed {
		b.Errorf("got %+v; want %v, replayed %t", out, want, replayed)
	}
}

// unknown wants that nobody knows, and when to ask again.
func (b bench) unknown(c providers.Command, after time.Duration) {
	b.Helper()
	_, err := b.ledger.Do(b.Context(), request(b.vendor, c))
	u, ok := errors.AsType[*ledger.Unknown](err)
	if !ok {
		b.Fatalf("error %v, want Unknown", err)
	}
	if u.RetryAfter != after {
		b.Errorf("ask again after %v, want %v", u.RetryAfter, after)
	}
}

// fails wants an error.
func (b bench) fails(c providers.Command, want error) {
	b.Helper()
	if out, err := b.ledger.Do(b.Context(), request(b.vendor, c)); !errors.Is(err, want) {
		b.Errorf("got %+v, error %v; want %v", out, err, want)
	}
}

func TestOnce(t *testing.T) {
	in(t, "an outcome is replayed as long as it is kept", func(b bench) {
		c := command("key-0001", "1", "ev")
		b.made(c, false)
		b.made(c, true)
		time.Sleep(keep - time.Second)
		b.made(c, true)
		b.wants(b.T, 1, 1, "ev")
		time.Sleep(time.Second)
		b.made(c, false)
	})
	in(t, "another input under the same key is a conflict", func(b bench) {
		b.made(command("key-0001", "1", "ev"), false)
		b.fails(command("key-0001", "2", "ev"), ledger.ErrConflict)
		b.fails(command("key-0001", "1", "other"), ledger.ErrConflict)
		b.wants(b.T, 1, 1, "ev")
	})
	in(t, "a key is the subject's own", func(b bench) {
		b.made(command("key-0001", "1", "ev"), false)
		r := request(b.vendor, command("key-0001", "1", "ev2"))
		r.Subject = "robin"
		if out, err := b.ledger.Do(b.Context(), r); err != nil || out.Replayed {
			b.Errorf("got %+v, %v; want a write", out, err)
		}
	})
	in(t, "problems of planning send nothing, and free the key", func(b bench) {
		b.plan = providers.Problemf(providers.ProblemTaken, "eventId", "taken")
		out, err := b.ledger.Do(b.Context(), request(b.vendor, command("key-0001", "1", "ev")))
		if err != nil || len(out.Problems) != 1 {
			b.Fatalf("got %+v, %v; want one problem", out, err)
		}
		b.plan = nil
		b.made(command("key-0001", "1", "other"), false)
		b.wants(b.T, 1, 0, "ev")
	})
	in(t, "an error of planning sends nothing, and frees the key", func(b bench) {
		b.plan = cut(true)
		b.fails(command("key-0001", "1", "ev"), b.plan)
		b.plan = nil
		b.made(command("key-0001", "1", "ev"), false)
		b.wants(b.T, 1, 1, "ev")
	})
}

func TestRefusals(t *testing.T) {
	problem := func(code providers.ProblemCode, field, text string) providers.Problems {
		return providers.Problemf(code, field, "%s", text)
	}
	for name, tt := range map[string]struct {
		err  providers.Error
		want providers.Problems
	}{
		"a field is invalid":       {providers.Error{Kind: providers.KindInvalid, Refused: true, Fields: map[string][]string{"event_id": {"is odd: dana@example.com"}}}, problem(providers.ProblemInvalid, "eventId", "the vendor does not accept this")},
		"a field is taken":         {providers.Error{Kind: providers.KindInvalid, Refused: true, Fields: map[string][]string{"event_id": {"has already been taken"}}}, problem(providers.ProblemTaken, "eventId", "the vendor says that another record has this already")},
		"a field of another name":  {providers.Error{Kind: providers.KindInvalid, Refused: true, Fields: map[string][]string{"x": {"is odd"}}}, problem(providers.ProblemInvalid, "", "the vendor does not accept this")},
		"a record is not there":    {providers.Error{Kind: providers.KindNotFound, Refused: true}, problem(providers.ProblemNotFound, "", "the vendor does not have this record")},
		"it conflicts":             {providers.Error{Kind: providers.KindConflict, Refused: true}, problem(providers.ProblemConflict, "", "the vendor says that this does not agree with what is there")},
		"a batch says it in words": {providers.Error{}, problem(providers.ProblemWrongState, "id", "it is archived")},
	} {
		in(t, name, func(b bench) {
			b.sends(func(func()) error {
				if tt.err.Kind == "" {
					return tt.want
				}
				return &tt.err
			})
			for _, replayed := range []bool{false, true} {
				out, err := b.ledger.Do(b.Context(), request(b.vendor, command("key-0001", "1", "ev")))
				if err != nil || out.Replayed != replayed {
					b.Fatalf("got %+v, %v; want problems, replayed %t", out, err, replayed)
				}
				if diff := cmp.Diff(tt.want, out.Problems); diff != "" {
					b.Errorf("(-want +got)\n%s", diff)
				}
			}
			b.wants(b.T, 1, 0, "ev")
		})
	}
	for name, err := range map[string]error{
		"not sent":         cut(false),
		"refused key":      &providers.Error{Kind: providers.KindUnauthorized, Refused: true},
		"over the limit":   &providers.Error{Kind: providers.KindRateLimited, Refused: true},
		"no place in time": &providers.Error{Kind: providers.KindRateLimited, Unsent: true},
	} {
		in(t, name+": nothing happened, and the key is free", func(b bench) {
			b.sends(func(func()) error { return err })
			b.fails(command("key-0001", "1", "ev"), err)
			b.sends(answered)
			b.made(command("key-0001", "1", "ev"), false)
			b.wants(b.T, 2, 1, "ev")
		})
	}
}

// TestOnlyProofSettles: whatever the kind of an error, it settles nothing unless the client
// of the vendors says that the request was not sent, or that its reply was a documented
// refusal.
func TestOnlyProofSettles(t *testing.T) {
	for _, kind := range []providers.Kind{
		providers.KindUnknown, providers.KindUnauthorized, providers.KindNotFound, providers.KindInvalid, providers.KindConflict, providers.KindRateLimited,
		providers.KindUnavailable, providers.KindBadReply, providers.KindUnsupported, providers.KindCanceled, providers.KindAllowance,
	} {
		for _, status := range []int{0, 200, 403, 404, 422, 503} {
			in(t, fmt.Sprintf("%s, status %d", kind, status), func(b bench) {
				b.sends(func(do func()) error { do(); return &providers.Error{Kind: kind, Status: status} })
				b.unknown(command("key-0001", "1", "ev"), settle)
				time.Sleep(settle)
				b.made(command("key-0001", "1", "ev"), false)
				b.wants(b.T, 1, 1, "ev")
			})
		}
	}
}

// TestCallsOfWrites: planning, sending and looking take their calls from the allowance of
// the request, which all its writes share. A write that may not have the calls to settle it
// is not sent, and leaves nothing; one that was sent is found out by a later request, also
// where this one cannot.
func TestCallsOfWrites(t *testing.T) {
	const reads = 3 // of planning, and of looking
	in(t, "the calls of a request", func(b bench) {
		calls := 0
		b.reads = func(ctx context.Context, what string) {
			n := reads
			if what == "send" {
				n = 1
			}
			for range n {
				if providers.AllowanceFrom(ctx).Take("shop") {
					calls++
				} else if what == "look" {
					b.vendor.look = providers.ErrAllowance
				}
			}
		}
		do := func(ctx context.Context, key, event string) error {
			_, err := b.ledger.Do(ctx, request(b.vendor, command(key, "1", event)))
			return err
		}
		for left := range 2*(reads+ledger.SendCalls) + 1 {
			ctx, before := providers.WithAllowance(b.Context(), left), calls
			sent := 0
			for n := range 4 {
				had := providers.AllowanceFrom(ctx).Left("shop")
				switch err := do(ctx, fmt.Sprintf("key-%d-%d", left, n), fmt.Sprint(left, n)); {
				case err == nil:
					sent++
				case !errors.Is(err, ledger.ErrReads) || errors.As(err, new(*ledger.Unknown)):
					b.Errorf("%d left: %v", had, err)
				case had >= reads+ledger.SendCalls:
					b.Errorf("%d left are not enough: %v", had, err)
				}
			}
			if want := max(0, (left-reads-ledger.SendCalls+reads+1)/(reads+1)); sent != want || b.posts != want {
				b.Errorf("%d calls: %d writes are made, and %d sent; want %d", left, sent, b.posts, want)
			}
			if calls-before > left {
				b.Errorf("%d calls of %d", calls-before, left)
			}
			for n := range 4 { // what was not sent is sent by another request
				if err := do(b.Context(), fmt.Sprintf("key-%d-%d", left, n), fmt.Sprint(left, n)); err != nil {
					b.Error(err)
				}
				b.wants(b.T, b.posts, 1, fmt.Sprint(left, n))
			}
			b.posts = 0
		}
		b.sends(cutAfter)
		if err := do(b.Context(), "key-0001", "ev"); !errors.As(err, new(*ledger.Unknown)) {
			b.Errorf("got %v", err)
		}
		time.Sleep(settle)
		if err := do(providers.WithAllowance(b.Context(), reads-1), "key-0001", "ev"); !errors.As(err, new(*ledger.Unknown)) || !errors.Is(err, ledger.ErrReads) {
			b.Errorf("a look without calls: %v", err)
		}
		b.vendor.look = nil
		if err := do(providers.WithAllowance(b.Context(), reads), "key-0001", "ev"); err != nil {
			b.Errorf("a look: %v", err)
		}
		b.wants(b.T, 1, 1, "ev")
	})
}

func TestUnknown(t *testing.T) {
	in(t, "made, and nobody said so: found out after the settling time", func(b bench) {
		c := command("key-0001", "1", "ev")
		b.sends(cutAfter)
		b.unknown(c, settle)
		time.Sleep(5 * time.Second)
		b.unknown(c, settle-5*time.Second)
		time.Sleep(settle - 5*time.Second)
		b.made(c, false) // found: what it wrote is told
		b.made(c, true)
		b.wants(b.T, 1, 1, "ev")
	})
	in(t, "not made: sent anew under the same key", func(b bench) {
		c := command("key-0001", "1", "ev")
		b.sends(cutBefore)
		b.unknown(c, settle)
		b.sends(answered)
		time.Sleep(settle)
		b.made(c, false)
		b.wants(b.T, 2, 1, "ev")
	})
	in(t, "it lands late, within the settling time", func(b bench) {
		c := command("key-0001", "1", "ev")
		b.sends(func(do func()) error { go func() { time.Sleep(settle - time.Second); do() }(); return cut(true) })
		b.unknown(c, settle)
		time.Sleep(settle)
		b.made(c, false)
		b.wants(b.T, 1, 1, "ev")
	})
	in(t, "what cannot be proven is never sent again", func(b bench) {
		c := command("key-0001", "1", "")
		b.sends(cutBefore)
		b.unknown(c, 0)
		b.sends(answered)
		time.Sleep(settle)
		b.unknown(c, 0)
		time.Sleep(100 * keep)
		b.unknown(c, 0)
		b.wants(b.T, 1, 0, "")
	})
	in(t, "what other writes have disturbed is not compared", func(b bench) {
		c := command("key-0001", "1", "relative")
		b.sends(cutBefore)
		b.unknown(c, settle)
		b.sends(answered)
		b.made(command("key-0002", "1", "ev"), false) // waits for the settling time
		b.unknown(c, 0)
		b.wants(b.T, 2, 0, "relative")
	})
	in(t, "nothing is decided while the vendor cannot be read", func(b bench) {
		c := command("key-0001", "1", "ev")
		b.sends(cutAfter)
		b.unknown(c, settle)
		time.Sleep(settle)
		b.look = cut(true)
		b.unknown(c, time.Second)
		b.look = nil
		b.made(c, false)
		b.wants(b.T, 1, 1, "ev")
	})
	in(t, "what is in doubt is kept until it is settled", func(b bench) {
		c := command("key-0001", "1", "ev")
		b.sends(cutAfter)
		b.unknown(c, settle)
		time.Sleep(100 * keep)
		b.made(c, false)
		b.wants(b.T, 1, 1, "ev")
	})
	in(t, "a process that dies while it sends leaves the doubt for as long as it could have sent", func(b bench) {
		c := command("key-0001", "1", "ev")
		d := &dying{Store: b.store}
		d.steps.Store(1000)
		b.sends(func(do func()) error { d.steps.Store(0); do(); return cut(true) })
		_, _ = open(d).Do(b.Context(), request(b.vendor, c))
		start := time.Now()
		b.unknown(c, settle-5*time.Second) // once the lease is over
		if waited, want := time.Since(start), timeout+5*time.Second; waited < want || waited > want+time.Second {
			b.Errorf("waited %v for the lease, want %v", waited, want)
		}
		time.Sleep(settle)
		b.made(c, false)
		b.wants(b.T, 1, 1, "ev")
	})
	in(t, "an error that says nothing", func(b bench) {
		b.sends(func(func()) error { return errors.New("what") })
		b.unknown(command("key-0001", "1", "ev"), settle)
	})
}

func TestTargets(t *testing.T) {
	in(t, "other writes to the target wait until a doubt is over", func(b bench) {
		b.sends(cutAfter)
		b.unknown(command("key-0001", "1", "ev"), settle)
		b.sends(answered)
		start := time.Now()
		b.made(command("key-0002", "2", "ev2"), false) // another target
		if waited := time.Since(start); waited != 0 {
			b.Errorf("another target waited %v", waited)
		}
		b.made(command("key-0003", "1", "ev3"), false)
		if waited := time.Since(start); waited < settle || waited > settle+time.Second {
			b.Errorf("the same target waited %v, want %v", waited, settle)
		}
	})
	in(t, "whoever cannot wait so long is told that nothing was sent", func(b bench) {
		b.sends(cutAfter)
		b.unknown(command("key-0001", "1", "ev"), settle)
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		if _, err := b.ledger.Do(ctx, request(b.vendor, command("key-0002", "1", "ev2"))); !errors.Is(err, ledger.ErrBusy) {
			b.Errorf("error %v, want ErrBusy", err)
		}
		b.wants(b.T, 1, 1, "ev")
	})
	in(t, "twenty requests with one key over two replicas make one write", func(b bench) {
		b.sends(func(do func()) error { time.Sleep(3 * time.Second); do(); return nil })
		replicas := []*ledger.Ledger{b.ledger, open(b.store)}
		twenty(b.T, b.vendor, replicas)
	})
	in(t, "the client's own end does not cut the write short", func(b bench) {
		b.sends(func(do func()) error { time.Sleep(3 * time.Second); do(); return nil })
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		if out, err := b.ledger.Do(ctx, request(b.vendor, command("key-0001", "1", "ev"))); err != nil || out.Replayed {
			b.Errorf("got %+v, %v; want the write", out, err)
		}
		b.made(command("key-0001", "1", "ev"), true)
		b.wants(b.T, 1, 1, "ev")
	})
}

// twenty asks for one write twenty times at once.
func twenty(t *testing.T, v *vendor, replicas []*ledger.Ledger) {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		first int
	)
	for i := range 20 {
		wg.Go(func() {
			out, err := replicas[i%len(replicas)].Do(context.Background(), request(v, command("key-0001", "1", "ev")))
			if err != nil || out.ID != written("ev").ID {
				t.Errorf("got %+v, %v; want the commission", out, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if !out.Replayed {
				first++
			}
		})
	}
	wg.Wait()
	if first != 1 {
		t.Errorf("%d answers are not replayed, want 1", first)
	}
	v.wants(t, 1, 1, "ev")
}

// TestRedisTwenty is the same over two replicas with clients of their own.
func TestRedisTwenty(t *testing.T) {
	server := redistest.Start(t)
	v := newVendor()
	twenty(t, v, []*ledger.Ledger{open(ledger.NewRedis(server.Client(redisclient.Durable))), open(ledger.NewRedis(server.Client(redisclient.Durable)))})
}

// TestRedisGone: without the store nothing is sent; a store that goes away after the call
// takes nothing from the caller.
func TestRedisGone(t *testing.T) {
	server := redistest.Start(t, "--appendonly", "yes")
	v := newVendor()
	l := open(ledger.NewRedis(server.Client(redisclient.Durable)))
	v.sends(func(do func()) error { server.Stop(); do(); return nil })
	out, err := l.Do(t.Context(), request(v, command("key-0001", "1", "ev")))
	if err != nil || out.Written == nil {
		t.Fatalf("got %+v, %v; want the write", out, err)
	}
	if _, err := l.Do(t.Context(), request(v, command("key-0002", "2", "ev2"))); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
	v.wants(t, 1, 1, "ev")
	server.Restart()
	_, err = l.Do(t.Context(), request(v, command("key-0002", "2", "ev2")))
	if err != nil {
		t.Errorf("after Redis came back: %v", err)
	}
}

// TestAudit: each outcome is one line, with who, what and which key, and nothing of the input.
func TestAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := ledger.New(ledger.NewMemory(time.Now), ledger.Options{Settle: settle, Keep: keep, Plan: time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		v := newVendor()
		c := command("a-private-key", "1", "ev-4711")
		for range 2 {
			if _, err := l.Do(t.Context(), request(v, c)); err != nil {
				t.Fatal(err)
			}
		}
		v.sends(cutAfter)
		_, _ = l.Do(t.Context(), request(v, command("another-key", "1", "ev-4712")))
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		want := []string{"outcome=made replayed=false", "outcome=made replayed=true", "outcome=unknown"}
		if len(lines) != len(want) {
			t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), log.String())
		}
		for i, line := range lines {
			if !strings.Contains(line, want[i]) || !strings.Contains(line, "mutation=CREATE_COMMISSION by=dana account=saas key=") {
				t.Errorf("got %q, want %q", line, want[i])
			}
		}
		if s := log.String(); strings.Contains(s, "4711") || strings.Contains(s, "private") || strings.Contains(s, "hush") {
			t.Errorf("the log holds what is nobody's business:\n%s", s)
		}
	})
}
