package httpapi

import (
	"context"
	"math"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/resolvers"
)

const (
	// maxQueue is how many requests of staff, and how many of partners, wait for one bound
	// at once.
	maxQueue = 100
	// queueTime is how long one waits. It is short, so that what runs keeps its latency.
	queueTime = time.Second
	// retryTime is what a refused client is told to wait.
	retryTime = 2 * time.Second
	// minWeight is what each operation counts at least: it holds a goroutine and a connection.
	minWeight = 100
	// minDocument is what each document counts at least.
	minDocument = 1 << 10
	// workPart is the part of the work that one partner may take: a quarter.
	workPart = 4
	// bytesPart is the part of bodies and answers that one partner may take: a sixteenth. It is
	// smaller, because a client alone decides how long they are held.
	bytesPart = 16
	// maxBodies is how many bodies of the largest size may be read at once.
	maxBodies = 256
	// maxAnswers is how many answers of the largest size may be unread at once.
	maxAnswers = 64
)

// load bounds the work of all requests at once, by its weight. A request goes through the
// gates one after the other. It never waits for one while it holds another.
type load struct {
	read    *gate // bytes of bodies that clients are sending
	prepare *gate // bytes of documents and variables that are parsed, validated and planned
	execute *gate // planned field values of operations that are executed (limits.load)
	join    *gate // KiB of requests that wait for the answer of another one (limits.load)
	write   *gate // bytes of answers that are made, or that clients have not read yet
}

// State is what handlers have counted. A handler that takes the place of another one has to
// have its state: else what runs and what was taken is forgotten.
type State struct {
	load    *load
	quota   *persisted.Quota // of documents
	streams *streamCount
	sockets *socketCount

	reservations *reservations
	serving      atomic.Pointer[serving] // the handler that was made last

	ending context.Context // ends when streams have to
	end    context.CancelFunc
}

// NewState makes a state in which nothing is counted.
func NewState(now func() time.Time) *State {
	s := &State{
		load: newLoad(), quota: persisted.NewQuota(now),
		streams: newStreamCount(), sockets: newSocketCount(),
		reservations: &reservations{each: map[string]*reservation{}},
	}
	s.ending, s.end = context.WithCancel(context.Background())
	return s
}

func newLoad() *load {
	return &load{
		read: newGate(maxQueue, bytesPart), prepare: newGate(maxQueue, workPart),
		execute: newGate(maxQueue, workPart), join: newGate(0, workPart), write: newGate(0, bytesPart),
	}
}

// resize sets the bounds. What was let through stays counted.
func (l *load) resize(o Options) {
	l.read.resize(maxBodies * o.Body)
	l.prepare.resize(int64(runtime.GOMAXPROCS(0)) * max(o.Body, 64<<10))
	l.execute.resize(o.Load)
	l.join.resize(o.Load)
	l.write.resize(maxAnswers * o.Answer)
}

// weight is what an operation counts while it is executed: the values of its answer, and
// what is held of its request.
func weight(op *graphql.OperationContext, asked *request) int64 {
	schema, _ := op.Stats.GetExtension(schemaValuesStat).(int)
	return int64(max(resolvers.PlannedValues(op)+schema+asked.held, minWeight))
}

// gate lets requests through while the sum of their weights is within a capacity. Others
// wait, those of staff and those of partners each in a queue, first come, first served;
// when the queue is full or the wait is too long, they are refused. All partners together
// take three quarters of the capacity at most, and staff go first: partners cannot keep
// staff out.
type gate struct {
	queue    int           // how many requests wait in each queue
	part     int64         // one partner may take the capacity divided by it
	patience time.Duration // how long a request waits

	mu       sync.Mutex
	capacity int64
	used     int64            // by all requests
	partners int64            // by those of partners
	staff    []*pass          // that wait
	others   []*pass          // of partners, that wait
	holders  map[string]int64 // weights of partners, waiting ones too
}

// pass is the place of a request in a gate.
type pass struct {
	gate    *gate
	partner string // whose request it is; "" for staff
	weight  int64
	ready   chan struct{} // closed when the request was let through
}

// newGate makes a gate without a bound.
func newGate(queue int, part int64) *gate {
	return &gate{queue: queue, part: part, patience: queueTime, capacity: math.MaxInt64, holders: map[string]int64{}}
}

// resize sets the capacity. 0 is no bound.
func (g *gate) resize(capacity int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.capacity = capacity; capacity == 0 {
		g.capacity = math.MaxInt64
	}
	g.admit()
}

// most is what all requests of a class together may take.
func (g *gate) most(partner string) int64 {
	if partner == "" {
		return g.capacity
	}
	return max(1, g.capacity/4*3)
}

// fits says whether there is room for so much more.
func (g *gate) fits(partner string, weight int64) bool {
	return weight <= g.capacity-g.used && (partner == "" || weight <= g.most(partner)-g.partners)
}

// pass is a place for a request that has entered nothing yet.
func (g *gate) pass(ctx context.Context) *pass {
	p := &pass{gate: g, ready: make(chan struct{})}
	if v := auth.ViewerFrom(ctx); v != nil && v.Role == auth.RolePartner {
		p.partner = v.Subject
	}
	return p
}

