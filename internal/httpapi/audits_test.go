package httpapi_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os/exec"
	"testing"

	"github.com/partnergraph/partnergraph/internal/needs"
)

// misjudged are the audits that contradict the draft of August 2026, each with its sentence
// (https://github.com/graphql/graphql-over-http/blob/e1e46e7/spec/GraphQLOverHTTP.md).
var misjudged = map[string]string{
	"423L": "If the request is not a well-formed GraphQL-over-HTTP request, status code 422 SHOULD be used.",
	"86EE": "If the variable values cannot be coerced to match the operation's variable definitions, status code 422 SHOULD be used.",
}

// audits is how many there are in the version that web/audits/package-lock.json has.
const audits = 61

// TestAudits wants every audit of https://github.com/graphql/graphql-http passed, over a
// real connection. Besides node and npm it needs the package from npm's registry or cache.
func TestAudits(t *testing.T) {
	dir := "../../web/audits"
	needs.Packages(t, dir)

	h, _ := serve(t, nil)
	server := httptest.NewServer(h)
	defer server.Close()
	run := exec.CommandContext(t.Context(), "node", "audits.mjs", server.URL+"/graphql")
	run.Dir = dir
	out, err := run.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%v: %s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var results []struct{ ID, Name, Status, Reason string }
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	passed := 0
	for _, r := range results {
		switch why := misjudged[r.ID]; {
		case r.Status == "ok" && why != "":
			t.Errorf("%s passes, and is listed as wrong", r.ID)
		case r.Status == "ok":
			passed++
		case why == "":
			t.Errorf("%s %s: %s: %s", r.ID, r.Name, r.Status, r.Reason)
		}
	}
	t.Logf("%d of %d audits pass", passed, len(results))
	if len(results) != audits || passed+len(misjudged) != audits {
		t.Errorf("%d audits, of which %d pass and %d are listed as wrong, want %d", len(results), passed, len(misjudged), audits)
	}
}
