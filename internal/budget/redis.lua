-- A place in the sliding-window log of one account, for one call or for a look, and the rights of
-- the replica that asks. doc.go describes the protocol. All times are microseconds.
--
-- KEYS  calls: a sorted set of calls by the time they were made; blocked: the time before which no
--       call may be made; members: a hash of the replicas. All have one hash tag, so that they are
--       on one node of a cluster.
-- ARGV  the question as JSON; redis.go describes its fields.
-- Returns how long the call waits (0: it is counted), how many places are used or reserved, how long
-- until all their calls are outside the window, for how long no call may be made, how many replicas
-- there are, the time, the right and the share of the replica, whether it is new, whether the
-- state is, and the shares of all others.
local calls, blocked, members = KEYS[1], KEYS[2], KEYS[3]
local q = cjson.decode(ARGV[1])
local limit, window, now = q.limit, q.window, q.now
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

-- The members. 'born' is when this state began. 'owed' are shares of replicas that an earlier state
-- knew, which Redis has lost, and that have not asked since.
local known, born, owed = {}, nil, nil
local member = '%.0f %.0f %.0f %.0f %.0f %.0f %.0f'
local fields = redis.call('HGETALL', members)
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == 'born' then
    born = tonumber(value)
  elseif name == 'owed' then
    owed = tonumber(value)
  else
    local seq, heard, acked, right, share, joined, ended = string.match(value, string.rep('(%S+) ', 6) .. '(%S+)')
    if heard + q.keep + window < now then
      redis.call('HDEL', members, name)
    else
      known[name] = {name = name, seq = tonumber(seq), heard = tonumber(heard), acked = tonumber(acked),
        right = tonumber(right), share = tonumber(share), joined = tonumber(joined), ended = tonumber(ended)}
    end
  end
end
local me = known[q.replica]
known[q.replica] = nil
if me and q.seq <= me.seq then
  return redis.error_reply('ERR a later question was answered before')
end

for _, c in ipairs(q.calls) do
  redis.call('ZADD', calls, now - c.ago, c.name)
end
redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - window)

local closed = tonumber(redis.call('GET', blocked) or 0)
if q.block > 0 and now + q.block > closed then
  closed = now + q.block
  redis.call('SET', blocked, closed, 'PX', math.ceil(q.block / 1000))
end

local fresh = not me
if q.leave then
  redis.call('HDEL', members, q.replica)
  return {}
end
if fresh then
  me = {acked = 0, joined = now}
  if not born then
    born = now
    redis.call('HSET', members, 'born', string.format('%.0f', born))
  end
  if q.replicas == 0 and q.ack > 0 then -- it knows an earlier state
    local here = 0
    for _, m in pairs(known) do here = here + m.share end
    owed = math.max((owed or 0) - q.share, q.others - here, 0)
    redis.call('HSET', members, 'owed', owed)
  end
elseif q.ack > 0 then
  me.acked = q.ack
end
local settling = 0
if q.replicas == 0 then
  -- A replica that Redis has lost, and that does not ask, may have made calls in the last window.
  local ready = born + q.settle
  if owed and owed > 0 then ready = math.max(ready, born + window) end
  settling = math.max(ready - now, 0)
end

-- What others may do without asking. A replica that was not heard of may use its share; one that
-- was may use its right. Either is reserved as far as the replica's calls do not use it already.
local made, used = {}, 0
for _, name in ipairs(redis.call('ZRANGE', calls, 0, -1)) do
  local replica = string.match(name, '^%S+')
  made[replica] = (made[replica] or 0) + 1
  used = used + 1
end
local mine = made[q.replica] or 0
local live, silent, joined = {}, {}, me.joined
for name, m in pairs(known) do
  local spent = made[name] or 0
  m.lent, m.left = math.max(m.right - spent, 0), math.max(m.share - spent, 0)
  if now - m.heard <= q.silence then
    table.insert(live, m)
    joined = math.max(joined, m.joined)
  else
    table.insert(silent, m)
  end
end
-- No more than q.replicas run at once. Those that were heard of last may be running, then as many
-- silent ones as there is room for: those with the most left are reserved, and a share for each
-- that Redis has not heard of yet. The others have ended. One that was already silent when its
-- successor joined may have made calls until then: it is reserved for a window longer. A single
-- replica is not: its successor would make no calls for a window after each slow restart.
local room = #live + #silent
if q.replicas > 0 then
  room = q.replicas - 1
  table.sort(live, function(a, b) return a.heard > b.heard end)
  table.sort(silent, function(a, b) return a.left > b.left end)
end
local count, running, lent, frozen, shares = 1, 1, 0, 0, 0
local function reserve(m)
  if now - m.acked > q.silence then frozen = frozen + m.left else lent = lent + m.lent end
  count, shares = count + 1, shares + m.share
end
for i = 1, math.min(#live, room) do
  running = running + 1
  reserve(live[i])
end
for _, m in ipairs(silent) do
  if count <= room then
    reserve(m)
  elseif q.replicas > 1 and m.ended == 0 and m.acked + q.silence < joined then
    m.ended = now
    redis.call('HSET', members, m.name, string.format(member, m.seq, m.heard, m.acked, m.right, m.share, m.joined, now))
    reserve(m)
  elseif now < m.ended + window then
    reserve(m)
  else
    redis.call('HDEL', members, m.name)
  end
end
if q.replicas > 0 then
  local missing = math.max(room + 1 - count, 0) * math.floor(limit / q.replicas)
  frozen, shares = frozen + missing, shares + missing
elseif owed and now <= born + q.keep + window then
  frozen, shares = frozen + owed, shares + owed
end

-- The place.
local function score(i) return tonumber(redis.call('ZRANGE', calls, i, i, 'WITHSCORES')[2]) end
local capacity, at = limit - frozen, now
if settling > 0 then
  at = now + settling
elseif capacity <= 0 then
  at = now + q.silence -- nobody knows
else
  -- Each call gives its place back a window later, so the places repeat with the capacity.
  local n, free = q.ahead % capacity, capacity - used
  if n >= free then
    at = score(n - free) + window
  elseif n + lent >= free then
    at = now + q.beat -- by then the others lend more
  end
  at = at + math.floor(q.ahead / capacity) * window
end
at = math.max(at, closed)
if q.call ~= '' and not fresh and at <= now then
  redis.call('ZADD', calls, now, q.call)
  used, mine = used + 1, mine + 1
end

-- The rights. Until the replica confirms them it may also use what it had before.
local right, share = q.right, q.share
if settling == 0 then
  local open = limit - shares
  if running == 1 and q.replicas == 0 then open = math.floor(open / 2) end
  share = math.max(math.min(math.floor(limit / math.max(count, q.replicas)), open), 0)
  right = math.min(share, mine + math.floor(math.max(capacity - used, 0) / running))
  right = math.max(math.min(right, capacity - lent - (used - mine)), 0)
end
redis.call('HSET', members, q.replica, string.format(member,
  q.seq, now, me.acked, math.max(right, q.right), math.max(share, q.share), me.joined, 0))
redis.call('PEXPIRE', members, math.ceil((q.keep + window) / 1000))

local last = 0
if used > 0 then
  last = score(-1) + window - now
  redis.call('PEXPIRE', calls, math.ceil(window / 1000))
end
return {math.max(at - now, 0), used + frozen, last, math.max(closed - now, 0), count, now, right, share,
  fresh and 1 or 0, settling > 0 and 1 or 0, shares}
