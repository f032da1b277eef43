package httpapi_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/httpapi"
)

// bounded is a server whose connections are bounded, and what the bound and the tests hear
// of them.
type bounded struct {
	*httptest.Server
	t      *testing.T
	states chan http.ConnState

	mu   sync.Mutex
	open map[net.Conn]bool
	most int // connections at once
}

// serveBounded serves a handler on so many connections.
func serveBounded(t *testing.T, handler http.Handler, allowed int) *bounded {
	bound := httpapi.NewConnections(allowed)
	b := &bounded{Server: httptest.NewUnstartedServer(handler), t: t, states: make(chan http.ConnState, 10_000), open: map[net.Conn]bool{}}
	b.Config.ConnContext = bound.Context
	b.Config.ConnState = func(c net.Conn, s http.ConnState) {
		bound.State(c, s)
		b.mu.Lock()
		defer b.mu.Unlock()
		if delete(b.open, c); s == http.StateActive {
			b.open[c] = true
		}
		b.most = max(b.most, len(b.open))
		b.states <- s
	}
	b.Start()
	t.Cleanup(b.Close)
	return b
}

// await waits until connections were in a state so many times.
func (b *bounded) await(state http.ConnState, times int) {
	for times > 0 {
		if <-b.states == state {
			times--
		}
	}
}

// peer is a client's connection.
type peer struct {
	net.Conn
	*bufio.Reader
}

func (p peer) Read(b []byte) (int, error) { return p.Reader.Read(b) }

func (b *bounded) dial() peer {
	b.t.Helper()
	c, err := net.Dial("tcp", b.Listener.Addr().String())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute)) // the end of a test that fails
	return peer{c, bufio.NewReader(c)}
}

// ask sends the text of a request, and returns the status of its answer.
func (p peer) ask(text string) (status int, err error) {
	if _, err := io.WriteString(p, text); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(p.Reader, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// get is the text of a request without a body.
func get(path string, header ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + strings.Join(append(header, ""), "\r\n") + "\r\n"
}

// Whose a request to serveAdmitted is. A name may follow.
const (
	asStaff   = "Role: " + string(auth.RoleReader)
	asPartner = "Role: " + string(auth.RolePartner)
)

// serveAdmitted serves requests of viewers who are admitted, and of strangers. Those that
// wait are served until the release.
func serveAdmitted(t *testing.T, allowed int) (s *admitting, wait func(p peer, header string)) {
	end, serving := make(chan struct{}), make(chan struct{}, 100)
	s = &admitting{release: sync.OnceFunc(func() { close(end) })}
	s.bounded = serveBounded(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		role, name, _ := strings.Cut(r.Header.Get("Role"), " ")
		if role != "" && !httpapi.Admitted(r.Context(), &auth.Viewer{Role: auth.Role(role), Subject: "of " + name}) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if r.URL.Path == "/wait" {
			serving <- struct{}{}
			<-end
		}
	}), allowed)
	t.Cleanup(s.release)
	return s, func(p peer, header string) {
		t.Helper()
		if _, err := io.WriteString(p, get("/wait", header)); err != nil {
			t.Fatal(err)
		}
		<-serving
	}
}

type admitting struct {
	*bounded
	release func()
}

