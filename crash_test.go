package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// settling is how long a write may land late in these tests; faults that land late do so
// within it.
const settling = time.Second

// victim is a server, in a process that is killed and started again, over simulators that
// are not.
type victim struct {
	t       *testing.T
	address string
	config  string
	kits    map[string]*sandbox.Kit
	redis   *redistest.Server
	stderr  io.Writer // of the processes; nil: nobody reads it

	mu  sync.Mutex
	cmd *exec.Cmd
}

// simulated starts every vendor's simulator within this process, and answers their kits and
// a configuration of them; timeout is that of one call.
func simulated(t *testing.T, size providers.SandboxSize, timeout time.Duration) (kits map[string]*sandbox.Kit, accounts string) {
	t.Helper()
	kits, accounts = map[string]*sandbox.Kit{}, "accounts:\n"
	var ticks atomic.Int64
	began := time.Now()
	for _, f := range all.Registry().Factories() {
		// Every look at the clock is a second later, so that the vendor's own limit never counts.
		sim := f.Sandbox(providers.SandboxOptions{Size: size, Seed: 1, Now: func() time.Time { return began.Add(time.Duration(ticks.Add(1)) * time.Second) }})
		server := httptest.NewServer(sim)
		t.Cleanup(server.Close)
		kits[f.Name] = sim.(interface{ Kit() *sandbox.Kit }).Kit()
		accounts += fmt.Sprintf("  - { id: %s, provider: %s, currency: %s, base_url: %q, timeout: %v, rate_limit: { requests: 100000, per: 1m }, credentials: {", f.Name, f.Name, sim.Currency(), server.URL, timeout)
		for _, name := range f.Credentials {
			accounts += fmt.Sprintf(" %s: %q,", name, sim.Credentials()[name])
		}
		accounts += " } }\n"
	}
	return kits, accounts
}

// newVictim starts the simulators and the first process.
func newVictim(t *testing.T) *victim {
	t.Helper()
	v := &victim{t: t, redis: redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")}
	kits, text := simulated(t, providers.SandboxMedium, 500*time.Millisecond)
	v.kits = kits
	text += fmt.Sprintf("redis: { cache: %q, replicas: 1 }\nwrites: { settle: %v }\nlimits: { timeout: 10s, calls: 1000 }\n", v.redis.Target().Addresses[0].Reveal(), settling)
	v.config = write(t, text)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v.address = l.Addr().String()
	_ = l.Close()
	v.start()
	t.Cleanup(v.kill)
	redistest.Eventually(t, "the server answers", func(ctx context.Context) error {
		_, err := v.ask(`{ accounts { id } }`, nil)
		return err
	})
	return v
}

func (v *victim) start() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cmd = exec.Command(os.Args[0], "serve", "--config", v.config, "--listen", v.address)
	v.cmd.Env, v.cmd.Stderr = append(os.Environ(), childVariable+"=program"), v.stderr
	if err := v.cmd.Start(); err != nil {
		v.t.Error(err)
	}
}

// kill ends the process as a machine that fails does.
func (v *victim) kill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait()
}

// graphQL is an answer to a mutation under the alias m, or to a query.
type graphQL struct {
	Data   map[string]json.RawMessage
	Errors []struct {
		Message    string
		Extensions struct {
			Code      string
			Retryable bool
		}
	}
}

// ask sends one request; the error is that of the connection.
func (v *victim) ask(query string, variables map[string]any) (*graphQL, error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return nil, err
	}
	response, err := http.Post("http://"+v.address+"/graphql", "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var r graphQL
	return &r, json.Unmarshal(text, &r)
}

// intention is one write that somebody wants.
type intention struct {
	account, mutation string
	input             map[string]any
	mark              string // stands in the path or the body of its write, and of no other
	blind             bool   // its outcome cannot be proven

	made    bool // what the client was told in the end: made, or else unknown for ever
	refused string
}

// pursue asks for a write until there is an answer for good.
func (v *victim) pursue(i *intention, key string, refusals *atomic.Int64) {
	i.input["idempotencyKey"] = key
	mutation := fmt.Sprintf(`mutation($input: %sInput!) { m: %s(input: $input) { userErrors { field code message } } }`,
		strings.ToUpper(i.mutation[:1])+i.mutation[1:], i.mutation)
	var last string
	for range 600 {
		r, err := v.ask(mutation, map[string]any{"input": i.input})
		switch {
		case err != nil: // the connection: the phone asks again
		case len(r.Errors) == 0:
			var payload struct{ UserErrors []json.RawMessage }
			if err := json.Unmarshal(r.Data["m"], &payload); err != nil {
				v.t.Errorf("%s: %v", key, err)
			}
			i.made, i.refused = len(payload.UserErrors) == 0, fmt.Sprintf("%s", payload.UserErrors)
			return
		case r.Errors[0].Extensions.Code == "OUTCOME_UNKNOWN" && !r.Errors[0].Extensions.Retryable:
			return
		case strings.Contains(r.Errors[0].Message, "the ledger of writes cannot be reached"):
			refusals.Add(1)
		case !r.Errors[0].Extensions.Retryable:
			v.t.Errorf("%s %s: %+v", i.account, i.mutation, r.Errors)
			return
		}
		if err == nil {
			last = fmt.Sprintf("%+v", r.Errors)
		}
		time.Sleep(50 * time.Millisecond) // a client's pause, not a test's
	}
	v.t.Errorf("%s %s: no answer; the last was %s", i.account, i.mutation, last)
}

