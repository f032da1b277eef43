package providers

import (
	"context"
	"sync"
)

// afterwards is the work that a request leaves for its end.
type afterwards struct {
	mu    sync.Mutex
	ended bool
	work  []func()
}

type afterwardsKey struct{}

// WithAfterwards is ctx of a request that leaves work for its end. The caller calls end
// when the request needs no more calls to vendors: so what is left of its [Allowance] is
// known then.
func WithAfterwards(ctx context.Context) (inner context.Context, end func()) {
	a := new(afterwards)
	return context.WithValue(ctx, afterwardsKey{}, a), a.end
}

// Afterwards does work at the end of the request, or at once where none is under way. The
// work must not block.
func Afterwards(ctx context.Context, work func()) {
	if a, ok := ctx.Value(afterwardsKey{}).(*afterwards); !ok || !a.add(work) {
		work()
	}
}

// add keeps work for the end. It answers false where the end has come.
func (a *afterwards) add(work func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ended {
		a.work = append(a.work, work)
	}
	return !a.ended
}

func (a *afterwards) end() {
	a.mu.Lock()
	work := a.work
	a.ended, a.work = true, nil
	a.mu.Unlock()
	for _, do := range work {
		do()
	}
}
