package httpapi_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"testing"
)

// maxIdleBytes bounds what an idle subscription takes, with the client's end of it. A third are
// the stacks of two goroutines, which have run nothing else: those of the handlers are larger.
const maxIdleBytes = 40 << 10

// TestIdleSubscriptions wants an idle subscription to take no more memory than that. The
// clients are bare connections, because they are in the same process.
func TestIdleSubscriptions(t *testing.T) {
	const n = 300
	document, _ := json.Marshal(map[string]any{"query": changesDocument})
	frame := func(text string) []byte {
		header := binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(text)))
		return append(append(header, 0, 0, 0, 0), text...) // a mask of zeros changes nothing
	}
	for name, opening := range map[string]string{
		"events": fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n"+
			"Content-Length: %d\r\n\r\n%s", len(document), document),
		"socket": "GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
			"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			l := newLive(t, nil)
			address, err := url.Parse(l.url)
			if err != nil {
				t.Fatal(err)
			}
			used := func() uint64 {
				var m runtime.MemStats
				for range 8 { // each halves stacks that are mostly unused
					runtime.GC()
				}
				runtime.ReadMemStats(&m)
				return m.HeapInuse + m.StackInuse
			}
			open := func() {
				conn, err := net.Dial("tcp", address.Host)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = conn.Close() })
				if _, err := conn.Write([]byte(opening)); err != nil {
					t.Fatal(err)
				}
				if name == "socket" {
					answer := make([]byte, 1)
					if _, err := conn.Read(answer); err != nil {
						t.Fatal(err)
					}
					_, _ = conn.Write(frame(`{"type":"connection_init"}`))
					_, _ = conn.Write(frame(`{"id":"1","type":"subscribe","payload":` + string(document) + `}`))
				}
			}
			open() // what is made once
			l.subscribed(t, 1)
			before := used()
			for range n {
				open()
			}
			l.subscribed(t, n+1)
			each := (used() - before) / n
			t.Logf("%d bytes each", each)
			if each > maxIdleBytes {
				t.Errorf("an idle subscription takes %d bytes, and %d are allowed", each, maxIdleBytes)
			}
		})
	}
}
