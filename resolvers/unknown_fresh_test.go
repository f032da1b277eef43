package resolvers_test

import (
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// TestListsAfterUnknownOutcome makes each kind of commission, of which the answer is lost.
// The list, which was read before, is read anew: no time has passed, and the commission is
// seen.
func TestListsAfterUnknownOutcome(t *testing.T) {
	sequential(t)
	tried := 0
	for _, r := range rows() {
		if r.mutation != providers.CanCreateCommission {
			continue
		}
		tried++
		w, p := r.sole(t, setup{})
		before := len(w.rowsOf("commissions", "createdAt"))
		w.failWrite(r.vendor, sandbox.Fault{After: true})
		if _, a := w.write(r.mutation, p.fields, newKey, p.input); a.code() != "OUTCOME_UNKNOWN" {
			t.Fatalf("%s: %s", r.vendor, clipped(a.text))
		}
		if after := len(w.rowsOf("commissions", "createdAt")); after <= before {
			t.Errorf("%s %s: %d commissions before and %d after", r.vendor, r.also, before, after)
		}
	}
	if tried == 0 {
		t.Error("nothing was tried")
	}
}
