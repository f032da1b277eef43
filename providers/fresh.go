package providers

import "context"

type freshKey struct{}

// WithFresh is ctx for reads that decide who somebody is, or what they may see: what has
// gone stale is no answer to them. The cache reads it again, and fails where that does.
func WithFresh(ctx context.Context) context.Context {
	return context.WithValue(ctx, freshKey{}, true)
}

// WantsFresh says whether reads in this context take no stale answers.
func WantsFresh(ctx context.Context) bool {
	fresh, _ := ctx.Value(freshKey{}).(bool)
	return fresh
}
