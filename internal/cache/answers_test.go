package cache_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/listing"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
)

// The tests here ask a server that keeps finished answers. Whenever it gives one again,
// they have it executed as well, over the same cache and the same vendors at the same
// moment.

// server is over an account at each vendor, which are asked without a network.
type server struct {
	t                 testing.TB
	rand              *rand.Rand
	clock             atomic.Int64 // how far the time is behind day
	keeping, executes *httpapi.Handler
	store             *cache.Blind
	caches            map[string]*cache.Cache
	failing           map[string]*atomic.Bool
	sent              atomic.Int64 // requests to vendors

	viewers  []asker
	admin    asker
	ids      map[string][]string // of records, by the field of Query that lists them
	cursors  []string            // each behind the list that it is of: "referrals <cursor>"
	recent   []asked
	writes   int
	kept     int // answers that were given again
	executed int
}

// asked is what a viewer asked.
type asked struct {
	asker
	question
}

func (s *server) now() time.Time { return day.Add(time.Duration(s.clock.Load())) }

// simulator asks a simulated vendor within the process, unless that does not answer.
type simulator struct {
	vendor http.Handler
	down   *atomic.Bool
	sent   *atomic.Int64
}

func (s simulator) RoundTrip(r *http.Request) (*http.Response, error) {
	s.sent.Add(1)
	recorder := httptest.NewRecorder()
	if s.down.Load() { // in a way that nobody waits for, and tries again
		recorder.WriteHeader(http.StatusBadRequest)
		return recorder.Result(), nil
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	s.vendor.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// day is the simulators' present.
var day = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

const tokenSecret = "a secret of a portal and the server, thirty-two bytes at least"

// newServer starts a server. It does not notice changes of one kind of entry, if one is named.
func newServer(t testing.TB, seed uint64, blind cache.Kind) *server {
	t.Helper()
	s := &server{t: t, rand: rand.New(rand.NewPCG(seed, 0)), ids: map[string][]string{}, caches: map[string]*cache.Cache{}, failing: map[string]*atomic.Bool{}}
	s.store = &cache.Blind{Memory: cache.NewMemory(64<<20, s.now), Kind: blind}
	quiet := slog.New(slog.DiscardHandler)
	var accounts []providers.Provider
	for i, f := range all.Registry().Factories() {
		down, ticks := new(atomic.Bool), new(atomic.Int64)
		sim := f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: uint64(i + 1), Now: func() time.Time {
			return day.Add(time.Duration(ticks.Add(1)) * time.Second) // so that it is never asked too often
		}})
		p, err := f.New(providers.Config{
			Account: f.Name, Name: f.Title, Currency: sim.Currency(), BaseURL: "http://vendor", Credentials: sim.Credentials(), Timeout: time.Minute,
			HTTP: &http.Client{Transport: simulator{sim, down, &s.sent}}, Logger: quiet, Budget: budget.New(1<<20, f.Window, s.now), Now: s.now,
			Pause: func(time.Duration) time.Duration { return 0 },
		})
		if err != nil {
			t.Fatal(err)
		}
		s.failing[f.Name] = down
		accounts = append(accounts, p)
	}
	// No simulated vendor has a call for a list's length, nor pages as short.
	accounts = append(accounts, providertest.NewFake("counted", providertest.Options{PageSize: 3, Totals: providertest.TotalCounted, Now: s.now,
		Before: func(context.Context, string) error {
			s.sent.Add(1)
			return nil
		}}))
	for i, p := range accounts {
		c := cache.Wrap(p, s.store, cache.Options{List: time.Minute, Stale: 5 * time.Minute, Now: s.now, Logger: quiet})
		accounts[i], s.caches[p.Account().ID.Account] = c, c
	}
	seals := listing.NewSeals(s.now)
	seals.Use([]byte("the key of both handlers' cursors"))
	handler := func(bytes int64) *httpapi.Handler {
		return httpapi.New(httpapi.Options{
			Resolvers: resolvers.New(resolvers.Options{
				Accounts: accounts, Pages: 20, Calls: 1000, Cost: 100_000, Logger: quiet, Now: s.now, Seals: seals, Timeout: time.Minute,
				CustomerEmails: map[string]resolvers.CustomerEmails{"promotekit": resolvers.EmailsCampaign, "uppromote": resolvers.EmailsShown},
				Ledger:         ledger.New(ledger.NewMemory(s.now), ledger.Options{Settle: 20 * time.Second, Keep: time.Hour, Plan: 10 * time.Second, Logger: quiet})}),
			Auth: auth.New(nil, auth.NewTokens(t.Context(), auth.TokenOptions{Issuer: "portal", Audience: "graph", Secret: []byte(tokenSecret), Now: s.now,
				Claims: auth.Claims{Role: "role", Accounts: "accounts", Affiliates: "affiliates", Email: "email"}})),
			Persisted: persisted.New(nil, 0, s.now), Logger: quiet, Now: s.now, Timeout: time.Minute, Body: 100 << 10, Tokens: 5000, Depth: 12, Aliases: 50, Introspection: true,
			Responses: bytes,
		})
	}
	s.keeping, s.executes = handler(4<<20), handler(0)
	s.meet()
	return s
}

