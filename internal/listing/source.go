package listing

import (
	"context"
	"errors"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
)

// Source is one list of one account, read from a position on. It belongs to one request and is
// used by one goroutine at a time.
type Source[T providers.Record] struct {
	account  string
	reader   providers.Reader
	list     providers.List[T]
	match    func(*T) bool
	maxPages int // that one request may read
	left     int // of maxPages

	position Position
	page     int // the number of the page in rows; 0 before the first
	mark     uint64
	rows     []*T
	tags     []Tag // of rows
	next     int   // into rows
	more     bool
	repeats  int          // pages in a row that had the rows of the one before
	seen     map[Tag]bool // rows that were taken, in this request or, the last of them, before

	whole   bool // the list was begun at its start, in this request
	taken   int64
	total   *int64
	unread  int
	within  bool  // unread is about a longer list, which was read for this one
	ahead   int   // rows that could not be read on pages behind the position: a later request reads these again
	err     error // the account failed: nothing more comes in this request
	stopped bool  // maxPages was reached: nothing more comes in this request
}

// NewSource makes a source at the start of a list. match says which rows are taken. maxPages
// bounds the pages of the list that are read. It is 2 at least: a request reads the page of its cursor
// again, and has to get on.
func NewSource[T providers.Record](account string, r providers.Reader, l providers.List[T], match func(*T) bool, maxPages int) *Source[T] {
	maxPages = max(maxPages, 2)
	return &Source[T]{account: account, reader: r, list: l, match: match, maxPages: maxPages, left: maxPages,
		position: Position{List: nameOf(account, l.Key)}}
}

// LieWithin names a longer list that holds every row of this one, where the list names none; nil
// changes nothing.
func (s *Source[T]) LieWithin(l *providers.List[T]) {
	if s.list.Within == nil {
		s.list.Within = l
	}
}

// Account is the id of the source's account.
func (s *Source[T]) Account() string { return s.account }

// Key is that of the list.
func (s *Source[T]) Key() string { return s.list.Key }

// Err is what ended the reading in this request; nil for nothing.
func (s *Source[T]) Err() error { return s.err }

// Unread is how many rows the vendor sent that could not be read, on the pages that the position
// passed in this request. So the requests that read a list to its end count each of them once.
func (s *Source[T]) Unread() int {
	if s.More() {
		return s.unread
	}
	return s.unread + s.ahead
}

// UnreadElsewhere says that the rows of Unread are those of a longer list, which was read in place of
// this one: nobody can tell whether they belong to it.
func (s *Source[T]) UnreadElsewhere() bool { return s.within }

// Repeats says whether the list ended because the vendor sent the same page again and again.
func (s *Source[T]) Repeats() bool { return s.position.Done && s.repeats >= providers.MaxRepeats }

// Position is how far the list was read.
func (s *Source[T]) Position() Position { return s.position }

// More says whether there is, or may be, more behind what was read. It is false only where the
// end is proven, or where no later request can read on unless somebody changes the account.
func (s *Source[T]) More() bool {
	switch {
	case s.position.Done:
		return false
	case s.err != nil:
		return resumable(s.err)
	case s.stopped || s.more:
		return true
	}
	for i := s.next; i < len(s.rows); i++ {
		if s.wants(i) {
			return true
		}
	}
	return false
}

// resumable says whether a later request may read on where this one failed.
func resumable(err error) bool {
	if errors.Is(err, providers.ErrPages) {
		return true
	}
	switch providers.KindOf(err) {
	case providers.KindUnauthorized, providers.KindUnsupported, providers.KindInvalid, providers.KindNotFound:
		return false
	}
	return true
}

// Total is how many rows match: by the vendor's count where the list is exact, or by counting
// where this request read the list from its start to its end. known is false where neither is so;
// count then asks the vendor, if it is not nil.
func (s *Source[T]) Total() (total int64, known bool, count func(context.Context) (int64, error)) {
	switch {
	case s.whole && s.position.Done && s.Unread() == 0:
		return s.taken, true, nil
	case !s.list.Exact || s.err != nil || s.within && s.unread > 0:
		return 0, false, nil
	case s.total != nil:
		return *s.total, true, nil
	}
	return 0, false, s.list.Count
}

// read reads a page and stands before its first row.
func (s *Source[T]) read(ctx context.Context, number int) bool {
	if s.left == 0 {
		s.stopped = true
		return false
	}
	s.left--
	p, err := s.list.Page(ctx, providers.PageRequest{Number: number, Reader: s.reader})
	if err != nil {
		s.err = err
		return false
	}
	if p.Mark != 0 && p.Mark == s.mark && number == s.page+1 {
		s.repeats++
	} else {
		s.repeats = 0
	}
	s.page, s.mark, s.more = number, p.Mark, p.More
	s.setRows(p.Items)
	if s.repeats > 0 { // all of its rows stood on the page before
		s.next = len(s.rows)
	}
	if p.Total != nil {
		s.total = p.Total
	}
	// The page of the position was counted when the position came to it, and so was one that repeats.
	if number > max(s.position.Page, s.position.Over) && s.repeats == 0 {
		s.ahead += p.Unread
	}
	return true
}

