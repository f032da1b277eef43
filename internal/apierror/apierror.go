// Package apierror holds what a client is told when something fails: the code, the text,
// and the id of the request. It knows neither GraphQL nor HTTP, so that both may use it.
package apierror

import (
	"context"
	"fmt"
)

// Code is extensions.code of an error: what a client's program decides by.
type Code string

// The codes.
const (
	Unauthenticated      Code = "UNAUTHENTICATED"
	Forbidden            Code = "FORBIDDEN"
	NotFound             Code = "NOT_FOUND"
	BadUserInput         Code = "BAD_USER_INPUT"
	BadCursor            Code = "BAD_CURSOR"
	Unsupported          Code = "UNSUPPORTED"
	RateLimited          Code = "RATE_LIMITED"
	UpstreamUnavailable  Code = "UPSTREAM_UNAVAILABLE"
	UpstreamError        Code = "UPSTREAM_ERROR"
	UpstreamUnauthorized Code = "UPSTREAM_UNAUTHORIZED"
	OutcomeUnknown       Code = "OUTCOME_UNKNOWN"
	IdempotencyConflict  Code = "IDEMPOTENCY_CONFLICT"
	TooComplex           Code = "QUERY_TOO_COMPLEX"
	Overloaded           Code = "OVERLOADED"
	Internal             Code = "INTERNAL"
	StreamGap            Code = "STREAM_GAP"
	StreamEnded          Code = "STREAM_ENDED"
)

// Codes are all codes.
var Codes = []Code{
	Unauthenticated, Forbidden, NotFound, BadUserInput, BadCursor, Unsupported, RateLimited, UpstreamUnavailable, UpstreamError,
	UpstreamUnauthorized, OutcomeUnknown, IdempotencyConflict, TooComplex, Overloaded, Internal, StreamGap, StreamEnded,
}

// Error is an error whose text is written for clients. Any other error is shown to them as
// "internal error".
type Error struct {
	Code       Code
	Text       string
	Extensions map[string]any // beside the code; may be nil
}

func (e *Error) Error() string { return e.Text }

// BadInput makes an error about something that the client sent.
func BadInput(format string, args ...any) error {
	return &Error{Code: BadUserInput, Text: fmt.Sprintf(format, args...)}
}

type requestIDKey struct{}

// WithRequestID is ctx with the id of the HTTP request, which every error repeats.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID is the id of the HTTP request; "" where there is none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
