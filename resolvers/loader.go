package resolvers

import (
	"context"
	"slices"
	"sync"

	"github.com/vikstrous/dataloadgen"

	"github.com/partnergraph/partnergraph/providers"
)

// batchWait is how long a loader waits for more keys: not at all. Keys that are handed over together
// are never parted, and all others have been loaded before by [prefetch].
const batchWait = 0

// loaders are what one operation remembers: a loader for each noun and for each edge to many. They are never
// shared by operations, because they remember errors and one viewer's scope.
type loaders struct {
	r  *Resolver
	mu sync.Mutex
	m  map[string]any

	needs map[needKey]string // what selections need
	facts *facts             // what the plan has read; nil where it has read nothing
}

type loadersKey struct{}

func withLoaders(ctx context.Context, r *Resolver, f *facts) context.Context {
	return context.WithValue(ctx, loadersKey{}, &loaders{r: r, m: map[string]any{}, needs: map[needKey]string{}, facts: f})
}

// loadersFrom are the operation's loaders.
func loadersFrom(ctx context.Context) *loaders {
	l, ok := ctx.Value(loadersKey{}).(*loaders)
	if !ok {
		panic("resolvers: the operation has no loaders; Extension was not installed")
	}
	return l
}

// resolverFrom is the resolver that the operation runs on.
func resolverFrom(ctx context.Context) *Resolver { return loadersFrom(ctx).r }

// loaderFrom is the operation's loader of this name; nil where it was not made yet.
func loaderFrom[K comparable, V any](ctx context.Context, name string) *loader[K, V] {
	l := loadersFrom(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	found, _ := l.m[name].(*loader[K, V])
	return found
}

// loaderOf is the operation's loader of this name, made when it is first asked for.
func loaderOf[K comparable, V any](ctx context.Context, name string, fetch func(r *Resolver, ctx context.Context, keys []K) ([]V, []error)) *loader[K, V] {
	l := loadersFrom(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if found, ok := l.m[name]; ok {
		return found.(*loader[K, V])
	}
	made := &loader[K, V]{asked: map[K]bool{}, fetch: func(ctx context.Context, keys []K) ([]V, []error) { return fetch(l.r, ctx, keys) }}
	made.inner = dataloadgen.NewLoader(made.collect, dataloadgen.WithWait(batchWait))
	l.m[name] = made
	return made
}

// forget has the operation read everything anew, after a write.
func forget(ctx context.Context) {
	if l, ok := ctx.Value(loadersKey{}).(*loaders); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		clear(l.m)
	}
}

// loader loads what many rows ask for in one fetch. It knows which keys were announced: dataloadgen closes a batch by the clock, which on a busy machine parts
// keys that were handed over together, and each part would be a call to a vendor.
type loader[K comparable, V any] struct {
	inner *dataloadgen.Loader[K, V]
	fetch func(ctx context.Context, keys []K) ([]V, []error)

	mu    sync.Mutex
	asked map[K]bool // ever
	due   int        // announced keys that no batch has brought yet
	parts []*part[K, V]
}

// part is a batch that waits for the rest of what was announced.
type part[K comparable, V any] struct {
	keys   []K
	done   chan struct{}
	values []V
	errs   []error
}

// announce tells that keys are about to come.
func (l *loader[K, V]) announce(keys ...K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range keys {
		if !l.asked[k] {
			l.asked[k] = true
			l.due++
		}
	}
}

// one loads what one key stands for.
func (l *loader[K, V]) one(ctx context.Context, key K) (V, error) {
	l.announce(key)
	return l.inner.Load(ctx, key)
}

// all loads what keys stand for.
func (l *loader[K, V]) all(ctx context.Context, keys []K) ([]V, error) {
	l.announce(keys...)
	return l.inner.LoadAll(ctx, keys)
}

// collect takes a batch. The one that brings the last of what was announced fetches for all that wait.
func (l *loader[K, V]) collect(ctx context.Context, keys []K) ([]V, []error) {
	mine := &part[K, V]{keys: keys, done: make(chan struct{})}
	l.mu.Lock()
	l.due -= len(keys)
	l.parts = append(l.parts, mine)
	var parts []*part[K, V]
	if l.due == 0 {
		parts, l.parts = l.parts, nil
	}
	l.mu.Unlock()
	if parts != nil {
		l.deliver(ctx, parts)
	}
	<-mine.done
	return mine.values, mine.errs
}

// deliver fetches what several batches ask for, and gives each its own. A fetch that panics fails all of them.
func (l *loader[K, V]) deliver(ctx context.Context, parts []*part[K, V]) {
	var keys []K
	for _, p := range parts {
		keys = append(keys, p.keys...)
	}
	values, errs := make([]V, len(keys)), make([]error, len(keys))
	defer func() {
		if p := recover(); p != nil { // else dataloadgen does, and loses the stack
			errs = slices.Repeat([]error{providers.Panicked(p)}, len(keys))
		}
		n := 0
		for _, p := range parts {
			p.values, p.errs = values[n:n+len(p.keys)], errs[n:n+len(p.keys)]
			n += len(p.keys)
			close(p.done)
		}
	}()
	loaded, failed := l.fetch(ctx, keys)
	copy(values, loaded)
	copy(errs, failed) // nil: nothing failed
}
