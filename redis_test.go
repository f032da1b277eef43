package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// TestCheckRedis wants to be told of each Redis whether it answers and is set up for its
// role, and never a password.
func TestCheckRedis(t *testing.T) {
	accounts := sandboxed(t)
	check := func(redis string) (string, error) {
		t.Helper()
		var out bytes.Buffer
		err := run(t.Context(), []string{"check", "--config", write(t, accounts+redis)}, noEnv, &out, io.Discard)
		if s := fmt.Sprint(&out, err); strings.Contains(s, "hush") {
			t.Errorf("a password is shown: %s", s)
		}
		return out.String(), err
	}
	locked := func(settings ...string) (*redistest.Server, string) {
		s := redistest.Start(t, settings...)
		host := strings.TrimPrefix(s.Target().Addresses[0].Reveal(), "redis://")
		if err := s.Client(redisclient.Durable).ConfigSet(t.Context(), "requirepass", "hush").Err(); err != nil {
			t.Fatal(err)
		}
		return s, host
	}
	_, cache := locked("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lfu")
	durable, ledger := locked("--appendonly", "yes")

	out, err := check(fmt.Sprintf("redis:\n  cache: redis://:hush@%s\n  durable: redis://:hush@%s\n", cache, ledger))
	if err != nil {
		t.Errorf("both sound: %v\n%s", err, out)
	}
	for _, want := range []string{
		"redis durable (redis://" + ledger + "): reachable, settings as they should be\n",
		"redis cache (redis://" + cache + "): reachable, settings as they should be\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}

	out, err = check(fmt.Sprintf("redis:\n  cache: redis://:hush@%s\n", cache))
	if want := "redis cache and durable (redis://" + cache + "): FAILED: reachable, but it may lose what it must keep\n  warning: maxmemory-policy is allkeys-lfu: "; err == nil ||
		!strings.Contains(out, want) || err.Error() != "the durable Redis may lose what it must keep" {
		t.Errorf("one for both: no %q, error %v, in %s", want, err, out)
	}

	out, err = check(fmt.Sprintf("redis:\n  cache: redis://:husher@%s\n", cache))
	if err == nil || err.Error() != "a Redis failed" || !regexp.MustCompile(`redis cache and durable \(redis://\S+\): FAILED: WRONGPASS`).MatchString(out) {
		t.Errorf("a wrong password: error %v, %s", err, out)
	}

	const warning = "warning: redis.replicas is not set"
	for settings, want := range map[string]bool{
		"": false,
		fmt.Sprintf("redis:\n  cache: redis://:hush@%s\n", cache):                true,
		fmt.Sprintf("redis:\n  cache: redis://:hush@%s\n  replicas: 2\n", cache): false,
	} {
		if out, err := check(settings); (err == nil) != (settings == "") || strings.Contains(out, warning) != want {
			t.Errorf("%q: error %v, want %q: %t, in %s", settings, err, warning, want, out)
		}
	}

	durable.Stop()
	out, err = check(fmt.Sprintf("redis:\n  cache: redis://:hush@%s\n  durable: redis://:hush@%s\n", cache, ledger))
	if err == nil || !strings.Contains(out, "redis durable (redis://"+ledger+"): FAILED: ") || !strings.Contains(out, "redis cache (redis://"+cache+"): reachable") {
		t.Errorf("a stopped one: error %v, %s", err, out)
	}
}

var remaining = regexp.MustCompile(`"providerId":"promotekit","rateLimit":{"remaining":(\d+)`)

// TestReplicas wants two servers over one Redis to share what was read and to spend one
// budget, and to go on without it.
func TestReplicas(t *testing.T) {
	redis := redistest.Start(t)
	// An hour, so that nothing comes back meanwhile.
	text := strings.Replace(sandboxed(t), "provider: promotekit\n", "provider: promotekit\n    rate_limit: { requests: 100, per: 1h }\n", 1)
	// And a Redis that is waited for, however busy the machine is.
	path := write(t, text+"redis:\n  timeout: 10s\n  cache: "+redis.Target().Addresses[0].Reveal()+"\n")
	var bases []string
	var servers []*running
	for range 2 {
		s := start(t, "serve", "--config", path, "--listen", "127.0.0.1:0")
		bases = append(bases, s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1])
		servers = append(servers, s)
	}
	for i, base := range bases {
		if status, body := ask(t, base, fmt.Sprintf(`{ affiliates(first: %d) { nodes { name } } }`, 3+i)); status != 200 || strings.Contains(body, `"errors"`) {
			t.Fatalf("%d %s", status, body)
		}
	}
	left := func(base string) string {
		_, body := ask(t, base, `{ accounts { providerId rateLimit { remaining } } }`)
		m := remaining.FindStringSubmatch(body)
		if m == nil {
			t.Fatalf("no rateLimit in %s", body)
		}
		return m[1]
	}
	// Each pinged the account, and one of them read the list for both.
	redistest.Eventually(t, "both servers know what both have spent", func(context.Context) error {
		if a, b := left(bases[0]), left(bases[1]); a != "97" || b != "97" {
			return fmt.Errorf("they have %s and %s left, want 97", a, b)
		}
		return nil
	})
	if _, body := ask(t, bases[1], `{ affiliates(first: 20) { nodes { name status } } }`); !strings.Contains(body, `"spent":0`) {
		t.Errorf("what the other server has read is read again: %s", body)
	}

	redis.Stop()
	for i, base := range bases {
		if status, body := ask(t, base, `{ referrals(first: 3) { nodes { status } } }`); status != 200 || strings.Contains(body, `"errors"`) {
			t.Errorf("without Redis: %d %s", status, body)
		}
		if status, _ := get(t, base+"/readyz"); status != http.StatusOK {
			t.Errorf("without Redis /readyz answers %d", status)
		}
		servers[i].stderr.await(t, "within this replica's share of the budget")
	}

	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for i, s := range servers {
		s.stderr.await(t, `take effect with a restart only.*"settings":\["redis"\]`)
		if got := left(bases[i]); got == "100" {
			t.Error("the reload forgot what was spent")
		}
	}
}

// TestServeWithoutItsRedis wants a server that knows the number of replicas to start, and
// to serve, while its Redis is away.
func TestServeWithoutItsRedis(t *testing.T) {
	redis := redistest.Start(t)
	redis.Stop()
	text := sandboxed(t) + "redis:\n  replicas: 1\n  cache: " + redis.Target().Addresses[0].Reveal() + "\n"
	s := start(t, "serve", "--config", write(t, text), "--listen", "127.0.0.1:0")
	base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	if status, body := ask(t, base, `{ affiliates(first: 3) { nodes { name } } }`); status != 200 || strings.Contains(body, `"errors"`) {
		t.Errorf("%d %s", status, body)
	}
	s.stderr.await(t, "a Redis does not answer; serving without it")
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}
