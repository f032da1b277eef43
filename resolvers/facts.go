package resolvers

import (
	"context"
	"sync"

	"github.com/partnergraph/partnergraph/providers"
)

// facts is what was learnt for the plan of one operation, and what is handed to its
// execution. It belongs to one goroutine, but for learn.
type facts struct {
	known   map[factKey]any
	failed  map[factKey]bool // a read that panicked: the field that needs it reads again, and reports it
	wanted  map[factKey]func(context.Context) any
	last    map[factKey]func(context.Context) any // wanted, once the operation is known not to be refused
	short   map[factKey]bool                      // what a part of the operation's calls was too few to read
	loaders *loaders                              // of the execution
}

// factKey names what is known: what stands at the path of a field, or a page of a list at a
// vendor.
type factKey struct {
	path   string
	whole  bool // of the rows at the path: that they were completed
	list   string
	noun   providers.Noun
	number int
}

func newFacts(l *loaders) *facts {
	return &facts{
		known:   map[factKey]any{},
		failed:  map[factKey]bool{},
		wanted:  map[factKey]func(context.Context) any{},
		last:    map[factKey]func(context.Context) any{},
		short:   map[factKey]bool{},
		loaders: l,
	}
}

// fact is what is known under a key. What is not known yet is learnt at once where all of
// it is cached in memory.
func fact[V any](p *planner, key factKey, learn func(context.Context) V) (v V, ok bool) {
	f := p.facts
	if known, found := f.known[key]; found {
		return known.(V), true
	}
	if f.wanted[key] != nil || f.last[key] != nil || f.failed[key] || !p.r.Cached() {
		return v, false
	}
	if v, ok = cached(p.ctx, learn); ok {
		f.known[key] = v
	}
	return v, ok
}

// learnLater notes what is not known, to be learnt before the next plan.
func learnLater[V any](p *planner, key factKey, learn func(context.Context) V) {
	if p.facts.short[key] {
		learnLast(p, key, learn)
	} else if f := p.facts; !f.failed[key] {
		f.wanted[key] = func(ctx context.Context) any { return learn(ctx) }
	}
}

// learnLast notes what is not known, to be learnt only when nothing else is wanted and the
// operation passes: it tells nothing by which the operation would be refused.
func learnLast[V any](p *planner, key factKey, learn func(context.Context) V) {
	if f := p.facts; !f.failed[key] {
		f.last[key] = func(ctx context.Context) any { return learn(ctx) }
	}
}

// cached is what learn reads, if all of it is cached in memory.
func cached[V any](ctx context.Context, learn func(context.Context) V) (v V, ok bool) {
	defer func() {
		if recover() != nil { // it is learnt again, and fails there
			ok = false
		}
	}()
	trace := providers.TraceFrom(ctx).Part()
	near, missed := providers.WithCachedOnly(providers.WithTrace(ctx, trace))
	if v = learn(near); missed() {
		return v, false
	}
	providers.TraceFrom(ctx).Join(trace)
	return v, true
}

// partial is what was learnt, where the calls may have been too few to learn all of it.
type partial interface{ isPartial() bool }

// learn reads what is wanted, side by side, with the context part, which has a part of the
// operation's calls. Where nothing is and the operation passes, it reads what is wanted
// last, with all calls that are left. It answers false where it has read nothing.
func (f *facts) learn(ctx, part context.Context, passes bool) bool {
	last := len(f.wanted) == 0
	if last && passes {
		f.wanted, f.last = f.last, f.wanted
	}
	clear(f.last)
	if len(f.wanted) == 0 {
		return false
	}
	if !last {
		ctx = part
	}
	ctx, end := startBatch(ctx, "planned reads", len(f.wanted))
	defer end()
	var (
		wg providers.Group
		mu sync.Mutex
	)
	for key, learn := range f.wanted {
		wg.Go(func() {
			var v any
			panicked := true
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				if f.failed[key] = panicked; panicked {
					_ = recover()
				} else if v, ok := v.(partial); ok && !last && v.isPartial() {
					f.short[key] = true
				} else {
					f.known[key] = v
				}
			}()
			v = learn(ctx)
			panicked = false
		})
	}
	wg.Wait()
	clear(f.wanted)
	return true
}
