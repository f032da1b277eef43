package httpapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
)

// TestExpiredStream wants the stream of a token to end with it, by the clock of the next event.
func TestExpiredStream(t *testing.T) {
	secret := []byte("a secret of thirty-two characters")
	shift := time.Duration(0)
	known := auth.New(nil, auth.NewTokens(t.Context(), auth.TokenOptions{
		Issuer: "i", Audience: "a", Secret: secret, Claims: auth.Claims{Role: "role"},
		Now: func() time.Time { return time.Now().Add(shift) },
	}))
	made, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "i", "aud": "a", "sub": "s", "role": "reader", "exp": time.Now().Add(time.Hour).Unix()}).SignedString(secret)
	l := newLive(t, func(o *httpapi.Options) { o.Auth = known })
	stream, socket := l.sse(changesDocument, nil, "Authorization", "Bearer "+made), l.ws("Authorization", "Bearer "+made)
	socket.init("")
	socket.subscribe("a", changesDocument, nil)
	l.subscribed(t, 2)
	shift = 2 * time.Hour
	l.happens(providers.Created, providers.ID{}, recordID(providers.NounAffiliate, "aff001"))
	if r := stream.next(); r.code() != "UNAUTHENTICATED" || r.Errors[0].Extensions["position"] == nil {
		t.Errorf("%+v", r)
	}
	stream.ends()
	if m := socket.receive(); m.Type != "error" || !strings.Contains(string(m.Payload), "UNAUTHENTICATED") {
		t.Errorf("%+v", m)
	}
	socket.closes(4403)
}

// TestEndWithinEvent wants a stream that the server ends while it reads an event's record to
// end before that event, so that the client gets it whole when it goes on.
func TestEndWithinEvent(t *testing.T) {
	reads := make(chan struct{}, 10)
	fake := providertest.NewFake("shop", providertest.Options{Before: func(ctx context.Context, _ string) error {
		reads <- struct{}{}
		<-ctx.Done()
		return &providers.Error{Kind: providers.KindCanceled, Err: ctx.Err()}
	}})
	l := newLive(t, func(o *httpapi.Options) {
		o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{fake}, Pages: 20, Calls: 50, Cost: 10_000, Logger: o.Logger, Now: time.Now})
	})
	stream := l.sse(changesDocument, nil)
	l.subscribed(t, 1)
	affiliate := recordID(providers.NounAffiliate, "aff001")
	l.happens(providers.Deleted, affiliate, affiliate)
	l.happens(providers.Updated, affiliate, affiliate)
	first := stream.next()
	if first.Data.Changes == nil {
		t.Fatalf("%+v", first)
	}
	<-reads
	if err := l.state.EndStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := stream.next(); r.code() != "STREAM_ENDED" || r.Errors[0].Extensions["position"] != first.Data.Changes.Position {
		t.Errorf("%+v, want the end at %s", r, first.Data.Changes.Position)
	}
	stream.ends()
}

