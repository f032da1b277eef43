package resolvers

import (
	"context"

	"github.com/partnergraph/partnergraph/providers"
)

// source is one list of one account, read from a position on.
type source[T providers.Record] struct {
	provider providers.Provider
	list     providers.List[T]
	match    func(*T) bool
	pages    int // that may still be read in this request

	at    position
	page  int // the number of the page in rows; 0 before the first
	rows  []*T
	next  int // into rows
	more  bool
	total *int64
	given map[tag]bool // rows that were given before, in this request or, the last of them, in those before

	err     error // the account failed: nothing more comes in this request
	stopped bool  // the bound of pages was reached: nothing more comes in this request
}

// read reads a page and stands before its first row.
func (s *source[T]) read(ctx context.Context, number int) bool {
	if s.pages == 0 {
		s.stopped = true
		return false
	}
	s.pages--
	p, err := s.list.Page(ctx, providers.PageRequest{Number: number, Reader: s.provider})
	if err != nil {
		s.err = err
		return false
	}
	s.page, s.rows, s.next, s.more = number, p.Items, 0, p.More
	if p.Total != nil {
		s.total = p.Total
	}
	return true
}

// open reads the page where the position says that the reading stands, and goes behind the last row that was given.
// Rows that were inserted or removed meanwhile have pushed that row to a later or an earlier page: the sort key says which way to look.
func (s *source[T]) open(ctx context.Context) {
	if s.at.Done {
		return
	}
	s.given = make(map[tag]bool, len(s.at.Last))
	for _, t := range s.at.Last {
		s.given[t] = true
	}
	if s.at.fresh() {
		s.read(ctx, 1)
		return
	}
	var (
		number  = max(s.at.Page, 1)
		forward = false
		page    = 0 // where the first row stands that is as old as the last one given …
		beside  = 0 // … and may or may not have been given, should none of those remembered be found
	)
	for s.read(ctx, number) {
		s.at.Page = number // should the bound of pages end the search, the next request goes on with it here
		if i := s.find(); i >= 0 {
			s.next = i + 1
			return
		}
		newer, notOlder := s.before()
		if newer < notOlder && page == 0 {
			page, beside = number, newer
		}
		switch {
		case newer == 0 && number > 1 && !forward:
			// All rows stand behind it, or the list has become shorter: it was pulled to an earlier page.
			number, page = number-1, 0
		case notOlder == len(s.rows) && notOlder > 0 && s.more:
			// All rows stand before it, or beside it: it was pushed to a later page.
			number, forward = number+1, true
		default:
			// It is gone, and with it all that are remembered. Here is the first row that stood behind or beside it.
			s.next = newer
			if page > 0 && page != number && s.read(ctx, page) {
				s.next = beside
			}
			return
		}
	}
}

// find is the index of the last row on the page that was given before; -1 for none.
func (s *source[T]) find() int {
	for i := len(s.rows) - 1; i >= 0; i-- {
		if s.given[tagOf(providers.NodeOf(s.rows[i]).ID)] {
			return i
		}
	}
	return -1
}

// before is how many rows at the head of the page are newer than the last row given, and how many are newer or as old.
func (s *source[T]) before() (newer, notOlder int) {
	for _, row := range s.rows {
		at := stamp(providers.NodeOf(row).Listed())
		if at < s.at.Time {
			break
		}
		if at > s.at.Time {
			newer++
		}
		notOlder++
	}
	return newer, notOlder
}

// head is the next row that matches; nil when there is none, for now or for good.
func (s *source[T]) head(ctx context.Context) *T {
	for s.err == nil && !s.stopped && !s.at.Done {
		for s.next < len(s.rows) {
			row := s.rows[s.next]
			if s.wants(row) {
				return row
			}
			s.pass()
		}
		if !s.more {
			s.at.Done = true
			return nil
		}
		s.read(ctx, s.page+1)
	}
	return nil
}

// pass goes behind the next row.
func (s *source[T]) pass() {
	n := providers.NodeOf(s.rows[s.next])
	if s.given == nil {
		s.given = map[tag]bool{}
	}
	s.given[tagOf(n.ID)] = true
	s.at.pass(n, s.page)
	s.next++
}

// wants says whether a row is to be given: it matches, and was not given before.
func (s *source[T]) wants(row *T) bool {
	return s.match(row) && !s.given[tagOf(providers.NodeOf(row).ID)]
}

// goesOn says whether there is, or may be, more behind what was read.
func (s *source[T]) goesOn() bool {
	if s.at.Done {
		return false
	}
	if s.err != nil {
		return providers.KindOf(s.err).Retryable() || providers.OverAllowance(s.err)
	}
	if s.stopped || s.more {
		return true
	}
	for _, row := range s.rows[min(s.next, len(s.rows)):] {
		if s.wants(row) {
			return true
		}
	}
	return false
}

// row is a row of the merged list, with where every source stood behind it.
type row[T providers.Record] struct {
	record *T
	at     []position
}

// merge reads the next rows of all sources together, newest first. Each source keeps its own order. A source that fails is
// left where it stands; one that reaches the bound of pages ends the reading, so that the order stays.
func merge[T providers.Record](ctx context.Context, sources []*source[T], first int) []row[T] {
	var wg providers.Group
	for _, s := range sources {
		wg.Go(func() { s.open(ctx); s.head(ctx) })
	}
	wg.Wait()
	rows := make([]row[T], 0, min(first, 128))
	for len(rows) < first {
		var (
			newest *source[T]
			head   *T
		)
		for _, s := range sources {
			h := s.head(ctx)
			if s.stopped {
				return rows
			}
			if h != nil && (head == nil || stamp(providers.NodeOf(h).Listed()) > stamp(providers.NodeOf(head).Listed())) {
				newest, head = s, h
			}
		}
		if newest == nil {
			break
		}
		newest.pass()
		rows = append(rows, row[T]{head, standing(sources)})
	}
	return rows
}

// standing is where all sources stand.
func standing[T providers.Record](sources []*source[T]) []position {
	at := make([]position, len(sources))
	for i, s := range sources {
		at[i] = s.at
	}
	return at
}
