package listing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// family is a vendor's list of commissions, and the lists of single referrals within it.
type family struct {
	whole vendorList
	ones  map[providers.ID]*vendorList
	total bool // pages of the long list tell its length
}

// TestSiblings reads the lists of many parents together, over random worlds, and wants what
// each list by itself would give, for no more calls than one for each, or than the long
// list has pages, where its first page settles one of them.
func TestSiblings(t *testing.T) {
	walked := 0
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		f := &family{whole: vendorList{account: "a", size: 10}, ones: map[providers.ID]*vendorList{}, total: rnd.IntN(2) == 0}
		parents := make([]*providers.Referral, 1+rnd.IntN(30))
		for i := range parents {
			at := epoch.Add(-time.Duration(rnd.IntN(3000)) * time.Minute)
			parents[i] = &providers.Referral{Node: providers.Node{ID: providers.ID{Account: "a", Noun: providers.NounReferral, Local: fmt.Sprint("r", i)}, CreatedAt: &at}}
			f.ones[parents[i].ID] = &vendorList{account: "a", size: 10}
		}
		age := 0
		for i := range rnd.IntN(300) {
			age += rnd.IntN(20)
			r := f.whole.row(i, age)
			if p := parents[rnd.IntN(len(parents))]; rnd.IntN(4) > 0 && !r.CreatedAt.Before(*p.CreatedAt) {
				r.ReferralID = p.ID
				f.ones[p.ID].rows = append(f.ones[p.ID].rows, r)
			}
			f.whole.rows = append(f.whole.rows, r)
		}
		long := f.whole.list()
		page := long.Page
		long.Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
			p, err := page(ctx, r)
			if n := int64(len(f.whole.rows)); err == nil && f.total {
				p.Total = &n
			}
			return p, err
		}
		first := 1 + rnd.IntN(8)
		branches := make([]*Branch[providers.Commission], len(parents))
		for i, p := range parents {
			l := f.ones[p.ID].list()
			l.Key, l.Within = p.ID.Local, &long
			match := providers.CommissionFilter{Referrals: []providers.ID{p.ID}}.Match
			branches[i] = &Branch[providers.Commission]{First: first,
				Sources: []*Source[providers.Commission]{NewSource("a", nil, l, match, 1000)}}
		}
		rest := walk(t.Context(), slices.Clone(branches))
		walked += len(parents) - len(rest)
		for _, b := range rest {
			b.Rows = Merge(t.Context(), b.Sources, first, true)
		}
		for i, p := range parents {
			want := f.ones[p.ID].rows
			if got := idsOf(branches[i].Rows); len(got) != min(first, len(want)) {
				t.Fatalf("seed %d: %s has %v, want the first %d of %d rows", seed, p.ID.Local, got, first, len(want))
			}
			for j, r := range branches[i].Rows {
				if r.Record != want[j] {
					t.Fatalf("seed %d: row %d of %s is %v, want %v", seed, j, p.ID.Local, r.Record.ID, want[j].ID)
				}
			}
			if got, more := branches[i].Sources[0].More(), len(want) > first; got != more {
				t.Fatalf("seed %d: %s goes on: %v, want %v", seed, p.ID.Local, got, more)
			}
		}
		// The tries on top are the price of finding out that the first page settles nobody,
		// and how long the list is. Without totals nobody knows the pages, and a page of
		// ten rows looks like the last: that it is not costs another.
		most := len(parents)
		if pages := max(1, (len(f.whole.rows)+9)/10); f.total {
			most = min(most, pages)
		} else {
			most++
		}
		if got := f.whole.reads + len(rest); got > most+providers.Tries(len(parents)) {
			t.Fatalf("seed %d: %d reads for %d lists within %d rows", seed, got, len(parents), len(f.whole.rows))
		}
	}
	if walked == 0 {
		t.Error("nothing was ever read from the longer list")
	}
}

