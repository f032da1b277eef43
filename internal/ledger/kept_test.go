package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/providers"
)

// keys is a store that knows which keys have a value.
type keys struct {
	ledger.Store
	stored map[string]bool
}

func (k keys) Save(ctx context.Context, key, was string, value []byte, keep time.Duration) (string, error) {
	version, err := k.Store.Save(ctx, key, was, value, keep)
	if err == nil {
		if value == nil {
			delete(k.stored, key)
		} else {
			k.stored[key] = true
		}
	}
	return version, err
}

// left counts the keys with a value, by what they begin with.
func (k keys) left() map[string]int {
	n := map[string]int{}
	for key := range k.stored {
		kind, _, _ := strings.Cut(key, ":")
		n[kind]++
	}
	return n
}

// TestNothingIsKept wants writes that did not happen to leave no target, and an entry only
// where a vendor's refusal is an outcome that is given again.
func TestNothingIsKept(t *testing.T) {
	sends := func(err providers.Error) func(*vendor) {
		return func(v *vendor) { v.send = func(func()) error { return &err } }
	}
	for name, tt := range map[string]struct {
		set     func(*vendor)
		entries int
	}{
		"a problem of the plan": {func(v *vendor) { v.plan = providers.Problemf(providers.ProblemTaken, "eventId", "taken") }, 0},
		"an error of the plan":  {func(v *vendor) { v.plan = errors.New("down") }, 0},
		"not sent":              {sends(providers.Error{Kind: providers.KindUnavailable, Unsent: true}), 0},
		"a refused key":         {sends(providers.Error{Kind: providers.KindUnauthorized, Refused: true}), 0},
		"refused by the vendor": {sends(providers.Error{Kind: providers.KindInvalid, Refused: true,
			Fields: map[string][]string{"event_id": {"has already been taken"}}}), 50},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := keys{ledger.NewMemory(time.Now), map[string]bool{}}
				v, l := newVendor(), open(store)
				tt.set(v)
				for n := range 50 {
					out, err := l.Do(t.Context(), request(v, command(fmt.Sprintf("key-%04d", n), fmt.Sprint(n), "event")))
					if err == nil && len(out.Problems) == 0 {
						t.Fatal("it was made")
					}
				}
				if left := store.left(); left["target"] != 0 || left["entry"] != tt.entries {
					t.Errorf("%v are left, want no target and %d entries", left, tt.entries)
				}
			})
		})
	}
}

// TestFormerWriteStays wants a write that did not happen to leave the one before it as the
// last to its target.
func TestFormerWriteStays(t *testing.T) {
	in(t, "refused after a doubt", func(b bench) {
		b.sends(func(func()) error { return cut(true) })
		b.unknown(command("key-0001", "1", "relative"), settle)
		b.sends(func(func()) error { return &providers.Error{Kind: providers.KindUnavailable, Unsent: true} })
		if _, err := b.ledger.Do(b.Context(), request(b.vendor, command("key-0002", "1", "other"))); err == nil {
			b.Fatal("it was made")
		}
		b.sends(answered)
		b.made(command("key-0001", "1", "relative"), false) // nothing has disturbed it: it may be sent anew
	})
}

// TestWritesOfOne wants a subject who asks for too many writes refused until time has made
// up for it, without a trace of it in the store, and nobody else.
func TestWritesOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := keys{ledger.NewMemory(time.Now), map[string]bool{}}
		v := newVendor()
		shares := budget.NewShares(time.Now)
		l := ledger.New(store, ledger.Options{
			Settle: settle, Keep: keep, Plan: time.Minute, Logger: slog.New(slog.DiscardHandler),
			Take: func(ctx context.Context, subject string) time.Duration {
				return shares.Take(ctx, subject, budget.Price{Part: "writes", Count: 1, Limit: 30})
			},
		})
		n := 0
		write := func(subject string) error {
			n++
			r := request(v, command(fmt.Sprintf("key-%04d", n), fmt.Sprint(n), fmt.Sprint("event", n)))
			r.Subject = subject
			_, err := l.Do(t.Context(), r)
			return err
		}
		for range 30 {
			if err := write("dana"); err != nil {
				t.Fatal(err)
			}
		}
		before := len(store.stored)
		for range 10 {
			if e, ok := errors.AsType[*ledger.TooMany](write("dana")); !ok || e.RetryAfter != 2*time.Second {
				t.Fatalf("%v, want to be told to wait for 2 s", e)
			}
		}
		if len(store.stored) != before || v.posts != 30 {
			t.Errorf("refused writes left %d keys, and %d were sent", len(store.stored)-before, v.posts-30)
		}
		if err := write("kim"); err != nil {
			t.Errorf("another subject: %v", err)
		}
		time.Sleep(2 * time.Second)
		if err := write("dana"); err != nil {
			t.Errorf("two seconds later: %v", err)
		}
	})
}

