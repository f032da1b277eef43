package events

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a [Log] shared by all replicas: a stream. The server has to keep what it is
// given: no eviction, and an append-only file.
//
// All keys have one hash tag, so that one node of a cluster has them. A hash names the
// incarnation and the last entry. The ids of the stream's entries are made here: the time in
// milliseconds, which never decreases, and the dense number of the entry. An event that
// Redis has acknowledged is as safe as its settings make it: with appendfsync everysec, the
// last second may be lost with the machine.
type Redis struct {
	client redis.UniversalClient
	limits Limits
	now    func() time.Time
}

var _ Log = (*Redis)(nil)

// NewRedis makes a log over a client, which the caller closes. A nil clock means the clock
// of Redis, so that the clocks of the replicas need not agree.
func NewRedis(client redis.UniversalClient, limits Limits, now func() time.Time) *Redis {
	return &Redis{client, limits, now}
}

const (
	stateKey  = "{pg:events}:log"
	streamKey = "{pg:events}:stream"
	onceKey   = "{pg:events}:once:" // and the hash of a key

	readPatience = 2 * time.Second        // of one question that reads
	waitPatience = 250 * time.Millisecond // of one XREAD, which does not notice that its context ends
)

// state answers the incarnation, and the time and number of the last entry. Where there is
// no incarnation the log begins anew, under the name in ARGV[1]: a stream without it is of
// nobody knows when.
const state = `
local s = redis.call('HMGET', KEYS[1], 'log', 'milli', 'n')
if not (s[1] and s[2] and s[3]) then
  s = {ARGV[1], '0', '0'}
  redis.call('HSET', KEYS[1], 'log', s[1], 'milli', s[2], 'n', s[3], 'bytes', '0')
  redis.call('DEL', KEYS[2])
end
`

// appendScript appends ARGV[7...] and answers 1, or 0 if KEYS[3] is there. ARGV: a new
// incarnation, the time (0: the server's), for how long KEYS[3] is kept, and the limits in
// milliseconds, entries and bytes. The first entry is written before the key: where Redis
// refuses it, as it is full, nothing is written.
var appendScript = redis.NewScript(`
local now = tonumber(ARGV[2])
if now == 0 then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
if KEYS[3] then
  local ends = redis.call('GET', KEYS[3])
  if ends and now < tonumber(ends) then return 0 end
end
` + state + `
local whole = function(number) return string.format('%.0f', number) end
local milli, n = math.max(now, tonumber(s[2])), tonumber(s[3])
local bytes = 0
if redis.call('EXISTS', KEYS[2]) == 1 then bytes = tonumber(redis.call('HGET', KEYS[1], 'bytes') or 0) end
for i = 7, #ARGV do
  n = n + 1
  redis.call('XADD', KEYS[2], whole(milli) .. '-' .. whole(n), 'e', ARGV[i])
  bytes = bytes + #ARGV[i]
end
if KEYS[3] then redis.call('SET', KEYS[3], whole(now + ARGV[3]), 'PX', ARGV[3]) end
local age, count, size = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local left, least, from = redis.call('XLEN', KEYS[2]), nil, '-'
local over = true
while over and left > 0 do
  for _, e in ipairs(redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', 8)) do
    over = age > 0 and tonumber(string.match(e[1], '%d+')) < now - age or count > 0 and left > count or size > 0 and bytes > size
    if not over then
      least = e[1]
      break
    end
    left, bytes, from = left - 1, bytes - #e[2][2], '(' .. e[1]
  end
end
if left == 0 then
  redis.call('DEL', KEYS[2])
elseif from ~= '-' then
  redis.call('XTRIM', KEYS[2], 'MINID', '=', least)
end
redis.call('HSET', KEYS[1], 'milli', whole(milli), 'n', whole(n), 'bytes', whole(bytes))
if age > 0 and left > 0 then redis.call('PEXPIRE', KEYS[2], ARGV[4]) end
return 1`)

// readScript answers the state, and up to ARGV[4] entries behind the id in ARGV[3] if the
// incarnation is ARGV[2].
var readScript = redis.NewScript(state + `
local entries = {}
if s[1] == ARGV[2] and ARGV[4] ~= '0' then
  entries = redis.call('XRANGE', KEYS[2], '(' .. ARGV[3], '+', 'COUNT', ARGV[4])
end
return {s[1], s[2], s[3], entries}`)

