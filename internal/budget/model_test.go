package budget

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

const (
	modelBeat   = time.Second
	modelWindow = 10 * time.Second
	modelSpan   = modelWindow + guard
)

// model runs replicas of a budget one step after another on a clock of its own, over a real
// Redis. It fails when the calls in a rolling window exceed the limit.
type model struct {
	t        *testing.T
	client   redis.UniversalClient
	account  string
	now      time.Time
	limit    int
	replicas int // as configured
	running  []*node
	ended    []*node // less than keep and a window ago
	named    int
	calls    []time.Time
	total    int               // of the calls
	drift    time.Duration     // the clock of Redis differs so much
	current  *node             // asks Redis
	late     [][]any           // questions that have not reached Redis yet
	history  []string          // of the steps
	emptied  int               // how often Redis has lost its data
	saved    map[string]string // what Redis knew at a former time
	savedAt  time.Time         // that time
}

// node is one replica.
type node struct {
	*Redis
	name     string
	link     link
	joined   time.Time // when a question of it reached Redis first; zero if none did
	answered time.Time // when it had the last answer; zero if it had none
	state    int       // which data of Redis that answer was from
	ended    time.Time
	greed    int // calls that it wants to make at each beat
}

// link is what becomes of questions.
type link string

const (
	up    link = "up"
	down  link = "down"  // they are lost
	deaf  link = "deaf"  // the answers are lost
	laggy link = "laggy" // they reach Redis at a later step, and the answers are lost
)

func newModel(t *testing.T, server *redistest.Server, limit, replicas int) *model {
	m := &model{
		t: t, client: redistest.Open(t, server.Target(), redisclient.Cache), account: t.Name(),
		now: time.Unix(1e9, 0), limit: limit, replicas: replicas,
	}
	m.client.AddHook(m)
	return m
}

func (m *model) DialHook(next redis.DialHook) redis.DialHook { return next }

func (m *model) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (m *model) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		n := m.current
		if n == nil {
			return next(ctx, cmd)
		}
		m.now = m.now.Add(time.Microsecond) // no two questions come at once
		m.stamp(cmd.Args())
		if n.link == down || n.link == laggy {
			if n.link == laggy {
				m.late = append(m.late, slices.Clone(cmd.Args()))
			}
			cmd.SetErr(io.ErrUnexpectedEOF)
			return cmd.Err()
		}
		err := next(ctx, cmd)
		if err == nil && n.joined.IsZero() {
			n.joined = m.now
		}
		if n.link == deaf {
			cmd.SetErr(io.ErrUnexpectedEOF)
			return cmd.Err()
		}
		if answer, ok := cmd.(*redis.Cmd); ok && err == nil {
			if values, _ := answer.Slice(); len(values) > 0 {
				n.answered, n.state = m.now, m.emptied
			}
		}
		return err
	}
}

// start starts a replica.
func (m *model) start(l link) *node {
	m.named++
	n := &node{name: fmt.Sprint("r", m.named), link: l}
	n.Redis = newRedis(RedisOptions{
		Client: m.client, Account: m.account, Limit: m.limit, Window: modelWindow, Replicas: m.replicas,
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return m.now },
		Patience: 10 * time.Second, Beat: modelBeat,
	})
	n.timer = time.NewTimer(time.Hour)
	m.running = append(m.running, n)
	m.note("start %s %s", n.name, l)
	m.beat(n)
	return n
}

func (m *model) note(format string, args ...any) {
	m.history = append(m.history, m.now.Format("04:05.000000 ")+fmt.Sprintf(format, args...))
}

func (m *model) beat(n *node) {
	m.current = n
	defer func() { m.current = nil }()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.announce()
}

// take makes as many calls as are let through, at most most, and returns their number.
func (m *model) take(n *node, most int) (made int) {
	m.current = n
	defer func() { m.current = nil }()
	n.mu.Lock()
	defer n.mu.Unlock()
	for made < most && n.place(0, true) <= 0 {
		made++
		m.calls = append(m.calls, n.own.calls[len(n.own.calls)-1].at)
	}
	if m.total += made; made > 0 {
		m.note("%s makes %d calls", n.name, made)
	}
	m.check()
	return made
}