// between is a store that runs something before it saves a key of a kind, or loses the answer.
type between struct {
	ledger.Store
	before func(key string, value []byte) error // what it returns is the answer, after the value is saved
}

func (b *between) Save(ctx context.Context, key, was string, value []byte, keep time.Duration) (string, error) {
	lost := b.before(key, value)
	version, err := b.Store.Save(ctx, key, was, value, keep)
	if lost != nil {
		return "", lost
	}
	return version, err
}

// TestLostKeyLeavesNothing wants a request whose key another one takes meanwhile, for
// another target, to leave no trace at its own target.
func TestLostKeyLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := keys{ledger.NewMemory(time.Now), map[string]bool{}}
		v := newVendor()
		other := open(store)
		raced := false
		l := open(&between{store, func(key string, _ []byte) error {
			if strings.HasPrefix(key, "entry:") && !raced {
				raced = true
				if _, err := other.Do(t.Context(), request(v, command("key-0001", "1", "first"))); err != nil {
					t.Fatal(err)
				}
			}
			return nil
		}})
		if _, err := l.Do(t.Context(), request(v, command("key-0001", "2", "second"))); !errors.Is(err, ledger.ErrConflict) {
			t.Fatal(err)
		}
		if left := store.left(); left["target"] != 1 || left["entry"] != 1 {
			t.Errorf("%v are left, want those of the write that was made", left)
		}
	})
}

// TestLostLeaseEnds wants a lease whose holder never learned that it has it to leave no
// target behind when its time is over.
func TestLostLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := ledger.NewMemory(time.Now)
		var target string
		l := open(&between{store, func(key string, _ []byte) error {
			target = key
			return context.Canceled
		}})
		v := newVendor()
		if _, err := l.Do(t.Context(), request(v, command("key-0001", "1", "first"))); err == nil {
			t.Fatal("it was made")
		}
		if r, err := store.Load(t.Context(), target); err != nil || r.Version == "" {
			t.Fatalf("there is no lease to lose: %v", err)
		}
		time.Sleep(time.Minute)
		if r, err := store.Load(t.Context(), target); err != nil || r.Version != "" {
			t.Errorf("a target that nothing was sent to is kept: %s, %v", r.Value, err)
		}
	})
}

// TestRefusalOfManyFields wants what is kept and told of a refusal bounded by the fields of
// the input, and not by how many the vendor names.
func TestRefusalOfManyFields(t *testing.T) {
	in(t, "a vendor that names 10,000", func(b bench) {
		fields := map[string][]string{"event_id": {"has already been taken"}}
		for n := range 10_000 {
			fields[fmt.Sprint("x", n)] = []string{"is odd"}
			fields[fmt.Sprint("y", n)] = []string{"is already there"}
		}
		b.sends(func(func()) error {
			return &providers.Error{Kind: providers.KindInvalid, Refused: true, Fields: fields}
		})
		for range 2 { // as it is told, and as it is kept
			out, err := b.ledger.Do(b.Context(), request(b.vendor, command("key-0001", "1", "event")))
			if err != nil || len(out.Problems) != 3 {
				b.Fatalf("%d problems, %v; want 3", len(out.Problems), err)
			}
		}
	})
}

// TestResentLeavesNothing wants a write that was sent twice, and was proven not to be made,
// to leave nothing.
func TestResentLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := keys{ledger.NewMemory(time.Now), map[string]bool{}}
		v, l, c := newVendor(), open(store), command("key-0001", "1", "event")
		v.sends(cutBefore)
		if _, err := l.Do(t.Context(), request(v, c)); err == nil {
			t.Fatal("it was made")
		}
		time.Sleep(settle)
		v.sends(func(func()) error { return &providers.Error{Kind: providers.KindUnavailable, Unsent: true} })
		if _, err := l.Do(t.Context(), request(v, c)); err == nil {
			t.Fatal("it was made")
		}
		if left := store.left(); len(left) != 0 {
			t.Errorf("%v are left", left)
		}
	})
}
