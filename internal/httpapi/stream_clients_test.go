package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/partnergraph/partnergraph/internal/needs"
	"github.com/partnergraph/partnergraph/providers"
)

// TestStreamClients runs the clients that frontends are made with: web/clients/src/changes.mjs.
func TestStreamClients(t *testing.T) {
	if testing.Short() {
		t.Skip("runs programs of node")
	}
	packages, err := filepath.Abs("../../web/clients")
	if err != nil {
		t.Fatal(err)
	}
	needs.Packages(t, packages)
	l := newLive(t, nil)
	made := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/graphql/happen" {
			l.h.ServeHTTP(w, r)
			return
		}
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		for range n {
			kind := providers.Updated
			if made++; made%2 == 0 {
				kind = providers.Deleted
			}
			affiliate := recordID(providers.NounAffiliate, "aff001")
			l.happens(kind, affiliate, affiliate)
		}
	}))
	defer server.Close()
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join(packages, "src", "changes.mjs"), server.URL+"/graphql")
	cmd.Env = append(os.Environ(), "NODE_ENV=development")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
