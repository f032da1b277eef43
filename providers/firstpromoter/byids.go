package firstpromoter

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/partnergraph/partnergraph/providers"
)

// byIDs reads records by their numbers, a hundred a call. Those that the list leaves out
// are absent. Where it leaves all out, that is proven once. What is not proven absent, and
// what the list tells too little of, is read one by one; where there is no such read, the
// former fails.
func (e endpoint[W, T]) byIDs(ctx context.Context, p *provider, numbers []int64, need []string) (*providers.Batch[T], error) {
	b, absent, unproven, err := e.listed(ctx, p, numbers, 0)
	if err != nil {
		return nil, err
	}
	if len(b.Found) == 0 && len(absent) > 0 {
		answers := false // the single read says more than the proof, by fewer calls
		if !e.single || len(absent) > 1 {
			if answers, err = e.answersIDs(ctx, p, absent); err != nil {
				return nil, err
			}
		}
		if !answers {
			unproven = append(unproven, absent...)
		}
	}
	if e.single {
		return e.add(ctx, p, b, append(unproven, thin(b, need)...), nil)
	}
	for _, n := range unproven {
		fail(b, p.id(e.noun, n), p.badReply("GET "+e.path, errNotProven))
	}
	return b, nil
}

// errNotProven is in the error of a record that a list by ids leaves out without a proof.
const errNotProven providers.Cause = "the list of these ids leaves the record out, and does not prove that it is not there"

// thin are the numbers of the records found that do not tell what is needed of them.
func thin[T providers.Record](b *providers.Batch[T], need []string) (numbers []int64) {
	for id, row := range b.Found {
		if !providers.NodeOf(row).Known.Covers(need...) {
			n, _ := number(id.Local)
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// add reads single records into a batch.
func (e endpoint[W, T]) add(
	ctx context.Context,
	p *provider,
	b *providers.Batch[T],
	numbers []int64,
	query url.Values,
) (*providers.Batch[T], error) {
	more, err := e.each(ctx, p, numbers, query)
	if err != nil {
		return nil, err
	}
	maps.Copy(b.Found, more.Found)
	b.Harvest.Add(more.Harvest)
	for id, err := range more.Failed {
		fail(b, id, err)
	}
	return b, nil
}

// listed reads records by their numbers, a hundred a call, and says which of them the list
// leaves out: absent are those that it proves not to have. It proves nothing where it has a
// row that was not asked for, as the vendor then ignores the ids, or a row that could not
// be read. The vendor may give fewer rows than are asked for: what is missing of a page
// that may be full is asked for again, as long as that brings more and more than few are
// missing. A list without any of the records is no proof by itself, as the vendor may
// answer every list by ids so ([endpoint.answersIDs]).
func (e endpoint[W, T]) listed(ctx context.Context, p *provider, numbers []int64, few int,
) (b *providers.Batch[T], absent, unproven []int64, err error) {
	b = &providers.Batch[T]{Found: make(map[providers.ID]*T, len(numbers))}
	for chunk := range slices.Chunk(numbers, pageSize) {
		open, proves := slices.Clone(chunk), true
		for more := true; more; {
			page, sent, err := e.rows(ctx, p, url.Values{"ids[]": decimals(open), "per_page": {strconv.Itoa(pageSize)}})
			if err != nil {
				if len(open) == len(numbers) || ctx.Err() != nil {
					return nil, nil, nil, err
				}
				for _, n := range open {
					fail(b, p.id(e.noun, n), err)
				}
				open = nil
				break
			}
			asked := len(open)
			b.Harvest.Add(page.Harvest)
			for _, row := range page.Items {
				n, _ := number(providers.NodeOf(row).ProviderID)
				if i := slices.Index(open, n); i >= 0 {
					b.Found[providers.NodeOf(row).ID] = row
					open = slices.Delete(open, i, i+1)
				} else if !slices.Contains(chunk, n) {
					proves = false
				}
			}
			proves = proves && page.Unread == 0
			extent := e.extent(p)
			full := extent.More(ctx, sent) || sent > 0 && sent == extent.PageSize(pageSize) // none had more rows
			more = proves && full && len(open) < asked && len(open) > few
		}
		if proves {
			absent = append(absent, open...)
		} else {
			unproven = append(unproven, open...)
		}
	}
	return b, absent, unproven, nil
}

// answersIDs says whether the vendor answers lists by ids: it is asked for a record that is
// there, and may not answer that none is there of those that were just asked for if the
// list of all has one.
func (e endpoint[W, T]) answersIDs(ctx context.Context, p *provider, asked []int64) (bool, error) {
	page, err := e.page(ctx, p, nil, providers.PageRequest{Number: 1})
	if err != nil || len(page.Items) == 0 {
		return err == nil && page.Unread == 0 && !page.More, err // where nothing is, they are not
	}
	var there int64
	for _, row := range page.Items {
		if there, _ = number(providers.NodeOf(row).ProviderID); slices.Contains(asked, there) {
			return false, nil
		}
	}
	page, _, err = e.rows(ctx, p, url.Values{"ids[]": {decimal(there)}, "per_page": {strconv.Itoa(pageSize)}})
	return err == nil && len(page.Items) == 1 && providers.NodeOf(page.Items[0]).ProviderID == decimal(there), err
}

// fail notes an id that could not be read.
func fail[T providers.Record](b *providers.Batch[T], id providers.ID, err error) {
	if b.Failed == nil {
		b.Failed = map[providers.ID]error{}
	}
	b.Failed[id] = err
}
