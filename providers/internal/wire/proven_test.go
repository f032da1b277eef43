package wire

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// shortList is a list of so many rows whose vendor gives so many a page.
type shortList struct {
	rows, size int
	unpaged    bool // every page is the first one
	fails      bool // the page behind the first one cannot be read
	calls      atomic.Int64
}

// read reads the list to its end as a client does, and says how many rows came.
func (l *shortList) read(ctx context.Context, e *Extent, prove bool) (rows int) {
	for number := 1; number < 100; number++ {
		p, err := Proven(ctx, e, providers.PageRequest{Number: number, Prove: prove}, func(number int) (*providers.Page[providers.Affiliate], int, error) {
			l.calls.Add(1)
			if l.fails && number == 2 {
				return nil, 0, errors.New("unavailable")
			}
			if l.unpaged {
				number = 1
			}
			sent := max(min(l.rows-(number-1)*l.size, l.size), 0)
			page := &providers.Page[providers.Affiliate]{Items: make([]*providers.Affiliate, sent), Mark: uint64(number), More: e.More(ctx, sent)}
			return page, sent, nil
		})
		if err != nil {
			return rows
		}
		if rows += len(p.Items); !p.More {
			return rows
		}
	}
	return -1
}

// TestProven reads lists of every length at every small page size: no row is missing, and a
// proof is read once for each larger short page.
func TestProven(t *testing.T) {
	ctx := t.Context()
	for size := 2; size <= 12; size++ {
		for rows := range 3*size + 1 {
			l := &shortList{rows: rows, size: size}
			if got := l.read(ctx, new(Extent), true); got != rows {
				t.Errorf("%d rows at %d a page: %d were read", rows, size, got)
			}
		}
	}
	e := new(Extent)
	for _, step := range []struct {
		list  *shortList
		calls int64
	}{
		{&shortList{rows: 1, size: 100}, 1}, // no vendor gives one row a page
		{&shortList{rows: 3, size: 100}, 2}, // the proof
		{&shortList{rows: 3, size: 100}, 1},
		{&shortList{rows: 2, size: 100}, 1},
		{&shortList{rows: 5, size: 100, fails: true}, 3}, // no proof: the client's next read fails, too
		{&shortList{rows: 5, size: 100, unpaged: true}, 2},
		{&shortList{rows: 5, size: 100}, 1},
		{&shortList{rows: 40, size: 100}, 2}, // a usual page size
		{&shortList{rows: 9, size: 100}, 1},
	} {
		step.list.read(ctx, e, true)
		if calls := step.list.calls.Load(); calls != step.calls {
			t.Errorf("%d rows by %d calls; want %d", step.list.rows, calls, step.calls)
		}
	}
	if l := (&shortList{rows: 4, size: 100}); l.read(ctx, new(Extent), false) != 4 || l.calls.Load() != 1 {
		t.Error("a proof is read that nobody wants")
	}
}

// TestProofTogether reads twenty lists at once, of an endpoint that nothing is known of:
// they wait for one proof of each size, at most.
func TestProofTogether(t *testing.T) {
	for round := range 100 {
		e, lists, sizes := new(Extent), make([]*shortList, 20), map[int]bool{}
		var wg sync.WaitGroup
		for i := range lists {
			lists[i] = &shortList{rows: 2 + i%(1+round%5), size: 100}
			sizes[lists[i].rows] = true
			wg.Go(func() {
				if rows := lists[i].read(t.Context(), e, true); rows != lists[i].rows {
					t.Errorf("%d rows; want %d", rows, lists[i].rows)
				}
			})
		}
		wg.Wait()
		calls := 0
		for _, l := range lists {
			calls += int(l.calls.Load())
		}
		if calls <= len(lists) || calls > len(lists)+len(sizes) {
			t.Fatalf("%d calls; want one for each of %d lists, and a proof of each of %d sizes at most", calls, len(lists), len(sizes))
		}
	}
}

