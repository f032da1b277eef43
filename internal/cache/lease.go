package cache

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Replicas that share a Redis read a cold key at the vendor once: whoever reads it holds
// its lease there. The others wait until the lease is given back, and then find the answer
// in the store. A holder that was lost gives nothing back; its lease ends by itself, and
// delays the others by no more than that. Where Redis cannot be asked, each replica reads
// for itself.

const (
	leaseLife = time.Second // a lease ends so long after it was last renewed
	leasePoll = 20 * time.Millisecond
)

// leaser is a [Store] that replicas share.
type leaser interface {
	leases() *Redis // where the leases stand
}

var _, _ leaser = (*Redis)(nil), (*Tiered)(nil)

func (r *Redis) leases() *Redis  { return r }
func (t *Tiered) leases() *Redis { return t.redis }

// batchKey stands for keys that are read together. Who holds its lease reads them all, so
// that replicas that want the same do not share them out among themselves.
func batchKey(keys []Key) Key {
	h := sha256.New()
	for _, text := range slices.Sorted(slices.Values(texts(keys))) {
		_, _ = fmt.Fprintf(h, "%d %s", len(text), text)
	}
	return Key{Account: keys[0].Account, Kind: "batch", Local: hex.EncodeToString(h.Sum(nil))}
}

// lease takes the leases of keys that nobody else reads, and says which of keys these are.
// The caller reads them, and calls release then. Where the store is not shared, or cannot
// be asked, these are all keys.
func (c *Cache) lease(ctx context.Context, keys []Key) (mine []Key, release func()) {
	none := func() {}
	if !c.shares() {
		return keys, none
	}
	far, owner := c.store.(leaser).leases(), rand.Text()
	var taken []Key
	if len(keys) > 1 {
		taken = []Key{batchKey(keys)}
		if held, err := far.acquire(ctx, owner, taken); err != nil {
			return keys, none
		} else if !held[0] {
			return nil, none
		}
	}
	held, err := far.acquire(ctx, owner, keys)
	if err != nil {
		return keys, none
	}
	for i, k := range keys {
		if held[i] {
			mine = append(mine, k)
		}
	}
	if taken = append(taken, mine...); len(mine) == 0 {
		_ = far.release(context.WithoutCancel(ctx), owner, taken)
		return nil, none
	}
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(leaseLife / 3)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				_ = far.renew(context.WithoutCancel(ctx), owner, taken)
			}
		}
	}()
	return mine, func() {
		close(done)
		<-stopped
		_ = far.release(context.WithoutCancel(ctx), owner, taken)
	}
}

// shares says whether the store is shared, so that there may be others who read.
func (c *Cache) shares() bool {
	_, ok := c.store.(leaser)
	return ok
}

// awaitLeases waits until nobody holds the lease of any of keys. Its error is the context's.
func (c *Cache) awaitLeases(ctx context.Context, keys []Key) error {
	tick := time.NewTicker(leasePoll)
	defer tick.Stop()
	if len(keys) > 1 {
		keys = append(slices.Clone(keys), batchKey(keys))
	}
	far := c.store.(leaser).leases()
	for {
		if held, err := far.leased(ctx, keys); err != nil || !held {
			return ctx.Err() // who cannot ask reads for itself
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// leaseKey is where the lease of a key stands. It is a hash, because a key may hold
// anybody's address.
func leaseKey(k Key) string {
	sum := sha256.Sum256([]byte(k.String()))
	return "pg:lease:" + hex.EncodeToString(sum[:12])
}

// Of an owner's lease stands who it is, and the epoch at which it was taken. What was
// invalidated since is not stored by who reads under it, so nobody waits for that: the next
// one takes the lease.
var (
	takeLease = redis.NewScript(`
local lease = redis.call('GET', KEYS[1])
if lease and tonumber(string.match(lease, '%d+$')) >= tonumber(ARGV[3]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. '|' .. ARGV[2], 'PX', ARGV[4])
return 1`)
	seeLease = redis.NewScript(`
local lease = redis.call('GET', KEYS[1])
if lease and tonumber(string.match(lease, '%d+$')) >= tonumber(ARGV[1]) then return 1 end
return 0`)
	renewLease   = redis.NewScript(ownerOnly + `redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 1`)
	releaseLease = redis.NewScript(ownerOnly + `redis.call('DEL', KEYS[1]) return 1`)
)

// ownerOnly ends a script where the lease is not the owner's.
const ownerOnly = `
local lease, owner = redis.call('GET', KEYS[1]), ARGV[1] .. '|'
if not lease or string.sub(lease, 1, #owner) ~= owner then return 0 end
`

// lastDrop is the epoch now, and that of the last invalidation.
var lastDrop = redis.NewScript(clock + `return {now, tonumber(redis.call('GET', KEYS[1]) or '0')}`)

func (r *Redis) lastDrop(ctx context.Context, account string) (now, last int64, err error) {
	err = r.call(ctx, func(ctx context.Context) error {
		both, err := lastDrop.Run(ctx, r.client, []string{epochKey(account)}).Int64Slice()
		if err == nil {
			now, last = both[0], both[1]
		}
		return err
	})
	return now, last, err
}

// acquire takes the leases of one account's keys that nobody holds, for an owner, and says
// which it has then.
func (r *Redis) acquire(ctx context.Context, owner string, keys []Key) ([]bool, error) {
	now, last, err := r.lastDrop(ctx, keys[0].Account)
	if err != nil {
		return nil, err
	}
	return r.onEach(ctx, takeLease, keys, owner, now, last, leaseLife.Milliseconds())
}

// renew makes leases last longer that the owner still has.
func (r *Redis) renew(ctx context.Context, owner string, keys []Key) error {
	_, err := r.onEach(ctx, renewLease, keys, owner, leaseLife.Milliseconds())
	return err
}

// release gives leases back.
func (r *Redis) release(ctx context.Context, owner string, keys []Key) error {
	_, err := r.onEach(ctx, releaseLease, keys, owner)
	return err
}

// leased says whether somebody reads any of one account's keys whose answer may be stored.
func (r *Redis) leased(ctx context.Context, keys []Key) (bool, error) {
	_, last, err := r.lastDrop(ctx, keys[0].Account)
	if err != nil {
		return false, err
	}
	held, err := r.onEach(ctx, seeLease, keys, last)
	return slices.Contains(held, true), err
}

// onEach runs a script on the lease of each key, and says for which of them it answers 1.
func (r *Redis) onEach(ctx context.Context, script *redis.Script, keys []Key, args ...any) (yes []bool, err error) {
	yes = make([]bool, len(keys))
	err = r.call(ctx, func(ctx context.Context) error {
		for range 2 {
			p := r.client.Pipeline()
			replies := make([]*redis.Cmd, len(keys))
			for i, k := range keys {
				replies[i] = script.EvalSha(ctx, p, []string{leaseKey(k)}, args...)
			}
			_, err := p.Exec(ctx)
			if redis.HasErrorPrefix(err, "NOSCRIPT") { // a server that has just begun
				if err := script.Load(ctx, r.client).Err(); err != nil {
					return err
				}
				continue
			}
			for i, reply := range replies {
				n, _ := reply.Int()
				yes[i] = n == 1
			}
			return err
		}
		return errAway
	})
	return yes, err
}
