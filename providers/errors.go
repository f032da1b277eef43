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
	KindUnauthorized Kind = "unauthorized" // the vendor refused the key, or its account may not do this
	KindNotFound     Kind = "not_found"    // the record is not there
	KindInvalid      Kind = "invalid"      // the vendor refused the request's content
	KindConflict     Kind = "conflict"     // taken, or in the wrong state
	KindRateLimited  Kind = "rate_limited" // over the budget, ours or the vendor's; try again after RetryAfter
	KindUnavailable  Kind = "unavailable"  // not reached, timed out, or a 5xx; try again
	KindBadReply     Kind = "bad_reply"    // the vendor answered something that cannot be understood
	KindUnsupported  Kind = "unsupported"  // the vendor does not have this
	KindCanceled     Kind = "canceled"     // the caller gave up
	KindAllowance    Kind = "allowance"    // not called: the request has made all the calls that it may make
)

// Retryable says whether the same read may succeed later without anything being changed.
func (k Kind) Retryable() bool { return k == KindRateLimited || k == KindUnavailable }

// Error is the error of a provider. Its text may hold what the vendor said and is meant for the
// log; clients are shown a sentence made from the Kind.
//
// The HTTP client of the vendors sets Unsent, and Refused where the vendor's contract
// documents the reply. A write that failed with neither may have been made.
type Error struct {
	Account    string // the account's id
	Provider   string // the vendor's word in the configuration
	Op         string // what was tried: "GET /referrals"
	Kind       Kind
	Status     int                 // the HTTP status, 0 where there was none
	Unsent     bool                // no connection was handed the request: nothing can have been done
	Refused    bool                // of a write: the vendor refused it by a documented reply: nothing was done
	RetryAfter time.Duration       // 0 where nobody said
	Fields     map[string][]string // what the vendor said of single fields, in the vendor's spelling
	Err        error
}

// Retryable says whether the same read may succeed later without anything being changed.
func (e *Error) Retryable() bool { return e.Kind.Retryable() || errors.Is(e, ErrPageRefused) }

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

// Cause is an error in the program's own words. Unlike what a vendor said, it may be shown
// to whoever looks after an account.
type Cause string

func (c Cause) Error() string { return string(c) }

// ErrEdge says that a reply came from the vendor's edge network, not from its API.
const ErrEdge Cause = "the vendor's edge (bot protection) answered, not the API"

// ErrPageRefused says that the vendor refused a page behind the first one of a list. The
// list has not ended there, as the page behind the last is documented to be empty: reading
// may go on later.
const ErrPageRefused Cause = "the vendor refuses a page behind the first one"

// ErrPayment says that the vendor answered 402: it serves this account, or this operation,
// only once somebody has paid for it.
const ErrPayment Cause = "the vendor asks for a payment before it serves this"

// NothingWritten says whether the error of a write proves that nothing was written: the input was
// refused ([Problems]), the request was not sent, or the vendor refused it by a documented reply.
func NothingWritten(err error) bool {
	if errors.As(err, new(Problems)) {
		return true
	}
	var e *Error
	return errors.As(err, &e) && (e.Unsent || e.Refused)
}

// KindOf is the kind of the first [*Error] in err's tree; KindUnknown where there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindUnknown
}
