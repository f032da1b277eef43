package providers

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Group runs functions side by side, as [sync.WaitGroup] does; the zero value is ready. But
// a panic in one of them would end the process, for nobody who could handle it is above:
// here Wait panics in its place.
type Group struct {
	wg     sync.WaitGroup
	first  atomic.Pointer[Panic]
	inline bool // functions wait for nothing, and are run one after the other
}

// GroupFor is a group for reads of ctx. Those that take only what is cached need no goroutines.
func GroupFor(ctx context.Context) *Group { return &Group{inline: CachedOnly(ctx)} }

// Go runs f in a goroutine.
func (g *Group) Go(f func()) {
	if g.inline {
		f()
		return
	}
	g.wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				g.first.CompareAndSwap(nil, Panicked(p))
			}
		}()
		f()
	})
}

// Wait waits for all functions. If any panicked, it panics with the first one's [*Panic].
func (g *Group) Wait() {
	g.wg.Wait()
	if p := g.first.Load(); p != nil {
		panic(p)
	}
}

// Panic is a panic as an error.
type Panic struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine that panicked
	// Logged says whether it stands in the log: many reads may have waited for what
	// panicked once.
	Logged atomic.Bool
}

// Panicked makes an error of what recover returned, which is not nil, in the deferred
// function that called recover.
func Panicked(recovered any) *Panic {
	if p, ok := recovered.(*Panic); ok {
		return p // on its way up, from the goroutine where it happened
	}
	return &Panic{Value: recovered, Stack: debug.Stack()}
}

// Error is for the log: it has the stack.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v\n%s", p.Value, p.Stack) }