// asker is a viewer with a token.
type asker struct{ name, token string }

func newAsker(t testing.TB, claims jwt.MapClaims) asker {
	t.Helper()
	maps.Copy(claims, jwt.MapClaims{"iss": "portal", "aud": "graph", "exp": day.Add(10000 * time.Hour).Unix()})
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(tokenSecret))
	if err != nil {
		t.Fatal(err)
	}
	return asker{claims["sub"].(string), token}
}

// question is what a client sends.
type question struct {
	Query     string         `json:"query"`
	Operation string         `json:"operationName,omitempty"`
	Variables map[string]any `json:"variables,omitempty"`
}

// answer answers what a viewer asks.
func answer(ctx context.Context, h http.Handler, a asker, q question) *httptest.ResponseRecorder {
	body, err := json.Marshal(q)
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set(httpapi.RequestIDHeader, "1")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// meet makes the viewers, and finds the ids of records.
func (s *server) meet() {
	t := s.t
	s.admin = newAsker(t, jwt.MapClaims{"sub": "admin", "role": "admin"})
	s.viewers = []asker{s.admin, s.admin,
		newAsker(t, jwt.MapClaims{"sub": "editor", "role": "editor"}),
		newAsker(t, jwt.MapClaims{"sub": "reader", "role": "reader", "accounts": []string{"firstpromoter"}}),
		newAsker(t, jwt.MapClaims{"sub": "other", "role": "reader", "accounts": []string{"uppromote", "promotekit"}}),
	}
	for _, list := range []string{"affiliates", "campaigns", "referrals", "commissions", "payouts"} {
		text := s.ask(s.admin, question{Query: `{ ` + list + `(first: 60) { nodes { id } } }`})
		var r struct {
			Data map[string]struct{ Nodes []struct{ ID string } }
		}
		if err := json.Unmarshal([]byte(text), &r); err != nil || len(r.Data[list].Nodes) == 0 {
			t.Fatalf("%v: %.500s", err, text)
		}
		for _, n := range r.Data[list].Nodes {
			s.ids[list] = append(s.ids[list], n.ID)
		}
	}
	for i, id := range s.ids["affiliates"][:4] {
		s.viewers = append(s.viewers, newAsker(t, jwt.MapClaims{"sub": fmt.Sprint("partner ", i), "role": "partner", "affiliates": []string{id}}))
	}
	text := s.ask(s.admin, question{Query: `{ affiliates(first: 40) { nodes { id email } } }`})
	var r struct {
		Data struct {
			Affiliates struct{ Nodes []struct{ Email string } }
		}
	}
	_ = json.Unmarshal([]byte(text), &r)
	s.viewers = append(s.viewers, newAsker(t, jwt.MapClaims{"sub": "by address", "role": "partner", "email": r.Data.Affiliates.Nodes[7].Email, "email_verified": true}))
}

// ask asks. An answer that is given again has to be what an execution answers just now,
// which then reads nothing that is not fresh in the cache.
func (s *server) ask(a asker, q question) string {
	reads := s.store.Gets.Load()
	again := answer(s.t.Context(), s.keeping, a, q)
	synctest.Wait() // until what is refreshed behind an answer is stored
	if s.store.Gets.Load() > reads {
		s.executed++
		return again.Body.String()
	}
	s.kept++
	sent, puts := s.sent.Load(), s.store.Puts.Load()
	executed := answer(s.t.Context(), s.executes, a, q)
	synctest.Wait()
	if again.Code != executed.Code || again.Body.String() != executed.Body.String() || !maps.EqualFunc(again.Header(), executed.Header(), slices.Equal) {
		panic(different{fmt.Sprintf("%s asks %+v\n%d %v %.3000s\n%d %v %.3000s", a.name, q, again.Code, again.Header(), again.Body, executed.Code, executed.Header(), executed.Body)})
	}
	if s.sent.Load() > sent || s.store.Puts.Load() > puts {
		panic(different{fmt.Sprintf("%s asks %+v, and the execution sends or stores something", a.name, q)})
	}
	return again.Body.String()
}

// different is the panic of an answer that is not what an execution answers.
type different struct{ text string }

// one is one of several.
func one[T any](s *server, of ...T) T { return of[s.rand.IntN(len(of))] }

// some is one of the first records of a list.
func (s *server) some(list string) string { return one(s, s.ids[list][:12]...) }

// question makes a query up, often one that was made up before.
func (s *server) question() question {
	first := one(s, 1, 3, 8)
	switch s.rand.IntN(18) {
	case 0:
		return question{Query: fmt.Sprintf(`{ referrals(first: %d) { nodes { id email fetchedAt affiliate { id email campaign { id name } } } } }`, first)}
	case 1:
		return question{Query: fmt.Sprintf(`query Q($n: Int = %d, $deep: Boolean = false) { commissions(first: $n) { totalCount nodes { id amount { amount } affiliate @include(if: $deep) { name referrals(first: 2) { nodes { id } } } } pageInfo { endCursor hasNextPage } } }`, first),
			Variables: one(s, nil, map[string]any{}, map[string]any{"n": 3}, map[string]any{"n": 3, "deep": false}, map[string]any{"deep": true}, map[string]any{"n": 5, "more": 1})}
	case 2:
		return question{Query: `query($id: ID!) { affiliate(id: $id) { id name status fetchedAt balances { type amount { amount } } coupons { code } memberships { id campaign { name } } } }`,
			Variables: map[string]any{"id": s.some("affiliates")}}
	case 3:
		return question{Query: fmt.Sprintf(`{ node(id: %q) { id ... on Affiliate { name commissions(first: 2) { nodes { id status } totalCount } } ... on Campaign { name } } }`,
			one(s, s.some("affiliates"), s.some("campaigns")))}
	case 4:
		return question{Query: fmt.Sprintf(`{ nodes(ids: [%q, %q]) { __typename id ... on Commission { status payout { id } } ... on Payout { status } } }`, s.some("commissions"), s.some("payouts"))}
	case 5:
		return question{Query: `{ viewer { role accounts { id name capabilities } affiliates { id name referrals(first: 3) { nodes { id email customerId } } } } }`}
	case 6:
		return question{Query: one(s, `{ viewer { name } }`, `{ accounts { id name fetchedAt } }`, `{ accounts { id status lastSuccessAt rateLimit { limit } } }`, `{ __typename }`, `{ __type(name: "Money") { fields { name } } }`)}
	case 7:
		return question{Query: fmt.Sprintf(`{ campaigns(first: %d) { totalCount nodes { id name memberships(first: 2) { nodes { id } } } } }`, first)}
	case 8:
		return question{Query: fmt.Sprintf(`{ commissions(first: 5, filter: { affiliates: [%q, %q] }) { nodes { id status } } }`, s.some("affiliates"), s.some("affiliates"))}
	case 9:
		return question{Query: `query A { payouts(first: 3) { nodes { id status amount { amount } } } } query B { payouts(first: 3) { totalCount } }`, Operation: one(s, "A", "B")}
	case 10:
		return question{Query: fmt.Sprintf(`{ referrals(first: 4, filter: { accounts: [%q], statuses: [%s] }) { totalCount nodes { id status } } }`,
			providers.ID{Account: one(s, "promotekit", "firstpromoter"), Noun: providers.NounAccount}, one(s, "CUSTOMER", "LEAD"))}
	case 16:
		return question{Query: fmt.Sprintf(`{ %s(first: %d, filter: { accounts: [%q] }) { totalCount nodes { id } } }`, one(s, "referrals", "commissions", "affiliates"), first,
			providers.ID{Account: "counted", Noun: providers.NounAccount})}
	case 11:
		return question{Query: fmt.Sprintf(`{ referral(id: %q) { id email maskedEmail status commissions(first: 3) { nodes { id amount { amount } } } } }`, s.some("referrals"))}
	case 12:
		return question{Query: fmt.Sprintf(`{ commission(id: %q) { id status earnedAt referral { id } payout { id status } } }`, s.some("commissions"))}
	case 13:
		return question{Query: `{ affiliate(id: "` + providers.ID{Account: "firstpromoter", Noun: providers.NounAffiliate, Local: one(s, "999999", "888888")}.String() + `") { name } }`}
	case 14:
		return question{Query: one(s, `{ coupons(first: 5) { nodes { id code affiliate { id } } } }`, `{ webhookSubscriptions { nodes { id } } }`, `{ memberships(first: 5) { nodes { id status } } }`)}
	case 15:
		if len(s.cursors) > 0 { // often far behind the first page
			list, cursor, _ := strings.Cut(one(s, s.cursors...), " ")
			return question{Query: `query($after: String) { ` + list + `(first: 4, after: $after) { nodes { id } pageInfo { endCursor } } }`, Variables: map[string]any{"after": cursor}}
		}
	}
	list := one(s, "affiliates", "referrals", "commissions")
	return question{Query: `query($after: String) { ` + list + `(first: 4, after: $after) { nodes { id } pageInfo { endCursor } } }`}
}

// query asks a question.
func (s *server) query() {
	var q asked
	if len(s.recent) > 0 && s.rand.IntN(4) > 0 {
		q = s.recent[s.rand.IntN(len(s.recent))]
	} else {
		q = asked{one(s, s.viewers...), s.question()}
		if s.recent = append(s.recent, q); len(s.recent) > 12 {
			s.recent = s.recent[1:]
		}
	}
	text := s.ask(q.asker, q.question)
	if _, after, ok := strings.Cut(text, `"endCursor":"`); ok && q.asker == s.admin {
		cursor, _, _ := strings.Cut(after, `"`)
		for _, list := range []string{"affiliates", "referrals", "commissions"} {
			if strings.HasPrefix(text, `{"data":{"`+list) && !strings.Contains(q.Query, "filter") {
				s.cursors = append(s.cursors, list+" "+cursor)
				s.cursors = s.cursors[max(0, len(s.cursors)-4):]
			}
		}
	}
}

// write has something written.
func (s *server) write() {
	s.writes++
	key := fmt.Sprintf("key-of-write-%d", s.writes)
	id := s.some("affiliates")
	answer(s.t.Context(), s.keeping, s.admin, one(s,
		question{Query: `mutation($i: UpdateAffiliateInput!) { updateAffiliate(input: $i) { affiliate { id firstName } userErrors { code } } }`,
			Variables: map[string]any{"i": map[string]any{"idempotencyKey": key, "id": id, "firstName": fmt.Sprint("Name ", s.writes)}}},
		question{Query: `mutation($i: SetAffiliateStatusInput!) { setAffiliateStatus(input: $i) { affiliate { id status } userErrors { code } } }`,
			Variables: map[string]any{"i": map[string]any{"idempotencyKey": key, "id": id, "status": one(s, "ACTIVE", "INACTIVE", "PENDING")}}},
		question{Query: `mutation($i: SetCommissionStatusInput!) { setCommissionStatus(input: $i) { commission { id status } userErrors { code } } }`,
			Variables: map[string]any{"i": map[string]any{"idempotencyKey": key, "id": s.some("commissions"), "status": one(s, "APPROVED", "DENIED")}}},
	))
	synctest.Wait()
}

// step does one thing.
func (s *server) step() {
	switch n := s.rand.IntN(1000); {
	case n < 20:
		s.clock.Add(int64(one(s, time.Second, 10*time.Second, 30*time.Second, 70*time.Second)))
	case n < 22:
		s.clock.Add(int64(10 * time.Minute)) // everything is gone
	case n < 32:
		s.write()
	case n < 40: // as a webhook tells it
		id, err := providers.ParseID(s.some(one(s, "affiliates", "referrals", "commissions")))
		if err != nil {
			s.t.Fatal(err)
		}
		var lists []providers.Noun
		if s.rand.IntN(2) == 0 {
			lists = append(lists, id.Noun)
		}
		if err := s.caches[id.Account].Invalidate(s.t.Context(), []providers.ID{id}, lists...); err != nil {
			s.t.Fatal(err)
		}
	case n < 60, s.store.Kind != "" && n < 160:
		if keys := s.store.Keys(cmp.Or(s.store.Kind, one(s, cache.KindRecord, cache.KindPage, cache.KindCount, cache.KindLists))); len(keys) > 0 {
			s.store.Evict(one(s, keys...))
		}
	case n < 64:
		down := s.failing[one(s, slices.Sorted(maps.Keys(s.failing))...)]
		down.Store(!down.Load())
	case n < 66:
		s.keeping.Forget()
	default:
		s.query()
	}
}

// steps does so many things. It says which answer was wrong; "" for none.
func steps(t *testing.T, n int, seed uint64, blind cache.Kind) (s *server, found string) {
	synctest.Test(t, func(t *testing.T) {
		defer func() {
			if p := recover(); p != nil {
				d, ok := p.(different)
				if !ok {
					panic(p)
				}
				found = d.text
			}
		}()
		s = newServer(t, seed, blind)
		for range n {
			s.step()
		}
	})
	return s, found
}

// TestAnswersAreExact wants kept answers to be, byte for byte, what an execution answers in
// their place.
func TestAnswersAreExact(t *testing.T) {
	n := 10_000
	if testing.Short() || raced {
		n = 1_000
	}
	s, found := steps(t, n, 1, "")
	if found != "" {
		t.Fatal(found)
	}
	t.Logf("%d answers were kept, %d executed", s.kept, s.executed)
	if s.kept < n/4 || s.executed < n/10 {
		t.Errorf("%d answers were kept and %d executed: one of the two is not tested", s.kept, s.executed)
	}
}

// TestEachWitness takes one kind of witness away, and wants some answer to be wrong.
func TestEachWitness(t *testing.T) {
	if raced {
		t.Skip("run without the race detector")
	}
	for _, kind := range []cache.Kind{"record", "page", "count", "lists"} {
		t.Run(string(kind), func(t *testing.T) {
			for seed := range uint64(10) {
				if s, found := steps(t, 1_000, seed, kind); found != "" {
					t.Logf("after %d questions: %.200s", s.kept+s.executed, found)
					return
				}
			}
			t.Error("no answer was wrong")
		})
	}
}
