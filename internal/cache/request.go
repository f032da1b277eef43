package cache

import (
	"context"
	"sync"
	"time"
)

// request is what one request has read from here. A nil request remembers nothing. It is safe for
// concurrent use.
//
// The plan of a request looks at the pages that its execution reads then. So fresh pages are assembled
// once, and stay for the request what they were, until it writes something itself.
type request struct {
	recorder *Recorder // nil: nothing is recorded

	mu    sync.Mutex
	pages map[Key]assembledPage
}

// assembledPage is a page with its records.
type assembledPage struct {
	rows    Rows
	readAt  time.Time
	records []*Entry // of the rows, in their order
	quality quality
}

// maxAssembled is how many pages of a request are remembered.
const maxAssembled = 100

type requestKey struct{}

// WithRequest is ctx of one request, before it reads anything. The recorder collects what is read in it;
// nil: nothing does.
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
}
