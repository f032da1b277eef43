package graph

import (
	"context"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
)

// position is the context of a field that is resolved. It knows where the field stands in
// the answer; of that gqlgen's [graphql.FieldContext] is made when somebody looks, which is
// for an error most of the time.
type position struct {
	context.Context // of the root field
	parent          *position
	object          string
	field           *field // nil for an element of a list
	index           int
	made            atomic.Pointer[graphql.FieldContext]
}

// fieldKey is gqlgen's key of the field context, which it does not export.
var fieldKey = func() any {
	var k keyRecorder
	graphql.GetFieldContext(&k)
	return k.key
}()

// keyRecorder is a context that remembers for what it was asked.
type keyRecorder struct {
	context.Context
	key any
}

func (k *keyRecorder) Value(key any) any {
	k.key = key
	return nil
}

// Value makes the field context, and is the root field's for the rest.
func (p *position) Value(key any) any {
	if key == fieldKey {
		return p.fieldContext()
	}
	return p.Context.Value(key)
}

func (p *position) fieldContext() *graphql.FieldContext {
	if fc := p.made.Load(); fc != nil {
		return fc
	}
	fc := &graphql.FieldContext{Object: p.object}
	if p.field == nil {
		fc.Index = &p.index
	} else {
		fc.Field, fc.Args, fc.IsMethod, fc.IsResolver = p.field.CollectedField, p.field.args, true, true
	}
	if p.parent != nil {
		fc.Parent = p.parent.fieldContext()
	} else {
		fc.Parent = graphql.GetFieldContext(p.Context)
	}
	if !p.made.CompareAndSwap(nil, fc) {
		return p.made.Load()
	}
	return fc
}

// FieldFrom is the field that is resolved in a context.
func FieldFrom(ctx context.Context) graphql.CollectedField {
	if p, ok := ctx.(*position); ok && p.field != nil {
		return p.field.CollectedField
	}
	return graphql.GetFieldContext(ctx).Field
}
