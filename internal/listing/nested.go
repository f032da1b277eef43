package listing

import (
	"context"
	"iter"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
)

// Branch is the list of one parent, of which the first rows are wanted.
type Branch[T providers.Record] struct {
	Sources []*Source[T]
	First   int
	Refs    []providers.ID // each row of the list refers to one of these; nil: it is not known
	Rows    []Row[T]       // what was read
}

// within is the longer list that the branch can be read from; nil where it has to be read by
// itself.
func (b *Branch[T]) within() *providers.List[T] {
	if len(b.Sources) != 1 {
		return nil
	}
	if s := b.Sources[0]; s.position.fresh() && !s.position.Done {
		return s.list.Within
	}
	return nil
}

// Nested reads branches. Those of one account that lie within the same longer list are read by
// walking it for as long as that takes fewer calls; the rest are read one by one.
func Nested[T providers.Record](ctx context.Context, branches []*Branch[T]) {
	walks, single := together(branches)
	wg := providers.GroupFor(ctx)
	read := func(b *Branch[T]) { wg.Go(func() { b.Rows = Merge(ctx, b.Sources, b.First, true) }) }
	for _, b := range single {
		read(b)
	}
	for _, group := range walks {
		wg.Go(func() {
			for _, b := range walk(ctx, group) {
				read(b)
			}
		})
	}
	wg.Wait()
}

// together parts branches: those within the same longer list of one account, by account and
// list, and those that are read by themselves.
func together[T providers.Record](branches []*Branch[T]) (walks map[string][]*Branch[T], single []*Branch[T]) {
	walks = map[string][]*Branch[T]{}
	for _, b := range branches {
		if l := b.within(); l != nil {
			key := b.Sources[0].account + "\x00" + l.Key
			walks[key] = append(walks[key], b)
		} else {
			single = append(single, b)
		}
	}
	return walks, single
}

// Outlook is how many calls [Nested] is expected to take. It reads no more than the first
// pages of the longer lists, which Nested begins with, too: looked is how many of these
// there are, rest is what it takes beyond them. page reads such a page; it may remember
// pages.
func Outlook[T providers.Record](
	branches []*Branch[T], page func(account string, l providers.List[T], r providers.PageRequest) (*providers.Page[T], error),
) (looked, rest int) {
	walks, single := together(branches)
	lists := map[string]bool{} // branches may share a list that the vendor does not narrow
	for _, b := range single {
		for _, s := range b.Sources {
			if !s.position.Done {
				lists[s.account+"\x00"+s.list.Key] = true
			}
		}
	}
	rest = len(lists)
	for _, group := range walks {
		if len(group) == 1 {
			rest++
			continue
		}
		s := group[0].Sources[0]
		looked++
		p, err := page(s.account, *s.list.Within, providers.PageRequest{Number: 1, Reader: s.reader})
		if err != nil {
			rest += len(group)
		}
		if err != nil || !p.More {
			continue
		}
		done, pages := settled(group, p), length(p, s.maxPages)
		switch {
		case p.Total != nil:
		case len(p.Items) < fullPage:
			pages = 2
		case providers.TryFar(len(group) - done):
			looked++
			if far, err := page(s.account, *s.list.Within, providers.PageRequest{Number: providers.FarPage, Reader: s.reader}); err == nil {
				pages = far.Short()
			}
		}
		rest += providers.Outlook(done, len(group), pages)
	}
	return looked, rest
}

// settled is how many branches have their rows on a page of the longer list.
func settled[T providers.Record](branches []*Branch[T], p *providers.Page[T]) (n int) {
	deal, found := newDealer(branches), map[*Branch[T]]int{}
	for _, row := range p.Items {
		for b := range deal.matching(row) {
			if found[b]++; found[b] == b.First+1 {
				n++
			}
		}
	}
	return n
}

// length is how many pages a list has by what its page says, -1 where that is not known, or
// more than may be read, so that no walk comes to the end.
func length[T providers.Record](p *providers.Page[T], maxPages int) int {
	size := len(p.Items)
	if p.Total == nil || size == 0 {
		return -1
	}
	if n := int((*p.Total + int64(size) - 1) / int64(size)); n <= maxPages {
		return n
	}
	return -1
}

// fullPage is how many rows a page has that may be followed by others, as far as is known
// before the second page: what every vendor is asked for.
const fullPage = 100

