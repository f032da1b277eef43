package budget

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed shares.lua
var sharesSource string

var sharesScript = redis.NewScript(sharesSource)

// SharesOptions configures [RedisShares].
type SharesOptions struct {
	Client redis.UniversalClient // the caller closes it, after the shares
	Logger *slog.Logger

	// Replicas is the largest number of replicas that run at once; 0 if nobody knows.
	Replicas int
	// Now is the clock of all replicas. Nil means the clock of Redis.
	Now func() time.Time
	// Patience is how long a question to Redis may take, with the wait for a pipeline; 0
	// means two seconds. It is longer than that of other questions, because a process
	// that has much to do notices answers late, and what Redis was not asked for is given
	// to nobody.
	Patience time.Duration
	// Beat is how often the replica announces itself; 0 means every second. All replicas have the
	// same.
	Beat time.Duration
}

// RedisShares are [Shares] that all replicas share.
//
// Each replica announces itself to Redis at every beat, and Redis gives it a part of all
// shares: one divided by the number of replicas. When Redis has answered neither a beat
// nor a question for five beats, the replica goes on with this part by itself: its buckets
// are empty then, hold the part, and fill at the part of the rate. Redis fills the shares
// slower by the parts of replicas whose confirmation it has missed for as long. So all
// replicas together never give more than the share, however Redis is cut off. What the
// bucket in Redis still held is given to nobody. Before these five beats Redis may give
// the whole share to others: where it does not answer then, the replica gives nothing, and
// says [Unknown].
//
// As with [Redis], a replica that Redis hears of alone has half as its part, a replica
// without SharesOptions.Replicas stops giving after 15 minutes without Redis, and one that
// has never reached Redis gives nothing unless Replicas says how many there are. If Redis
// has lost its data, all shares are empty as soon as a replica tells so that knew them.
type RedisShares struct {
	o       SharesOptions
	now     func() time.Time
	replica string
	timer   *time.Timer // of the next beat

	mu     sync.Mutex
	closed bool
	down   bool
	asked  time.Time // when the beat was sent that Redis answered last; zero for none
	begins time.Time // the replica gives its part by itself from then on
	ack    int64     // the time by the clock of Redis in its last answer to a beat
	state  string    // what Redis held then
	part   int       // of each share, in billionths
	others int       // the parts of all other replicas
	alone  buckets   // of this replica without Redis; they count from begins

	waiting []*taking // that Redis was not asked for yet
	asking  int       // goroutines that ask Redis
}

// taking is a call of Take that waits for the answer of Redis.
type taking struct {
	ctx      context.Context
	subject  string
	prices   []Price
	answered chan struct{} // closed when wait and err are set
	wait     time.Duration
	err      error
}

// sharesQuestion is the argument of the script. Times are microseconds.
type sharesQuestion struct {
	Now      int64        `json:"now"` // 0: the clock of Redis
	Window   int64        `json:"window"`
	Silence  int64        `json:"silence"`
	Keep     int64        `json:"keep"`
	Replicas int          `json:"replicas"`
	Replica  string       `json:"replica"`
	Beat     bool         `json:"beat"`
	Leave    bool         `json:"leave"`
	Ack      int64        `json:"ack"`
	State    string       `json:"state"`
	Part     int          `json:"part"`   // that the replica may be using
	Others   int          `json:"others"` // the parts of all others
	Prices   []sharePrice `json:"prices"`
}

type sharePrice struct {
	Part  string  `json:"part"`
	Cost  float64 `json:"cost"`
	Again float64 `json:"again"`
}

var _ Shares = (*RedisShares)(nil)

// NewRedisShares makes the shares of a replica, and announces it at once and then at every beat.
func NewRedisShares(o SharesOptions) *RedisShares {
	o.Patience, o.Beat = cmp.Or(o.Patience, sharesPatience), cmp.Or(o.Beat, beat)
	s := &RedisShares{o: o, now: time.Now, replica: rand.Text()}
	if o.Now != nil {
		s.now = o.Now
	}
	s.begins = s.now().Add(silence * o.Beat)
	if o.Replicas > 0 {
		s.part = billionths / o.Replicas
	}
	s.alone = emptyBuckets()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(0, s.beat)
	return s
}

