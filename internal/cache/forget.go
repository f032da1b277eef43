package cache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/redisclient"
)

// Noticed is how long at most a replica that lost the channel trusts its memory.
const Noticed = 2 * idle

// Forget removes everything of an account from Redis, whatever the release that wrote it,
// and from the memories of all replicas, and says how many entries were in Redis. No read
// that began before brings anything of it back, on any replica.
//
// It takes these steps: a bar in Redis, which lets nothing pass any more that began before;
// a wait, for writes to Redis that had seen no bar; the removal, now that nothing old can
// come in; then the replicas are told to empty their memories, whatever they have read
// there so far; another wait, and they are told again, for what was under way from Redis
// into memory. wait has to take as long as a call to Redis may at any replica, and
// [Noticed] at least, so that also who cannot hear has emptied its memory. besides, if
// there is one, goes with the removal: what else the replicas are to find gone when they
// are told ([Tiered.OnForget]).
//
// After an error some of it may be there. It is safe to be called again, and by several at once.
func (r *Redis) Forget(ctx context.Context, account string, wait, besides func(context.Context) error) (entries int, err error) {
	f, err := r.bar(ctx, account)
	if err != nil {
		return 0, err
	}
	if err := wait(ctx); err != nil {
		return 0, err
	}
	if entries, err = r.remove(ctx, account); err != nil {
		return entries, err
	}
	if besides != nil {
		if err := besides(ctx); err != nil {
			return entries, err
		}
	}
	told := dropped{Shape: shape(), Account: account, At: f.At, Until: f.Until, All: true}
	if err := r.tell(ctx, told); err != nil {
		return entries, err
	}
	if err := wait(ctx); err != nil {
		return entries, err
	}
	return entries, r.tell(ctx, told)
}

// barKey is where an account's bar stands: the epoch at which it was last forgotten.
func barKey(account string) string { return "pg:forgotten:" + account }

// raise sets a bar for ARGV[2] milliseconds, unless a higher one is there.
var raise = redis.NewScript(`
if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1`)

// bar lets nothing of the account into Redis that began before.
func (r *Redis) bar(ctx context.Context, account string) (Fence, error) {
	n, err := r.epoch(ctx, nextEpoch, account)
	if err != nil {
		return Fence{}, err
	}
	err = r.call(ctx, func(ctx context.Context) error {
		return raise.Run(ctx, r.client, []string{barKey(account)}, int64(n), fenceLife.Milliseconds()).Err()
	})
	return Fence{At: n, Until: r.o.Now().Add(fenceLife)}, err
}

// bars are the bars of the accounts that keys are of.
func (r *Redis) bars(ctx context.Context, keys []Key) (map[string]Epoch, error) {
	replies := map[string]*redis.StringCmd{}
	p := r.client.Pipeline()
	for _, k := range keys {
		if replies[k.Account] == nil {
			replies[k.Account] = p.Get(ctx, barKey(k.Account))
		}
	}
	if len(replies) == 0 {
		return nil, nil
	}
	_, _ = p.Exec(ctx)
	all := make(map[string]Epoch, len(replies))
	for account, reply := range replies {
		n, err := reply.Int64()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("when account %s was forgotten: %w", account, err)
		}
		all[account] = Epoch(n)
	}
	return all, nil
}

// accountOf is whose entry a key in Redis names.
func accountOf(key string) (account string, ok bool) {
	account, _, ok = strings.Cut(key, "/")
	return account, ok
}

// anyShape matches the keys of entries up to their account, of all releases.
func anyShape() string { return "pg:" + strings.Repeat("[0-9a-f]", len(shape())) + ":" }

// remove removes the account's entries, and says how many there were.
func (r *Redis) remove(ctx context.Context, account string) (n int, err error) {
	err = redisclient.Scan(ctx, r.client, anyShape()+account+"/*", func(ctx context.Context, node redis.Cmdable, keys []string) error {
		gone, err := redisclient.Unlink(ctx, node, keys...)
		n += gone
		return err
	})
	return n, err
}

// Holding says how many entries in a Redis hold something, in their key or in what stands
// there, by account and over all releases. It reads them all.
func Holding(ctx context.Context, c redis.UniversalClient, holds func(text string) bool) (map[string]int, error) {
	found := map[string]int{}
	err := redisclient.ScanTexts(ctx, c, anyShape()+"*", func(_ context.Context, _ redis.Cmdable, texts map[string]string) error {
		for key, text := range texts {
			if account, ok := accountOf(key[len("pg:")+len(shape())+len(":"):]); ok && (holds(key) || holds(readable(text))) {
				found[account]++
			}
		}
		return nil
	})
	return found, err
}

// OnForget has f called when everything of some account was forgotten by [Redis.Forget], or
// when that may have been and was not heard. f is not to call the store.
func (t *Tiered) OnForget(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.onForget = f
}

// forget empties memory of an account.
func (t *Tiered) forget(account string, f Fence) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.round++
	if t.barred == nil {
		t.barred = map[string]Fence{}
	}
	t.barred[account] = f
	t.memory.clear(account)
	if watch := t.watches[account]; watch != nil {
		watch()
	}
	if t.onForget != nil {
		t.onForget()
	}
}

// behindBars says whether an entry began before its account was forgotten, as far as this
// replica was told. The lock is held.
func (t *Tiered) behindBars(key Key, e Entry, now time.Time) bool {
	f, ok := t.barred[key.Account]
	return ok && e.Value != nil && e.Began < f.At && now.Before(f.Until)
}
