package listing

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// oddVendor is a list whose vendor pages it in a way of its own.
type oddVendor struct {
	rows  []*providers.Commission
	page  func(rows []*providers.Commission, number int) *providers.Page[providers.Commission]
	fails map[int]error // by the number of the call
	calls int
}

func (v *oddVendor) list() providers.List[providers.Commission] {
	return providers.List[providers.Commission]{Key: "commissions",
		Page: func(_ context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
			v.calls++
			if err := v.fails[v.calls]; err != nil {
				return nil, err
			}
			p := v.page(v.rows, r.Number)
			p.Mark = 1 // of no rows
			for _, row := range p.Items {
				p.Mark = p.Mark + uint64(tagOf(row.ID))
			}
			return p, nil
		}}
}

// slice is a page of a number of rows; more is what the vendor says behind it.
func slice(rows []*providers.Commission, from, to int, more bool) *providers.Page[providers.Commission] {
	from, to = min(from, len(rows)), min(to, len(rows))
	return &providers.Page[providers.Commission]{Items: rows[from:to], More: more}
}

// TestOddPaging reads lists of vendors who page in odd ways, by client pages of several
// sizes: each row is there once, and the list ends.
func TestOddPaging(t *testing.T) {
	type pager func(rows []*providers.Commission, number int) *providers.Page[providers.Commission]
	clamped := func(size int) pager { // the end is proven by an empty page
		return func(rows []*providers.Commission, n int) *providers.Page[providers.Commission] {
			return slice(rows, (n-1)*size, n*size, (n-1)*size < len(rows))
		}
	}
	vendors := map[string]struct {
		rows int
		page pager
		want int // rows that are there
	}{
		"clamped at 10": {43, clamped(10), 43},
		"clamped at 50": {100, clamped(50), 100},
		"page is ignored": {100, func(rows []*providers.Commission, _ int) *providers.Page[providers.Commission] {
			return slice(rows, 0, 100, true)
		}, 100},
		"page is ignored, no order": {100, func(rows []*providers.Commission, _ int) *providers.Page[providers.Commission] {
			p := slice(slices.Clone(rows), 0, 100, true)
			rand.Shuffle(len(p.Items), func(i, j int) { p.Items[i], p.Items[j] = p.Items[j], p.Items[i] })
			return p
		}, 100},
		"begins again behind the end": {30, func(rows []*providers.Commission, n int) *providers.Page[providers.Commission] {
			n = (n - 1) % 3
			return slice(rows, n*10, n*10+10, true)
		}, 30},
		"begins again behind a short page": {27, func(rows []*providers.Commission, n int) *providers.Page[providers.Commission] {
			n = (n - 1) % 3
			return slice(rows, n*10, n*10+10, true)
		}, 27},
		"page is ignored, 7": {7, func(rows []*providers.Commission, _ int) *providers.Page[providers.Commission] {
			return slice(rows, 0, 7, true)
		}, 7},
		"always more, nobody": {0, func(rows []*providers.Commission, _ int) *providers.Page[providers.Commission] {
			return slice(rows, 0, 0, true)
		}, 0},
		"empty in the middle": {30, func(rows []*providers.Commission, n int) *providers.Page[providers.Commission] {
			if n == 2 {
				return slice(rows, 0, 0, true)
			}
			if n > 2 {
				n--
			}
			return slice(rows, (n-1)*10, n*10, (n-1)*10 < len(rows))
		}, 30},
		"a page twice": {30, func(rows []*providers.Commission, n int) *providers.Page[providers.Commission] {
			if n > 2 {
				n--
			}
			return slice(rows, (n-1)*10, n*10, (n-1)*10 < len(rows))
		}, 30},
	}
	for name, v := range vendors {
		for _, first := range []int{1, 3, 10, 100} {
			t.Run(fmt.Sprint(name, "/", first), func(t *testing.T) {
				maker := &vendorList{account: "a"}
				vendor := &oddVendor{page: v.page}
				for i := range v.rows {
					vendor.rows = append(vendor.rows, maker.row(i, i))
				}
				seen, positions := map[string]bool{}, []Position(nil)
				for requests := 0; ; requests++ {
					if requests > 2*v.rows+5 {
						t.Fatalf("the list does not end; %d rows so far", len(seen))
					}
					s := NewSource("a", nil, vendor.list(), every, 20)
					sources := []*Source[providers.Commission]{s}
					Resume(sources, positions)
					for _, r := range Merge(t.Context(), sources, first, true) {
						if id := r.Record.ID.Local; seen[id] {
							t.Fatalf("row %s is there twice", id)
						} else {
							seen[id] = true
						}
					}
					if !s.More() {
						break
					}
					positions = Positions(sources)
				}
				if len(seen) != v.want {
					t.Errorf("%d rows; want %d", len(seen), v.want)
				}
			})
		}
	}
}

