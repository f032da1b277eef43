package redistest

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/partnergraph/partnergraph/internal/redisclient"
)

// Proxy is a TCP proxy in front of a server. A test can cut it, and change what it forwards.
type Proxy struct {
	listener net.Listener
	server   string
	wrap     func(client net.Conn) io.ReadWriter

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
	wg    sync.WaitGroup
}

// StartProxy starts a proxy in front of a server. It ends with the test. Bytes to and from
// a client pass through what wrap makes of its connection; nil changes nothing.
func StartProxy(t testing.TB, s *Server, wrap func(client net.Conn) io.ReadWriter) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, server: s.address, wrap: wrap, conns: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.Cut(true)
		p.wg.Wait()
	})
	return p
}

// Target is where the proxy is.
func (p *Proxy) Target() redisclient.Target {
	address := redisclient.NewAddress("redis://" + p.listener.Addr().String())
	return redisclient.Target{Addresses: []redisclient.Address{address}}
}

// Cut closes all connections and refuses new ones, until Cut(false).
func (p *Proxy) Cut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	if cut {
		for c := range p.conns {
			_ = c.Close()
		}
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		if p.cut {
			_, _ = client.Close(), server.Close()
		} else {
			p.conns[client], p.conns[server] = true, true
			p.wg.Go(func() { p.forward(client, server) })
		}
		p.mu.Unlock()
	}
}

// forward copies both ways until one side ends.
func (p *Proxy) forward(client, server net.Conn) {
	var near io.ReadWriter = client
	if p.wrap != nil {
		near = p.wrap(client)
	}
	ended := make(chan bool, 2)
	for _, way := range [][2]io.ReadWriter{{server, near}, {near, server}} {
		p.wg.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			ended <- true
		})
	}
	<-ended
	_, _ = client.Close(), server.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, client)
	delete(p.conns, server)
}
