package providers

import (
	"context"
	"errors"
	"sync/atomic"
)

// ErrNotCached is the error of a read that takes only what is cached, where something is not.
var ErrNotCached = errors.New("this is not cached in memory")

// cachedOnly marks reads that take only what is cached.
type cachedOnly struct{ missed atomic.Bool }

type cachedOnlyKey struct{}

// WithCachedOnly is ctx for reads that answer from the memory of this process, fresh, or
// not at all: they wait for nothing, so that they need no goroutine. missed says whether
// one of them found less than it needs. What the others brought may be incomplete then.
func WithCachedOnly(ctx context.Context) (_ context.Context, missed func() bool) {
	mark := new(cachedOnly)
	return context.WithValue(ctx, cachedOnlyKey{}, mark), mark.missed.Load
}

// CachedOnly says whether the reads of ctx take only what is cached.
func CachedOnly(ctx context.Context) bool { return ctx.Value(cachedOnlyKey{}) != nil }

// Missed notes that something is not cached. Where the reads of ctx take nothing else, it answers
// [ErrNotCached], with which the read has to end.
func Missed(ctx context.Context) error {
	if mark, ok := ctx.Value(cachedOnlyKey{}).(*cachedOnly); ok {
		mark.missed.Store(true)
		return ErrNotCached
	}
	return nil
}