// TestRepeatsAreFew wants a vendor who ignores page numbers to be noticed after a few calls.
func TestRepeatsAreFew(t *testing.T) {
	maker := &vendorList{account: "a"}
	vendor := &oddVendor{page: func(rows []*providers.Commission, _ int) *providers.Page[providers.Commission] {
		return slice(rows, 0, 100, true)
	}}
	for i := range 100 {
		vendor.rows = append(vendor.rows, maker.row(i, i))
	}
	s := NewSource("a", nil, vendor.list(), func(*providers.Commission) bool { return false }, 1000)
	Merge(t.Context(), []*Source[providers.Commission]{s}, 10, true)
	if vendor.calls != 1+providers.MaxRepeats || !s.Repeats() || s.More() {
		t.Errorf("%d calls, repeats %v, more %v; want %d, true, false", vendor.calls, s.Repeats(), s.More(), 1+providers.MaxRepeats)
	}
}

// TestInsertedRowsAreNoRepeat wants a page of new rows, which pushes the rows of one page to the
// next, to end no list.
func TestInsertedRowsAreNoRepeat(t *testing.T) {
	maker := &vendorList{account: "a"}
	vendor := &oddVendor{}
	for i := range 40 {
		vendor.rows = append(vendor.rows, maker.row(i, i))
	}
	vendor.page = func(rows []*providers.Commission, n int) *providers.Page[providers.Commission] {
		shift := 0
		if n > 1 { // ten rows have come at the head since page 1 was read
			shift = 10
		}
		return slice(rows, (n-1)*10-shift, n*10-shift, (n-1)*10-shift < len(rows))
	}
	s := NewSource("a", nil, vendor.list(), every, 20)
	if rows := Merge(t.Context(), []*Source[providers.Commission]{s}, 100, true); len(rows) != 40 || s.More() {
		t.Errorf("%d rows, more %v; want 40, false", len(rows), s.More())
	}
}

// TestFailuresResume fails each call once, by each kind of error: no row is lost, and More
// is false only where the account has to be changed first.
func TestFailuresResume(t *testing.T) {
	for _, kind := range []providers.Kind{providers.KindUnavailable, providers.KindRateLimited, providers.KindBadReply, providers.KindUnknown,
		providers.KindCanceled, providers.KindUnauthorized, providers.KindUnsupported, providers.KindInvalid} {
		goesOn := resumable(&providers.Error{Kind: kind})
		for failing := 1; failing <= 4; failing++ {
			maker := &vendorList{account: "a"}
			vendor := &oddVendor{fails: map[int]error{failing: &providers.Error{Kind: kind, Err: errors.New("failed")}}}
			for i := range 30 {
				vendor.rows = append(vendor.rows, maker.row(i, i))
			}
			vendor.page = func(rows []*providers.Commission, n int) *providers.Page[providers.Commission] {
				return slice(rows, (n-1)*10, n*10, (n-1)*10 < len(rows))
			}
			var positions []Position
			rows := 0
			for range 3 {
				s := NewSource("a", nil, vendor.list(), every, 20)
				sources := []*Source[providers.Commission]{s}
				Resume(sources, positions)
				rows += len(Merge(t.Context(), sources, 100, true))
				positions = Positions(sources)
				if s.Err() != nil && s.More() != goesOn {
					t.Errorf("%s: more is %v; want %v", kind, s.More(), goesOn)
				}
				if !s.More() {
					break
				}
			}
			if want := 30; goesOn && rows != want {
				t.Errorf("%s at call %d: %d rows; want %d", kind, failing, rows, want)
			}
		}
	}
}

