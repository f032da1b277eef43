package listing

import (
	"cmp"
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
	unsure   func(*T) string // see JudgeBy; nil: every row can be judged
	maxPages int             // that one request may read
	left     int             // of maxPages

	position Position
	page     int     // the number of the page in rows; 0 before the first
	rows     []*T    // newest first
	tags     []Tag   // of rows
	times    []int64 // of rows; an undated row has that of its neighbor
	next     int     // into rows
	more     bool
	current  *providers.Page[T] // the page in rows, as it was read; nil before the first
	marks    providers.Marks
	repeats  int          // pages in a row that had the rows of others before them
	seen     map[Tag]bool // rows that were taken, in this request or, the last of them, before

	reading providers.Reading
	broken  bool // the page that was to be read belongs to another reading than the one before it

	whole   bool // the list was begun at its start, in this request
	taken   int64
	total   *int64
	unread  int
	within  bool                    // unread is about a longer list, which was read for this one
	ahead   int                     // rows that could not be read on pages behind the position: a later request reads these again
	err     error                   // the account failed: nothing more comes in this request
	doubts  map[providers.ID]string // the field by which each row cannot be judged that was passed
	ranOut  bool                    // the list ended behind empty pages, though the vendor says that rows follow
	stopped bool                    // maxPages was reached: nothing more comes in this request
}

// NewSource makes a source at the start of a list. match says which rows are taken.
// maxPages bounds the pages of the list that are read. It is 2 at least: a request reads
// the page of its cursor again, and has to get on.
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

// UnreadElsewhere says that the rows of Unread are those of a longer list, which was read
// in place of this one: nobody can tell whether they belong to it.
func (s *Source[T]) UnreadElsewhere() bool { return s.within }

// Repeats says whether the list ended because the vendor sent the same page again and again.
func (s *Source[T]) Repeats() bool { return s.position.Done && s.repeats >= providers.MaxRepeats }

// Pages is how many pages were read of the list.
func (s *Source[T]) Pages() int { return s.maxPages - s.left }

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
	case s.whole && s.position.Done && s.Unread() == 0 && len(s.doubts) == 0 && !s.ranOut:
		return s.taken, true, nil
	case !s.list.Exact || s.err != nil || s.within && s.unread > 0:
		return 0, false, nil
	case s.total != nil:
		return *s.total, true, nil
	}
	return 0, false, s.list.Count
}

// read reads a page and stands before its first row. A page may follow the one before it
// only if both belong to the same reading of the list: else one of them is read again. If
// that is the one before, the source is broken, and has to look for its position again.
func (s *Source[T]) read(ctx context.Context, number int) bool {
	if s.left == 0 {
		s.stopped = true
		return false
	}
	s.left--
	p, err := s.list.Page(ctx, providers.PageRequest{Number: number, Reader: s.reader, NotBefore: s.reading.NotBefore})
	if err != nil {
		s.err = err
		return false
	}
	if b := s.current; b != nil && number == s.page+1 {
		switch providers.Follow(&s.reading, b, p) {
		case providers.PageAgain:
			s.left++ // the page was not used, and its rows may stand elsewhere by now
			s.marks = providers.Marks{}
			return s.read(ctx, number)
		case providers.BeforeAgain:
			s.left += 2 // nor does it count that the one before is read again
			s.broken = true
			return false
		}
	}
	s.current = p
	if repeats := s.marks.Repeats(number, p.Mark); repeats && number == s.page+1 {
		s.repeats++
	} else {
		s.repeats = 0
	}
	s.page, s.more = number, p.More
	s.setRows(p.Items)
	if s.repeats > 0 { // all of its rows stood on pages before
		s.next = len(s.rows)
	}
	if p.Total != nil {
		s.total = p.Total
	}
	// The page of the position was counted when the position came to it, and so was one
	// that repeats.
	if number > max(s.position.Page, s.position.Over) && s.repeats == 0 {
		s.ahead += p.Unread
	}
	return true
}

// setRows makes these the rows of the page, and stands before the first one. A vendor may
// send them in no order.
func (s *Source[T]) setRows(rows []*T) {
	s.setTimes(rows)
	if !slices.IsSortedFunc(s.times, newestFirst) {
		order := make([]int, len(rows))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(i, j int) int { return newestFirst(s.times[i], s.times[j]) })
		sorted := make([]*T, len(rows)) // the others may be the cache's
		for i, j := range order {
			sorted[i] = rows[j]
		}
		rows = sorted
		slices.SortFunc(s.times, newestFirst)
	}
	s.rows, s.next = rows, 0
	s.tags = slices.Grow(s.tags[:0], len(rows))
	for _, row := range rows {
		s.tags = append(s.tags, tagOf(providers.NodeOf(row).ID))
	}
}

func newestFirst(a, b int64) int { return cmp.Compare(b, a) }

// setTimes makes the times those of these rows. An undated row has the time of the row
// before it; at the head of the page, that of the first dated one.
func (s *Source[T]) setTimes(rows []*T) {
	s.times = slices.Grow(s.times[:0], len(rows))
	last := int64(0)
	for _, row := range rows {
		last = cmp.Or(stamp(providers.NodeOf(row).Listed()), last)
		s.times = append(s.times, last)
	}
	dated := slices.IndexFunc(s.times, func(t int64) bool { return t != 0 })
	if dated < 0 { // none of the page: as the last one taken
		for i := range s.times {
			s.times[i] = s.position.Time
		}
		return
	}
	for i := range dated {
		s.times[i] = s.times[dated]
	}
}

