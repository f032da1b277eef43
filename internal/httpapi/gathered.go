package httpapi

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"sync"
	"time"
)

// gathered is the connection of a WebSocket. What is written while it is held goes out
// together: a write of its own for each message would take most of the time that a stream of
// changes takes. It is safe for concurrent use.
type gathered struct {
	net.Conn
	first []byte // was read with the request

	mu    sync.Mutex
	holds int
	waits *bytes.Buffer // nil for nothing
	lost  error         // why a write failed: nothing is sent behind it
}

const (
	// maxGathered is how many bytes wait at most.
	maxGathered = 16 << 10
	// readBuffer and writeBuffer are the buffers of a WebSocket. Clients' messages are small, and
	// what is larger passes them by.
	readBuffer, writeBuffer = 256, 256
)

// gatherer has a WebSocket made of a gathered connection.
type gatherer struct {
	http.ResponseWriter
	conn *gathered
}

// Hijack takes the connection out of the server.
func (g *gatherer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(g.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	first, _ := buffers.Reader.Peek(buffers.Reader.Buffered())
	g.conn = &gathered{Conn: conn, first: bytes.Clone(first)}
	return g.conn, bufio.NewReadWriter(bufio.NewReaderSize(g.conn, readBuffer), bufio.NewWriterSize(g.conn, writeBuffer)), nil
}

func (g *gathered) Read(p []byte) (int, error) {
	if len(g.first) > 0 {
		n := copy(p, g.first)
		if g.first = g.first[n:]; len(g.first) == 0 {
			g.first = nil
		}
		return n, nil
	}
	return g.Conn.Read(p)
}

// Write takes as long as a client may take to receive what is sent.
func (g *gathered) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waits != nil && (g.holds == 0 || g.waits.Len()+len(p) > maxGathered) {
		if err := g.send(); err != nil {
			return 0, err
		}
	}
	if g.holds == 0 || len(p) > maxGathered {
		return g.write(p)
	}
	if g.waits == nil {
		g.waits = texts.Get().(*bytes.Buffer)
		g.waits.Reset()
	}
	return g.waits.Write(p)
}

func (g *gathered) write(p []byte) (int, error) {
	if g.lost != nil {
		return 0, g.lost
	}
	_ = g.SetWriteDeadline(time.Now().Add(sendTime))
	n, err := g.Conn.Write(p)
	g.lost = err
	return n, err
}

// send writes what waits. The lock is held.
func (g *gathered) send() error {
	if g.waits == nil {
		return nil
	}
	_, err := g.write(g.waits.Bytes())
	texts.Put(g.waits)
	g.waits = nil
	return err
}

// hold has what is written wait until release.
func (g *gathered) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds++
}

// release sends what waits, unless somebody else holds it.
func (g *gathered) release() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.holds--; g.holds > 0 {
		return nil
	}
	return g.send()
}
