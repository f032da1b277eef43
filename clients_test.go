package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/needs"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// TestClients runs what frontends are made with against the server over the sandbox.
func TestClients(t *testing.T) {
	long(t)
	needs.Packages(t, "web/clients")
	base := start(t, "--listen", "127.0.0.1:0").stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	for _, client := range []string{"apollo", "guide", "urql", "relay", "codegen"} {
		t.Run(client, func(t *testing.T) { runClient(t, client, base) })
	}
}

// runClient runs a program of web/clients, which checks what its client shows; one that
// prints anything, such as a warning, fails as well. What the program generates goes to a
// copy of the sources.
func runClient(t *testing.T, client, base string) {
	t.Helper()
	packages, err := filepath.Abs("web/clients/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("web/clients/src")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(packages, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", client+".mjs", base+"/graphql")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NODE_ENV=development") // in production clients warn of nothing
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestClientWrites wants Apollo Client with the links that docs/frontend.md shows to come
// to an end with each write, and each to be made once, though vendors do not answer and
// answers get lost.
func TestClientWrites(t *testing.T) {
	long(t)
	needs.Packages(t, "web/clients")
	kits, accounts := simulated(t, providers.SandboxSmall, time.Minute)
	unanswered := map[string]int{"promotekit": 1, "uppromote": 100}
	for name, kit := range kits {
		left := unanswered[name]
		kit.Choose(func(r *http.Request) (sandbox.Fault, bool) {
			if r.Method == http.MethodGet || left == 0 {
				return sandbox.Fault{}, false
			}
			left--
			return sandbox.Fault{After: true}, true
		})
	}
	s := start(t, "serve", "--config", write(t, accounts+"writes: { settle: 1s }\n"), "--listen", "127.0.0.1:0")
	runClient(t, "writes", s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1])
	for name, want := range map[string]int{"promotekit": 2, "firstpromoter": 0, "uppromote": 1} {
		made := 0
		for _, r := range kits[name].Requests() {
			if r.Method != http.MethodGet {
				made++
			}
		}
		if made != want {
			t.Errorf("%s was sent %d writes, want %d", name, made, want)
		}
	}
}