// setRows makes these the rows of the page, and stands before the first one.
func (s *Source[T]) setRows(rows []*T) {
	s.rows, s.next = rows, 0
	s.tags = slices.Grow(s.tags[:0], len(rows))
	for _, row := range rows {
		s.tags = append(s.tags, tagOf(providers.NodeOf(row).ID))
	}
}

// open reads the page of the position, and goes behind the last row that was taken. Rows that were
// inserted or removed since have pushed that row to a later or an earlier page: the sort key says
// which way to look.
func (s *Source[T]) open(ctx context.Context) {
	if s.position.Done {
		return
	}
	s.seen = make(map[Tag]bool)
	for _, t := range s.position.Last {
		s.seen[t] = true
	}
	if s.position.fresh() {
		s.whole = true
		s.read(ctx, 1)
		return
	}
	if over := s.position.Over; over > 0 {
		// Rows that were removed since have pulled others to the last of these pages: it is read again.
		s.read(ctx, over)
		return
	}
	var (
		number  = max(s.position.Page, 1)
		forward = false
		page    = 0 // where the first row stands that is as old as the last one taken …
		beside  = 0 // … and may or may not have been taken, should none of those remembered be found
	)
	for s.read(ctx, number) {
		if i := s.find(); i >= 0 {
			s.position.Page, s.next = number, i+1
			return
		}
		newer, notOlder := s.before()
		if newer < notOlder && page == 0 {
			page, beside = number, newer
		}
		s.position.Page = number // should maxPages end the search, the next request goes on with it here
		switch {
		case len(s.rows) == 0 && !s.more && number > 1 && !forward:
			// The list has become shorter: the end is nearer to the start than to here.
			number, page = number/2, 0
		case newer == 0 && number > 1 && !forward:
			// All rows stand behind it: it was pulled to an earlier page.
			number, page = number-1, 0
		case notOlder == len(s.rows) && s.more:
			// All rows stand before it, or beside it: it was pushed to a later page.
			number, forward = number+1, true
		default:
			// It is gone, and so are all that are remembered. This is the first row behind or beside it.
			s.next = newer
			if page > 0 && page != number && s.read(ctx, page) {
				s.next = beside
			}
			return
		}
	}
}

// find is the index of the last row on the page that was taken before; -1 for none.
func (s *Source[T]) find() int {
	for i := len(s.rows) - 1; i >= 0; i-- {
		if s.seen[s.tags[i]] {
			return i
		}
	}
	return -1
}

// before is how many rows at the head of the page are newer than the last row taken, and how many
// are newer or as old.
func (s *Source[T]) before() (newer, notOlder int) {
	for _, row := range s.rows {
		at := stamp(providers.NodeOf(row).Listed())
		if at < s.position.Time {
			break
		}
		if at > s.position.Time {
			newer++
		}
		notOlder++
	}
	return newer, notOlder
}

// head is the next row that matches; nil when there is none, for now or for good.
func (s *Source[T]) head(ctx context.Context) *T {
	for s.err == nil && !s.stopped && !s.position.Done {
		for s.next < len(s.rows) {
			if s.wants(s.next) {
				return s.rows[s.next]
			}
			s.pass()
		}
		if !s.more || s.repeats >= providers.MaxRepeats {
			s.position.Done = true
			return nil
		}
		if s.page > s.position.Page && s.repeats == 0 { // the page had no row that the position could pass
			s.position.Over = max(s.position.Over, s.page)
			s.unread, s.ahead = s.unread+s.ahead, 0
		}
		s.read(ctx, s.page+1)
	}
	return nil
}

// take is the next row, which head found.
func (s *Source[T]) take() *T {
	row := s.rows[s.next]
	s.taken++
	s.pass()
	return row
}

// pass goes behind the next row.
func (s *Source[T]) pass() {
	n := providers.NodeOf(s.rows[s.next])
	if s.seen == nil {
		s.seen = map[Tag]bool{}
	}
	tag := s.tags[s.next]
	s.seen[tag] = true
	s.position.pass(n, tag, s.page)
	s.next++
	s.unread, s.ahead = s.unread+s.ahead, 0
}

// wants says whether row i of the page is to be taken: it matches, and was not taken before.
func (s *Source[T]) wants(i int) bool { return s.match(s.rows[i]) && !s.seen[s.tags[i]] }

// Positions are those of several sources.
func Positions[T providers.Record](sources []*Source[T]) []Position {
	return appendPositions(make([]Position, 0, len(sources)), sources)
}

func appendPositions[T providers.Record](out []Position, sources []*Source[T]) []Position {
	for _, s := range sources {
		out = append(out, s.position)
	}
	return out
}

// Resume puts sources where a cursor says that they were. A list that the cursor does not know has
// been planned in another way than then, since a vendor turned out to ignore a filter, say. Where
// as many lists were planned as now, it takes the place of the one it stands for, and looks for the
// row from the start.
func Resume[T providers.Record](sources []*Source[T], positions []Position) {
	known := make(map[string]Position, len(positions))
	for _, p := range positions {
		known[p.List] = p
	}
	for i, s := range sources {
		switch p, ok := known[s.position.List]; {
		case ok:
			s.position = p
		case len(positions) == len(sources):
			p = positions[i]
			p.List, p.Page = s.position.List, 0
			s.position = p
		}
	}
}
