package httpapi

import (
	"context"
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/resolvers"
)

// over is the end of a wait.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// TestGate wants requests let through up to the capacity, others in their order when there
// is room, and those refused for which the queue has no place, or whose wait is over.
func TestGate(t *testing.T) {
	g := newGate(2, workPart)
	g.resize(12)
	g.patience = time.Hour
	ctx := t.Context()
	first, second := g.enter(ctx, 8), g.enter(ctx, 4)
	if first == nil || second == nil {
		t.Fatal("what fits is refused")
	}
	if g.enter(over(), 1) != nil {
		t.Error("let through beyond the capacity")
	}
	order := make(chan int64, 2)
	for i, weight := range []int64{5, 1} { // the second would fit sooner
		go func() {
			if leave := g.enter(ctx, weight); leave != nil {
				order <- weight
				leave.leave()
			}
		}()
		for g.queued() != i+1 {
			select {
			case <-ctx.Done():
				t.Fatal("nobody waits")
			default:
				runtime.Gosched()
			}
		}
	}
	if g.enter(ctx, 1) != nil {
		t.Error("the queue has no end")
	}
	second.leave()
	if g.queued() != 2 {
		t.Error("one that came later went before")
	}
	first.leave()
	<-order
	<-order
	if leave := g.enter(ctx, 12); leave == nil {
		t.Error("what was taken is not given back")
	} else {
		leave.leave()
	}
	if leave := g.enter(ctx, 1000); leave == nil {
		t.Error("what is larger than all cannot run alone")
	} else if g.enter(over(), 1) != nil {
		t.Error("beside the largest")
	} else {
		leave.leave()
	}
	if g.used != 0 || len(g.holders) != 0 || g.queued() != 0 {
		t.Errorf("%d used, %v, %d wait", g.used, g.holders, g.queued())
	}
}

func (g *gate) queued() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.staff) + len(g.others)
}

// TestGateOfPartners wants one partner to take a quarter of a gate, and others to find room.
func TestGateOfPartners(t *testing.T) {
	g := newGate(2, workPart)
	g.resize(100)
	as := func(v *auth.Viewer) context.Context { return auth.WithViewer(t.Context(), v) }
	jane, joe := as(&auth.Viewer{Subject: "jane", Role: auth.RolePartner}), as(&auth.Viewer{Subject: "joe", Role: auth.RolePartner})
	var leave []*pass
	for range 5 {
		if l := g.enter(jane, 5); l != nil {
			leave = append(leave, l)
		}
	}
	if len(leave) != 5 || g.enter(jane, 1) != nil {
		t.Errorf("one partner has %d places of 5", len(leave))
	}
	whole := g.enter(joe, 50) // alone, one may be larger
	if whole == nil || g.enter(joe, 1) != nil {
		t.Error("a large one of another partner is refused, or more beside it let through")
	}
	if l := g.enter(as(auth.Local()), 15); l == nil {
		t.Error("staff find no room")
	}
	for _, l := range leave {
		l.leave()
	}
	if l := g.enter(jane, 25); l == nil {
		t.Error("what a partner gave back is lost")
	}
}

// TestGatesOfStaff wants room for staff in each gate, whatever all partners together hold
// of it and wait for, and everything given back in the end.
func TestGatesOfStaff(t *testing.T) {
	l := newLoad()
	l.resize(Options{Load: 200_000, Body: 100 << 10, Answer: 4 << 20})
	as := func(subject string, role auth.Role) context.Context {
		return auth.WithViewer(over(), &auth.Viewer{Subject: subject, Role: role}) // nobody waits in the queue
	}
	for name, gate := range map[string]*gate{"read": l.read, "prepare": l.prepare, "execute": l.execute, "join": l.join, "write": l.write} {
		for _, weight := range []int64{gate.capacity / 1000, gate.capacity / 50, gate.capacity / 20, gate.capacity / 5, gate.capacity} {
			var passes []*pass
			for partner := range 20 {
				ctx, taken := as(fmt.Sprint("partner ", partner), auth.RolePartner), int64(0)
				for p := gate.enter(ctx, weight); p != nil; p = gate.enter(ctx, weight) {
					passes, taken = append(passes, p), taken+1
					if partner%2 == 0 && p.grow(gate.capacity/1000) {
						taken++
					}
				}
				if taken > 1 && gate.holders[fmt.Sprint("partner ", partner)] > gate.capacity/gate.part {
					t.Errorf("%s: a partner has %d of %d", name, gate.holders[fmt.Sprint("partner ", partner)], gate.capacity)
				}
			}
			if gate.used == 0 || gate.used > gate.capacity/4*3 {
				t.Errorf("%s: partners have %d of %d, by requests of %d", name, gate.used, gate.capacity, weight)
			}
			staff := gate.enter(as("dashboard", auth.RoleReader), gate.capacity/5)
			if staff == nil || !staff.grow(gate.capacity/100) {
				t.Errorf("%s: staff are refused beside %d requests of %d of partners", name, len(passes), weight)
			} else {
				staff.leave()
			}
			for _, p := range passes {
				p.leave()
			}
			if gate.used != 0 || gate.partners != 0 || len(gate.holders) != 0 || gate.queued() != 0 {
				t.Errorf("%s keeps %d, %d of partners, %v", name, gate.used, gate.partners, gate.holders)
			}
		}
	}
}

