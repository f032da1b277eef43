package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
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
