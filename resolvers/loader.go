package resolvers

import (
	"context"
	"slices"
	"sync"

	"github.com/partnergraph/partnergraph/providers"
)

// loaders are what one operation remembers: a loader for each noun and for each edge to many. They are never
// shared by operations, because they remember errors and one viewer's scope.
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
	made := &loader[K, V]{r: l.r, fetch: fetch, loads: map[K]*load[V]{}}
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

// loader loads what many rows ask for in one fetch, and each key once.
type loader[K comparable, V any] struct {
	r     *Resolver
	fetch fetcher[K, V]

	mu    sync.Mutex
	loads map[K]*load[V] // by key, from when it is first asked for
}

// load is what a key stands for.
type load[V any] struct {
	fetched <-chan struct{} // closed when the rest is known
	value   V
	err     error
}

// closed is the channel of what was known before anybody asked.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// prime is told what keys stand for.
func (l *loader[K, V]) prime(keys []K, values []V) {
	l.mu.Lock()
	defer l.mu.Unlock()
	loads := make([]load[V], len(keys))
	for i, k := range keys {
		loads[i] = load[V]{fetched: closed, value: values[i]}
		l.loads[k] = &loads[i]
	}
}

// one loads what one key stands for.
func (l *loader[K, V]) one(ctx context.Context, key K) (V, error) {
	l.mu.Lock()
	found := l.loads[key]
	l.mu.Unlock()
	if found == nil {
		found = l.find(ctx, []K{key})[0]
	}
	<-found.fetched
	return found.value, found.err
}

// all loads what keys stand for. errs are those that there are.
func (l *loader[K, V]) all(ctx context.Context, keys []K) (values []V, errs []error) {
	values = make([]V, len(keys))
	for i, found := range l.find(ctx, keys) {
		<-found.fetched
		if values[i] = found.value; found.err != nil {
			errs = append(errs, found.err)
		}
	}
	return values, errs
}

// find are the loads of keys. Those that nobody has asked for yet are fetched together before it returns;
// others may still be fetched by those who asked first.
func (l *loader[K, V]) find(ctx context.Context, keys []K) []*load[V] {
	found := make([]*load[V], len(keys))
	var (
		missing []K
		begun   []load[V] // of missing
		fetched chan struct{}
	)
	l.mu.Lock()
	for i, k := range keys {
		if found[i] = l.loads[k]; found[i] == nil {
			if fetched == nil {
				fetched = make(chan struct{})
				missing, begun = make([]K, 0, len(keys)-i), make([]load[V], 0, len(keys)-i)
			}
			missing, begun = append(missing, k), append(begun, load[V]{fetched: fetched})
			found[i] = &begun[len(begun)-1]
			l.loads[k] = found[i]
		}
	}
	l.mu.Unlock()
	if len(missing) > 0 {
		defer close(fetched)
		l.bring(ctx, missing, begun)
	}
	return found
}

// bring fetches what keys stand for. A fetch that panics fails all of them.
func (l *loader[K, V]) bring(ctx context.Context, keys []K, loads []load[V]) {
	var (
		values []V
		errs   []error
	)
	defer func() {
		if p := recover(); p != nil {
			values, errs = nil, slices.Repeat([]error{providers.Panicked(p)}, len(keys))
		}
		for i := range loads {
			if values != nil {
				loads[i].value = values[i]
			}
			if errs != nil {
				loads[i].err = errs[i]
			}
		}
	}()
	values, errs = l.fetch(l.r, ctx, keys)
}
