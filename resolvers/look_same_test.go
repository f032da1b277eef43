package resolvers_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

var (
	lookSeed      = flag.Uint64("look-seed", 1, "the first seed of TestLookChangesNothing")
	lookDocuments = flag.Int("look-documents", 5, "how many documents TestLookChangesNothing asks of each kind of world")
	lookBeyond    = flag.Bool("look-beyond", false, "list the documents that take more calls than planned")
)

// shelf is a store whose contents are set before each request. What was begun for an
// earlier request does not come in any more.
type shelf struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[cache.Key]cache.Entry
	epoch   cache.Epoch
	since   cache.Epoch // when the contents were set
}

func (s *shelf) Get(_ context.Context, keys ...cache.Key) ([]*cache.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make([]*cache.Entry, len(keys))
	for i, k := range keys {
		if e, ok := s.entries[k]; ok && e.Value != nil && e.Began >= e.Fence.At && s.now().Before(e.StaleUntil) {
			found[i] = &e
		}
	}
	return found, nil
}

func (s *shelf) Put(_ context.Context, entries map[cache.Key]cache.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, e := range entries {
		if e.Began >= s.since || e.Value == nil {
			merged := cache.Merge(s.entries[k], e, s.now())
			merged.Source = providers.SourceMemory
			s.entries[k] = merged
		}
	}
	return nil
}

func (s *shelf) Epoch(context.Context, string) (cache.Epoch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	return s.epoch, nil
}

func (s *shelf) Drop(context.Context, string, time.Time, ...cache.Key) error { return nil }

// set replaces the contents.
func (s *shelf) set(entries map[cache.Key]cache.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	s.entries, s.since = maps.Clone(entries), s.epoch
	if s.entries == nil {
		s.entries = map[cache.Key]cache.Entry{}
	}
}

// contents are what is there.
func (s *shelf) contents() map[cache.Key]cache.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.entries)
}

// worn are contents of which some pages and records have expired, or are gone.
func worn(entries map[cache.Key]cache.Entry, now time.Time, seed uint64, expired, gone uint64) map[cache.Key]cache.Entry {
	out := map[cache.Key]cache.Entry{}
	for k, e := range entries {
		h := fnv.New64a()
		_, _ = fmt.Fprintf(h, "%d %s", seed, k)
		n := h.Sum64() % 100
		switch {
		case k.Kind == cache.KindLists:
		case n < gone:
			continue
		case n < gone+expired:
			e.FreshUntil = now.Add(-time.Second)
		}
		out[k] = e
	}
	return out
}

// lookWorlds are equal servers of the same vendors: one that looks, one that does not, and
// one that looks and may make few calls.
type lookWorlds struct {
	kind                lookKind
	looks, blind, bound *world
	shelves             map[*world]*shelf
	ids, accounts       []string
	known               map[string][]string // ids by noun
	seen                lookSeen
}

const boundCalls = 60

func newLookWorlds(t testing.TB, kind lookKind) *lookWorlds {
	l := &lookWorlds{kind: kind, shelves: map[*world]*shelf{}, known: map[string][]string{}}
	made := func(calls int, beside *world) *world {
		s := &shelf{}
		w := newWorld(t, l.setup(calls, beside, s))
		s.now = w.now
		s.set(nil)
		l.shelves[w] = s
		return w
	}
	l.looks = made(100_000, nil)
	for _, list := range dearKinds["lists"] {
		for _, vendor := range kind.vendors {
			l.accounts = append(l.accounts, account(vendor))
			a := l.looks.ask(fmt.Sprintf(`{ %s(first: 25, filter: { accounts: [%q] }) { nodes { __typename id } } }`, list, account(vendor)), nil)
			for _, row := range rowsOf(a, list) {
				l.ids = append(l.ids, row["id"])
				l.known[row["__typename"]] = append(l.known[row["__typename"]], row["id"])
			}
		}
	}
	l.ids = append(l.ids, idsOf(kind.vendors[0], providers.NounAffiliate, 1)...)
	if kind.set != nil {
		for _, kit := range l.looks.kits {
			kind.set(kit)
		}
	}
	l.blind, l.bound = made(100_000, l.looks), made(boundCalls, l.looks)
	l.blind.graph.Blind()
	return l
}

