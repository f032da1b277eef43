package providers_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/partnergraph/partnergraph"

// A rule of who may import whom, with its reason.
type rule struct {
	why string
	// from and to say which packages the rule is about, by their path below the module, ""
	// for the module's root.
	from, to func(path string) bool
	// unless lists pairs that are allowed.
	unless func(from, to string) bool
}

func under(prefix string) func(string) bool {
	return func(p string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") }
}

func is(paths ...string) func(string) bool {
	return func(p string) bool {
		for _, want := range paths {
			if p == want {
				return true
			}
		}
		return false
	}
}

func not(f func(string) bool) func(string) bool { return func(p string) bool { return !f(p) } }

// example is the folder of the vendor that is invented for tests. It may import what a
// vendor may.
const example = "providers/providertest/example"

// vendor is the vendor's folder that a package is in; "" for none.
func vendor(p string) string {
	if under(example)(p) {
		return "example"
	}
	rest, ok := strings.CutPrefix(p, "providers/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	switch name {
	case "all", "internal", "providertest", "sandbox":
		return ""
	}
	return name
}

var ours = func(p string) bool { return !strings.Contains(p, ".") }

var rules = []rule{
	{why: "the domain is the bottom: it knows nobody", from: is("providers"), to: ours},
	{why: "a vendor is a leaf: it knows the domain, the REST client and what simulators share, never another vendor",
		from: func(p string) bool { return vendor(p) != "" }, to: ours,
		unless: func(from, to string) bool {
			return is("providers", "providers/sandbox")(to) || under("providers/internal")(to) || vendor(from) == vendor(to)
		}},
	{why: "only providers/all knows which vendors there are", from: func(p string) bool { return vendor(p) == "" && p != "providers/all" },
		to: func(p string) bool { return vendor(p) != "" }},
	{why: "the domain does not know GraphQL", from: under("providers"), to: func(p string) bool { return under("graph")(p) || under("resolvers")(p) }},
	{why: "GraphQL stays at the edge", from: func(p string) bool { return !under("graph")(p) && !is("resolvers", "internal/httpapi")(p) },
		to: under("github.com/99designs/gqlgen")},
	{why: "which web pages may ask is HTTP's to say", from: not(is("internal/httpapi")), to: under("github.com/rs/cors")},
	{why: "content codings are in one place", from: not(is("internal/compress")), to: under("github.com/klauspost/compress")},
	{why: "metrics are in one place", from: not(is("internal/telemetry")), to: under("github.com/prometheus")},
	{why: "how traces are exported is in one place; others know the interface alone", from: not(is("internal/telemetry")), to: under("go.opentelemetry.io/otel/sdk")},
	{why: "only the resolvers batch", from: not(is("resolvers")), to: under("github.com/vikstrous/dataloadgen")},
	{why: "what lists, remembers and hides does not know GraphQL",
		from: is("internal/listing", "internal/partner", "internal/cache", "internal/responses", "internal/ledger", "internal/events", "internal/intake",
			"internal/sweep", "internal/apierror"),
		to: func(p string) bool {
			return under("graph")(p) || is("resolvers", "internal/httpapi")(p) || under("github.com/vektah/gqlparser")(p)
		}},
	{why: "the event log stands below all that writes and reads it: it knows the domain alone",
		from: is("internal/events"), to: func(p string) bool { return ours(p) && p != "providers" }},
	{why: "Redis belongs to the Redis halves", from: not(is("", "internal/redisclient", "internal/redisclient/redistest", "internal/cache", "internal/budget", "internal/persisted", "internal/ledger", "internal/events")),
		to: under("github.com/redis/go-redis")},
	{why: "fakes, suites and the example vendor are for tests", from: not(is("providers/providertest", "internal/redisclient/redistest")),
		to: is(example, "providers/providertest", "internal/cache/cachetest", "internal/budget/budgettest", "internal/ledger/ledgertest", "internal/events/eventstest", "internal/redisclient/redistest", "internal/needs")},
	{why: "nobody imports the program", from: ours, to: is("")},
	{why: "what serves the program does not know what it is about, but for the domain, who asks, and httpapi what it serves",
		from: under("internal"), to: func(p string) bool { return ours(p) && !is("internal/compress", "internal/apierror")(p) }, // which know nobody
		unless: func(from, to string) bool {
			return is("providers", "internal/auth", "internal/redisclient", "internal/needs")(to) || strings.HasPrefix(to, from+"/") || strings.HasPrefix(from, to+"/") ||
				from == "internal/responses" && to == "internal/cache" ||
				from == "internal/intake" && to == "internal/events" ||
				from == "internal/sweep" && is("internal/intake", "internal/ledger", "internal/events")(to) ||
				from == "internal/telemetry" && is("internal/cache", "internal/httpapi", "internal/intake", "internal/ledger", "internal/sweep")(to) || // whose observers it has
				from == "internal/httpapi" && (under("graph")(to) || is("resolvers", "schema", "internal/playground", "internal/persisted", "internal/budget", "internal/responses", "internal/cache",
					"internal/intake", "internal/events")(to))
		}},
}

// TestImports executes the rules over every package of the module, tests left out.
func TestImports(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...")
	cmd.Stderr = new(strings.Builder)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, cmd.Stderr)
	}
	short := func(p string) string {
		if p == module {
			return ""
		}
		return strings.TrimPrefix(p, module+"/")
	}
	packages := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; packages++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		from := short(p.ImportPath)
		for _, imported := range p.Imports {
			if !strings.Contains(imported, ".") {
				continue // the standard library
			}
			to := short(imported)
			for _, r := range rules {
				if r.from(from) && r.to(to) && (r.unless == nil || !r.unless(from, to)) {
					t.Errorf("%q imports %q: %s", from, to, r.why)
				}
			}
		}
	}
	if packages < 15 {
		t.Errorf("only %d packages were looked at", packages)
	}
}
