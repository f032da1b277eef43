package ledger

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Store keeps values by key, each with a version that changes when the value does. Every
// implementation passes the suite in package ledgertest.
//
// Implementations MUST be safe for concurrent use and MUST honour their context. After an
// error of Save other than [ErrMoved] the value may or may not have been stored.
type Store interface {
	// Load is the value of a key; without a version where there is none.
	Load(ctx context.Context, key string) (Record, error)

	// Save stores a value if the key's version is still was ("": there is no value), and
	// answers its new version; else the error is [ErrMoved]. keep is how long it is kept;
	// 0: for ever. A nil value is removed.
	Save(ctx context.Context, key, was string, value []byte, keep time.Duration) (version string, err error)
}

// Record is a value as it is stored.
type Record struct {
	Value   []byte
	Version string    // "" for none
	Now     time.Time // the store's own clock, the same for all who share it
}

// ErrMoved says that somebody else has saved a value since it was loaded.
var ErrMoved = errors.New("ledger: the value has changed since")

// Memory is a [Store] of this process: what is in it is gone when the process ends.
type Memory struct {
	now func() time.Time

	mu      sync.Mutex
	records map[string]kept
}

type kept struct {
	Record
	until time.Time // zero: for ever
}

var _ Store = (*Memory)(nil)

// NewMemory makes an empty store.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, records: map[string]kept{}}
}

// Load is the value of a key.
func (m *Memory) Load(ctx context.Context, key string) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.load(key), nil
}

// load is the value, with the lock held.
func (m *Memory) load(key string) Record {
	now := m.now()
	r, ok := m.records[key]
	if ok && !r.until.IsZero() && !now.Before(r.until) {
		delete(m.records, key)
		r = kept{}
	}
	r.Now = now
	return r.Record
}

// Save stores a value.
func (m *Memory) Save(ctx context.Context, key, was string, value []byte, keep time.Duration) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.load(key)
	if before.Version != was {
		return "", ErrMoved
	}
	if value == nil {
		delete(m.records, key)
		return "", nil
	}
	r := kept{Record: Record{Value: value, Version: newVersion()}}
	if keep > 0 {
		r.until = before.Now.Add(keep)
	}
	m.records[key] = r
	m.sweep(before.Now)
	return r.Version, nil
}

// sweep forgets a few of the values that are over, so that the store does not grow with
// those that nobody asks for again.
func (m *Memory) sweep(now time.Time) {
	looked := 0
	for k, r := range m.records { // in no order
		if !r.until.IsZero() && !now.Before(r.until) {
			delete(m.records, k)
		}
		if looked++; looked == 3 {
			return
		}
	}
}
