package events

import (
	"errors"
	"math"
	"testing"
	"time"
)

// TestPosition: a point comes back, and its text stays short.
func TestPosition(t *testing.T) {
	for _, kind := range []logKind{memoryKind, redisKind} {
		for _, v := range []uint64{0, 1, 127, 128, 1 << 40, math.MaxUint64} {
			p := point{kind, newIncarnation(), v, math.MaxUint64 - v}
			text := p.position()
			if got, err := parse(text); got != p || err != nil {
				t.Errorf("%+v came back as %+v, %v", p, got, err)
			}
			if _, err := parseOf(memoryKind+redisKind-kind, text); !errors.Is(err, ErrPosition) {
				t.Errorf("for another kind of log: %v, want ErrPosition", err)
			}
			if len(text) > maxPosition {
				t.Errorf("%q has %d characters", text, len(text))
			}
		}
	}
}

// TestForged: a position with a good checksum is not believed beyond what the log has.
func TestForged(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	m := NewMemory(Limits{Count: 3}, func() time.Time { return now })
	for range 5 {
		if _, err := m.Append(t.Context(), Once{}, sample); err != nil {
			t.Fatal(err)
		}
	}
	last := m.last
	forge := func(do func(*point)) point { do(&last); p := last; last = m.last; return p }
	for name, tt := range map[string]struct {
		p    point
		want error
	}{
		"the last":            {last, nil},
		"the first one kept":  {forge(func(p *point) { p.n = 2 }), nil},
		"older":               {forge(func(p *point) { p.n = 1 }), ErrGone},
		"the beginning":       {forge(func(p *point) { p.n, p.milli = 0, 0 }), ErrGone},
		"the next":            {forge(func(p *point) { p.n++ }), ErrPosition},
		"far off":             {forge(func(p *point) { p.n = math.MaxUint64 }), ErrPosition},
		"another last":        {forge(func(p *point) { p.milli-- }), ErrGone},
		"another incarnation": {forge(func(p *point) { p.log[7]++ }), ErrGone},
		"another kind":        {forge(func(p *point) { p.kind = redisKind }), ErrPosition},
		"no kind":             {forge(func(p *point) { p.kind = 0 }), ErrPosition},
	} {
		if _, err := m.Read(t.Context(), tt.p.position(), 1); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
	}
}

// FuzzPosition: one text stands for a point.
func FuzzPosition(f *testing.F) {
	f.Add(string(point{memoryKind, incarnation{1, 2, 3}, 1_700_000_000_000, 42}.position()))
	f.Add(string(point{}.position()))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parse(Position(text))
		switch {
		case err != nil && !errors.Is(err, ErrPosition):
			t.Errorf("error %v, want ErrPosition", err)
		case err == nil && string(p.position()) != text:
			t.Errorf("%q is read, and written as %q", text, p.position())
		}
	})
}

// TestWindow: entries are found from any place in a window, and a place of another history
// is noticed.
func TestWindow(t *testing.T) {
	p := point{kind: memoryKind, log: newIncarnation()}
	at := []Position{p.position()}
	var all []Entry
	for range 100 {
		p = p.next(7)
		all = append(all, Entry{Event: sample, Position: p.position()})
		at = append(at, p.position())
	}
	const size = 10
	w := window{size: size, base: cursor{0, at[0]}}
	old, _ := w.after(cursor{0, at[0]})
	for done := 0; done < len(all); {
		step := min(1+done%13, len(all)-done)
		w.add(all[done : done+step])
		done += step
		for n := range at {
			entries, found := w.after(cursor{uint64(n), at[n]})
			want := inside
			if n > done {
				want = ahead
			} else if n < done-size {
				want = behind
			}
			if found != want || want == inside && len(entries) != done-n {
				t.Fatalf("after %d of %d: %d entries, place %d; want %d, %d", n, done, len(entries), found, done-n, want)
			}
			for i, e := range entries {
				if e != all[n+i] {
					t.Fatalf("after %d: entry %d is another", n, i)
				}
			}
			if _, found := w.after(cursor{uint64(n), "lost"}); want == inside && found != astray {
				t.Fatalf("a place of another history is at %d", found)
			}
		}
		if len(old) > 0 && old[0] != all[0] {
			t.Fatal("a slice changed after it was given out")
		}
		if done <= size {
			old, _ = w.after(cursor{0, at[0]})
		}
		if cap(w.entries) > 4*size {
			t.Fatalf("room for %d entries is held, for a window of %d", cap(w.entries), size)
		}
	}
}
