package budget

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/providers"
)

const (
	patience = 50 * time.Millisecond // with Redis, of one question
	retry    = time.Second           // until Redis is asked again after it failed
	fresh    = time.Second           // how old the State may be that is told without asking Redis
)

//go:embed redis.lua
var source string

var script = redis.NewScript(source)

// RedisOptions is what a [Redis] is made from.
type RedisOptions struct {
	Client  redis.UniversalClient // stays the caller's, who closes it
	Account string                // whose budget it is; all replicas with the same account, limit and window share it
	Limit   int
	Window  time.Duration
	Logger  *slog.Logger

	// Now is the clock of all replicas together. Nil is Redis's own, so that the replicas' clocks need not agree.
	Now func() time.Time
	// Patience is how long one question to Redis may take; 0 for 50 ms.
	Patience time.Duration
}

// Redis is a [providers.Budget] that all replicas share. It is safe for concurrent use, starts no goroutine, and serves those
// of one process who wait in the order they came.
//
// While Redis does not answer, a replica goes on with its share: the limit divided by the number of replicas that took places
// in the window before, and at first no more than its share of what they had left when Redis last answered it. It keeps to its
// share for one window longer, until every replica is back and what was called meanwhile is a window old. So neither change
// spends the budget twice. The limit may be exceeded by what cannot be known: by a replica that had not asked for a while, or
// is cut off alone, by no more than its share.
type Redis struct {
	line
	o       RedisOptions
	now     func() time.Time
	replica string // this budget, among those that share the account's
	keys    []string
	breaker circuitbreaker.CircuitBreaker[any]

	own      log       // this replica's calls, and what it may make alone
	alone    time.Time // until when it keeps to its share
	calls    int       // asked for so far, for their names
	unseen   []call    // counted in own, and not known to be in Redis
	unspoken time.Time // until when Exhausted lets nobody call, which Redis does not know yet
	seen     reply     // what Redis answered last
	seenAt   time.Time
}

// call is one that was made, or may have been, without Redis's answer.
type call struct {
	name string
	at   time.Time
}

// reply is what the script answers.
type reply struct {
	wait, last, blocked time.Duration
	used, replicas      int
}

var _ providers.Budget = (*Redis)(nil)

// NewRedis makes a budget of limit calls by all replicas in any span as long as window. Both must be positive: NewRedis panics
// otherwise. It does not ask Redis yet.
func NewRedis(o RedisOptions) *Redis {
	o.Patience = cmp.Or(o.Patience, patience)
	r := &Redis{
		line: newLine(), o: o, now: time.Now, replica: rand.Text(), own: newLog(o.Limit, o.Window), seen: reply{replicas: 1},
		breaker: circuitbreaker.NewBuilder[any]().WithDelay(retry).Build(),
	}
	if o.Now != nil {
		r.now = o.Now
	}
	for _, part := range []string{"calls", "blocked", "replicas"} {
		r.keys = append(r.keys, fmt.Sprintf("partnergraph:budget:{%s %d/%v}:%s", o.Account, o.Limit, o.Window, part))
	}
	return r
}

// Take waits for a free place and counts it, as [providers.Budget] says.
func (r *Redis) Take(ctx context.Context) error { return r.take(ctx, r.place) }

func (r *Redis) place(ahead int, count bool) time.Duration {
	now := r.now()
	name := ""
	if alone := r.share(now, ahead); count && alone <= 0 {
		r.calls++
		name = r.replica + " " + strconv.Itoa(r.calls)
	}
	up := r.ask(now, ahead, name)
	wait := r.share(now, ahead)
	if up {
		wait = max(wait, r.seen.wait)
	}
	if name != "" && wait <= 0 {
		r.own.note(now)
		if !up {
			r.unseen = append(r.unseen, call{name, now})
		}
	}
	return wait
}

// share is how long a call has to wait for this replica's share, which bounds it only while it is, or just was, alone.
func (r *Redis) share(now time.Time, ahead int) time.Duration {
	wait := r.own.wait(now, ahead)
	if !now.Before(r.alone) {
		return 0
	}
	return wait
}

// Exhausted lets nobody in any replica call before wait has passed. It never shortens a wait. Those who wait already and cannot
// wait so long are refused at once in this replica, and in others when they next ask.
func (r *Redis) Exhausted(wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if !r.own.block(now.Add(wait)) {
		return
	}
	r.unspoken = now.Add(wait)
	r.ask(now, 0, "")
	r.wake()
}

// State is the budget as it stands, or stood no more than a second ago; without Redis, this replica's share.
func (r *Redis) State() providers.RateLimit {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if now.Sub(r.seenAt) >= fresh && !r.ask(now, 0, "") {
		s := r.own.state(now)
		s.Limit = r.o.Limit
		return s
	}
	last := r.seenAt.Add(r.seen.last)
	return state(r.o.Limit, r.o.Window, r.seen.used, now, last, r.own.blocked)
}

// ask asks Redis for a place for the call of this name, or "" for none, tells it what it does not know yet, and says whether
// it answered. The answer is in seen.
func (r *Redis) ask(now time.Time, ahead int, name string) bool {
	if !r.breaker.TryAcquirePermit() {
		r.lost(now)
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.o.Patience) // not the caller's: its answer tells whether a place was taken
	defer cancel()
	answer, err := script.Run(ctx, r.o.Client, r.keys, r.question(now, ahead, name)...).Int64Slice()
	if err == nil && len(answer) != 5 {
		err = errors.New("an answer of another shape")
	}
	if err != nil {
		r.breaker.RecordFailure()
		if !now.Before(r.alone) {
			r.o.Logger.Warn("Redis does not answer: calls go on within this replica's share of the budget",
				slog.String("account", r.o.Account), slog.Int("replicas", r.seen.replicas), slog.Any("error", err))
		}
		r.lost(now)
		return false
	}
	r.breaker.RecordSuccess()
	span := func(i int) time.Duration { return time.Duration(answer[i]) * time.Microsecond }
	r.seen = reply{wait: span(0), used: int(answer[1]), last: span(2), blocked: span(3), replicas: int(answer[4])}
	r.seenAt, r.unseen, r.unspoken = now, nil, time.Time{}
	r.own.block(now.Add(r.seen.blocked))
	return true
}

// question is the script's arguments. The window is a microsecond longer than it is, because the script does not know when
// inside of one a call was made.
func (r *Redis) question(now time.Time, ahead int, name string) []any {
	var clock int64 // 0: Redis's
	if r.o.Now != nil {
		clock = now.UnixMicro()
	}
	args := []any{
		r.o.Limit, r.o.Window.Microseconds() + 1, ahead, clock, max(r.unspoken.Sub(now).Microseconds(), 0),
		r.replica, name,
	}
	for _, c := range r.unseen {
		args = append(args, c.name, now.Sub(c.at).Microseconds())
	}
	return args
}

// lost begins, or prolongs, the time that this replica is alone. It begins with what Redis answered last: of the places that
// were left, this replica has its share.
func (r *Redis) lost(now time.Time) {
	if !now.Before(r.alone) {
		r.own.limit = max(r.o.Limit/r.seen.replicas, 1)
		left := max(r.o.Limit-r.seen.used, 0) / r.seen.replicas
		for free := r.own.limit - len(r.own.calls); free > left; free-- {
			r.own.note(r.seenAt) // another replica's
		}
	}
	r.alone = now.Add(r.o.Window)
}
