package persisted

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// memory is how many bytes of documents a server remembers itself: thousands of them, as
// programs' documents are.
const memory = 8 << 20

// prefix of all keys, of whichever part. The number changes with the meaning of what stands
// under them.
const prefix = "partnergraph:persisted:1:"

// Redis is a [Store] that several servers share, with a memory of this process in front.
// While Redis is away, it is that memory.
type Redis struct {
	client  redis.UniversalClient
	timeout time.Duration
	near    *Memory

	// Usable says whether documents may go to Redis just now; nil: always. A request waits
	// for it no longer than for Redis.
	Usable func(context.Context) bool
}

var _ Store = (*Redis)(nil)

// New makes the store of a server: with a Redis one that others share, else (nil) one of
// its own. A request waits for Redis no longer than timeout.
func New(client redis.UniversalClient, timeout time.Duration, now func() time.Time) Store {
	near := NewMemory(memory, now)
	if client == nil {
		return near
	}
	return NewRedis(client, timeout, near)
}

// NewRedis makes a store. It neither owns nor closes the client, which honours its
// commands' contexts.
func NewRedis(client redis.UniversalClient, timeout time.Duration, near *Memory) *Redis {
	return &Redis{client: client, timeout: timeout, near: near}
}

// Get looks a document up, first in memory. A document that is not what its hash says is as
// if it were not there.
func (r *Redis) Get(ctx context.Context, part Part, hash string) (string, bool) {
	document, second, ok := r.near.use(part, hash)
	if ok && !second {
		return document, true
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	if !r.usable(ctx) {
		return document, ok
	}
	key := keyOf(part, hash)
	if ok {
		_ = r.client.Expire(ctx, key, UsedLifetime).Err() // it may be gone: clients send it again
		return document, true
	}
	var text *redis.StringCmd
	var left *redis.DurationCmd
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		text, left = p.Get(ctx, key), p.PTTL(ctx, key)
		return nil
	})
	if err != nil || left.Val() <= 0 || Hash(text.Val()) != hash {
		return "", false
	}
	lifetime := left.Val()
	if lifetime <= FirstLifetime {
		lifetime = UsedLifetime
		_ = r.client.Expire(ctx, key, lifetime).Err()
	}
	r.near.keep(part, hash, text.Val(), lifetime, true)
	return text.Val(), true
}

// Put keeps a document in both.
func (r *Redis) Put(ctx context.Context, part Part, document string) {
	if len(document) > Longest {
		return
	}
	r.near.Put(ctx, part, document)
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	if !r.usable(ctx) {
		return
	}
	_ = r.client.Set(ctx, keyOf(part, Hash(document)), document, FirstLifetime).Err() // nothing is lost: clients send it again
}

func (r *Redis) usable(ctx context.Context) bool { return r.Usable == nil || r.Usable(ctx) }

func keyOf(part Part, hash string) string { return prefix + string(part) + hash }

// Forget empties the memory in front.
func (r *Redis) Forget() { r.near.Forget() }
