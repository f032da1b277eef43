package wire

import (
	"context"
	"sync"

	"github.com/partnergraph/partnergraph/providers"
)

// prover has one proof of a list read at a time.
type prover struct {
	mu    sync.Mutex
	proof *proof // that is being read; nil for none
}

// doubts says whether nothing tells that a page of so many rows is the last one: no page
// had more rows, and no list is known to have ended behind as many.
func (e *Extent) doubts(rows int) bool {
	return rows > 1 && rows < minPage && int64(rows) >= e.most.Load() && int64(rows) > e.ended.Load() && !e.small.Load()
}

// provenFor is how many first pages a proof stands for that have as many rows, and none
// more. A list may have exactly one page of a vendor that cuts pages that short.
const provenFor = 100

// count counts a first page of so many rows. Behind the last that a proof stands for, the
// next one is proven again.
func (e *Extent) count(rows int) {
	if rows > 1 && int64(rows) == e.ended.Load() && e.alike.Add(1)%provenFor == 0 {
		e.ended.CompareAndSwap(int64(rows), int64(rows)-1)
	}
}

// proof is a read of the page behind a short first page.
type proof struct {
	done   chan struct{} // closed when it was read
	failed bool
}

// reserve is the proof that a page of so many rows waits for; nil where it needs none. first
// says that no proof was being read, and that the caller reads this one. That a proof is
// needed is decided together with who reads it: one of the same size may just have ended.
func (e *Extent) reserve(rows int) (p *proof, first bool) {
	q := &e.prover
	q.mu.Lock()
	defer q.mu.Unlock()
	if !e.doubts(rows) {
		return nil, false
	}
	if first = q.proof == nil; first {
		q.proof = &proof{done: make(chan struct{})}
	}
	return q.proof, first
}

// end says that no proof is being read any more.
func (q *prover) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.proof = nil
}

// prove reads the page behind a first page of so many rows, and notes what that says: it
// has rows of its own, or the first page is the last one. A read that panics proves
// nothing, and leaves nobody waiting.
func (e *Extent) prove(p *proof, rows int, read func() (follows bool, err error)) {
	p.failed = true
	defer func() {
		e.prover.end()
		close(p.done)
	}()
	follows, err := read()
	if err != nil {
		return
	}
	p.failed = false
	if follows {
		e.small.Store(true)
	} else {
		e.ended.Store(max(e.ended.Load(), int64(rows))) // there is one proof at a time
	}
	providers.Learn()
}

// Proven reads a page of a list. Where it is a short first page, nothing tells whether it
// is the last one, and the request wants to know, the page behind it is read, too. That
// says it of all pages of the endpoint with as few rows: it is read again only for a larger
// short page, or after a restart. Lists that are read at once wait for one proof. read also
// says how many rows the vendor sent; 0 where the reply itself tells whether the page is the
// last one.
func Proven[T providers.Record](
	ctx context.Context, e *Extent, r providers.PageRequest, read func(number int) (page *providers.Page[T], sent int, err error),
) (*providers.Page[T], error) {
	page, sent, err := read(r.Number)
	if err != nil || r.Number != 1 || !r.Prove || page.More {
		return page, err
	}
	e.count(sent)
	for {
		p, first := e.reserve(sent)
		if p == nil {
			break
		}
		if first {
			e.prove(p, sent, func() (bool, error) {
				next, rows, err := read(2)
				// Of pages without a readable row nothing tells whether they are the same.
				same := next != nil && next.Mark == page.Mark && page.Mark != 0
				return err == nil && rows > 0 && !same, err
			})
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
