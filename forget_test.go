package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
)

const (
	person = "kim&co@example.com" // which JSON in Redis has as kim\u0026co
	typed  = "Kim&Co@Example.com"
)

// graphs are two servers over one Redis, with what a person has left there: the person is
// an affiliate at PromoteKit and UpPromote.
type graphs struct {
	*testing.T
	bases   []string
	servers []*running
	config  string
	redis   redis.UniversalClient
}

func newGraphs(t *testing.T, target redisclient.Target) *graphs {
	_, text := simulated(t, providers.SandboxSmall, 10*time.Second)
	addresses := fmt.Sprintf("%q", target.Addresses[0].Reveal())
	if target.Cluster {
		addresses = "[ "
		for _, a := range target.Addresses {
			addresses += fmt.Sprintf("%q, ", a.Reveal())
		}
		addresses += "]"
	}
	// The ledger has a server of its own: clients' documents are not kept in one that is durable.
	addresses += fmt.Sprintf("\n  durable: %q\n", redistest.Start(t).Target().Addresses[0].Reveal())
	g := &graphs{T: t, redis: redistest.Open(t, target, redisclient.Cache), config: write(t, text+"redis:\n  cache: "+addresses)}
	patient := write(t, text+"redis:\n  timeout: 10s\n  cache: "+addresses) // however busy the machine is
	for range 2 {
		s := start(t, "serve", "--config", patient, "--listen", "127.0.0.1:0")
		g.servers, g.bases = append(g.servers, s), append(g.bases, s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1])
	}
	for i, s := range g.servers { // before it hears the others a server remembers nothing
		s.stderr.await(t, "the cache hears")
		for _, account := range []string{"promotekit", "uppromote"} {
			if i == 0 {
				g.ask(0, fmt.Sprintf(`mutation { createAffiliate(input: { idempotencyKey: "key-of-%s", account: %q, email: %q, firstName: "Kimberly", lastName: "Company" }) { affiliate { id } userErrors { message } } }`,
					account, g.account(account), person), `"userErrors":[]`)
			}
		}
	}
	for i := range g.bases {
		g.see(i, "promotekit", "")
		g.see(i, "uppromote", "")
		g.byHash(i, i == 0)
	}
	return g
}

// ask wants an answer with a text in it.
func (g *graphs) ask(server int, query, want string) {
	g.Helper()
	if status, body := ask(g, g.bases[server], query); status != http.StatusOK || !strings.Contains(body, want) || strings.Contains(body, `"errors"`) {
		g.Errorf("%s: %d %s; want %s", query, status, body, want)
	}
}

func (g *graphs) account(name string) string {
	return providers.ID{Account: name, Noun: providers.NounAccount}.String()
}

// see reads the affiliates of an account, of which the person is the newest.
func (g *graphs) see(server int, account, want string) {
	g.Helper()
	g.ask(server, fmt.Sprintf(`{ affiliates(first: 30, filter: { accounts: [%q] }) { nodes { email status } } }`, g.account(account)), want)
}

// literal is a document that names the person.
var literal = fmt.Sprintf(`{ affiliates(first: 1, filter: { email: %q }) { nodes { id } } }`, strings.ToUpper(person))

