// Package providertest holds the suite that every [providers.Provider] passes, and [Fake],
// a Provider in memory that passes it. Both are for tests only.
//
// The suite knows no vendor. It walks the lists of a small, unchanging world, and holds
// every other answer of the provider against what it saw there.
package providertest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// Subject is a provider under test.
type Subject struct {
	// New makes a provider over the subject's world, with nothing remembered of what others
	// read. It is called for every check, so the world behind it should be shared; all
	// worlds MUST be equal and MUST NOT change. Each noun listed in Nouns should have more
	// rows than a page holds.
	New func(t testing.TB) providers.Provider

	// Nouns are those that the provider answers. Every other MUST answer [errors.ErrUnsupported].
	Nouns []providers.Noun

	// Calls is how many calls to the vendor a provider made by New has made so far. It is
	// optional; with it the suite proves that planning is free and that no estimate is too
	// low.
	Calls func(p providers.Provider) int

	// Limits names the checks that this provider cannot pass, each with the reason. A check
	// is named as its subtest: "Referral/calls". A name that is no check's is an error. A
	// filter whose capability the account does not claim, and which no row passes, needs no
	// name here.
	Limits map[string]string
}

// Run proves that a provider keeps the contract of [providers.Provider]:
//
//   - An account MUST name itself by its id, say who its vendor is, and list its
//     capabilities sorted. LIST and COUNT capabilities MUST say what the lists do.
//   - Planning MUST make no call. Equal filters MUST have equal keys; a key MUST name one
//     list only and MUST NOT hold an e-mail address.
//   - A walk MUST start at page 1 and give every row once, newest first, undated ones last.
//     A page past the end MUST be empty with More false. Page.Total and Count MUST be the
//     number of rows of the whole walk.
//   - Every id MUST be of the account and the noun and survive [providers.ParseID].
//     ProviderID and FetchedAt MUST be set. An id that a row refers to MUST lead to a
//     record.
//   - Every row MUST be readable by its id, and MUST then be the same in all that both
//     readings know. What is returned MUST cover what was needed.
//   - Ids that are unknown, malformed, of another account or of another noun MUST be absent
//     without an error. Ids given twice MUST do no harm, and no ids MUST give an empty
//     batch.
//   - A filtered list MUST hold each row of the unfiltered one that matches, and no row
//     that matches only by its telling. Only affiliates that are archived may be left out
//     of lists that do not ask for their status. Rows of an Exact list MUST all match.
//     Within MUST hold every match.
//   - A filter that names only records of another account MUST plan no list.
//   - A harvested record MUST be readable by its id, and what it knows MUST be the same there.
//   - Every error MUST be, or wrap, an [*providers.Error]. A context that is over MUST give one.
//   - All of it MUST be safe for concurrent use; run the suite with -race.
func Run(t *testing.T, s Subject) {
	w := newWorld(s)
	p := s.New(t)
	w.account = p.AccountID()
	checks := accountChecks()
	for _, n := range w.columns {
		n.discover(t, w, p)
		checks = append(checks, n.checks(w)...)
	}
	names := map[string]bool{}
	for _, c := range checks {
		names[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			if why := s.Limits[c.name]; why != "" {
				t.Skip(why)
			}
			c.run(t, w, s.New(t))
		})
	}
	for name := range s.Limits {
		if !names[name] {
			t.Errorf("Limits names %q, which is no check; there are %q", name, slices.Sorted(maps.Keys(names)))
		}
	}
}

// check is one subtest; p is fresh.
type check struct {
	name string
	run  func(t *testing.T, w *world, p providers.Provider)
}

// world is what the suite saw so far.
type world struct {
	Subject
	account       string
	columns       []column
	affiliates    rows[providers.Affiliate]
	memberships   rows[providers.Membership]
	campaigns     rows[providers.Campaign]
	referrals     rows[providers.Referral]
	commissions   rows[providers.Commission]
	payouts       rows[providers.Payout]
	coupons       rows[providers.Coupon]
	subscriptions rows[providers.WebhookSubscription]
}

func newWorld(s Subject) *world {
	return &world{
		Subject: s, columns: columns(),
		affiliates: newRows[providers.Affiliate](), memberships: newRows[providers.Membership](),
		campaigns: newRows[providers.Campaign](), referrals: newRows[providers.Referral](),
		commissions: newRows[providers.Commission](), payouts: newRows[providers.Payout](),
		coupons: newRows[providers.Coupon](), subscriptions: newRows[providers.WebhookSubscription](),
	}
}

