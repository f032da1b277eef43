package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
)

// watcher is a subscriber: it leaves and comes back at random, to any replica and over any
// protocol, and goes on behind the last change that it has seen.
type watcher struct {
	*chaos
	name   string
	claims jwt.MapClaims
	filter map[string]any
	sees   func(e events.Event) bool // what they may see, and want to
	random *rand.Rand
	late   time.Duration // when they begin

	mu       sync.Mutex
	seen     []sighting
	position string          // the value of `after`; "" for now
	begin    events.Position // what was appended behind it has to be seen
	lost     bool            // it was told STREAM_GAP
}

// sighting is a change as a subscriber has got it.
type sighting struct {
	ID, Kind, NodeID, Position string
	At                         time.Time
	Node                       *struct{ Name, Earned string }
	unread                     string // why the node could not be read
}

const watchDocument = `subscription ($filter: ChangeFilter, $after: ChangeCursor) { changes(filter: $filter, after: $after) {
	id kind nodeId position at node { ... on Affiliate { name } ... on Commission { earned: status } } } }`

// watchResult is a result of the subscription.
type watchResult struct {
	Data   *struct{ Changes *sighting }
	Errors []struct {
		Message    string
		Extensions struct {
			Code, Position string
			Retryable      bool
		}
	}
}

// subscribe makes the subscribers: staff of all accounts and of one, partners of one
// affiliate and of several, by id and by address, and those who filter.
func (c *chaos) subscribe() {
	all := func(events.Event) bool { return true }
	add := func(name string, claims jwt.MapClaims, filter map[string]any, sees func(events.Event) bool) {
		c.watchers = append(c.watchers, &watcher{chaos: c, name: name, claims: claims, filter: filter, sees: sees, random: c.random(1000 + uint64(len(c.watchers)))})
	}
	staff := func() jwt.MapClaims { return jwt.MapClaims{"sub": "staff", "role": "reader"} }
	add("staff of all", staff(), nil, all)
	add("staff of all, too", staff(), nil, all)
	add("who wants commissions", staff(), map[string]any{"nouns": []string{"COMMISSION"}, "kinds": []string{"UPDATED"}}, func(e events.Event) bool {
		return e.Record.Noun == providers.NounCommission && e.Kind == providers.Updated
	})
	for i := range 3 {
		add("who comes later", staff(), nil, all)
		c.watchers[len(c.watchers)-1].late = time.Duration(i+1) * 3 * time.Second
	}
	var owned []string
	for _, v := range c.world.vendors {
		add("staff of "+v.name, jwt.MapClaims{"sub": v.name, "role": "reader", "accounts": []string{v.name}}, nil, func(e events.Event) bool { return e.Record.Account == v.name })
		for _, a := range v.affiliates {
			add("partner "+a.email, jwt.MapClaims{"sub": a.email, "role": "partner", "affiliates": []string{a.id.String()}}, nil, func(e events.Event) bool { return c.world.owns(e, a) })
		}
		owned = append(owned, v.affiliates[0].id.String())
		known := v.affiliates[1]
		add("partner by address "+known.email, jwt.MapClaims{"sub": "by " + known.email, "role": "partner", "email": known.email, "email_verified": true}, nil,
			func(e events.Event) bool { return c.world.owns(e, known) })
	}
	add("partner of several", jwt.MapClaims{"sub": "several", "role": "partner", "affiliates": owned}, nil, func(e events.Event) bool {
		return slices.ContainsFunc(c.world.vendors, func(v *chaosVendor) bool { return c.world.owns(e, v.affiliates[0]) })
	})
}

// run subscribes until the context ends; while things change, it leaves at random.
func (w *watcher) run(ctx, changing context.Context) {
	rest(changing, w.late)
	for ctx.Err() == nil && !w.isLost() {
		w.counts.connections.Add(1)
		life := time.Hour
		if w.random.IntN(3) == 0 && changing.Err() == nil {
			life = between(w.random, time.Second, 4*time.Second)
		}
		connection, leave := context.WithCancel(ctx)
		if changing.Err() == nil {
			stop := time.AfterFunc(between(w.random, 100*time.Millisecond, 4*time.Second), leave)
			defer stop.Stop()
		}
		open := w.overEvents
		if w.after() != "" && w.random.IntN(2) == 0 {
			open = w.overSocket
		}
		err := open(connection, w.replicas[w.random.IntN(2)], chaosBearer(w.claims, life))
		leave()
		if err != nil {
			rest(ctx, between(w.random, 0, 100*time.Millisecond))
		}
	}
}

