package rest

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// The types of HTTP/2 frames, and their flags.
const (
	dataFrame, headersFrame, resetFrame, settingsFrame, goAwayFrame = 0, 1, 3, 4, 7

	endOfStream, ackOfSettings = 1, 1
)

// resetVendor speaks HTTP/2, takes each request whole, and answers it with a frame.
type resetVendor struct {
	listener net.Listener
	answer   func(stream uint32) []byte
	requests atomic.Int64

	connections sync.Map // net.Conn
}

func frame(kind byte, stream uint32, payload ...byte) []byte {
	b := []byte{0, 0, byte(len(payload)), kind, 0}
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

func (v *resetVendor) serve() {
	for {
		conn, err := v.listener.Accept()
		if err != nil {
			return
		}
		v.connections.Store(conn, true)
		go v.converse(conn)
	}
}

func (v *resetVendor) close() {
	_ = v.listener.Close()
	for conn := range v.connections.Range {
		_ = conn.(net.Conn).Close()
	}
}

func (v *resetVendor) converse(conn net.Conn) {
	defer conn.Close()
	preface := make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	if _, err := io.ReadFull(conn, preface); err != nil {
		return
	}
	_, _ = conn.Write(frame(settingsFrame, 0))
	for head := make([]byte, 9); ; {
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		length := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		if _, err := io.CopyN(io.Discard, conn, length); err != nil {
			return
		}
		switch kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:]); {
		case kind == settingsFrame && flags&ackOfSettings == 0:
			ack := frame(settingsFrame, 0)
			ack[4] = ackOfSettings
			_, _ = conn.Write(ack)
		case (kind == headersFrame || kind == dataFrame) && flags&endOfStream != 0:
			v.requests.Add(1)
			_, _ = conn.Write(v.answer(stream))
		}
	}
}

// A write over HTTP/2 that the vendor took and then reset is sent once, whatever reason the
// vendor gives, and a read no more often than its attempts may: net/http would send them
// again for some of them, until the deadline.
func TestResetStreams(t *testing.T) {
	certified := httptest.NewTLSServer(nil)
	t.Cleanup(certified.Close)
	reset := func(code byte) func(uint32) []byte {
		return func(stream uint32) []byte { return frame(resetFrame, stream, 0, 0, 0, code) }
	}
	for name, answer := range map[string]func(stream uint32) []byte{
		"no error": reset(0), "protocol error": reset(1), "internal error": reset(2), "refused": reset(7), "canceled": reset(8), "too many": reset(11),
		"gone away": func(uint32) []byte { return frame(goAwayFrame, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
	} {
		requests := writes()
		requests["GET"] = Request{Op: "GET /things", Path: "/things"}
		for write, r := range requests {
			t.Run(name+" "+write, func(t *testing.T) {
				t.Parallel()
				listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2"}})
				if err != nil {
					t.Fatal(err)
				}
				v := &resetVendor{listener: listener, answer: answer}
				defer v.close()
				go v.serve()
				transport := certified.Client().Transport.(*http.Transport).Clone()
				transport.ForceAttemptHTTP2 = true
				defer transport.CloseIdleConnections()
				f := newFixture("https://"+listener.Addr().String(), transport, func(c *Config) { c.Pause = func(time.Duration) time.Duration { return 0 } })
				r.Into = new(any)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				if r.method() == http.MethodGet {
					if e := asError(t, f.Get(ctx, r)); e.Unsent || v.requests.Load() > maxAttempts*(maxConnections+1) {
						t.Errorf("sent %d times: %+v", v.requests.Load(), e)
					}
					return
				}
				e := asError(t, f.Send(ctx, r))
				if e.Unsent || e.Refused || providers.NothingWritten(e) || v.requests.Load() != 1 {
					t.Errorf("sent %d times: %+v", v.requests.Load(), e)
				}
			})
		}
	}
}