// rows are the records of a noun.
type rows[T providers.Record] struct {
	all  []*T                             // as read by id, newest first
	byID map[providers.ID]*T              // the same
	base map[providers.ID]*T              // as the lists of the empty filter have them
	seen []*T                             // as harvested
	list map[string]map[providers.ID]bool // the ids of each list that was read, by its key

	reader providers.Provider // whoever made these walks
	walked map[string][]*T    // the rows of each list, by its key
}

func newRows[T providers.Record]() rows[T] {
	return rows[T]{byID: map[providers.ID]*T{}, base: map[providers.ID]*T{}, list: map[string]map[providers.ID]bool{}}
}

// ids are those of all records, newest first.
func (r *rows[T]) ids() (ids []providers.ID) {
	for _, row := range r.all {
		ids = append(ids, providers.NodeOf(row).ID)
	}
	return ids
}

// harvest keeps what came along.
func (w *world) harvest(h providers.Harvest) {
	w.affiliates.seen = append(w.affiliates.seen, h.Affiliates...)
	w.memberships.seen = append(w.memberships.seen, h.Memberships...)
	w.campaigns.seen = append(w.campaigns.seen, h.Campaigns...)
	w.referrals.seen = append(w.referrals.seen, h.Referrals...)
	w.commissions.seen = append(w.commissions.seen, h.Commissions...)
	w.payouts.seen = append(w.payouts.seen, h.Payouts...)
	w.coupons.seen = append(w.coupons.seen, h.Coupons...)
}

// column is the suite's view of one noun, whatever its types.
type column interface {
	// discover walks what there is and reads each of it by id.
	discover(t *testing.T, w *world, p providers.Provider)
	checks(w *world) []check
	noun() providers.Noun
	// missing are those of the ids that lead to no record.
	missing(t testing.TB, w *world, p providers.Provider, ids []providers.ID) []providers.ID
}

const (
	samples  = 6    // values that are tried of each filter
	maxPages = 2000 // more than a small world has
)

// mustPlan plans the lists of a filter.
func (c col[T, F]) mustPlan(t testing.TB, p providers.Provider, f F) []providers.List[T] {
	t.Helper()
	lists, err := c.plan(p, f)
	if err != nil {
		t.Fatalf("planning %+v: %v", f, fault(t, err))
	}
	return lists
}

// walk reads a list to its end and proves what holds of every walk. A list that this
// provider has walked before is proved to begin as it did; its other pages are not read
// again.
func (c col[T, F]) walk(t testing.TB, w *world, p providers.Provider, l providers.List[T]) []*T {
	t.Helper()
	var (
		all   []*T
		seen  = map[providers.ID]bool{}
		total *int64
	)
	read := func(number int) *providers.Page[T] {
		page, err := l.Page(context.Background(), providers.PageRequest{Number: number, Reader: p})
		if err != nil {
			t.Fatalf("list %q, page %d: %v", l.Key, number, fault(t, err))
		}
		if page.Total != nil {
			total = page.Total
		}
		w.harvest(page.Harvest)
		return page
	}
	r := c.rows(w)
	if r.reader != p {
		r.reader, r.walked = p, map[string][]*T{}
	}
	if before, ok := r.walked[l.Key]; ok {
		page := read(1)
		begins := len(page.Items) <= len(before) && (page.More || len(page.Items) == len(before)) &&
			(total == nil || *total == int64(len(before)))
		for i := 0; begins && i < len(page.Items); i++ {
			begins = Diff(page.Items[i], before[i]) == ""
		}
		if !begins {
			t.Errorf("two lists of different rows have the key %q", l.Key)
		}
		return before
	}
	number := 1
	for more := true; more; number++ {
		if number > maxPages {
			t.Fatalf("list %q does not end", l.Key)
		}
		page := read(number)
		for _, row := range page.Items {
			node := providers.NodeOf(row)
			c.node(t, w, node)
			if seen[node.ID] {
				t.Errorf("list %q gives %v twice", l.Key, node.ID)
			}
			seen[node.ID] = true
			if k := len(all); k > 0 && node.Listed().After(providers.NodeOf(all[k-1]).Listed()) {
				t.Errorf("list %q, page %d: %+v of %v stands behind one of %v; want newest first, undated last",
					l.Key, number, node.ID, node.Listed(), providers.NodeOf(all[k-1]).Listed())
			}
			all = append(all, row)
		}
		more = page.More
	}
	if page := read(number); len(page.Items) != 0 || page.More {
		t.Errorf("list %q, page %d, past the end: %d rows, More %v; want none, false", l.Key, number, len(page.Items), page.More)
	}
	if l.Count != nil {
		switch count, err := l.Count(context.Background()); {
		case err != nil:
			t.Errorf("list %q: Count: %v", l.Key, fault(t, err))
		case count != int64(len(all)):
			t.Errorf("list %q: Count is %d, but there are %d rows", l.Key, count, len(all))
		}
	}
	if total != nil && *total != int64(len(all)) {
		t.Errorf("list %q: Total is %d, but there are %d rows", l.Key, *total, len(all))
	}
	if before, ok := r.list[l.Key]; ok && !maps.Equal(before, seen) {
		t.Errorf("two lists of different rows have the key %q", l.Key)
	}
	r.list[l.Key], r.walked[l.Key] = seen, all
	return all
}

