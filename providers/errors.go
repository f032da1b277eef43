package providers

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what went wrong, in the terms that decide what to do next.
type Kind string

// The kinds of error.
const (
	KindUnknown      Kind = "unknown"      // a defect of ours
	KindUnauthorized Kind = "unauthorized" // the vendor refused the key, or the key may not do this
	KindNotFound     Kind = "not_found"    // the record is not there
	KindInvalid      Kind = "invalid"      // the vendor refused the request's content
	KindConflict     Kind = "conflict"     // taken, or in the wrong state
	KindRateLimited  Kind = "rate_limited" // over the budget, ours or the vendor's; try again after RetryAfter
	KindUnavailable  Kind = "unavailable"  // not reached, timed out, or a 5xx; try again
	KindBadReply     Kind = "bad_reply"    // the vendor answered something that cannot be understood
	KindUnsupported  Kind = "unsupported"  // the vendor does not have this
	KindCanceled     Kind = "canceled"     // the caller gave up
)

// Retryable says whether the same read may succeed later without anything being changed.
func (k Kind) Retryable() bool { return k == KindRateLimited || k == KindUnavailable }

// Error is the error of a provider. Its text may hold what the vendor said and is meant for the
// log; clients are shown a sentence made from the Kind.
type Error struct {
	Account    string // the account's id
	Provider   string // the vendor's word in the configuration
	Op         string // what was tried: "GET /referrals"
	Kind       Kind
	Status     int                 // the HTTP status, 0 where there was none
	Sent       bool                // of a write: it may have reached the vendor
	RetryAfter time.Duration       // 0 where nobody said
	Fields     map[string][]string // what the vendor said of single fields, in the vendor's spelling
	Err        error
}

// Error says where, what and why.
func (e *Error) Error() string {
	s := fmt.Sprintf("account %s: %s: %s", e.Account, e.Op, e.Kind)
	if e.Status != 0 {
		s += fmt.Sprintf(" (status %d)", e.Status)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of the first [*Error] in err's tree; KindUnknown where there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindUnknown
}
