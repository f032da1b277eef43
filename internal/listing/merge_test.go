package listing

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// vendorList is a list at a vendor that changes while it is read: newest first, numbered pages.
type vendorList struct {
	account string
	rows    []*providers.Commission
	size    int
	reads   int
	down    error
}

func (v *vendorList) list() providers.List[providers.Commission] {
	return providers.List[providers.Commission]{Key: "commissions", Exact: true,
		Page: func(_ context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
			v.reads++
			if v.down != nil {
				return nil, v.down
			}
			from := min((r.Number-1)*v.size, len(v.rows))
			to := min(from+v.size, len(v.rows))
			return &providers.Page[providers.Commission]{Items: slices.Clone(v.rows[from:to]), More: to < len(v.rows)}, nil
		}}
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// row makes a commission that is minutes old as of epoch; two may be equally old.
func (v *vendorList) row(serial, minutes int) *providers.Commission {
	at := epoch.Add(-time.Duration(minutes) * time.Minute)
	return &providers.Commission{Node: providers.Node{ID: providers.ID{Account: v.account, Noun: providers.NounCommission, Local: strconv.Itoa(serial)}, CreatedAt: &at}}
}

func every(*providers.Commission) bool { return true }

func sourcesOf(pages int, match func(*providers.Commission) bool, lists ...*vendorList) []*Source[providers.Commission] {
	out := make([]*Source[providers.Commission], len(lists))
	for i, v := range lists {
		out[i] = NewSource(v.account, nil, v.list(), match, pages)
	}
	return out
}

func idsOf(rows []Row[providers.Commission]) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.Record.ID.Account + "/" + r.Record.ID.Local
	}
	return out
}

// TestAnchoredCursors reads lists page by page while rows come and go between the pages,
// and finds each row that was there all the time exactly once, and none twice.
func TestAnchoredCursors(t *testing.T) {
	for seed := range uint64(1500) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		lists := []*vendorList{{account: "a", size: 5}, {account: "b", size: 3}, {account: "c", size: 7}}
		serial := 0
		stayed := map[providers.ID]bool{}
		for _, v := range lists {
			age := 0
			for range rnd.IntN(40) {
				if rnd.IntN(3) > 0 { // else as old as the one before
					age += rnd.IntN(20)
				}
				serial++
				r := v.row(serial, age)
				v.rows, stayed[r.ID] = append(v.rows, r), true
			}
		}
		given := map[providers.ID]bool{}
		cursor := ""
		for page := 0; ; page++ {
			if page > 200 {
				t.Fatalf("seed %d: the list does not end", seed)
			}
			sources := sourcesOf(20, every, lists...)
			if cursor != "" {
				at, err := seals.Unseal("bound", cursor)
				if err != nil {
					t.Fatal(err)
				}
				Resume(sources, at)
			}
			rows := Merge(t.Context(), sources, 1+rnd.IntN(6), true)
			for _, r := range rows {
				if given[r.Record.ID] {
					t.Fatalf("seed %d: %v was given twice", seed, r.Record.ID)
				}
				given[r.Record.ID] = true
			}
			goesOn := slices.ContainsFunc(sources, func(s *Source[providers.Commission]) bool { return s.More() })
			if !goesOn {
				break
			}
			cursor = seals.Seal("bound", Positions(sources))
			for _, v := range lists { // rows come, newest first, and go
				come := rnd.IntN(3)
				if rnd.IntN(6) == 0 {
					come = 2*v.size + rnd.IntN(5) // whole pages of them
				}
				for range come {
					serial++
					v.rows = slices.Insert(v.rows, 0, v.row(serial, -page-1))
				}
				if n := len(v.rows); n > 0 && rnd.IntN(2) == 0 {
					i := rnd.IntN(n)
					delete(stayed, v.rows[i].ID)
					v.rows = slices.Delete(v.rows, i, i+1)
				}
			}
		}
		for id := range stayed {
			if !given[id] {
				t.Fatalf("seed %d: %v was skipped", seed, id)
			}
		}
	}
}

// TestMergeOrder wants the rows of several accounts newest first. An undated row keeps its
// place in its list, and holds back neither the rows behind it nor its account's newest
// ones. A list without dates comes last.
func TestMergeOrder(t *testing.T) {
	a, b := &vendorList{account: "a", size: 2}, &vendorList{account: "b", size: 2}
	a.rows = []*providers.Commission{a.row(1, 1), a.row(2, 4), a.row(3, 5)}
	b.rows = []*providers.Commission{b.row(1, 2), b.row(2, 3)}
	undated := b.row(9, 0)
	undated.CreatedAt = nil
	for at, want := range [][]string{
		{"b/9", "a/1", "b/1", "b/2", "a/2", "a/3", "c/1", "c/2"},
		{"a/1", "b/1", "b/9", "b/2", "a/2", "a/3", "c/1", "c/2"},
		{"a/1", "b/1", "b/2", "b/9", "a/2", "a/3", "c/1", "c/2"},
	} {
		b := &vendorList{account: "b", size: 3, rows: slices.Insert(slices.Clone(b.rows), at, undated)}
		if at == 0 { // it is as old as the row behind it, which another account's is newer than
			want = []string{"a/1", "b/9", "b/1", "b/2", "a/2", "a/3", "c/1", "c/2"}
		}
		c := &vendorList{account: "c", size: 1}
		for n := range 2 {
			row := c.row(n+1, 0)
			row.CreatedAt = nil
			c.rows = append(c.rows, row)
		}
		if got := idsOf(Merge(t.Context(), sourcesOf(20, every, a, b, c), 100, true)); !slices.Equal(got, want) {
			t.Errorf("undated at %d: got %v, want %v", at, got, want)
		}
	}
}

