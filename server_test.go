package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/playground"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/schema"
)

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv(childVariable)]; ok {
		child()
		return
	}
	goleak.VerifyTestMain(tests{m}, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// long skips, with -short, a test that takes more than a second or two.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it is long: it runs without -short")
	}
}

// output collects what a process prints, while it prints.
type output struct {
	mu   sync.Mutex
	b    bytes.Buffer
	more chan struct{}
}

func newOutput() *output { return &output{more: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// patience is how long tests wait for what has to come. It is long because the machine may
// be busy.
const patience = 2 * time.Minute

// await is the first match of a pattern in the output, once it is there.
func (o *output) await(t testing.TB, pattern string) []string {
	t.Helper()
	return o.awaitFor(t, patience, pattern)
}

// awaitFor is await with a patience of its own.
func (o *output) awaitFor(t testing.TB, longest time.Duration, pattern string) []string {
	t.Helper()
	re, deadline := regexp.MustCompile(pattern), time.After(longest)
	for {
		if m := re.FindStringSubmatch(o.String()); m != nil {
			return m
		}
		select {
		case <-o.more:
		case <-deadline:
			t.Fatalf("%q does not come: %s", pattern, o)
		}
	}
}

// running is a process that was started.
type running struct {
	stdout, stderr *output
	stop           func() error // ends it as SIGTERM does, and is what run returned
}

func noEnv(string) (string, bool) { return "", false }

func start(t *testing.T, args ...string) *running {
	t.Helper()
	return startWith(t, noEnv, args...)
}

// startWith is start with an environment.
func startWith(t *testing.T, getenv config.Getenv, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{stdout: newOutput(), stderr: newOutput()}
	done := make(chan error, 1)
	go func() { done <- run(ctx, args, getenv, r.stdout, r.stderr) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = r.stop() })
	return r
}

func ask(t testing.TB, base, query string, header ...string) (status int, body string) {
	t.Helper()
	text, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/graphql", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	return do(t, r)
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, r)
}

func do(t testing.TB, r *http.Request) (int, string) {
	t.Helper()
	response, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(b)
}

// TestServe starts the server as a newcomer does, without anything, and uses each of its paths.
func TestServe(t *testing.T) {
	s := start(t, "--listen", "127.0.0.1:0")
	base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	s.stdout.await(t, "Try  ")
	for _, account := range all.Registry().Factories() {
		s.stdout.await(t, "Account +"+account.Name)
	}
	status, body := ask(t, base, `{ commissions(first: 3) { nodes { amount { amount currencyCode } account { name } } } }`)
	if status != 200 || strings.Contains(body, `"errors"`) || strings.Count(body, `"currencyCode":"USD"`) == 0 {
		t.Errorf("the first query: %d %s", status, body)
	}
	if status, body := get(t, base+"/schema.graphql"); status != 200 || body != schema.SDL() {
		t.Errorf("/schema.graphql: %d, %d bytes", status, len(body))
	}
	page := http.StatusOK
	if !playground.Built() {
		page = http.StatusFound
		s.stdout.await(t, "Playground .*not built")
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/": page, "/?query=x": 200, "/nothing": 404, "/graphql?query=%7B__typename%7D": 200} {
		if status, _ := get(t, base+path); status != want {
			t.Errorf("GET %s: %d, want %d", path, status, want)
		}
	}
	if status, body := ask(t, base, `{ __typename }`, "Host", "evil.example"); status != http.StatusForbidden {
		t.Errorf("under another name: %d %s", status, body)
	}
	if status, body := ask(t, base, strings.Repeat("#", 200<<10)); status != http.StatusRequestEntityTooLarge || !strings.Contains(body, "102400 are allowed") {
		t.Errorf("a large body: %d %s", status, body)
	}
	if err := s.stop(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	for _, line := range strings.Split(strings.TrimSpace(s.stderr.String()), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("a log line is no JSON: %s", line)
		}
	}
	if !strings.Contains(s.stderr.String(), `"viewer":"local"`) {
		t.Errorf("no line for the request: %s", s.stderr)
	}
}

// sandboxed starts the simulators, with these flags, and answers a configuration of them.
func sandboxed(t *testing.T, flags ...string) (accounts string) {
	t.Helper()
	s := start(t, append([]string{"sandbox"}, flags...)...)
	vendors := all.Registry().Factories()
	s.stdout.await(t, `provider: `+vendors[len(vendors)-1].Name+`(?s:.)*credentials:\n +api_key: "\S+"\n`)
	_, accounts, _ = strings.Cut(s.stdout.String(), "\naccounts:\n")
	return "accounts:\n" + accounts
}

