package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestServerBounds wants the server's own bounds in force: of headers, of bodies and of
// connections.
func TestServerBounds(t *testing.T) {
	const connections = 10
	path := write(t, sandboxed(t)+fmt.Sprintf("limits: { connections: %d }\n", connections))
	s := start(t, "serve", "--config", path, "--listen", "127.0.0.1:0")
	address := s.stdout.await(t, `GraphQL +http://(\S+)/graphql`)[1]
	dial := func() (net.Conn, *bufio.Reader) {
		t.Helper()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c, bufio.NewReader(c)
	}
	ask := func(c net.Conn, r *bufio.Reader, header string) (status int, body string) {
		t.Helper()
		const query = `{"query":"{ __typename }"}`
		const head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
		if _, err := fmt.Fprintf(c, "%sContent-Length: %d\r\n%s\r\n%s", head, len(query), header, query); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	for _, c := range []struct {
		header string
		status int
		says   string
	}{
		{"", 200, `"data"`},
		{"X-Long: " + strings.Repeat("x", 15<<10) + "\r\n", 200, `"data"`},
		{"X-Long: " + strings.Repeat("x", 16<<10) + "\r\n", 431, `"limit":"header"`},
		{"X-Long: " + strings.Repeat("x", 40<<10) + "\r\n", 431, "431 Request Header Fields Too Large"},
		{"Content-Encoding: gzip\r\n", 415, "gzip"},
		{"Accept: " + strings.Repeat("a/b,", 1000) + "\r\n", 406, `"limit":"header"`},
	} {
		conn, r := dial()
		if status, body := ask(conn, r, c.header); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%.20s… of %d bytes: %d %s, want %d", c.header, len(c.header), status, body, c.status)
		}
		_ = conn.Close()
	}

	first, firstReader := dial()
	ask(first, firstReader, "")
	for range connections {
		conn, r := dial()
		if status, _ := ask(conn, r, ""); status != 200 {
			t.Errorf("a new connection: %d", status)
		}
	}
	if _, err := firstReader.ReadByte(); err == nil {
		t.Error("the oldest idle connection is open beyond limits.connections")
	}
}

// TestOperatorConnections wants the connections of the listener of operators bounded, too.
func TestOperatorConnections(t *testing.T) {
	s := start(t, "serve", "--config", write(t, sandboxed(t)+"admin: { listen: 127.0.0.1:0 }\n"), "--listen", "127.0.0.1:0")
	address := s.stderr.await(t, `"adminAddress":"([^"]+)"`)[1]
	var first net.Conn
	for n := range operatorConnections + 1 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if n == 0 {
			first = conn
		}
	}
	if status, _ := get(t, "http://"+address+"/healthz"); status != http.StatusOK {
		t.Errorf("a new connection: %d", status)
	}
	if err := first.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the oldest connection is open beyond the bound: %v", err)
	}
}
