package httpapi

import (
	"bytes"
	"context"
	"net/http"
)

// operationSink is the sink of an operation that did not come as a request of its own, but
// over a stream that carries several.
type operationSink interface {
	sink
	done() bool // the client was told the end
	goes() bool // it goes on behind its request
	close()     // nothing runs for the operation any more
}

// runOperation runs an operation as a request of its own, and sends its results to a sink.
func runOperation(ctx context.Context, now *serving, header http.Header, body []byte, out operationSink) {
	refusal := &captured{}
	r := ownRequest(context.WithValue(ctx, sinkKey{}, sink(out)), header, body)
	func() {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		now.operation.ServeHTTP(refusal, r)
	}()
	if !out.goes() {
		finish(out, refusal)
	}
}

// finish ends an operation. refusal is the answer of its request; nil for none.
func finish(out operationSink, refusal *captured) {
	defer out.close()
	switch {
	case out.done():
	case refusal != nil && refusal.status != 0:
		out.fail(refusal.errors())
	default:
		out.complete()
	}
}

// ownRequest is a request for an operation that came in another way than by HTTP alone.
func ownRequest(ctx context.Context, header http.Header, body []byte) *http.Request {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/graphql", bytes.NewReader(body))
	if err != nil {
		panic(err) // nothing of it is the client's
	}
	r.Header = header.Clone()
	r.Header.Set("Content-Type", plainJSON)
	return r
}
