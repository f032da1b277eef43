package providers_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// spreads calls f with every way in which n things can lie on pages pages.
func spreads(n, pages int, f func(onPage []int)) {
	onPage := make([]int, pages)
	var fill func(i, left int)
	fill = func(i, left int) {
		if i == pages-1 {
			onPage[i] = left
			f(onPage)
			return
		}
		for onPage[i] = 0; onPage[i] <= left; onPage[i]++ {
			fill(i+1, left-onPage[i])
		}
	}
	fill(0, n)
}

// The bounds of reading things that a list holds, whatever pages they lie on: never more
// than one call above asking for each, none above where the first page settles one; and,
// where the length of the list is or becomes known, never more than its pages.
func TestWalkOnBounds(t *testing.T) {
	for pages := 1; pages <= 6; pages++ {
		for asked := 0; asked <= 7; asked++ {
			for _, probe := range []bool{false, true} {
				for _, known := range []bool{false, true} {
					spreads(asked, pages, func(onPage []int) {
						length, read, open := -1, 0, asked
						if known {
							length = pages
						}
						for providers.WalkOn(read, open, asked, length, probe) {
							if read == pages {
								t.Fatalf("%d things on the pages %v: reads past the end", asked, onPage)
							}
							open -= onPage[read]
							read++
							if probe || read == pages {
								length = pages
							}
						}
						calls := read + open
						if calls > asked+1 || onPage[0] > 0 && calls > asked || (known || probe) && calls > max(pages, min(asked, 1)) {
							t.Errorf("%d things on the pages %v (length known: %v, told by the first page: %v): %d pages and %d single reads", asked, onPage, known, probe, read, open)
						}
					})
				}
			}
		}
	}
}

// shelf is a list of campaigns "0" to "n-1", and what was read of it. Records of ids in
// apart are not in the list, those in broken cannot be read alone.
type shelf struct {
	n, size       int
	totals        bool
	apart, broken []string

	mu      sync.Mutex
	pages   int
	singles []string
}

func campaign(local string) *providers.Campaign {
	return &providers.Campaign{Node: providers.Node{ID: id(providers.NounCampaign, local)}}
}

func (s *shelf) page(_ context.Context, number int) (*providers.Page[providers.Campaign], error) {
	s.pages++
	p := &providers.Page[providers.Campaign]{Harvest: providers.Harvest{Payouts: []*providers.Payout{{}}}}
	for i := (number - 1) * s.size; i < min(number*s.size, s.n); i++ {
		p.Items = append(p.Items, campaign(strconv.Itoa(i)))
	}
	p.More = number*s.size < s.n
	if s.totals {
		p.Total = new(int64(s.n))
	}
	return p, nil
}

var errBroken = errors.New("broken")

func (s *shelf) one(_ context.Context, id providers.ID) (*providers.Campaign, providers.Harvest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.singles = append(s.singles, id.Local)
	h := providers.Harvest{Coupons: []*providers.Coupon{{}}}
	n, err := strconv.Atoi(id.Local)
	switch {
	case slices.Contains(s.broken, id.Local):
		return nil, h, errBroken
	case slices.Contains(s.apart, id.Local), err == nil && n < s.n:
		return campaign(id.Local), h, nil
	}
	return nil, h, nil
}

func TestGather(t *testing.T) {
	var all []string
	for i := range 30 {
		all = append(all, strconv.Itoa(i))
	}
	for _, tt := range []struct {
		name           string
		shelf          *shelf
		ask            []string
		known          int // pages
		probe          bool
		pages, singles int
		found, failed  int
	}{
		{"nothing", &shelf{n: 30, size: 10}, nil, 3, true, 0, 0, 0, 0},
		{"one", &shelf{n: 30, size: 10, totals: true}, all[:1], -1, true, 0, 1, 1, 0},
		{"one, three times", &shelf{n: 30, size: 10, totals: true}, []string{"4", "4", "4"}, -1, true, 0, 1, 1, 0},
		{"all of a known list", &shelf{n: 30, size: 10}, all, 3, false, 3, 0, 30, 0},
		{"all of a list of unknown length", &shelf{n: 30, size: 10}, all, -1, false, 0, 30, 30, 0},
		{"all of a list that tells its length", &shelf{n: 30, size: 10, totals: true}, all, -1, true, 3, 0, 30, 0},
		{"two at a long list's end", &shelf{n: 30, size: 1, totals: true}, all[28:], -1, true, 1, 2, 2, 0},
		{"a page's worth, all on the first", &shelf{n: 30, size: 10, totals: true}, all[:10], -1, true, 1, 0, 10, 0},
		{"some that the list leaves out", &shelf{n: 20, size: 10, apart: []string{"x", "y"}}, []string{"1", "2", "3", "11", "x", "y", "none"}, 2, false, 2, 3, 6, 0},
		{"some that fail", &shelf{n: 30, size: 1, broken: []string{"28"}}, all[27:], 30, false, 0, 3, 2, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.shelf
			b, err := providers.Gather(t.Context(), idList(providers.NounCampaign, tt.ask...), s.size, tt.known, tt.probe, s.page, s.one, nil)
			if err != nil {
				t.Fatal(err)
			}
			if s.pages != tt.pages || len(s.singles) != tt.singles {
				t.Errorf("read %d pages and %d singly; want %d and %d", s.pages, len(s.singles), tt.pages, tt.singles)
			}
			if len(b.Found) != tt.found || len(b.Failed) != tt.failed {
				t.Errorf("%d found, %d failed; want %d, %d", len(b.Found), len(b.Failed), tt.found, tt.failed)
			}
			for id, row := range b.Found {
				if row.ID != id || !slices.Contains(tt.ask, id.Local) {
					t.Errorf("%v found under %v", row.ID, id)
				}
			}
			for id, err := range b.Failed {
				if !errors.Is(err, errBroken) || !slices.Contains(s.broken, id.Local) {
					t.Errorf("%v failed: %v", id, err)
				}
			}
			onPages := min(s.pages*s.size, s.n)
			if got, want := len(b.Harvest.Campaigns), onPages-(tt.found-(tt.singles-tt.failed-countNone(tt.ask))); got != want {
				t.Errorf("harvested %d campaigns that were not asked for; want %d", got, want)
			}
			if len(b.Harvest.Payouts) != s.pages || len(b.Harvest.Coupons) != tt.singles {
				t.Errorf("harvested what came with %d pages and %d single reads; want %d and %d", len(b.Harvest.Payouts), len(b.Harvest.Coupons), s.pages, tt.singles)
			}
		})
	}
}

func countNone(ask []string) (n int) {
	for _, a := range ask {
		if a == "none" {
			n++
		}
	}
	return n
}

func TestGatherFailsWithItsWalk(t *testing.T) {
	_, err := providers.Gather(t.Context(), idList(providers.NounCampaign, "1", "2"), 10, 1, false,
		func(context.Context, int) (*providers.Page[providers.Campaign], error) {
			return nil, fmt.Errorf("page: %w", errBroken)
		}, new(shelf).one, nil)
	if !errors.Is(err, errBroken) {
		t.Errorf("error %v; want the page's", err)
	}
}
