package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/internal/apierror"
)

// socketProtocol is the subprotocol of GraphQL over WebSockets:
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.
const socketProtocol = "graphql-transport-ws"

const (
	// initTime is how long a client may take to say who it is.
	initTime = 10 * time.Second
	// pingTime is how often a client is asked whether it is still there.
	pingTime = 25 * time.Second
	// maxOperations is how many operations run at once on one socket.
	maxOperations = 100
	// maxID is how many bytes the id of an operation may have, and maxReason how many of them
	// the reason shows with which a socket is closed: a reason has 125 bytes at most.
	maxID, maxReason = 128, 80
)

// The codes with which a socket is closed, as the protocol has them.
const (
	closeBadRequest   = 4400
	closeUnauthorized = 4401
	closeForbidden    = 4403
	closeInitTimeout  = 4408
	closeDuplicate    = 4409
	closeTooManyInits = 4429
)

// upgrades says whether a request is for a WebSocket.
func upgrades(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// serveSocket answers a request for a WebSocket, and returns when the socket is open.
func (s streams) serveSocket(w http.ResponseWriter, r *http.Request) {
	now := s.state.serving.Load()
	if !slices.ContainsFunc(r.Header["Sec-Websocket-Protocol"], func(names string) bool {
		return slices.ContainsFunc(strings.Split(names, ","), func(name string) bool { return strings.TrimSpace(name) == socketProtocol })
	}) {
		refused(http.StatusBadRequest, apierror.BadUserInput, "the WebSocket has to have the subprotocol "+socketProtocol).answer(w, r)
		return
	}
	if presents(r.Header) {
		if _, err := now.viewer(r); err != nil {
			w.Header().Set("WWW-Authenticate", challenge(err))
			refused(http.StatusUnauthorized, apierror.Unauthenticated, err.Error()).answer(w, r)
			return
		}
	}
	// The connection is counted here from now on, and goes on when this handler has returned.
	ctx, end := context.WithCancel(context.WithValue(context.WithoutCancel(r.Context()), clientKey{}, nil))
	place, ok := s.state.sockets.enter(end, now.limits.all)
	if !ok {
		end()
		overloaded("limits.subscriptions").answer(w, r)
		return
	}
	taken := &gatherer{ResponseWriter: w}
	conn, err := websocket.Accept(taken, r, &websocket.AcceptOptions{
		Subprotocols:       []string{socketProtocol},
		InsecureSkipVerify: true, // the origin was checked: see invited
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		end()
		place.leave()
		return
	}
	conn.SetReadLimit(MaxHeader) // until the client has said who it is, which headers say elsewhere
	c := &socket{
		streams: s, conn: conn, wire: taken.conn, ctx: ctx,
		header: credentials(r.Header), place: place, operations: map[string]context.CancelFunc{},
	}
	go func() {
		defer place.leave()
		c.serve()
		end()
		c.running.Wait()
		_ = conn.CloseNow()
	}()
}

// presents says whether headers have credentials.
func presents(h http.Header) bool { return h.Get("Authorization") != "" || h.Get("X-Api-Key") != "" }

// credentials are the headers that requests on a socket have.
func credentials(h http.Header) http.Header {
	kept := http.Header{}
	for _, name := range []string{"Authorization", "X-Api-Key", ExplainHeader, "User-Agent"} {
		for _, value := range h.Values(name) {
			kept.Add(name, strings.Clone(value)) // a part of the request would keep all of that in memory
		}
	}
	return kept
}

// socket is a WebSocket that runs operations.
type socket struct {
	streams
	conn   *websocket.Conn
	wire   *gathered       // below conn
	ctx    context.Context // ends with the socket
	place  *socketPlace
	header http.Header // of the requests that operations are

	running sync.WaitGroup // operations, and what closes the socket

	mu         sync.Mutex
	known      bool // the client said who it is
	operations map[string]context.CancelFunc
	busy       int         // operations for which something runs, also those that the client has completed
	lastWords  int         // operations that have ended, of which the client is being told
	timer      *time.Timer // closes the socket without a connection_init, later pings
	closed     bool
}

// message is what client and server send each other.
type message struct {
	ID      *string         `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// serve reads messages until the socket is closed.
func (c *socket) serve() {
	c.mu.Lock()
	c.timer = time.AfterFunc(initTime, func() { c.background(func() { c.close(closeInitTimeout, "Connection initialisation timeout") }) })
	c.mu.Unlock()
	drained := context.AfterFunc(c.state.ending, func() { c.background(c.drain) })
	defer drained()
	for {
		kind, text, err := c.conn.Read(c.ctx)
		if err != nil {
			break
		}
		var m message
		if kind != websocket.MessageText || json.Unmarshal(text, &m) != nil {
			c.close(closeBadRequest, "Invalid message received")
			continue
		}
		c.receive(m)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.timer.Stop()
	for _, cancel := range c.operations {
		cancel()
	}
}

// background runs what is waited for before the socket is given up.
func (c *socket) background(do func()) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.running.Add(1)
	c.mu.Unlock()
	defer c.running.Done()
	do()
}

// close closes the socket with a code.
func (c *socket) close(code websocket.StatusCode, reason string) {
	_ = c.conn.Close(code, reason)
}

// receive answers a message.
func (c *socket) receive(m message) {
	switch m.Type {
	case "connection_init":
		c.begin(m.Payload)
	case "ping":
		c.send(message{Type: "pong", Payload: m.Payload})
	case "pong":
	case "subscribe":
		c.subscribe(m)
	case "complete":
		if m.ID == nil {
			c.close(closeBadRequest, "Invalid message received")
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if cancel := c.operations[*m.ID]; cancel != nil {
			cancel()
			delete(c.operations, *m.ID)
		}
	default:
		c.close(closeBadRequest, "Invalid message received")
	}
}

// begin finds out who the client is, by the payload of its connection_init or by the headers
// of the request.
func (c *socket) begin(payload json.RawMessage) {
	c.mu.Lock()
	again := c.known
	c.mu.Unlock()
	if again {
		c.close(closeTooManyInits, "Too many initialisation requests")
		return
	}
	var members map[string]json.RawMessage
	if payload != nil && !isNull(payload) && json.Unmarshal(payload, &members) != nil {
		c.close(closeBadRequest, "Invalid message received")
		return
	}
	for name, value := range members {
		for _, header := range []string{"Authorization", "X-Api-Key"} {
			var text string
			if strings.EqualFold(name, header) && json.Unmarshal(value, &text) == nil {
				c.header.Add(header, text) // one beside that of the request is refused, unless it is the same
				c.header[header] = slices.Compact(c.header[header])
			}
		}
	}
	now := c.state.serving.Load()
	v, err := now.viewer(c.request(c.ctx, nil))
	if err != nil {
		c.close(closeForbidden, "Forbidden")
		return
	}
	if !c.place.known(v, now.limits) {
		c.close(websocket.StatusTryAgainLater, "too many WebSockets are open (limits.viewer_subscriptions, limits.subscriptions): close one first")
		return
	}
	c.conn.SetReadLimit(now.body + 1<<10)
	c.mu.Lock()
	c.known = true
	c.timer.Stop()
	c.timer = time.AfterFunc(pingTime, func() { c.background(c.ping) })
	c.mu.Unlock()
	c.send(message{Type: "connection_ack"})
}

// ping looks whether the client is still there, and is still known.
func (c *socket) ping() {
	ctx, cancel := context.WithTimeout(c.ctx, sendTime)
	defer cancel()
	if c.conn.Ping(ctx) != nil {
		_ = c.conn.CloseNow()
		return
	}
	if _, err := c.state.serving.Load().viewer(c.request(ctx, nil)); err != nil {
		c.expire()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.timer.Reset(pingTime)
	}
}

// expire closes the socket of a client who is not known any more.
func (c *socket) expire() {
	c.close(closeForbidden, "Forbidden")
}

// drain closes the socket when its operations have ended, with a code after which clients
// connect again.
func (c *socket) drain() {
	ended := time.NewTicker(roomPause)
	defer ended.Stop()
	for {
		c.mu.Lock()
		n := len(c.operations) + c.lastWords
		c.mu.Unlock()
		if n == 0 {
			c.close(websocket.StatusServiceRestart, "the server stops: connect again")
			return
		}
		select {
		case <-ended.C:
		case <-c.ctx.Done():
			return
		}
	}
}

// request is a request of the client.
func (c *socket) request(ctx context.Context, body []byte) *http.Request {
	return ownRequest(ctx, c.header, body)
}

// subscribe begins an operation, or refuses it. Refusals are sent before the next message is
// read, so that a client has no more of them sent at once than it reads.
func (c *socket) subscribe(m message) {
	if m.ID == nil || *m.ID == "" || len(*m.ID) > maxID || !isObject(m.Payload) {
		c.close(closeBadRequest, "Invalid message received")
		return
	}
	ctx, cancel := context.WithCancel(c.ctx)
	out := &socketSink{socket: c, id: *m.ID, ctx: ctx}
	out.over = func() {
		cancel()
		c.mu.Lock()
		c.busy--
		c.mu.Unlock()
		c.running.Done()
	}
	c.mu.Lock()
	known, again := c.known, c.operations[out.id] != nil
	full := len(c.operations) >= maxOperations || c.busy >= 2*maxOperations
	if known && !again && !full {
		c.operations[out.id] = cancel
		c.busy++
		c.running.Add(1)
		c.mu.Unlock()
		go runOperation(ctx, c.state.serving.Load(), c.header, m.Payload, out)
		return
	}
	c.mu.Unlock()
	defer cancel()
	switch {
	case !known:
		c.close(closeUnauthorized, "Unauthorized")
	case again:
		c.close(closeDuplicate, "Subscriber for "+out.id[:min(len(out.id), maxReason)]+" already exists")
	default:
		(&socketSink{socket: c, id: out.id}).fail(gqlerror.List{noRoom("operations of one WebSocket")})
	}
}

// send sends a message, within the time that a client may take to receive it.
func (c *socket) send(m message) {
	text, err := json.Marshal(m)
	if err == nil {
		_ = c.write(text)
	}
}

// write sends the text of a message. The context is the socket's: to end a write is to close
// the socket.
func (c *socket) write(parts ...[]byte) error {
	if len(parts) == 1 {
		return c.conn.Write(c.ctx, websocket.MessageText, parts[0])
	}
	text := texts.Get().(*bytes.Buffer)
	defer func() {
		if text.Cap() <= maxText {
			texts.Put(text)
		}
	}()
	text.Reset()
	for _, part := range parts {
		text.Write(part)
	}
	return c.conn.Write(c.ctx, websocket.MessageText, text.Bytes())
}

// texts are buffers for messages: one that is written in parts is sent in as many frames.
var texts = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxText is how large a buffer may be that is used again.
const maxText = 64 << 10

// socketSink sends the results of an operation over a socket.
type socketSink struct {
	socket *socket
	id     string
	ctx    context.Context // of the operation: it ends when the client wants no more results
	over   func()          // is called when nothing runs for the operation any more
	ended  bool
	going  bool // it goes on behind its request
	holds  bool // the connection, until flush
}

var errCompleted = errors.New("the client has completed the operation")

func (o *socketSink) next(parts ...[]byte) error {
	if o.ctx.Err() != nil {
		return errCompleted
	}
	if !o.holds {
		o.holds = true
		o.socket.wire.hold()
	}
	id, _ := json.Marshal(o.id)
	text := [][]byte{[]byte(`{"id":`), id, []byte(`,"type":"next","payload":`)}
	return o.socket.write(append(append(text, parts...), []byte("}"))...)
}

func (o *socketSink) flush() error {
	if !o.holds {
		return nil
	}
	o.holds = false
	return o.socket.wire.release()
}

func (o *socketSink) fail(errs gqlerror.List) {
	payload, err := json.Marshal(errs)
	if err != nil {
		return
	}
	o.end(message{ID: &o.id, Type: "error", Payload: payload})
	if len(errs) > 0 && errs[0].Extensions["code"] == apierror.Unauthenticated {
		go o.socket.background(o.socket.expire)
	}
}

func (o *socketSink) complete() { o.end(message{ID: &o.id, Type: "complete"}) }

// end forgets the operation, and then tells the client, who may use its id again. A client
// who has completed the operation is not told.
func (o *socketSink) end(last message) {
	c := o.socket
	_ = o.flush()
	c.mu.Lock()
	told := !o.ended && (o.ctx == nil || o.ctx.Err() == nil)
	o.ended = true
	if told {
		c.lastWords++
		if o.ctx != nil {
			delete(c.operations, o.id)
		}
	}
	c.mu.Unlock()
	if told {
		c.send(last)
		c.mu.Lock()
		c.lastWords--
		c.mu.Unlock()
	}
}

func (o *socketSink) done() bool { return o.ended }

func (o *socketSink) goOn(ctx context.Context, _ *http.Request) (context.Context, func(), bool) {
	o.going = true
	return ctx, func() { finish(o, nil) }, true
}

func (o *socketSink) goes() bool { return o.going }

func (o *socketSink) close() { o.over() }

func (o *socketSink) beat() error { return nil } // the socket has pings of its own
