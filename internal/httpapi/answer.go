package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/compress"
)

// answers bound the bytes of an answer while they are written: the executor's data is not
// collected beyond the limit, nor where all answers at once have too many.
type answers struct {
	max  int64 // bytes
	gate *gate // of all answers at once
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationInterceptor
	graphql.RootFieldInterceptor
	graphql.ResponseInterceptor
} = answers{}

// ExtensionName is the name for gqlgen.
func (answers) ExtensionName() string { return "answers" }

// Validate accepts every schema.
func (answers) Validate(graphql.ExecutableSchema) error { return nil }

// room is what the answer of one operation takes in memory while it is made.
type room struct {
	max     int64        // bytes of the answer
	written atomic.Int64 // of these
	refused atomic.Bool  // there was no room for more
	gate    *gate
	ctx     context.Context // of the operation

	mu   sync.Mutex
	pass *pass // nil before the first byte
	free int64 // of the pass, not taken yet
}

// roomStep is how many bytes are taken from the gate at once, at least.
const roomStep = 16 << 10

// take takes room for so many bytes of the executor, and says whether there was. They count
// twice: a buffer that grows has up to twice the bytes that were written to it, and they
// are copied once.
func (r *room) take(bytes int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free -= 2 * bytes
	if r.free >= 0 || r.refused.Load() {
		return !r.refused.Load()
	}
	more := max(roomStep, -r.free)
	ok := true
	if r.pass == nil {
		r.pass = r.gate.enter(r.ctx, more)
		ok = r.pass != nil
	} else {
		ok = r.pass.grow(more)
	}
	r.free += more
	r.refused.Store(!ok)
	return ok
}

// leave gives all room back.
func (r *room) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pass != nil {
		r.pass.leave()
		r.pass = nil
	}
}

type roomKey struct{}

// InterceptOperation gives the operation its count of bytes, and ends its execution where there
// are too many.
func (a answers) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	r := &room{ctx: ctx, max: a.max, gate: a.gate}
	return next(context.WithValue(graph.WithBound(ctx, a.max, r.take), roomKey{}, r))
}

// InterceptRootField counts the bytes of a field of Query or Mutation when they are written.
func (a answers) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	value := next(ctx)
	r, ok := ctx.Value(roomKey{}).(*room)
	if !ok || value == nil || value == graphql.Null || value == graphql.RequiredNull { // which the executor compares
		return value
	}
	return graphql.WriterFunc(func(w io.Writer) {
		value.MarshalGQL(&boundedWriter{w, r})
	})
}

// errAnswerTooLarge ends the writing of data. It is a panic, because a graphql.Marshaler
// has no error.
var errAnswerTooLarge = errors.New("the answer is too large")

// InterceptResponse turns the end of the writing into the error that clients see.
func (a answers) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) (response *graphql.Response) {
	r, _ := ctx.Value(roomKey{}).(*room)
	defer func() {
		p := recover()
		if r != nil {
			r.leave()
		}
		switch {
		case p == nil:
		case p != errAnswerTooLarge:
			panic(p)
		case r.refused.Load():
			response = &graphql.Response{Errors: gqlerror.List{noRoom("limits.load")}}
		default:
			response = &graphql.Response{Errors: gqlerror.List{a.tooLarge(ctx)}}
		}
	}()
	return next(ctx)
}

// tooLarge is the error of an answer beyond the limit.
func (a answers) tooLarge(ctx context.Context) *gqlerror.Error {
	err := exceeded("answer", a.max+1, a.max, "", "the answer has %d bytes or more, and %d are allowed: ask for fewer rows or fields")
	if graphql.HasOperationContext(ctx) {
		if op := graphql.GetOperationContext(ctx).Operation; op != nil && op.Operation == ast.Mutation {
			err.Message += "; the mutation was executed: send it again with the same idempotencyKey and a smaller selection to learn its outcome"
		}
	}
	err.Extensions["requestId"] = apierror.RequestID(ctx)
	return err
}

// boundedWriter counts what is written, and panics with errAnswerTooLarge instead of
// writing too much.
type boundedWriter struct {
	w    io.Writer
	room *room
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	if b.room.written.Add(int64(len(p))) > b.room.max || b.room.refused.Load() {
		panic(errAnswerTooLarge)
	}
	return b.w.Write(p)
}

// Grow makes room for so many bytes, if it is a buffer that is written to.
func (b *boundedWriter) Grow(bytes int) {
	if buffer, ok := b.w.(interface{ Grow(bytes int) }); ok && int64(bytes) <= b.room.max {
		buffer.Grow(bytes)
	}
}

// encode returns the parts of the JSON text of a response, or that it has more than max
// bytes. A response without data, that of a request that was not executed, has no such
// member. The data is not copied: checking and compacting it again would be a good part of
// all work.
func encode(response *graphql.Response, max int64) (parts [][]byte, size int64, ok bool) {
	add := func(text []byte) bool {
		parts = append(parts, text)
		size += int64(len(text))
		return size <= max
	}
	separator := "{"
	member := func(name string) bool {
		text := separator + strconv.Quote(name) + ":"
		separator = ","
		return add([]byte(text))
	}
	if len(response.Errors) > 0 {
		if !member("errors") {
			return nil, size, false
		}
		begin := "["
		for _, err := range response.Errors {
			text, failed := json.Marshal(err)
			if failed != nil {
				continue
			}
			if !add([]byte(begin)) || !add(text) {
				return nil, size, false
			}
			begin = ","
		}
		if begin == "[" {
			add([]byte(begin))
		}
		add([]byte("]"))
	}
	if response.Data != nil {
		member("data")
		if !add(response.Data) {
			return nil, size, false
		}
	}
	if len(response.Extensions) > 0 {
		if text, err := json.Marshal(response.Extensions); err == nil {
			member("extensions")
			add(text)
		}
	}
	if separator == "{" {
		add([]byte("{"))
	}
	ok = add([]byte("}"))
	return parts, size, ok
}

// send writes a response of size bytes, whose parts are in a coding already.
func send(w http.ResponseWriter, mediaType string, status int, coding compress.Coding, parts [][]byte, size int64) {
	w.Header().Set("Content-Type", mediaType+"; charset=utf-8")
	if coding != compress.Identity {
		w.Header().Set("Content-Encoding", coding.String())
	}
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(status)
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return
		}
	}
}