// walk reads the longer list that several branches lie within, page by page, and gives each
// branch its rows, for as long as that takes fewer calls than reading each
// ([providers.WalkOn]). It answers the branches that are still to be read one by one.
func walk[T providers.Record](ctx context.Context, open []*Branch[T]) []*Branch[T] {
	var (
		asked = len(open)
		first = open[0].Sources[0]
		whole = *first.list.Within
		pages = -1
		read  = 0
		empty = false // the last page
		found = map[*Branch[T]][]*T{}
		deal  = newDealer(open)
	)
	if !providers.WalkOn(read, len(open), asked, pages, true) {
		return open
	}
	for p, err := range providers.Pages(ctx, whole, first.reader, first.maxPages) {
		if err != nil {
			return open // each then fails, or does not, by itself
		}
		read++
		empty = p.Empty()
		for _, b := range open {
			s := b.Sources[0]
			s.unread, s.within = s.unread+p.Unread, true
		}
		switch {
		case !p.More || len(p.Items) == 0:
		case p.Total != nil:
			pages = length(p, first.maxPages)
		case read == 1 && len(p.Items) < fullPage: // it is probably the last, which the next page proves
			pages = 2
		case read == 1 && providers.TryFar(len(open)):
			if far, err := whole.Page(ctx, providers.PageRequest{Number: providers.FarPage, Reader: first.reader}); err == nil {
				pages = far.Short()
			}
		case read == 2 && pages == 2: // it was not
			pages = -1
		}
		for _, row := range p.Items {
			for b := range deal.matching(row) {
				found[b] = append(found[b], row)
			}
			if len(providers.NodeOf(row).Unread) > 0 {
				for _, b := range open {
					b.Sources[0].doubtRow(row)
				}
			}
		}
		open = slices.DeleteFunc(open, func(b *Branch[T]) bool {
			if p.More && len(found[b]) <= b.First {
				return false
			}
			b.Rows = b.Sources[0].takeFrom(found[b], b.First, !p.More)
			deal.done[b] = true
			return true
		})
		if !providers.WalkOn(read, len(open), asked, pages, true) {
			return open
		}
	}
	for _, b := range open { // the vendor repeated its last page, or sent empty ones: there is no more
		s := b.Sources[0]
		b.Rows = s.takeFrom(found[b], b.First, true)
		s.position.Over, s.ranOut = read, empty
	}
	return nil
}

// dealer finds the branches that the rows of a longer list belong to, by the records that
// each row refers to: the work grows with the rows, and not with the product of rows and
// branches.
type dealer[T providers.Record] struct {
	byRef map[providers.ID][]*Branch[T]
	rest  []*Branch[T]          // those whose rows may refer to anything
	done  map[*Branch[T]]bool   // those that have their rows
	tried map[*Branch[T]]*T     // the row that each was tried with last
	dealt map[providers.ID]bool // the rows so far: those added at the head since push others onto the next page
}

func newDealer[T providers.Record](branches []*Branch[T]) *dealer[T] {
	d := &dealer[T]{
		byRef: map[providers.ID][]*Branch[T]{},
		done:  map[*Branch[T]]bool{},
		tried: map[*Branch[T]]*T{},
		dealt: map[providers.ID]bool{},
	}
	_, known := providers.Refs(new(T))
	for _, b := range branches {
		if b.Refs == nil || !known {
			d.rest = append(d.rest, b)
		}
		for _, ref := range b.Refs {
			if known {
				d.byRef[ref.Record()] = append(d.byRef[ref.Record()], b)
			}
		}
	}
	return d
}

// matching are the branches that still want a row, each once; none for a row that was dealt
// before.
func (d *dealer[T]) matching(row *T) iter.Seq[*Branch[T]] {
	return func(yield func(*Branch[T]) bool) {
		id := providers.NodeOf(row).ID
		if d.dealt[id] {
			return
		}
		d.dealt[id] = true
		try := func(branches []*Branch[T]) bool {
			for _, b := range branches {
				if d.done[b] || d.tried[b] == row {
					continue
				}
				d.tried[b] = row
				if b.Sources[0].match(row) && !yield(b) {
					return false
				}
			}
			return true
		}
		if !try(d.rest) {
			return
		}
		refs, _ := providers.Refs(row)
		for i, ref := range refs {
			if !ref.IsZero() && !slices.Contains(refs[:i], ref) && !try(d.byRef[ref.Record()]) {
				return
			}
		}
	}
}

// takeFrom takes rows that were read from a longer list as the head of this one. They are all of
// it if ended; else there is at least one more than first.
func (s *Source[T]) takeFrom(rows []*T, first int, ended bool) []Row[T] {
	s.page, s.more = 1, !ended
	s.setRows(rows)
	if n := int64(len(rows)); ended {
		if s.list.Exact = len(s.doubts) == 0; s.list.Exact {
			s.total = &n // counted
		}
	}
	out := make([]Row[T], 0, min(first, len(rows)))
	for s.next < len(s.rows) && len(out) < first {
		record := s.take()
		out = append(out, Row[T]{record, []Position{s.position}})
	}
	s.position.Done = ended && s.next == len(s.rows)
	return out
}