// Append appends events.
func (r *Redis) Append(ctx context.Context, once Once, events ...Event) (bool, error) {
	encoded, err := encodeAll(once, events)
	if err != nil {
		return false, err
	}
	var now int64
	if r.now != nil {
		now = r.now().UnixMilli()
	}
	keys := []string{stateKey, streamKey}
	if once.Key != "" {
		sum := sha256.Sum256([]byte(once.Key))
		keys = append(keys, onceKey+hex.EncodeToString(sum[:16]))
	}
	args := []any{
		newIncarnation().String(), now, once.For.Milliseconds(),
		r.limits.Age.Milliseconds(), r.limits.Count, r.limits.Bytes,
	}
	for _, e := range encoded {
		args = append(args, e)
	}
	done, err := appendScript.Run(ctx, r.client, keys, args...).Int()
	if err != nil {
		return false, fmt.Errorf("events: appending: %w", err)
	}
	return done == 1, nil
}

// look answers the last point, and up to limit entries behind p with the number of the
// first.
func (r *Redis) look(ctx context.Context, p point, limit int) (last point, entries []Entry, err error) {
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	got, err := readScript.Run(
		ctx, r.client, []string{stateKey, streamKey}, newIncarnation().String(), p.log.String(), p.streamID(), limit,
	).Slice()
	if err != nil {
		return point{}, nil, fmt.Errorf("events: reading: %w", err)
	}
	if len(got) != 4 {
		return point{}, nil, errShape
	}
	log, err := parseIncarnation(fmt.Sprint(got[0]))
	if err != nil {
		return point{}, nil, err
	}
	last, err = point{kind: redisKind, log: log}.parseNumbers(fmt.Sprint(got[1]), fmt.Sprint(got[2]))
	if err != nil {
		return point{}, nil, err
	}
	rows, ok := got[3].([]any)
	if !ok {
		return point{}, nil, errShape
	}
	for _, row := range rows {
		at, event, err := p.parseRow(row)
		if err != nil {
			return point{}, nil, err
		}
		if p = p.next(at.milli); p != at {
			return point{}, nil, fmt.Errorf("%w (entry %d is missing)", ErrGone, p.n)
		}
		entries = append(entries, Entry{decode(event), p.position()})
	}
	return last, entries, nil
}

var errShape = errors.New("events: reading: Redis answered something else")

// parseRow reads an entry as XRANGE answers it: its id, and its fields and values.
func (p point) parseRow(row any) (point, []byte, error) {
	pair, _ := row.([]any)
	if len(pair) != 2 {
		return point{}, nil, errShape
	}
	fields, _ := pair[1].([]any)
	if len(fields) < 2 {
		return point{}, nil, errShape
	}
	at, err := p.parseStreamID(fmt.Sprint(pair[0]))
	event, _ := fields[1].(string)
	return at, []byte(event), err
}

// Read returns the entries behind a position.
func (r *Redis) Read(ctx context.Context, after Position, limit int) ([]Entry, error) {
	p, err := parseOf(redisKind, after)
	if err != nil {
		return nil, err
	}
	last, entries, err := r.look(ctx, p, min(max(limit, 1), maxRead))
	if err != nil {
		return nil, err
	}
	var first uint64
	if len(entries) > 0 {
		first = p.n + 1 // look has compared it
	}
	if err := p.compare(last, first); err != nil {
		return nil, err
	}
	return entries, nil
}

// Last returns the position behind the last entry.
func (r *Redis) Last(ctx context.Context) (Position, error) {
	last, _, err := r.look(ctx, point{}, 0)
	if err != nil {
		return "", err
	}
	return last.position(), nil
}

// Wait waits for an entry behind a position. It may notice a quarter of a second late that
// ctx has ended, or that the log has begun anew.
func (r *Redis) Wait(ctx context.Context, after Position) error {
	for {
		entries, err := r.Read(ctx, after, 1)
		if err != nil || len(entries) > 0 {
			return err
		}
		if err := r.block(ctx, after); err != nil {
			return err
		}
	}
}

// block waits until the stream has an entry behind a position, but not for long.
func (r *Redis) block(ctx context.Context, after Position) error {
	p, err := parseOf(redisKind, after)
	if err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, waitPatience+readPatience)
	defer cancel()
	err = r.client.XRead(asking, &redis.XReadArgs{
		Streams: []string{streamKey}, ID: p.streamID(), Count: 1, Block: waitPatience,
	}).Err()
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("events: waiting: %w", err)
	}
	return nil
}
