package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// TestDifferences wants each difference of two readings told as what it is, once, and
// nothing told of what only looks like one.
func TestDifferences(t *testing.T) {
	ids := func(rows ...*providers.Commission) (ids []providers.ID) {
		for _, c := range rows {
			ids = append(ids, c.ID)
		}
		return ids
	}
	one, two, three, four := commission(1, 1), commission(2, 2), commission(3, 3), commission(4, 4)
	for _, tt := range []struct {
		name   string
		before []*providers.Commission
		change func(f *providertest.Fake)
		want   []string
	}{
		{"nothing", []*providers.Commission{one, two}, func(*providertest.Fake) {}, nil},
		{"a new row", []*providers.Commission{one, two}, func(f *providertest.Fake) { f.Insert(commissions(three)) },
			[]string{"CREATED Commission/c03 of ann"}},
		{"the first row of all", nil, func(f *providertest.Fake) { f.Insert(commissions(one)) }, []string{"CREATED Commission/c01 of ann"}},
		{"rows in their order", []*providers.Commission{one}, func(f *providertest.Fake) { f.Insert(commissions(three, two)) },
			[]string{"CREATED Commission/c02 of ann", "CREATED Commission/c03 of ann"}},
		{"a new row pushes another behind the page", []*providers.Commission{one, two, three},
			func(f *providertest.Fake) { f.Insert(commissions(four)) }, []string{"CREATED Commission/c04 of ann"}},
		{"only new rows on the page", []*providers.Commission{commission(1, 1), commission(2, 2), commission(3, 3), commission(4, 4)},
			func(f *providertest.Fake) {
				f.Insert(commissions(commission(5, 5), commission(6, 6), commission(7, 7)))
			},
			[]string{"CREATED Commission/c05 of ann", "CREATED Commission/c06 of ann", "CREATED Commission/c07 of ann"}},
		{"an edit", []*providers.Commission{one, two}, func(f *providertest.Fake) { f.Insert(commissions(commission(1, 1, paid))) },
			[]string{"UPDATED Commission/c01 of ann"}},
		{"an edit behind the page", []*providers.Commission{one, two, three, four},
			func(f *providertest.Fake) { f.Insert(commissions(commission(1, 1, paid))) }, nil},
		{"a date that moves", []*providers.Commission{one, two}, func(f *providertest.Fake) { f.Insert(commissions(commission(1, 9))) },
			[]string{"UPDATED Commission/c01 of ann"}},
		{"an old row that moves onto the page", []*providers.Commission{one, two, three, four},
			func(f *providertest.Fake) { f.Insert(commissions(commission(1, 9))) }, []string{"CREATED Commission/c01 of ann"}},
		{"a deletion", []*providers.Commission{one, two}, func(f *providertest.Fake) { f.Remove(one.ID) }, []string{"DELETED Commission/c01 of ann"}},
		{"a deletion, behind which an old row moves up", []*providers.Commission{one, two, three, four},
			func(f *providertest.Fake) { f.Remove(three.ID) }, []string{"DELETED Commission/c03 of ann"}},
		{"the last row is deleted", []*providers.Commission{one}, func(f *providertest.Fake) { f.Remove(one.ID) },
			[]string{"DELETED Commission/c01 of ann"}},
		{"all at once", []*providers.Commission{one, two}, func(f *providertest.Fake) {
			f.Remove(ids(one)...)
			f.Insert(commissions(commission(2, 2, paid), three))
		}, []string{"DELETED Commission/c01 of ann", "UPDATED Commission/c02 of ann", "CREATED Commission/c03 of ann"}},
		{"rows without dates", []*providers.Commission{commission(1, 0, undated)},
			func(f *providertest.Fake) { f.Insert(commissions(commission(2, 0, undated))) }, []string{"CREATED Commission/c02 of ann"}},
		{"what is not known this time", []*providers.Commission{one},
			func(f *providertest.Fake) {
				f.Insert(commissions(commission(1, 1, paid, func(c *providers.Commission) { c.Known = providers.AllBut("status") })))
			}, nil},
		{"what cannot be read this time", []*providers.Commission{one},
			func(f *providertest.Fake) {
				f.Insert(commissions(commission(1, 1, paid, func(c *providers.Commission) { c.Unread = []string{"status"} })))
			}, nil},
		{"a payout that this reading cannot know", []*providers.Commission{one},
			func(f *providertest.Fake) {
				f.Insert(commissions(commission(1, 1, func(c *providers.Commission) { c.PayoutUnknown = true })))
			}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShared()
			f := emptyFake(s.clock, nil, tt.before...)
			r := s.replica(t, f)
			r.round()
			r.wants("the first round")
			tt.change(f)
			r.round()
			r.wants("the change", tt.want...)
			r.round()
			r.wants("the round behind it")
		})
	}
}

