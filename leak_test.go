package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/internal/telemetry"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
)

// The caches are the records and pages, the reads under way that several wait for, the
// documents kept by their hash, and the tokens that were verified. The tests here have
// hundreds of viewers ask them for the same at once. What each may see is told once more,
// in other words than the program's: records.look, records.email and asked.

// turn is who asks what.
type turn struct {
	asker    *asker
	question question
}

// TestCachesDoNotLeak has hundreds of viewers ask the same, at once and again and again,
// and wants each answer to be that viewer's own truth: each asks everything, half of it of
// a server with a memory alone and the rest of two with a Redis. Meanwhile what is cached
// grows old and is lost, and is invalidated by writes.
func TestCachesDoNotLeak(t *testing.T) {
	long(t)
	_, accounts := simulated(t, providers.SandboxSmall, 10*time.Second)
	rule := map[string]string{"promotekit": "shown", "firstpromoter": "hidden", "second": "campaign", "uppromote": "hidden"}
	// The second account has the same company behind it: all its ids at the vendor are the
	// first one's.
	twin := regexp.MustCompile(`(?m)^  - \{ id: firstpromoter.*\n`).FindString(accounts)
	text := accounts + strings.Replace(twin, "id: firstpromoter", "id: second", 1)
	for name, rule := range rule {
		text = strings.Replace(text, "id: "+name+",", "id: "+name+", customer_emails: "+rule+",", 1)
	}
	text += "limits: { calls: 1000, cost: 1000000, timeout: 1m, partner: 100000 }\n"
	alone := serveAt(t, 1, text)
	r := readAll(rule, func(query string, variables map[string]any) map[string]any {
		r, err := alone.post(0, [2]string{}, map[string]any{"query": query, "variables": variables})
		if err != nil || len(r.Errors) > 0 {
			t.Fatalf("%v %v", err, r)
		}
		return r.Data
	})
	text += fmt.Sprintf("auth:\n  jwt: { issuer: portal, audience: graph, hs256_secret: %s }\n  api_keys:\n", tokenSecret) +
		fmt.Sprintf("    - { name: all, sha256: %x, role: admin }\n    - { name: one, sha256: %x, role: reader, accounts: [ second ] }\n", sha256.Sum256([]byte("all")), sha256.Sum256([]byte("one")))
	viewers := everybody(t, r)
	if len(viewers) < 200 {
		t.Fatalf("%d viewers are not hundreds", len(viewers))
	}
	e := &exam{records: r, seen: map[string]int{}}
	t.Run("memory", func(t *testing.T) { e.interleave(t, viewers, 0, serveAt(t, 1, text)) })
	t.Run("Redis", func(t *testing.T) {
		redis := redistest.Start(t)
		e.interleave(t, viewers, 1, serveAt(t, 2, text+"redis: { timeout: 10s, cache: \""+redis.Target().Addresses[0].Reveal()+"\" }\n"))
	})
}

// interleave has each viewer ask one half of the questions, in no order: every second, and
// the next viewer the others. The two halves are all.
func (e *exam) interleave(t *testing.T, viewers []*asker, half int, s *site) {
	e.t, e.site = t, s
	e.faults.Store(0)
	var turns []turn
	asked := questions(e.records)
	e.admin = turn{viewers[len(viewers)-1], asked[0]}
	for i, a := range viewers {
		for j, q := range asked {
			if (i+j+half)%2 == 0 {
				turns = append(turns, turn{a, q})
			}
		}
	}
	rand.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
	var (
		wg   sync.WaitGroup
		next atomic.Int64
	)
	for range askers {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(turns); n = int(next.Add(1)) - 1 {
				switch {
				case n == len(turns)*2/3:
					e.pass(25 * time.Hour) // everything is lost
				case n == len(turns)/3:
					e.pass(90 * time.Second) // pages are stale
				case n%70 == 29:
					e.invalidate(n / 70)
				}
				e.ask(rand.IntN(2), turns[n])
			}
		})
	}
	wg.Wait()
	t.Logf("%d questions, %d faults", len(turns), e.faults.Load())
	if len(s.urls) > 1 {
		e.something(asked)
	}
}

