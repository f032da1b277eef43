package resolvers_test

import (
	"flag"
	"math/rand/v2"
	"testing"
)

var plannedDocuments = flag.Int("planned-documents", 25, "how many documents TestPlannedCalls asks")

// TestPlannedCalls asks random documents of servers that have read nothing: one that has
// learnt of the vendors' lists from the documents before, and new ones. No document spends
// more calls than were planned, and the plan is within a factor of two and one call. Where
// a vendor fails, calls are made again, and more may be spent: no plan foresees that.
func TestPlannedCalls(t *testing.T) {
	sequential(t)
	l := newLookWorlds(t, lookKinds[0])
	answered, refused := 0, 0
	for seed := *lookSeed; seed < *lookSeed+uint64(*plannedDocuments); seed++ {
		q := lookQuery{r: rand.New(rand.NewPCG(seed, 7)), accounts: l.accounts, ids: l.ids, known: l.known, roots: l.kind.roots}
		text := q.document()
		l.shelves[l.bound].set(nil)
		for name, w := range map[string]*world{"experienced": l.bound, "new": newWorld(t, l.setup(boundCalls, l.looks, nil))} {
			a := w.ask(text, nil)
			if a.refused() {
				refused++
				continue
			}
			answered++
			if c := a.Extensions.Cost; c.Spent > c.Planned || c.Planned > 2*c.Spent+1 {
				t.Errorf("-look-seed %d, %s server: %d calls planned, %d spent: %s%s", seed, name, c.Planned, c.Spent, text, a.calls())
			}
		}
	}
	if refused > answered {
		t.Errorf("%d answered, %d refused", answered, refused)
	}
}
