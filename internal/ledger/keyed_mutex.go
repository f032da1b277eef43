package ledger

import (
	"context"
	"sync"
)

// keyedMutex is a mutex for each key, within this process. Callers that wait here do not poll the
// store for the same lease.
type keyedMutex struct {
	mu    sync.Mutex
	byKey map[string]*keyLock // only keys that somebody holds or waits for
}

type keyLock struct {
	free  chan struct{} // holds one value while nobody holds the lock
	users int           // callers that hold the lock or wait for it; keyedMutex.mu guards it
}

// lock waits until the key's lock is free, or the context ends. A caller that got it calls
// unlock.
func (m *keyedMutex) lock(ctx context.Context, key string) (unlock func(), err error) {
	m.mu.Lock()
	if m.byKey == nil {
		m.byKey = map[string]*keyLock{}
	}
	l := m.byKey[key]
	if l == nil {
		l = &keyLock{free: make(chan struct{}, 1)}
		l.free <- struct{}{}
		m.byKey[key] = l
	}
	l.users++
	m.mu.Unlock()

	done := func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(m.byKey, key)
		}
	}
	select {
	case <-l.free:
		return func() { l.free <- struct{}{}; done() }, nil
	case <-ctx.Done():
		done()
		return nil, context.Cause(ctx)
	}
}
