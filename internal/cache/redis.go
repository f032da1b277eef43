package cache

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/providers"
)

// RedisOptions are how a Redis is used.
type RedisOptions struct {
	Timeout time.Duration    // of one call of the Store, however many keys; 0: 50 ms
	Now     func() time.Time // nil: time.Now
	Logger  *slog.Logger     // nil: nothing is logged
}

// Redis is a [Store] that replicas share: a single server, one behind Sentinels, or a
// cluster. Its keys begin with "pg:".
//
// It costs little when it is gone: a call that fails makes all others fail at once for a
// second, and after that lets one try.
type Redis struct {
	client  redis.UniversalClient
	o       RedisOptions
	prefix  string
	apart   bool // the keys live at several servers: a cluster
	breaker circuitbreaker.CircuitBreaker[any]
	failure atomic.Pointer[error] // the last one, for which the breaker is open
}

var _ Store = (*Redis)(nil)

// retryAfter is how long nobody asks a Redis that failed.
const retryAfter = time.Second

// NewRedis makes a store of a client, which stays the caller's to close. It starts nothing.
func NewRedis(client redis.UniversalClient, o RedisOptions) *Redis {
	o.Timeout = cmp.Or(o.Timeout, 50*time.Millisecond)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	_, apart := client.(*redis.ClusterClient)
	return &Redis{client: client, o: o, prefix: "pg:" + shape() + ":", apart: apart,
		breaker: circuitbreaker.NewBuilder[any]().WithFailureThreshold(1).WithSuccessThreshold(1).WithDelay(retryAfter).Build()}
}

// errAway wraps the failure for which Redis is not asked.
var errAway = errors.New("Redis is not asked, because it failed a moment ago")

// call asks the server within the time-out, unless it failed just before.
func (r *Redis) call(ctx context.Context, ask func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !r.breaker.TryAcquirePermit() {
		if cause := r.failure.Load(); cause != nil {
			return fmt.Errorf("%w: %w", errAway, *cause)
		}
		return errAway
	}
	inner, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	err := ask(inner)
	var said redis.Error
	switch {
	case err == nil, errors.As(err, &said):
		r.breaker.RecordSuccess() // it answered
	case ctx.Err() == nil || r.breaker.IsHalfOpen(): // a caller who went away says nothing of the server, but a trial has to end
		r.failure.Store(&err)
		r.breaker.RecordFailure()
	}
	return err
}

// Get reads entries. What cannot be understood is removed.
func (r *Redis) Get(ctx context.Context, keys ...Key) ([]*Entry, error) {
	found := make([]*Entry, len(keys))
	if len(keys) == 0 || providers.CachedOnly(ctx) {
		return found, nil
	}
	there := make([]held, len(keys))
	err := r.call(ctx, func(ctx context.Context) (err error) {
		there, err = r.read(ctx, keys)
		return err
	})
	now := r.o.Now()
	for i := range there {
		if e := there[i].entry; e.shown(now) {
			e.Source = providers.SourceRedis
			found[i] = &e
		}
	}
	return found, err
}

// held is what the server holds of a key. What it holds is a revision, and then the entry.
type held struct {
	revision []byte // nil: nothing
	body     []byte
	entry    Entry
}

// A revision is new with every write.
const revisionSize = 8

// read asks for keys, and answers what the server holds of each, in their order. With an
// error there may be some nevertheless.
func (r *Redis) read(ctx context.Context, keys []Key) ([]held, error) {
	all := make([]held, len(keys))
	p := r.client.Pipeline()
	if r.apart {
		replies := make([]*redis.StringCmd, len(keys))
		for i, k := range keys {
			replies[i] = p.Get(ctx, r.prefix+k.String())
		}
		_, _ = p.Exec(ctx)
		var failed error
		for i, reply := range replies {
			b, err := reply.Bytes()
			switch {
			case errors.Is(err, redis.Nil):
			case err != nil:
				failed = err
			default:
				all[i] = r.understand(keys[i], b)
			}
		}
		return all, failed
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = r.prefix + k.String()
	}
	reply := p.MGet(ctx, names...)
	_, _ = p.Exec(ctx)
	for i, value := range reply.Val() {
		if text, ok := value.(string); ok {
			all[i] = r.understand(keys[i], []byte(text))
		}
	}
	return all, reply.Err()
}

// understand reads what stands under a key. Garbage is nothing, and gives way to what is put.
func (r *Redis) understand(key Key, b []byte) held {
	if len(b) < revisionSize {
		r.o.Logger.Warn("an entry of the cache cannot be understood; it is ignored", "key", key.String(), "bytes", len(b))
		return held{revision: b}
	}
	h := held{revision: b[:revisionSize], body: b[revisionSize:]}
	var err error
	if h.entry, err = decode(h.body); err != nil {
		r.o.Logger.Warn("an entry of the cache cannot be understood; it is ignored", "key", key.String(), "error", err)
	}
	return h
}

