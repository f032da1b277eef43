package resolvers_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/listing"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/providertest/example"
	"github.com/partnergraph/partnergraph/providers/sandbox"
	"github.com/partnergraph/partnergraph/resolvers"
)

// today is the simulators' present.
var today = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

// world is the whole server over simulators, in one process but over real HTTP on both sides.
type world struct {
	t        testing.TB
	url      string
	handler  http.Handler
	sims     map[string]*simulated   // by account
	kits     map[string]*sandbox.Kit // of these
	accounts map[string]providers.Provider
	log      *slog.Logger // of the ledger
	audit    lines        // what it has said
	graph    *resolvers.Resolver
	told     lines // what the resolvers told the operator
	entries  ledger.Store
	clock    *atomic.Int64 // how far the server's clock is ahead of today
}

// simulated is a vendor's simulator, served.
type simulated struct {
	providers.Simulator
	server *httptest.Server
}

// lines is a log that is read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// take empties the log.
func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.text.String()
	l.text.Reset()
	return s
}

// sequential skips, under the race detector and with -short, a long test that sends one
// request after the other. What may race in it does in the tests that the Makefile names
// AT_ONCE.
func sequential(t testing.TB) {
	t.Helper()
	if raced || testing.Short() {
		t.Skip("it is long: it runs without the race detector and without -short")
	}
}

// now is the server's clock.
func (w *world) now() time.Time { return today.Add(time.Duration(w.clock.Load())) }

// pass lets time go by for the server; the vendors do not notice.
func (w *world) pass(d time.Duration) { w.clock.Add(int64(d)) }

// setup says what is not as usual.
type setup struct {
	size     providers.SandboxSize // small
	timeout  time.Duration         // of one call to a vendor; a minute, which a healthy one never takes
	slow     string                // the only vendor that timeout is meant for; "" for all
	vendors  []string              // accounts of these vendors, in this order; all of them
	calls    int                   // 1000
	cost     int                   // the default of the configuration
	pages    int                   // 20
	reads    int                   // pages of a list that the reads of a write may read; not bounded
	keys     []auth.Key            // none
	tokens   bool                  // whoever has a token that is signed with portalSecret is let in
	noBudget bool                  // the server's own budget lets everything out
	beside   *world                // shares its vendors and its clock; none
	store    cache.Store           // of the cache; a memory of its own
	entries  ledger.Store          // of the ledger; a memory of its own
	ticks    bool                  // a second goes by between calls of the vendors, so that they are not asked too often
	emails   map[string]resolvers.CustomerEmails
	currency string // of all accounts; each vendor's own
	answers  int64  // bytes of finished answers that are kept; 16 MiB, and none where it is negative
	portal   bool   // whoever has a token that is signed with portalSecret is let in; documents have no bounds; each account tells a story of its own

	logs  io.Writer    // of everything but the ledger and what the operator is told; nowhere
	heard io.Writer    // what the vendors answer; nowhere
	deaf  *atomic.Bool // whether the vendors ignore just now what narrows their lists; never

	wrap func(providers.Provider) providers.Provider // comes between the accounts and the resolvers
}

// registered are the names of the vendors that the program is built with.
func registered() (names []string) {
	for _, f := range all.Registry().Factories() {
		names = append(names, f.Name)
	}
	return names
}

// can says whether the account can do something.
func (w *world) can(account string, c providers.Capability) bool {
	return slices.Contains(w.accounts[account].Account().Capabilities, c)
}

// cursorKey seals the cursors of every world, so that equal answers are equal texts.
const cursorKey = "the key of the tests' cursors"

