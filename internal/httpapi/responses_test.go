package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
)

// counted is a memory that counts its reads: an answer that is given again takes none.
type counted struct {
	*cache.Memory
	reads atomic.Int64
}

func (c *counted) Get(ctx context.Context, keys ...cache.Key) ([]*cache.Entry, error) {
	c.reads.Add(1)
	return c.Memory.Get(ctx, keys...)
}

// keeper is a handler over two cached accounts, which keeps answers.
type keeper struct {
	*httpapi.Handler
	t     *testing.T
	store *counted
	log   *bytes.Buffer
	calls atomic.Int64 // to vendors
	hold  atomic.Value // of func(context.Context) error: before each call
}

const keptSecret = "a secret of thirty-two characters"

func newKeeper(t *testing.T, change func(*httpapi.Options)) *keeper {
	t.Helper()
	k := &keeper{t: t, store: &counted{Memory: cache.NewMemory(1<<20, time.Now)}}
	var accounts []providers.Provider
	for _, account := range []string{"shop", "saas"} {
		fake := providertest.NewFake(account, providertest.Options{Before: func(ctx context.Context, _ string) error {
			k.calls.Add(1)
			if hold, ok := k.hold.Load().(func(context.Context) error); ok {
				return hold(ctx)
			}
			return nil
		}})
		accounts = append(accounts, cache.Wrap(fake, k.store, cache.Options{List: time.Hour}))
	}
	k.Handler, k.log = serve(t, func(o *httpapi.Options) {
		o.Resolvers = resolvers.New(resolvers.Options{Accounts: accounts, Pages: 20, Calls: 50, Cost: 10_000, Logger: o.Logger, Now: time.Now})
		o.Auth = auth.New(nil, auth.NewTokens(t.Context(), auth.TokenOptions{Issuer: "i", Audience: "a", Secret: []byte(keptSecret), Now: time.Now,
			Claims: auth.Claims{Role: "role", Accounts: "accounts", Affiliates: "affiliates", Email: "email"}}))
		if change != nil {
			change(o)
		}
	})
	return k
}

// token is the header of a viewer.
func (k *keeper) token(subject, role string, claims jwt.MapClaims) []string {
	k.t.Helper()
	all := jwt.MapClaims{"iss": "i", "aud": "a", "sub": subject, "role": role, "exp": time.Now().Add(time.Hour).Unix()}
	for name, v := range claims {
		all[name] = v
	}
	made, err := jwt.NewWithClaims(jwt.SigningMethodHS256, all).SignedString([]byte(keptSecret))
	if err != nil {
		k.t.Fatal(err)
	}
	return []string{"Authorization", "Bearer " + made}
}