// TestResumeBesideUndated wants a cursor on an undated row to find its place when all
// remembered rows were deleted since.
func TestResumeBesideUndated(t *testing.T) {
	for _, all := range []bool{false, true} { // whether no row has a date
		v := &vendorList{account: "a", size: 10}
		for n := range 30 {
			row := v.row(n, n)
			if all || n == 9 {
				row.CreatedAt = nil
			}
			v.rows = append(v.rows, row)
		}
		sources := sourcesOf(20, every, v)
		Merge(t.Context(), sources, 10, true)
		at := Positions(sources)
		v.rows = slices.Delete(v.rows, 6, 10)
		rest := sourcesOf(20, every, v)
		Resume(rest, at)
		got := idsOf(Merge(t.Context(), rest, 100, true))
		if want := 20; !all && len(got) != want || all && len(got) < want {
			t.Errorf("all undated: %v: %d rows behind the cursor, want %d", all, len(got), want)
		}
		if i := slices.Index(got, "a/29"); i != len(got)-1 {
			t.Errorf("all undated: %v: %v does not end with the last row", all, got)
		}
	}
}

// TestPagesOutOfOrder merges accounts of which one has pages oldest first, each page newest
// first, and finds every row once, in the order of its account, whatever a client page
// holds.
func TestPagesOutOfOrder(t *testing.T) {
	a, b, c := &vendorList{account: "a", size: 3}, &vendorList{account: "b", size: 2}, &vendorList{account: "c", size: 100}
	for i := range 8 {
		a.rows, b.rows, c.rows = append(a.rows, a.row(i, 10*i)), append(b.rows, b.row(i, 10*i+5)), append(c.rows, c.row(i, 3*i))
	}
	slices.Reverse(a.rows) // oldest first …
	for page := range slices.Chunk(a.rows, a.size) {
		slices.Reverse(page) // … but for each page
	}
	for first := 1; first <= 25; first++ {
		got, cursor := map[string][]string{}, ""
		for more := true; more; {
			sources := sourcesOf(20, every, a, b, c)
			if cursor != "" {
				at, err := seals.Unseal("bound", cursor)
				if err != nil {
					t.Fatal(err)
				}
				Resume(sources, at)
			}
			for _, r := range Merge(t.Context(), sources, first, true) {
				got[r.Record.ID.Account] = append(got[r.Record.ID.Account], r.Record.ID.Local)
			}
			cursor = seals.Seal("bound", Positions(sources))
			more = slices.ContainsFunc(sources, func(s *Source[providers.Commission]) bool { return s.More() })
		}
		for _, v := range []*vendorList{a, b, c} {
			var want []string
			for _, r := range v.rows {
				want = append(want, r.ID.Local)
			}
			if !slices.Equal(got[v.account], want) {
				t.Errorf("%d rows a page, account %s: got %q, want %q", first, v.account, got[v.account], want)
			}
		}
	}
}

// TestFirstHundredIsOneRead wants no page read whose rows are not needed.
func TestFirstHundredIsOneRead(t *testing.T) {
	v := &vendorList{account: "a", size: 100}
	for i := range 250 {
		v.rows = append(v.rows, v.row(i, i))
	}
	sources := sourcesOf(20, every, v)
	if got := len(Merge(t.Context(), sources, 100, true)); got != 100 || v.reads != 1 || !sources[0].More() {
		t.Errorf("got %d rows in %d reads, goes on: %v; want 100 in 1, true", got, v.reads, sources[0].More())
	}
}

// TestBoundOfPages wants a search that finds nothing within the bound to say that it goes
// on, and to go on where it stopped.
func TestBoundOfPages(t *testing.T) {
	v := &vendorList{account: "a", size: 5}
	for i := range 100 {
		v.rows = append(v.rows, v.row(i, i))
	}
	match := func(c *providers.Commission) bool { return c.ID.Local == "77" }
	var found []string
	cursor, requests := "", 0
	for {
		requests++
		sources := sourcesOf(4, match, v)
		if cursor != "" {
			at, err := seals.Unseal("x", cursor)
			if err != nil {
				t.Fatal(err)
			}
			Resume(sources, at)
		}
		before := v.reads
		found = append(found, idsOf(Merge(t.Context(), sources, 10, true))...)
		if got := v.reads - before; got > 4 {
			t.Fatalf("a request read %d pages, and may read 4", got)
		}
		if !sources[0].More() {
			break
		}
		if requests > 20 {
			t.Fatal("the search does not end")
		}
		cursor = seals.Seal("x", Positions(sources))
	}
	if !slices.Equal(found, []string{"a/77"}) {
		t.Errorf("found %v, want a/77", found)
	}
	// 20 pages, and each request but the first reads the page again that it stopped on.
	if want := 7; requests != want {
		t.Errorf("it took %d requests, want %d", requests, want)
	}
}

