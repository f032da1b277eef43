package httpapi

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// MaxHeader is how many bytes the request line and the headers of a request may have, for
// http.Server.MaxHeaderBytes.
const MaxHeader = 16 << 10

// Connections bounds the connections of an http.Server, as its ConnState. At the bound, the one that
// waits longest for a request makes room for a new one; where none waits, the new one is closed.
type Connections struct {
	max int

	mu      sync.Mutex
	open    map[net.Conn]*list.Element // the element is nil while a request is served
	waiting *list.List                 // of net.Conn, the longest first
}

// NewConnections makes a bound of so many connections.
func NewConnections(max int) *Connections {
	return &Connections{max: max, open: map[net.Conn]*list.Element{}, waiting: list.New()}
}

// State follows a connection: it is an http.Server's ConnState. A connection is active from the end of a
// request's headers, so that one which sends them slowly counts as waiting.
func (c *Connections) State(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, known := c.open[conn]
	if !known && state != http.StateNew {
		return // it was closed here
	}
	if element != nil {
		c.waiting.Remove(element)
	}
	switch state {
	case http.StateNew:
		if len(c.open) >= c.max && !c.makeRoom() {
			_ = conn.Close()
			return
		}
		c.open[conn] = c.waiting.PushBack(conn)
	case http.StateIdle:
		c.open[conn] = c.waiting.PushBack(conn)
	case http.StateActive:
		c.open[conn] = nil
	default: // closed, or hijacked
		delete(c.open, conn)
	}
}

// makeRoom closes the connection that waits longest, if one does.
func (c *Connections) makeRoom() bool {
	oldest := c.waiting.Front()
	if oldest == nil {
		return false
	}
	conn := c.waiting.Remove(oldest).(net.Conn)
	delete(c.open, conn)
	_ = conn.Close()
	return true
}
