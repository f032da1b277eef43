package listing

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// unreadPages is a vendor's list whose pages with these numbers hold nothing but rows that
// cannot be read. The others have two rows each, and one that cannot be read.
func unreadPages(pages int, unread func(number int) bool) (*oddVendor, int) {
	maker := &vendorList{account: "a"}
	rows := 0
	v := &oddVendor{}
	for n := 1; n <= pages; n++ {
		if !unread(n) {
			v.rows = append(v.rows, maker.row(rows, rows), maker.row(rows+1, rows+1))
			rows += 2
		}
	}
	v.page = func(all []*providers.Commission, number int) *providers.Page[providers.Commission] {
		if number > pages || number < 1 {
			return &providers.Page[providers.Commission]{}
		}
		before := 0
		for n := 1; n < number; n++ {
			if !unread(n) {
				before += 2
			}
		}
		if unread(number) {
			return &providers.Page[providers.Commission]{More: number < pages, Unread: 3}
		}
		return &providers.Page[providers.Commission]{Items: all[before : before+2], More: number < pages, Unread: 1}
	}
	return v, rows
}

// TestPagesWithoutReadableRows reads lists with long runs of pages on which no row can be
// read, by few pages a request: every row is there once, every unreadable row is told once,
// and the list ends.
func TestPagesWithoutReadableRows(t *testing.T) {
	worlds := map[string]func(n int) bool{
		"none":           func(int) bool { return false },
		"all":            func(int) bool { return true },
		"at the start":   func(n int) bool { return n <= 9 },
		"in the middle":  func(n int) bool { return n > 3 && n <= 14 },
		"at the end":     func(n int) bool { return n > 7 },
		"every other":    func(n int) bool { return n%2 == 0 },
		"but the eighth": func(n int) bool { return n != 8 },
	}
	const pages = 20
	for name, unread := range worlds {
		for maxPages := 1; maxPages <= 5; maxPages++ {
			t.Run(fmt.Sprint(name, "/", maxPages), func(t *testing.T) {
				vendor, rows := unreadPages(pages, unread)
				want := 0
				for n := 1; n <= pages; n++ {
					if want++; unread(n) {
						want += 2
					}
				}
				l := vendor.list()
				page := l.Page
				l.Page = unmarked(page)
				seen, told := map[string]bool{}, 0
				var positions []Position
				for requests := 0; ; requests++ {
					if requests > 4*pages {
						t.Fatalf("the list does not end; %d rows so far", len(seen))
					}
					s := NewSource("a", nil, l, every, maxPages)
					sources := []*Source[providers.Commission]{s}
					Resume(sources, positions)
					start := Positions(sources)
					for _, r := range Merge(t.Context(), sources, 3, true) {
						if id := r.Record.ID.Local; seen[id] {
							t.Fatalf("row %s is there twice", id)
						} else {
							seen[id] = true
						}
					}
					told += s.Unread()
					if !s.More() {
						break
					}
					if maxPages > 1 && !Moved(start, Positions(sources)) {
						t.Fatal("the cursor did not move")
					}
					positions = Positions(sources)
				}
				if len(seen) != rows || told != want {
					t.Errorf("%d rows and %d unread, want %d and %d", len(seen), told, rows, want)
				}
			})
		}
	}
}

// TestUnreadWithinLongerList walks a longer list of which rows cannot be read: each of the
// lists within it may lack them, says so, and claims no total.
func TestUnreadWithinLongerList(t *testing.T) {
	whole := &vendorList{account: "a", size: 10}
	parents := []providers.ID{}
	for i := range 4 {
		parents = append(parents, providers.ID{Account: "a", Noun: providers.NounReferral, Local: fmt.Sprint("r", i)})
	}
	for i := range 15 {
		r := whole.row(i, i)
		r.ReferralID = parents[i%len(parents)]
		whole.rows = append(whole.rows, r)
	}
	long := whole.list()
	page := long.Page
	long.Page = withUnread(page, 2)
	var branches []*Branch[providers.Commission]
	for _, p := range parents {
		l := providers.List[providers.Commission]{Key: p.Local, Within: &long}
		match := providers.CommissionFilter{Referrals: []providers.ID{p}}.Match
		branches = append(branches, &Branch[providers.Commission]{First: 10, Refs: []providers.ID{p},
			Sources: []*Source[providers.Commission]{NewSource("a", nil, l, match, 100)}})
	}
	Nested(t.Context(), branches)
	for i, b := range branches {
		s := b.Sources[0]
		if s.Unread() != 4 || !s.UnreadElsewhere() {
			t.Errorf("list %d tells of %d rows that could not be read, want those of two pages", i, s.Unread())
		}
		if total, known, _ := s.Total(); known {
			t.Errorf("list %d claims to have %d rows", i, total)
		}
	}
}

