package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// persistedQuery is the extension by which a client names its document.
func persistedQuery(version any, hash string) map[string]any {
	return map[string]any{"persistedQuery": map[string]any{"version": version, "sha256Hash": hash}}
}

// call sends a request over a real connection, by GET or POST, as a client without any
// library does.
func call(t *testing.T, server *httptest.Server, method, accept string, members map[string]any) *httptest.ResponseRecorder {
	t.Helper()
	target, body := server.URL+"/graphql", io.Reader(nil)
	if method == http.MethodGet {
		v := url.Values{}
		for name, value := range members {
			text, isText := value.(string)
			if !isText {
				b, _ := json.Marshal(value)
				text = string(b)
			}
			v.Set(name, text)
		}
		target += "?" + v.Encode()
	} else {
		b, _ := json.Marshal(members)
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", plainJSON)
	r.Header.Set("Accept", accept)
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	w := httptest.NewRecorder()
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	if _, err := io.Copy(w, response.Body); err != nil {
		t.Fatal(err)
	}
	return w
}

// listen serves a handler over real connections, until the test ends.
func listen(t *testing.T, change func(*httpapi.Options)) *httptest.Server {
	t.Helper()
	h, _ := serve(t, change)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// TestPersistedQueries goes Apollo's way: the hash alone, refused; both; from then on the
// hash alone.
func TestPersistedQueries(t *testing.T) {
	const document = `query Q($n: Int!) { affiliates(first: $n) { nodes { __typename } } }`
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for accept, refused := range map[string]int{plainJSON: http.StatusOK, graphqlResponse: http.StatusBadRequest} {
			server := listen(t, nil)
			hashed := map[string]any{"extensions": persistedQuery(1, persisted.Hash(document)), "variables": map[string]any{"n": 1}}
			w := call(t, server, method, accept, hashed)
			a := decode(t, w)
			if w.Code != refused || a.Data != nil || len(a.Errors) != 1 || a.Errors[0].Message != "PersistedQueryNotFound" ||
				a.Errors[0].Extensions.Code != "PERSISTED_QUERY_NOT_FOUND" || a.Errors[0].Extensions.RequestID == "" {
				t.Errorf("%s, as %s: an unknown hash: %d %s", method, accept, w.Code, w.Body)
			}
			hashed["query"] = document
			both := call(t, server, method, accept, hashed)
			delete(hashed, "query")
			alone := call(t, server, method, accept, hashed)
			for _, w := range []*httptest.ResponseRecorder{both, alone} {
				if a := decode(t, w); w.Code != http.StatusOK || a.Data == nil || string(*a.Data) != `{"affiliates":{"nodes":[{"__typename":"Affiliate"}]}}` || len(a.Errors) > 0 {
					t.Errorf("%s, as %s: %d %s", method, accept, w.Code, w.Body)
				}
			}
		}
	}
}

// TestBadPersistedQueries wants what is not the protocol refused, in every media type.
func TestBadPersistedQueries(t *testing.T) {
	const document = `{ __typename }`
	hash := persisted.Hash(document)
	server := listen(t, nil)
	for name, extensions := range map[string]any{
		"other hash":    persistedQuery(1, persisted.Hash("{ other }")),
		"no hash":       map[string]any{"persistedQuery": map[string]any{"version": 1}},
		"hash too long": persistedQuery(1, hash+"0"),
		"upper case":    persistedQuery(1, strings.ToUpper(hash)),
		"not a text":    map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": 7}},
		"version 2":     persistedQuery(2, hash),
		"version text":  persistedQuery("1", hash),
		"no version":    map[string]any{"persistedQuery": map[string]any{"sha256Hash": hash}},
		"no object":     map[string]any{"persistedQuery": hash},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			w := call(t, server, method, plainJSON, map[string]any{"query": document, "extensions": extensions})
			if a := decode(t, w); w.Code != http.StatusBadRequest || a.Data != nil || len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "BAD_USER_INPUT" ||
				!strings.Contains(a.Errors[0].Message, "`extensions.persistedQuery") {
				t.Errorf("%s by %s: %d %s", name, method, w.Code, w.Body)
			}
		}
	}
	if a := decode(t, call(t, server, http.MethodPost, plainJSON, map[string]any{"extensions": persistedQuery(1, hash)})); len(a.Errors) != 1 || a.Errors[0].Message != "PersistedQueryNotFound" {
		t.Errorf("a refused request's document was kept: %+v", a)
	}
	if a := decode(t, call(t, server, http.MethodPost, plainJSON, map[string]any{"query": document, "extensions": map[string]any{"persistedQuery": nil}})); a.Data == nil {
		t.Errorf("null is not as good as nothing: %+v", a)
	}
}