const (
	billionths = 1_000_000_000

	// maxQuestions is how many pipelines are under way at once. More would take connections
	// to Redis, and answer nobody earlier. Whoever comes meanwhile goes with the next
	// pipeline: at a busy process an answer may take a second, and one question in
	// each pipeline would be few in a second.
	maxQuestions = 16
	// sharesPatience is how long a question about a share may take by default.
	sharesPatience = 2 * time.Second
)

func emptyBuckets() buckets { return buckets{from: float64(shareWindow.Microseconds())} }

// Take takes from a share, as [Shares] says.
func (s *RedisShares) Take(ctx context.Context, subject string, prices ...Price) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, s.o.Patience)
	defer cancel()
	s.mu.Lock()
	if now := s.now(); !now.Before(s.begins) {
		defer s.mu.Unlock()
		return s.takeAlone(now, subject, prices)
	}
	t := &taking{ctx: ctx, subject: subject, prices: prices, answered: make(chan struct{})}
	s.waiting = append(s.waiting, t)
	if s.asking < maxQuestions {
		s.asking++
		go s.ask()
	}
	s.mu.Unlock()
	select {
	case <-t.answered:
	case <-ctx.Done():
	}
	select {
	case <-t.answered: // maybe after the time, as a busy process notices both late
		if t.err == nil {
			return t.wait
		}
	default:
	}
	return s.withoutAnswer(subject, prices)
}

// ask asks Redis for all that wait, until none does.
func (s *RedisShares) ask() {
	for {
		s.mu.Lock()
		asked := slices.DeleteFunc(s.waiting, func(t *taking) bool { return t.ctx.Err() != nil })
		s.waiting = nil
		if len(asked) == 0 {
			s.asking--
			s.mu.Unlock()
			return
		}
		questions := make([]sharesQuestion, len(asked))
		for i, t := range asked {
			questions[i] = s.question()
			for _, p := range t.prices {
				cost, again := p.cost()
				questions[i].Prices = append(questions[i].Prices, sharePrice{p.Part, cost, again})
			}
		}
		s.mu.Unlock()
		s.pipeline(asked, questions)
	}
}

// pipeline asks Redis questions at once, and answers those who wait. A cluster's client may
// send one again that has arrived: then the share has less, and never more.
func (s *RedisShares) pipeline(asked []*taking, questions []sharesQuestion) {
	ctx, cancel := context.WithTimeout(context.Background(), s.o.Patience)
	defer cancel()
	sent := s.now()
	commands := make([]*redis.Cmd, len(asked))
	_, _ = s.o.Client.Pipelined(ctx, func(p redis.Pipeliner) error { // each command has its error
		for i, t := range asked {
			keys, text := sharesArguments(questions[i], t.subject)
			commands[i] = sharesScript.EvalSha(ctx, p, keys, text)
		}
		return nil
	})
	for i, t := range asked {
		var answer sharesReply
		if answer, t.err = sharesAnswer(commands[i]); redis.HasErrorPrefix(t.err, "NOSCRIPT") {
			answer, t.err = s.run(ctx, questions[i], t.subject)
		}
		t.wait = micro(answer.wait)
		if t.err == nil {
			s.postpone(sent)
		}
		close(t.answered)
	}
}

// postpone puts off the replica's own part, since Redis has answered what was sent then. A busy
// process may hear no beat in time, and still hear the answers about shares. Redis may count
// the replica as cut off meanwhile: then it gives less, and never more.
func (s *RedisShares) postpone(sent time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if begins := sent.Add(silence * s.o.Beat); !s.closed && s.now().Before(s.begins) && begins.After(s.begins) {
		s.begins = begins
	}
}

// withoutAnswer takes from a share about which Redis did not answer: from the replica's own
// part, if it gives that by now. Else whether Redis has taken the prices is not known, and
// others may take what it has.
func (s *RedisShares) withoutAnswer(subject string, prices []Price) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); !now.Before(s.begins) {
		return s.takeAlone(now, subject, prices)
	}
	return Unknown
}

