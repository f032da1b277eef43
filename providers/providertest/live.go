package providertest

import (
	"slices"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// Moving is a simulator whose world can move by itself.
type Moving interface {
	sandbox.Mover
	Webhooks() *sandbox.Webhooks
}

// Live is the suite of worlds that move by themselves: each step is a change that the
// simulator logs, equal seeds make equal changes, and the rows stop growing. make makes equal
// simulators; rows are the customers and commissions of one. It answers one that has moved.
func Live[S Moving](t *testing.T, make func() S, rows func(S) int) S {
	t.Helper()
	run := func(s S, l *sandbox.Live, steps int) []sandbox.Change {
		for range steps {
			before := len(s.Webhooks().Log())
			if l.Step(); len(s.Webhooks().Log()) == before {
				t.Fatalf("a step changes nothing behind %d changes", before)
			}
		}
		return s.Webhooks().Log()
	}
	s, again := make(), make()
	l := sandbox.NewLive(5, s)
	log := run(s, l, 100)
	if equal := run(again, sandbox.NewLive(5, again), 100); !slices.Equal(log, equal) {
		t.Error("equal seeds make other changes")
	}
	again = make()
	if other := run(again, sandbox.NewLive(6, again), 100); slices.Equal(log, other) {
		t.Error("another seed makes the same changes")
	}
	nouns, told := map[providers.Noun]bool{}, 0
	for _, c := range log {
		nouns[c.Noun] = true
		if c.Event != "" {
			told++
		}
	}
	if !nouns[providers.NounReferral] || told < len(log)*3/4 {
		t.Errorf("%d of %d changes, of %v, are told by webhooks", told, len(log), nouns)
	}
	before := rows(s)
	run(s, l, 2*sandbox.MaxAdded)
	full := rows(s)
	if full < before+sandbox.MaxAdded/2 {
		t.Errorf("%d rows become %d: that proves little", before, full)
	}
	if run(s, l, 200); rows(s) != full {
		t.Errorf("the world grows from %d rows to %d though it is full", full, rows(s))
	}
	return s
}
