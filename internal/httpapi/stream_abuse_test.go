package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
)

// pipes is a listener in memory. Its connections have no buffers: what one end writes waits
// until the other end reads it.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p.conns <- server
	return client, nil
}

// piped is a handler with a log of changes behind pipes, for a bubble of synctest.
func piped(t *testing.T, change func(*httpapi.Options)) (*live, *pipes) {
	t.Helper()
	l, p := newUnserved(t, change), &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: l.h}
	go func() { _ = server.Serve(p) }()
	t.Cleanup(func() {
		_ = l.state.EndStreams(context.Background())
		_ = server.Close()
	})
	l.url = "http://localhost/graphql"
	return l, p
}

// dialed is a WebSocket through a pipe.
func (p *pipes) dialed(l *live) *ws {
	l.t.Helper()
	conn, _, err := websocket.Dial(l.t.Context(), l.url, &websocket.DialOptions{
		Subprotocols: []string{"graphql-transport-ws"}, HTTPClient: &http.Client{Transport: &http.Transport{DialContext: p.dial}}})
	if err != nil {
		l.t.Fatal(err)
	}
	s := &ws{l.t, conn}
	s.init("")
	return s
}

// TestUnreadRefusals wants no message read of a client that does not receive the answer to the
// one before.
func TestUnreadRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, p := piped(t, nil)
		s := p.dialed(l)
		synctest.Wait()
		before := runtime.NumGoroutine()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		for i, sent := 0, true; i < 600 && sent; i++ {
			text := fmt.Sprintf(`{"id":"%d","type":"subscribe","payload":{"query":"subscription { changes { id } }"}}`, i)
			sent = false
			go func() { sent = s.conn.Write(ctx, websocket.MessageText, []byte(text)) == nil }()
			synctest.Wait()
		}
		if n := runtime.NumGoroutine() - before; n > 250 { // of 100 operations
			t.Errorf("%d goroutines for one socket that is not read", n)
		}
		stop()
		_ = s.conn.CloseNow()
	})
}

// TestUnreadOperations wants operations counted as long as something runs for them, also where
// their client has completed them.
func TestUnreadOperations(t *testing.T) {
	l, p := piped(t, nil)
	s := p.dialed(l)
	defer s.conn.CloseNow()
	const most = 200
	stacks := make([]byte, 8<<20)
	sending := func(n int) { // waits until so many are being answered
		for {
			all := stacks[:runtime.Stack(stacks, true)]
			if bytes.Count(all, []byte("httpapi.(*captured).pass("))+bytes.Count(all, []byte("httpapi.(*socketSink).fail(")) == n {
				return
			}
			runtime.Gosched()
		}
	}
	for i := range most {
		s.subscribe(fmt.Sprint(i), "{ viewer { name } }", nil)
		sending(i + 1)
		s.send(fmt.Sprintf(`{"id":"%d","type":"complete"}`, i))
	}
	s.subscribe("last", "{ viewer { name } }", nil)
	sending(most + 1)
	for m := s.receive(); ; m = s.receive() {
		if m.ID == "last" {
			if m.Type != "error" || !strings.Contains(string(m.Payload), "OVERLOADED") {
				t.Errorf("%+v", m)
			}
			break
		}
	}
}

// TestUnreadResults wants the answers of queries that clients have not received counted, as
// those of other requests are.
func TestUnreadResults(t *testing.T) {
	const query = `{ __schema { types { name description } } }`
	h, _ := serve(t, nil)
	size := int64(post(h, query).Body.Len())
	synctest.Test(t, func(t *testing.T) {
		l, p := piped(t, func(o *httpapi.Options) { o.Answer = size })
		body, _ := json.Marshal(map[string]string{"query": query})
		refused, conns := 0, []net.Conn{}
		for range 100 {
			conn, _ := p.dial(t.Context(), "", "")
			conns = append(conns, conn)
			_, _ = fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"+
				"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			begin, text := make([]byte, 64), ""
			for !strings.Contains(text, "OVERLOADED") && !strings.Contains(text, `"__schema"`) {
				n, err := conn.Read(begin)
				if err != nil {
					t.Fatal(err)
				}
				text += string(begin[:n])
			}
			if strings.Contains(text, "OVERLOADED") {
				refused++
			}
		}
		if refused < 36 {
			t.Errorf("of 100 answers that nobody reads %d were refused, and 64 may be held", refused)
		}
		for _, conn := range conns {
			_ = conn.Close()
		}
		synctest.Wait()
		if w := post(l.h, query); w.Code != http.StatusOK {
			t.Errorf("%d when the clients have gone", w.Code)
		}
	})
}