// TestUnfitQueries wants no document kept that goes beyond a limit or is not valid, and those that are kept held to the limits of now.
func TestUnfitQueries(t *testing.T) {
	store := persisted.New(nil, 0, time.Now)
	server := listen(t, func(o *httpapi.Options) { o.Persisted = store })
	for name, document := range map[string]string{
		"syntax":     `{`,
		"validation": `{ nothing }`,
		"tokens":     "{" + strings.Repeat(" __typename", 501) + "}",
		"depth":      nested("x", 13),
		"aliases":    "{" + aliases(51) + "}",
		"cost":       `{ affiliates(first: 100) { nodes { commissions(first: 100) { nodes { affiliate { commissions(first: 100) { nodes { id } } } } } } } }`,
		"variables":  `query($id: ID!) { node(id: $id) { id } }`,
	} {
		w := call(t, server, http.MethodPost, graphqlResponse, map[string]any{"query": document, "extensions": persistedQuery(1, persisted.Hash(document))})
		want := http.StatusUnprocessableEntity
		if name == "syntax" {
			want = http.StatusBadRequest
		}
		if a := decode(t, w); w.Code != want || len(a.Errors) == 0 {
			t.Errorf("%s: %d %.300s", name, w.Code, w.Body)
		}
		if _, ok := store.Get(t.Context(), persisted.Staff, persisted.Hash(document)); ok {
			t.Errorf("%s: the document was kept", name)
		}
	}
	const mutation = `mutation { __typename }`
	for _, document := range []string{mutation, nested("x", 13)} {
		store.Put(t.Context(), persisted.Staff, document)
		w := call(t, server, http.MethodGet, graphqlResponse, map[string]any{"extensions": persistedQuery(1, persisted.Hash(document))})
		if a := decode(t, w); w.Code < 400 || a.Data != nil {
			t.Errorf("%.20s: %d %s", document, w.Code, w.Body)
		}
	}
}

// TestGuessedQueries wants whoever guesses a document that was sent told that it is not known, a partner of staff's and staff of a partner's; and
// partners to share theirs, as staff do, but for those with texts written into them.
func TestGuessedQueries(t *testing.T) {
	known, token := byToken(t)
	h, _ := serve(t, func(o *httpapi.Options) { o.Auth = known })
	finds := func(document string, who []string, with bool) bool {
		t.Helper()
		members := map[string]any{"extensions": persistedQuery(1, persisted.Hash(document))}
		if with {
			members["query"] = document
		}
		body, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		w := send(h, http.MethodPost, "/graphql", bytes.NewReader(body), who...)
		found := strings.Contains(w.Body.String(), `"data"`)
		if found == strings.Contains(w.Body.String(), `"PERSISTED_QUERY_NOT_FOUND"`) {
			t.Fatalf("%s: %d %s", document, w.Code, w.Body)
		}
		return found
	}
	roles := map[string]string{"boss": "admin", "writer": "editor", "clerk": "reader", "jane": "partner", "joe": "partner"}
	for sender, role := range roles {
		for filter, told := range map[string]bool{`statuses: [ACTIVE]`: false, `email: "kim@example.com"`: true} {
			document := fmt.Sprintf(`{ %s: affiliates(first: 1, filter: { %s }) { nodes { id } } }`, sender, filter)
			finds(document, token(sender, role), true)
			for who, other := range roles {
				if got, want := finds(document, token(who, other), false), (role == "partner") == (other == "partner") && !(told && role == "partner"); got != want {
					t.Errorf("%s, which %s sent: %s finds it: %t, want %t", filter, sender, who, got, want)
				}
			}
		}
	}
}

// TestSharedQueries wants two servers over one Redis to need a document once between them, and each by itself to go on without Redis.
func TestSharedQueries(t *testing.T) {
	const document = `{ __typename }`
	redis := redistest.Start(t)
	shared := func(o *httpapi.Options) {
		o.Persisted = persisted.New(redis.Client(redisclient.Cache), 10*time.Second, time.Now)
	}
	first, second := listen(t, shared), listen(t, shared)
	hashed := map[string]any{"extensions": persistedQuery(1, persisted.Hash(document))}
	full := map[string]any{"query": document, "extensions": hashed["extensions"]}
	if a := decode(t, call(t, first, http.MethodPost, plainJSON, full)); a.Data == nil {
		t.Fatalf("%+v", a)
	}
	if a := decode(t, call(t, second, http.MethodGet, plainJSON, hashed)); a.Data == nil {
		t.Errorf("the second server does not know it: %+v", a)
	}

	redis.Stop()
	third := listen(t, shared)
	if a := decode(t, call(t, third, http.MethodGet, plainJSON, hashed)); len(a.Errors) != 1 || a.Errors[0].Message != "PersistedQueryNotFound" {
		t.Errorf("without Redis: %+v", a)
	}
	for range 2 { // sent, then known
		if a := decode(t, call(t, third, http.MethodPost, plainJSON, full)); a.Data == nil {
			t.Errorf("without Redis: %+v", a)
		}
		full = hashed
	}
}

// panicky is a store that panics.
type panicky struct{ persisted.Store }

func (panicky) Get(context.Context, persisted.Part, string) (string, bool) { panic("secret sauce") }
