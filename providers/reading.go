package providers

import "time"

// MaxGap is how long after a page was received the page behind it may be asked for, so that
// both belong to one reading of the list. Rows that come or go within that time are missed
// where the vendor does not count its rows. The time that a call takes is not part of it: a
// slow vendor breaks no reading.
const MaxGap = time.Second

// MaxBreaks bounds how often one reader of a list reads pages again since those before and
// behind them belong to other readings. A list that always changes ends nevertheless.
const MaxBreaks = 8

// Reading keeps the pages that one reader of a list reads to one reading of it. Rows that
// came or went between two pages have moved others from one page to the other: then one of
// the two is read again. The zero value has read nothing.
type Reading struct {
	NotBefore time.Time // for the next requests of pages

	breaks   int
	totals   [2]int64  // of the pages at the last break by totals
	received time.Time // the later of the last two pages that were joined; zero: none were since the last break
}

// Join is what a reader does with a page that it has read behind another.
type Join int

// The joins.
const (
	Joined      Join = iota // the page continues the one before it
	PageAgain               // the page is older than the one before it, and is read again
	BeforeAgain             // the page before it is older, and is read again
)

// Follow says whether page p of a list continues the page before it. Both belong to one
// reading only if one was asked for no later than [MaxGap] after the other was received,
// and if the list had as many rows at both times, where both tell that.
func Follow[T Record](r *Reading, before, p *Page[T]) Join {
	if r.breaks == MaxBreaks || r.gap(before.AskedAt, before.ReadAt, p.AskedAt, p.ReadAt) <= MaxGap && r.sameTotals(before.Total, p.Total) {
		r.received = later(before.ReadAt, p.ReadAt)
		return Joined
	}
	r.breaks, r.received = r.breaks+1, time.Time{}
	if before.ReadAt.After(p.ReadAt) {
		r.NotBefore = before.ReadAt
		return PageAgain
	}
	// A page that was read at the same time, by a coarse clock, is read again, too.
	r.NotBefore = later(p.ReadAt, before.ReadAt.Add(1))
	return BeforeAgain
}

// sameTotals says whether two pages tell the same number of rows. Where the two numbers
// that ended the reading before come again, they are not those of the list, and tell
// nothing.
func (r *Reading) sameTotals(before, total *int64) bool {
	if before == nil || total == nil || *before == *total {
		return true
	}
	totals := [2]int64{*before, *total}
	again := totals == r.totals
	r.totals = totals
	return again
}

// gap is the time between receiving the earlier of two pages and asking for the later one;
// 0 where no cache tells it. When the first was received counts as when the page before it
// was, if that was read again only then: or else, behind that slow call, the next page
// would be late as well.
func (r *Reading) gap(asked, read, asked2, read2 time.Time) time.Duration {
	if read.IsZero() || read2.IsZero() {
		return 0
	}
	return max(asked2.Sub(later(read, r.received)), asked.Sub(read2))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
