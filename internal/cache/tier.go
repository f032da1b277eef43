package cache

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Tiered is a [Store]: a memory in front of a Redis that replicas share. What one of them
// drops, the others are told of over a channel.
//
// While the channel is open, memory is the answer, and holds only what Redis holds as well.
// A replica that loses the channel empties its memory; until it has the channel back, when
// it empties it again, memory is only for when Redis fails. A Redis that cannot be asked is
// never an error.
type Tiered struct {
	memory   *Memory
	redis    *Redis
	behind   *Redis // the same for what is done behind requests: it has more time, and its own breaker
	drops    drops
	clocks   clocks
	hasDrops chan struct{}
	logged   atomic.Int64 // when a failure was last logged, in nanoseconds
	marks    sync.Map     // of CatchUp, by their text: channels that are closed when they are heard

	mu      sync.RWMutex
	linked  bool              // the channel is open
	round   int               // how often memory was emptied: what was asked for before must not come in after
	watches map[string]func() // by account: called after something was dropped elsewhere

	barred   map[string]Fence // by account: what began before everything of it was forgotten stays out
	onForget func()

	end  context.CancelFunc
	done sync.WaitGroup
}

var _ Store = (*Tiered)(nil)

// behindTime is how long a question to Redis may take that no request waits for.
const behindTime = time.Second

// NewTiered puts a memory before a Redis, and starts to follow the channel. Both belong to
// the store from then on, though the Redis' client stays the caller's to close, after
// Close. Time and log are the Redis'.
func NewTiered(memory *Memory, far *Redis) *Tiered {
	ctx, end := context.WithCancel(context.Background())
	o := far.o
	o.Timeout = max(o.Timeout, behindTime)
	t := &Tiered{memory: memory, redis: far, behind: NewRedis(far.client, o), clocks: clocks{now: far.o.Now, slack: o.Timeout},
		hasDrops: make(chan struct{}, 1), end: end}
	t.done.Go(func() { t.follow(ctx) })
	t.done.Go(func() { t.settle(ctx) })
	return t
}

// Close stops following the channel, and gives up what could not be dropped in Redis so
// far. The store must not be used any more.
func (t *Tiered) Close() {
	t.end()
	t.done.Wait()
}

// Get looks into memory, and into Redis for what is not there or stale, unless ctx takes
// only what is in memory. It never fails.
func (t *Tiered) Get(ctx context.Context, keys ...Key) ([]*Entry, error) {
	found, round, linked := t.near(ctx, keys)
	now := t.redis.o.Now()
	missing := lacking(found, now)
	if len(missing) == 0 || providers.CachedOnly(ctx) {
		return found, nil
	}
	asked := make([]Key, len(missing))
	for i, at := range missing {
		asked[i] = keys[at]
	}
	far, err := t.redis.Get(ctx, asked...)
	if err != nil {
		t.away(ctx, "read", err)
		if !linked {
			found, _ = t.memory.Get(ctx, keys...)
		}
	}
	for i, e := range t.understood(asked, far, round) {
		if e != nil && e.shown(now) {
			shown := *e
			shown.Source = providers.SourceRedis
			found[missing[i]] = &shown
		}
	}
	return found, nil
}