// TestUnread counts the rows of each page that could not be read once, over all requests.
func TestUnread(t *testing.T) {
	maker := &vendorList{account: "a"}
	vendor := &oddVendor{page: func(rows []*providers.Commission, n int) *providers.Page[providers.Commission] {
		p := slice(rows, (n-1)*10, n*10, (n-1)*10 < len(rows))
		p.Unread = len(p.Items) / 10 * n // 1 on page 1, 2 on page 2, 3 on page 3
		return p
	}}
	for i := range 30 {
		vendor.rows = append(vendor.rows, maker.row(i, i))
	}
	unread := 0
	var positions []Position
	for {
		s := NewSource("a", nil, vendor.list(), every, 20)
		sources := []*Source[providers.Commission]{s}
		Resume(sources, positions)
		Merge(t.Context(), sources, 4, true)
		unread += s.Unread()
		if !s.More() {
			break
		}
		positions = Positions(sources)
	}
	if unread != 6 {
		t.Errorf("%d rows are reported as unread; want 6", unread)
	}
}

// TestBeyondTheEnd finds the last row of a list that has become short by few calls.
func TestBeyondTheEnd(t *testing.T) {
	maker := &vendorList{account: "a"}
	vendor := &oddVendor{page: func(rows []*providers.Commission, n int) *providers.Page[providers.Commission] {
		return slice(rows, (n-1)*10, n*10, n*10 < len(rows))
	}}
	for i := range 20 {
		vendor.rows = append(vendor.rows, maker.row(i, i))
	}
	s := NewSource("a", nil, vendor.list(), every, 100)
	Resume([]*Source[providers.Commission]{s}, []Position{{List: s.position.List, Page: 500, Time: stamp(*vendor.rows[14].CreatedAt), Last: tags{1}}})
	rows := Merge(t.Context(), []*Source[providers.Commission]{s}, 100, true)
	if vendor.calls > 12 || len(rows) == 0 || rows[0].Record != vendor.rows[15] && rows[0].Record != vendor.rows[14] {
		t.Errorf("%d calls, %d rows; want at most 12, and the rows behind the last one", vendor.calls, len(rows))
	}
}