// TestGateQueues wants staff not to wait behind partners: neither what fits nor, when there
// is room, what came later. It wants the weight of those who wait bounded, too.
func TestGateQueues(t *testing.T) {
	g := newGate(10, 1)
	g.resize(100)
	g.patience = time.Hour
	partner := auth.WithViewer(t.Context(), &auth.Viewer{Subject: "jane", Role: auth.RolePartner})
	running := g.enter(partner, 50)
	order := make(chan string, 2)
	wait := func(who string, ctx context.Context, weight int64, queued int) {
		go func() {
			if p := g.enter(ctx, weight); p != nil {
				order <- who
				p.leave()
			} else {
				order <- who + " refused"
			}
		}()
		for g.queued() != queued {
			runtime.Gosched()
		}
	}
	wait("partner", partner, 40, 1)
	small := g.enter(over(), 40)
	if small == nil {
		t.Fatal("staff wait behind a partner's request that does not fit")
	}
	wait("staff", t.Context(), 60, 2)
	if g.enter(partner, 11) != nil {
		t.Error("more wait than half of what may run")
	}
	running.leave()
	if who := <-order; who != "staff" {
		t.Errorf("%s goes first", who)
	}
	if who := <-order; who != "partner" {
		t.Errorf("%s goes second", who)
	}
	small.leave()
	if g.used != 0 || g.queued() != 0 {
		t.Errorf("%d used, %d wait", g.used, g.queued())
	}
}

// TestStateReload wants a handler that takes the place of another one to count what runs in
// that one, and to let those through that wait there where there is more room.
func TestStateReload(t *testing.T) {
	state := NewState(nil)
	made := func(load int64) transport {
		return graphQL(Options{Resolvers: resolvers.New(resolvers.Options{Logger: discard}), Load: load, State: state}, &partnerQuota{}, newDocuments(0), keptAnswers{})
	}
	former := made(1000)
	before := former.load.execute
	before.patience = time.Hour
	held := before.enter(t.Context(), 900)
	done := make(chan *pass)
	go func() { done <- before.enter(t.Context(), 200) }()
	for before.queued() != 1 {
		runtime.Gosched()
	}
	latter := made(2000)
	after := latter.load.execute
	second := <-done
	if after.used != 1100 || after.enter(over(), 901) != nil {
		t.Errorf("%d are counted after the reload, want 1100", after.used)
	}
	held.leave()
	second.leave()
	if after.used != 0 {
		t.Errorf("%d are kept", after.used)
	}
	if former.quota != latter.quota {
		t.Error("what viewers had kept is forgotten")
	}
}

// TestOverload wants 503, Retry-After and a code from a server that has no room, in both
// media types and by each gate, and that what has room goes on.
func TestOverload(t *testing.T) {
	for name, full := range map[string]func(*load) *gate{
		"read":    func(l *load) *gate { return l.read },
		"prepare": func(l *load) *gate { return l.prepare },
		"execute": func(l *load) *gate { return l.execute },
		"write":   func(l *load) *gate { return l.write },
	} {
		tr := graphQL(Options{
			Resolvers: resolvers.New(resolvers.Options{Pages: 20, Calls: 50, Cost: 10_000, Logger: discard}), Body: 10 << 10, Tokens: 500, Depth: 12, Aliases: 50,
			Load: 1000, Answer: 1 << 20, State: NewState(nil),
		}, &partnerQuota{}, newDocuments(0), keptAnswers{})
		g := full(tr.load)
		g.queue = 0
		leave := g.enter(t.Context(), g.capacity)
		for range 2 {
			for _, accept := range []string{plainJSON, graphqlResponse} {
				r := httptest.NewRequest("POST", "/graphql", strings.NewReader(`{"query":"{ __typename }"}`))
				r.Header.Set("Content-Type", plainJSON)
				r.Header.Set("Accept", accept)
				w := httptest.NewRecorder()
				tr.ServeHTTP(w, r.WithContext(auth.WithViewer(r.Context(), auth.Local())))
				if leave == nil {
					if w.Code != 200 || w.Body.String() != `{"data":{"__typename":"Query"}}` && !strings.HasPrefix(w.Body.String(), `{"data":{"__typename":"Query"},`) {
						t.Errorf("%s, with room: %d %s", name, w.Code, w.Body)
					}
				} else if w.Code != 503 || w.Header().Get("Retry-After") != "2" || !strings.Contains(w.Body.String(), `"code":"OVERLOADED"`) ||
					!strings.Contains(w.Body.String(), `"retryable":true`) || w.Header().Get("Content-Type") != accept+"; charset=utf-8" {
					t.Errorf("%s, full: %d %v %s", name, w.Code, w.Header(), w.Body)
				}
			}
			if leave != nil {
				leave.leave()
				leave = nil
			}
		}
		for i, g := range []*gate{tr.load.read, tr.load.prepare, tr.load.execute, tr.load.write} {
			if g.used != 0 {
				t.Errorf("%s: gate %d keeps %d", name, i, g.used)
			}
		}
	}
}

// TestWeight wants an operation to weigh what its answer may have, of records and of the schema.
func TestWeight(t *testing.T) {
	var weights []int64
	tr := graphQL(Options{Resolvers: resolvers.New(resolvers.Options{Pages: 20, Calls: 50, Cost: 10_000, Logger: discard}), Body: 10 << 10, Tokens: 500, Depth: 12, Aliases: 50,
		Introspection: true, State: NewState(nil)}, &partnerQuota{}, newDocuments(0), keptAnswers{})
	for _, query := range []string{`{ __typename }`, `{ affiliates(first: 100) { nodes { id name email status } } }`, `{ __schema { types { name fields { name } } } }`} {
		r := &request{}
		r.Query = query
		ctx := auth.WithViewer(t.Context(), auth.Local())
		op, errs := tr.create(startTrace(ctx), r, func() {})
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		weights = append(weights, weight(op, r))
	}
	if weights[0] != minWeight || weights[1] < 400 || weights[2] < 1000 {
		t.Error(fmt.Sprint(weights))
	}
}
