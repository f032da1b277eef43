package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

var firstAffiliate = regexp.MustCompile(`"nodes":\[\{"id":"([^"]+)"`)

// TestFullRedis wants no document that a client sends in the Redis of the ledger, under
// whichever name it is the cache's too; writes to be made while the Redis of the cache is
// full; and a full Redis of the ledger to refuse writes before anything is sent, so that
// the same key makes them when there is room.
func TestFullRedis(t *testing.T) {
	both, small := redistest.Start(t), redistest.Start(t)
	address := func(s *redistest.Server, host string) string {
		return strings.Replace(s.Target().Addresses[0].Reveal(), "127.0.0.1", host, 1)
	}
	fill := func(s *redistest.Server, full bool) {
		t.Helper()
		c := s.Client(redisclient.Durable)
		limit := "0"
		if full {
			limit = "1"
		}
		for name, value := range map[string]string{"maxmemory-policy": "noeviction", "maxmemory": limit} {
			if err := c.ConfigSet(t.Context(), name, value).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	accounts := sandboxed(t)
	serve := func(cache, durable string) (base string) {
		s := start(t, "serve", "--config", write(t, accounts+fmt.Sprintf("redis: { cache: %q, durable: %q, replicas: 1, timeout: 10s }\n", cache, durable)),
			"--listen", "127.0.0.1:0")
		return s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	}
	// documents sends documents to be kept, and counts what the servers hold of them.
	documents := func(base string, holds *redistest.Server) (n int) {
		t.Helper()
		for i := range 3 {
			document := fmt.Sprintf("{ d%d: __typename }", i)
			body, err := json.Marshal(map[string]any{"query": document, "extensions": map[string]any{
				"persistedQuery": map[string]any{"version": 1, "sha256Hash": persisted.Hash(document)}}})
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/graphql", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			if status, text := do(t, r); status != http.StatusOK || strings.Contains(text, `"errors"`) {
				t.Fatalf("%d %s", status, text)
			}
		}
		keys, err := holds.Client(redisclient.Durable).Keys(t.Context(), "partnergraph:persisted:*").Result()
		if err != nil {
			t.Fatal(err)
		}
		return len(keys)
	}
	name := 0
	rename := func(base, key string) string {
		t.Helper()
		_, body := ask(t, base, `{ affiliates(first: 1) { nodes { id } } }`)
		id := firstAffiliate.FindStringSubmatch(body)
		if id == nil {
			t.Fatalf("no affiliate in %s", body)
		}
		name++
		_, body = ask(t, base, fmt.Sprintf(`mutation { updateAffiliate(input: { idempotencyKey: %q, id: %q, firstName: "Name%s" }) { affiliate { id } userErrors { message } } }`,
			key, id[1], strconv.Itoa(name)))
		return body
	}
	const made = `"userErrors":[]`

	base := serve(address(both, "127.0.0.1"), address(both, "localhost"))
	if n := documents(base, both); n != 0 {
		t.Errorf("%d of clients' documents are in the Redis of the ledger", n)
	}

	base = serve(address(small, "127.0.0.1"), address(both, "localhost"))
	if n := documents(base, small); n != 3 {
		t.Errorf("%d of 3 documents are in the Redis of the cache", n)
	}
	fill(small, true)
	documents(base, small)
	if body := rename(base, "key-cache-full"); !strings.Contains(body, made) {
		t.Errorf("a write while the cache's Redis is full: %s", body)
	}
	fill(both, true)
	if body := rename(base, "key-ledger-full"); strings.Contains(body, made) || !strings.Contains(body, `"errors"`) {
		t.Errorf("a write while the ledger's Redis is full: %s", body)
	}
	keys := func() int64 { return both.Client(redisclient.Durable).DBSize(context.Background()).Val() }
	before := keys()
	fill(both, false)
	name-- // the same input
	if body := rename(base, "key-ledger-full"); !strings.Contains(body, made) {
		t.Errorf("the same write when there is room: %s", body)
	}
	if after := keys(); after != before+2 && after != before+1 { // an entry, and a target that may be there already
		t.Errorf("%d keys in the ledger, and %d before the write that was made", after, before)
	}
}