// newWorld starts one account at each vendor, with the vendor's name as its id. Nothing is
// cached yet. The example vendor is served where setup.vendors names it.
func newWorld(t testing.TB, s setup) *world {
	t.Helper()
	if s.size == "" {
		s.size = providers.SandboxSmall
	}
	if s.calls == 0 {
		s.calls = 1000
	}
	if s.cost == 0 {
		s.cost = config.Default().Limits.Cost
	}
	if s.pages == 0 {
		s.pages = 20
	}
	if s.vendors == nil {
		s.vendors = registered()
	}
	w := &world{t: t, sims: map[string]*simulated{}, kits: map[string]*sandbox.Kit{}, accounts: map[string]providers.Provider{}, clock: new(atomic.Int64)}
	if s.beside != nil {
		w.sims, w.kits, w.clock = s.beside.sims, s.beside.kits, s.beside.clock
	}
	if s.store == nil {
		s.store = cache.NewMemory(64<<20, w.now)
	}
	if s.entries == nil {
		s.entries = ledger.NewMemory(w.now)
	}
	w.entries = s.entries
	w.log = slog.New(slog.NewTextHandler(&w.audit, nil))
	log := s.logger()
	var accounts []providers.Provider
	for _, name := range s.vendors {
		var p providers.Provider = cache.Wrap(w.open(s, name), s.store, cache.Options{List: time.Minute, Stale: time.Hour, Now: w.now, Logger: log})
		if s.wrap != nil {
			p = s.wrap(p)
		}
		w.accounts[name], accounts = p, append(accounts, p)
	}
	var known *auth.Authenticator
	if s.keys != nil {
		known = auth.New(s.keys, nil)
	}
	seals := listing.NewSeals(w.now)
	seals.Use([]byte(cursorKey))
	w.graph = resolvers.New(resolvers.Options{
		Accounts: accounts, CustomerEmails: s.emails, Pages: s.pages, Calls: s.calls, Cost: s.cost, Logger: slog.New(slog.NewTextHandler(&w.told, nil)), Now: w.now,
		Ledger:  ledger.New(s.entries, ledger.Options{Settle: 20 * time.Second, Keep: 24 * time.Hour, Plan: 10 * time.Second, Pages: s.reads, Logger: w.log}),
		Timeout: 5 * time.Second, Seals: seals,
	})
	o := httpapi.Options{
		Resolvers: w.graph, Auth: known, Logger: log, Timeout: 2 * time.Minute, Body: 100 << 10, Tokens: 5000, Depth: 12, Aliases: 50, Introspection: true,
		Responses: cmp.Or(s.answers, 16<<20),
	}
	if s.tokens {
		o.Auth = auth.New(nil, portalTokens(t, w.now))
	}
	if s.portal {
		o.Auth, o.Body, o.Tokens, o.Aliases = auth.New(nil, portalTokens(t, w.now)), 100<<20, 1<<30, 1<<30
	}
	w.handler = httpapi.New(o)
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// open opens the account at a vendor, and starts the vendor if nobody has.
func (w *world) open(s setup, name string) providers.Provider {
	w.t.Helper()
	factory, ok := all.Registry().Factory(name)
	if name == example.Factory.Name {
		factory, ok = example.Factory, true
	}
	if !ok {
		w.t.Fatalf("there is no vendor %q", name)
	}
	if w.sims[name] == nil {
		var ticks atomic.Int64
		seed := uint64(1)
		if s.portal {
			seed += uint64(len(w.sims))
		}
		sim := factory.Sandbox(providers.SandboxOptions{Size: s.size, Seed: seed, Now: func() time.Time {
			if s.ticks {
				return today.Add(time.Duration(ticks.Add(1)) * time.Second)
			}
			return today
		}})
		server := httptest.NewServer(s.overheard(s.unheard(sim)))
		w.t.Cleanup(server.Close)
		w.sims[name], w.kits[name] = &simulated{sim, server}, sim.(interface{ Kit() *sandbox.Kit }).Kit()
	}
	if s.timeout == 0 || s.slow != "" && s.slow != name {
		s.timeout = time.Minute
	}
	sim, limit, clock := w.sims[name], factory.Limit, time.Now
	if s.noBudget { // nothing but a 429 holds a call back, by the server's clock
		limit, clock = 1<<20, w.now
	}
	p, err := factory.New(providers.Config{
		Account: name, Name: factory.Title + " account", Currency: cmp.Or(s.currency, sim.Currency()), BaseURL: sim.server.URL, Credentials: sim.Credentials(), Timeout: s.timeout,
		HTTP: sim.server.Client(), Logger: s.logger(), Budget: budget.New(limit, factory.Window, clock), Now: w.now, Pause: func(time.Duration) time.Duration { return 0 },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// logger says everything to where it is listened to.
func (s setup) logger() *slog.Logger {
	if s.logs == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// unheard is a vendor who may not listen to filters: what is left of a query says which page.
func (s setup) unheard(vendor http.Handler) http.Handler {
	if s.deaf == nil {
		return vendor
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); r.Method == http.MethodGet && s.deaf.Load() {
			maps.DeleteFunc(query, func(name string, _ []string) bool {
				return !slices.Contains([]string{"page", "per_page", "limit"}, name)
			})
			r.URL.RawQuery = query.Encode()
			r.RequestURI = r.URL.RequestURI()
		}
		vendor.ServeHTTP(w, r)
	})
}

// overheard is a vendor whose answers are listened to.
func (s setup) overheard(vendor http.Handler) http.Handler {
	if s.heard == nil {
		return vendor
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		vendor.ServeHTTP(recorder, r)
		maps.Copy(w.Header(), recorder.Header())
		w.WriteHeader(recorder.Code)
		_, _ = io.MultiWriter(w, s.heard).Write(recorder.Body.Bytes())
	})
}

// answer is a GraphQL response.
type answer struct {
	Data   json.RawMessage `json:"data"`
	Errors []struct {
		Message    string         `json:"message"`
		Path       []any          `json:"path"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
	Extensions struct {
		Cost struct {
			Planned int `json:"planned"`
			Spent   int `json:"spent"`
		} `json:"cost"`
		Explain *resolvers.Explanation `json:"explain"`
	} `json:"extensions"`

	status int
	text   string
}

// ask sends a query, with variables if there are any.
func (w *world) ask(query string, variables map[string]any, headers ...string) *answer {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(httpapi.ExplainHeader, "1")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := &answer{status: response.StatusCode, text: string(text)}
	if err := json.Unmarshal(text, a); err != nil {
		w.t.Fatalf("%v: %s", err, text)
	}
	return a
}

// must is the answer to a query that has to succeed, decoded into data.
func must[D any](w *world, query string, variables map[string]any) (data D, a *answer) {
	w.t.Helper()
	a = w.ask(query, variables)
	if len(a.Errors) > 0 {
		w.t.Fatalf("%s\n%s", query, clipped(a.text))
	}
	if err := json.Unmarshal(a.Data, &data); err != nil {
		w.t.Fatalf("%v: %s", err, a.Data)
	}
	return data, a
}

func clipped(s string) string {
	if len(s) > 1500 {
		return s[:1500] + "…"
	}
	return s
}

// calls are the calls of an answer that went to vendors, for messages.
func (a *answer) calls() (s string) {
	if a.Extensions.Explain == nil {
		return "no explanation"
	}
	for _, c := range a.Extensions.Explain.Calls {
		if c.Source == providers.SourceVendor {
			s += fmt.Sprintf("\n  %s %s %s %d", c.Account, c.Method, c.Path, c.Status)
		}
	}
	return s
}

// sum is the hash that stands for a key in the configuration.
func sum(key string) [32]byte { return sha256.Sum256([]byte(key)) }