func write(t testing.TB, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "partnergraph.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var keyLine = regexp.MustCompile(`(?s)(id: uppromote.*?api_key: )"\S+"`)

// TestCheck wants to be told of each account whether it answers, and never a secret.
func TestCheck(t *testing.T) {
	good := sandboxed(t)
	bad := keyLine.ReplaceAllString(good, `${1}"refused-key"`)
	if bad == good {
		t.Fatalf("the key is not in %s", good)
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"check", "--config", write(t, good)}, noEnv, &out, io.Discard); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	vendors := len(all.Registry().Factories())
	if strings.Count(out.String(), "reachable, key accepted") != vendors {
		t.Errorf("check says %s", &out)
	}
	out.Reset()
	err := run(t.Context(), []string{"check", "--config", write(t, bad)}, noEnv, &out, io.Discard)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("1 of %d accounts failed", vendors)) {
		t.Errorf("with a refused key: %v", err)
	}
	if s := out.String(); !strings.Contains(s, "uppromote (UpPromote): FAILED") || !strings.Contains(s, "unauthorized") || strings.Contains(s, "refused-key") {
		t.Errorf("check says %s", s)
	}
	err = run(t.Context(), []string{"check", "--config", write(t, good+"    colour: red\n")}, noEnv, &out, io.Discard)
	if err == nil || !regexp.MustCompile(`partnergraph.yaml:\d+:\d+: .*colour`).MatchString(err.Error()) {
		t.Errorf("an unknown key: %v", err)
	}
}

// TestRefusedKey wants a server whose one account is refused to start, to say so of that
// account, and to serve the others.
func TestRefusedKey(t *testing.T) {
	bad := keyLine.ReplaceAllString(sandboxed(t), `${1}"refused-key"`)
	s := start(t, "serve", "--config", write(t, bad), "--listen", "127.0.0.1:0")
	base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	s.stderr.await(t, `an account does not answer.*uppromote`)
	_, body := ask(t, base, `{ accounts { providerId status lastError } commissions(first: 2) { nodes { account { providerId } } } }`)
	for _, want := range []string{`{"providerId":"uppromote","status":"DOWN","lastError":"`, `"providerId":"promotekit","status":"OK"`, `"code":"UPSTREAM_UNAUTHORIZED"`, `"commissions":{"nodes":[{"account"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if strings.Contains(body+s.stderr.String()+s.stdout.String(), "refused-key") {
		t.Error("the key is shown")
	}
}

// TestReload wants SIGHUP to take a good configuration, and to refuse a bad one while the
// old one stays.
func TestReload(t *testing.T) {
	accounts := sandboxed(t)
	hash := func(c string) string { return strings.Repeat(c, 64) }
	auth := "auth:\n  api_keys:\n    - { name: %s, sha256: %s, role: admin }\n"
	path := write(t, accounts+fmt.Sprintf(auth, "first", hash("a")))
	s := start(t, "serve", "--config", path, "--listen", "127.0.0.1:0")
	base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	key := []string{"Authorization", "Bearer secret"}
	if status, _ := ask(t, base, `{ viewer { name } }`, key...); status != http.StatusUnauthorized {
		t.Fatalf("an unknown key gets %d", status)
	}
	hangup := func(text, want string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.stderr.await(t, want)
	}
	hangup(accounts+"surprise: true\n", "was read again and refused")
	if status, _ := ask(t, base, `{ viewer { name } }`, key...); status != http.StatusUnauthorized {
		t.Errorf("after a bad configuration an unknown key gets %d", status)
	}
	// The SHA-256 of "secret".
	hangup(accounts+fmt.Sprintf(auth, "second", "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"), `"the configuration was read again"`)
	if status, body := ask(t, base, `{ viewer { name role } }`, key...); status != 200 || !strings.Contains(body, `"name":"second","role":"ADMIN"`) {
		t.Errorf("after a good one: %d %s", status, body)
	}
}

// TestCommands wants the small commands to print what they should.
func TestCommands(t *testing.T) {
	for args, want := range map[string]string{"schema": schema.SDL(), "version": "partnergraph "} {
		var out bytes.Buffer
		if err := run(t.Context(), []string{args}, noEnv, &out, io.Discard); err != nil || !strings.HasPrefix(out.String(), want) {
			t.Errorf("%s: %v, %.60q", args, err, out.String())
		}
	}
	if err := run(t.Context(), []string{"srve"}, noEnv, io.Discard, io.Discard); err == nil {
		t.Error("an unknown command is taken")
	}
	if err := run(t.Context(), []string{"serve", "--listen", "0.0.0.0:0"}, noEnv, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "without auth") {
		t.Errorf("listening to everybody without authentication: %v", err)
	}
}
