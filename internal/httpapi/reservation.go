package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
)

// This file is graphql-sse's mode of a single connection: PUT reserves a stream and answers
// its token, GET with the token opens it, POST with the token begins an operation whose
// results the stream carries, and DELETE with the token ends one.

// streamTokenHeader carries the token of a reserved stream. GET takes it from the URL, too.
const streamTokenHeader = "X-GraphQL-Event-Stream-Token"

// reservedMethods are those of requests for reserved streams.
const reservedMethods = "GET, POST, PUT, DELETE"

const (
	// reservedTime is how long a reservation may be without a stream.
	reservedTime = 30 * time.Second
	// maxReservations is how many reserved streams one viewer has.
	maxReservations = 20
)

// reservations are the streams that were reserved at this replica.
type reservations struct {
	mu   sync.Mutex
	each map[string]*reservation // by token
}

// reservation is one stream for several operations.
type reservation struct {
	subject string // whose it is
	ctx     context.Context
	end     context.CancelFunc
	unused  *time.Timer // ends the reservation while there is no stream

	mu         sync.Mutex
	out        *eventStream             // nil: it is not open
	operations map[string]*reservedSink // that have not ended
}

// streamToken is the token of a request; "" where it has none.
func streamToken(r *http.Request) string {
	if token := r.Header.Get(streamTokenHeader); token != "" || r.Method != http.MethodGet {
		return token
	}
	return r.URL.Query().Get("token")
}

// reserves says whether a request is for a single connection.
func reserves(r *http.Request) bool {
	return r.Method == http.MethodPut || r.Method == http.MethodDelete || streamToken(r) != ""
}

// serveReserved answers a request for a single connection.
func (s streams) serveReserved(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		s.reserve(w, r)
		return
	}
	all := s.state.reservations
	all.mu.Lock()
	found := all.each[streamToken(r)]
	all.mu.Unlock()
	if found == nil || found.subject != auth.ViewerFrom(r.Context()).Subject {
		refused(http.StatusNotFound, apierror.NotFound, "there is no reserved stream with this token: reserve one by PUT").answer(w, r)
		return
	}
	switch r.Method {
	case http.MethodGet:
		s.open(w, r, found)
	case http.MethodDelete:
		found.cancel(r.URL.Query().Get("operationId"))
		w.WriteHeader(http.StatusOK)
	case http.MethodPost:
		s.begin(w, r, found)
	default:
		notAllowed(reservedMethods, "this method is not for reserved streams").answer(w, r)
	}
}

// reserve makes a reservation.
func (s streams) reserve(w http.ResponseWriter, r *http.Request) {
	all, subject := s.state.reservations, auth.ViewerFrom(r.Context()).Subject
	all.mu.Lock()
	defer all.mu.Unlock()
	own := 0
	for _, other := range all.each {
		if other.subject == subject {
			own++
		}
	}
	if own >= maxReservations {
		refused(http.StatusTooManyRequests, apierror.RateLimited,
			"you have reserved as many streams as one viewer may: end another one first").answer(w, r)
		return
	}
	token := rand.Text()
	made := &reservation{subject: subject, operations: map[string]*reservedSink{}}
	made.ctx, made.end = context.WithCancel(context.Background())
	made.unused = time.AfterFunc(reservedTime, made.end)
	context.AfterFunc(made.ctx, func() {
		made.unused.Stop()
		all.mu.Lock()
		defer all.mu.Unlock()
		delete(all.each, token)
	})
	all.each[token] = made
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, token)
}

// open carries the results of the operations until the client goes, is not known any more, or
// the server stops.
func (s streams) open(w http.ResponseWriter, r *http.Request, v *reservation) {
	v.mu.Lock()
	if v.out != nil || v.ctx.Err() != nil {
		v.mu.Unlock()
		refused(http.StatusConflict, apierror.BadUserInput, "the stream with this token is open already").answer(w, r)
		return
	}
	v.unused.Stop()
	v.out = openEvents(w)
	v.mu.Unlock()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	defer func() {
		v.end()
		v.mu.Lock() // a result that is sent now is the last
		defer v.mu.Unlock()
		v.out = nil
	}()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-v.ctx.Done():
			return
		case <-s.state.ending.Done():
			for v.running() > 0 && pause(r.Context()) == nil { // operations are told why they end
			}
			return
		case <-beat.C:
			if _, err := s.state.serving.Load().viewer(r); err != nil || v.send(":\n\n") != nil {
				return
			}
		}
	}
}

