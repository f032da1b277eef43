package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
)

// TestAnswerBytes wants an answer just within limits.answer sent whole, with its length,
// and one byte more replaced by an error, by every way and in both media types.
func TestAnswerBytes(t *testing.T) {
	const query = `{ __type(name: "Query") { name description fields { name description } } }`
	free, _ := serve(t, nil)
	whole := post(free, query).Body.Len()
	for allowed, fits := range map[int]bool{whole: true, whole - 1: false, whole / 2: false, 100: false} {
		h, _ := serve(t, func(o *httpapi.Options) { o.Answer = int64(allowed) })
		for way, ask := range asks {
			for _, accept := range []string{plainJSON, graphqlResponse} {
				a := ask(t, h, query, accept)
				if fits {
					if len(a.Errors) > 0 {
						t.Errorf("%d bytes by %s: %+v", allowed, way, a.Errors)
					}
					continue
				}
				if a.Data != nil || len(a.Errors) != 1 {
					t.Fatalf("%d bytes by %s: %+v", allowed, way, a.Errors)
				}
				if e := a.Errors[0].Extensions; e.Code != "QUERY_TOO_COMPLEX" || e.Limit != "answer" || e.Allowed != allowed || e.RequestID == "" {
					t.Errorf("%d bytes by %s: %+v", allowed, way, a.Errors[0])
				}
			}
		}
	}
	if w := post(free, query); w.Header().Get("Content-Length") != fmt.Sprint(whole) {
		t.Errorf("Content-Length %q, of %d bytes", w.Header().Get("Content-Length"), whole)
	}
}

// TestAnswerOfErrors wants errors and extensions counted like data.
func TestAnswerOfErrors(t *testing.T) {
	query := `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`
	ask := func(bytes int64) (*httptest.ResponseRecorder, answer) {
		h, _ := serve(t, func(o *httpapi.Options) {
			o.Answer = bytes
			fake := providertest.NewFake("shop", providertest.Options{Before: func(context.Context, string) error {
				return &providers.Error{Account: "shop", Kind: providers.KindUnavailable}
			}})
			o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{fake}, Pages: 20, Calls: 5000, Cost: 10_000, Logger: o.Logger, Now: time.Now})
		})
		ids := make([]string, 100)
		for i := range ids {
			ids[i] = providers.ID{Account: "shop", Noun: providers.NounPayout, Local: fmt.Sprint(i)}.String()
		}
		body, _ := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"ids": ids}})
		w := send(h, http.MethodPost, "/graphql", strings.NewReader(string(body)))
		return w, decode(t, w)
	}
	w, a := ask(0)
	if len(a.Errors) < 50 {
		t.Fatalf("%.300s", w.Body)
	}
	w, a = ask(int64(w.Body.Len()) - 1)
	if len(a.Errors) != 1 || a.Errors[0].Extensions.Limit != "answer" {
		t.Errorf("%.300s", w.Body)
	}
}

// TestAnswerMemory wants an answer ended where it reaches the limit, not written whole and
// thrown away.
func TestAnswerMemory(t *testing.T) {
	allocated := func(answer int64) uint64 {
		h, _ := serve(t, func(o *httpapi.Options) { o.Answer, o.Tokens = answer, 5000 })
		post(h, introspection)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		post(h, introspection)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	whole, ended := allocated(0), allocated(16<<10)
	if size := uint64(200 << 10); ended+2*size > whole {
		t.Errorf("an answer of %d bytes allocates %d; ended after 16 KiB it allocates %d", size, whole, ended)
	}
}
