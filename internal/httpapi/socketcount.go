package httpapi

import (
	"context"
	"slices"
	"sync"

	"github.com/partnergraph/partnergraph/internal/auth"
)

// socketCount bounds the sockets that are open at once. Where there are too many, the oldest
// whose client has not said who it is makes room. One viewer, and all partners, have as many as
// they may have subscriptions: a socket without one is of no use.
type socketCount struct {
	viewers   *streamCount // the sockets whose clients have said who they are
	mu        sync.Mutex
	all       int
	strangers []*socketPlace // the oldest first
}

type socketPlace struct {
	count  *socketCount
	end    context.CancelFunc
	forget func() // ends the count of the viewer's sockets; nil while the client has not said who it is
	gone   bool
}

func newSocketCount() *socketCount { return &socketCount{viewers: newStreamCount()} }

// enter counts a socket. end ends it.
func (c *socketCount) enter(end context.CancelFunc, max int) (*socketPlace, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if max > 0 && c.all >= max {
		if len(c.strangers) == 0 {
			return nil, false
		}
		oldest := c.strangers[0]
		c.strangers = slices.Delete(c.strangers, 0, 1)
		oldest.gone = true
		c.all--
		oldest.end()
	}
	p := &socketPlace{count: c, end: end}
	c.all++
	c.strangers = append(c.strangers, p)
	return p, true
}

// known notes who the client of the socket is, and says whether they may have one more. It is
// called by the goroutine that calls leave.
func (p *socketPlace) known(v *auth.Viewer, limits streamLimits) bool {
	forget, bad := p.count.viewers.enter(v, limits)
	if bad != nil {
		return false
	}
	p.forget = forget
	p.count.drop(p, 0)
	return true
}

// leave ends the count of the socket.
func (p *socketPlace) leave() {
	if p.forget != nil {
		p.forget()
	}
	p.count.drop(p, 1)
}

func (c *socketCount) drop(p *socketPlace, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.strangers = slices.DeleteFunc(c.strangers, func(other *socketPlace) bool { return other == p })
	if !p.gone {
		c.all -= n
		p.gone = n > 0
	}
}
