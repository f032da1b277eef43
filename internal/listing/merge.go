package listing

import (
	"context"

	"github.com/partnergraph/partnergraph/providers"
)

// Row is a row of a merged list, with the positions of all sources behind it. Only the
// first row has them where no cursors are wanted.
type Row[T providers.Record] struct {
	Record    *T
	Positions []Position
}

// Merge reads the next rows of all sources together, newest first, first of them at most.
// Each source keeps its own order. A source that fails is left where it is; one that
// reaches its bound of pages ends the reading, so that the order stays. cursors says
// whether each row needs its positions.
func Merge[T providers.Record](ctx context.Context, sources []*Source[T], first int, cursors bool) []Row[T] {
	wg := providers.GroupFor(ctx)
	for _, s := range sources {
		wg.Go(func() { s.open(ctx); s.head(ctx) })
	}
	wg.Wait()
	rows := make([]Row[T], 0, min(first, 128))
	marked := 1 // rows with positions
	if cursors {
		marked = cap(rows)
	}
	positions := make([]Position, 0, marked*len(sources))
	for len(rows) < first {
		var (
			newest *Source[T]
			head   *T
		)
		for _, s := range sources {
			h := s.head(ctx)
			if s.stopped {
				return rows
			}
			if h != nil && (head == nil || s.times[s.next] > newest.times[newest.next]) {
				newest, head = s, h
			}
		}
		if newest == nil {
			break
		}
		row := newest.take()
		if !cursors && len(rows) > 0 {
			rows = append(rows, Row[T]{Record: row})
			continue
		}
		before := len(positions)
		positions = appendPositions(positions, sources) // where it grows, earlier rows keep theirs
		rows = append(rows, Row[T]{row, positions[before:len(positions):len(positions)]})
	}
	return rows
}
