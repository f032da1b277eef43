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
	lookDocuments = flag.Int("look-documents", 60, "how many documents TestLookChangesNothing asks")
)

// shelf is a store whose contents are set before each request. What was begun for an earlier request does not
// come in any more.
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

// lookWorlds are equal servers of the same vendors: one that looks, one that does not, and one that looks
// and may make few calls.
type lookWorlds struct {
	looks, blind, bound    *world
	shelves                map[*world]*shelf
	ids, accounts, vendors []string
	known                  map[string][]string
}

const boundCalls = 60

func newLookWorlds(t testing.TB, vendors []string, odd uint64) *lookWorlds {
	l := &lookWorlds{shelves: map[*world]*shelf{}, vendors: vendors, known: map[string][]string{}}
	made := func(calls int, beside *world) *world {
		s := &shelf{}
		w := newWorld(t, setup{vendors: vendors, noBudget: true, ticks: true, answers: -1, calls: calls, cost: 30_000, beside: beside, store: s})
		s.now = w.now
		s.set(nil)
		l.shelves[w] = s
		return w
	}
	l.looks = made(100_000, nil)
	for _, list := range dearKinds["lists"] {
		for _, vendor := range vendors {
			l.accounts = append(l.accounts, account(vendor))
			a := l.looks.ask(fmt.Sprintf(`{ %s(first: 25, filter: { accounts: [%q] }) { nodes { __typename id } } }`, list, account(vendor)), nil)
			for _, row := range rowsOf(a, list) {
				l.ids = append(l.ids, row["id"])
				l.known[row["__typename"]] = append(l.known[row["__typename"]], row["id"])
			}
		}
	}
	l.ids = append(l.ids, idsOf(vendors[0], providers.NounAffiliate, 1)...)
	if odd > 0 {
		for _, kit := range l.looks.kits {
			kit.Odd().Mix(odd, 0.05, 0)
		}
	}
	l.blind, l.bound = made(100_000, l.looks), made(boundCalls, l.looks)
	l.blind.graph.Blind()
	return l
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

// differ says where two answers differ; "" for nowhere.
func (a *answer) differ(b *answer) string {
	if string(a.Data) != string(b.Data) {
		return "data: " + firstDifference(string(a.Data), string(b.Data))
	}
	if x, y := a.failures(), b.failures(); !slices.Equal(x, y) {
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

// lookKinds are the worlds that documents are asked in.
var lookKinds = []struct {
	name    string
	vendors []string
	odd     uint64
	down    bool
}{
	{"plain", []string{"promotekit", "firstpromoter", "uppromote"}, 0, false},
	{"four accounts", []string{"example", "firstpromoter", "uppromote", "promotekit"}, 0, false},
	{"one account fails", []string{"promotekit", "firstpromoter", "uppromote"}, 0, true},
	{"odd", []string{"promotekit", "firstpromoter", "uppromote"}, 1, false},
}

// TestLookChangesNothing asks random documents of a server that looks and of one that does not, cold, with
// parts of what is cached expired or gone, stale and warm, and wants the same answers.
func TestLookChangesNothing(t *testing.T) {
	sequential(t)
	t.Logf("-look-seed %d -look-documents %d", *lookSeed, *lookDocuments)
	for _, kind := range lookKinds {
		t.Run(kind.name, func(t *testing.T) {
			l := newLookWorlds(t, kind.vendors, kind.odd)
			var stats lookStats
			for seed := range uint64(*lookDocuments) {
				l.compare(t, *lookSeed+seed, kind.down, &stats)
			}
			t.Logf("%+v", stats)
		})
	}
}

type lookStats struct{ refused, planned, failed, calls, boundRefused, bound int }

func (l *lookWorlds) compare(t *testing.T, seed uint64, down bool, stats *lookStats) {
	r := rand.New(rand.NewPCG(seed, 7))
	q := lookQuery{r: r, accounts: l.accounts, ids: l.ids, known: l.known}
	text := q.document()
	if down {
		vendor := l.vendors[r.IntN(len(l.vendors))]
		l.looks.kits[vendor].Choose(func(*http.Request) (sandbox.Fault, bool) { return sandbox.Fault{Status: http.StatusServiceUnavailable}, true })
		defer func() {
			l.looks.kits[vendor].Choose(nil)
			l.looks.pass(time.Hour)
		}()
	}
	ask := func(w *world, entries map[cache.Key]cache.Entry) *answer {
		l.shelves[w].set(entries)
		return w.serve(text)
	}
	differ := func(state string, got, want *answer) bool {
		diff := got.differ(want)
		if diff != "" {
			t.Errorf("seed %d, %s: %s\n%s", seed, state, text, diff)
		}
		return diff != ""
	}
	cold := ask(l.blind, nil)
	if cold.Data == nil || string(cold.Data) == "null" {
		stats.refused++
		if code := cold.Errors[0].Extensions["code"]; code != "QUERY_TOO_COMPLEX" {
			t.Errorf("seed %d: %s\n%s", seed, text, clipped(cold.text))
		}
		return
	}
	stats.calls += cold.Extensions.Cost.Spent
	if len(cold.Errors) > 0 {
		stats.failed++
	}
	shelf := l.shelves[l.blind].contents()
	if differ("cold", ask(l.looks, nil), cold) {
		if again := ask(l.blind, nil); again.differ(cold) != "" {
			t.Errorf("seed %d: the cold answer without a look is not always the same: %s", seed, again.differ(cold))
		}
		return
	}
	now := l.looks.now()
	for _, s := range []struct {
		name          string
		expired, gone uint64
	}{{"warm", 0, 0}, {"half warm", 20, 20}, {"some gone", 0, 30}, {"stale", 100, 0}} {
		entries := worn(shelf, now, seed, s.expired, s.gone)
		want := ask(l.blind, entries)
		if differ(s.name, ask(l.looks, entries), want) {
			if again := ask(l.blind, entries); again.differ(want) != "" {
				t.Errorf("seed %d: the %s answer without a look is not always the same: %s", seed, s.name, again.differ(want))
			}
		}
		if diff := want.differ(cold); diff != "" {
			t.Errorf("seed %d, %s and cold: %s\n%s", seed, s.name, text, diff)
		}
	}
	bound := ask(l.bound, nil)
	cost := bound.Extensions.Cost
	if bound.Data == nil || string(bound.Data) == "null" {
		stats.boundRefused++
		if cost.Spent > boundCalls*3/4 {
			t.Errorf("seed %d: refused after %d calls: %s", seed, cost.Spent, text)
		}
		return
	}
	stats.bound++
	if cost.Spent > boundCalls {
		t.Errorf("seed %d: %d calls spent: %s", seed, cost.Spent, text)
	}
	if cost.Spent > cost.Planned {
		t.Errorf("seed %d: %d calls planned, %d spent: %s", seed, cost.Planned, cost.Spent, text)
	}
	if !strings.Contains(bound.text, "limits.calls") {
		differ("within few calls", bound, cold)
	}
}