// check fails if the last window holds too many calls.
func (m *model) check() {
	m.calls = slices.DeleteFunc(m.calls, func(at time.Time) bool { return !at.After(m.now.Add(-modelSpan)) })
	if len(m.calls) > m.limit {
		m.t.Fatalf("%d calls in a window, want at most %d; replicas: %d; the last steps:\n%s",
			len(m.calls), m.limit, m.replicas, strings.Join(m.history[max(0, len(m.history)-150):], "\n"))
	}
}

// wait lets time pass, in which the replicas announce themselves.
func (m *model) wait(d time.Duration) {
	m.note("wait %v", d)
	for end := m.now.Add(d); m.now.Before(end); {
		m.now = m.now.Add(min(modelBeat, end.Sub(m.now)))
		for _, n := range slices.Clone(m.running) {
			m.beat(n)
			m.take(n, n.greed)
		}
	}
}

// end ends a replica; with a word it tells Redis.
func (m *model) end(n *node, word bool) {
	m.note("end %s %s, with a word: %t", n.name, n.link, word)
	n.ended = m.now
	m.running = slices.DeleteFunc(m.running, func(o *node) bool { return o == n })
	m.ended = append(m.ended, n)
	if word {
		m.current = n
		n.Close()
		m.current = nil
	}
}

var clock = regexp.MustCompile(`"now":\d+`)

// stamp sets the clock of Redis in a question.
func (m *model) stamp(args []any) {
	if text, ok := args[len(args)-1].([]byte); ok {
		args[len(args)-1] = clock.ReplaceAll(text, fmt.Appendf(nil, `"now":%d`, m.now.Add(m.drift).UnixMicro()))
	}
}

// deliver lets late questions reach Redis.
func (m *model) deliver() {
	if len(m.late) > 0 {
		m.note("%d late questions arrive", len(m.late))
	}
	for _, args := range m.late {
		m.now = m.now.Add(time.Microsecond)
		m.stamp(args)
		_ = m.client.Do(m.t.Context(), args...).Err()
	}
	m.late = nil
}