// send sends a text over the stream.
func (v *reservation) send(parts ...string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.write(parts...)
}

// sendLast sends the last text of an operation, whose id is free again from then on.
func (v *reservation) sendLast(o *reservedSink, parts ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.forget(o)
	_ = v.write(parts...)
}

// write writes a text to the stream. The lock is held.
func (v *reservation) write(parts ...string) error {
	if v.out == nil {
		return io.ErrClosedPipe
	}
	text := make([][]byte, len(parts))
	for i, part := range parts {
		text[i] = []byte(part)
	}
	return v.out.send(text...)
}

// running is how many operations have not ended.
func (v *reservation) running() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.operations)
}

// cancel ends an operation. It is forgotten when it has ended.
func (v *reservation) cancel(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if o := v.operations[id]; o != nil {
		o.end()
	}
}

// forget forgets an operation, unless another one has its id. The lock is held.
func (v *reservation) forget(o *reservedSink) {
	if v.operations[o.id] == o {
		delete(v.operations, o.id)
	}
}

// begin begins an operation, whose id is in its extensions. The answer comes when the
// operation is known to be one that runs, and the results come over the stream.
func (s streams) begin(w http.ResponseWriter, r *http.Request, v *reservation) {
	now := s.state.serving.Load()
	pass, bad := now.receive(r)
	if bad != nil {
		bad.answer(w, r)
		return
	}
	body, bad := now.object(w, r)
	pass.leave()
	if bad != nil {
		bad.answer(w, r)
		return
	}
	sent := map[string]json.RawMessage{"extensions": nil}
	pick(body, sent)
	var extensions struct{ OperationID string }
	if json.Unmarshal(sent["extensions"], &extensions) != nil || extensions.OperationID == "" || len(extensions.OperationID) > maxID {
		malformed("an operation of a reserved stream has an `extensions.operationId`").answer(w, r)
		return
	}
	id := extensions.OperationID
	v.mu.Lock()
	if v.out == nil || v.operations[id] != nil || len(v.operations) >= maxOperations {
		v.mu.Unlock()
		refused(http.StatusConflict, apierror.BadUserInput,
			"the stream is not open, has an operation of this id, or has as many operations as it may").answer(w, r)
		return
	}
	ctx, end := context.WithCancel(context.WithValue(v.ctx, takenKey{}, true))
	o := &reservedSink{to: v, id: id, end: end}
	v.operations[id] = o
	v.mu.Unlock()
	go runOperation(ctx, now, credentials(r.Header), body, o)
	w.WriteHeader(http.StatusAccepted)
}

// reservedSink sends the results of one operation of a reserved stream.
type reservedSink struct {
	to    *reservation
	id    string
	end   context.CancelFunc
	ended bool
	going bool // it goes on behind its request
}

func (o *reservedSink) next(parts ...[]byte) error {
	id, _ := json.Marshal(o.id)
	text := []string{`event: next` + "\n" + `data: {"id":` + string(id) + `,"payload":`}
	for _, part := range parts {
		text = append(text, string(part))
	}
	return o.to.send(append(text, "}\n\n")...)
}

func (o *reservedSink) flush() error { return nil } // each event went out by itself

func (o *reservedSink) fail(errs gqlerror.List) {
	payload, err := json.Marshal(map[string]any{"errors": errs})
	if err == nil && !o.ended && o.next(payload) == nil {
		o.complete()
	}
}

func (o *reservedSink) complete() {
	if o.ended {
		return
	}
	o.ended = true
	id, _ := json.Marshal(map[string]string{"id": o.id})
	o.to.sendLast(o, "event: complete\ndata: ", string(id), "\n\n")
}

func (o *reservedSink) done() bool { return o.ended }

func (o *reservedSink) goOn(ctx context.Context, _ *http.Request) (context.Context, func(), bool) {
	o.going = true
	return ctx, func() { finish(o, nil) }, true
}

func (o *reservedSink) goes() bool { return o.going }

func (o *reservedSink) close() {
	o.end()
	o.to.mu.Lock()
	defer o.to.mu.Unlock()
	o.to.forget(o)
}

func (o *reservedSink) beat() error { return nil } // the stream has its own
