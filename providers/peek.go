package providers

import "context"

type peekKey struct{}

// WithPeek is ctx with what the caller remembers: peek answers a record (a pointer), or
// nil. The cache gives it to the reads that it lets through.
func WithPeek(ctx context.Context, peek func(ID) any) context.Context {
	return context.WithValue(ctx, peekKey{}, peek)
}

// Peek is what the caller remembers of a record, which may be a stub; nil for nothing. A
// vendor that has to complete a record needs not read again what is known of it, nor look
// up what another record told. The record is shared: copy it before changing it.
func Peek[T Record](ctx context.Context, id ID) *T {
	peek, ok := ctx.Value(peekKey{}).(func(ID) any)
	if !ok {
		return nil
	}
	r, _ := peek(id).(*T)
	return r
}
