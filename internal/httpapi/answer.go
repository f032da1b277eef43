package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/resolvers"
)

// answers bound the bytes of an answer while they are written: the executor's data is not collected
// beyond the limit.
type answers struct {
	max int64 // bytes
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

type writtenKey struct{}

// InterceptOperation gives the operation its count of bytes, and ends its execution where there
// are too many.
func (a answers) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	return next(context.WithValue(graph.WithBound(ctx, a.max), writtenKey{}, new(atomic.Int64)))
}

// InterceptRootField counts the bytes of a field of Query or Mutation when they are written.
func (a answers) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	value := next(ctx)
	written, ok := ctx.Value(writtenKey{}).(*atomic.Int64)
	if !ok || value == nil || value == graphql.Null || value == graphql.RequiredNull { // which the executor compares
		return value
	}
	return graphql.WriterFunc(func(w io.Writer) {
		value.MarshalGQL(&boundedWriter{w, written, a.max})
	})
}

// errAnswerTooLarge ends the writing of data. It is a panic, because a graphql.Marshaler has no error.
var errAnswerTooLarge = errors.New("the answer is too large")

// InterceptResponse turns the end of the writing into the error that clients see.
func (a answers) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) (response *graphql.Response) {
	defer func() {
		if p := recover(); p == errAnswerTooLarge {
			response = &graphql.Response{Errors: gqlerror.List{a.tooLarge(ctx)}}
		} else if p != nil {
			panic(p)
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
	err.Extensions["requestId"] = resolvers.RequestID(ctx)
	return err
}

// boundedWriter counts what is written, and panics with errAnswerTooLarge instead of writing beyond max.
type boundedWriter struct {
	w       io.Writer
	written *atomic.Int64
	max     int64
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	if b.written.Add(int64(len(p))) > b.max {
		panic(errAnswerTooLarge)
	}
	return b.w.Write(p)
}

// Grow makes room for so many bytes, if it is a buffer that is written to.
func (b *boundedWriter) Grow(bytes int) {
	if buffer, ok := b.w.(interface{ Grow(bytes int) }); ok && int64(bytes) <= b.max {
		buffer.Grow(bytes)
	}
}

// encode returns the parts of the JSON text of a response, or that it has more than max bytes. A
// response without data, that of a request that was not executed, has no such member. The data is not
// copied: checking and compacting it again would be a good part of all work.
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

// send writes a response of at most max bytes.
func send(w http.ResponseWriter, mediaType string, status int, parts [][]byte, size int64) {
	w.Header().Set("Content-Type", mediaType+"; charset=utf-8")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(status)
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return
		}
	}
}
