package rest

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// record reads one record of an endpoint.
func (f *fixture) record(t *testing.T, id string) error {
	return f.Get(t.Context(), Request{Op: "GET /things/{id}", Path: "/things/" + id, Into: new(any)})
}

// TestSickRecord: one record whose reads fail is held back, and the other records of its
// endpoint are read. Failures of two records close the endpoint.
func TestSickRecord(t *testing.T) {
	sick := []string{"1"}
	vendor := &vendor{}
	ask := map[string]int{}
	vendor.answer = func(n int, r *http.Request) (*http.Response, error) {
		id := r.URL.Path[len("/things/"):]
		ask[id]++
		if slices.Contains(sick, id) {
			return replied(500, "{}"), nil
		}
		return replied(200, "{}"), nil
	}
	bubble(t, vendor, 10*time.Second, func(t *testing.T, f *fixture) {
		// sent says how many calls a read takes, and whether it ends well.
		sent := func(id string, calls int, well bool) {
			t.Helper()
			before := ask[id]
			if err := f.record(t, id); (err == nil) != well || ask[id]-before != calls {
				t.Errorf("%v after %d calls to record %s; want %d calls, well: %v", err, ask[id]-before, id, calls, well)
			}
		}
		sent("1", maxAttempts, false)
		sent("1", maxFailures-maxAttempts, false)
		for range 2 {
			sent("1", 0, false)
			sent("2", 1, true)
		}
		time.Sleep(failureDelay)
		sent("1", 1, false) // the trial
		sent("1", 0, false)
		sent("2", 1, true)

		sick = []string{"1", "2"}
		sent("2", 1, false) // another record: it is the endpoint
		sent("3", 0, false)
		time.Sleep(failureDelay)
		sent("1", 1, false) // its trial does not decide for the others
		sent("3", 1, true)
		sick = nil
		sent("1", 0, false)
		time.Sleep(failureDelay)
		for _, id := range []string{"1", "2", "3"} {
			sent(id, 1, true)
		}
	})
}