// TestUnknownStays wants a field that a reading did not know compared with the reading
// before.
func TestUnknownStays(t *testing.T) {
	s := newShared()
	f := emptyFake(s.clock, nil, commission(1, 1))
	r := s.replica(t, f)
	r.round()
	f.Insert(commissions(commission(1, 1, paid, func(c *providers.Commission) { c.Known = providers.AllBut("status") })))
	r.round()
	r.wants("the status is not known")
	f.Insert(commissions(commission(1, 1)))
	r.round()
	r.wants("the status is known again and the same")
	f.Insert(commissions(commission(1, 1, paid)))
	r.round()
	r.wants("the status is another", "UPDATED Commission/c01 of ann")
}

// TestBackAndForth wants a field that changes back and forth told each time.
func TestBackAndForth(t *testing.T) {
	s := newShared()
	f := emptyFake(s.clock, nil, commission(1, 1))
	r := s.replica(t, f)
	r.round()
	for i := range 4 {
		if i%2 == 0 {
			f.Insert(commissions(commission(1, 1, paid)))
		} else {
			f.Insert(commissions(commission(1, 1)))
		}
		r.round()
		r.wants("a change back or forth", "UPDATED Commission/c01 of ann")
	}
}

// TestClients wants a client to see a change as soon as it is told.
func TestClients(t *testing.T) {
	s := newShared()
	one := commission(1, 1)
	f := emptyFake(s.clock, nil, one)
	r := s.replica(t, f)
	status := func() providers.CommissionStatus {
		b, err := r.cache.CommissionsByID(t.Context(), []providers.ID{one.ID})
		if err != nil || b.Found[one.ID] == nil {
			t.Fatal(err)
		}
		return b.Found[one.ID].Status
	}
	status()
	r.round()
	f.Insert(commissions(commission(1, 1, paid)))
	r.round()
	if got := status(); got != providers.CommissionPaid {
		t.Errorf("the status is %s, when a change was told", got)
	}
}

// TestPageProvesNothing wants no deletion told by a page that only seems to lack rows.
func TestPageProvesNothing(t *testing.T) {
	one, two := commission(1, 1), commission(2, 2)
	key := string(providers.NounCommission)
	l := list{noun: providers.NounCommission, key: key, fields: fieldNames[providers.Commission]()}
	var vendor struct {
		absent, changed bool
		err             error
		asked           int
	}
	ask := func(id providers.ID) (*row, error) {
		if vendor.asked++; vendor.absent || vendor.err != nil {
			return nil, vendor.err
		}
		w := rowOf(map[bool]*providers.Commission{true: one, false: two}[id == one.ID])
		if vendor.changed {
			w = rowOf(commission(1, 1, paid))
		}
		return &w, nil
	}
	busy := &providers.Error{Kind: providers.KindUnavailable, Err: errors.New("busy")}
	for _, tt := range []struct {
		name          string
		now           reading
		absent        bool
		err           error
		asked, later  int // how often the vendor is asked, and with the round behind it
		want, missing int // changes, and rows that are still remembered as missing
	}{
		{"the vendor has none", reading{rows: []row{rowOf(two)}, whole: true}, true, nil, 1, 0, 1, 0},
		{"the vendor has it", reading{rows: []row{rowOf(two)}, whole: true}, false, nil, 1, 0, 0, 1},
		{"the vendor has it, changed", reading{rows: []row{rowOf(two)}, whole: true}, false, nil, 1, 0, 1, 1},
		{"the vendor cannot tell", reading{rows: []row{rowOf(two)}, whole: true}, false, errors.ErrUnsupported, 1, 0, 0, 1},
		{"the vendor is away", reading{rows: []row{rowOf(two)}, whole: true}, false, busy, 1, 1, 0, 1},
		{"a row cannot be read", reading{rows: []row{rowOf(two)}, whole: true, unread: 1}, true, nil, 0, 0, 0, 1},
		{"it may be behind the page", reading{rows: []row{rowOf(two)}}, true, nil, 0, 0, 0, 0},
		{"an empty list", reading{whole: true}, false, nil, 2, 0, 0, 2},
	} {
		vendor.absent, vendor.changed, vendor.err, vendor.asked = tt.absent, tt.name == "the vendor has it, changed", tt.err, 0
		m, _ := (*memory)(nil).compare(l, &reading{rows: []row{rowOf(two), rowOf(one)}, whole: true}, nil)
		next, changes := m.compare(l, &tt.now, nil)
		changes = append(changes, next.ask("a-1", l, ask)...)
		missing := 0
		for _, k := range next.Rows {
			if k.Missing {
				missing++
			}
		}
		if len(changes) != tt.want || missing != tt.missing || vendor.asked != tt.asked {
			t.Errorf("%s: %d changes, %d missing, the vendor is asked %d times", tt.name, len(changes), missing, vendor.asked)
		}
		vendor.asked = 0
		again, _ := next.compare(l, &tt.now, nil)
		_ = again.ask("a-1", l, ask)
		if vendor.asked != tt.later {
			t.Errorf("%s: the vendor is asked %d times with the next round", tt.name, vendor.asked)
		}
		back, changes := again.compare(l, &reading{rows: []row{rowOf(two), rowOf(one)}, whole: true}, nil)
		if tt.missing > 0 && len(changes) > 0 != vendor.changed || len(back.Rows) != 2 {
			t.Errorf("%s: when the rows are back: %v", tt.name, changes)
		}
	}
}

