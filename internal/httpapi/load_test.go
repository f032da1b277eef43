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

// TestGate wants requests let through up to the capacity, others in their order when there is room, and
// those refused for which the queue has no place, or whose wait is over.
func TestGate(t *testing.T) {
	g := newGate(10, 2)
	g.patience = time.Hour
	ctx := t.Context()
	first, second := g.enter(ctx, 6), g.enter(ctx, 4)
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
				leave()
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
	second()
	if g.queued() != 2 {
		t.Error("one that came later went before")
	}
	first()
	<-order
	<-order
	if leave := g.enter(ctx, 10); leave == nil {
		t.Error("what was taken is not given back")
	} else {
		leave()
	}
	if leave := g.enter(ctx, 1000); leave == nil {
		t.Error("what is larger than all cannot run alone")
	} else if g.enter(over(), 1) != nil {
		t.Error("beside the largest")
	} else {
		leave()
	}
	if g.used != 0 || len(g.holders) != 0 || len(g.waiting) != 0 {
		t.Errorf("%d used, %v, %d wait", g.used, g.holders, len(g.waiting))
	}
}

func (g *gate) queued() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// TestGateOfPartners wants one partner to take a quarter of a gate, and others to find room.
func TestGateOfPartners(t *testing.T) {
	g := newGate(100, 2)
	as := func(v *auth.Viewer) context.Context { return auth.WithViewer(t.Context(), v) }
	jane, joe := as(&auth.Viewer{Subject: "jane", Role: auth.RolePartner}), as(&auth.Viewer{Subject: "joe", Role: auth.RolePartner})
	var leave []func()
	for range 5 {
		if l := g.enter(jane, 5); l != nil {
			leave = append(leave, l)
		}
	}
	if len(leave) != 5 || g.enter(jane, 1) != nil {
		t.Errorf("one partner has %d places of 5", len(leave))
	}
	whole := g.enter(joe, 60) // alone, one may be larger
	if whole == nil || g.enter(joe, 1) != nil {
		t.Error("a large one of another partner is refused, or more beside it let through")
	}
	if l := g.enter(as(auth.Local()), 15); l == nil {
		t.Error("staff find no room")
	}
	for _, l := range leave {
		l()
	}
	if l := g.enter(jane, 25); l == nil {
		t.Error("what a partner gave back is lost")
	}
}

// TestOverload wants 503, Retry-After and a code from a server that has no room, in both media types and by each gate, and
// that what has room goes on.
func TestOverload(t *testing.T) {
	for name, full := range map[string]func(*load) *gate{
		"prepare": func(l *load) *gate { return l.prepare },
		"execute": func(l *load) *gate { return l.execute },
		"write":   func(l *load) *gate { return l.write },
	} {
		tr := graphQL(Options{
			Resolvers: resolvers.New(resolvers.Options{Pages: 20, Calls: 50, Cost: 10_000, Logger: discard}), Body: 10 << 10, Tokens: 500, Depth: 12, Aliases: 50,
			Load: 1000, Answer: 1 << 20,
		}, &partnerQuota{}, newDocuments(0), nil).(transport)
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
				leave()
				leave = nil
			}
		}
		for i, g := range []*gate{tr.load.prepare, tr.load.execute, tr.load.write} {
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
		Introspection: true}, &partnerQuota{}, newDocuments(0), nil).(transport)
	for _, query := range []string{`{ __typename }`, `{ affiliates(first: 100) { nodes { id name email status } } }`, `{ __schema { types { name fields { name } } } }`} {
		r := &request{}
		r.Query = query
		ctx := auth.WithViewer(t.Context(), auth.Local())
		op, errs := tr.create(startTrace(ctx), r, func() {})
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		weights = append(weights, weight(op))
	}
	if weights[0] != minWeight || weights[1] < 400 || weights[2] < 1000 {
		t.Error(fmt.Sprint(weights))
	}
}
