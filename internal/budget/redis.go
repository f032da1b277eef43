package budget

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/providers"
)

const (
	patience = 50 * time.Millisecond // of one question to Redis
	beat     = time.Second           // between two questions, at most
	fresh    = time.Second           // the age of a State that is told without asking Redis

	// Multiples of the beat. After silence Redis reserves the share of a replica. An empty Redis
	// waits for settle whether a replica asks that knows an earlier state.
	silence, settle = 5, 3

	// keep is how long a share stays reserved for a replica that Redis does not hear of.
	keep = 15 * time.Minute
)

//go:embed redis.lua
var source string

var script = redis.NewScript(source)

// RedisOptions configures a [Redis].
type RedisOptions struct {
	Client  redis.UniversalClient // the caller closes it, after the budget
	Account string                // replicas with the same account, limit and window share a budget
	Limit   int
	Window  time.Duration
	Logger  *slog.Logger

	// Replicas is the largest number of replicas that run at once; 0 if nobody knows. The
	// share of each that Redis does not hear of stays reserved.
	Replicas int
	// Now is the clock of all replicas. Nil means the clock of Redis, so that the clocks of the
	// replicas need not agree.
	Now func() time.Time
	// Patience is how long one question to Redis may take; 0 means 50 ms.
	Patience time.Duration
	// Beat is how often the replica announces itself; 0 means every second. All replicas have the
	// same.
	Beat time.Duration
}

// Redis is a [providers.Budget] that all replicas share. It is safe for concurrent use, and
// serves the calls of one process in order of arrival. Close ends it. The package comment
// describes what happens without Redis.
type Redis struct {
	waitQueue
	o       RedisOptions
	now     func() time.Time
	replica string // identifies this budget among those that share the account
	keys    []string
	timer   *time.Timer // of the next beat
	closed  bool

	own      callLog   // calls of this replica
	named    int       // calls that have a name
	seq      int       // questions asked
	blocked  time.Time // Exhausted allows no call before; Redis does not know it yet
	askAgain time.Time // Redis is not asked before
	down     bool      // Redis did not answer last time
	alone    rights    // what this replica may do without Redis
	seen     reply     // the last answer of Redis
}

// reply is what the script returns.
type reply struct {
	at                  time.Time // when it came
	wait, last, blocked time.Duration
	used, replicas      int
	time                int64 // by the clock of Redis
	right, share        int
	state               int64 // names what Redis knows; it is another after Redis has lost its data
	alone               bool  // no other replica has a share
	settling            bool  // Redis does not know all calls of the window yet
}

// question is the argument of the script. Spans and times are microseconds.
type question struct {
	Limit    int      `json:"limit"`
	Window   int64    `json:"window"`
	Beat     int64    `json:"beat"`
	Silence  int64    `json:"silence"`
	Settle   int64    `json:"settle"`
	Keep     int64    `json:"keep"`
	Replicas int      `json:"replicas"` // at most this many run at once; 0 if nobody knows
	Now      int64    `json:"now"`      // 0: the clock of Redis
	Replica  string   `json:"replica"`
	Seq      int      `json:"seq"`   // later questions have larger numbers
	State    int64    `json:"state"` // of the last answer that arrived, as long as its rights hold; 0 if there is none
	Ack      int64    `json:"ack"`   // the time of that answer
	Alone    bool     `json:"alone"` // what that answer said
	Right    int      `json:"right"`
	Share    int      `json:"share"`
	Ahead    int      `json:"ahead"` // calls that are served first
	Call     string   `json:"call"`  // the name of the call; empty for a look
	Block    int64    `json:"block"` // no call may be made for so long
	Leave    bool     `json:"leave"` // the replica ends
	Calls    []untold `json:"calls"`
	Whole    bool     `json:"whole"` // these are all calls of the window
}

// untold is a call that Redis has not counted.
type untold struct {
	Name string `json:"name"`
	Ago  int64  `json:"ago"`
}

var _ providers.Budget = (*Redis)(nil)

// NewRedis makes a budget of limit calls by all replicas in any span as long as window.
// Both must be positive: NewRedis panics otherwise. It announces the replica at once, and
// then at every beat.
func NewRedis(o RedisOptions) *Redis {
	r := newRedis(o)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = time.AfterFunc(0, r.beat)
	return r
}

// newRedis makes a budget that does not announce itself.
func newRedis(o RedisOptions) *Redis {
	o.Patience, o.Beat = cmp.Or(o.Patience, patience), cmp.Or(o.Beat, beat)
	r := &Redis{
		waitQueue: newWaitQueue(), o: o, now: time.Now, replica: rand.Text(),
		own: newCallLog(o.Limit, o.Window), seen: reply{replicas: max(o.Replicas, 1)},
	}
	if o.Now != nil {
		r.now = o.Now
	}
	if o.Replicas > 0 {
		r.alone.right, r.alone.share = o.Limit/o.Replicas, o.Limit/o.Replicas
	}
	for _, part := range []string{"log", "state"} {
		r.keys = append(r.keys, fmt.Sprintf("partnergraph:budget:{%s %d/%v}:%s", o.Account, o.Limit, o.Window, part))
	}
	return r
}

// Close tells Redis that this replica ends, which frees its share. It waits no longer than
// Redis may take to answer.
func (r *Redis) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	r.timer.Stop()
	now := r.now()
	r.untell()
	q := r.question(now, 0, "")
	q.Leave = true
	_, _ = r.run(q)
	r.alone, r.askAgain = rights{}, now.Add(time.Hour)
}

