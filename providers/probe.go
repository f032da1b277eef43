package providers

import "context"

// MaxProbeCalls is the most calls that one probe of an account makes, retries included.
const MaxProbeCalls = 12

// Prober is a [Provider] whose vendor leaves questions open: the program assumes something about
// the API that the vendor does not document. It is optional.
type Prober interface {
	// Probe answers the open questions by reading from the live account. It sends GET requests
	// only, and at most [MaxProbeCalls]. The answers hold no value of any reply.
	Probe(ctx context.Context) Probe
}

// Probe is what one account showed about its vendor's open questions.
type Probe struct {
	Calls    int // that were made
	Findings []Finding
}

// Finding is the answer to one open question.
type Finding struct {
	Name     string // "payment-referrals"
	Question string // "Do paid payments name their referrals?"
	Reads    []ProbeRead
	Answer   Answer
	Reason   string // why the answer is not AsAssumed; "" if it is
}

// Answer says how a reply compares to what the program assumes.
type Answer string

// The answers to an open question.
const (
	AsAssumed    Answer = "as assumed"
	NotAsAssumed Answer = "not as assumed"
	NotAnswered  Answer = "not answered"
)

// ProbeRead is one read that a question was answered by.
type ProbeRead struct {
	// Operation is the request. A parameter that was taken from another reply is a placeholder:
	// "GET /commissions?affiliate_id={id}&limit=100".
	Operation string
	Status    int      // of the reply; 0 if there was none
	Members   []Member // of the reply, in its order; nil if it is not JSON
	Shared    bool     // an earlier question made the same read, whose Members are the same
}

// Member is a place in JSON where a reply has values. Equal places in the rows of a list are one
// Member: "data[].affiliate.email".
type Member struct {
	Path string // "" for the whole reply
	// Types counts the values by their JSON type: "array", "boolean", "null", "number", "object"
	// and "string".
	Types map[string]int
	// Unnamed counts the members of objects at this place whose names are not shown. A name may
	// be a value of a customer's.
	Unnamed int
}
