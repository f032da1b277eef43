// Package ledgertest holds the suite that every [ledger.Store] passes.
package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/ledger"
)

// Run proves that a store keeps the contract of [ledger.Store]. open makes a store; it may
// hold what other tests put.
func Run(t *testing.T, open func(t *testing.T) ledger.Store) {
	for name, test := range map[string]func(*testing.T, ledger.Store, string){
		"versions": versions, "values": values, "expiry": expiry, "clock": clock, "races": races, "canceled": canceled,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t), t.Name()) })
	}
}

func load(t *testing.T, s ledger.Store, key string) ledger.Record {
	t.Helper()
	r, err := s.Load(t.Context(), key)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return r
}

func save(t *testing.T, s ledger.Store, key, was, value string, keep time.Duration) string {
	t.Helper()
	v, err := s.Save(t.Context(), key, was, []byte(value), keep)
	if err != nil {
		t.Fatalf("Save: %v", err)
	}
	return v
}

// versions: who saves must know what was there.
func versions(t *testing.T, s ledger.Store, key string) {
	if r := load(t, s, key); r.Version != "" || r.Value != nil {
		t.Errorf("before the first: got %q of version %q, want none", r.Value, r.Version)
	}
	first := save(t, s, key, "", "a", 0)
	second := save(t, s, key, first, "b", 0)
	if first == "" || second == "" || first == second {
		t.Errorf("versions %q and %q: want two different ones", first, second)
	}
	for _, was := range []string{"", first, "another"} {
		if _, err := s.Save(t.Context(), key, was, []byte("c"), 0); !errors.Is(err, ledger.ErrMoved) {
			t.Errorf("Save over version %q: error %v, want ErrMoved", was, err)
		}
		if _, err := s.Save(t.Context(), key, was, nil, 0); !errors.Is(err, ledger.ErrMoved) {
			t.Errorf("removal of version %q: error %v, want ErrMoved", was, err)
		}
	}
	if r := load(t, s, key); string(r.Value) != "b" || r.Version != second {
		t.Errorf("got %q of version %q, want b of %q", r.Value, r.Version, second)
	}
	if v, err := s.Save(t.Context(), key, second, nil, 0); v != "" || err != nil {
		t.Errorf("removal: got version %q, %v; want neither", v, err)
	}
	if r := load(t, s, key); r.Version != "" {
		t.Errorf("after the removal: version %q", r.Version)
	}
	if third := save(t, s, key, "", "d", 0); third == first || third == second {
		t.Error("a version came back after the removal")
	}
}

// values: every byte is kept.
func values(t *testing.T, s ledger.Store, key string) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	version := ""
	for _, v := range []string{"", "{}", string(all)} {
		version = save(t, s, key, version, v, time.Minute)
		if r := load(t, s, key); string(r.Value) != v {
			t.Errorf("got %q, want %q", r.Value, v)
		}
	}
}

// expiry: what is kept for a time is gone after it, and what was kept so before and is kept
// for ever now stays.
func expiry(t *testing.T, s ledger.Store, key string) {
	save(t, s, key, "", "a", 30*time.Millisecond)
	version := save(t, s, key+" 2", "", "a", 30*time.Millisecond)
	save(t, s, key+" 2", version, "b", 0)
	eventually(t, "the value is gone", func() error {
		if r := load(t, s, key); r.Version != "" {
			return fmt.Errorf("it is there")
		}
		return nil
	})
	save(t, s, key, "", "again", time.Minute)
	if r := load(t, s, key+" 2"); string(r.Value) != "b" {
		t.Errorf("what is kept for ever: got %q, want b", r.Value)
	}
}

// clock: the store's time goes on.
func clock(t *testing.T, s ledger.Store, key string) {
	before := load(t, s, key).Now
	eventually(t, "the clock has moved", func() error {
		if now := load(t, s, key).Now; !now.After(before) {
			return fmt.Errorf("%v", now)
		}
		return nil
	})
}

// races: of those who know the same version, one saves.
func races(t *testing.T, s ledger.Store, key string) {
	version := ""
	for range 10 {
		var won atomic.Int32
		var mu sync.Mutex
		var wg sync.WaitGroup
		next := ""
		for i := range 8 {
			wg.Go(func() {
				v, err := s.Save(context.Background(), key, version, fmt.Append(nil, i), 0)
				switch {
				case err == nil:
					won.Add(1)
					mu.Lock()
					next = v
					mu.Unlock()
				case !errors.Is(err, ledger.ErrMoved):
					t.Errorf("Save: %v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d of 8 saved, want 1", won.Load())
		}
		version = next
	}
}

func canceled(t *testing.T, s ledger.Store, key string) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Load(ctx, key); err == nil {
		t.Error("Load went on after its context had ended")
	}
	if _, err := s.Save(ctx, key, "", []byte("a"), 0); err == nil {
		t.Error("Save went on after its context had ended")
	}
	if r := load(t, s, key); r.Version != "" {
		t.Error("something was saved")
	}
}

// eventually asks until there is no error, for a clock that is the store's own; after ten
// seconds the test fails.
func eventually(t *testing.T, what string, ask func() error) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(10 * time.Second)
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain until %s: %v", what, err)
		}
	}
}