// TestSendingStream wants a stream ended whose client keeps sending.
func TestSendingStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, p := piped(t, nil)
		body, _ := json.Marshal(map[string]string{"query": changesDocument})
		conn, _ := p.dial(t.Context(), "", "")
		_, _ = fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		synctest.Wait()
		_, _ = conn.Write([]byte("\r\nGET / HTTP/1.1\r\n\r\n"))
		synctest.Wait()
		if n := l.state.Subscriptions(); n != 1 {
			t.Fatalf("%d subscriptions", n)
		}
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := io.Copy(conn, io.LimitReader(zeros{}, 1<<20)); err == nil {
			t.Errorf("%d bytes were read", n)
		}
		synctest.Wait()
		if n := l.state.Subscriptions(); n != 0 {
			t.Errorf("%d subscriptions", n)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestSocketsOfViewers wants one viewer, and all partners, to have no more sockets than they may
// have subscriptions, and a stranger to send no more than headers may have.
func TestSocketsOfViewers(t *testing.T) {
	known, token := byToken(t)
	l := newLive(t, func(o *httpapi.Options) {
		o.Auth, o.Subscriptions, o.ViewerSubscriptions, o.Body = known, 4, 2, 100<<10
	})
	refused := func(who []string) {
		t.Helper()
		before := l.state.Sockets()
		s := l.ws(who...)
		s.send(`{"type":"connection_init"}`)
		s.closes(int(websocket.StatusTryAgainLater))
		for l.state.Sockets() > before { // the server is a moment behind its client
			runtime.Gosched()
		}
	}
	open := func(who []string) *ws {
		t.Helper()
		s := l.ws(who...)
		s.init("")
		return s
	}
	jane := token("jane", "partner")
	open(jane)
	second := open(jane)
	refused(jane)
	open(token("joe", "partner"))
	refused(token("ann", "partner")) // partners have three quarters
	boss := open(token("boss", "reader"))
	_ = boss.conn.CloseNow()
	long := `{"type":"ping","payload":{"a":"` + strings.Repeat("a", 2*httpapi.MaxHeader) + `"}}`
	second.send(long)
	if m := second.receive(); m.Type != "pong" {
		t.Errorf("%+v", m)
	}
	_ = second.conn.CloseNow()
	for { // the server hears of it
		s := l.ws(jane...)
		s.send(`{"type":"connection_init"}`)
		if _, _, err := s.conn.Read(t.Context()); err == nil {
			break
		}
	}
	stranger := l.ws()
	_ = stranger.conn.Write(t.Context(), websocket.MessageText, []byte(long))
	stranger.closes(1009)
}

// TestPanickingStream wants a panic beside the execution to end one stream, and nothing
// counted of it afterwards.
func TestPanickingStream(t *testing.T) {
	secret, panics := []byte("a secret of thirty-two characters"), atomic.Bool{}
	known := auth.New(nil, auth.NewTokens(t.Context(), auth.TokenOptions{
		Issuer: "i", Audience: "a", Secret: secret, Claims: auth.Claims{Role: "role"},
		Now: func() time.Time {
			if panics.Load() {
				panic("a fault")
			}
			return time.Now()
		},
	}))
	made, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "i", "aud": "a", "sub": "s", "role": "reader", "exp": time.Now().Add(time.Hour).Unix()}).SignedString(secret)
	l := newLive(t, func(o *httpapi.Options) { o.Auth, o.ViewerSubscriptions = known, 2 })
	header := []string{"Authorization", "Bearer " + made}
	stream, socket := l.sse(changesDocument, nil, header...), l.ws(header...)
	socket.init("")
	socket.subscribe("a", changesDocument, nil)
	l.subscribed(t, 2)
	panics.Store(true)
	l.happens(providers.Created, providers.ID{}, recordID(providers.NounAffiliate, "aff001"))
	if r := stream.next(); r.code() != "INTERNAL" {
		t.Errorf("%+v", r)
	}
	stream.ends()
	if m := socket.receive(); m.Type != "error" || !strings.Contains(string(m.Payload), "INTERNAL") {
		t.Errorf("%+v", m)
	}
	panics.Store(false)
	l.subscribed(t, 0)
	if _, response := l.ask(changesDocument, nil, header...); !response.Close {
		t.Error("a client may use the connection of a stream again")
	}
	socket.subscribe("a", changesDocument, nil)
	l.subscribed(t, 2)
}