// beat announces the replica if it has not asked for a place lately.
func (r *Redis) beat() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.announce()
	if !r.closed {
		r.timer = time.AfterFunc(r.o.Beat, r.beat)
	}
}

func (r *Redis) announce() {
	now := r.now()
	if now.Sub(r.seen.at) < r.o.Beat/2 {
		return
	}
	down, settling := r.down, r.seen.settling
	r.ask(now, 0, "")
	if r.down != down || r.seen.settling != settling {
		r.wake()
	}
}

// Take waits for a free place and counts it, as [providers.Budget] says.
func (r *Redis) Take(ctx context.Context) error { return r.take(ctx, r.place) }

func (r *Redis) place(ahead int, count bool) time.Duration {
	now := r.now()
	name := ""
	if count {
		r.named++
		name = r.replica + " " + strconv.Itoa(r.named)
	}
	told := r.ask(now, ahead, name)
	wait := r.seen.wait
	if !told {
		wait = r.waitAlone(now, ahead)
	}
	if count && wait <= 0 {
		r.own.note(call{at: now, name: name, told: told})
	}
	return wait
}

// Exhausted allows no call of any replica before wait has passed. It never shortens a wait.
// Calls that wait already and cannot wait so long are refused at once in this replica, and
// in others when they next ask.
func (r *Redis) Exhausted(wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if !r.own.block(now.Add(wait)) {
		return
	}
	r.blocked = now.Add(wait)
	r.ask(now, 0, "")
	r.wake()
}

// State describes the budget now, or no more than a second ago; without Redis, what this
// replica may do alone.
func (r *Redis) State() providers.RateLimit {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if now.Sub(r.seen.at) >= fresh && !r.ask(now, 0, "") {
		r.own.limit, _ = r.alone.at(r, now)
		s := r.own.state(now)
		s.Limit = r.o.Limit
		return s
	}
	last := r.seen.at.Add(r.seen.last)
	return state(r.o.Limit, r.o.Window, r.seen.used, now, last, r.own.blocked)
}

// ask asks Redis for a place for the call of this name, or for none, tells it what it does
// not know yet, and reports whether it answered. The answer is in seen.
func (r *Redis) ask(now time.Time, ahead int, name string) bool {
	if now.Before(r.askAgain) {
		return false
	}
	answer, err := r.run(r.question(now, ahead, name))
	if errors.Is(err, errUntold) {
		r.untell()
		answer, err = r.run(r.question(now, ahead, name))
	}
	switch {
	case errors.Is(err, redis.ErrClosed):
		r.closed = true
		return false
	case err != nil:
		r.lost(now, err)
		return false
	}
	r.heard(now, answer)
	for i := range r.own.calls {
		r.own.calls[i].told = true
	}
	return true
}

// untell notes that Redis may have lost what it was told.
func (r *Redis) untell() {
	for i := range r.own.calls {
		r.own.calls[i].told = false
	}
	r.blocked = r.own.blocked
}

// errUntold says that Redis wants to be told all calls of the window.
var errUntold = errors.New("Redis does not know the calls of this replica")

// run asks Redis one question.
func (r *Redis) run(q question) (reply, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return reply{}, err
	}
	// The context is not the caller's, because the answer tells whether a place was taken.
	ctx, cancel := context.WithTimeout(context.Background(), r.o.Patience)
	defer cancel()
	n, err := script.Run(ctx, r.o.Client, r.keys, text).Int64Slice()
	switch {
	case err != nil || q.Leave:
		return reply{}, err
	case len(n) == 0:
		return reply{}, errUntold
	case len(n) != 11:
		return reply{}, errors.New("an answer of another shape")
	}
	span := func(i int) time.Duration { return time.Duration(n[i]) * time.Microsecond }
	return reply{
		at: r.now(), wait: span(0), used: int(n[1]), last: span(2), blocked: span(3), replicas: int(n[4]), time: n[5],
		right: int(n[6]), share: int(n[7]), state: n[8], alone: n[9] == 1, settling: n[10] == 1,
	}, nil
}

// question is what Redis is asked. The window is a microsecond longer, because the script
// does not know at which part of a microsecond a call was made.
func (r *Redis) question(now time.Time, ahead int, name string) question {
	r.seq++
	r.own.forget(now)
	q := question{
		Limit: r.o.Limit, Window: r.own.span().Microseconds() + 1, Beat: r.o.Beat.Microseconds(),
		Silence: silence * r.o.Beat.Microseconds(), Settle: settle * r.o.Beat.Microseconds(), Keep: keep.Microseconds(),
		Replicas: r.o.Replicas, Replica: r.replica, Seq: r.seq, Ahead: ahead, Call: name,
		Block: max(r.blocked.Sub(now).Microseconds(), 0), Calls: []untold{},
	}
	q.Right, _ = r.alone.at(r, now)
	if !r.alone.ended(r, now) {
		q.Share, q.State, q.Ack, q.Alone = r.alone.share, r.seen.state, r.seen.time, r.seen.alone
	}
	if r.o.Now != nil {
		q.Now = now.UnixMicro()
	}
	for _, c := range r.own.calls {
		if !c.told {
			q.Calls = append(q.Calls, untold{c.name, now.Sub(c.at).Microseconds()})
		}
	}
	q.Whole = len(q.Calls) == len(r.own.calls)
	return q
}
