package sandbox

import (
	"cmp"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
)

// rows are those of the page that a call asks for.
func rows(q url.Values, f *filter, row func(i int) object) []object {
	size := min(positive(q.Get("per_page"), cmp.Or(f.size, 20)), 100)
	skip := (positive(q.Get("page"), 1) - 1) * size
	page := []object{}
	for i := range f.sorted() {
		if skip--; skip >= 0 {
			continue
		}
		if page = append(page, row(i)); len(page) == size {
			break
		}
	}
	return page
}

// maxPage keeps the products of pages and rows small.
const maxPage = 1 << 30

func positive(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return min(max(n, 1), maxPage)
	}
	return otherwise
}

// sorted are the matching rows in the order asked for, else the newest first.
func (f *filter) sorted() iter.Seq[int] {
	for name, key := range f.sorts {
		order := f.q.Get("sorting[" + name + "]")
		if order != "asc" && order != "desc" {
			continue
		}
		all := slices.Collect(f.newestFirst())
		slices.SortStableFunc(all, func(a, b int) int {
			if order == "asc" {
				a, b = b, a
			}
			return cmp.Compare(key(b), key(a))
		})
		return slices.Values(all)
	}
	if f.q.Get("sorting[created_at]") == "asc" || f.q.Get("sorting[joined_at]") == "asc" {
		all := slices.Collect(f.newestFirst())
		slices.Reverse(all)
		return slices.Values(all)
	}
	return f.newestFirst()
}

func (f *filter) newestFirst() iter.Seq[int] {
	return func(yield func(int) bool) {
		n := f.n
		if f.part {
			n = len(f.from)
		}
		for k := n - 1; k >= 0; k-- {
			i := k
			if f.part {
				i = int(f.from[k])
			}
			if f.match(i) && !yield(i) {
				return
			}
		}
	}
}

// sorted are the members of a set, in order.
func sorted(set map[int]bool) []int32 {
	var rows []int32
	for _, i := range slices.Sorted(maps.Keys(set)) {
		rows = append(rows, int32(i))
	}
	return rows
}
