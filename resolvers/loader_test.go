package resolvers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// TestLoader wants keys that are asked for together to be fetched together, each key once,
// and whoever asks while they are fetched to wait.
func TestLoader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fetched [][]int
		errOdd, release := errors.New("odd"), make(chan struct{})
		l := loaderOf(newLoaders(nil), "test", func(_ *Resolver, _ context.Context, keys []int) ([]string, []error) {
			fetched = append(fetched, keys)
			<-release
			if slices.Contains(keys, 13) {
				panic("thirteen")
			}
			values, errs := make([]string, len(keys)), make([]error, len(keys))
			for i, k := range keys {
				if values[i] = string(rune('a' + k)); k%2 > 0 {
					errs[i] = errOdd
				}
			}
			return values, errs
		})
		l.prime([]int{5}, []string{"primed"})
		var wg sync.WaitGroup
		wg.Go(func() {
			if values, errs := l.all(t.Context(), []int{0, 1, 2, 0}); !slices.Equal(values, []string{"a", "b", "c", "a"}) || !slices.Equal(errs, []error{errOdd}) {
				t.Errorf("%q, %v", values, errs)
			}
		})
		synctest.Wait() // the fetch has begun
		wg.Go(func() {
			if v, err := l.one(t.Context(), 2); v != "c" || err != nil {
				t.Errorf("%q, %v", v, err)
			}
		})
		wg.Go(func() {
			if values, errs := l.all(t.Context(), []int{1, 4, 5}); !slices.Equal(values, []string{"b", "e", "primed"}) || !slices.Equal(errs, []error{errOdd}) {
				t.Errorf("%q, %v", values, errs)
			}
		})
		synctest.Wait()
		close(release)
		wg.Wait()
		if want := [][]int{{0, 1, 2}, {4}}; !slices.EqualFunc(fetched, want, slices.Equal) {
			t.Errorf("fetched %v, want %v", fetched, want)
		}
		for range 2 {
			if values, errs := l.all(t.Context(), []int{13, 14}); len(errs) != 2 || !slices.Equal(values, []string{"", ""}) {
				t.Errorf("%q, %v of a fetch that panicked", values, errs)
			}
		}
	})
}