// TestConnections wants the number of connections bounded. Beyond it the stranger who came
// first is closed, whatever is served; beyond the viewers' part the viewer who waits
// longest is, and none that is served.
func TestConnections(t *testing.T) {
	const allowed, viewers, partners = 8, 6, 4
	s, hold := serveAdmitted(t, allowed)
	ask := func(text string) (peer, int) {
		t.Helper()
		p := s.dial()
		status, err := p.ask(text)
		if err != nil {
			t.Fatalf("a new connection: %v", err)
		}
		s.await(http.StateIdle, 1)
		return p, status
	}
	wait := func(role string) (p peer) {
		t.Helper()
		p = s.dial()
		hold(p, role)
		return p
	}
	const staff, partner = asStaff, asPartner
	busy := wait(staff)
	stranger := wait("Nothing: here")
	first, _ := ask(get("/", staff))
	for range 4 * allowed { // some idle, some without a request
		ask(get("/", partner))
		ask(get("/"))
		s.dial()
	}
	if _, err := stranger.ReadByte(); err == nil {
		t.Error("the oldest stranger is served beside many that are newer")
	}
	for n := range partners {
		wait(fmt.Sprint(partner, " ", n))
	}
	if _, status := ask(get("/", partner)); status != http.StatusServiceUnavailable {
		t.Errorf("%d for one partner more than may be connected", status)
	}
	for range viewers - partners - 1 {
		wait(staff)
	}
	if _, err := first.ReadByte(); err == nil {
		t.Error("the oldest idle connection is open")
	}
	if _, status := ask(get("/", staff)); status != http.StatusServiceUnavailable {
		t.Errorf("%d for one viewer more than may be connected", status)
	}
	for range allowed {
		if _, status := ask(get("/")); status != http.StatusOK {
			t.Errorf("a stranger beside busy viewers: %d", status)
		}
	}
	s.release()
	if response, err := http.ReadResponse(busy.Reader, nil); err != nil || response.StatusCode != 200 {
		t.Errorf("a connection that was served: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.most > allowed {
		t.Errorf("%d connections are served at once, and %d are allowed", s.most, allowed)
	}
}

// TestConnectionsOfPartner wants one partner to leave connections to other partners,
// whatever is served on those that it has: an authenticated request, or another one behind
// it.
func TestConnectionsOfPartner(t *testing.T) {
	const allowed, each = 16, 2
	for later, want := range map[string]int{asPartner: each, "Nothing: here": allowed} { // these protect no connection
		t.Run(later, func(t *testing.T) {
			s, wait := serveAdmitted(t, allowed)
			admitted := 0
			for range allowed {
				p := s.dial()
				if status, err := p.ask(get("/", asPartner)); err != nil {
					t.Fatal(err)
				} else if status == http.StatusOK {
					admitted++
					wait(p, later)
				}
			}
			if admitted != want {
				t.Errorf("%d of %d new connections are let in, want %d", admitted, allowed, want)
			}
			for n := range allowed/2 - each {
				p := s.dial()
				if status, err := p.ask(get("/", fmt.Sprint(asPartner, " ", n))); status != http.StatusOK || err != nil {
					t.Errorf("partner %d: %d %v", n, status, err)
					continue
				}
				wait(p, fmt.Sprint(asPartner, " ", n))
			}
		})
	}
}

// TestConnectionsBehindProxy wants a connection that many viewers use to count for whoever
// asked last.
func TestConnectionsBehindProxy(t *testing.T) {
	const allowed, partners = 8, 4
	for last, want := range map[string]int{asStaff: http.StatusOK, asPartner: http.StatusServiceUnavailable} {
		t.Run(last, func(t *testing.T) {
			s, wait := serveAdmitted(t, allowed)
			for n := range partners {
				p := s.dial()
				for _, header := range []string{asStaff, asPartner, asStaff, asPartner} {
					if status, err := p.ask(get("/", fmt.Sprint(header, " ", n))); status != http.StatusOK || err != nil {
						t.Fatalf("%s %d: %d %v", header, n, status, err)
					}
				}
				wait(p, fmt.Sprint(last, " ", n))
			}
			if status, err := s.dial().ask(get("/", asPartner+" more")); status != want || err != nil {
				t.Errorf("%d %v for one more partner, want %d", status, err, want)
			}
		})
	}
}

const strangerToken = "Authorization: Bearer nothing"

// promised is a request with a body that does not come.
func promised(path string, header ...string) string {
	return strings.Replace(get(path, append(header, "Content-Type: application/json", "Content-Length: 100")...), "GET", "POST", 1)
}

// TestStrangers wants strangers to keep out neither health checks nor viewers, nor to end a
// viewer's connection, whatever their connections do.
func TestStrangers(t *testing.T) {
	const allowed = 20
	h, _ := serve(t, func(o *httpapi.Options) {
		o.Auth = auth.New([]auth.Key{{Name: "dashboard", SHA256: sha256.Sum256([]byte("key")), Role: auth.RoleReader}}, nil)
		o.Timeout, o.Unread = time.Hour, time.Hour
	})
	for name, c := range map[string]struct {
		sent  string
		state http.ConnState // that it comes to
	}{
		"no request":                {"", http.StateNew},
		"half of the headers":       {"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-", http.StateNew},
		"idle":                      {get("/healthz"), http.StateIdle},
		"refused":                   {get("/graphql?query=%7B__typename%7D", strangerToken), http.StateIdle},
		"no body":                   {promised("/graphql"), http.StateActive},
		"no body, refused":          {promised("/graphql", strangerToken), http.StateActive},
		"no body, expected":         {promised("/graphql", "Expect: 100-continue"), http.StateActive},
		"no chunk":                  {strings.Replace(promised("/graphql"), "Content-Length: 100", "Transfer-Encoding: chunked", 1), http.StateActive},
		"no body, for health":       {strings.Replace(promised("/healthz"), "POST", "GET", 1), http.StateActive},
		"no body, not allowed":      {promised("/healthz"), http.StateActive},
		"no body, nowhere":          {promised("/nothing"), http.StateActive},
		"answers that are not read": {strings.Repeat(get("/schema.graphql"), 100), http.StateActive},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveBounded(t, h, allowed)
			viewer := s.dial()
			asked := get("/graphql?query=%7B__typename%7D", "X-API-Key: key")
			if status, err := viewer.ask(asked); status != 200 || err != nil {
				t.Fatalf("a viewer: %d %v", status, err)
			}
			s.await(http.StateIdle, 1)
			for range 2 * allowed {
				p := s.dial()
				if _, err := io.WriteString(p, c.sent); err != nil {
					t.Fatal(err)
				}
				s.await(c.state, 1)
			}
			if status, err := s.dial().ask(get("/healthz")); status != 200 || err != nil {
				t.Errorf("a health check: %d %v", status, err)
			}
			if status, err := s.dial().ask(asked); status != 200 || err != nil {
				t.Errorf("a new viewer: %d %v", status, err)
			}
			if status, err := viewer.ask(asked); status != 200 || err != nil {
				t.Errorf("a viewer that was connected: %d %v", status, err)
			}
		})
	}
}