// enter lets a request through, or returns nil when it is refused. The caller calls leave once. A
// weight beyond the capacity counts as the capacity, so that each request can run alone.
func (g *gate) enter(ctx context.Context, weight int64) *pass {
	p := g.pass(ctx)
	g.mu.Lock()
	p.weight = min(weight, g.most(p.partner))
	if g.refuses(p, p.weight) {
		g.mu.Unlock()
		return nil
	}
	if g.free(p, p.weight) {
		g.count(p, p.weight)
		close(p.ready)
	} else {
		queue := p.queue()
		*queue = append(*queue, p)
	}
	g.hold(p.partner, p.weight)
	g.mu.Unlock()
	if !p.wait(ctx, g.patience) {
		p.leave()
		return nil
	}
	return p
}

// full says whether a request would be refused now, however little it weighs.
func (g *gate) full(ctx context.Context) bool {
	p := g.pass(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refuses(p, minWeight)
}

// refuses says whether a request of a weight would neither be let through nor wait. The lock
// is held.
func (g *gate) refuses(p *pass, weight int64) bool {
	weight = min(weight, g.most(p.partner))
	queue := *p.queue()
	return g.over(p.partner, weight) ||
		!g.free(p, weight) && (len(queue) >= g.queue || len(queue) > 0 && weights(queue)+weight > g.capacity/2)
}

// free says whether a request of a weight would be let through at once. The lock is held.
func (g *gate) free(p *pass, weight int64) bool {
	return len(*p.queue()) == 0 && len(g.staff) == 0 && g.fits(p.partner, weight)
}

// over says whether so much more is beyond the part of a partner, who has something already.
func (g *gate) over(partner string, weight int64) bool {
	held := g.holders[partner]
	return held > 0 && held+weight > g.capacity/g.part
}

// hold notes what a partner has more.
func (g *gate) hold(partner string, weight int64) {
	if partner == "" {
		return
	}
	if g.holders[partner] += weight; g.holders[partner] <= 0 {
		delete(g.holders, partner)
	}
}

// count counts what a request that was let through takes more.
func (g *gate) count(p *pass, weight int64) {
	g.used += weight
	if p.partner != "" {
		g.partners += weight
	}
}

// admit lets those through that fit, staff first.
func (g *gate) admit() {
	for _, queue := range []*[]*pass{&g.staff, &g.others} {
		for len(*queue) > 0 {
			first := (*queue)[0]
			if !g.fits(first.partner, first.weight) {
				return
			}
			g.count(first, first.weight)
			close(first.ready)
			*queue = slices.Delete(*queue, 0, 1)
		}
	}
}

// weights are those of a queue.
func weights(queue []*pass) (sum int64) {
	for _, p := range queue {
		sum += p.weight
	}
	return sum
}

// queue is the one in which the request waits, or would.
func (p *pass) queue() *[]*pass {
	if p.partner == "" {
		return &p.gate.staff
	}
	return &p.gate.others
}

// wait says whether the request was let through in time.
func (p *pass) wait(ctx context.Context, patience time.Duration) bool {
	select {
	case <-p.ready: // without a timer, as nearly always
		return true
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-p.ready:
		return true
	case <-ctx.Done():
		return false
	}
}

// grow adds to the weight of a request that was let through, and says whether there was
// room. It does not wait.
func (p *pass) grow(weight int64) bool {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over(p.partner, weight) || !g.fits(p.partner, weight) {
		return false
	}
	g.count(p, weight)
	g.hold(p.partner, weight)
	p.weight += weight
	return true
}

// leave gives the weight of a request back, or its place in the queue, and lets those
// through that fit.
func (p *pass) leave() {
	g, queue := p.gate, p.queue()
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(*queue, p); i >= 0 {
		*queue = slices.Delete(*queue, i, i+1)
	} else {
		g.count(p, -p.weight)
	}
	g.hold(p.partner, -p.weight)
	g.admit()
}

// crowd refuses operations before they are planned, while the gate refuses all of their
// viewer. It has to stand behind what knows their answers, and before what plans them.
type crowd struct {
	gate    *gate
	flights keptAnswers
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = crowd{}

// ExtensionName is the name for gqlgen.
func (crowd) ExtensionName() string { return "crowd" }

// Validate accepts every schema.
func (crowd) Validate(graphql.ExecutableSchema) error { return nil }

// errCrowded ends the preparation of an operation that could not be executed now.
var errCrowded = noRoom("limits.load")

// MutateOperationContext refuses an operation, unless it may be given the answer that is made
// for another request.
func (c crowd) MutateOperationContext(ctx context.Context, _ *graphql.OperationContext) *gqlerror.Error {
	if !c.gate.full(ctx) || resolvers.Delivers(ctx) { // an event is delivered without its record, if need be
		return nil
	}
	if r, ok := ctx.Value(recallKey{}).(*recall); ok && r.keyed && c.flights.part(ctx).UnderWay(r.key) {
		return nil
	}
	return errCrowded
}

// noRoom is the error of a request for which there is no room within a limit.
func noRoom(limit string) *gqlerror.Error {
	return &gqlerror.Error{
		Message:    "the server has too much to do just now (" + limit + "): send the request again",
		Extensions: map[string]any{"code": apierror.Overloaded, "retryable": true, "retryAfter": int(retryTime.Seconds())},
	}
}

// foundNoRoom says whether an operation ended because there was no room for its answer.
func foundNoRoom(response *graphql.Response) bool {
	return response.Data == nil && len(response.Errors) == 1 && response.Errors[0].Extensions["code"] == apierror.Overloaded
}

// overloaded is the refusal of a request for which there is no room.
func overloaded(limit string) *refusal {
	return &refusal{status: http.StatusServiceUnavailable, wait: int(retryTime.Seconds()), err: noRoom(limit)}
}
