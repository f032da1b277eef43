package httpapi

import (
	"context"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/resolvers"
)

const (
	// maxQueue is how many requests wait for one bound at once.
	maxQueue = 100
	// queueTime is how long one waits. It is short, so that what runs keeps its latency.
	queueTime = time.Second
	// retryTime is what a refused client is told to wait.
	retryTime = 2 * time.Second
	// minWeight is what each operation counts at least: it holds a goroutine and a connection.
	minWeight = 100
	// minDocument is what each document counts at least.
	minDocument = 1 << 10
	// partnerPart is the part of each bound that one partner may take: a quarter.
	partnerPart = 4
)

// load bounds the work of all requests at once, by its weight. A request goes through three gates, one
// after the other, and never holds two.
type load struct {
	prepare *gate // bytes of documents that are parsed, validated and planned
	execute *gate // planned field values of operations that are executed (limits.load)
	write   *gate // bytes of answers that clients have not read yet
}

func newLoad(o Options) *load {
	l := &load{
		prepare: newGate(int64(runtime.GOMAXPROCS(0))*max(o.Body, 64<<10), maxQueue),
		execute: newGate(o.Load, maxQueue),
		write:   newGate(0, 0),
	}
	if o.Answer > 0 {
		l.write = newGate(maxAnswers*o.Answer, 0)
	}
	return l
}

// maxAnswers is how many answers of the largest size may be unread at once.
const maxAnswers = 64

// weight is what an operation counts while it is executed.
func weight(op *graphql.OperationContext) int64 {
	schema, _ := op.Stats.GetExtension(schemaValuesStat).(int)
	return int64(max(resolvers.PlannedValues(op)+schema, minWeight))
}

// gate lets requests through while the sum of their weights is within a capacity. Others wait in a
// queue, first come, first served; when the queue is full or the wait is too long, they are refused.
type gate struct {
	capacity, queue int64
	patience        time.Duration // how long a request waits

	mu      sync.Mutex
	used    int64
	waiting []*waiter
	holders map[string]int64 // weights of partners, waiting ones too
}

// waiter is a request in the queue.
type waiter struct {
	weight int64
	ready  chan struct{} // closed when it was let through
}

// newGate makes a gate. A capacity of 0 is no bound.
func newGate(capacity int64, queue int) *gate {
	if capacity == 0 {
		capacity = math.MaxInt64
	}
	return &gate{capacity: capacity, queue: int64(queue), patience: queueTime, holders: map[string]int64{}}
}

// enter lets a request through, or returns nil when it is refused. The caller calls leave once. A
// weight beyond the capacity counts as the capacity, so that each request can run alone.
func (g *gate) enter(ctx context.Context, weight int64) (leave func()) {
	who, part := "", g.capacity
	if v := auth.ViewerFrom(ctx); v != nil && v.Role == auth.RolePartner {
		who, part = v.Subject, g.capacity/partnerPart
	}
	weight = min(weight, g.capacity)
	g.mu.Lock()
	if held := g.holders[who]; who != "" && held > 0 && held+weight > part {
		g.mu.Unlock()
		return nil
	}
	w := &waiter{weight, make(chan struct{})}
	switch {
	case len(g.waiting) == 0 && weight <= g.capacity-g.used:
		g.used += weight
		close(w.ready)
	case int64(len(g.waiting)) >= g.queue:
		g.mu.Unlock()
		return nil
	default:
		g.waiting = append(g.waiting, w)
	}
	if who != "" {
		g.holders[who] += weight
	}
	g.mu.Unlock()
	leave = func() { g.leave(w, who) }
	if !w.wait(ctx, g.patience) {
		leave()
		return nil
	}
	return leave
}

// wait says whether the request was let through in time.
func (w *waiter) wait(ctx context.Context, patience time.Duration) bool {
	select {
	case <-w.ready: // without a timer, as nearly always
		return true
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-w.ready:
		return true
	case <-ctx.Done():
		return false
	}
}

// leave gives the weight of a request back, or its place in the queue, and lets those through that fit.
func (g *gate) leave(w *waiter, who string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, w); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	} else {
		g.used -= w.weight
	}
	if who != "" {
		if g.holders[who] -= w.weight; g.holders[who] <= 0 {
			delete(g.holders, who)
		}
	}
	for len(g.waiting) > 0 && g.waiting[0].weight <= g.capacity-g.used {
		g.used += g.waiting[0].weight
		close(g.waiting[0].ready)
		g.waiting = slices.Delete(g.waiting, 0, 1)
	}
}

// overloaded is the refusal of a request for which there is no room.
func overloaded(w http.ResponseWriter) *refusal {
	wait := int(retryTime.Seconds())
	w.Header().Set("Retry-After", strconv.Itoa(wait))
	bad := refused(http.StatusServiceUnavailable, resolvers.CodeOverloaded, "the server has too much to do just now (limits.load): send the request again")
	bad.err.Extensions["retryable"], bad.err.Extensions["retryAfter"] = true, wait
	return bad
}
