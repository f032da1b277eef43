package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// TestQueriesNeverDurable wants clients' documents in a Redis that is a cache alone, and
// none in one that is durable, too: a full one would refuse the ledger's writes.
func TestQueriesNeverDurable(t *testing.T) {
	first, second := redistest.Start(t), redistest.Start(t)
	for name, tt := range map[string]struct {
		cfg  config.Redis
		kept bool
	}{
		"one server for both": {config.Redis{Cache: first.Target(), Durable: first.Target()}, false},
		"a server for each":   {config.Redis{Cache: first.Target(), Durable: second.Target()}, true},
	} {
		tt.cfg.Timeout = 10 * time.Second
		c, err := connect(tt.cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		queries := c.queries(tt.cfg, time.Now)
		for i := range 50 {
			document := fmt.Sprintf("{ a%d } # %s", i, strings.Repeat("x", 10<<10))
			queries.Put(t.Context(), persisted.Partners, document)
			if _, ok := queries.Get(t.Context(), persisted.Partners, persisted.Hash(document)); !ok {
				t.Errorf("%s: a document is not kept at all", name)
			}
		}
		n := 0
		for _, server := range []*redistest.Server{first, second} {
			client := server.Client(redisclient.Cache)
			n += int(client.DBSize(t.Context()).Val())
			if keys := client.Keys(t.Context(), "*").Val(); server == second && len(keys) > 0 {
				t.Errorf("%s: the durable server has %q", name, keys)
			}
			client.FlushAll(t.Context())
		}
		if (n > 0) != tt.kept {
			t.Errorf("%s: %d documents in Redis", name, n)
		}
	}
}