// compareAndSet writes ARGV[2] for ARGV[3] milliseconds if the revision is still ARGV[1],
// which is empty where there was nothing.
var compareAndSet = redis.NewScript(`
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`)

// attempts is how often an entry is merged with what somebody else wrote meanwhile.
const attempts = 10

// Put merges entries into what is there. Entries for which others are always quicker are
// left out; fences never are, without an error.
func (r *Redis) Put(ctx context.Context, entries map[Key]Entry) error {
	_, err := r.put(ctx, entries)
	return err
}

// put is Put, and what the server holds then, as far as it is known.
func (r *Redis) put(ctx context.Context, entries map[Key]Entry) (stored map[Key]Entry, err error) {
	if len(entries) == 0 {
		return nil, nil
	}
	stored = make(map[Key]Entry, len(entries))
	err = r.call(ctx, func(ctx context.Context) error {
		open := entries
		for range attempts {
			var err error
			if open, err = r.try(ctx, open, stored); err != nil || len(open) == 0 {
				return err
			}
		}
		for k, e := range open {
			if e.Value == nil {
				return fmt.Errorf("%q could not be fenced: others were always quicker", k.String())
			}
		}
		return nil
	})
	return stored, err
}

// try merges each entry once. It tells what is stored, and which are still open.
func (r *Redis) try(ctx context.Context, entries, stored map[Key]Entry) (open map[Key]Entry, err error) {
	keys := slices.Collect(maps.Keys(entries))
	bars, err := r.bars(ctx, keys)
	if err != nil {
		return nil, err
	}
	there, err := r.read(ctx, keys)
	if err != nil {
		return nil, err
	}
	now := r.o.Now()
	p := r.client.Pipeline()
	writes := map[Key]*redis.Cmd{}
	for i, k := range keys {
		stands := there[i]
		if e := entries[k]; e.Value != nil && e.Began < bars[k.Account] {
			continue
		}
		merged := Merge(stands.entry, entries[k], now)
		left := merged.end().Sub(now)
		if left <= 0 {
			continue
		}
		body, err := encode(merged)
		if err != nil {
			r.o.Logger.Error("an entry cannot be cached", "key", k.String(), "error", err)
			continue
		}
		stored[k] = merged
		if bytes.Equal(body, stands.body) {
			continue
		}
		revision := make([]byte, revisionSize, revisionSize+len(body))
		_, _ = rand.Read(revision)
		writes[k] = compareAndSet.EvalSha(
			ctx,
			p,
			[]string{r.prefix + k.String()},
			stands.revision,
			append(revision, body...),
			max(1, left.Milliseconds()),
		)
	}
	if len(writes) == 0 {
		return nil, nil
	}
	_, _ = p.Exec(ctx)
	open = map[Key]Entry{}
	var unknown bool // the script: to a server that has just begun
	for k, w := range writes {
		n, err := w.Int()
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			n, err, unknown = 0, nil, true
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			delete(stored, k)
			open[k] = entries[k]
		}
	}
	if unknown {
		err = compareAndSet.Load(ctx, r.client).Err()
	}
	return open, err
}

// The scripts of the epoch: the server's clock in microseconds, or the last invalidation's
// epoch where that is higher, as it is after the clock was set back.
const clock = `
local t = redis.call('TIME')
local now = math.max(t[1] * 1000000 + t[2], tonumber(redis.call('GET', KEYS[1]) or '0'))
`

var (
	readEpoch = redis.NewScript(clock + `return now`)
	nextEpoch = redis.NewScript(clock + `redis.call('SET', KEYS[1], string.format('%.0f', now + 1), 'EX', 86400) return now + 1`)
)

// epochKey is where an account's epoch stands.
func epochKey(account string) string { return "pg:epoch:" + account }

// Epoch goes by the clock of the server that keeps the account's epoch, whatever the release.
func (r *Redis) Epoch(ctx context.Context, account string) (Epoch, error) {
	return r.epoch(ctx, readEpoch, account)
}

func (r *Redis) epoch(ctx context.Context, script *redis.Script, account string) (n Epoch, err error) {
	err = r.call(ctx, func(ctx context.Context) error {
		i, err := script.Run(ctx, r.client, []string{epochKey(account)}).Int64()
		n = Epoch(i)
		return err
	})
	return n, err
}

// Drop fences entries. After an error some of them may be fenced.
func (r *Redis) Drop(ctx context.Context, account string, until time.Time, keys ...Key) error {
	_, err := r.drop(ctx, account, until, keys)
	return err
}

// drop is Drop, and the fence.
func (r *Redis) drop(ctx context.Context, account string, until time.Time, keys []Key) (Fence, error) {
	n, err := r.epoch(ctx, nextEpoch, account)
	if err != nil {
		return Fence{}, err
	}
	f := Fence{At: n, Until: until}
	return f, r.Put(ctx, fences(f, keys))
}
