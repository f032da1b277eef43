package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/schema"
)

// proofWords are what the table of proofs has for each kind.
var proofWords = map[providers.ProofBy]string{
	providers.ProofEmail: "e-mail", providers.ProofCode: "code", providers.ProofEventID: "event id",
	providers.ProofOrder: "order", providers.ProofURL: "URL", providers.ProofState: "state", providers.ProofNone: "**nothing**",
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

// mutations are the schema's, as it has them in Capability, and under the names that their
// capabilities have.
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

// TestDocsVendors requires each vendor's page to show what proves its mutations, which
// capabilities it lacks and which questions are open, as its folder says. An account must
// be capable of exactly the mutations that have a proof.
func TestDocsVendors(t *testing.T) {
	capabilities, names := mutations(t)
	for _, f := range all.Registry().Factories() {
		sim := f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Now: time.Now})
		p, err := f.New(providers.Config{
			Account: f.Name, Name: f.Title, Currency: sim.Currency(), Credentials: sim.Credentials(),
			Timeout: 10 * time.Second, BaseURL: "http://vendor.example", HTTP: &http.Client{Transport: unwired{sim}},
			Logger: slog.New(slog.DiscardHandler), Budget: budget.New(f.Limit, f.Window, time.Now), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		able := p.Account().Capabilities
		table := "| mutation | its outcome is proven by |\n|---|---|\n"
		for _, c := range capabilities {
			cases := proofsOf(t, f.Title, p.Proofs(), c)
			if slices.Contains(able, c) != (len(cases) > 0) {
				t.Errorf("%s, %s: capable %t, proofs %q", f.Title, c, slices.Contains(able, c), cases)
			}
			if cases != nil {
				table += fmt.Sprintf("| `%s` | %s |\n", names[c], strings.Join(cases, "<br>"))
			}
		}
		page := "docs/vendors/" + f.Name + ".md"
		checkGenerated(t, page, "proofs", table)
		var absent []string
		for _, v := range schema.Parsed().Types["Capability"].EnumValues {
			if !slices.Contains(able, providers.Capability(v.Name)) {
				absent = append(absent, "`"+v.Name+"`")
			}
		}
		checkGenerated(t, page, "absent", strings.Join(absent, ", ")+"\n")
		questions := ""
		if prober, ok := p.(providers.Prober); ok {
			for _, found := range prober.Probe(t.Context()).Findings {
				questions += fmt.Sprintf("- `%s`: %s\n", found.Name, found.Question)
			}
		}
		checkGenerated(t, page, "questions", questions)
	}
}
