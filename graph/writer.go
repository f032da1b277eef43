package graph

import (
	"context"
	"strconv"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"github.com/partnergraph/partnergraph/graph/model"
)

// writer executes one field of a root type and writes its value as JSON while it executes. The
// generated methods write one object each. Every function that writes a value says whether it
// is another one than null.
//
// A writer runs in one goroutine, row by row: resolvers have what is below them loaded before
// they return a row.
type writer struct {
	*executionContext
	ctx    context.Context // of the root field
	buf    []byte
	levels []level    // from the root field down to what is written
	free   []position // for levels: resolvers may keep theirs, so none is used again
	bound  *bound
	held   int // bytes of buf that bound knows of
}

// positionsAtOnce is how many positions are allocated together.
const positionsAtOnce = 32

// level is a step of the path to what is written: a field, or an element of its list.
type level struct {
	object string
	field  *field // nil for an element
	index  int
	at     *position // made when it is needed
}

// field is a field of a selection with what is known of it before its values are.
type field struct {
	graphql.CollectedField
	key        []byte         // its name in the answer, quoted, with the colon, and with the comma before it
	args       map[string]any // nil before they were read
	selections []*selection
}

// selection is what is selected below a field of one type of object.
type selection struct {
	object   *string // the first of the type's implementors
	fields   []field
	resolver any // of the type
}

// selection is what is selected below parent of a type of object.
func (w *writer) selection(parent *field, implementors []string) *selection {
	for _, s := range parent.selections {
		if s.object == &implementors[0] {
			return s
		}
	}
	collected := graphql.CollectFields(w.OperationContext, parent.Selections, implementors)
	fields := make([]field, len(collected))
	for i, c := range collected {
		var key []byte
		if i > 0 {
			key = append(key, ',')
		}
		fields[i] = field{CollectedField: c, key: append(model.AppendString(key, c.Alias), ':')}
	}
	s := &selection{object: &implementors[0], fields: fields}
	parent.selections = append(parent.selections, s)
	return s
}

// arguments reads the arguments of the field on top of the levels. Where they cannot be
// read there is an error.
func (w *writer) arguments(
	f *field,
	read func(*executionContext, context.Context, map[string]any) (map[string]any, error),
) (args map[string]any, ok bool) {
	if f.args != nil {
		return f.args, true
	}
	ctx := w.context()
	defer func() {
		if p := recover(); p != nil {
			w.Error(ctx, w.Recover(ctx, p))
			args, ok = nil, false
		}
	}()
	args, err := read(w.executionContext, ctx, f.ArgumentMap(w.Variables))
	if err != nil {
		w.Error(ctx, err)
		return nil, false
	}
	f.args = args
	w.levels[len(w.levels)-1].at = nil // a context that has them
	return args, true
}

// resolve calls a resolver. Where it fails there is an error, and null is written.
func resolve[T any](w *writer, call func(context.Context) (T, error)) (v T, ok bool) {
	ctx := w.context()
	defer func() {
		if p := recover(); p != nil {
			w.Error(ctx, w.Recover(ctx, p))
			ok = w.null()
		}
	}()
	v, err := call(ctx)
	if err != nil {
		w.Error(ctx, graphql.AddFieldLocationToError(ctx, err))
		return v, w.null()
	}
	return v, true
}

// evaluate is resolve for methods without a context, for which none is made.
func evaluate[T any](w *writer, call func() (T, error)) (v T, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			ctx := w.context()
			w.Error(ctx, w.Recover(ctx, p))
			ok = w.null()
		}
	}()
	v, err := call()
	if err != nil {
		ctx := w.context()
		w.Error(ctx, graphql.AddFieldLocationToError(ctx, err))
		return v, w.null()
	}
	return v, true
}

// push makes a field the one that is written.
func (w *writer) push(object string, f *field) {
	w.levels = append(w.levels, level{object: object, field: f})
}

// pop ends what push began.
func (w *writer) pop() { w.levels = w.levels[:len(w.levels)-1] }

// element makes an element of the list on top of the levels the one that is written.
func (w *writer) element(i int) {
	top := &w.levels[len(w.levels)-1]
	top.index, top.at = i, nil
}

// context is the context of what is on top of the levels.
func (w *writer) context() context.Context {
	n := len(w.levels)
	for n > 0 && w.levels[n-1].at == nil {
		n--
	}
	var parent *position
	if n > 0 {
		parent = w.levels[n-1].at
	}
	for i := n; i < len(w.levels); i++ {
		l := &w.levels[i]
		if len(w.free) == 0 {
			w.free = make([]position, positionsAtOnce)
		}
		l.at, w.free = &w.free[0], w.free[1:]
		*l.at = position{Context: w.ctx, parent: parent, object: l.object, field: l.field, index: l.index}
		parent = l.at
	}
	return parent
}

