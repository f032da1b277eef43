package providers

import "time"

// Attempt is one attempt to call a vendor, which was sent or held back.
type Attempt struct {
	Account string        // the account's id
	Op      string        // the endpoint's template, its method first: "GET /affiliates/{id}"
	Outcome string        // OutcomeOK, OutcomeHeld or the Kind of the error
	Sent    bool          // a request was sent to the vendor
	Number  int           // 1 for the first attempt of a call
	Asked   bool          // the account's budget was asked for a place
	Waited  time.Duration // for this place
	Took    time.Duration // the exchange with the vendor; 0 where nothing was sent
}

// The outcomes of an attempt beside the [Kind] of its error.
const (
	OutcomeOK   = "OK"
	OutcomeHeld = "HELD" // an open circuit breaker held it back
)

// Observer is told of each attempt to call a vendor when it has ended, for metrics. It is
// called by many goroutines at once, and returns at once.
type Observer func(Attempt)
