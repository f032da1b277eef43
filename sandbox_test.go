package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// TestSandboxOdd wants `sandbox --odd` to make the simulators odd, and without it none.
func TestSandboxOdd(t *testing.T) {
	for _, odd := range []bool{false, true} {
		args := []string{"sandbox"}
		if odd {
			args = append(args, "--odd", "0.5", "--seed", "3")
		}
		s := start(t, args...)
		url := s.stdout.await(t, `provider: uppromote(?s:.)*base_url: (\S+)(?s:.)*api_key: "(\S+)"\n`)
		bodies := map[string]bool{}
		for range 20 {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url[1]+"/programs?per_page=1", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", url[2])
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err := response.Body.Close(); err != nil {
				t.Error(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			bodies[string(body)] = true
		}
		if odd != (len(bodies) > 1) {
			t.Errorf("odd %v: the same call has %d replies", odd, len(bodies))
		}
	}
}

// everyVendor waits for a change that a subscriber of a server hears of at each vendor.
func everyVendor(t *testing.T, base string) {
	t.Helper()
	next, heard := subscribe(t, base, "REFERRAL, COMMISSION", ""), map[string]bool{}
	for len(heard) < len(all.Registry().Factories()) {
		change := next().Data.Changes
		id, err := providers.ParseID(change.NodeID)
		if err != nil {
			t.Fatalf("%+v: %v", change, err)
		}
		heard[id.Account] = true
	}
}

// TestSandboxLive: with --sandbox-live a subscriber hears of every vendor, though nobody
// writes.
func TestSandboxLive(t *testing.T) {
	s := start(t, "--listen", "127.0.0.1:0", "--sandbox-live", "--sandbox-pace", "100ms", "--sandbox-duplicates", "--sandbox-disorder")
	s.stdout.await(t, "The world moves by itself every 100ms")
	everyVendor(t, s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1])
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// TestSandboxWebhooks: the simulators alone send webhooks to a server that is configured as
// they say.
func TestSandboxWebhooks(t *testing.T) {
	var server atomic.Pointer[url.URL]
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(server.Load()) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	})
	defer proxy.Close()
	server.Store(&url.URL{Scheme: "http", Host: "127.0.0.1:1"}) // where nothing listens
	const token = "0123456789abcdefghijkl"
	accounts := sandboxed(t, "--webhooks", proxy.URL, "--token", token, "--live", "--pace", "100ms")
	if n := strings.Count(accounts, "path_tokens: [\""+token+"\"]"); n != len(all.Registry().Factories()) {
		t.Fatalf("%d accounts have the path token:\n%s", n, accounts)
	}
	s := start(t, "serve", "--config", write(t, accounts), "--listen", "127.0.0.1:0")
	base, err := url.Parse(s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1])
	if err != nil {
		t.Fatal(err)
	}
	server.Store(base)
	everyVendor(t, base.String())
}

// TestSandboxFlags: what the simulators cannot do is refused with a reason.
func TestSandboxFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"sandbox", "--live", "--pace", "0s"}, "the pace of the sandbox is 0s, expected 10ms to 24h0m0s"},
		{[]string{"--sandbox-live", "--sandbox-pace", "25h"}, "the pace of the sandbox is 25h0m0s, expected"},
		{[]string{"sandbox", "--webhooks", "localhost:8080"}, "--webhooks: expected the address of a server"},
		{[]string{"sandbox", "--webhooks", "http://a.example/?x=1"}, "--webhooks: expected the address of a server"},
		{[]string{"sandbox", "--webhooks", "http://a.example", "--token", "short"}, "--token: expected 22 to 128"},
		{[]string{"sandbox", "--token", "0123456789abcdefghijkl"}, "--token is of use with --webhooks only"},
	} {
		err := run(t.Context(), c.args, noEnv, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.args, err)
		}
	}
}

// TestSandboxFaults: each flag of webhooks changes what every simulator sends.
func TestSandboxFaults(t *testing.T) {
	status, got := http.StatusNoContent, []string(nil)
	var mu sync.Mutex // guards both
	inbox := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, string(body))
		w.WriteHeader(status)
	}))
	defer inbox.Close()
	address, err := url.Parse(inbox.URL)
	if err != nil {
		t.Fatal(err)
	}
	// deliveries are those of one simulator's world that moves 20 times, in their order, and
	// how many are to be made again.
	deliveries := func(i, answer int, f sandboxFlags) (bodies []string, pending int) {
		mu.Lock()
		status, got = answer, nil
		mu.Unlock()
		var later atomic.Int64
		at := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
		p := &process{registry: all.Registry(), now: func() time.Time { return at.Add(time.Duration(later.Load())) }}
		f.Size, f.Seed = "small", 1
		sims, err := p.simulate("127.0.0.1", 0, f)
		if err != nil {
			t.Fatal(err)
		}
		defer sims.close()
		sims.hooked("")
		sims.send(address)
		live := sandbox.NewLive(1, sims.movers[i])
		for range 20 {
			live.Step()
		}
		later.Add(int64(2 * sandbox.Spread))
		webhooks := sims.senders[sims.accounts[i].ID].Webhooks()
		webhooks.Settle()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got), webhooks.Pending()
	}
	for i, f := range all.Registry().Factories() {
		plain, _ := deliveries(i, http.StatusNoContent, sandboxFlags{})
		if again, _ := deliveries(i, http.StatusNoContent, sandboxFlags{}); len(plain) < 15 || !slices.Equal(plain, again) {
			t.Fatalf("%s: %d deliveries, then %d others", f.Name, len(plain), len(again))
		}
		if twice, _ := deliveries(i, http.StatusNoContent, sandboxFlags{Duplicates: true}); len(twice) <= len(plain) {
			t.Errorf("%s: %d deliveries are %d with duplicates", f.Name, len(plain), len(twice))
		}
		mixed, _ := deliveries(i, http.StatusNoContent, sandboxFlags{Disorder: true})
		if len(mixed) != len(plain) || slices.Equal(mixed, plain) {
			t.Errorf("%s: %d deliveries are %d in disorder, in the same order: %v", f.Name, len(plain), len(mixed), slices.Equal(mixed, plain))
		}
		if _, pending := deliveries(i, http.StatusBadGateway, sandboxFlags{}); pending != len(plain) {
			t.Errorf("%s: of %d refused deliveries %d are made again", f.Name, len(plain), pending)
		}
		if _, pending := deliveries(i, http.StatusBadGateway, sandboxFlags{NoRetries: true}); pending != 0 {
			t.Errorf("%s: without retries %d are made again", f.Name, pending)
		}
	}
}