// open reads the page of the position, and goes behind the last row that was taken. Rows
// that were inserted or removed since have pushed that row to a later or an earlier page:
// the sort key says which way to look.
func (s *Source[T]) open(ctx context.Context) {
	s.seek(ctx)
	s.reopen(ctx)
}

// reopen looks for the position of a source that is broken, in pages of a later reading.
func (s *Source[T]) reopen(ctx context.Context) {
	for s.broken {
		s.broken, s.current, s.page, s.repeats, s.marks = false, nil, 0, 0, providers.Marks{}
		s.seek(ctx)
	}
}

// seek is open, but may leave the source broken.
func (s *Source[T]) seek(ctx context.Context) {
	if s.position.Done {
		return
	}
	if s.seen == nil {
		s.seen = make(map[Tag]bool)
	}
	for _, t := range s.position.Last {
		s.seen[t] = true
	}
	if s.position.fresh() {
		s.whole = true
		s.read(ctx, 1)
		return
	}
	if over := s.position.Over; over > 0 {
		// Rows that were removed since have pulled others to the last of these pages: it is
		// read again.
		s.read(ctx, over)
		return
	}
	var (
		number  = max(s.position.Page, 1)
		page    = &s.position.Seek // a row there may or may not have been taken, should none of those remembered be found
		forward = *page > 0        // the request before went on behind it
	)
	for s.read(ctx, number) {
		if i := s.find(); i >= 0 {
			s.position.Page, s.position.Seek, s.next = number, 0, i+1
			return
		}
		newer, notOlder := s.before()
		if s.position.Time == 0 { // nothing tells where it was: some rows may come again, but none is lost
			return
		}
		if newer < notOlder && *page == 0 {
			*page = number
		}
		s.position.Page = number // should maxPages end the search, the next request goes on with it here
		switch {
		case len(s.rows) == 0 && !s.more && number > 1 && !forward:
			// The list has become shorter: the end is nearer to the start than to here.
			number, *page = number/2, 0
		case newer == 0 && number > 1 && !forward:
			// All rows stand behind it: it was pulled to an earlier page.
			number, *page = number-1, 0
		case notOlder == len(s.rows) && s.more:
			// All rows stand before it, or beside it: it was pushed to a later page.
			number, forward = number+1, true
		default:
			// It is gone, and so are all that are remembered. This is the first row behind
			// or beside it.
			s.next = newer
			if *page > 0 && *page != number && s.read(ctx, *page) {
				s.next, _ = s.before()
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
	for _, time := range s.times {
		if time < s.position.Time {
			break
		}
		if time > s.position.Time {
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
			s.doubt(s.next)
			s.pass()
		}
		if !s.more || s.repeats >= providers.MaxRepeats {
			s.position.Done = true
			return nil
		}
		if s.page > s.position.Page && s.repeats == 0 { // the page had no row that the position could pass
			if s.over() {
				return nil
			}
			s.unread, s.ahead = s.unread+s.ahead, 0
		}
		switch {
		case s.read(ctx, s.page+1):
			if s.wraps(ctx) {
				s.position.Done = true
				return nil
			}
		case s.broken:
			s.reopen(ctx)
		}
	}
	return nil
}

// over moves the position over a page without a row, and says whether that ends the list.
func (s *Source[T]) over() bool {
	switch {
	case s.page <= s.position.Over: // it was counted before
	case s.current.Empty():
		s.position.Gap++
	default:
		s.position.Gap = 0
	}
	s.position.Over = max(s.position.Over, s.page)
	if s.position.Gap >= providers.MaxEmpty {
		s.position.Done, s.ranOut = true, true
	}
	return s.ranOut
}

// RanOut says whether the list ended because pages first to last were empty in a row,
// though the vendor promised so many rows in all, or more of them where it told no number
// (-1).
func (s *Source[T]) RanOut() (promised int64, first, last int, ok bool) {
	promised = -1
	if s.total != nil {
		promised = *s.total
	}
	return promised, s.position.Over - providers.MaxEmpty + 1, s.position.Over, s.ranOut
}

// wraps says whether the page that was read is the first one again, as with a vendor that
// begins again behind the end. The first page is compared when all rows of this one are
// newer than the last one taken. Both have to be of one reading: rows that were added or
// removed in between may have moved the rows of one to the other.
func (s *Source[T]) wraps(ctx context.Context) bool {
	if s.repeats > 0 || s.whole || len(s.rows) == 0 || s.times[len(s.times)-1] <= s.position.Time {
		return false
	}
	first, err := s.list.Page(ctx, providers.PageRequest{Number: 1, Reader: s.reader, NotBefore: s.current.ReadAt})
	if err != nil {
		return false
	}
	if reading := s.reading; providers.Follow(&reading, s.current, first) != providers.Joined {
		return false
	}
	again := 0
	for _, row := range first.Items {
		if slices.Contains(s.tags, tagOf(providers.NodeOf(row).ID)) {
			again++
		}
	}
	return again > len(first.Items)/2
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
	if s.seen == nil {
		s.seen = map[Tag]bool{}
	}
	tag := s.tags[s.next]
	if s.seen[tag] { // met again, behind which others were taken: the position stays behind those
		s.position.Page, s.position.Over, s.position.Gap, s.position.Seek = s.page, 0, 0, 0
	} else {
		s.seen[tag] = true
		s.position.pass(tag, s.times[s.next], s.page)
	}
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

// Resume puts sources where a cursor says that they were. A list that the cursor does not
// know has been planned in another way than then, since a vendor turned out to ignore a
// filter, say. Where as many lists were planned as now, it takes the place of the one it
// stands for, and looks for the row from the start.
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