var errLeft = errors.New("the subscriber has left")

func (w *watcher) after() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.position
}

func (w *watcher) isLost() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lost
}

// request is what is asked for.
func (w *watcher) request() json.RawMessage {
	return must(json.Marshal(map[string]any{"query": watchDocument, "variables": map[string]any{"filter": w.filter, "after": nullable(w.after())}}))
}

// overEvents subscribes over server-sent events.
func (w *watcher) overEvents(ctx context.Context, to *chaosReplica, token string) error {
	live := w.after() == ""
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+to.address+"/graphql", bytes.NewReader(w.request()))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		w.counts.overloaded.Add(1)
		return errLeft
	}
	if live { // from here on nothing is missed
		for ctx.Err() == nil {
			if last, err := w.log.Last(ctx); err == nil {
				w.mu.Lock()
				w.begin = last
				w.mu.Unlock()
				break
			}
		}
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if err := w.take([]byte(data)); err != nil {
			return err
		}
	}
	return errLeft
}

// overSocket subscribes over a WebSocket.
func (w *watcher) overSocket(ctx context.Context, to *chaosReplica, token string) error {
	conn, _, err := websocket.Dial(ctx, "ws://"+to.address+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(1 << 20)
	send := func(message map[string]any) error {
		return conn.Write(ctx, websocket.MessageText, must(json.Marshal(message)))
	}
	if err := send(map[string]any{"type": "connection_init", "payload": map[string]string{"Authorization": "Bearer " + token}}); err != nil {
		return err
	}
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		if err := json.Unmarshal(text, &m); err != nil {
			return err
		}
		switch m.Type {
		case "connection_ack":
			err = send(map[string]any{"id": "1", "type": "subscribe", "payload": w.request()})
		case "ping":
			err = send(map[string]any{"type": "pong"})
		case "next":
			err = w.take(m.Payload)
		case "error":
			err = w.take([]byte(`{"errors":` + string(m.Payload) + `}`))
		case "complete":
			err = errLeft
		}
		if err != nil {
			return err
		}
	}
}

// take takes a result in. Sometimes the subscriber leaves before it has, and sometimes
// behind it.
func (w *watcher) take(data []byte) error {
	var result watchResult
	if err := json.Unmarshal(data, &result); err != nil {
		w.t.Errorf("%s: %v: %s", w.name, err, data)
		return err
	}
	if w.random.IntN(60) == 0 {
		w.counts.torn.Add(1)
		return errLeft
	}
	if result.Data == nil || result.Data.Changes == nil {
		return w.told(result)
	}
	change := result.Data.Changes
	if len(result.Errors) > 0 {
		change.unread = result.Errors[0].Extensions.Code
		w.counts.unread.Add(1)
		n, _ := w.unread.LoadOrStore(change.unread+" "+result.Errors[0].Message, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
	}
	w.mu.Lock()
	w.seen, w.position = append(w.seen, *change), change.Position
	w.mu.Unlock()
	switch w.random.IntN(60) {
	case 0:
		w.counts.left.Add(1)
		return errLeft
	case 1:
		time.Sleep(between(w.random, 0, 300*time.Millisecond)) // who is slow
	}
	return nil
}

// told takes in why a stream has ended.
func (w *watcher) told(result watchResult) error {
	if len(result.Errors) == 0 {
		w.t.Errorf("%s: a result without a change", w.name)
		return errLeft
	}
	e := result.Errors[0]
	switch code := e.Extensions.Code; {
	case code == "STREAM_ENDED":
		w.counts.ended.Add(1)
	case code == "UNAUTHENTICATED":
		w.counts.expired.Add(1)
	case e.Extensions.Retryable: // what the viewer may spend, or who they are, cannot be told just now
		w.counts.overloaded.Add(1)
	case code == "STREAM_GAP":
		w.counts.gaps.Add(1)
		w.mu.Lock()
		w.lost = true
		w.mu.Unlock()
	default:
		w.t.Errorf("%s: the stream ended with %+v", w.name, result.Errors)
	}
	if e.Extensions.Position != "" && w.random.IntN(2) == 0 {
		w.mu.Lock()
		w.position = e.Extensions.Position
		w.mu.Unlock()
	}
	return errLeft
}

// awaitBegin waits until the first subscription has begun.
func (w *watcher) awaitBegin(t *testing.T) {
	t.Helper()
	redistest.Eventually(t, w.name+" has subscribed", func(context.Context) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.begin == "" {
			return errors.New("not yet")
		}
		return nil
	})
}
