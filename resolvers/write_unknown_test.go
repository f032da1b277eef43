package resolvers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// settle is more than the ledger waits for what may still land.
const settle = 30 * time.Second

// failWrite does this to the next call that writes.
func (w *world) failWrite(vendor string, f sandbox.Fault) {
	failed := false
	w.kits[vendor].Choose(func(r *http.Request) (sandbox.Fault, bool) {
		if failed || r.Method == http.MethodGet {
			return sandbox.Fault{}, false
		}
		failed = true
		return f, true
	})
}

// landed are the writes that the vendor did, whether or not anybody was told.
func landed(calls []sandbox.Request) (n int) {
	for _, r := range calls {
		if r.Method != http.MethodGet && r.Done/100 == 2 {
			n++
		}
	}
	return n
}

// TestUnanswered cuts the answer off each write, which was made or was not. Whoever asks
// again is told the truth, once it can be found out.
func TestUnanswered(t *testing.T) {
	sequential(t)
	for name, fault := range map[string]sandbox.Fault{
		"cut after the work": {After: true}, "cut before": {}, "an error after the work": {Status: http.StatusBadGateway, After: true},
	} {
		t.Run(name, func(t *testing.T) {
			eachRow(t, func(t *testing.T, r row) {
				w, p := r.sole(t, setup{})
				w.failWrite(r.vendor, fault)
				for _, wait := range []time.Duration{0, time.Second} { // the second comes before the time to settle is over
					w.pass(wait)
					got, a := w.write(r.mutation, p.fields, newKey, p.input)
					if got != nil || a.code() != "OUTCOME_UNKNOWN" {
						t.Fatalf("%s", clipped(a.text))
					}
					after, timed := a.Errors[0].Extensions["retryAfter"].(float64)
					if a.Errors[0].Extensions["retryable"] != !p.blind || timed == p.blind || timed && (after < 1 || after > 20) {
						t.Errorf("how to go on: %v", a.Errors[0].Extensions)
					}
					w.checkUnknown(r, p, a.Errors[0].Message)
				}
				w.pass(settle)
				if p.blind {
					for range 2 {
						if got, a := w.write(r.mutation, p.fields, newKey, p.input); got != nil || a.code() != "OUTCOME_UNKNOWN" || a.Errors[0].Extensions["retryable"] != false {
							t.Errorf("for ever unknown: %s", clipped(a.text))
						} else {
							w.checkUnknown(r, p, a.Errors[0].Message)
						}
						w.pass(48 * time.Hour) // longer than outcomes are kept
					}
				} else {
					made := w.made(r, p, newKey)
					w.checkAudit(r, p, "outcome=made replayed=false id="+made.id())
					w.made(r, p, newKey)
					w.checkAudit(r, p, "outcome=made replayed=true id="+made.id())
				}
				all, writes := w.taken(r.vendor)
				if want := btoi(fault.After || !p.blind); landed(all) != want {
					t.Errorf("it was made %d times, want %d:%s", landed(all), want, lined(all))
				}
				if want := 1 + btoi(!fault.After && !p.blind); len(writes) != want {
					t.Errorf("it was sent %d times, want %d:%s", len(writes), want, lined(all))
				}
			})
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// checkUnknown wants the message to say what to do, and the audit what became of it.
func (w *world) checkUnknown(r row, p play, message string) {
	w.t.Helper()
	want := "send the same mutation with the same idempotencyKey again"
	if p.blind {
		want = "look at "
		for _, proof := range w.accounts[r.vendor].Proofs() {
			if proof.Mutation == r.mutation && proof.By == providers.ProofNone {
				want = proof.Look
			}
		}
	}
	if !strings.Contains(message, want) {
		w.t.Errorf("the message is %q, want it to say %q", message, want)
	}
	w.checkAudit(r, p, "outcome=unknown")
}