// TestBusyAccount wants a sweep to leave the calls to others who use more than half of
// them, to take no more than its part, and to begin the next time where it stopped.
func TestBusyAccount(t *testing.T) {
	s := newShared()
	b := budget.Reserved{
		Budget: budget.New(20, time.Minute, s.clock.Now), Part: budget.New(16, time.Minute, s.clock.Now),
		Spare: budget.New(2, time.Minute, s.clock.Now),
	}
	var ops []string
	f := emptyFake(s.clock, func(ctx context.Context, op string) error {
		err := b.Take(ctx)
		if err == nil {
			ops = append(ops, op)
		}
		return err
	}, commission(1, 1))
	r := s.replica(t, f)
	take := func() []string { all := ops; ops = nil; return all }
	var read []string
	for range 4 {
		r.round()
		s.clock.pass(time.Second) // the window is a little longer than a minute
		some := take()
		if len(some) > 2 {
			t.Errorf("%v were asked for in a minute, want 2", some)
		}
		read = append(read, some...)
	}
	slices.Sort(read)
	if read = slices.Compact(read); len(read) != len(Nouns) || r.counted[Held] != 4 {
		t.Errorf("in four rounds of two calls these were read: %v; %v", read, r.counted)
	}
	s.clock.pass(time.Minute)
	soon, cancel := context.WithTimeout(t.Context(), time.Second) // nobody waits
	defer cancel()
	for range 11 { // people
		if err := b.Take(soon); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.sweeper.Round(t.Context(), r.account); err != nil || len(take()) > 0 {
		t.Errorf("a sweep takes calls while people need them, or says %v", err)
	}
	for range 9 {
		if err := b.Take(soon); err != nil {
			t.Errorf("people's calls are not all there: %v", err)
		}
	}
	if r.logged.Len() > 0 {
		t.Errorf("logged: %s", r.logged)
	}
}

// TestSharedRead wants a page that somebody else just reads not asked for once more, and a
// page that was read by a sweep to be in the cache.
func TestSharedRead(t *testing.T) {
	s := newShared()
	f := emptyFake(s.clock, nil, commission(1, 1))
	r := s.replica(t, f)
	r.account.Nouns = []providers.Noun{providers.NounCommission}
	r.round()
	before := f.Spent()
	lists, err := r.cache.Commissions(providers.CommissionFilter{})
	if err != nil {
		t.Fatal(err)
	}
	page, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: r.cache})
	if err != nil || !page.Remembered || f.Spent() != before {
		t.Errorf("%v: the page that was swept is read again", err)
	}
}

