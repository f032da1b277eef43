package resolvers

import (
	"context"
	"slices"
	"sync"

	"github.com/vikstrous/dataloadgen"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/partnergraph/partnergraph/providers"
)

// batchWait is how long a loader waits for more keys: not at all. Keys that are handed over
// together are never parted, and all others have been loaded before by [prefetch].
const batchWait = 0

// loaders are what one operation remembers: a loader for each noun and for each edge to
// many. They are never shared by operations, because they remember errors and one viewer's
// scope.
type loaders struct {
	r  *Resolver
	mu sync.Mutex
	m  map[string]any

	edges   map[needKey]any // the *edgeLoad of each selection of one record
	lasting map[string]any  // the plans of root lists, of operations of staff; see planner
	facts   *facts          // what the look has read; nil where there was none
}

type loadersKey struct{}

func newLoaders(r *Resolver) *loaders {
	return &loaders{r: r, m: map[string]any{}, edges: map[needKey]any{}}
}

func withLoaders(ctx context.Context, l *loaders) context.Context {
	return context.WithValue(ctx, loadersKey{}, l)
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

// fetcher reads what keys stand for. No errors: nothing failed.
type fetcher[K comparable, V any] func(r *Resolver, ctx context.Context, keys []K) ([]V, []error)

// madeLoader is the operation's loader of this name; nil where it was not made yet.
func madeLoader[K comparable, V any](l *loaders, name string) *loader[K, V] {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, _ := l.m[name].(*loader[K, V])
	return found
}

// loaderOf is the operation's loader of this name, made when it is first asked for.
func loaderOf[K comparable, V any](l *loaders, name string, fetch fetcher[K, V]) *loader[K, V] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found, ok := l.m[name]; ok {
		return found.(*loader[K, V])
	}
	made := &loader[K, V]{
		name:  name,
		asked: map[K]bool{},
		fetch: func(ctx context.Context, keys []K) ([]V, []error) { return fetch(l.r, ctx, keys) },
	}
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
		clear(l.edges)
	}
}

// loader loads what many rows ask for in one fetch, and each key once. It counts the keys
// that were announced: dataloadgen closes a batch by the clock. On a busy machine that
// parts keys that were handed over together, and each part would be a call to a vendor.
type loader[K comparable, V any] struct {
	name  string
	inner *dataloadgen.Loader[K, V]
	fetch func(ctx context.Context, keys []K) ([]V, []error)

	mu    sync.Mutex
	asked map[K]bool // keys that were announced or primed
	due   int        // announced keys that no batch has brought yet
	parts []*part[K, V]

	failed map[K]error // keys that are known to fail
}

// part is a batch that waits for the rest of what was announced.
type part[K comparable, V any] struct {
	keys   []K
	done   chan struct{}
	values []V
	errs   []error
}

// prime sets the values of keys that nobody has asked for yet.
func (l *loader[K, V]) prime(keys []K, values []V) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, k := range keys {
		if !l.asked[k] {
			l.asked[k] = true
			l.inner.Prime(k, values[i])
		}
	}
}

// fail has a key fail that nobody has asked for yet.
func (l *loader[K, V]) fail(key K, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = map[K]error{}
	}
	l.failed[key] = err
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

// one loads the value of a key.
func (l *loader[K, V]) one(ctx context.Context, key K) (V, error) {
	l.announce(key)
	return l.inner.Load(ctx, key)
}

// all loads the values of keys. errs are the errors that occurred, in the order of the keys.
func (l *loader[K, V]) all(ctx context.Context, keys []K) (values []V, errs []error) {
	l.announce(keys...)
	values, err := l.inner.LoadAll(ctx, keys)
	if failed, ok := err.(dataloadgen.ErrorSlice); ok { // LoadAll returns no other
		errs = slices.DeleteFunc(failed, func(err error) bool { return err == nil })
	}
	return values, errs
}

// collect takes a batch. The one that brings the last of what was announced fetches for all
// that wait.
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

// deliver fetches what several batches ask for, and gives each its own. A fetch that panics
// fails all of them.
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
	ctx, end := startBatch(ctx, l.name, len(keys))
	defer end()
	if len(l.failed) == 0 { // nothing is added while an operation is executed
		loaded, failed := l.fetch(ctx, keys)
		copy(values, loaded)
		copy(errs, failed) // nil: nothing failed
		return
	}
	var (
		rest   []K
		places []int
	)
	for i, k := range keys {
		if errs[i] = l.failed[k]; errs[i] == nil {
			rest, places = append(rest, k), append(places, i)
		}
	}
	if len(rest) == 0 {
		return
	}
	loaded, failed := l.fetch(ctx, rest)
	for i, place := range places {
		values[place] = loaded[i]
		if failed != nil {
			errs[place] = failed[i]
		}
	}
}

// startBatch starts the span of a batch, where the request is traced.
func startBatch(ctx context.Context, name string, keys int) (inner context.Context, end func()) {
	parent := trace.SpanFromContext(ctx)
	if !parent.SpanContext().IsValid() {
		return ctx, func() {}
	}
	const scope = "github.com/partnergraph/partnergraph/resolvers"
	tracer, size := parent.TracerProvider().Tracer(scope), attribute.Int("partnergraph.batch.keys", keys)
	ctx, span := tracer.Start(ctx, "load "+name, trace.WithAttributes(size))
	return ctx, func() { span.End() }
}
