package wire

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/partnergraph/partnergraph/providers"
)

// Extent is what replies have shown of one of the vendor's lists: how many rows its pages
// have, how many pages the whole list has, and which members its records have where they
// are read by themselves. The zero value knows nothing. It is safe for concurrent use.
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
	small atomic.Bool  // a page followed one of fewer than minPage rows
	last  atomic.Int64 // the number of the last page of the whole list that had rows
	pages atomic.Int64 // of the whole list, plus one; 0: not known

	mu      sync.Mutex
	members map[string]bool // of records that were read by themselves: whether one of them had it
	proof   *proof          // that is being read; nil for none
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

// usual says whether a number of rows is a usual page size.
func usual(rows int) bool { return rows%5 == 0 || rows%12 == 0 }

// doubts says whether nothing tells that a page of so many rows is the last one: no page
// had more rows, and no list is known to have ended behind as many.
func (e *Extent) doubts(rows int) bool {
	return rows > 1 && rows < minPage && int64(rows) >= e.most.Load() && int64(rows) > e.ended.Load() && !e.small.Load()
}

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

// alone notes which members of the core a record had that was read by itself.
func (e *Extent) alone(core *Core, m Members) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.members == nil {
		e.members = map[string]bool{}
	}
	for _, name := range core.Members {
		e.members[name] = e.members[name] || m.Has(name)
	}
}

// never says whether records were read by themselves and none of them had this member.
func (e *Extent) never(name string) bool {
	if e == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	had, read := e.members[name]
	return read && !had
}

// lacks says whether a row lacks a member of the core that can be had.
func (e *Extent) lacks(core *Core, m Members) bool {
	return slices.ContainsFunc(core.Members, func(name string) bool { return !m.Has(name) && !e.never(name) })
}

// proof is a read of the page behind a short first page.
type proof struct {
	done   chan struct{} // closed when it was read
	failed bool
}

// reserve is the proof that is being read. first says that there was none, and that the
// caller reads this one.
func (e *Extent) reserve() (p *proof, first bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if first = e.proof == nil; first {
		e.proof = &proof{done: make(chan struct{})}
	}
	return e.proof, first
}

// release notes what the page behind a first page of so many rows says: it has rows of its
// own, or the first page is the last one.
func (e *Extent) release(p *proof, rows int, follows bool, err error) {
	switch {
	case err != nil:
		p.failed = true
	case follows:
		e.small.Store(true)
		providers.Learn()
	default:
		e.ended.Store(max(e.ended.Load(), int64(rows))) // there is one proof at a time
		providers.Learn()
	}
	e.mu.Lock()
	e.proof = nil
	e.mu.Unlock()
	close(p.done)
}

// Proven reads a page of a list. Where it is a short first page, nothing tells whether it
// is the last one, and the request wants to know, the page behind it is read, too. That
// says it of all pages of the endpoint with as few rows: it is read again only for a larger
// short page, or after a restart. Lists that are read at once wait for one proof. read also
// says how many rows the vendor sent.
func Proven[T providers.Record](
	ctx context.Context, e *Extent, r providers.PageRequest, read func(number int) (page *providers.Page[T], sent int, err error),
) (*providers.Page[T], error) {
	page, sent, err := read(r.Number)
	if err != nil || r.Number != 1 || !r.Prove || page.More {
		return page, err
	}
	for e.doubts(sent) {
		p, first := e.reserve()
		if first {
			next, rows, err := read(2)
			e.release(p, sent, err == nil && rows > 0 && next.Mark != page.Mark, err)
		}
		select {
		case <-p.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if p.failed {
			page.More = true // the next read of the list finds out
			return page, nil
		}
	}
	page.More = e.More(ctx, sent)
	return page, nil
}
