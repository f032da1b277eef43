package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a [Store] shared by all replicas. The server has to keep what it is given: no
// eviction, and an append-only file.
//
// Each value is a hash of its own, so that a cluster may spread them: v is the value, n its
// version. A write that Redis has acknowledged is as safe as its settings make it: with
// appendfsync everysec, the last second may be lost with the machine.
type Redis struct {
	client redis.UniversalClient
	prefix string // of every key
}

var _ Store = (*Redis)(nil)

// NewRedis makes a store over a client, which the caller closes.
func NewRedis(client redis.UniversalClient) *Redis { return NewRedisUnder(client, prefix) }

// NewRedisUnder makes a store of other values than the ledger's, all keys of which begin with
// a prefix of their own.
func NewRedisUnder(client redis.UniversalClient, prefix string) *Redis { return &Redis{client, prefix} }

// prefix stands before every key of the ledger. The values' own format has a version; keys
// never change.
const prefix = "pg:ledger:"

// load answers value, version and the server's clock.
var load = redis.NewScript(`
local t = redis.call('TIME')
return {redis.call('HGET', KEYS[1], 'v'), redis.call('HGET', KEYS[1], 'n'), t[1], t[2]}`)

// save stores ARGV[3] as version ARGV[2] for ARGV[4] milliseconds (0: for ever), or removes
// it where ARGV[2] is empty; if the version is ARGV[1].
var save = redis.NewScript(`
if (redis.call('HGET', KEYS[1], 'n') or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
  return 1
end
redis.call('HSET', KEYS[1], 'n', ARGV[2], 'v', ARGV[3])
if ARGV[4] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1`)

// Load is the value of a key.
func (r *Redis) Load(ctx context.Context, key string) (Record, error) {
	got, err := load.Run(ctx, r.client, []string{r.prefix + key}).Slice()
	if err != nil {
		return Record{}, fmt.Errorf("ledger: loading: %w", err)
	}
	if len(got) != 4 {
		return Record{}, errors.New("ledger: loading: Redis answered something else")
	}
	seconds, err := strconv.ParseInt(fmt.Sprint(got[2]), 10, 64)
	if err != nil {
		return Record{}, fmt.Errorf("ledger: loading: the server's time: %w", err)
	}
	micros, err := strconv.ParseInt(fmt.Sprint(got[3]), 10, 64)
	if err != nil {
		return Record{}, fmt.Errorf("ledger: loading: the server's time: %w", err)
	}
	rec := Record{Now: time.Unix(seconds, micros*1000)}
	if version, ok := got[1].(string); ok {
		value, _ := got[0].(string)
		rec.Version, rec.Value = version, []byte(value)
	}
	return rec, nil
}

// Save stores a value.
func (r *Redis) Save(ctx context.Context, key, was string, value []byte, keep time.Duration) (string, error) {
	version := ""
	if value != nil {
		version = newVersion()
	}
	done, err := save.Run(ctx, r.client, []string{r.prefix + key}, was, version, value, keep.Milliseconds()).Int()
	if err != nil {
		return "", fmt.Errorf("ledger: saving: %w", err)
	}
	if done != 1 {
		return "", ErrMoved
	}
	return version, nil
}
