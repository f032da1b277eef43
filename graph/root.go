package graph

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// rootField is a field of a root type. Those of Query are resolved side by side, those of
// Mutation one after the other.
type rootField struct {
	concurrent bool
	required   bool
	write      func(*writer, *field) bool
}

// root executes a selection of a root type as gqlgen does it. (Below, it is done by a writer.)
func (ec *executionContext) root(ctx context.Context, object string, sel ast.SelectionSet, implementors []string,
	named func(string) rootField) graphql.Marshaler {
	fields := graphql.CollectFields(ec.OperationContext, sel, implementors)
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: object})
	out := graphql.NewFieldSet(fields)
	for i, f := range fields {
		if f.Name == "__typename" {
			out.Values[i] = graphql.MarshalString(object)
			continue
		}
		r := named(f.Name)
		if r.write == nil {
			panic("unknown field " + strconv.Quote(f.Name))
		}
		ctx := graphql.WithRootFieldContext(ctx, &graphql.RootFieldContext{Object: f.Name, Field: f})
		resolve := func(context.Context) graphql.Marshaler {
			return ec.RootResolverMiddleware(ctx, func(ctx context.Context) graphql.Marshaler {
				value := ec.value(ctx, f, r.write)
				if value == graphql.Null && r.required {
					atomic.AddUint32(&out.Invalids, 1)
				}
				return value
			})
		}
		if r.concurrent {
			out.Concurrently(i, resolve)
		} else {
			out.Values[i] = resolve(ctx)
		}
	}
	out.Dispatch(ctx)
	if out.Invalids > 0 {
		return graphql.Null
	}
	return out
}

// once is the function that gqlgen calls for the events of an operation until it answers
// nil. An operation has one event here, which its context holds.
func once(execute func(context.Context) graphql.Marshaler) func(context.Context) graphql.Marshaler {
	executed := false
	return func(ctx context.Context) graphql.Marshaler {
		if executed {
			return nil
		}
		executed = true
		return execute(ctx)
	}
}

// value executes a root field.
func (ec *executionContext) value(
	ctx context.Context,
	collected graphql.CollectedField,
	write func(*writer, *field) bool,
) (value graphql.Marshaler) {
	w := writers.Get().(*writer)
	w.executionContext, w.ctx = ec, ctx
	w.bound, _ = ctx.Value(boundKey{}).(*bound)
	defer func() {
		switch p := recover(); {
		case p == nil:
		case p == errTooLong:
			value = tooLong{w.bound.max}
		case p == context.Canceled:
			ec.Error(ctx, context.Canceled)
			value = graphql.Null
		default: // resolvers that panic are recovered where they are called
			ec.Error(ctx, ec.Recover(ctx, p))
			value = graphql.Null
		}
	}()
	if !write(w, &field{CollectedField: collected}) {
		w.release()
		return graphql.Null
	}
	w.count()
	return &written{w}
}

// written is the value of a root field.
type written struct{ w *writer }

// MarshalGQL sends the value. It does so once.
func (v *written) MarshalGQL(out io.Writer) {
	if b, ok := out.(interface{ Grow(bytes int) }); ok {
		b.Grow(len(v.w.buf) + 64) // for what is written around it
	}
	_, _ = out.Write(v.w.buf)
	v.w.release()
	v.w = nil
}

// bound is how many bytes an answer may have.
type bound struct {
	max  int64
	take func(bytes int64) bool
	held atomic.Int64 // by the writers of all root fields
}

type boundKey struct{}

// WithBound is ctx with how many bytes the answer of its operation may have. take is told
// of bytes while they are written, and says whether there is room for them. The execution
// of a root field ends where there are more than max, or no room: the value that it has
// then is longer than max.
func WithBound(ctx context.Context, max int64, take func(bytes int64) bool) context.Context {
	return context.WithValue(ctx, boundKey{}, &bound{max: max, take: take})
}

var errTooLong = errors.New("graph: the answer is too long")

// countedStep is how many bytes are written before they are counted.
const countedStep = 4 << 10

// count counts what was written, now and then.
func (w *writer) count() {
	if w.bound == nil {
		return
	}
	if n := len(w.buf) - w.held; n >= countedStep || n < 0 || len(w.levels) == 0 {
		w.held += n
		if w.bound.held.Add(int64(n)) > w.bound.max || !w.bound.take(int64(n)) {
			panic(errTooLong)
		}
	}
}

// tooLong is a value of more than max bytes. Nobody reads it.
type tooLong struct{ max int64 }

// MarshalGQL writes more than max bytes.
func (v tooLong) MarshalGQL(out io.Writer) {
	block := bytes.Repeat([]byte{' '}, countedStep)
	for n := int64(0); n <= v.max; n += countedStep {
		_, _ = out.Write(block)
	}
}
