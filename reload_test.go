package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// TestReloadInFlight wants a reload to read the manifest and the files of secrets again, and
// the requests that run meanwhile to be answered by the configuration that they began with.
func TestReloadInFlight(t *testing.T) {
	kits, accounts := simulated(t, providers.SandboxSmall, 10*time.Second)
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const former, later = "query Former { campaigns(first: 1) { nodes { id } } }", "query Later { viewer { name } }"
	manifest := put("manifest.json", fmt.Sprintf(`{"former":%q}`, former))
	secret := put("key", strings.Repeat("0", 64))
	put("key", "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\n") // of "secret"
	s := start(t, "serve", "--listen", "127.0.0.1:0", "--config", write(t, accounts+fmt.Sprintf(
		"auth:\n  api_keys:\n    - { name: ops, sha256: \"${file:%s}\", role: reader }\npersisted_operations: { manifest: %q, only: [reader] }\n", secret, manifest)))
	base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	send := func(id, key string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/graphql", strings.NewReader(fmt.Sprintf(`{"documentId":%q}`, id)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+key)
		return do(t, r)
	}
	arrived, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	for name, kit := range kits {
		redistest.Eventually(t, "the account "+name+" was asked whether it answers", func(context.Context) error {
			if len(kit.Requests()) == 0 {
				return errors.New("it was not")
			}
			return nil
		})
		kit.Choose(func(*http.Request) (sandbox.Fault, bool) {
			once.Do(func() { close(arrived) })
			<-answer // all calls of this vendor wait
			return sandbox.Fault{}, false
		})
	}
	var running sync.WaitGroup
	running.Go(func() {
		if status, body := send("former", "secret"); status != http.StatusOK || !strings.Contains(body, `"campaigns"`) || strings.Contains(body, `"errors"`) {
			t.Errorf("the request that ran meanwhile: %d %s", status, body)
		}
	})
	<-arrived
	put("manifest.json", fmt.Sprintf(`{"later":%q}`, later))
	put("key", "7b508dace774f8adc1b121c1812b740904be6dfd37e3b5e3579bc81fbf6f5553") // of "limited"
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.stderr.await(t, `"the configuration was read again"`)
	for _, tt := range []struct {
		id, key, want string
		status        int
	}{
		{"later", "limited", `"ops"`, 200},
		{"later", "secret", "UNAUTHENTICATED", 401},
		{"former", "limited", "PERSISTED_QUERY_NOT_FOUND", 200},
	} {
		if status, body := send(tt.id, tt.key); status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s with the key %s: %d %s, want %d %s", tt.id, tt.key, status, body, tt.status, tt.want)
		}
	}
	close(answer)
	running.Wait()
	// A manifest that cannot be read is refused, and the former stays.
	put("manifest.json", `{"broken":"{"}`)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.stderr.await(t, `read again and refused.*persisted_operations.manifest`)
	if status, body := send("later", "limited"); status != http.StatusOK || !strings.Contains(body, `"ops"`) {
		t.Errorf("after a bad manifest: %d %s", status, body)
	}
}

// TestReloadOfListener wants the pages of operators to stay where they are until a restart,
// whatever a reload says of their listener: they are never at two places, nor at none.
func TestReloadOfListener(t *testing.T) {
	accounts := sandboxed(t)
	const admin = "admin: { listen: 127.0.0.1:0 }\n"
	for _, tt := range []struct {
		before, after string
		want          int // of /metrics on the main listener
	}{{"", admin, http.StatusOK}, {admin, "", http.StatusNotFound}} {
		path := write(t, accounts+tt.before)
		s := start(t, "serve", "--config", path, "--listen", "127.0.0.1:0")
		base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
		if status, _ := get(t, base+"/metrics"); status != tt.want {
			t.Errorf("%q: %d, want %d", tt.before, status, tt.want)
		}
		if err := os.WriteFile(path, []byte(accounts+tt.after), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.stderr.await(t, `"settings":\["admin.listen"\](?s:.)*"the configuration was read again"`)
		if status, _ := get(t, base+"/metrics"); status != tt.want {
			t.Errorf("%q, then %q: %d, want %d", tt.before, tt.after, status, tt.want)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}
}
