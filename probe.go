package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/partnergraph/partnergraph/providers"
)

// probeAll asks the open questions of all accounts at once. A vendor without any has an
// empty probe.
func probeAll(ctx context.Context, accounts []providers.Provider) []providers.Probe {
	probes := make([]providers.Probe, len(accounts))
	var wg sync.WaitGroup
	for i, a := range accounts {
		if asker, ok := a.(providers.Prober); ok {
			wg.Go(func() { probes[i] = asker.Probe(ctx) })
		}
	}
	wg.Wait()
	return probes
}

// printProbes writes what the probes found, for people.
func printProbes(w io.Writer, accounts []providers.Provider, probes []providers.Probe) {
	for i, probe := range probes {
		a := accounts[i].Account()
		fmt.Fprintf(w, "\n%s (%s): %d open questions, %d of at most %d calls made\n",
			a.ID.Account, a.Provider.Name, len(probe.Findings), probe.Calls, providers.MaxProbeCalls)
		for _, f := range probe.Findings {
			fmt.Fprintf(w, "\n  %s: %s\n", f.Name, f.Question)
			verdict := string(f.Answer)
			if f.Reason != "" {
				verdict += ": " + f.Reason
			}
			fmt.Fprintf(w, "    verdict: %s\n", verdict)
			for _, r := range f.Reads {
				printRead(w, r)
			}
		}
	}
	fmt.Fprintln(w)
}

// printRead writes a request, and the members of its reply with the number of values of
// each type.
func printRead(w io.Writer, r providers.ProbeRead) {
	status := "no reply"
	if r.Status != 0 {
		status = fmt.Sprint("status ", r.Status)
	}
	switch {
	case r.Shared:
		status += ", as above"
	case r.Status != 0 && r.Members == nil:
		status += ", not JSON"
	}
	fmt.Fprintf(w, "    %s: %s\n", r.Operation, status)
	for _, m := range r.Members {
		var counts []string
		for _, kind := range slices.Sorted(maps.Keys(m.Types)) {
			counts = append(counts, fmt.Sprint(m.Types[kind], " ", kind))
		}
		if m.Unnamed > 0 {
			counts = append(counts, fmt.Sprint(m.Unnamed, " members without names"))
		}
		name := m.Path
		if name == "" {
			name = "(reply)"
		}
		fmt.Fprintf(w, "      %s: %s\n", name, strings.Join(counts, ", "))
	}
}