// TestStreamsEnd wants nothing left of streams that were cut in every way, and little memory
// taken by those that are idle.
func TestStreamsEnd(t *testing.T) {
	l := newLive(t, nil)
	http.DefaultClient.CloseIdleConnections()
	settle := func() int {
		n := 0
		for range 100 { // goroutines that have ended are counted for a moment
			runtime.Gosched()
			if now := runtime.NumGoroutine(); now == n {
				break
			} else {
				n = now
			}
		}
		return n
	}
	before := settle()
	const each = 100
	var events []*sse
	var sockets []*ws
	for range each {
		events = append(events, l.sse(changesDocument, nil))
		s := l.ws()
		s.init("")
		s.subscribe("a", changesDocument, nil)
		sockets = append(sockets, s)
	}
	l.subscribed(t, 2*each)
	l.happens(providers.Deleted, providers.ID{}, recordID(providers.NounAffiliate, "aff001"))
	for i := range each {
		if i%2 == 0 {
			events[i].next()
			sockets[i].receive()
		}
		events[i].cut()
		switch i % 3 {
		case 0:
			_ = sockets[i].conn.CloseNow()
		case 1:
			sockets[i].send(`{"id":"a","type":"complete"}`)
			sockets[i].send(`{`)
		case 2:
			_ = sockets[i].conn.Close(websocket.StatusNormalClosure, "")
		}
	}
	l.subscribed(t, 0)
	for i := range each {
		_ = sockets[i].conn.CloseNow()
	}
	http.DefaultClient.CloseIdleConnections()
	for end := time.Now().Add(10 * time.Second); settle() > before+5; runtime.Gosched() {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, and %d before\n%s", settle(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// TestSubscriptionLimits wants subscriptions beyond a limit refused, and others let in when
// one has ended; and a partner whose share is used up told of a change without its record.
func TestSubscriptionLimits(t *testing.T) {
	known, token := byToken(t)
	l := newLive(t, func(o *httpapi.Options) {
		o.Auth, o.ViewerSubscriptions, o.Subscriptions, o.Partner, o.PartnerCalls = known, 2, 3, 100, map[string]float64{"shop": 1}
	})
	jane, boss := token("jane", "partner"), token("boss", "reader")
	refused := func(who []string, status int, code string) {
		t.Helper()
		s, response := l.ask(changesDocument, nil, who...)
		defer s.cut()
		body := new(strings.Builder)
		_, _ = io.Copy(body, response.Body)
		if response.StatusCode != status || !strings.Contains(body.String(), code) {
			t.Errorf("%d %s, want %d %s", response.StatusCode, body, status, code)
		}
	}
	first, second := l.sse(changesDocument, nil, jane...), l.sse(changesDocument, nil, jane...)
	refused(jane, http.StatusTooManyRequests, "RATE_LIMITED")
	refused(token("joe", "partner"), http.StatusServiceUnavailable, "OVERLOADED") // partners have three quarters
	third := l.sse(changesDocument, nil, boss...)
	refused(boss, http.StatusServiceUnavailable, "OVERLOADED")
	third.cut()
	second.cut()
	l.subscribed(t, 1)
	mine := recordID(providers.NounAffiliate, "aff001")
	full := 0
	for range 3 {
		l.happens(providers.Updated, mine, mine)
		r := first.next()
		c := r.Data.Changes
		switch {
		case c == nil || c.NodeID != mine.String():
			t.Fatalf("%+v", r)
		case c.Node != nil:
			full++
		case r.code() != "RATE_LIMITED" || fmt.Sprint(r.Errors[0].Path) != "[changes node]" || r.Errors[0].Extensions["retryAfter"] == nil:
			t.Errorf("%+v", r)
		}
	}
	if full != 1 {
		t.Errorf("%d records were read for one call", full)
	}
}

// TestReloadedStream wants a stream to go on through a reload by what is configured then, as
// long as its viewer may have it.
func TestReloadedStream(t *testing.T) {
	key := func(name string, accounts ...string) auth.Key {
		return auth.Key{Name: name, SHA256: sha256.Sum256([]byte(name)), Role: auth.RoleReader, Accounts: accounts}
	}
	l := newLive(t, func(o *httpapi.Options) { o.Auth = auth.New([]auth.Key{key("stays"), key("goes"), key("less")}, nil) })
	var streams []*sse
	for _, name := range []string{"stays", "goes", "less"} {
		streams = append(streams, l.sse(changesDocument, nil, "X-API-Key", name))
	}
	affiliate := recordID(providers.NounAffiliate, "aff001")
	l.happens(providers.Updated, providers.ID{}, affiliate)
	for _, s := range streams {
		if r := s.next(); r.Data.Changes == nil {
			t.Fatalf("%+v", r)
		}
	}
	l.h, _ = serve(t, func(o *httpapi.Options) {
		o.Hub, o.State, o.Logger = l.hub, l.state, slog.New(slog.DiscardHandler)
		o.Auth = auth.New([]auth.Key{key("stays"), key("less", "another")}, nil)
	})
	l.happens(providers.Deleted, providers.ID{}, affiliate)
	if r := streams[0].next(); r.Data.Changes == nil || r.Data.Changes.Kind != "DELETED" {
		t.Errorf("%+v", r)
	}
	if r := streams[1].next(); r.code() != "UNAUTHENTICATED" {
		t.Errorf("%+v", r)
	}
	if err := l.state.EndStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := streams[2].next(); r.code() != "STREAM_ENDED" {
		t.Errorf("a viewer of other accounts: %+v", r)
	}
}

// TestReservedStreams is the table of faults of the single connection mode.
func TestReservedStreams(t *testing.T) {
	known, token := byToken(t)
	l := newLive(t, func(o *httpapi.Options) { o.Auth = known })
	boss := token("boss", "reader")[1]
	do := func(method, viewer, stream, query, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, l.url+query, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", viewer)
		r.Header.Set("Content-Type", "application/json")
		if stream != "" {
			r.Header.Set("X-GraphQL-Event-Stream-Token", stream)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(text)
	}
	status, reserved := do("PUT", boss, "", "", "")
	if status != http.StatusCreated || len(reserved) < 20 {
		t.Fatalf("%d %s", status, reserved)
	}
	operation := func(id string) string {
		text, _ := json.Marshal(map[string]any{"query": changesDocument, "extensions": map[string]string{"operationId": id}})
		return string(text)
	}
	if status, text := do("POST", boss, reserved, "", operation("a")); status != http.StatusConflict {
		t.Errorf("an operation before the stream: %d %s", status, text)
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url+"?token="+reserved, nil)
	r.Header.Set("Authorization", boss)
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", response, err)
	}
	defer response.Body.Close()
	for name, c := range map[string]struct {
		method, viewer, stream, query, body string
		status                              int
	}{
		"no credentials":    {"PUT", "", "", "", "", 401},
		"another's token":   {"POST", token("other", "admin")[1], reserved, "", operation("b"), 404},
		"an unknown token":  {"POST", boss, "x", "", operation("b"), 404},
		"open twice":        {"GET", boss, reserved, "", "", 409},
		"no operation id":   {"POST", boss, reserved, "", `{"query":"{ __typename }"}`, 400},
		"no JSON":           {"POST", boss, reserved, "", `{`, 400},
		"a batch":           {"POST", boss, reserved, "", `[` + operation("b") + `]`, 400},
		"too long":          {"POST", boss, reserved, "", operation(strings.Repeat(" ", 10<<10)), 413},
		"another method":    {"PATCH", boss, reserved, "", operation("b"), 405},
		"no answer":         {"HEAD", boss, reserved, "", operation("b"), 405},
		"cancel without it": {"DELETE", boss, "", "?operationId=a", "", 404},
		"cancel nothing":    {"DELETE", boss, reserved, "?operationId=zzz", "", 200},
	} {
		if status, text := do(c.method, c.viewer, c.stream, c.query, c.body); status != c.status {
			t.Errorf("%s: %d %s, want %d", name, status, text, c.status)
		}
	}
	for i := range 2 { // the id is free again when the operation was ended
		if status, text := do("POST", boss, reserved, "", operation("a")); status != http.StatusAccepted {
			t.Fatalf("%d %s", status, text)
		}
		l.subscribed(t, 1)
		if status, text := do("POST", boss, reserved, "", operation("a")); status != http.StatusConflict {
			t.Errorf("a duplicate: %d %s", status, text)
		}
		if i == 0 {
			do("DELETE", boss, reserved, "?operationId=a", "")
			l.subscribed(t, 0)
		}
	}
	if err := l.state.EndStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(response.Body)
	if !strings.Contains(string(text), `data: {"id":"a","payload":{"errors":[`) || !strings.Contains(string(text), "STREAM_ENDED") ||
		!strings.HasSuffix(string(text), "event: complete\ndata: {\"id\":\"a\"}\n\n") {
		t.Errorf("%s", text)
	}
}

// TestEventsAreShared wants an event to be executed once or twice for all streams that have the
// same document and see the same, wherever these began, and apart for others: the first
// execution may have to read at the vendor, and the second leaves its result.
func TestEventsAreShared(t *testing.T) {
	known, token := byToken(t)
	store := &counted{Memory: cache.NewMemory(1<<20, time.Now)}
	var calls atomic.Int64
	fake := providertest.NewFake("shop", providertest.Options{Before: func(context.Context, string) error {
		calls.Add(1)
		return nil
	}})
	account := cache.Wrap(fake, store, cache.Options{List: time.Hour})
	l := newLive(t, func(o *httpapi.Options) {
		o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{account}, Pages: 20, Calls: 50, Cost: 10_000, Logger: o.Logger, Now: time.Now})
		o.Auth = known
	})
	mine := recordID(providers.NounAffiliate, "aff001")
	first := l.sse(changesDocument, nil, token("boss", "reader")...)
	l.happens(providers.Updated, mine, mine)
	began := first.next().Data.Changes.Position
	same, others := []*sse{first}, []*sse{
		l.sse(changesDocument, nil, token("boss", "admin")...), l.sse(changesDocument, nil, token("jane", "partner")...),
		l.sse(strings.Replace(changesDocument, "kind", "kind at", 1), nil, token("boss", "reader")...),
		l.sse(changesDocument, map[string]any{"filter": map[string]any{"nouns": []string{"AFFILIATE"}}}, token("boss", "reader")...),
	}
	for i := range 30 {
		after := map[string]any{"after": nil}
		if i%2 == 0 {
			after["after"] = began
		}
		same = append(same, l.sse(changesDocument, after, token(fmt.Sprint("reader", i), "reader")...))
	}
	for _, kind := range []providers.ChangeKind{providers.Updated, providers.Deleted} {
		if err := account.Invalidate(t.Context(), []providers.ID{mine}); err != nil {
			t.Fatal(err)
		}
		reads := store.reads.Load()
		calls.Store(0)
		l.happens(kind, mine, mine)
		results := map[string]int{}
		for _, s := range same {
			r := s.next()
			if len(r.Errors) > 0 || r.Data.Changes.Kind != string(kind) || (r.Data.Changes.Node == nil) != (kind == providers.Deleted) {
				t.Fatalf("%s: %+v", kind, r)
			}
			results[r.Data.Changes.Position]++
		}
		for _, s := range others {
			if r := s.next(); len(r.Errors) > 0 || r.Data.Changes.Kind != string(kind) {
				t.Fatalf("%s: %+v", kind, r)
			}
		}
		executions := 2 * (1 + len(others)) // of which each reads the store twice: what is there, and what has come
		if n := store.reads.Load() - reads; int(n) > 2*executions || calls.Load() > 1 {
			t.Errorf("%s: %d reads of the store and %d calls for %d streams", kind, n, calls.Load(), len(same)+len(others))
		}
	}
}