// byHash asks for literal by its hash, with the document or without, and says whether it
// was known.
func (g *graphs) byHash(server int, with bool) bool {
	g.Helper()
	body := map[string]any{"extensions": map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": persisted.Hash(literal)}}}
	if with {
		body["query"] = literal
	}
	b, err := json.Marshal(body)
	if err != nil {
		g.Fatal(err)
	}
	r, err := http.NewRequestWithContext(g.Context(), http.MethodPost, g.bases[server]+"/graphql", bytes.NewReader(b))
	if err != nil {
		g.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	_, answer := do(g, r)
	return !strings.Contains(answer, "PersistedQueryNotFound")
}

// anyForm is the person's address as it may stand in Redis.
var anyForm = regexp.MustCompile(`(?i)kim(&|\\u0026|%26)co(@|%40)example\.com`)

// traces are the keys under which the address stands, or that hold it, in all of Redis.
func (g *graphs) traces() (found []string) {
	g.Helper()
	if err := redisclient.Scan(g.Context(), g.redis, "*", func(ctx context.Context, node redis.Cmdable, keys []string) error {
		for _, k := range keys {
			text, err := node.Get(ctx, k).Result()
			if err != nil { // no text
				text = fmt.Sprint(node.HGetAll(ctx, k).Val(), node.ZRange(ctx, k, 0, -1).Val())
			}
			if anyForm.MatchString(k) || anyForm.MatchString(text) {
				found = append(found, k)
			}
		}
		return nil
	}); err != nil {
		g.Fatal(err)
	}
	return found
}

// forget runs the command, and wants the address in nothing that it prints.
func (g *graphs) forget(args ...string) (string, error) {
	g.Helper()
	var out bytes.Buffer
	err := run(g.Context(), append([]string{"forget", "--config", g.config}, args...), noEnv, &out, &out)
	if s := strings.ToLower(fmt.Sprint(&out, err)); strings.Contains(s, person) || strings.Contains(s, "kim") {
		g.Errorf("the address is printed: %s", s)
	}
	return out.String(), err
}

// TestForget wants a person gone from Redis and from both servers' memories, whatever the
// case they are typed in, and everybody else left where they are.
func TestForget(t *testing.T) {
	long(t)
	for name, open := range map[string]func(*testing.T) redisclient.Target{
		"single":  func(t *testing.T) redisclient.Target { return redistest.Start(t).Target() },
		"cluster": func(t *testing.T) redisclient.Target { return redistest.StartCluster(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGraphs(t, open(t))
			if !g.byHash(1, false) || len(g.traces()) < 3 {
				t.Fatalf("there is nothing to forget: %q", g.traces())
			}
			out, err := g.forget("--account", "promotekit", "--email", typed)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range []string{`account promotekit: [1-9]\d* entries removed`, `persisted queries: 1 documents`, `account uppromote: [1-9]\d* entries hold the address, too`,
				`ledger of writes: [1-9]\d* entries of all accounts stay.* 24h0m0s after`, `found nowhere else`} {
				if !regexp.MustCompile(want).MatchString(out) {
					t.Errorf("no %q in %s", want, out)
				}
			}
			for _, k := range g.traces() {
				if !strings.Contains(k, ":uppromote/") {
					t.Errorf("the address stands in %s", k)
				}
			}
			for i := range g.bases {
				if g.byHash(i, false) {
					t.Errorf("server %d knows the document", i)
				}
				g.see(i, "uppromote", `"spent":0`)
			}
			// Each server has forgotten: what the other has not read yet is read by this
			// one, and shared.
			g.see(0, "promotekit", `"spent":1`)
			g.see(1, "promotekit", `"spent":0`)
			for _, s := range g.servers {
				if anyForm.MatchString(s.stderr.String()) {
					t.Errorf("the address is logged: %s", s.stderr)
				}
			}
			g.remains()
		})
	}
}

// remains wants an error where the address is there after it was forgotten: because the
// vendor still has it, a client sends it, or the ledger holds it.
func (g *graphs) remains() {
	g.Helper()
	cfg, err := config.Load(g.config, noEnv, all.Registry())
	if err != nil {
		g.Fatal(err)
	}
	holds, err := traceOf(typed)
	if err != nil {
		g.Fatal(err)
	}
	var out bytes.Buffer
	f := forgetting{out: &out, cfg: cfg, account: "promotekit", holds: holds, cache: g.redis, durable: g.redis}
	if err := f.verify(g.Context()); err == nil || !strings.Contains(err.Error(), "the vendor still has it") || strings.Contains(err.Error(), "a client") || strings.Contains(err.Error(), "ledger") {
		g.Errorf("read again: %v", err)
	}
	g.byHash(0, true)
	if err := f.verify(g.Context()); err == nil || !strings.Contains(err.Error(), "1 documents of persisted queries with the address came in meanwhile") {
		g.Errorf("sent again: %v", err)
	}
	if _, err := ledger.NewRedis(g.redis).Save(g.Context(), "entry:x", "", []byte(`{"kim\u0026co@example.com"}`), time.Hour); err != nil {
		g.Fatal(err)
	}
	if err := f.verify(g.Context()); err == nil || !strings.Contains(err.Error(), "1 entries of the ledger of writes hold the address") {
		g.Errorf("in the ledger: %v", err)
	}
	if strings.Contains(out.String(), "found nowhere else") {
		g.Errorf("it says %s", &out)
	}
	for _, name := range []string{"Kimberly", "Company"} {
		if _, n, err := ledger.Holding(g.Context(), g.redis, func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(name)) }); n != 0 || err != nil {
			g.Errorf("the ledger holds the name in %d entries, %v", n, err)
		}
	}
}

// TestForgetRefused wants an error that says what to do where nothing can be forgotten, and
// never the address.
func TestForgetRefused(t *testing.T) {
	_, accounts := simulated(t, providers.SandboxSmall, 10*time.Second)
	server := redistest.Start(t)
	address := server.Target().Addresses[0].Reveal()
	server.Stop()
	alone, gone := write(t, accounts), write(t, accounts+"redis: { cache: "+fmt.Sprintf("%q", address)+" }\n")
	for name, tt := range map[string]struct{ config, account, email, want string }{
		"an unknown account":   {gone, "nobody", person, `there is no account "nobody" in .*, which has promotekit, firstpromoter, uppromote`},
		"no address":           {gone, "promotekit", "kim", "--email: expected an e-mail address"},
		"no Redis":             {alone, "promotekit", person, "nothing was forgotten: without redis .* Restart every server"},
		"a Redis that is gone": {gone, "promotekit", person, "not everything may be forgotten; run it again: .*refused"},
		"no configuration":     {alone + ".not", "promotekit", person, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), []string{"forget", "--config", tt.config, "--account", tt.account, "--email", tt.email}, noEnv, &out, io.Discard)
			if err == nil || !regexp.MustCompile(tt.want).MatchString(err.Error()) || strings.Contains(fmt.Sprint(err, &out), person) || out.Len() > 0 {
				t.Errorf("%v, %s; want an error like %q", err, &out, tt.want)
			}
		})
	}
}
