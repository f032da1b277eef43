package listing

import (
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// TestSeekEnds reads lists whose rows are all of one time by requests of few pages. The
// remembered rows are removed after the first request: the list ends, and every row that is
// left comes.
func TestSeekEnds(t *testing.T) {
	for maxPages := 2; maxPages <= 5; maxPages++ {
		for _, first := range []int{4, 7, 10, 25} {
			for _, size := range []int{45, 90, 130} {
				maker, vendor := &vendorList{account: "a"}, &oddVendor{}
				for i := range size {
					vendor.rows = append(vendor.rows, maker.row(i, 0))
				}
				vendor.page = func(rows []*providers.Commission, n int) *providers.Page[providers.Commission] {
					return slice(rows, (n-1)*5, n*5, n*5 < len(rows))
				}
				got := map[providers.ID]bool{}
				var positions []Position
				for request := 0; ; request++ {
					if request > 4*size {
						t.Fatalf("%d rows, by %d, %d pages a request: the list does not end", size, first, maxPages)
					}
					s := NewSource("a", nil, vendor.list(), every, maxPages)
					sources := []*Source[providers.Commission]{s}
					Resume(sources, positions)
					rows := Merge(t.Context(), sources, first, false)
					for _, r := range rows {
						got[r.Record.ID] = true
					}
					if request == 0 {
						gone := len(rows)
						vendor.rows = vendor.rows[max(gone-4, 0):]
						vendor.rows = vendor.rows[min(4, gone):]
						for range gone - 4 { // so that the page of the position is not the first one
							vendor.rows = append([]*providers.Commission{maker.row(1000+len(vendor.rows), 0)}, vendor.rows...)
						}
					}
					if !s.More() {
						break
					}
					positions = Positions(sources)
				}
				for _, row := range vendor.rows {
					if !got[row.ID] {
						t.Errorf("%d rows, by %d, %d pages a request: a row is missing", size, first, maxPages)
						break
					}
				}
			}
		}
	}
}