// empty has Redis lose all keys, or one of them.
func (m *model) empty(keys ...string) {
	m.emptied++
	m.note("Redis loses %v", keys)
	var err error
	if len(keys) == 0 {
		err = m.client.FlushAll(m.t.Context()).Err()
	} else {
		err = m.client.Del(m.t.Context(), keys...).Err()
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// save remembers what Redis knows, and restore brings it back.
func (m *model) save() {
	m.saved, m.savedAt = map[string]string{}, m.now
	m.note("save")
	for _, key := range m.running[0].keys {
		if value, err := m.client.Dump(m.t.Context(), key).Result(); err == nil {
			m.saved[key] = value
		}
	}
}

func (m *model) restore() {
	m.empty()
	m.note("Redis is as it was at %v", m.savedAt.Format("04:05.000000"))
	for key, value := range m.saved {
		if err := m.client.Restore(m.t.Context(), key, time.Hour, value).Err(); err != nil {
			m.t.Fatal(err)
		}
	}
}

// witness returns a replica that can tell an empty Redis of all others, or nil: it has
// heard from Redis since every other one joined or had a share. The exception in doc.go is
// that there is none.
func (m *model) witness(since time.Time) *node {
	for _, n := range m.running {
		knows := n.state == m.emptied && n.answered.After(since) && m.now.Sub(n.answered) < keep-modelWindow
		for _, o := range m.running {
			knows = knows && (o == n || o.joined.Before(n.answered) && (!n.seen.alone || o.alone.share == 0))
		}
		if knows {
			return n
		}
	}
	return nil
}

// testify has the witness ask Redis.
func (m *model) testify(n *node) {
	n.link, n.askAgain, n.seen.at = up, time.Time{}, time.Time{}
	m.beat(n)
}

// mayStart reports whether the calls of all replicas that have ended in the last window are
// known to Redis. The exception in doc.go is that they are not.
func (m *model) mayStart() (l link, ok bool) {
	if m.replicas == 0 {
		return "", true
	}
	for _, n := range m.ended {
		if m.now.Sub(n.ended) <= modelSpan {
			l = up
			if n.answered.IsZero() || n.state != m.emptied {
				return l, false
			}
		}
	}
	return l, len(m.running) < m.replicas
}

// mayEnd reports whether Redis knows the calls of a single replica. The exception in doc.go
// is that it does not.
func (m *model) mayEnd(n *node) bool {
	return m.replicas != 1 || !slices.ContainsFunc(n.own.calls, func(c call) bool { return !c.told })
}

// step does something at random.
func (m *model) step(random *rand.Rand) {
	span := func(most time.Duration) time.Duration { return time.Duration(random.Int64N(int64(most))) }
	links := []link{up, up, up, down, down, deaf, laggy}
	var n *node
	if len(m.running) > 0 {
		n = m.running[random.IntN(len(m.running))]
	}
	switch k := random.IntN(40); {
	case k < 5 && len(m.running) < 4 || n == nil:
		if l, ok := m.mayStart(); ok {
			if l == "" {
				l = links[random.IntN(len(links))]
			}
			m.start(l)
		} else {
			m.wait(time.Second)
		}
	case k < 12:
		m.take(n, 1+random.IntN(m.limit))
	case k < 14:
		n.greed = []int{0, 1, m.limit}[random.IntN(3)]
	case k < 22:
		n.link = links[random.IntN(len(links))]
		m.note("%s is %s", n.name, n.link)
	case k < 23:
		l := links[random.IntN(len(links))]
		m.note("all are %s", l)
		for _, n := range m.running {
			n.link = l
		}
	case k < 28:
		m.wait(span(3 * modelBeat))
	case k < 30:
		m.wait(span(2 * modelWindow))
	case k < 31: // all processes stand still
		m.note("all stand still")
		m.now = m.now.Add(span(2 * modelWindow))
	case k < 34 && m.mayEnd(n):
		m.end(n, random.IntN(2) == 0)
	case k < 35:
		m.deliver()
	case k < 36 && len(m.running) > 0 && len(m.saved) == 0:
		m.save()
	case k < 37 || k < 38 && random.IntN(2) == 0:
		if w := m.witness(time.Time{}); m.replicas > 0 || w != nil {
			m.empty(n.keys[:random.IntN(3)]...)
			if random.IntN(2) == 0 {
				m.drift = span(time.Hour)
			}
			if random.IntN(2) == 0 {
				m.deliver()
			}
			if m.replicas == 0 {
				m.testify(w)
			}
			clear(m.saved)
		}
	default:
		if w := m.witness(m.savedAt); len(m.saved) > 0 && w != nil {
			m.restore()
			m.testify(w)
			clear(m.saved)
		}
	}
}

// TestModel does thousands of random steps: replicas start, make calls, are cut off, answer
// late and end, and Redis loses its data. No rolling window ever holds more calls than the
// limit.
func TestModel(t *testing.T) {
	server := redistest.Start(t)
	const steps = 150
	total := 0
	for seed := *modelSeed; seed < *modelSeed+*modelSeeds; seed++ {
		random := rand.New(rand.NewPCG(seed, 3))
		limit, replicas := []int{1, 5, 10, 31}[random.IntN(4)], []int{0, 0, 1, 2, 3, 4}[random.IntN(6)]
		t.Run(fmt.Sprintf("seed %d, %d replicas", seed, replicas), func(t *testing.T) {
			m := newModel(t, server, limit, replicas)
			for range steps {
				m.step(random)
			}
			total += m.total
		})
	}
	if want := 10 * int(*modelSeeds); total < want {
		t.Errorf("%d calls, want at least %d", total, want)
	}
}

var (
	modelSeed  = flag.Uint64("seed", 0, "the first seed of TestModel")
	modelSeeds = flag.Uint64("seeds", 40, "the number of seeds of TestModel")
)