// takeAlone takes from the replica's own part.
func (s *RedisShares) takeAlone(now time.Time, subject string, prices []Price) time.Duration {
	window := float64(shareWindow.Microseconds())
	part := float64(s.part) / billionths
	if s.o.Replicas == 0 && !now.Before(s.asked.Add(keep)) {
		part = 0
	}
	capacity := part * window
	for _, p := range prices {
		if cost, _ := p.cost(); min(cost, window) > capacity+1 { // it never holds as much: Redis has to be back
			return shareWindow
		}
	}
	wait := s.alone.take(float64(now.Sub(s.begins).Microseconds())*part, capacity, subject, prices)
	if wait > 0 {
		wait /= part
	}
	return micro(wait)
}

// beat announces the replica, and takes note of its part.
func (s *RedisShares) beat() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	q := s.question()
	q.Beat = true
	asked := s.now()
	s.mu.Unlock()
	answer, err := s.run(context.Background(), q, "")

	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.o.Beat
	switch {
	case s.closed:
		return
	case err == nil:
		if s.ack == 0 {
			next = 0 // Redis counts on a replica that has confirmed its first answer
		}
		s.down = false
		s.asked, s.begins = asked, s.now().Add(silence*s.o.Beat)
		s.ack, s.state, s.part, s.others = answer.time, answer.state, answer.part, answer.others
		s.alone = emptyBuckets()
	case !s.down:
		s.down = true
		s.o.Logger.Warn("Redis does not answer: partners' shares go on with this replica's part of them",
			slog.Float64("part", float64(s.part)/billionths), slog.Any("error", err))
	}
	s.timer = time.AfterFunc(next, s.beat)
}

// Close tells Redis that this replica ends.
func (s *RedisShares) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.timer.Stop()
	s.part, s.begins = 0, s.now()
	q := s.question()
	q.Leave = true
	s.mu.Unlock()
	_, _ = s.run(context.Background(), q, "")
}

func (s *RedisShares) question() sharesQuestion {
	q := sharesQuestion{
		Window: shareWindow.Microseconds(), Silence: silence * s.o.Beat.Microseconds(), Keep: (keep + shareWindow).Microseconds(),
		Replicas: s.o.Replicas, Replica: s.replica, Ack: s.ack, State: s.state, Part: s.part, Others: s.others, Prices: []sharePrice{},
	}
	if s.o.Now != nil {
		q.Now = s.now().UnixMicro()
	}
	return q
}

// sharesReply is what the script returns.
type sharesReply struct {
	wait   float64
	time   int64
	state  string
	part   int
	others int
}

// run asks Redis one question, about the share of a subject or of nobody.
func (s *RedisShares) run(ctx context.Context, q sharesQuestion, subject string) (sharesReply, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Patience)
	defer cancel()
	keys, text := sharesArguments(q, subject)
	return sharesAnswer(sharesScript.Run(ctx, s.o.Client, keys, text))
}

// sharesArguments are the keys and the argument of the script.
func sharesArguments(q sharesQuestion, subject string) (keys []string, text []byte) {
	text, err := json.Marshal(q)
	if err != nil {
		panic("budget: a question is plain data: " + err.Error())
	}
	keys = []string{"partnergraph:shares:{shares}:members"}
	if subject != "" { // a name may be a person's
		keys = append(keys, fmt.Sprintf("partnergraph:shares:{shares}:%x", sha256.Sum256([]byte(subject))))
	}
	return keys, text
}

// sharesAnswer is what the script returned.
func sharesAnswer(c *redis.Cmd) (sharesReply, error) {
	n, err := c.Slice()
	if err != nil {
		return sharesReply{}, err
	}
	if len(n) == 5 {
		wait, a := n[0].(int64)
		at, b := n[1].(int64)
		state, c := n[2].(string)
		part, d := n[3].(int64)
		others, e := n[4].(int64)
		if a && b && c && d && e {
			return sharesReply{float64(wait), at, state, int(part), int(others)}, nil
		}
	}
	return sharesReply{}, errors.New("an answer of another shape")
}