// setup is that of one of the servers.
func (l *lookWorlds) setup(calls int, beside *world, store cache.Store) setup {
	return setup{vendors: l.kind.vendors, noBudget: true, ticks: true, answers: -1, calls: calls, cost: 30_000, beside: beside, store: store}
}

func rowsOf(a *answer, list string) []map[string]string {
	var data map[string]struct{ Nodes []map[string]string }
	_ = json.Unmarshal(a.Data, &data)
	return data[list].Nodes
}

// serve answers a query.
func (w *world) serve(query string) *answer {
	body, _ := json.Marshal(map[string]string{"query": query})
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "http://localhost/graphql", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	a := &answer{status: recorder.Code, text: recorder.Body.String()}
	if err := json.Unmarshal(recorder.Body.Bytes(), a); err != nil {
		w.t.Fatalf("%v: %s", err, a.text)
	}
	return a
}

// failures are the errors of an answer, without what tells requests apart, in some order.
func (a *answer) failures() (all []string) {
	for _, e := range a.Errors {
		text, _ := json.Marshal(e.Path)
		all = append(all, fmt.Sprintf("%v %v %s %s", e.Extensions["code"], e.Extensions["account"], text, e.Message))
	}
	slices.Sort(all)
	return all
}

// endCursor is left out: the cursor behind the last row of a nested list says how far the
// vendor's list was read for it, which differs where the row's own list was read in place
// of the list of all.
var endCursor = regexp.MustCompile(`"endCursor":"[^"]*"`)

// differ says where two answers differ; "" for nowhere. Where one account may contradict
// itself, a vendor is learnt to lack what a reply before made unintelligible, and each
// error says what was known when it occurred.
func (a *answer) differ(b *answer, learning bool) string {
	if x, y := endCursor.ReplaceAllString(string(a.Data), ""), endCursor.ReplaceAllString(string(b.Data), ""); x != y {
		return "data: " + firstDifference(x, y)
	}
	x, y := a.failures(), b.failures()
	if learning {
		for _, all := range [][]string{x, y} {
			for i, text := range all {
				text = strings.Replace(text, "UNSUPPORTED", "UPSTREAM_ERROR", 1)
				all[i] = strings.Replace(text, "does not have this", "sent a reply that cannot be understood", 1)
			}
			slices.Sort(all)
		}
	}
	if !slices.Equal(x, y) {
		return fmt.Sprintf("errors:\n  %s\n  %s", clipped(strings.Join(x, " | ")), clipped(strings.Join(y, " | ")))
	}
	return ""
}

func firstDifference(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	around := func(s string) string { return s[max(0, i-250):min(len(s), i+150)] }
	return fmt.Sprintf("at byte %d\n  %s\n  %s", i, around(a), around(b))
}

// lookVendors are the accounts of most worlds.
var lookVendors = []string{"promotekit", "firstpromoter", "uppromote"}

// lookKind is a kind of world that documents are asked in.
type lookKind struct {
	name    string
	vendors []string
	set     func(*sandbox.Kit)
	down    bool // one account fails
	roots   int  // the most fields of Query
	faulty  bool // replies fail or contradict others, so that some calls are made again

	// The vendors say different things of one record in different places: the answer
	// depends on which of them was read last, and so on what is cached and on the number of
	// calls that are allowed.
	contradicts bool
}

// lookKinds are all of them. Where a list has lost rows that others name, a field of Query
// may find such a row only behind another field, and the look reads lists before records:
// there is one such field.
var lookKinds = []lookKind{
	{name: "plain", vendors: lookVendors, roots: 3},
	{name: "four accounts", vendors: []string{"example", "firstpromoter", "uppromote", "promotekit"}, roots: 3},
	{name: "one account fails", vendors: lookVendors, down: true, faulty: true, roots: 3},
	{name: "thin rows", vendors: lookVendors, roots: 3, set: func(k *sandbox.Kit) {
		k.Set(sandbox.RelatedBare, true)
		k.Set(sandbox.RelatedID, true)
	}},
	{name: "lost rows", vendors: lookVendors, faulty: true, roots: 1, set: func(k *sandbox.Kit) { k.Set(sandbox.RowsNull, true) }},
	{name: "odd", vendors: lookVendors, faulty: true, roots: 1, contradicts: true, set: func(k *sandbox.Kit) { k.Odd().Mix(1, 0.05, 0) }},
}

