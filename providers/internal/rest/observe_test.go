package rest

import (
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// TestObservedWaits wants an attempt to say whether it asked the account's budget for a
// place: those that the breaker or the allowance held back did not, and so waited for none.
func TestObservedWaits(t *testing.T) {
	v := &vendor{answer: unreachable}
	bubble(t, v, time.Minute, func(t *testing.T, f *fixture) {
		var attempts []providers.Attempt
		f.c.Observe = func(a providers.Attempt) { attempts = append(attempts, a) }
		for range 3 {
			_ = f.read(t, "/a")
		}
		held := 0
		for _, a := range attempts {
			if a.Outcome == providers.OutcomeHeld {
				held++
			}
			if a.Asked == (a.Outcome == providers.OutcomeHeld) {
				t.Errorf("%s: asked %v", a.Outcome, a.Asked)
			}
		}
		if held == 0 || held == len(attempts) {
			t.Errorf("%d of %d attempts were held back", held, len(attempts))
		}
		attempts = nil
		f.c.Observe = func(a providers.Attempt) { attempts = append(attempts, a) }
		time.Sleep(time.Hour)
		ctx := providers.WithAllowance(t.Context(), 0)
		if err := f.Get(ctx, Request{Op: "GET /a", Path: "/a", Into: new(any)}); err == nil || len(attempts) != 1 || attempts[0].Asked {
			t.Errorf("without a call left: %v, %+v", err, attempts)
		}
	})
}
