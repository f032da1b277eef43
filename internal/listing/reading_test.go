package listing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

type commissions = providers.Page[providers.Commission]

// memory remembers the pages of a vendor's list, as a cache does.
type memory struct {
	vendor vendorList
	totals bool // pages say how many rows the list has
	now    time.Time
	took   time.Duration // by each call
	before func()        // each call; nil: nothing happens
	added  int           // rows
	pages  map[int]*commissions
}

func (m *memory) list() providers.List[providers.Commission] {
	l := m.vendor.list()
	read := l.Page
	l.Page = func(ctx context.Context, r providers.PageRequest) (*commissions, error) {
		if p := m.pages[r.Number]; p != nil && !p.ReadAt.Before(r.NotBefore) {
			again := *p
			again.Remembered = true
			return &again, nil
		}
		if m.before != nil {
			m.before()
		}
		asked := m.now
		p, err := read(ctx, r)
		if err != nil {
			return nil, err
		}
		m.now = m.now.Add(m.took)
		if p.AskedAt, p.ReadAt, p.Mark = asked, m.now, 1; m.totals {
			p.Total = new(int64(len(m.vendor.rows)))
		}
		for _, row := range p.Items {
			p.Mark += uint64(tagOf(row.ID))
		}
		m.pages[r.Number] = p
		return p, nil
	}
	return l
}

// visit reads some pages for somebody else, so that they are remembered from different times.
func (m *memory) visit(rnd *rand.Rand) {
	for range rnd.IntN(3) {
		n := 1 + rnd.IntN(6)
		delete(m.pages, n)
		_, _ = m.list().Page(context.Background(), providers.PageRequest{Number: n})
		m.now = m.now.Add(time.Duration(rnd.IntN(4000)) * time.Millisecond)
	}
}

// change adds rows at the head, or removes rows anywhere, whole pages of them at times.
func (m *memory) change(rnd *rand.Rand, adds bool, removed map[providers.ID]bool) {
	v := &m.vendor
	some := rnd.IntN(2 * v.size)
	if adds {
		for range some {
			m.added++
			v.rows = slices.Insert(v.rows, 0, v.row(10_000+m.added, -m.added))
		}
		return
	}
	at := 0
	if rnd.IntN(3) == 0 && len(v.rows) > 0 {
		at = rnd.IntN(len(v.rows))
	}
	some = min(some, len(v.rows)-at)
	for _, row := range v.rows[at : at+some] {
		removed[row.ID] = true
	}
	v.rows = slices.Delete(v.rows, at, at+some)
}

func newMemory(rows, size int) *memory {
	m := &memory{vendor: vendorList{account: "a", size: size}, now: epoch, pages: map[int]*commissions{}}
	for i := range rows {
		m.vendor.rows = append(m.vendor.rows, m.vendor.row(i, i))
	}
	return m
}

// changeBetweenCalls has rows come or go between the calls of one request, a few times: at
// any time where the vendor tells how many there are, else where the next call is late.
func (m *memory) changeBetweenCalls(rnd *rand.Rand, removed map[providers.ID]bool) {
	adds, left := rnd.IntN(2) == 0, providers.MaxBreaks/2
	m.before = func() {
		if left == 0 || rnd.IntN(4) > 0 {
			return
		}
		left--
		if !m.totals {
			m.now = m.now.Add(providers.MaxGap + 1)
		}
		m.change(rnd, adds, removed)
	}
}

// TestReadings reads a list by client pages while rows come and go and a cache remembers
// pages from different times: each row that stays is there once.
func TestReadings(t *testing.T) {
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		const rows = 60
		m := newMemory(rows, 5+rnd.IntN(8))
		m.totals, m.took = rnd.IntN(2) == 0, time.Duration(1+rnd.IntN(1500))*time.Millisecond
		first, maxPages := 1+rnd.IntN(12), 2+rnd.IntN(6)
		removed, seen := map[providers.ID]bool{}, map[providers.ID]int{}
		var positions []Position
		for request := 0; ; request++ {
			if request > 200 {
				t.Fatalf("seed %d: the list does not end", seed)
			}
			s := NewSource("a", nil, m.list(), every, maxPages)
			sources := []*Source[providers.Commission]{s}
			Resume(sources, positions)
			if rnd.IntN(2) == 0 && request < 20 {
				m.changeBetweenCalls(rnd, removed)
			}
			for _, r := range Merge(t.Context(), sources, first, true) {
				if seen[r.Record.ID]++; seen[r.Record.ID] > 1 {
					t.Fatalf("seed %d: row %s is there twice", seed, r.Record.ID.Local)
				}
			}
			if !s.More() {
				break
			}
			positions = Positions(sources)
			m.before = nil
			m.now = m.now.Add(providers.MaxGap + 1)
			if rnd.IntN(3) > 0 && request < 20 {
				m.change(rnd, rnd.IntN(2) == 0, removed)
			}
			m.visit(rnd)
		}
		for i := range rows {
			if id := m.vendor.row(i, i).ID; !removed[id] && seen[id] == 0 {
				t.Fatalf("seed %d: row %d is lost", seed, i)
			}
		}
	}
}