// something wants each way to have shown something, and each record to have been shown to
// one partner and not to another.
func (e *exam) something(asked []question) {
	want := []string{string(providers.SourceVendor), string(providers.SourceMemory), string(providers.SourceStale), string(providers.SourceRedis), "counted", "address shown: true", "address shown: false",
		"viewer.affiliates", "affiliates.commissions", "affiliates.memberships.campaign.commissions", "payouts.commissions", "referrals to page 2"}
	for _, q := range asked {
		for name := range q.lists {
			if q.paged == "" {
				want = append(want, name)
			}
		}
		ids, _ := q.variables["ids"].([]string)
		for _, id := range ids {
			want = append(want, fmt.Sprint("node ", id, " true"), fmt.Sprint("node ", id, " false"))
		}
	}
	for _, w := range want {
		if e.seen[w] == 0 {
			e.t.Errorf("%s: never, which proves nothing", w)
		}
	}
}

const (
	askers      = 24 // at a time
	tokenSecret = "a-secret-of-thirty-two-characters"
)

// everybody is hundreds of partners, by their ids and by their addresses, in one account
// and in several, and the staff. All tokens have the same subject.
func everybody(t *testing.T, r *records) (out []*asker) {
	add := func(name, role string, claims jwt.MapClaims, accounts, selves []string) {
		t.Helper()
		claims["iss"], claims["aud"], claims["sub"], claims["exp"], claims["role"] = "portal", "graph", "portal", time.Now().AddDate(10, 0, 0).Unix(), strings.ToLower(role)
		a := &asker{name: name, role: role, selves: selves}
		if accounts != nil {
			claims["accounts"] = accounts
			for _, name := range accounts {
				a.accounts = append(a.accounts, r.names[name])
			}
		}
		text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(tokenSecret))
		if err != nil {
			t.Fatal(err)
		}
		a.header = [2]string{"Authorization", "Bearer " + text}
		r.look(a)
		out = append(out, a)
	}
	byEmail := map[string][]string{}
	for _, id := range r.chosen {
		email := strings.ToLower(r.text(r.byID[id], "email"))
		byEmail[email] = nil
		add("by id "+id, "PARTNER", jwt.MapClaims{"affiliates": []string{id}}, nil, []string{id})
	}
	for _, a := range r.lists["affiliates"] {
		email := strings.ToLower(r.text(a, "email"))
		if ids, ok := byEmail[email]; ok {
			byEmail[email] = append(ids, r.text(a, "id"))
		}
	}
	for _, email := range slices.Sorted(maps.Keys(byEmail)) {
		add("by "+email, "PARTNER", jwt.MapClaims{"email": email, "email_verified": true}, nil, byEmail[email])
	}
	for i := range r.chosen {
		for k := range 9 {
			ids := []string{r.chosen[i], r.chosen[(i+1+2*k)%len(r.chosen)]}
			accounts := map[int][]string{1: {"promotekit", "second"}, 2: {"uppromote", "firstpromoter"}}[i%8]
			add(fmt.Sprint("by ids ", ids, " in ", accounts), "PARTNER", jwt.MapClaims{"affiliates": ids}, accounts, ids)
		}
	}
	for i, accounts := range [][]string{{"promotekit"}, {"firstpromoter"}, {"second"}, {"uppromote"}, {"uppromote", "second"}, nil} {
		role := []string{"READER", "EDITOR", "ADMIN"}[i%3]
		add(fmt.Sprint(role, " of ", accounts), role, jwt.MapClaims{}, accounts, nil)
	}
	one := &asker{name: "by a key", role: "READER", accounts: []string{r.names["second"]}, header: [2]string{"Authorization", "Bearer one"}}
	all := &asker{name: "by a key", role: "ADMIN", header: admin}
	r.look(one)
	r.look(all)
	return append(out, one, all)
}

// admin is the header of one.
var admin = [2]string{"X-API-Key", "all"}

// pass lets time go by.
func (e *exam) pass(d time.Duration) {
	e.moving.Lock()
	defer e.moving.Unlock()
	e.ask(0, e.admin)
	e.site.ahead.Add(int64(d))
	e.ask(0, e.admin)
}

