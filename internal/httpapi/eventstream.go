package httpapi

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httputil"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// eventStreamType is the media type of server-sent events.
const eventStreamType = "text/event-stream"

// maxIgnored is how many bytes a client may send behind the request of a stream, where nothing
// is expected, before the stream ends.
const maxIgnored = 4 << 10

// wantsEvents says whether a request is for server-sent events: its header Accept names them,
// and no media type of JSON that it wants as much. Some clients name both for queries. See
// https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md.
func wantsEvents(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodPost || size(r.Header["Accept"]) > maxAccept {
		return false
	}
	var events, answer float64
	for name, weight := range mediaRanges(r.Header["Accept"]) {
		switch name {
		case eventStreamType:
			events = max(events, weight)
		case graphqlResponse, plainJSON:
			answer = max(answer, weight)
		}
	}
	return events > answer
}

// ServeHTTP answers by server-sent events: a stream for each operation.
func (s streams) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if out, ok := r.Context().Value(sinkKey{}).(sink); ok {
		s.answer(w, r, func() sink { return out })
		return
	}
	if reserves(r) {
		s.serveReserved(w, r)
		return
	}
	s.answer(w, r, func() sink { return openEvents(w) })
}

type sinkKey struct{}

// eventStream sends the results of an operation as server-sent events.
type eventStream struct {
	w       io.Writer
	control *http.ResponseController
	conn    *gathered // that w writes to, once the stream has gone on behind its request; nil before
	waiting bool      // for flush
}

// openEvents begins an answer of server-sent events.
func openEvents(w http.ResponseWriter) *eventStream {
	e := &eventStream{w: w, control: http.NewResponseController(w)}
	w.Header().Set("Content-Type", eventStreamType+"; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no")  // of proxies: events are sent as they come
	_ = e.control.SetReadDeadline(time.Time{}) // the request was read, and its end is that of the client
	w.WriteHeader(http.StatusOK)
	_ = e.beat()
	return e
}

// write writes an event, which may wait in a buffer until flush.
func (e *eventStream) write(parts ...[]byte) error {
	if !e.waiting {
		if e.waiting = true; e.conn != nil {
			e.conn.hold()
		} else {
			_ = e.control.SetWriteDeadline(time.Now().Add(sendTime)) // tests' writers have none
		}
	}
	for _, part := range parts {
		if _, err := e.w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// send sends an event, and what waits before it.
func (e *eventStream) send(parts ...[]byte) error {
	if err := e.write(parts...); err != nil {
		return err
	}
	return e.flush()
}

func (e *eventStream) flush() error {
	if !e.waiting {
		return nil
	}
	if e.waiting = false; e.conn != nil {
		return e.conn.release()
	}
	return e.control.Flush()
}

// goOn takes the connection out of the server, where that is possible: in HTTP/1.1. The answer
// has begun as net/http sends one whose length is not known: in chunks. See
// https://www.rfc-editor.org/rfc/rfc9112#section-7.1. The connection ends with the stream.
func (e *eventStream) goOn(ctx context.Context, r *http.Request) (context.Context, func(), bool) {
	if r.ProtoMajor != 1 || r.ProtoMinor < 1 {
		return nil, nil, false
	}
	conn, _, err := e.control.Hijack()
	if err != nil {
		return nil, nil, false
	}
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	e.conn, e.control = &gathered{Conn: conn}, nil // which holds the server's buffers
	chunks := httputil.NewChunkedWriter(e.conn)
	e.w = chunks
	go func() {
		defer end()
		var ignored [64]byte
		for n := 0; n < maxIgnored; {
			read, err := conn.Read(ignored[:])
			if err != nil {
				return
			}
			n += read
		}
	}()
	return ctx, func() {
		defer end()
		_ = chunks.Close()
		_, _ = e.conn.Write([]byte("\r\n")) // no trailers follow
		_ = e.conn.Close()
	}, true
}

func (e *eventStream) next(parts ...[]byte) error {
	text := make([][]byte, 0, len(parts)+2)
	text = append(text, []byte("event: next\ndata: "))
	for _, part := range parts {
		if bytes.ContainsAny(part, "\r\n") { // white space of JSON, which would end the line
			part = bytes.Map(func(r rune) rune {
				if r == '\r' || r == '\n' {
					return ' '
				}
				return r
			}, part)
		}
		text = append(text, part)
	}
	return e.write(append(text, []byte("\n\n"))...)
}

func (e *eventStream) fail(errs gqlerror.List) {
	parts, _, _ := encode(&graphql.Response{Errors: errs}, math.MaxInt64)
	if e.next(parts...) == nil {
		e.complete()
	}
}

func (e *eventStream) complete() { _ = e.send([]byte("event: complete\ndata:\n\n")) }

func (e *eventStream) beat() error { return e.send([]byte(":\n\n")) }
