package httpapi

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/partnergraph/partnergraph/internal/auth"
)

// MaxHeader is how many bytes the request line and the headers of a request may have, for
// http.Server.MaxHeaderBytes.
const MaxHeader = 16 << 10

// Connections bounds the connections of an http.Server, as its ConnState and ConnContext. A connection is
// a stranger's until a request on it is authenticated, and then a viewer's. At the bound, the oldest
// stranger makes room for a new connection, whatever it does: so that no number of strangers keeps out a
// viewer or a health check. Viewers have three quarters of the bound, of which partners have two thirds.
// There, the viewer who waits longest for a request makes room for a new one.
type Connections struct {
	max int

	mu        sync.Mutex
	open      map[net.Conn]*connection
	strangers *list.List // of *connection, the oldest first
	idle      *list.List // of *connection, viewers' without a request, the longest first
	viewers   int
	partners  int // of the viewers
}

// connection is what is known of an open connection.
type connection struct {
	net.Conn
	viewer, partner bool
	place           *list.Element // in strangers or idle; nil for a viewer's that is served
}

// NewConnections makes a bound of so many connections.
func NewConnections(max int) *Connections {
	return &Connections{max: max, open: map[net.Conn]*connection{}, strangers: list.New(), idle: list.New()}
}

// State follows a connection: it is an http.Server's ConnState.
func (c *Connections) State(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.open[conn]
	switch {
	case state == http.StateNew:
		if len(c.open) >= c.max && !c.closeFirst(c.strangers, false) {
			_ = conn.Close()
			return
		}
		known = &connection{Conn: conn}
		known.place = c.strangers.PushBack(known)
		c.open[conn] = known
	case known == nil: // it was closed here
	case state == http.StateClosed || state == http.StateHijacked:
		c.drop(known)
	case !known.viewer:
	case state == http.StateIdle:
		known.place = c.idle.PushBack(known)
	case known.place != nil: // it is served again
		c.idle.Remove(known.place)
		known.place = nil
	}
}

// drop forgets a connection.
func (c *Connections) drop(known *connection) {
	delete(c.open, known.Conn)
	if known.place != nil {
		c.strangers.Remove(known.place) // only the list that it is in
		c.idle.Remove(known.place)
	}
	if known.viewer {
		c.viewers--
	}
	if known.partner {
		c.partners--
	}
}

// closeFirst closes the first connection of a list, or the first of a partner, if there is one.
func (c *Connections) closeFirst(from *list.List, partner bool) bool {
	for e := from.Front(); e != nil; e = e.Next() {
		if known := e.Value.(*connection); known.partner || !partner {
			c.drop(known)
			_ = known.Close()
			return true
		}
	}
	return false
}

// admit makes a connection a viewer's, or says that there is no room for one more.
func (c *Connections) admit(conn net.Conn, partner bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.open[conn]
	if known == nil || known.viewer { // it was closed here, or is one already
		return known != nil
	}
	if partner && c.partners >= c.max/2 && !c.closeFirst(c.idle, true) {
		return false
	}
	if c.viewers >= c.max-max(1, c.max/4) && !c.closeFirst(c.idle, false) {
		return false
	}
	c.strangers.Remove(known.place)
	known.viewer, known.partner, known.place = true, partner, nil
	c.viewers++
	if partner {
		c.partners++
	}
	return true
}

// client is the connection of a request.
type client struct {
	bound *Connections
	conn  net.Conn
}

type clientKey struct{}

// Context tells requests of their connection: it is an http.Server's ConnContext.
func (c *Connections) Context(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, clientKey{}, client{c, conn})
}

// admitted says whether there is room for the connection of a viewer, who was authenticated.
func admitted(ctx context.Context, v *auth.Viewer) bool {
	c, ok := ctx.Value(clientKey{}).(client)
	return !ok || c.bound.admit(c.conn, v.Role == auth.RolePartner)
}