// TestSiblingsUnsorted wants rows that are older than their parent, and rows in no order,
// to be found.
func TestSiblingsUnsorted(t *testing.T) {
	f := &family{whole: vendorList{account: "a", size: 3}}
	born := epoch.Add(-10 * time.Minute)
	parent := &providers.Referral{Node: providers.Node{ID: providers.ID{Account: "a", Noun: providers.NounReferral, Local: "r"}, CreatedAt: &born}}
	for _, age := range []int{50, 3, 90, 2, 1} { // the first page ends with a row older than the parent, and rows of it follow
		r := f.whole.row(age, age)
		if age < 10 {
			r.ReferralID = parent.ID
		}
		f.whole.rows = append(f.whole.rows, r)
	}
	long := f.whole.list()
	match := providers.CommissionFilter{Referrals: []providers.ID{parent.ID}}.Match
	one := func() *Branch[providers.Commission] {
		l := providers.List[providers.Commission]{Key: "r", Within: &long}
		return &Branch[providers.Commission]{First: 10, Sources: []*Source[providers.Commission]{NewSource("a", nil, l, match, 1000)}}
	}
	branches := []*Branch[providers.Commission]{one(), one(), one()}
	rest := walk(t.Context(), slices.Clone(branches))
	if len(rest) != 0 && len(rest) != 3 {
		t.Errorf("%d of three equal lists are left", len(rest))
	}
	for _, b := range branches {
		if n := len(b.Rows); n != 3-len(rest) {
			t.Errorf("%d rows, want all three, or none and to be read by itself", n)
		}
	}
}

// TestDealingIsLinear wants each row of a longer list to be tried with the branches of the
// records that it refers to, and with no others, and what is dealt to be what trying all
// gives.
func TestDealingIsLinear(t *testing.T) {
	const parents, rows = 500, 1000
	v := &vendorList{account: "a", size: 100}
	idOf := func(n int) providers.ID {
		return providers.ID{Account: "a", Noun: providers.NounReferral, Local: fmt.Sprint("r", n)}
	}
	for i := range rows {
		r := v.row(i, i)
		r.ReferralID = idOf(i * 7 % parents)
		v.rows = append(v.rows, r)
	}
	long := v.list()
	page := long.Page
	long.Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
		p, err := page(ctx, r)
		total := int64(rows)
		p.Total = &total
		return p, err
	}
	for _, indexed := range []bool{true, false} {
		tries := 0
		branches := make([]*Branch[providers.Commission], parents)
		for i := range branches {
			id := idOf(i)
			match := func(c *providers.Commission) bool { tries++; return c.ReferralID == id }
			l := providers.List[providers.Commission]{Key: id.Local, Within: &long}
			branches[i] = &Branch[providers.Commission]{First: 1, Sources: []*Source[providers.Commission]{NewSource("a", nil, l, match, 1000)}}
			if indexed {
				branches[i].Refs = []providers.ID{id, {Account: "a", Noun: providers.NounAffiliate, Local: "another"}}
			}
		}
		if rest := walk(t.Context(), slices.Clone(branches)); len(rest) > 0 {
			t.Fatalf("%d branches are left", len(rest))
		}
		for i, b := range branches {
			if len(b.Rows) != 1 || b.Rows[0].Record.ReferralID != idOf(i) {
				t.Errorf("branch %d has %v", i, idsOf(b.Rows))
			}
		}
		if indexed && tries > 3*rows { // each row is looked at again when it is taken
			t.Errorf("%d tries for %d rows", tries, rows)
		}
	}
}

// TestShortLongerList: a longer list without totals whose first page is not full is read to
// its end, which takes one page more, rather than each of its lists.
func TestShortLongerList(t *testing.T) {
	f := &family{whole: vendorList{account: "a", size: fullPage}}
	for i := range 30 {
		f.whole.rows = append(f.whole.rows, f.whole.row(i, i))
	}
	long := f.whole.list()
	page := long.Page
	long.Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
		p, err := page(ctx, r)
		if err == nil {
			p.More = r.Number == 1 // nothing proves that it is the last
		}
		return p, err
	}
	branches := make([]*Branch[providers.Commission], 20)
	for i := range branches {
		l := providers.List[providers.Commission]{Key: fmt.Sprint(i), Within: &long}
		source := NewSource("a", nil, l, func(*providers.Commission) bool { return false }, 1000)
		branches[i] = &Branch[providers.Commission]{First: 100, Sources: []*Source[providers.Commission]{source}}
	}
	if rest := walk(t.Context(), slices.Clone(branches)); len(rest) > 0 || f.whole.reads != 2 || branches[0].Sources[0].More() {
		t.Errorf("%d lists are left after %d pages, want none after 2", len(rest), f.whole.reads)
	}
}
