package listing

import (
	"context"

	"github.com/partnergraph/partnergraph/providers"
)

// Widen replaces sources of one account that lie within the same longer list by that list,
// where reading it takes fewer calls: a filter that names 20 affiliates has a list for
// each, and half of the newest page of all may be theirs. match says which rows of the
// longer list are wanted. What a cursor says was replaced stays so: its positions are
// given, nil for a start.
func Widen[T providers.Record](
	ctx context.Context,
	sources []*Source[T],
	match func(*T) bool,
	first int,
	positions []Position,
) []*Source[T] {
	groups := map[string][]*Source[T]{}
	for _, s := range sources {
		if s.list.Within != nil {
			key := s.account + "\x00" + s.list.Within.Key
			groups[key] = append(groups[key], s)
		}
	}
	if len(groups) == 0 {
		return sources
	}
	var out []*Source[T]
	seen := map[string]bool{}
	for _, s := range sources { // in their order
		if s.list.Within == nil {
			out = append(out, s)
			continue
		}
		key := s.account + "\x00" + s.list.Within.Key
		if seen[key] {
			continue
		}
		seen[key] = true
		group := groups[key]
		whole := NewSource(s.account, s.reader, *s.list.Within, match, s.maxPages)
		whole.list.Exact, whole.list.Count = false, nil // it counts others, too
		whole.JudgeBy(s.unsure)
		if widens(ctx, group, whole, first, positions) {
			out = append(out, whole)
		} else {
			out = append(out, group...)
		}
	}
	return out
}

// widens says whether to read whole rather than each of group.
func widens[T providers.Record](ctx context.Context, group []*Source[T], whole *Source[T], first int, positions []Position) bool {
	for _, p := range positions {
		if p.List == whole.position.List {
			return true
		}
	}
	if len(positions) > 0 || len(group) < 2 {
		return false
	}
	if len(group) > whole.maxPages {
		return true // they are more than may be asked for one by one
	}
	p, err := whole.list.Page(ctx, providers.PageRequest{Number: 1, Reader: whole.reader})
	if err != nil {
		return false // each then fails, or does not, by itself
	}
	if !p.More {
		return true
	}
	matching := 0
	for _, row := range p.Items {
		if whole.match(row) {
			matching++
		}
	}
	pages := whole.maxPages + 1
	if matching > 0 {
		pages = (first + matching - 1) / matching
	}
	if size := len(p.Items); p.Total != nil && size > 0 {
		pages = min(pages, int((*p.Total+int64(size)-1)/int64(size)))
	}
	return pages < len(group)
}