// TestUnreadBody wants an answer that does not need the body to come without it, and to end
// the connection; and one that has read it to leave the connection open.
func TestUnreadBody(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) {
		o.Auth = auth.New([]auth.Key{{Name: "dashboard", SHA256: sha256.Sum256([]byte("key")), Role: auth.RoleReader}}, nil)
		o.Timeout, o.Unread = time.Hour, time.Hour
	})
	s := serveBounded(t, h, 100)
	const key, query = "X-API-Key: key", `{"query":"{ __typename }"}`
	body := fmt.Sprintf("Content-Length: %d", len(query))
	post := func(rest string, header ...string) string {
		return strings.Replace(get("/graphql", header...), "GET", "POST", 1) + rest
	}
	for name, c := range map[string]struct {
		text   string
		status int
		closed bool
	}{
		"nobody":              {promised("/graphql"), 401, true},
		"a wrong key":         {promised("/graphql", strangerToken), 401, true},
		"no such path":        {promised("/nothing"), 404, true},
		"health":              {promised("/healthz"), 405, true},
		"another type":        {strings.Replace(promised("/graphql", key), "application/json", "text/plain", 1), 415, true},
		"another method":      {strings.Replace(promised("/graphql", key), "POST", "PUT", 1), 405, true},
		"too large":           {strings.Replace(promised("/graphql", key), "100", "1000000", 1), 413, true},
		"Accept":              {promised("/graphql", key, "Accept: text/html"), 406, true},
		"a page uninvited":    {promised("/graphql", key, "Origin: https://elsewhere.example"), 403, true},
		"nobody, whole":       {post(query, "Content-Type: application/json", body), 401, true},
		"read":                {post(query, key, "Content-Type: application/json", body), 200, false},
		"read and refused":    {post(query[1:]+" ", key, "Content-Type: application/json", body), 400, false},
		"GET without a key":   {get("/graphql?query=%7B__typename%7D"), 401, false},
		"chunks, not read":    {post("", "Transfer-Encoding: chunked"), 401, true},
		"chunks, read":        {post(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(query), query), key, "Content-Type: application/json", "Transfer-Encoding: chunked"), 200, false},
		"an empty body, POST": {post("", "Content-Length: 0"), 401, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the end of a connection takes its time
			p := s.dial()
			if status, err := p.ask(c.text); status != c.status || err != nil {
				t.Fatalf("%d %v, want %d", status, err, c.status)
			}
			status, err := p.ask(get("/healthz"))
			if closed := err != nil; closed != c.closed {
				t.Errorf("the connection is closed: %t, want %t: %d %v", closed, c.closed, status, err)
			}
		})
	}
}