// TestToldByOthers wants no event told again that a webhook or a write has told, where those
// who were told have seen the record as it is now; and told where they may have seen an
// older one, or none.
func TestToldByOthers(t *testing.T) {
	one := commission(1, 1)
	for _, tt := range []struct {
		name  string
		begin []*providers.Commission
		kind  providers.ChangeKind
		seen  bool // somebody has read it when it was told
		then  bool // it changes once more, and nobody tells
		want  []string
	}{
		{"an update", []*providers.Commission{commission(1, 1, noted(1))}, providers.Updated, true, false, nil},
		{"an update, and another that nobody told", []*providers.Commission{commission(1, 1, noted(1))}, providers.Updated, true, true,
			[]string{"UPDATED Commission/c01 of ann"}},
		{"an update that nobody has seen", []*providers.Commission{commission(1, 1, noted(1))}, providers.Updated, false, false,
			[]string{"UPDATED Commission/c01 of ann"}},
		{"a creation", nil, providers.Created, true, false, nil},
		{"a creation, and an update that nobody told", nil, providers.Created, true, true, []string{"UPDATED Commission/c01 of ann"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShared()
			f := emptyFake(s.clock, nil, tt.begin...)
			r := s.replica(t, f)
			r.round()
			f.Insert(commissions(one))
			if err := r.cache.Invalidate(t.Context(), []providers.ID{one.ID}, providers.NounCommission); err != nil {
				t.Fatal(err)
			}
			once := events.Once{}
			if tt.kind == providers.Created {
				once = events.Once{Key: "created/" + one.ID.String(), For: time.Hour}
			}
			event := events.Event{Record: one.ID, Kind: tt.kind, Owner: one.AffiliateID, At: s.clock.Now(), Source: events.Webhook}
			if _, err := s.log.Append(t.Context(), once, event); err != nil {
				t.Fatal(err)
			}
			r.wants("by the webhook", fmt.Sprintf("%s Commission/c01 of ann by webhook", tt.kind))
			if tt.seen {
				if _, err := r.cache.CommissionsByID(t.Context(), []providers.ID{one.ID}); err != nil {
					t.Fatal(err)
				}
			}
			if tt.then {
				f.Insert(commissions(commission(1, 1, paid)))
			}
			r.round()
			r.wants("by the sweep", tt.want...)
			r.round()
			r.wants("by the sweep behind it")
		})
	}
}

// TestReplicas wants one replica to sweep at a time, another to go on where the first has
// stopped, and each change told once, also by a replica that was too slow.
func TestReplicas(t *testing.T) {
	s := newShared()
	f := emptyFake(s.clock, nil, commission(1, 1))
	one, two := s.replica(t, f), s.replica(t, f)
	one.round()
	if wait, err := two.sweeper.Round(t.Context(), two.account); err != nil || wait != time.Minute || len(two.counted) > 0 {
		t.Errorf("the second replica waits %v for the round that the first has made: %v, %v", wait, two.counted, err)
	}
	f.Insert(commissions(commission(2, 2)))
	two.round() // the first has died
	two.wants("taken over", "CREATED Commission/c02 of ann")
	// One that was too slow saw the same, and comes after the other.
	f.Insert(commissions(commission(1, 1, paid)))
	s.clock.pass(time.Minute)
	lists, err := listsOfAccount(one.account)
	if err != nil {
		t.Fatal(err)
	}
	slow := lists[0]
	fast := slow.read
	slow.read = func(ctx context.Context, notBefore time.Time) (*reading, error) {
		now, err := fast(ctx, notBefore)
		two.round()
		if two.counted[Read] == 0 {
			t.Error("the other replica has read nothing")
		}
		return now, err
	}
	if err := one.sweeper.look(t.Context(), one.account, slow, nil); err != nil {
		t.Fatal(err)
	}
	two.wants("both at once", "UPDATED Commission/c01 of ann")
	// A replica that died when it had told, and before it saved that, has told it.
	f.Insert(commissions(commission(1, 1)))
	s.clock.pass(time.Minute)
	one.sweeper.o.Store = unsaved{s.store}
	_ = one.sweeper.look(t.Context(), one.account, lists[0], nil)
	two.round()
	two.wants("told and not saved", "UPDATED Commission/c01 of ann")
}

// unsaved is a store that saves nothing.
type unsaved struct{ ledger.Store }

func (unsaved) Save(context.Context, string, string, []byte, time.Duration) (string, error) {
	return "", errors.New("gone")
}

// TestSickAccount wants an account that cannot be reached asked once a round and logged once,
// and all its changes told when it is back.
func TestSickAccount(t *testing.T) {
	s := newShared()
	var down bool
	asked := 0
	f := emptyFake(s.clock, func(context.Context, string) error {
		asked++
		if down {
			return &providers.Error{Kind: providers.KindUnavailable, Err: errors.New("down")}
		}
		return nil
	}, commission(1, 1))
	r := s.replica(t, f)
	r.round()
	down, asked = true, 0
	f.Insert(commissions(commission(2, 2)))
	for range 3 {
		s.clock.pass(time.Minute)
		if wait := r.sweeper.turn(t.Context(), r.account); wait != time.Minute {
			t.Errorf("the next try is in %v", wait)
		}
	}
	if asked != 3 || strings.Count(r.logged.String(), "WARN") != 1 {
		t.Errorf("asked %d times in three rounds, and logged:\n%s", asked, r.logged)
	}
	down = false
	r.round()
	r.wants("it is back", "CREATED Commission/c02 of ann")
}
