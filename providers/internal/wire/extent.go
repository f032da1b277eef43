package wire

import (
	"context"
	"sync/atomic"

	"github.com/partnergraph/partnergraph/providers"
)

// Extent is what replies have shown of one of the vendor's lists: how many rows its pages
// have and how many pages the whole list has; beside it, which members its records have
// where they are read by themselves. The zero value knows nothing. It is safe for
// concurrent use.
//
// A vendor may give fewer rows a page than are asked for, begin to do so at any time, and
// leave rows out of a page in the middle. It says none of this. So a page is taken for the
// last one only if it has less than half of the rows of the largest page so far and not a
// number of rows that is a usual page size. Behind any other, one more page is asked for.
// The page behind the end is empty or repeats another page. The largest page is that of all
// lists of the endpoint, so that a server that has read a longer list asks for no page
// behind most short ones. While the largest page has fewer rows than any vendor's usual
// page, [Proven] finds out whether that is the vendor's page size. Reads that want a proof
// ([providers.WithProof]) take no page with rows for the last one.
type Extent struct {
	most  atomic.Int64 // rows in one page, of any list of the endpoint
	ended atomic.Int64 // rows of the largest first page that proved to be the last one
	alike atomic.Int64 // first pages of as many rows since
	small atomic.Bool  // a page followed one of fewer than minPage rows
	last  atomic.Int64 // the number of the last page of the whole list that had rows
	pages atomic.Int64 // of the whole list, plus one; 0: not known

	singles singles
	prover  prover
}

// asked is how many rows each page is asked for, of every vendor: the most that it may have.
const asked = 100

// minPage is the smallest full page that a vendor is known to give: 10 rows, UpPromote's default.
const minPage = 10

// More says whether a page that had so many rows may be followed by another. A page may
// have more rows than were asked for. Either the vendor has larger pages, and the next one
// goes on behind it; or it has no pages, and the next one repeats it, which ends the list.
// So no row is lost.
func (e *Extent) More(ctx context.Context, rows int) bool {
	for most := e.most.Load(); most < int64(rows); most = e.most.Load() {
		if e.most.CompareAndSwap(most, int64(rows)) {
			providers.Learn()
			break
		}
	}
	most := int(e.most.Load())
	switch {
	case providers.WantsProof(ctx):
		return rows > 0
	case most < minPage:
		return e.small.Load() && rows > 0 && 2*rows >= most
	case rows < minPage: // a full page has lost rows, or it is the last one
		return usual(most) && 2*rows > most
	}
	return rows >= asked/2 || 2*rows >= most || usual(rows)
}

// Follows notes that the vendor says of a page of so many rows that another follows.
func (e *Extent) Follows(rows int) {
	if rows > 0 && rows < minPage {
		e.small.Store(true)
	}
}

// usual says whether a number of rows is a usual page size.
func usual(rows int) bool { return rows%5 == 0 || rows%12 == 0 }

// PageSize is the most rows that a page had so far, and no more than were asked for; size
// where none was read.
func (e *Extent) PageSize(size int) int {
	if most := int(e.most.Load()); most > 0 {
		return min(most, size)
	}
	return size
}

// Saw notes a page of the whole list, the one that nothing narrows.
func (e *Extent) Saw(number, rows int, more bool) {
	switch {
	case rows > 0 && !more:
		e.SetPages(number)
	case rows == 0 && int64(number) == e.last.Load()+1:
		e.SetPages(number - 1)
	}
	if rows > 0 {
		e.last.Store(int64(number))
	}
}

// SetPages notes how many pages the whole list has, where the vendor says it.
func (e *Extent) SetPages(pages int) {
	if known := int64(pages) + 1; e.pages.Swap(known) != known {
		providers.Learn()
	}
}

// Pages is how many pages the whole list has; -1 where that is not known.
func (e *Extent) Pages() int { return int(e.pages.Load()) - 1 }
