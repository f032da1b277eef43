package ledger

import (
	"context"
	"sync"
)

// lanes let one at a time pass for each name, within this process, in the order they came as far as the runtime keeps it. They spare the store the
// questions of those who would wait anyway.
type lanes struct {
	mu    sync.Mutex
	lanes map[string]*lane
}

type lane struct {
	free    chan struct{} // holds one while nobody is in the lane
	waiting int           // who is in it or waits
}

// enter waits until the lane is free. Whoever gets in calls leave.
func (l *lanes) enter(ctx context.Context, name string) (leave func(), err error) {
	l.mu.Lock()
	if l.lanes == nil {
		l.lanes = map[string]*lane{}
	}
	one := l.lanes[name]
	if one == nil {
		one = &lane{free: make(chan struct{}, 1)}
		one.free <- struct{}{}
		l.lanes[name] = one
	}
	one.waiting++
	l.mu.Unlock()

	gone := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if one.waiting--; one.waiting == 0 {
			delete(l.lanes, name)
		}
	}
	select {
	case <-one.free:
		return func() { one.free <- struct{}{}; gone() }, nil
	case <-ctx.Done():
		gone()
		return nil, context.Cause(ctx)
	}
}
