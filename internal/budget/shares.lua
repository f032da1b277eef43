-- The shares of subjects at one Redis, and the processes that use them. shares_redis.go describes the
-- protocol. All times are microseconds.
--
-- KEYS  members: a hash of the processes and of the clock by which shares fill; share: a hash of the
--       parts of one subject's share, each by the time at which it is full again. Both have one hash
--       tag, so that they are on one node of a cluster.
-- ARGV  the question as JSON; shares_redis.go describes its fields.
-- Returns how long to wait (0: all was taken), the time, the name of this state of Redis, the part of
-- each share, in billionths, that the process may give without Redis, and the parts of all others.
local members, share = KEYS[1], KEYS[2]
local q = cjson.decode(ARGV[1])
local now = q.now
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local function number(n) return string.format('%.0f', n) end

-- The processes. One is live if it has confirmed an answer lately. Others may be using their part
-- without Redis.
-- 'owed' are parts of processes that an earlier state knew, and that have not asked since.
local state, clock, last, lost
local owed = 0
local count, live, running, parts, cut = 0, 0, 0, 0, 0
local fields = redis.call('HGETALL', members)
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == 'state' then state = value
  elseif name == 'clock' then clock = tonumber(value)
  elseif name == 'last' then last = tonumber(value)
  elseif name == 'lost' then lost = true
  elseif name == 'owed' then owed = tonumber(value)
  else
    local heard, acked, part = string.match(value, '(%S+) (%S+) (%S+)')
    local silent = now - acked > q.silence
    if heard + q.keep < now or q.replicas > 0 and silent and name ~= q.replica then
      redis.call('HDEL', members, name)
    else
      if silent then cut = cut + part else live = live + 1 end
      if name ~= q.replica then
        count, parts = count + 1, parts + part
        if not silent then running = running + 1 end
      end
    end
  end
end

-- The clock runs slower by the parts of the processes that may be cut off.
if not state then
  state, clock, last = number(now), 2 * q.window, now
  redis.call('HSET', members, 'state', state)
end
if now > state + q.keep then owed = 0 end
local rate
if q.replicas > 0 then
  rate = math.min(live / q.replicas, 1)
else
  rate = math.max(1 - (cut + owed) / 1000000000, 0)
end
clock, last = clock + math.max(now - last, 0) * rate, math.max(now, last)
if q.state ~= '' and q.state ~= state and not lost then
  -- Redis has lost what was taken in the last window: as if all of each share had been.
  clock = clock - q.window
  redis.call('HSET', members, 'lost', 1)
end
redis.call('HSET', members, 'clock', number(clock), 'last', number(last))

local part = 0
if q.leave then
  redis.call('HDEL', members, q.replica)
elseif q.beat then
  if q.replicas > 0 then
    part = math.floor(1000000000 / q.replicas)
  else
    if q.state ~= '' and q.state ~= state then
      owed = math.max(owed - q.part, q.others - parts, 0)
      redis.call('HSET', members, 'owed', number(owed))
    end
    local rest = math.max(1000000000 - parts - owed, 0)
    if running == 0 then rest = rest / 2 end -- for a successor
    part = math.floor(math.min(1000000000 / (count + 1), rest))
  end
  redis.call('HSET', members, q.replica, number(now) .. ' ' .. number(q.ack) .. ' ' .. number(math.max(part, q.part)))
end
redis.call('PEXPIRE', members, math.ceil(q.keep / 1000))

-- The share.
local wait, full, refused, kept = 0, {}, false, q.keep
if share then
  local same = redis.call('HGET', share, 'state') == state
  for i, price in ipairs(q.prices) do
    local at = same and redis.call('HGET', share, price.part)
    local before = math.max(tonumber(at or 2 * q.window), clock)
    full[i] = before + price.cost
    kept = math.max(kept, full[i] - clock)
    local lack = before + math.min(price.cost, q.window) - clock - q.window
    refused = refused or lack > 1 -- a microsecond is for rounding
    wait = math.max(wait, lack + price.again)
  end
  if not refused then
    wait = 0
    if not same then redis.call('DEL', share) end
    redis.call('HSET', share, 'state', state)
    for i, price in ipairs(q.prices) do
      redis.call('HSET', share, price.part, number(full[i]))
    end
    redis.call('PEXPIRE', share, math.ceil(kept / 1000))
  elseif rate > 0 then
    wait = math.ceil(wait / rate)
  else
    wait = q.window
  end
end
return {wait, now, state, part, parts + owed}
