-- A place in the sliding-window log of one account, for one call or for a look. All times are microseconds.
--
-- KEYS  calls: a sorted set of calls by when they were made; blocked: when the next may be made; replicas: a sorted set
--       of replicas by when they last took a place. All three have the same hash tag, and so are on one node of a cluster.
-- ARGV  limit, window, ahead: as in Go; now: 0 for Redis's own clock; block: nobody may call for so long;
--       replica: who asks; call: a name for the call, unlike all others, "" for a look;
--       then for each call that was made unseen: its name, how long ago.
-- Answers how long the call has to wait (0: it is counted), how many calls are in the window, how long until all their
-- places are free, for how long nobody may call, and how many replicas took a place in the window, the asking one included.
local calls, blocked, replicas = KEYS[1], KEYS[2], KEYS[3]
local limit, window, ahead, now, block = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local replica, call = ARGV[6], ARGV[7]
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

for i = 8, #ARGV, 2 do
  redis.call('ZADD', calls, now - ARGV[i + 1], ARGV[i])
end
redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - window)
redis.call('ZREMRANGEBYSCORE', replicas, '-inf', now - window)

local closed = tonumber(redis.call('GET', blocked) or 0)
if block > 0 and now + block > closed then
  closed = now + block
  redis.call('SET', blocked, closed, 'PX', math.ceil(block / 1000))
end

local used = redis.call('ZCARD', calls)
local function score(i) return tonumber(redis.call('ZRANGE', calls, i, i, 'WITHSCORES')[2]) end
-- Each call takes its place again a window later, so the places repeat with the limit.
local at, n = now, ahead % limit + used - limit
if n >= 0 then at = score(n) + window end
at = math.max(at, closed) + math.floor(ahead / limit) * window

if call ~= '' and at <= now then
  redis.call('ZADD', calls, now, call)
  redis.call('ZADD', replicas, now, replica)
  used = used + 1
end
local last = 0
if used > 0 then
  last = score(-1) + window - now
  redis.call('PEXPIRE', calls, math.ceil(window / 1000))
  redis.call('PEXPIRE', replicas, math.ceil(window / 1000))
end
local others = redis.call('ZCARD', replicas) - (redis.call('ZSCORE', replicas, replica) and 1 or 0)
return {at - now, used, last, math.max(closed - now, 0), others + 1}
