package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
)

// live is a handler with a log of changes, behind a real listener.
type live struct {
	t     *testing.T
	log   *events.Memory
	hub   *events.Hub
	state *httpapi.State
	h     *httpapi.Handler
	url   string
}

func newLive(t *testing.T, change func(*httpapi.Options)) *live {
	t.Helper()
	l := newUnserved(t, change)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.h.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	l.url = server.URL + "/graphql"
	return l
}

// newUnserved is one without a listener.
func newUnserved(t *testing.T, change func(*httpapi.Options)) *live {
	t.Helper()
	l := &live{t: t, log: events.NewMemory(events.Limits{Count: 1000}, time.Now), state: httpapi.NewState(time.Now)}
	l.hub = events.NewHub(events.HubOptions{Log: l.log, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(l.hub.Close)
	l.h, _ = serve(t, func(o *httpapi.Options) {
		o.Hub, o.State, o.Logger = l.hub, l.state, slog.New(slog.DiscardHandler)
		if change != nil {
			change(o)
		}
	})
	return l
}

func recordID(noun providers.Noun, local string) providers.ID {
	return providers.ID{Account: "shop", Noun: noun, Local: local}
}

// happens appends events about records of an owner.
func (l *live) happens(kind providers.ChangeKind, owner providers.ID, ids ...providers.ID) {
	l.t.Helper()
	for _, id := range ids {
		e := events.Event{Record: id, Kind: kind, Owner: owner, At: time.Now(), Source: events.Write}
		if _, err := l.log.Append(l.t.Context(), events.Once{}, e); err != nil {
			l.t.Fatal(err)
		}
	}
}

// changeResult is a result of the subscription that tests make.
type changeResult struct {
	Data struct {
		Changes *struct {
			ID, Kind, Noun, NodeID, Position string
			Node                             *struct {
				Typename string `json:"__typename"`
				ID       string
			}
		}
	}
	Errors []struct {
		Message    string
		Path       []any
		Extensions map[string]any
	}
}

func (r changeResult) code() string {
	if len(r.Errors) == 0 {
		return ""
	}
	return fmt.Sprint(r.Errors[0].Extensions["code"])
}

const changesDocument = `subscription($filter: ChangeFilter, $after: ChangeCursor) {
	changes(filter: $filter, after: $after) { id kind noun nodeId position node { __typename id } } }`

// sse is a stream of server-sent events.
type sse struct {
	t      *testing.T
	body   io.ReadCloser
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

func (l *live) sse(query string, variables map[string]any, header ...string) *sse {
	l.t.Helper()
	s, response := l.ask(query, variables, header...)
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		body, _ := io.ReadAll(response.Body)
		l.t.Fatalf("%d %v %s", response.StatusCode, response.Header, body)
	}
	return s
}

func (l *live) ask(query string, variables map[string]any, header ...string) (*sse, *http.Response) {
	l.t.Helper()
	body, _ := json.Marshal(map[string]any{"query": query, "variables": variables})
	ctx, cancel := context.WithCancel(l.t.Context())
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, l.url, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	s := &sse{l.t, response.Body, bufio.NewScanner(response.Body), cancel}
	l.t.Cleanup(s.cut)
	return s, response
}

func (s *sse) cut() { s.cancel(); _ = s.body.Close() }

// event is the next event and its data; "" at the end.
func (s *sse) event() (name, data string) {
	for s.lines.Scan() {
		switch line := s.lines.Text(); {
		case strings.HasPrefix(line, "event: "):
			name = line[len("event: "):]
		case strings.HasPrefix(line, "data:"):
			data = strings.TrimPrefix(line[len("data:"):], " ")
		case line == "" && name != "":
			return name, data
		}
	}
	return "", ""
}

func (s *sse) next() (r changeResult) {
	s.t.Helper()
	name, data := s.event()
	if err := json.Unmarshal([]byte(data), &r); name != "next" || err != nil {
		s.t.Fatalf("%q %q: %v", name, data, err)
	}
	return r
}

func (s *sse) ends() {
	s.t.Helper()
	if name, data := s.event(); name != "complete" {
		s.t.Fatalf("%q %q, want the end", name, data)
	}
	if name, data := s.event(); name != "" {
		s.t.Fatalf("%q %q behind the end", name, data)
	}
}

// ws is a WebSocket.
type ws struct {
	t    *testing.T
	conn *websocket.Conn
}

func (l *live) ws(header ...string) *ws {
	l.t.Helper()
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	conn, _, err := websocket.Dial(l.t.Context(), l.url, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: h})
	if err != nil {
		l.t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	l.t.Cleanup(func() { _ = conn.CloseNow() })
	return &ws{l.t, conn}
}

type wsMessage struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

func (s *ws) send(text string) {
	s.t.Helper()
	if err := s.conn.Write(s.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *ws) receive() (m wsMessage) {
	s.t.Helper()
	if err := wsjson.Read(s.t.Context(), s.conn, &m); err != nil {
		s.t.Fatal(err)
	}
	return m
}

func (s *ws) init(payload string) {
	s.t.Helper()
	s.send(`{"type":"connection_init"` + payload + `}`)
	if m := s.receive(); m.Type != "connection_ack" {
		s.t.Fatalf("%+v", m)
	}
}

func (s *ws) subscribe(id, query string, variables map[string]any) {
	s.t.Helper()
	text, _ := json.Marshal(map[string]any{"id": id, "type": "subscribe", "payload": map[string]any{"query": query, "variables": variables}})
	s.send(string(text))
}

// TestSubscription wants changes delivered, filtered and resumed over both transports, the
// same way.
func TestSubscription(t *testing.T) {
	var l *live
	owner := recordID(providers.NounAffiliate, "aff001")
	stream := func(variables map[string]any) func() changeResult { return l.sse(changesDocument, variables).next }
	socket := func(variables map[string]any) func() changeResult {
		s := l.ws()
		s.init("")
		s.subscribe("1", changesDocument, variables)
		return func() (r changeResult) {
			m := s.receive()
			if m.Type == "error" {
				_ = json.Unmarshal(m.Payload, &r.Errors)
			} else if err := json.Unmarshal(m.Payload, &r); err != nil || m.ID != "1" || m.Type != "next" {
				t.Fatalf("%+v: %v", m, err)
			}
			return r
		}
	}
	for name, open := range map[string]func(map[string]any) func() changeResult{"sse": stream, "socket": socket} {
		t.Run(name, func(t *testing.T) {
			l = newLive(t, nil)
			first := open(nil)
			filtered := open(map[string]any{"filter": map[string]any{"nouns": []string{"AFFILIATE"}, "kinds": []string{"DELETED"}}})
			l.subscribed(t, 2)
			l.happens(providers.Updated, owner, owner)
			l.happens(providers.Created, owner, recordID(providers.NounCommission, "com-of-nobody"))
			l.happens(providers.Deleted, owner, owner)
			var got []changeResult
			for range 3 {
				r := first()
				if r.code() != "" || r.Data.Changes == nil {
					t.Fatalf("%+v", r)
				}
				got = append(got, r)
			}
			for i, want := range []string{"UPDATED AFFILIATE", "CREATED COMMISSION", "DELETED AFFILIATE"} {
				c := got[i].Data.Changes
				if c.Kind+" "+c.Noun != want || (c.Node != nil) != (i == 0) {
					t.Errorf("%d: %+v, want %s", i, c, want)
				}
			}
			if node := got[0].Data.Changes.Node; node.Typename != "Affiliate" || node.ID != owner.String() || got[0].Data.Changes.NodeID != owner.String() {
				t.Errorf("%+v", got[0].Data.Changes)
			}
			if r := filtered(); r.Data.Changes == nil || r.Data.Changes.ID != got[2].Data.Changes.ID {
				t.Errorf("filtered: %+v", r)
			}
			resumed := open(map[string]any{"after": got[0].Data.Changes.Position})
			for i := 1; i < 3; i++ {
				if r := resumed(); r.Data.Changes == nil || *r.Data.Changes != *got[i].Data.Changes {
					t.Errorf("resumed: %+v, want %+v", r.Data.Changes, got[i].Data.Changes)
				}
			}
			if r := open(map[string]any{"after": got[0].Data.Changes.Position[:60] + strings.Repeat("A", 63)})(); r.code() != "BAD_CURSOR" {
				t.Errorf("a forged position: %+v", r)
			}
		})
	}
}

// subscribed waits until so many subscriptions are open.
func (l *live) subscribed(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); l.state.Subscriptions() != n; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d subscriptions are open, want %d", l.state.Subscriptions(), n)
		}
	}
}

