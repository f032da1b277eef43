package cache

import (
	"context"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// request is what one request has read from here. A nil request remembers nothing. It is safe for
// concurrent use.
//
// The plan of a request looks at the pages that its execution reads then. So fresh pages
// are assembled once, and stay for the request what they were, until it writes something
// itself.
type request struct {
	recorder *Recorder // nil: nothing is recorded

	mu      sync.Mutex
	pages   map[Key]assembledPage
	records map[Key]*Entry // those that came from Redis: to read them again takes longer than to remember them
}

// assembledPage is a page with its records.
type assembledPage struct {
	rows    Rows
	readAt  time.Time
	records []*Entry // of the rows, in their order
	quality quality
}

// How much a request remembers at most.
const (
	maxAssembled  = 100   // pages
	maxRemembered = 2_000 // records
)

type requestKey struct{}

// WithRequest is ctx of one request, before it reads anything. The recorder collects what
// is read in it; nil: nothing does.
func WithRequest(ctx context.Context, r *Recorder) context.Context {
	return context.WithValue(ctx, requestKey{}, &request{recorder: r})
}

func requestFrom(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

func (r *request) page(key Key) (a assembledPage, ok bool) {
	if r == nil {
		return a, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok = r.pages[key]
	return a, ok
}

func (r *request) keep(key Key, a assembledPage) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pages == nil {
		r.pages = map[Key]assembledPage{}
	}
	if len(r.pages) < maxAssembled {
		r.pages[key] = a
	}
}

// forget forgets the pages, because the request has changed something, or has read a page anew.
func (r *request) forget() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.pages)
	clear(r.records)
}

// remembered are the entries of keys that the request has read from Redis; nil where one is
// not among them.
func (r *request) remembered(keys []Key) []*Entry {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.records) == 0 {
		return nil
	}
	entries := make([]*Entry, len(keys))
	for i, k := range keys {
		if entries[i] = r.records[k]; entries[i] == nil {
			return nil
		}
	}
	return entries
}

// remember keeps fresh records that came from Redis.
func (r *request) remember(keys []Key, entries []*Entry, now time.Time) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, e := range entries {
		if stateOf(e, now) != fresh || e.Source != providers.SourceRedis || node(e.Value) == nil || len(r.records) >= maxRemembered {
			continue
		}
		if r.records == nil {
			r.records = map[Key]*Entry{}
		}
		r.records[keys[i]] = e
	}
}