// lacking are the places of the keys that Redis is asked for, given what memory has of
// each: also those that are stale, for another replica may have refreshed them; and with
// any of these all that are no records, for a page and its family are of use only together.
func lacking(found []*Entry, now time.Time) (missing []int) {
	for i, e := range found {
		if e == nil || !now.Before(e.FreshUntil) {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	for i, e := range found {
		if e != nil && now.Before(e.FreshUntil) && node(e.Value) == nil {
			missing = append(missing, i)
		}
	}
	return missing
}

// near is what memory holds, if it may be asked.
func (t *Tiered) near(ctx context.Context, keys []Key) (found []*Entry, round int, linked bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if !t.linked {
		return make([]*Entry, len(keys)), t.round, false
	}
	found, _ = t.memory.Get(ctx, keys...)
	return found, t.round, true
}

// understood puts into memory what Redis had of keys in this round, and answers what memory
// makes of it: a fence may have been heard of only here.
func (t *Tiered) understood(keys []Key, far []*Entry, round int) []*Entry {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for i, e := range far {
		switch {
		case e == nil:
		case t.round == round:
			far[i] = t.memory.merge(keys[i], *e)
		default:
			far[i] = t.memory.merged(keys[i], *e)
		}
	}
	return far
}

// take puts into memory what Redis has since this round.
func (t *Tiered) take(stored map[Key]Entry, round int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.round == round {
		_ = t.memory.Put(context.Background(), stored)
	}
}

// Put stores entries in Redis, and in memory what Redis then has. It never fails. What
// Redis does not take, memory keeps only while the channel is closed: else nobody would
// tell it of a drop that it missed.
func (t *Tiered) Put(ctx context.Context, entries map[Key]Entry) error {
	now := t.redis.o.Now()
	t.mu.RLock()
	round := t.round
	maps.DeleteFunc(entries, func(k Key, e Entry) bool { return t.behindBars(k, e, now) })
	t.mu.RUnlock()
	stored, err := t.redis.put(ctx, entries)
	if err == nil {
		t.take(stored, round)
		for k := range stored { // a family there may reach further back than a fence here, then this one counts
			stored[k] = entries[k]
		}
		t.take(stored, round)
		return nil
	}
	t.away(ctx, "write", err)
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.linked || t.round != round {
		return nil
	}
	return t.memory.Put(ctx, entries)
}

// Epoch is Redis', or while Redis cannot be asked an estimate of it that is not too high.
// It never fails.
func (t *Tiered) Epoch(ctx context.Context, account string) (Epoch, error) {
	n, err := t.redis.Epoch(ctx, account)
	if err != nil {
		t.away(ctx, "epoch", err)
		n, _ = t.clocks.estimate(account)
		return n, nil
	}
	t.clocks.saw(account, n)
	return n, nil
}

// Drop fences entries, here at once. While Redis cannot be told, it is tried again in the
// background; the only error is that too much waits for that already.
func (t *Tiered) Drop(ctx context.Context, account string, until time.Time, keys ...Key) error {
	if len(keys) == 0 {
		return nil
	}
	err := t.drop(ctx, t.redis, account, until, keys)
	if err == nil {
		return nil
	}
	t.away(ctx, "drop", err)
	_, high := t.clocks.estimate(account)
	_ = t.memory.Put(ctx, fences(Fence{At: high, Until: until}, keys))
	return t.dropLater(account, keys)
}

// dropLater has keys dropped in Redis behind the request.
func (t *Tiered) dropLater(account string, keys []Key) error {
	err := t.drops.add(account, keys)
	select {
	case t.hasDrops <- struct{}{}:
	default:
	}
	return err
}

// drop fences entries in Redis, then here, and tells the others.
func (t *Tiered) drop(ctx context.Context, far *Redis, account string, until time.Time, keys []Key) error {
	f, err := far.drop(ctx, account, until, keys)
	if err != nil {
		return err
	}
	t.clocks.saw(account, f.At)
	_ = t.memory.Put(ctx, fences(f, keys))
	return far.tell(ctx, dropped{Shape: shape(), Account: account, At: f.At, Until: f.Until, Keys: texts(keys)})
}

// settle drops in Redis what could not be dropped so far: at once, and then again and again.
func (t *Tiered) settle(ctx context.Context) {
	tick := time.NewTicker(retryAfter)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-t.hasDrops:
		}
		for account, keys := range t.drops.take() {
			err := t.drop(ctx, t.behind, account, t.redis.o.Now().Add(fenceLife), keys)
			t.drops.tell(account, keys, err == nil)
		}
	}
}

// Told returns when everything that this replica had dropped before the call is dropped in
// Redis, too, and the other replicas were told. Its only error is that of ctx.
func (t *Tiered) Told(ctx context.Context) error {
	left := t.drops.left()
	if left == nil {
		return nil
	}
	select {
	case <-left:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// away logs that Redis could not be asked, at most every ten seconds.
func (t *Tiered) away(ctx context.Context, what string, err error) {
	now, last := time.Now().UnixNano(), t.logged.Load()
	if ctx.Err() == nil && now-last > int64(10*time.Second) && t.logged.CompareAndSwap(last, now) {
		t.redis.o.Logger.Warn("Redis is not reached; memory and vendors answer", "op", what, "error", err)
	}
}

// watch calls f after entries of an account were dropped by another replica, or may have been.
func (t *Tiered) watch(account string, f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watches == nil {
		t.watches = map[string]func(){}
	}
	t.watches[account] = f
}