// TestWiden reads a filter by many parents in the fewer calls, and gives the same rows
// either way, by client pages.
func TestWiden(t *testing.T) {
	for _, tt := range []struct {
		parents, others, rows int // rows of each
		calls                 int // at most, for the first page of 20
	}{
		{20, 0, 10, 2},   // half a list: the walk
		{20, 20, 5, 4},   // still the walk
		{3, 100, 2, 4},   // few among many: one by one, after a look at the first page
		{30, 300, 1, 20}, // more than may be asked for one by one
	} {
		whole := &vendorList{account: "a", size: 100}
		ones := map[string]*vendorList{}
		serial := 0
		for r := range tt.rows {
			for p := range tt.parents + tt.others {
				serial++
				row := whole.row(serial, serial)
				row.ReferralID = providers.ID{Account: "a", Noun: providers.NounReferral, Local: fmt.Sprint(p)}
				if ones[row.ReferralID.Local] == nil {
					ones[row.ReferralID.Local] = &vendorList{account: "a", size: 100}
				}
				whole.rows = append(whole.rows, row)
				ones[row.ReferralID.Local].rows = append(ones[row.ReferralID.Local].rows, row)
			}
			_ = r
		}
		var filter providers.CommissionFilter
		for p := range tt.parents {
			filter.Referrals = append(filter.Referrals, providers.ID{Account: "a", Noun: providers.NounReferral, Local: fmt.Sprint(p)})
		}
		long := whole.list()
		seen := map[string]bool{}
		var positions []Position
		for request := 0; ; request++ {
			var sources []*Source[providers.Commission]
			for p := range tt.parents {
				l := ones[fmt.Sprint(p)].list()
				l.Key, l.Within = fmt.Sprint(p), &long
				sources = append(sources, NewSource("a", nil, l, filter.Match, 20))
			}
			sources = Widen(t.Context(), sources, filter.Match, 20, positions)
			Resume(sources, positions)
			for _, r := range Merge(t.Context(), sources, 20, true) {
				if id := r.Record.ID.Local; seen[id] {
					t.Fatalf("%+v: row %s is there twice", tt, id)
				}
				seen[r.Record.ID.Local] = true
			}
			calls := whole.reads
			for _, one := range ones {
				calls += one.reads
			}
			if request == 0 && calls > tt.calls {
				t.Errorf("%+v: %d calls", tt, calls)
			}
			more := false
			for _, s := range sources {
				more = more || s.More()
			}
			if !more || request > 100 {
				break
			}
			positions = Positions(sources)
		}
		if want := tt.parents * tt.rows; len(seen) != want {
			t.Errorf("%+v: %d rows; want %d", tt, len(seen), want)
		}
	}
}

// TestEmptyPages reads lists with gaps of empty pages by client pages of few pages each. A
// gap in the middle costs no row; a list that promises rows for ever ends, and says so.
func TestEmptyPages(t *testing.T) {
	for _, gap := range []int{0, 1, 3, providers.MaxEmpty - 1, providers.MaxEmpty, 1000} {
		for maxPages := 2; maxPages <= 7; maxPages++ {
			maker := &vendorList{account: "a"}
			vendor := &oddVendor{}
			for i := range 20 {
				vendor.rows = append(vendor.rows, maker.row(i, i))
			}
			vendor.page = func(rows []*providers.Commission, n int) *providers.Page[providers.Commission] {
				switch {
				case n == 1:
					return slice(rows, 0, 10, true)
				case n <= gap+1:
					return &providers.Page[providers.Commission]{More: true, Total: new(int64(9e18))}
				}
				return slice(rows, 10, 20, false)
			}
			l := vendor.list()
			l.Page = gapped(l.Page)
			rows, ranOut := 0, false
			var positions []Position
			for request := 0; ; request++ {
				if request > 50 {
					t.Fatalf("a gap of %d pages: the list does not end", gap)
				}
				s := NewSource("a", nil, l, every, maxPages)
				sources := []*Source[providers.Commission]{s}
				Resume(sources, positions)
				rows += len(Merge(t.Context(), sources, 7, true))
				if promised, first, last, ok := s.RanOut(); ok {
					ranOut = promised == 9e18 && first == 2 && last == providers.MaxEmpty+1
				}
				if !s.More() {
					break
				}
				positions = Positions(sources)
			}
			want := 20
			if gap >= providers.MaxEmpty {
				want = 10
			}
			if rows != want || ranOut != (gap >= providers.MaxEmpty) {
				t.Errorf("a gap of %d pages, by %d: %d rows, ran out %v; want %d", gap, maxPages, rows, ranOut, want)
			}
		}
	}
}

// gapped is a list whose empty pages do not count as repeats of one another.
func gapped(page pageReader) pageReader {
	return func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
		p, err := page(ctx, r)
		if err == nil && len(p.Items) == 0 {
			p.Mark = 0
		}
		return p, err
	}
}