// faults has every vendor fail two of five writes, in every way there is.
func (v *victim) faults(seed uint64) {
	names := slices.Sorted(maps.Keys(sandbox.WriteFaults))
	for name, kit := range v.kits {
		rng := rand.New(rand.NewPCG(seed, uint64(len(name))))
		kit.Choose(func(r *http.Request) (sandbox.Fault, bool) {
			if r.Method == http.MethodGet || rng.IntN(5) >= 2 {
				return sandbox.Fault{}, false
			}
			if n := rng.IntN(len(names) + 3); n < len(names) {
				return sandbox.WriteFaults[names[n]], true
			}
			return sandbox.Fault{Late: time.Duration(rng.Int64N(int64(settling / 2)))}, true
		})
	}
}

// intentions are n writes of all kinds, to targets of their own.
func (v *victim) intentions(n int) []*intention {
	v.t.Helper()
	type row struct{ ID, ProviderID string }
	rows := func(list, account, filter string) (rows []row) {
		r, err := v.ask(`{ accounts { id providerId } }`, nil)
		if err != nil || len(r.Errors) > 0 {
			v.t.Fatal(err, r)
		}
		var accounts []row
		if err := json.Unmarshal(r.Data["accounts"], &accounts); err != nil {
			v.t.Fatal(err)
		}
		for _, a := range accounts {
			if a.ProviderID != account {
				continue
			}
			query := fmt.Sprintf(`{ l: %s(first: 100, filter: { accounts: [%q] %s }) { nodes { id providerId } } }`, list, a.ID, filter)
			r, err := v.ask(query, nil)
			for range 20 { // a walk may take longer than the account's timeout; each attempt goes on from the cache
				if err != nil || len(r.Errors) == 0 {
					break
				}
				r, err = v.ask(query, nil)
			}
			if err != nil || len(r.Errors) > 0 {
				v.t.Fatalf("%v %+v", err, r.Errors)
			}
			var l struct{ Nodes []row }
			if err := json.Unmarshal(r.Data["l"], &l); err != nil {
				v.t.Fatal(err)
			}
			return append([]row{{ID: a.ID}}, l.Nodes...)
		}
		return nil
	}
	money := func(amount string) map[string]any { return map[string]any{"amount": amount, "currencyCode": "USD"} }
	pkAffiliates, pkReferrals := rows("affiliates", "promotekit", "statuses: [ACTIVE]"), rows("referrals", "promotekit", "")
	fpAffiliates, fpCommissions := rows("affiliates", "firstpromoter", "statuses: [ACTIVE]"), rows("commissions", "firstpromoter", "statuses: [PENDING]")
	upAffiliates, upCommissions := rows("affiliates", "uppromote", "statuses: [ACTIVE]"), rows("commissions", "uppromote", "statuses: [PENDING]")
	_, _ = fpAffiliates, pkReferrals
	var all []*intention
	for k := range n {
		email := fmt.Sprintf("crash%04d@example.com", k)
		amount := fmt.Sprintf("%d.%02d", 1000+k/7, 10+k%90)
		switch c := k / 10; k % 10 {
		case 0:
			all = append(all, &intention{account: "promotekit", mutation: "createAffiliate", mark: email,
				input: map[string]any{"account": pkAffiliates[0].ID, "email": email, "firstName": "Crash", "lastName": "Test"}})
		case 1:
			all = append(all, &intention{account: "promotekit", mutation: "createReferral", mark: email,
				input: map[string]any{"affiliate": pkAffiliates[1+c%3].ID, "email": email}})
		case 2:
			all = append(all, &intention{account: "promotekit", mutation: "updateAffiliate", mark: email,
				input: map[string]any{"id": pkAffiliates[4+c].ID, "payoutEmail": email}})
		case 3:
			all = append(all, &intention{account: "firstpromoter", mutation: "createAffiliate", mark: email,
				input: map[string]any{"account": fpAffiliates[0].ID, "email": email}})
		case 4:
			all = append(all, &intention{account: "firstpromoter", mutation: "updateCommission", mark: email,
				input: map[string]any{"id": fpCommissions[1+c].ID, "internalNote": email}})
		case 5:
			all = append(all, &intention{account: "firstpromoter", mutation: "setCommissionStatus", mark: `"ids":[` + fpCommissions[40+c].ProviderID + `]`,
				input: map[string]any{"id": fpCommissions[40+c].ID, "status": "APPROVED"}})
		case 6:
			all = append(all, &intention{account: "uppromote", mutation: "createAffiliate", mark: email,
				input: map[string]any{"account": upAffiliates[0].ID, "email": email}})
		case 7:
			all = append(all, &intention{account: "uppromote", mutation: "createCommission", mark: `"commission":` + amount, blind: true,
				input: map[string]any{"commission": map[string]any{"custom": map[string]any{"affiliate": upAffiliates[1+c%10].ID, "amount": money(amount)}}}})
		case 8:
			all = append(all, &intention{account: "uppromote", mutation: "setCommissionStatus", mark: "/referral/" + upCommissions[1+c].ProviderID + "/status",
				input: map[string]any{"id": upCommissions[1+c].ID, "status": "APPROVED"}})
		case 9:
			all = append(all, &intention{account: "uppromote", mutation: "adjustCommission", mark: "/referral/" + upCommissions[40+c].ProviderID + "/adjustment",
				input: map[string]any{"id": upCommissions[40+c].ID, "amount": money(amount)}})
		}
	}
	return all
}