// TestLookChangesNothing asks random documents of a server that looks and of one that does
// not, cold, and warm, stale, or with parts of what is cached expired or gone. It wants
// equal answers, and calls within the limit and, where no call fails, within the plan.
func TestLookChangesNothing(t *testing.T) {
	sequential(t)
	for _, kind := range lookKinds {
		t.Run(kind.name, func(t *testing.T) {
			l := newLookWorlds(t, kind)
			for seed := *lookSeed; seed < *lookSeed+uint64(*lookDocuments); seed++ {
				l.compare(t, seed)
			}
			t.Logf("-look-seed %d -look-documents %d: %+v", *lookSeed, *lookDocuments, l.seen)
			if l.seen.Refused > l.seen.Answered || l.seen.Calls < 3*l.seen.Answered {
				t.Error("the documents do not try enough")
			}
		})
	}
}

// lookSeen counts what the documents try.
type lookSeen struct {
	Answered, Refused, Calls, Failed int
	Bound, BoundRefused, Beyond      int // with few calls; Beyond: more were spent than planned
}

// lookStates are what is cached before a document is asked, in percent of what a cold
// server has then.
var lookStates = []struct {
	name          string
	expired, gone uint64
}{{"warm", 0, 0}, {"half warm", 20, 20}, {"some gone", 0, 30}, {"stale", 100, 0}}

// compare asks one document.
func (l *lookWorlds) compare(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	q := lookQuery{r: r, accounts: l.accounts, ids: l.ids, known: l.known, roots: l.kind.roots}
	text := q.document()
	if l.kind.down {
		kit := l.looks.kits[pick(&q, l.kind.vendors)]
		kit.Choose(func(*http.Request) (sandbox.Fault, bool) {
			return sandbox.Fault{Status: http.StatusServiceUnavailable}, true
		})
		defer func() {
			kit.Choose(nil)
			l.looks.pass(time.Hour) // the account is asked again
		}()
	}
	ask := func(w *world, entries map[cache.Key]cache.Entry) *answer {
		l.shelves[w].set(entries)
		return w.serve(text)
	}
	equal := func(state string, got, want *answer) {
		if diff := got.differ(want, l.kind.contradicts); diff != "" {
			t.Errorf("-look-seed %d, %s: %s\n%s", seed, state, text, diff)
		}
	}
	cold := ask(l.blind, nil)
	if cold.refused() {
		l.seen.Refused++
		code, message := cold.Errors[0].Extensions["code"], cold.Errors[0].Message
		if code != "QUERY_TOO_COMPLEX" && !strings.Contains(message, "conflict because they return") {
			t.Errorf("-look-seed %d: %s\n%s", seed, text, clipped(cold.text))
		}
		return
	}
	l.seen.Answered++
	l.seen.Calls += cold.Extensions.Cost.Spent
	if len(cold.Errors) > 0 {
		l.seen.Failed++
	}
	shelf := l.shelves[l.blind].contents()
	equal("cold", ask(l.looks, nil), cold)
	s := lookStates[seed%uint64(len(lookStates))]
	entries := worn(shelf, l.looks.now(), seed, s.expired, s.gone)
	blind := ask(l.blind, entries)
	equal(s.name, ask(l.looks, entries), blind)
	if !l.kind.contradicts {
		equal(s.name+" and cold", blind, cold)
	}
	bound := ask(l.bound, nil)
	cost := bound.Extensions.Cost
	switch {
	case cost.Spent > boundCalls || bound.refused() && cost.Spent > boundCalls*3/4:
		t.Errorf("-look-seed %d: %d of %d calls spent: %s", seed, cost.Spent, boundCalls, text)
	case bound.refused():
		l.seen.BoundRefused++
		return
	case !l.kind.contradicts && !strings.Contains(bound.text, "limits.calls"):
		equal("few calls", bound, cold)
	}
	l.seen.Bound++
	if cost.Spent > cost.Planned {
		l.seen.Beyond++
		if !l.kind.faulty {
			t.Errorf("-look-seed %d: %d calls planned, %d spent: %s", seed, cost.Planned, cost.Spent, text)
		} else if *lookBeyond {
			t.Logf("-look-seed %d: %d calls planned, %d spent: %s", seed, cost.Planned, cost.Spent, text)
		}
	}
}

// refused says that nothing was executed.
func (a *answer) refused() bool { return len(a.Data) == 0 || string(a.Data) == "null" }