// reserving is a client of a reserved stream.
func (l *live) reserving(header ...string) (do func(method, query, document string) (int, string), stream *http.Response) {
	l.t.Helper()
	reserved := ""
	send := func(method, query, document string) *http.Response {
		l.t.Helper()
		var body io.Reader
		if method == http.MethodPost {
			text, _ := json.Marshal(map[string]any{"query": document, "extensions": map[string]string{"operationId": "a"}})
			body = bytes.NewReader(text)
		}
		r, _ := http.NewRequestWithContext(l.t.Context(), method, l.url+query, body)
		r.Header.Set("Content-Type", "application/json")
		if reserved != "" {
			r.Header.Set("X-GraphQL-Event-Stream-Token", reserved)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			l.t.Fatal(err)
		}
		return response
	}
	do = func(method, query, document string) (int, string) {
		l.t.Helper()
		response := send(method, query, document)
		defer response.Body.Close()
		answer, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(answer)
	}
	_, reserved = do("PUT", "", "")
	if stream = send("GET", "", ""); stream.StatusCode != http.StatusOK {
		l.t.Fatal(stream.Status)
	}
	l.t.Cleanup(func() { _ = stream.Body.Close() })
	return do, stream
}

// TestReservedShare wants an operation of a reserved stream to be one request of its viewer's
// share.
func TestReservedShare(t *testing.T) {
	known, token := byToken(t)
	l := newLive(t, func(o *httpapi.Options) { o.Auth, o.Partner = known, 5 })
	do, stream := l.reserving(token("jane", "partner")...)
	events := &sse{t: t, body: stream.Body, lines: bufio.NewScanner(stream.Body)}
	for range 3 { // behind PUT and GET
		if status, text := do("POST", "", "{ viewer { name } }"); status != http.StatusAccepted {
			t.Fatalf("%d %s", status, text)
		}
		if name, data := events.event(); name != "next" || !strings.Contains(data, `"jane"`) {
			t.Errorf("%s %s", name, data)
		}
		if name, _ := events.event(); name != "complete" {
			t.Error(name)
		}
	}
	if status, text := do("POST", "", "{ viewer { name } }"); status != http.StatusTooManyRequests {
		t.Errorf("%d %s", status, text)
	}
}

// received is what a client has read until now.
type received struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *received) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *received) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// TestSilentExpiry wants streams on which nothing happens to end with the tokens that they were
// opened with.
func TestSilentExpiry(t *testing.T) {
	secret := []byte("a secret of thirty-two characters")
	synctest.Test(t, func(t *testing.T) {
		known := auth.New(nil, auth.NewTokens(t.Context(), auth.TokenOptions{
			Issuer: "i", Audience: "a", Secret: secret, Claims: auth.Claims{Role: "role"}, Now: time.Now,
		}))
		l, p := piped(t, func(o *httpapi.Options) { o.Auth = known })
		made, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"iss": "i", "aud": "a", "sub": "s", "role": "reader", "exp": time.Now().Add(time.Minute).Unix()}).SignedString(secret)
		open := func(method, accept, stream, body string) *received {
			conn, _ := p.dial(t.Context(), "", "")
			t.Cleanup(func() { _ = conn.Close() })
			_, _ = fmt.Fprintf(conn, "%s /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: %s\r\nContent-Type: application/json\r\n"+
				"Authorization: Bearer %s\r\nX-GraphQL-Event-Stream-Token: %s\r\nContent-Length: %d\r\n\r\n%s", method, accept, made, stream, len(body), body)
			text := &received{}
			go func() { _, _ = io.Copy(text, conn) }()
			synctest.Wait()
			return text
		}
		ended := func(stream *received) bool { return strings.HasSuffix(stream.String(), "\r\n0\r\n\r\n") }
		token := open("PUT", "*/*", "", "").String()
		reserved := open("GET", "text/event-stream", token[len(token)-26:], "")
		body, _ := json.Marshal(map[string]string{"query": changesDocument})
		events := open("POST", "text/event-stream", "", string(body))
		time.Sleep(time.Minute)
		synctest.Wait()
		if ended(reserved) || ended(events) || l.state.Subscriptions() != 1 {
			t.Fatalf("%s %s", reserved, events)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !ended(reserved) || !ended(events) || !strings.Contains(events.String(), "UNAUTHENTICATED") {
			t.Errorf("%s %s", reserved, events)
		}
	})
}

// TestReusedID wants an operation of a reserved stream to go on that has the id of one that
// was cancelled and has not ended yet.
func TestReusedID(t *testing.T) {
	l := newLive(t, nil)
	do, stream := l.reserving()
	go func() { _, _ = io.Copy(io.Discard, stream.Body) }()
	begin := func(document string) {
		for {
			switch status, text := do("POST", "", document); status {
			case http.StatusAccepted:
				return
			case http.StatusConflict: // the one before has not ended
			default:
				t.Fatalf("%d %s", status, text)
			}
		}
	}
	for range 100 {
		begin(changesDocument)
		do("DELETE", "?operationId=a", "")
		begin(changesDocument)
		l.subscribed(t, 1)
		for range 100 {
			runtime.Gosched()
		}
		l.subscribed(t, 1)
		do("DELETE", "?operationId=a", "")
	}
	begin("{ __typename }")
	l.subscribed(t, 0)
}