// invalidate changes something that no question asks for, and so invalidates what is cached
// around it.
func (e *exam) invalidate(n int) {
	e.moving.Lock()
	defer e.moving.Unlock()
	key := fmt.Sprintf("leak-%s-%06d", e.t.Name(), n)
	of := func(list, account string) string {
		rows := slices.DeleteFunc(slices.Clone(e.lists[list]), func(o map[string]any) bool {
			return e.account(o) != e.names[account] || list == "affiliates" && o["status"] != "ACTIVE"
		})
		return e.text(rows[n%len(rows)], "id")
	}
	writes := [][2]string{
		{"updateAffiliate", fmt.Sprintf(`id: %q, payoutEmail: "pay%d@example.com"`, of("affiliates", "promotekit"), n)},
		{"updateCommission", fmt.Sprintf(`id: %q, internalNote: "%d"`, of("commissions", "firstpromoter"), n)},
		{"updateCommission", fmt.Sprintf(`id: %q, internalNote: "%d"`, of("commissions", "second"), n)},
	}
	w := writes[n%len(writes)]
	r, err := e.site.post(n, admin, map[string]any{"query": fmt.Sprintf(`mutation { m: %s(input: { idempotencyKey: %q, %s }) { userErrors { message } } }`, w[0], key, w[1])})
	if err != nil || len(r.Errors) > 0 || len(r.Data["m"].(map[string]any)["userErrors"].([]any)) > 0 {
		e.t.Errorf("%s: %v %v", w, err, r)
	}
}

// ask asks a question, for two pages where it is one of pages, and holds the answer against
// what there is.
func (e *exam) ask(at int, turn turn) {
	a, q := turn.asker, turn.question
	variables, want := maps.Clone(q.variables), q.lists[q.paged]
	var before []any
	for page := range 2 {
		r, err := e.site.byHash(at+page, a.header, q, variables)
		if err != nil || len(r.Errors) > 0 {
			e.fault(a, "%.60s: %v %.300v", q.text, err, r)
			return
		}
		for source, n := range r.Extensions.Explain.Totals {
			if n > 0 {
				e.count(string(source))
			}
		}
		if q.paged == "" {
			e.answer(a, q, r.Data)
			return
		}
		list, _ := r.Data[q.paged].(map[string]any)
		if list == nil {
			e.fault(a, "no %s in %.300v", q.paged, r.Data)
			return
		}
		before = append(before, list["nodes"].([]any)...)
		list["nodes"] = before
		e.list(a, fmt.Sprint(q.paged, " to page ", page+1), list, want)
		want.first += q.lists[q.paged].first
		info := list["pageInfo"].(map[string]any)
		if info["hasNextPage"] == false {
			return
		}
		variables = map[string]any{"after": info["endCursor"]}
	}
}

// site is a server, or two replicas that share a Redis, over the vendors. Its clock stands
// still but for pass.
type site struct {
	t      *testing.T
	urls   []string
	ahead  *atomic.Int64
	client *http.Client
}

// serveAt starts n servers of a configuration, as the program does.
func serveAt(t *testing.T, n int, text string) *site {
	t.Helper()
	s := &site{t: t, ahead: new(atomic.Int64), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: askers}}}
	began := time.Now()
	p := &process{ctx: t.Context(), getenv: noEnv, stdout: io.Discard, stderr: io.Discard, registry: all.Registry(),
		now: func() time.Time { return began.Add(time.Duration(s.ahead.Load())) }}
	cfg, err := config.Load(write(t, text), noEnv, p.registry)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		redis, err := connect(cfg.Redis)
		if err != nil {
			t.Fatal(err)
		}
		store, closed := redis.store(int64(cfg.Cache.Memory), slog.New(slog.DiscardHandler), p.now)
		parts := newParts(p, slog.New(slog.DiscardHandler), &http.Client{Transport: s.client.Transport}, redis, store, telemetry.New("test"), cfg)
		handler, _, err := parts.assemble(cfg)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(handler)
		t.Cleanup(func() { server.Close(); parts.close(); closed(); redis.close() })
		s.urls = append(s.urls, server.URL)
	}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// told is an answer.
type told struct {
	Data   map[string]any
	Errors []struct {
		Message    string
		Extensions map[string]any
	}
	Extensions struct {
		Explain struct{ Totals map[providers.Source]int }
	}
}

// post sends a request to one of the servers.
func (s *site) post(at int, header [2]string, body map[string]any) (*told, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.urls[at%len(s.urls)]+"/graphql", bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(httpapi.ExplainHeader, "1")
	if header[0] != "" {
		r.Header.Set(header[0], header[1])
	}
	response, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	out := new(told)
	return out, json.NewDecoder(response.Body).Decode(out)
}

// byHash asks as clients do that send a document once.
func (s *site) byHash(at int, header [2]string, q question, variables map[string]any) (*told, error) {
	body := map[string]any{"variables": variables, "extensions": map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": persisted.Hash(q.text)}}}
	r, err := s.post(at, header, body)
	if err == nil && len(r.Errors) == 1 && r.Errors[0].Message == "PersistedQueryNotFound" {
		body["query"] = q.text
		r, err = s.post(at, header, body)
	}
	return r, err
}