// send answers a body, and says whether the answer was kept.
func (k *keeper) send(body map[string]any, header ...string) (text string, kept bool) {
	k.t.Helper()
	b, _ := json.Marshal(body)
	r := httptest.NewRequestWithContext(k.t.Context(), http.MethodPost, "http://localhost/graphql", bytes.NewReader(b))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w, reads := httptest.NewRecorder(), k.store.reads.Load()
	k.ServeHTTP(w, r)
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"errors"`) {
		k.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String(), k.store.reads.Load() == reads
}

func affiliate(account, local string) string {
	return providers.ID{Account: account, Noun: providers.NounAffiliate, Local: local}.String()
}

// TestKeptFor has one viewer leave an answer, and another one ask the same: it is kept for
// viewers of the same scope alone.
func TestKeptFor(t *testing.T) {
	one, two := affiliate("shop", "aff001"), affiliate("shop", "aff002")
	partner := func(ids ...string) jwt.MapClaims { return jwt.MapClaims{"affiliates": ids} }
	const plain = `{ viewer { role affiliates { id } } commissions(first: 3) { nodes { id affiliate { name } } } }`
	k := newKeeper(t, nil)
	who := map[string][]string{
		"admin": k.token("a", "admin", nil), "admin of one": k.token("a", "admin", jwt.MapClaims{"accounts": []string{"shop"}}),
		"editor": k.token("a", "editor", nil), "reader": k.token("a", "reader", nil), "reader of one": k.token("a", "reader", jwt.MapClaims{"accounts": []string{"shop"}}),
		"partner one": k.token("a", "partner", partner(one)), "partner two": k.token("a", "partner", partner(two)),
		"both": k.token("a", "partner", partner(one, two)), "both, the other way": k.token("a", "partner", partner(two, one)),
		"partner of one": k.token("a", "partner", jwt.MapClaims{"affiliates": []string{one}, "accounts": []string{"shop"}}),
		"by address":     k.token("a", "partner", jwt.MapClaims{"email": "x@example.com", "email_verified": true}),
		"by another":     k.token("a", "partner", jwt.MapClaims{"email": "y@example.com", "email_verified": true}),
	}
	for first, token := range who {
		k.Forget()
		for range 3 {
			k.send(map[string]any{"query": plain}, token...)
		}
		if _, kept := k.send(map[string]any{"query": plain}, token...); !kept {
			t.Errorf("%s is not given the answer again", first)
		}
		for second, other := range who {
			if second == first {
				continue
			}
			if _, kept := k.send(map[string]any{"query": plain}, other...); kept {
				t.Errorf("%s is given the answer of %s", second, first)
			}
			k.Forget()
			for range 2 {
				k.send(map[string]any{"query": plain}, token...)
			}
		}
	}
	other := k.token("b", "admin", nil) // the same scope
	k.send(map[string]any{"query": plain}, who["admin"]...)
	k.send(map[string]any{"query": plain}, who["admin"]...)
	if _, kept := k.send(map[string]any{"query": plain}, other...); !kept {
		t.Error("a viewer of the same scope is not given the answer")
	}
	const named = `{ viewer { name } commissions(first: 1) { nodes { id } } }`
	for range 2 {
		k.send(map[string]any{"query": named}, who["admin"]...)
	}
	if text, kept := k.send(map[string]any{"query": named}, other...); kept || !strings.Contains(text, `"name":"b"`) {
		t.Errorf("b is given the answer with the name of a: %s", text)
	}
}

// TestKeptSame says which requests are the same.
func TestKeptSame(t *testing.T) {
	k := newKeeper(t, nil)
	admin := k.token("a", "admin", nil)
	const (
		list  = `query A($n: Int = 3, $deep: Boolean! = false) { commissions(first: $n) { nodes { id affiliate @include(if: $deep) { id } } } } query B { affiliates(first: 1) { nodes { id } } }`
		other = `query A($n: Int = 3, $deep: Boolean! = false) { commissions(first: $n) { nodes { id affiliate @include(if: $deep) { id } } } }`
	)
	vars := func(text string) json.RawMessage { return json.RawMessage(text) }
	ask := map[string]any{"query": list, "operationName": "A", "variables": vars(`{}`)}
	k.send(map[string]any{"query": list, "operationName": "A", "variables": vars(`{"deep":true}`)}, admin...)
	for range 2 {
		k.send(ask, admin...)
	}
	for _, tt := range []struct {
		name   string
		body   map[string]any
		header []string
		same   bool
	}{
		{"itself", ask, nil, true},
		{"no variables", map[string]any{"query": list, "operationName": "A"}, nil, true},
		{"the default", map[string]any{"query": list, "operationName": "A", "variables": vars(`{"n":3}`)}, nil, true},
		{"all defaults, in another order and with spaces", map[string]any{"query": list, "operationName": "A", "variables": vars(`{"deep": false , "n": 3}`)}, nil, true},
		{"a variable of none", map[string]any{"query": list, "operationName": "A", "variables": vars(`{"more":1}`)}, nil, true},
		{"another media type", ask, []string{"Accept", "application/graphql-response+json"}, true},
		{"its hash besides", map[string]any{"query": list, "operationName": "A", "extensions": map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": persisted.Hash(list)}}}, nil, true},
		{"its hash alone", map[string]any{"operationName": "A", "extensions": map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": persisted.Hash(list)}}}, nil, true},
		{"another value", map[string]any{"query": list, "operationName": "A", "variables": vars(`{"n":2}`)}, nil, false},
		{"another condition", map[string]any{"query": list, "operationName": "A", "variables": vars(`{"deep":true}`)}, nil, false},
		{"another operation", map[string]any{"query": list, "operationName": "B"}, nil, false},
		{"another document", map[string]any{"query": other}, nil, false},
		{"to be explained", ask, []string{httpapi.ExplainHeader, "1"}, false},
	} {
		text, kept := k.send(tt.body, append(tt.header, admin...)...)
		if kept != tt.same {
			t.Errorf("%s: given again: %v", tt.name, kept)
		}
		if deep := strings.Contains(text, `"affiliate"`); deep != strings.Contains(fmt.Sprint(tt.body["variables"]), "116 114 117 101") {
			t.Errorf("%s: %s", tt.name, text)
		}
		if tt.name == "to be explained" && !strings.Contains(text, `"explain"`) {
			t.Errorf("no explanation: %s", text)
		}
	}
	reads := k.store.reads.Load()
	get := httptest.NewRequest(http.MethodGet, "http://localhost/graphql?operationName=A&query="+url.QueryEscape(list), nil)
	get.Header.Set(admin[0], admin[1])
	w := httptest.NewRecorder()
	k.ServeHTTP(w, get)
	if w.Code != http.StatusOK || k.store.reads.Load() != reads {
		t.Errorf("GET: %d %s", w.Code, w.Body)
	}
	if !strings.Contains(k.log.String(), `"operation":"A"`) {
		t.Error("the log does not tell the operation")
	}
}

// TestKeptPrice wants an answer that is given again to cost a partner what its execution would.
func TestKeptPrice(t *testing.T) {
	answers := map[int64]int{}
	for _, bytes := range []int64{0, 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			k := newKeeper(t, func(o *httpapi.Options) { o.Partner, o.Responses = 60, bytes })
			partner := k.token("p", "partner", jwt.MapClaims{"affiliates": []string{affiliate("shop", "aff001")}})
			for post(k.Handler, `{ commissions(first: 3) { nodes { id } } }`, partner...).Code == http.StatusOK {
				answers[bytes]++
			}
		})
	}
	if answers[0] != answers[1<<20] || answers[0] < 5 || answers[0] > 40 {
		t.Errorf("a share buys %v", answers)
	}
}

// TestKeptFlight has many ask the same of a vendor who does not answer yet. The one whose
// request is executed goes away; all others are answered, and the vendor is asked for one
// more answer.
func TestKeptFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(t, nil)
		admin := k.token("a", "admin", nil)
		held := make(chan struct{})
		k.hold.Store(func(ctx context.Context) error {
			select {
			case <-held:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		ask := func(ctx context.Context) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/graphql", strings.NewReader(`{"query":"{ commissions(first: 3) { nodes { id } } }"}`))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set(admin[0], admin[1])
			w := httptest.NewRecorder()
			k.ServeHTTP(w, r)
			return w
		}
		gone, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { ask(gone) })
		synctest.Wait()
		for range 50 {
			wg.Go(func() {
				if w := ask(t.Context()); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "errors") {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			})
		}
		synctest.Wait()
		planned := k.store.reads.Load()
		cancel()
		synctest.Wait()
		close(held)
		wg.Wait()
		if n := k.calls.Load(); n > 4 { // of two accounts, twice
			t.Errorf("%d calls", n)
		}
		if n := k.store.reads.Load() - planned; n > 50 {
			t.Errorf("%d reads of the cache: the requests did not share an execution", n)
		}
		if _, kept := k.send(map[string]any{"query": "{ commissions(first: 3) { nodes { id } } }"}, admin...); !kept {
			t.Error("the answer was not kept")
		}
	})
}
