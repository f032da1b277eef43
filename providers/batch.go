package providers

import (
	"context"
	"errors"
	"sync"
)

// Batch is the answer to a read by id.
type Batch[T Record] struct {
	Found   map[ID]*T
	Failed  map[ID]error // ids that could not be read, while others could
	Harvest Harvest      // what came along, the records asked for left out
}

// WalkOn is the rule by which many things are read in the fewest calls, where they can be
// had one by one or by walking the list that holds them all: given that the walk has read
// so many pages, that so many of the things asked for are still open, and how many pages
// the list has (-1: unknown), it says whether to read the next page of the list rather than
// the open things one by one.
//
// It never costs more than asking for each one, as long as the first page settles one of
// them: a walk goes on while its end is nearer than the things are many, or while it has
// settled more than a thing a page. A list of unknown length is begun only with probe, that
// is where its first page tells its length.
func WalkOn(read, open, asked, pages int, probe bool) bool {
	switch {
	case open == 0 || pages >= 0 && read >= pages:
		return false
	case pages >= 0 && pages-read < open:
		return true
	case read == 0:
		return probe && asked > 1
	default:
		return read+open < asked
	}
}

// FarPage is the page of a list of unknown length that is tried before many things are read
// one by one: where it has no rows, the list is shorter, and walking it is cheaper.
const FarPage = 12

// Short is how many pages a list has at most, given its page [FarPage]; -1 for unknown.
func (p *Page[T]) Short() int {
	if len(p.Items) == 0 && p.Unread == 0 && !p.More {
		return FarPage - 1
	}
	return -1
}

// TryFar says whether so many open things are worth that try.
func TryFar(open int) bool { return open > 2*FarPage }

// Tries is how many pages of a list of unknown length are read at most before n things are
// read one by one.
func Tries(n int) int {
	switch {
	case n < 2:
		return 0
	case TryFar(n):
		return 2
	default:
		return 1
	}
}

// Outlook is how many calls the rest of a read takes by the rule of [WalkOn], after the
// first page of the list settled so many of the things asked for: exactly, where the rest
// is read one by one; by the rate of the first page, where the walk goes on and nobody
// knows how long the list is.
func Outlook(settled, asked, pages int) int {
	open := asked - settled
	if !WalkOn(1, open, asked, pages, true) {
		return open
	}
	rest := open
	if settled > 0 {
		rest = (open + settled - 1) / settled
	}
	if pages >= 0 {
		rest = pages - 1
	}
	return min(rest, open)
}

// gatherWidth bounds how many single reads of one batch are under way at once. The budget bounds
// them over time; this bounds sockets.
const gatherWidth = 16

// Gather reads records by id in the fewest calls, by the rule of [WalkOn]: one reads a
// single record (nil: it is not there), page reads a page of the list that holds all of
// them, pages is that list's last known length (-1: unknown), probe says that a page tells
// its Total. size is the rows of a page. enough says whether a row of the list tells what
// is needed of it (nil: each does); one that does not is read by itself, and stands only
// where that read finds nothing.
func Gather[T Record](ctx context.Context, ids []ID, size, pages int, probe bool,
	page func(ctx context.Context, number int) (*Page[T], error),
	one func(ctx context.Context, id ID) (*T, Harvest, error),
	enough func(*T) bool,
) (*Batch[T], error) {
	open, thin := make(map[ID]bool, len(ids)), map[ID]*T{}
	for _, id := range ids {
		open[id] = true
	}
	asked := len(open)
	b := &Batch[T]{Found: make(map[ID]*T, asked)}
	walked := List[T]{Page: func(ctx context.Context, r PageRequest) (*Page[T], error) { return page(ctx, r.Number) }}
	if read := 0; WalkOn(read, len(open), asked, pages, probe) {
		for p, err := range Pages(ctx, walked, nil, 0) {
			if errors.Is(err, ErrPages) || errors.Is(err, ErrAllowance) && read > 0 {
				break // the rest are read one by one
			}
			if err != nil {
				return nil, err
			}
			read++
			b.Harvest.Add(p.Harvest)
			for _, row := range p.Items {
				id := NodeOf(row).ID
				switch {
				case !open[id]:
					b.Harvest.Add(HarvestOf(row))
					continue
				case enough == nil || enough(row):
					b.Found[id] = row
				default:
					thin[id] = row
				}
				delete(open, id)
			}
			if p.Total != nil {
				pages = int((*p.Total + int64(size) - 1) / int64(size))
			}
			if read == 1 && pages < 0 && probe && p.More && TryFar(len(open)) {
				if far, err := page(ctx, FarPage); err == nil {
					pages = far.Short()
				}
			}
			if !WalkOn(read, len(open), asked, pages, probe) {
				break
			}
		}
	}
	var (
		mu   sync.Mutex
		wg   Group
		slot = make(chan struct{}, gatherWidth)
	)
	for id := range thin {
		open[id] = true
	}
	if len(open) > 0 && len(open) > AllowanceFrom(ctx).Left(ids[0].Account) { // it cannot be finished, so it is not begun
		b.Failed = make(map[ID]error, len(open))
		for id := range open {
			b.Failed[id] = &Error{Op: "records by id", Kind: KindAllowance, Err: ErrAllowance}
		}
		return b, nil
	}
	for id := range open {
		slot <- struct{}{}
		wg.Go(func() {
			defer func() { <-slot }()
			row, harvest, err := one(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			b.Harvest.Add(harvest)
			switch {
			case err != nil:
				if b.Failed == nil {
					b.Failed = map[ID]error{}
				}
				b.Failed[id] = err
			case row != nil:
				b.Found[id] = row
			case thin[id] != nil:
				b.Found[id] = thin[id]
			}
		})
	}
	wg.Wait()
	return b, nil
}