// TestProofEnds: where the first short list had exactly one page of a vendor that cuts pages
// shorter than any is known to, longer lists are whole again after so many of them.
func TestProofEnds(t *testing.T) {
	e := new(Extent)
	(&shortList{rows: 5, size: 5}).read(t.Context(), e, true)
	cut := 0
	for range 2 * provenFor {
		if (&shortList{rows: 12, size: 5}).read(t.Context(), e, true) != 12 {
			cut++
		}
	}
	if cut >= provenFor {
		t.Errorf("%d lists ended behind their first page; want fewer than %d", cut, provenFor)
	}
	if e = new(Extent); !e.small.Load() {
		e.Follows(5) // as the vendor says
	}
	if rows := (&shortList{rows: 12, size: 5}).read(t.Context(), e, false); rows != 12 {
		t.Errorf("%d rows of a vendor that said that pages of 5 are followed; want 12", rows)
	}
}

// TestProofGivenUp wants who waits for a proof to wait no longer than its request lasts.
func TestProofGivenUp(t *testing.T) {
	e := new(Extent)
	p, first := e.reserve(4)
	if !first {
		t.Fatal("a proof is being read of an endpoint that nothing is known of")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := &shortList{rows: 4, size: 100}
	if rows := l.read(ctx, e, true); rows != 0 || l.calls.Load() != 1 {
		t.Errorf("%d rows by %d calls; want none, of a list whose proof another reads", rows, l.calls.Load())
	}
	e.prove(p, 4, func() (bool, error) { return false, nil })
	if again, _ := e.reserve(4); again != nil {
		t.Error("a proof is read of a size that has just been proven")
	}
	if rows := l.read(t.Context(), e, true); rows != 4 || l.calls.Load() != 2 {
		t.Errorf("%d rows by %d calls; want 4 by a call more", rows, l.calls.Load())
	}
}

// TestLostRows reads pages of ten rows of which some lack rows: a page with more than half
// of them is not the last one.
func TestLostRows(t *testing.T) {
	for most := 1; most <= 12; most++ {
		e := new(Extent)
		e.More(t.Context(), most)
		for rows := 1; rows < most && rows < minPage; rows++ {
			if got, want := e.More(t.Context(), rows), usual(most) && most >= minPage && 2*rows > most; got != want {
				t.Errorf("behind a page of %d rows, of at most %d, more may follow: %v", rows, most, got)
			}
		}
	}
}

// TestProvenPanics wants a proof whose read panics to keep nobody waiting: the next read of
// the list makes it again.
func TestProvenPanics(t *testing.T) {
	e, calls := new(Extent), 0
	read := func(number int) (*providers.Page[providers.Affiliate], int, error) {
		if calls++; calls == 2 {
			panic("odd")
		}
		sent := max(5-2*number, 0)
		return &providers.Page[providers.Affiliate]{Mark: uint64(number), More: e.More(t.Context(), sent)}, sent, nil
	}
	prove := func() (panicked bool) {
		defer func() { panicked = recover() != nil }()
		page, err := Proven(t.Context(), e, providers.PageRequest{Number: 1, Prove: true}, read)
		if err != nil || !page.More {
			t.Errorf("%+v, %v; want a page with more behind it", page, err)
		}
		return false
	}
	if !prove() || prove() || calls != 4 {
		t.Errorf("%d calls, want 4: the first proof panics, and the second is made", calls)
	}
}

// TestProofOfUnreadablePages wants a page of which no row can be read not taken for the one
// before it: the list goes on.
func TestProofOfUnreadablePages(t *testing.T) {
	for _, tt := range []struct {
		mark uint64 // of both pages; 0: nothing tells them apart
		more bool
	}{{0, true}, {7, false}} {
		page, err := Proven(t.Context(), new(Extent), providers.PageRequest{Number: 1, Prove: true}, func(int) (*providers.Page[providers.Affiliate], int, error) {
			return &providers.Page[providers.Affiliate]{Unread: 4, Mark: tt.mark}, 4, nil
		})
		if err != nil || page.More != tt.more {
			t.Errorf("mark %d: more is %t, %v, want %t", tt.mark, page.More, err, tt.more)
		}
	}
}
