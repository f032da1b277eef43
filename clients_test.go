package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/partnergraph/partnergraph/internal/needs"
)

// TestClients runs what frontends are made with against the server over the sandbox. Each program of web/clients checks what its client shows; a
// client that prints anything, such as a warning, fails as well. What the programs generate goes to a copy of their sources.
func TestClients(t *testing.T) {
	needs.Packages(t, "web/clients")
	packages, err := filepath.Abs("web/clients/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	base := start(t, "--listen", "127.0.0.1:0").stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	for _, client := range []string{"apollo", "urql", "relay", "codegen"} {
		t.Run(client, func(t *testing.T) {
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
		})
	}
}
