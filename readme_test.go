package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/schema"
)

var update = flag.Bool("update", false, "write to README.md what it shows of the code")

// checkREADME holds what README.md has between two marks, `<!-- name -->` and `<!-- /name -->`, against what the code makes of it.
func checkREADME(t *testing.T, name, want string) {
	t.Helper()
	text := read(t, "README.md")
	before, rest, _ := strings.Cut(text, "<!-- "+name+" -->\n")
	got, after, ok := strings.Cut(rest, "<!-- /"+name+" -->")
	if !ok {
		t.Fatalf("README.md has no place for %s", name)
	}
	if *update {
		text = before + "<!-- " + name + " -->\n" + want + "<!-- /" + name + " -->" + after
		if err := os.WriteFile("README.md", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("README.md shows %s as it is not; go test -run %s -update . writes it (-code +README)\n%s", name, t.Name(), diff)
	}
}

// proofWords are what the table of proofs has for each kind.
var proofWords = map[providers.ProofBy]string{
	providers.ProofEmail: "e-mail", providers.ProofCode: "code", providers.ProofEventID: "event id", providers.ProofOrder: "order", providers.ProofURL: "URL",
	providers.ProofState: "state", providers.ProofNone: "**nothing**",
}

// noun is how each Proof.Look has to begin, as it stands behind "look at".
var noun = regexp.MustCompile(`^(the|how many|[A-Z]\w+'s) .*[^.?]$`)

// proofsOf says what proves a vendor's mutation, one piece of text for each of its cases.
func proofsOf(t *testing.T, vendor string, proofs []providers.Proof, m providers.Capability) (cases []string) {
	t.Helper()
	for _, proof := range proofs {
		if proof.Mutation != m {
			continue
		}
		if proofWords[proof.By] == "" || !noun.MatchString(proof.Look) {
			t.Errorf("%s, %s: a kind of proof without a word, or no noun phrase to look at: %+v", vendor, m, proof)
		}
		text := proofWords[proof.By]
		if proof.When != "" {
			text = proof.When + ": " + text
		}
		if proof.By == providers.ProofNone {
			text += "; look at " + proof.Look
		}
		cases = append(cases, text)
	}
	return cases
}

// mutations are the schema's, as it has them in Capability, and under the names that their capabilities have.
func mutations(t *testing.T) (capabilities []providers.Capability, names map[providers.Capability]string) {
	t.Helper()
	s := schema.Parsed()
	names = map[providers.Capability]string{}
	capital := regexp.MustCompile(`[A-Z]`)
	for _, f := range s.Mutation.Fields {
		names[providers.Capability(strings.ToUpper(capital.ReplaceAllString(f.Name, "_$0")))] = f.Name
	}
	for _, v := range s.Types["Capability"].EnumValues {
		if c := providers.Capability(v.Name); names[c] != "" {
			capabilities = append(capabilities, c)
		}
	}
	if len(capabilities) != len(names) {
		t.Fatalf("of %d mutations %d have a capability", len(names), len(capabilities))
	}
	return capabilities, names
}

// TestProofs wants README's table of what proves a write to be what the vendors' folders say, and both to have just the mutations that accounts are capable of.
func TestProofs(t *testing.T) {
	capabilities, names := mutations(t)
	head, rule := "| mutation |", "|---|"
	rows := make([]string, len(capabilities))
	for i, c := range capabilities {
		rows[i] = fmt.Sprintf("| `%s` |", names[c])
	}
	for _, f := range all.Registry().Factories() {
		sim := f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Now: time.Now})
		p, err := f.New(providers.Config{Account: f.Name, Name: f.Title, Currency: sim.Currency(), Credentials: sim.Credentials(), Timeout: time.Second, HTTP: http.DefaultClient,
			Logger: slog.New(slog.DiscardHandler), Budget: budget.New(f.Limit, f.Window, time.Now), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		head, rule = head+" "+f.Title+" |", rule+"---|"
		for i, c := range capabilities {
			cases := proofsOf(t, f.Title, p.Proofs(), c)
			if able := slices.Contains(p.Account().Capabilities, c); able != (len(cases) > 0) {
				t.Errorf("%s, %s: capable %t, proofs %q", f.Title, c, able, cases)
			}
			if cases == nil {
				cases = []string{"–"}
			}
			rows[i] += " " + strings.Join(cases, "<br>") + " |"
		}
	}
	checkREADME(t, "proofs", head+"\n"+rule+"\n"+strings.Join(rows, "\n")+"\n")
}

// TestWriteExample sends README's example of a mutation to the sandbox, and wants the answer that stands below it.
func TestWriteExample(t *testing.T) {
	m := regexp.MustCompile("(?s) -d '(\\{\n +\"query\": \"mutation.*?)'\n```\n\n```json\n(.*?)```").FindStringSubmatch(read(t, "README.md"))
	if m == nil {
		t.Fatal("README.md has no mutation by curl and its answer")
	}
	base := start(t, "--listen", "127.0.0.1:0").stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/graphql", strings.NewReader(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	_, body := do(t, r)
	var got, want any
	if err := errors.Join(json.Unmarshal([]byte(body), &got), json.Unmarshal([]byte(m[2]), &want)); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the answer (-README +server)\n%s", diff)
	}
}

// TestLimitsTable wants a row of README's table of bounds for each limit there is, with its default, and for the other keys
// that bound what a viewer may take.
func TestLimitsTable(t *testing.T) {
	rows := map[string]string{} // the default by the key
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z._]+)` \\| ([^|]+) \\|").FindAllStringSubmatch(read(t, "README.md"), -1) {
		rows[m[1]] = m[2]
	}
	limits := reflect.ValueOf(config.Default().Limits)
	for i := range limits.NumField() {
		key, want := "limits."+strings.ToLower(limits.Type().Field(i).Name), fmt.Sprint(limits.Field(i))
		if rows[key] != want {
			t.Errorf("README has the default %q of %s, want %q", rows[key], key, want)
		}
	}
	for _, key := range []string{"redis.replicas", "cursors.key", "cursors.previous"} {
		if rows[key] == "" {
			t.Errorf("README does not describe %s", key)
		}
	}
}