// missing writes null in the place of a value that must not be null.
func (w *writer) missing() bool {
	ctx := w.context()
	if !graphql.HasFieldError(ctx, graphql.GetFieldContext(ctx)) {
		graphql.AddErrorf(ctx, "the requested element is null which the schema does not allow")
	}
	return w.null()
}

// open begins an object.
func (w *writer) open() (start int) {
	start = len(w.buf)
	w.buf = append(w.buf, '{')
	return start
}

// close ends the object, or writes null in its place.
func (w *writer) close(start int, ok bool) bool {
	if !ok {
		w.buf = w.buf[:start]
		return w.null()
	}
	w.buf = append(w.buf, '}')
	w.count()
	return true
}

// null writes null.
func (w *writer) null() bool {
	w.buf = append(w.buf, "null"...)
	return false
}

// optional writes a list, or null if it is nil.
func optional(w *writer, isNil bool, write func() bool) bool {
	if isNil {
		return w.null()
	}
	return write()
}

func (w *writer) string(s string) { w.buf = model.AppendString(w.buf, s) }
func (w *writer) boolean(b bool)  { w.buf = strconv.AppendBool(w.buf, b) }
func (w *writer) integer(i int)   { w.buf = strconv.AppendInt(w.buf, int64(i), 10) }

// Write appends what a [graphql.Marshaler] writes.
func (w *writer) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	return len(p), nil
}

// object writes an object.
func object[T any](w *writer, f *field, v *T, required bool, write func(*writer, *field, *T) bool) bool {
	switch {
	case v != nil:
		return write(w, f, v)
	case required:
		return w.missing()
	}
	return w.null()
}

// objects writes a list of objects. One of elements that must not be null, and is, makes
// the list null.
func objects[T any](w *writer, f *field, list []*T, required bool, write func(*writer, *field, *T) bool) bool {
	return each(w, len(list), func(i int) bool { return object(w, f, list[i], required, write) || !required })
}

// structs is objects for a list without pointers.
func structs[T any](w *writer, f *field, list []T, required bool, write func(*writer, *field, *T) bool) bool {
	return each(w, len(list), func(i int) bool { return write(w, f, &list[i]) || !required })
}

// interfaces is objects for a list of interfaces that may be null.
func interfaces[T any](w *writer, f *field, list []T, write func(*writer, *field, T) bool) bool {
	return each(w, len(list), func(i int) bool { write(w, f, list[i]); return true })
}

// each writes a list of n elements, or null where write says no to one of them.
func each(w *writer, n int, write func(i int) bool) bool {
	start, ok := len(w.buf), true
	w.buf = append(w.buf, '[')
	w.levels = append(w.levels, level{})
	for i := range n {
		if w.ctx.Err() == context.Canceled { // the rows are for a client that has gone
			panic(context.Canceled)
		}
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.element(i)
		ok = write(i) && ok
	}
	w.pop()
	if !ok {
		w.buf = w.buf[:start]
		return w.null()
	}
	w.buf = append(w.buf, ']')
	return true
}

// scalars writes a list of scalars or enums.
func scalars[T any](w *writer, list []T, write func(*writer, T)) bool {
	w.buf = append(w.buf, '[')
	for i, v := range list {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		write(w, v)
	}
	w.buf = append(w.buf, ']')
	return true
}

// scalar writes a scalar or an enum.
func scalar[T any](w *writer, v T, write func(*writer, T)) bool {
	write(w, v)
	return true
}

// nilable is scalar for a type that is null where it is nil.
func nilable[T any](w *writer, isNil bool, v T, write func(*writer, T)) bool {
	if isNil {
		return w.null()
	}
	return scalar(w, v, write)
}

// pointer is scalar for a pointer.
func pointer[T any](w *writer, v *T, required bool, write func(*writer, T)) bool {
	switch {
	case v != nil:
		return scalar(w, *v, write)
	case required:
		return w.missing()
	}
	return w.null()
}

// writers are those that have written.
var writers = sync.Pool{New: func() any { return new(writer) }}

// maxKept is the size of the largest buffer that is used again.
const maxKept = 1 << 20

// release gives the writer back when its value was sent.
func (w *writer) release() {
	buf, levels := w.buf[:0], w.levels[:0]
	if cap(buf) > maxKept {
		buf = nil
	}
	clear(levels[:cap(levels)])
	*w = writer{buf: buf, levels: levels}
	writers.Put(w)
}