// TestFailedAccountResumes wants an account that failed to lose nothing: its rows come in a
// later page.
func TestFailedAccountResumes(t *testing.T) {
	a, b := &vendorList{account: "a", size: 2}, &vendorList{account: "b", size: 2}
	a.rows = []*providers.Commission{a.row(1, 1), a.row(2, 3)}
	b.rows = []*providers.Commission{b.row(1, 2), b.row(2, 4)}
	b.down = &providers.Error{Account: "b", Kind: providers.KindUnavailable, Err: errors.New("down")}
	sources := sourcesOf(20, every, a, b)
	got := idsOf(Merge(t.Context(), sources, 10, true))
	if want := []string{"a/1", "a/2"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if sources[1].err == nil || !sources[1].More() {
		t.Errorf("the failed account must have an error, and go on later")
	}
	cursor := seals.Seal("x", Positions(sources))
	b.down = nil
	at, err := seals.Unseal("x", cursor)
	if err != nil {
		t.Fatal(err)
	}
	sources = sourcesOf(20, every, a, b)
	Resume(sources, at)
	got = idsOf(Merge(t.Context(), sources, 10, true))
	if want := []string{"b/1", "b/2"}; !slices.Equal(got, want) {
		t.Errorf("after the account is back: got %v, want %v", got, want)
	}
}

// TestCursorsAreBound wants every cursor of another list, version or hand refused.
func TestCursorsAreBound(t *testing.T) {
	at := []Position{{List: "x", Page: 3, Time: 12345, Last: tags{1, 2, 3}}}
	good := seals.Seal("commissions", at)
	if got, err := seals.Unseal("commissions", good); err != nil || fmt.Sprint(got) != fmt.Sprint(at) {
		t.Fatalf("Unseal(Seal(x)) = %v, %v; want x", got, err)
	}
	bad := []string{"", "x", good + "A", good[1:], seals.Seal("payouts", at), seals.Seal("commissions", []Position{{Page: -1}})}
	for i := range good { // any one letter changed
		c := byte('A')
		if good[i] == 'A' {
			c = 'B'
		}
		bad = append(bad, good[:i]+string(c)+good[i+1:])
	}
	for _, c := range bad {
		if _, err := seals.Unseal("commissions", c); !errors.Is(err, ErrCursor) {
			t.Errorf("Unseal(%q) = %v, want %v", c, err, ErrCursor)
		}
	}
}

func FuzzUnseal(f *testing.F) {
	f.Add("commissions", seals.Seal("commissions", []Position{{List: "x", Page: 1, Last: tags{7}}}))
	f.Add("", "")
	f.Fuzz(func(t *testing.T, list, cursor string) {
		at, err := seals.Unseal(list, cursor)
		if err != nil {
			if !errors.Is(err, ErrCursor) {
				t.Errorf("the error of a bad cursor is %v, want %v", err, ErrCursor)
			}
			return
		}
		if strings.ContainsAny(cursor, "\r\n") {
			t.Errorf("%q is read as a cursor", cursor)
		}
		if again, err := seals.Unseal(list, seals.Seal(list, at)); err != nil || fmt.Sprint(again) != fmt.Sprint(at) {
			t.Errorf("a cursor that was read cannot be written again: %v, %v", again, err)
		}
	})
}

// TestReplannedList wants a list that is planned otherwise than when its cursor was made to
// go on behind the same row.
func TestReplannedList(t *testing.T) {
	v := &vendorList{account: "a", size: 3}
	for i := range 20 {
		v.rows = append(v.rows, v.row(i, i/2))
	}
	odd := func(c *providers.Commission) bool { n, _ := strconv.Atoi(c.ID.Local); return n%2 == 1 }
	narrow := &vendorList{account: "a", size: 3}
	for _, r := range v.rows {
		if odd(r) {
			narrow.rows = append(narrow.rows, r)
		}
	}
	sources := sourcesOf(20, odd, narrow)
	sources[0].position.List = "narrow"
	got := idsOf(Merge(t.Context(), sources, 4, true))
	at, err := seals.Unseal("x", seals.Seal("x", Positions(sources)))
	if err != nil {
		t.Fatal(err)
	}
	sources = sourcesOf(20, odd, v) // the vendor turned out to ignore the filter: now the whole list is searched
	Resume(sources, at)
	got = append(got, idsOf(Merge(t.Context(), sources, 100, true))...)
	if want := []string{"a/1", "a/3", "a/5", "a/7", "a/9", "a/11", "a/13", "a/15", "a/17", "a/19"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