type pageReader = func(context.Context, providers.PageRequest) (*providers.Page[providers.Commission], error)

// unmarked is a list whose pages without a readable row cannot be told from one another.
func unmarked(page pageReader) pageReader {
	return func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
		p, err := page(ctx, r)
		if err == nil && len(p.Items) == 0 && p.Unread > 0 {
			p.Mark = 0
		}
		return p, err
	}
}

// withUnread is a list of 15 rows that has others on every page which cannot be read.
func withUnread(page pageReader, rows int) pageReader {
	return func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
		p, err := page(ctx, r)
		if err == nil {
			p.Unread += rows
			p.Total = new(int64(15))
		}
		return p, err
	}
}

// TestDoubts reads a list some rows of which tell no usable status, by few rows and pages a
// request: each of these is told once, with the field, and the list claims no total. Rows
// that fail by another condition are not told.
func TestDoubts(t *testing.T) {
	maker := &vendorList{account: "a", size: 3}
	mine := providers.ID{Account: "a", Noun: providers.NounAffiliate, Local: "1"}
	want := map[providers.ID]string{}
	for i := range 20 {
		row := maker.row(i, i)
		row.AffiliateID, row.Status = mine, providers.CommissionPaid
		switch {
		case i%4 == 1:
			row.Status = providers.CommissionUnknown
			want[row.ID] = "status"
		case i%4 == 2: // somebody else's: judged
			row.AffiliateID, row.Status = providers.ID{Account: "a", Noun: providers.NounAffiliate, Local: "2"}, providers.CommissionUnknown
		}
		maker.rows = append(maker.rows, row)
	}
	f := providers.CommissionFilter{Affiliates: []providers.ID{mine}, Statuses: []providers.CommissionStatus{providers.CommissionPaid}}
	for first := 1; first <= 11; first += 2 {
		for maxPages := 2; maxPages <= 8; maxPages += 3 {
			told, rows := map[providers.ID]string{}, 0
			var positions []Position
			for range 100 {
				s := NewSource("a", nil, maker.list(), f.Match, maxPages)
				s.JudgeBy(f.Unsure)
				sources := []*Source[providers.Commission]{s}
				Resume(sources, positions)
				rows += len(Merge(t.Context(), sources, first, false))
				for id, field := range s.Doubts() {
					if told[id] != "" {
						t.Errorf("%d rows, %d pages a request: %s is told twice", first, maxPages, id.Local)
					}
					told[id] = field
				}
				if !s.More() {
					if _, known, _ := s.Total(); known {
						t.Error("a total is claimed")
					}
					break
				}
				positions = Positions(sources)
			}
			if rows != 10 || !maps.Equal(told, want) {
				t.Errorf("%d rows, %d pages a request: %d rows, %v; want 10, %v", first, maxPages, rows, told, want)
			}
		}
	}
}

// TestDoubtsWithinLongerList walks a longer list a row of which does not tell its referral:
// it may be of each of the lists within, which say so.
func TestDoubtsWithinLongerList(t *testing.T) {
	whole := &vendorList{account: "a", size: 10}
	var parents []providers.ID
	for i := range 4 {
		parents = append(parents, providers.ID{Account: "a", Noun: providers.NounReferral, Local: fmt.Sprint("r", i)})
	}
	for i := range 15 {
		r := whole.row(i, i)
		if r.ReferralID = parents[i%len(parents)]; i == 7 {
			r.ReferralID, r.Unread = providers.ID{}, []string{"referral"}
		}
		whole.rows = append(whole.rows, r)
	}
	long := whole.list()
	var branches []*Branch[providers.Commission]
	for _, p := range parents {
		f := providers.CommissionFilter{Referrals: []providers.ID{p}}
		s := NewSource("a", nil, providers.List[providers.Commission]{Key: p.Local, Within: &long}, f.Match, 20)
		s.JudgeBy(f.Unsure)
		branches = append(branches, &Branch[providers.Commission]{Sources: []*Source[providers.Commission]{s}, First: 10, Refs: []providers.ID{p}})
	}
	Nested(t.Context(), branches)
	for i, b := range branches {
		doubts := b.Sources[0].Doubts()
		if _, known, _ := b.Sources[0].Total(); known || len(doubts) != 1 || doubts[whole.rows[7].ID] != "referral" {
			t.Errorf("list %d: %v, total known: %v; want a doubt and no total", i, doubts, known)
		}
	}
}
