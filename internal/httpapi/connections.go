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

// Connections bounds the connections of an http.Server, as its ConnState and ConnContext. A
// connection is a stranger's until a request on it is authenticated, and then of the viewer
// who asked last: behind a proxy many share one. At the bound, the oldest stranger makes
// room for a new connection, whatever it does: so that no number of strangers keeps out a
// viewer or a health check. Viewers have three quarters of the bound, of which partners
// have two thirds, and one partner a quarter of those. There, the connection that waits
// longest for an authenticated request makes room for a new one. What else is asked on it,
// such as a file of the playground, does not protect it.
type Connections struct {
	max int

	mu        sync.Mutex
	open      map[net.Conn]*connection
	strangers *list.List     // of *connection, the oldest first
	idle      *list.List     // of *connection, viewers' without an authenticated request, the longest first
	viewers   int            // their connections
	partners  int            // those of partners
	each      map[string]int // those of each partner
}

// connection is what is known of an open connection.
type connection struct {
	net.Conn
	viewer  bool
	partner string        // whose it is, if it is a partner's
	place   *list.Element // in strangers or idle; nil while an authenticated request is served
}

// NewConnections makes a bound of so many connections.
func NewConnections(max int) *Connections {
	return &Connections{max: max, open: map[net.Conn]*connection{}, strangers: list.New(), idle: list.New(), each: map[string]int{}}
}

// State follows a connection: it is an http.Server's ConnState.
func (c *Connections) State(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.open[conn]
	switch {
	case state == http.StateNew:
		if len(c.open) >= c.max && !c.closeFirst(c.strangers, anybody) {
			_ = conn.Close()
			return
		}
		known = &connection{Conn: conn}
		known.place = c.strangers.PushBack(known)
		c.open[conn] = known
	case known == nil: // it was closed here
	case state == http.StateClosed || state == http.StateHijacked:
		c.drop(known)
	case state == http.StateIdle && known.place == nil:
		known.place = c.idle.PushBack(known)
	}
}

// drop forgets a connection.
func (c *Connections) drop(known *connection) {
	delete(c.open, known.Conn)
	c.count(known, -1)
	c.leave(known)
}

// leave takes a connection from the list that it is in.
func (c *Connections) leave(known *connection) {
	if known.place != nil {
		c.strangers.Remove(known.place) // only the list that it is in
		c.idle.Remove(known.place)
		known.place = nil
	}
}

// count adds to the numbers of the viewer whose connection it is.
func (c *Connections) count(known *connection, n int) {
	if !known.viewer {
		return
	}
	c.viewers += n
	if known.partner == "" {
		return
	}
	c.partners += n
	if c.each[known.partner] += n; c.each[known.partner] == 0 {
		delete(c.each, known.partner)
	}
}

func anybody(*connection) bool { return true }

// closeFirst closes the first connection of a list that is one of those, if there is any.
func (c *Connections) closeFirst(from *list.List, those func(*connection) bool) bool {
	for e := from.Front(); e != nil; e = e.Next() {
		if known := e.Value.(*connection); those(known) {
			c.drop(known)
			_ = known.Close()
			return true
		}
	}
	return false
}

// admit makes a connection a viewer's for an authenticated request, or says that there is
// no room for one more. partner is "" for staff.
func (c *Connections) admit(conn net.Conn, partner string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.open[conn]
	if known == nil { // it was closed here
		return false
	}
	c.leave(known)
	if known.viewer && known.partner == partner {
		return true
	}
	c.count(known, -1)
	if known.viewer = c.room(partner); !known.viewer {
		known.place = c.strangers.PushBack(known)
		return false
	}
	known.partner = partner
	c.count(known, 1)
	return true
}

// room makes room for one more connection of a viewer, and says whether there is.
func (c *Connections) room(partner string) bool {
	if partner != "" {
		theirs := func(k *connection) bool { return k.partner == partner }
		if c.each[partner] >= max(1, c.max/8) && !c.closeFirst(c.idle, theirs) {
			return false
		}
		partners := func(k *connection) bool { return k.partner != "" }
		if c.partners >= c.max/2 && !c.closeFirst(c.idle, partners) {
			return false
		}
	}
	return c.viewers < c.max-max(1, c.max/4) || c.closeFirst(c.idle, anybody)
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
	partner := ""
	if v.Role == auth.RolePartner {
		partner = v.Subject
	}
	return !ok || c.bound.admit(c.conn, partner)
}
