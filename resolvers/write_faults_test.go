package resolvers_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// slowRows is one in how many writes meets a fault that lasts until the client's timeout.
// The timeout is real time.
const slowRows = 12

// TestWriteFaults has the vendor answer each write in every way that does not settle it. Whoever
// asks with the same key is told in the end what is true, and nothing is made twice.
func TestWriteFaults(t *testing.T) {
	sequential(t)
	for n, name := range slices.Sorted(maps.Keys(sandbox.WriteFaults)) {
		fault, row := sandbox.WriteFaults[name], n
		t.Run(name, func(t *testing.T) {
			for _, r := range rows() {
				row++
				s := setup{}
				if fault.Slow() {
					if s.timeout = time.Second; row%slowRows != 0 {
						continue
					}
				}
				t.Run(strings.TrimSpace(r.vendor+" "+string(r.mutation)+" "+r.also), func(t *testing.T) {
					t.Parallel()
					checkWriteFault(t, r, s, fault, strings.HasSuffix(name, "not done"))
				})
			}
		})
	}
}

// checkWriteFault makes one write that meets a fault.
func checkWriteFault(t *testing.T, r row, s setup, fault sandbox.Fault, notDone bool) {
	w, p := r.sole(t, s)
	w.failWrite(r.vendor, fault)
	settled := false
	for range 2 { // the second comes before the time to settle is over
		got, a := w.write(r.mutation, p.fields, newKey, p.input)
		switch settled = a.code() == "" && got != nil && len(got.UserErrors) == 0; {
		case settled && notDone:
			t.Errorf("told that it was made, and it was not: %s", clipped(a.text))
		case !settled && a.code() != "OUTCOME_UNKNOWN":
			t.Fatalf("%s", clipped(a.text))
		}
		w.pass(time.Second)
	}
	w.pass(settle)
	switch got, a := w.write(r.mutation, p.fields, newKey, p.input); {
	case a.code() == "" && got != nil && len(got.UserErrors) == 0:
		settled = true
	case settled || !p.blind || a.code() != "OUTCOME_UNKNOWN" || a.Errors[0].Extensions["retryable"] != false:
		t.Errorf("in the end: %s", clipped(a.text))
	}
	all, _ := w.taken(r.vendor)
	want := btoi(settled || !notDone)
	if landed(all) != want {
		t.Errorf("it was made %d times, want %d:%s", landed(all), want, lined(all))
	}
}