// TestSubscriptionEnds wants the reasons for which streams end told with a code.
func TestSubscriptionEnds(t *testing.T) {
	owner := recordID(providers.NounAffiliate, "aff001")
	t.Run("gone", func(t *testing.T) {
		l := newLive(t, nil)
		s := l.sse(changesDocument, nil)
		l.subscribed(t, 1)
		l.happens(providers.Updated, owner, owner)
		after := s.next().Data.Changes.Position
		s.cut()
		for range 5000 { // more than the hub and the log keep
			l.happens(providers.Deleted, providers.ID{}, owner)
		}
		if r := l.sse(changesDocument, map[string]any{"after": after}).next(); r.code() != "STREAM_GAP" {
			t.Errorf("%+v", r)
		}
	})
	t.Run("drain", func(t *testing.T) {
		l := newLive(t, nil)
		events, socket := l.sse(changesDocument, nil), l.ws()
		socket.init("")
		socket.subscribe("a", changesDocument, nil)
		l.subscribed(t, 2)
		if err := l.state.EndStreams(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := events.next(); r.code() != "STREAM_ENDED" || r.Errors[0].Extensions["retryable"] != true || r.Errors[0].Extensions["position"] == nil {
			t.Errorf("%+v", r)
		}
		events.ends()
		if m := socket.receive(); m.Type != "error" || !strings.Contains(string(m.Payload), "STREAM_ENDED") {
			t.Errorf("%+v", m)
		}
		socket.closes(1012)
		if r := l.sse(changesDocument, nil).next(); r.code() != "STREAM_ENDED" {
			t.Errorf("behind the end: %+v", r)
		}
	})
}

func (s *ws) closes(code int) {
	s.t.Helper()
	_, text, err := s.conn.Read(s.t.Context())
	if got := websocket.CloseStatus(err); int(got) != code {
		s.t.Errorf("%s %v, want the socket closed with %d", text, err, code)
	}
}

// TestSocketProtocol is the protocol's table of faults.
func TestSocketProtocol(t *testing.T) {
	known, token := byToken(t)
	l := newLive(t, func(o *httpapi.Options) { o.Auth = known })
	staff := token("boss", "admin")[1]
	login := `,"payload":{"Authorization":"` + staff + `"}`
	subscription := `{"id":"1","type":"subscribe","payload":{"query":"subscription { changes { id } }"}}`
	long := strings.Replace(subscription, `"1"`, `"`+strings.Repeat("i", 128)+`"`, 1)
	for name, c := range map[string]struct {
		login bool
		sends []string
		code  int
	}{
		"no JSON":                {false, []string{`{`}, 4400},
		"no type":                {false, []string{`{}`}, 4400},
		"an unknown type":        {true, []string{`{"type":"start"}`}, 4400},
		"not initialised":        {false, []string{subscription}, 4401},
		"no credentials":         {false, []string{`{"type":"connection_init"}`}, 4403},
		"a wrong token":          {false, []string{`{"type":"connection_init","payload":{"authorization":"Bearer x.y.z"}}`}, 4403},
		"a payload of text":      {false, []string{`{"type":"connection_init","payload":"x"}`}, 4400},
		"initialised twice":      {true, []string{`{"type":"connection_init"` + login + `}`}, 4429},
		"no id":                  {true, []string{`{"type":"subscribe","payload":{"query":"{ __typename }"}}`}, 4400},
		"no payload":             {true, []string{`{"id":"1","type":"subscribe"}`}, 4400},
		"a duplicate":            {true, []string{subscription, subscription}, 4409},
		"a long duplicate":       {true, []string{long, long}, 4409},
		"complete without an id": {true, []string{`{"type":"complete"}`}, 4400},
		"too long":               {true, []string{`{"id":"1","type":"subscribe","payload":{"query":"` + strings.Repeat(" ", 11<<10) + `"}}`}, 1009},
	} {
		t.Run(name, func(t *testing.T) {
			s := l.ws()
			s.t = t
			if c.login {
				s.init(login)
			}
			for _, text := range c.sends {
				s.send(text)
			}
			s.closes(c.code)
		})
	}
	t.Run("operations", func(t *testing.T) {
		s := l.ws("Authorization", staff)
		s.t = t
		s.init("")
		s.send(`{"type":"ping","payload":{"a":1}}`)
		if m := s.receive(); m.Type != "pong" || string(m.Payload) != `{"a":1}` {
			t.Errorf("%+v", m)
		}
		for query, want := range map[string]string{
			`{ viewer { name } }`:         `next {"data":{"viewer":{"name":"boss"}},"extensions":{"cost":{"planned":0,"spent":0}}}`,
			`{ nothing }`:                 `error BAD_USER_INPUT`,
			`{`:                           `error BAD_USER_INPUT`,
			`subscription { __typename }`: `error BAD_USER_INPUT`,
			`subscription { a: changes { id } b: changes { id } }`:                                                               `error BAD_USER_INPUT`,
			`subscription { changes(after: "x") { id } }`:                                                                        `error BAD_CURSOR`,
			`subscription { changes(filter: { accounts: ["` + recordID(providers.NounAffiliate, "1").String() + `"] }) { id } }`: `error BAD_USER_INPUT`,
		} {
			s.subscribe("q", query, nil)
			m := s.receive()
			got := m.Type + " " + string(m.Payload)
			if m.Type == "error" {
				var errs []struct{ Extensions map[string]any }
				if err := json.Unmarshal(m.Payload, &errs); err != nil || len(errs) == 0 {
					t.Fatalf("%s", m.Payload)
				}
				got = "error " + fmt.Sprint(errs[0].Extensions["code"])
			} else if m := s.receive(); m.Type != "complete" || m.ID != "q" {
				t.Errorf("%+v", m)
			}
			if got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		s.send(subscription)
		l.subscribed(t, 1)
		s.send(`{"id":"1","type":"complete"}`)
		l.subscribed(t, 0)
		s.send(subscription) // the id is free again
		l.subscribed(t, 1)
	})
}

// TestPartnersChanges wants partners to get the changes of their own affiliates alone.
func TestPartnersChanges(t *testing.T) {
	known, token := byToken(t)
	l := newLive(t, func(o *httpapi.Options) { o.Auth = known })
	mine, other := recordID(providers.NounAffiliate, "aff001"), recordID(providers.NounAffiliate, "aff002")
	partner := l.sse(changesDocument, nil, token("jane", "partner")...)
	staff := l.sse(changesDocument, nil, token("boss", "reader")...)
	l.subscribed(t, 2)
	var want []string
	for _, noun := range providers.Nouns {
		if noun == providers.NounAccount {
			continue
		}
		id := recordID(noun, "x1")
		for _, owner := range []providers.ID{other, {}, mine, {Account: "elsewhere", Noun: providers.NounAffiliate, Local: "aff001"}} {
			for _, kind := range []providers.ChangeKind{providers.Created, providers.Deleted} {
				l.happens(kind, owner, id)
				if owner == mine && noun != providers.NounWebhookSubscription {
					want = append(want, string(kind)+" "+id.String())
				}
			}
		}
	}
	positions := map[string]string{}
	for range 8 * 4 * 2 {
		c := staff.next().Data.Changes
		positions[c.ID] = c.Position
	}
	for i, w := range want {
		c := partner.next().Data.Changes
		if c == nil || c.Kind+" "+c.NodeID != w || positions[c.ID] != c.Position {
			t.Fatalf("%d: %+v, want %s", i, c, w)
		}
	}
}

// TestWantsEvents wants a stream for those who prefer one, and JSON for clients that name
// both, as urql does for queries.
func TestWantsEvents(t *testing.T) {
	for accept, want := range map[string]bool{
		"text/event-stream":                         true,
		"text/event-stream, multipart/mixed":        true,
		"text/event-stream;charset=utf-8":           true,
		"text/event-stream, application/json;q=0.5": true,
		"text/event-stream, */*":                    true,
		"application/json":                          false,
		"*/*":                                       false,
		"":                                          false,
		"text/event-stream;q=0":                     false,
		"text/event-stream;q=x":                     false,
		"text/event-stream, application/json":       false,
		"application/graphql-response+json, text/event-stream":                                                              false,
		"application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed": false,
	} {
		r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
		r.Header.Set("Accept", accept)
		if got := httpapi.WantsEvents(r); got != want {
			t.Errorf("%q: %t, want %t", accept, got, want)
		}
	}
}
