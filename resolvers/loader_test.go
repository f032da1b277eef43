package resolvers

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vikstrous/dataloadgen"
)

// TestLoaderParts: keys that were announced together are fetched together, however late some of them come.
func TestLoaderParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fetched [][]int
		l := &loader[int, int]{asked: map[int]bool{}, fetch: func(_ context.Context, keys []int) ([]int, []error) {
			fetched = append(fetched, keys)
			if slices.Contains(keys, 13) {
				panic("thirteen")
			}
			return keys, nil
		}}
		l.inner = dataloadgen.NewLoader(l.collect, dataloadgen.WithWait(batchWait))
		l.announce(1, 2, 3)
		var wg sync.WaitGroup
		for _, k := range []int{1, 2, 3, 1} {
			wg.Go(func() {
				if got, err := l.inner.Load(t.Context(), k); got != k || err != nil {
					t.Errorf("got %d, %v; want %d", got, err, k)
				}
			})
			time.Sleep(100 * time.Millisecond) // the batch has long been closed
		}
		wg.Wait()
		if _, err := l.all(t.Context(), []int{2, 4}); err != nil {
			t.Error(err)
		}
		want := [][]int{{1, 2, 3}, {4}}
		if len(fetched) != len(want) || !slices.Equal(fetched[0], want[0]) || !slices.Equal(fetched[1], want[1]) {
			t.Errorf("fetched %v, want %v", fetched, want)
		}
		l.announce(13, 14)
		for _, k := range []int{13, 14} {
			wg.Go(func() {
				if _, err := l.inner.Load(t.Context(), k); err == nil {
					t.Errorf("%d: no error of a fetch that panicked", k)
				}
			})
			time.Sleep(100 * time.Millisecond)
		}
		wg.Wait()
	})
}