// node proves what holds of every record.
func (c col[T, F]) node(t testing.TB, w *world, node *providers.Node) {
	t.Helper()
	if node.ID.Account != w.account || node.ID.Noun != c.name {
		t.Fatalf("%+v is no %s of account %q", node.ID, c.name, w.account)
	}
	roundTrip(t, node.ID)
	if node.ProviderID == "" || node.FetchedAt.IsZero() {
		t.Errorf("%+v has ProviderID %q, FetchedAt %v; want both set", node.ID, node.ProviderID, node.FetchedAt)
	}
}

func roundTrip(t testing.TB, id providers.ID) {
	t.Helper()
	if got, err := providers.ParseID(id.String()); err != nil || got != id {
		t.Errorf("ParseID(%q) = %+v, %v; want %+v", id.String(), got, err, id)
	}
}

// fault proves that an error is one of the domain, and returns it.
func fault(t testing.TB, err error) error {
	t.Helper()
	if e, ok := errors.AsType[*providers.Error](err); !ok || e == nil {
		t.Errorf("%T %q is no *providers.Error", err, err)
	}
	return err
}

// read reads by id and proves what holds of every such read.
func (c col[T, F]) read(t testing.TB, p providers.Provider, ids []providers.ID, need ...string) *providers.Batch[T] {
	t.Helper()
	b, err := c.byID(p, context.Background(), ids, need...)
	if err != nil {
		t.Fatalf("reading %d by id: %v", len(ids), fault(t, err))
	}
	for id, err := range b.Failed {
		t.Errorf("reading %+v: %v", id, fault(t, err))
	}
	for id, row := range b.Found {
		node := providers.NodeOf(row)
		if node.ID != id || !slices.Contains(ids, id) {
			t.Errorf("%+v was found under %+v; want only what was asked for, under its own id", node.ID, id)
		}
		if !node.Known.Covers(need...) {
			names, except := node.Known.Names()
			t.Errorf("%+v was asked for %q; it knows %q (except: %v)", id, need, names, except)
		}
	}
	return b
}

func (c col[T, F]) discover(t *testing.T, w *world, p providers.Provider) {
	if !w.has(c.name) {
		return
	}
	var (
		ids   []providers.ID
		empty F
		r     = c.rows(w)
	)
	for _, l := range c.mustPlan(t, p, empty) {
		for _, row := range c.walk(t, w, p, l) {
			id := providers.NodeOf(row).ID
			if r.base[id] != nil {
				t.Errorf("two lists of the empty filter hold %+v", id)
			}
			r.base[id] = row
			ids = append(ids, id)
		}
	}
	for _, l := range c.mustPlan(t, p, c.every) {
		for _, row := range c.walk(t, w, p, l) {
			if id := providers.NodeOf(row).ID; r.base[id] == nil && c.match(c.every, row) && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		t.Fatalf("the world has no %s to try with", c.name)
	}
	b := c.read(t, p, ids)
	w.harvest(b.Harvest)
	for _, id := range ids {
		if row := b.Found[id]; row == nil {
			t.Errorf("%+v is listed, but not found by its id", id)
		} else {
			r.byID[id] = row
			r.all = append(r.all, row)
		}
	}
	slices.SortStableFunc(r.all, func(a, b *T) int { return providers.NodeOf(b).Listed().Compare(providers.NodeOf(a).Listed()) })
}

func (c col[T, F]) missing(t testing.TB, w *world, p providers.Provider, ids []providers.ID) (missing []providers.ID) {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id providers.ID) bool { return c.rows(w).byID[id] != nil })
	found := c.read(t, p, ids).Found
	return slices.DeleteFunc(ids, func(id providers.ID) bool { return found[id] != nil })
}

func (c col[T, F]) noun() providers.Noun { return c.name }

func (w *world) has(n providers.Noun) bool { return slices.Contains(w.Nouns, n) }