// TestReadingCalls counts the calls that it takes to keep to one reading.
func TestReadingCalls(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pass  time.Duration // between page 1 and the next client page
		gone  int           // rows removed at the head meanwhile
		total bool
		calls int
	}{
		{"at once", 0, 0, false, 1},
		{"within the gap", providers.MaxGap, 0, false, 1},
		{"within the gap, with totals", providers.MaxGap, 0, true, 1},
		{"later", providers.MaxGap + 1, 0, false, 2}, // page 1 again, then page 2
		{"later, with totals", providers.MaxGap + 1, 0, true, 2},
		{"later, rows gone", time.Minute, 7, false, 2},
		{"rows gone, by the total", providers.MaxGap, 7, true, 2},
		{"rows gone at once, by the total", 0, 7, true, 2},
	} {
		m := newMemory(50, 10)
		m.totals, m.took = tt.total, time.Minute // a slow vendor
		read := func(positions []Position) (ids []string, at []Position) {
			s := []*Source[providers.Commission]{NewSource("a", nil, m.list(), every, 2)}
			Resume(s, positions)
			for _, r := range Merge(t.Context(), s, 10, true) {
				ids = append(ids, r.Record.ID.Local)
			}
			return ids, Positions(s)
		}
		_, positions := read(nil)
		m.now = m.now.Add(tt.pass)
		m.vendor.rows, m.vendor.reads = m.vendor.rows[tt.gone:], 0
		ids, _ := read(positions)
		want := tt.calls
		if tt.gone > 3 { // page 1 has only 3 rows of the next 10, and page 2 the others
			want = 2
		}
		if len(ids) != 10 || ids[0] != "10" || m.vendor.reads != want {
			t.Errorf("%s: rows %v by %d calls; want 10 rows from 10 on by %d", tt.name, ids, m.vendor.reads, want)
		}
		m.vendor.reads = 0
		if _, _ = read(positions); m.vendor.reads != 0 {
			t.Errorf("%s: %d calls for what one reading has", tt.name, m.vendor.reads)
		}
	}
}

// TestWalkReadings walks a list whose first pages a cache remembers: no row is missed, and
// the rows of the lists within it neither.
func TestWalkReadings(t *testing.T) {
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		m := newMemory(100, 10)
		for i, row := range m.vendor.rows {
			row.ReferralID = providers.ID{Account: "a", Noun: providers.NounReferral, Local: strconv.Itoa(i % 5)}
		}
		for range 4 {
			m.visit(rnd)
			m.now = m.now.Add(providers.MaxGap + 1)
			gone := rnd.IntN(15)
			m.vendor.rows = m.vendor.rows[min(gone, len(m.vendor.rows)):]
		}
		var branches []*Branch[providers.Commission]
		long := m.list()
		for i := range 5 {
			parent := providers.ID{Account: "a", Noun: providers.NounReferral, Local: strconv.Itoa(i)}
			alone := vendorList{account: "a", size: 10}
			for _, row := range m.vendor.rows {
				if row.ReferralID == parent {
					alone.rows = append(alone.rows, row)
				}
			}
			l := alone.list()
			l.Key, l.Within = parent.Local, &long
			match := providers.CommissionFilter{Referrals: []providers.ID{parent}}.Match
			branches = append(branches, &Branch[providers.Commission]{First: 100, Refs: []providers.ID{parent},
				Sources: []*Source[providers.Commission]{NewSource("a", nil, l, match, 100)}})
		}
		before := len(m.pages)
		Nested(t.Context(), branches)
		seen := map[providers.ID]int{}
		for _, b := range branches {
			for _, r := range b.Rows {
				seen[r.Record.ID]++
			}
		}
		for _, row := range m.vendor.rows {
			if seen[row.ID] != 1 {
				t.Fatalf("seed %d: row %s is there %d times; %d pages were remembered", seed, row.ID.Local, seen[row.ID], before)
			}
		}
	}
}

// TestUnhonoredTime reads a list that does not read pages again: the reading ends nevertheless.
func TestUnhonoredTime(t *testing.T) {
	for _, step := range []time.Duration{-time.Minute, time.Minute} {
		m := newMemory(50, 10)
		l := m.list()
		read := l.Page
		l.Page = func(ctx context.Context, r providers.PageRequest) (*commissions, error) {
			r.NotBefore = time.Time{}
			p, err := read(ctx, r)
			again := *p
			again.ReadAt, again.Remembered = epoch.Add(time.Duration(r.Number)*step), true
			again.AskedAt = again.ReadAt
			return &again, err
		}
		s := NewSource("a", nil, l, every, 20)
		rows := len(Merge(t.Context(), []*Source[providers.Commission]{s}, 100, true))
		walked := map[string]bool{}
		for row, err := range providers.All(t.Context(), l, nil) {
			if err != nil {
				t.Fatal(err)
			}
			walked[fmt.Sprint(row.ID)] = true
		}
		if rows != 50 || len(walked) != 50 {
			t.Errorf("%v: %d rows by a source and %d by a walk; want 50", step, rows, len(walked))
		}
	}
}