// truth holds what clients were told against what the vendors did.
func (v *victim) truth(all []*intention) {
	v.t.Helper()
	var made, unknown int
	logs := map[string][]sandbox.Request{}
	for name, kit := range v.kits {
		kit.Settled()
		logs[name] = kit.Requests()
	}
	for _, i := range all {
		done := 0
		for _, r := range logs[i.account] {
			if r.Method != http.MethodGet && r.Done >= 200 && r.Done < 300 && (strings.Contains(r.Body, i.mark) || strings.Contains(r.Path, i.mark)) {
				done++
			}
		}
		switch {
		case done > 1:
			v.t.Errorf("%s %s %s: done %d times", i.account, i.mutation, i.mark, done)
		case i.made && done != 1:
			v.t.Errorf("%s %s %s: told that it was made, and it was not", i.account, i.mutation, i.mark)
		case !i.made && i.refused != "":
			v.t.Errorf("%s %s %s: refused: %s", i.account, i.mutation, i.mark, i.refused)
		case !i.made && !i.blind:
			v.t.Errorf("%s %s %s: unknown, though it can be proven", i.account, i.mutation, i.mark)
		case i.made:
			made++
		default:
			unknown++
		}
	}
	v.t.Logf("%d writes: %d made once each, %d unknown for ever (they cannot be proven)", len(all), made, unknown)
}

// run pursues all intentions, many at a time, while meanwhile happens again and again until
// they are through.
func (v *victim) run(all []*intention, meanwhile func()) (refusals int64) {
	var (
		wg      sync.WaitGroup
		refused atomic.Int64
		next    atomic.Int64
		through = make(chan struct{})
	)
	for range 24 {
		wg.Go(func() {
			for n := next.Add(1) - 1; n < int64(len(all)); n = next.Add(1) - 1 {
				v.pursue(all[n], fmt.Sprintf("crash-%04d", n), &refused)
			}
		})
	}
	go func() { wg.Wait(); close(through) }()
	for {
		select {
		case <-through:
			return refused.Load()
		case <-time.After(time.Duration(500+rand.IntN(2500)) * time.Millisecond):
			meanwhile()
		}
	}
}

// TestCrash: 200 writes, vendors that fail two of five in every way there is, and a server
// that is killed again and again. Nothing is made twice, nothing is lost, and nothing stays
// unknown but what nobody can prove.
func TestCrash(t *testing.T) {
	long(t)
	t.Parallel()
	v := newVictim(t)
	all := v.intentions(200)
	v.faults(1)
	kills := 0
	v.run(all, func() {
		if kills++; kills <= 10 {
			v.kill()
			v.start()
		}
	})
	t.Logf("killed %d times", min(kills, 10))
	v.truth(all)
}

// TestCrashOfRedis: the ledger's Redis goes away in the middle. Writes are refused, and say
// that nothing was sent; when it is back with what it had on disk, all of them come to
// their end.
func TestCrashOfRedis(t *testing.T) {
	long(t)
	t.Parallel()
	v := newVictim(t)
	all := v.intentions(60)
	v.faults(2)
	times := 0
	refusals := v.run(all, func() {
		if times++; times <= 2 {
			v.redis.Stop()
			time.Sleep(time.Second) // it is away as long as that
			v.redis.Restart()
		}
	})
	if times > 0 && refusals == 0 {
		t.Error("no write was refused while the ledger was away")
	}
	t.Logf("Redis was away %d times, and %d requests were refused", min(times, 2), refusals)
	v.truth(all)
}
