-- A place in the sliding-window log of one account, for one call or for a look, and the rights of
-- the replica that asks. doc.go describes the protocol. All times are microseconds.
--
-- KEYS  calls: a sorted set of calls by the time they were made; state: a hash of the replicas and
--       of what holds for all. Both have one hash tag, so that they are on one node of a cluster.
-- ARGV  the question as JSON; redis.go describes its fields.
-- Returns nothing if the replica has to ask again with all calls of its window. Else: how long the
-- call waits (0: it is counted), how many places are used or reserved, how long until all their
-- calls are outside the window, for how long no call may be made, how many replicas there are, the
-- time, the right and the share of the replica, when this state was born, whether no other replica
-- has a share, and whether Redis does not know all calls of the window yet.
local calls, state = KEYS[1], KEYS[2]
local q = cjson.decode(ARGV[1])
local limit, window, now = q.limit, q.window, q.now
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local shared = q.replicas == 0 -- nobody has configured how many replicas run

-- 'born' is when this state began, and its name. 'ready' is when Redis knows all calls of the
-- window. 'owed' are the shares of replicas that an earlier state knew and that have not asked
-- since. 'older' is there if a replica knew an earlier state. 'closed' is the time before which no
-- call may be made.
--
-- Of each replica: the number of its last question and when it came, the time of the last answer
-- that it confirmed, the right and the share that it may go by, the right in the last answer, the
-- right that it came with, when it joined, and when it ended (0: not yet).
local known, whole = {}, {closed = 0}
local order = {'seq', 'heard', 'acked', 'right', 'share', 'given', 'most', 'joined', 'ended'}
local function set(name, value) redis.call('HSET', state, name, string.format('%.0f', value)) end
local function keep(m)
  local values = {}
  for i, field in ipairs(order) do values[i] = string.format('%.0f', m[field]) end
  redis.call('HSET', state, m.name, table.concat(values, ' '))
end
local fields = redis.call('HGETALL', state)
for i = 1, #fields, 2 do
  local name, value, m, n = fields[i], fields[i + 1], {name = fields[i]}, 0
  for word in string.gmatch(value, '%S+') do
    n = n + 1
    m[order[n]] = tonumber(word)
  end
  if n == 1 then
    whole[name] = tonumber(value)
  elseif m.heard + q.keep + window < now then
    redis.call('HDEL', state, name)
  else
    known[name] = m
  end
end

-- Redis has lost its data if one of the keys is missing, or if it does not know its last answer to
-- this replica, as after a restart from an old snapshot. Then it starts again.
local me = known[q.replica]
local answered = me and me.heard or now - q.keep - window
if whole.born and (not redis.call('ZSCORE', calls, 'born') or q.state == whole.born and q.ack > answered) then
  redis.call('DEL', calls, state)
  known, whole, me = {}, {closed = 0}, nil
end
if me and q.seq <= me.seq then
  return redis.error_reply('ERR a later question was answered before')
end
if (not me or q.state ~= whole.born) and not q.whole then return {} end

known[q.replica] = nil
me = me or {name = q.replica, acked = 0, joined = now, share = 0}
if not whole.born then
  whole.born, whole.ready = now, now + (shared and q.settle or window)
  set('born', now)
  redis.call('ZADD', calls, '+inf', 'born')
end
if q.state == whole.born then
  me.acked = q.ack
else
  -- While Redis does not know the calls of all others, a new replica may not make calls in place of
  -- one that has ended.
  if q.state > 0 then set('older', 1) end
  me.most = whole.older and q.state == 0 and q.replicas ~= 1 and 0 or q.right
end
if q.state ~= whole.born and shared and q.state > 0 then -- it knows an earlier state
  whole.ready = math.max(whole.ready, whole.born + window)
  if whole.owed then
    whole.owed = whole.owed - math.max(q.share - me.share, 0)
  elseif not q.alone then
    whole.owed = limit - q.share -- the shares in the earlier state were parts of the limit
    for _, m in pairs(known) do whole.owed = whole.owed - m.share end
  end
  if whole.owed then
    whole.owed = math.max(whole.owed, 0)
    set('owed', whole.owed)
  end
end
set('ready', whole.ready)
me.seq, me.heard, me.ended = q.seq, now, 0

for _, c in ipairs(q.calls) do
  redis.call('ZADD', calls, now - c.ago, c.name)
end
redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - window)
if q.block > 0 and now + q.block > whole.closed then
  whole.closed = now + q.block
  set('closed', whole.closed)
end
local ttl = math.ceil((q.keep + window) / 1000)
redis.call('PEXPIRE', calls, ttl)
redis.call('PEXPIRE', state, ttl)
if q.leave then
  me.given, me.right, me.share, me.ended = 0, 0, 0, now
  keep(me)
  return {}
end

local at, made, mine = {}, {}, {} -- when the calls were made, how many of each replica, when those of this one
local log = redis.call('ZRANGE', calls, 0, -1, 'WITHSCORES')
for i = 1, #log - 2, 2 do -- the last one is 'born'
  local replica, time = string.match(log[i], '^%S+'), tonumber(log[i + 1])
  at[#at + 1] = time
  made[replica] = (made[replica] or 0) + 1
  if replica == q.replica then mine[#mine + 1] = time end
end
local used, spent = #at, #mine

-- The other replicas. With q.replicas no more than that number run at once. Those that were heard of
-- since the newest one joined ran at that time. The rest of the number are replicas that were not
-- heard of since, or never. What these may do without asking is a share each.
local newest, running, count, lent, frozen, shares = me.joined, 1, 1, 0, 0, 0
for _, m in pairs(known) do
  if m.ended == 0 then newest = math.max(newest, m.joined) end
end
local unheard, ended = {}, {}
for _, m in pairs(known) do
  -- What it may do without asking: up to its right; or up to its share, if it has not confirmed an
  -- answer for some time. One that has ended may have done so until then.
  m.silent = (m.ended > 0 and m.ended or now) - m.acked > q.silence
  local most = m.silent and m.share or m.right
  if m.ended > 0 and m.acked == 0 and m.ended - m.heard <= q.silence then most = m.given end
  m.rest = math.max(most - (made[m.name] or 0), 0)
  if m.ended > 0 then
    table.insert(ended, m)
  else
    if now - m.heard <= q.silence then running = running + 1 end
    if shared or m.heard > newest or m.joined == newest then
      count, shares = count + 1, shares + m.share
      if m.silent then frozen = frozen + m.rest else lent = lent + m.rest end
    else
      table.insert(unheard, m)
    end
  end
end
local missing = 0
if not shared then
  local room = math.max(q.replicas - count, 0)
  missing = room * math.floor(limit / q.replicas)
  for _, m in ipairs(unheard) do
    if room == 0 then -- it has ended before the newest one joined
      m.ended = newest
      keep(m)
      table.insert(ended, m)
    elseif now < newest + window then
      if m.silent then frozen = frozen + m.rest else lent = lent + m.rest end
    end
  end
  for _, m in ipairs(ended) do
    -- The successor of a single replica makes calls at once.
    if q.replicas > 1 and now < m.ended + window then frozen = frozen + m.rest end
  end
elseif whole.owed and now <= whole.born + q.keep + window then
  missing = whole.owed
end
frozen, shares = frozen + missing, shares + missing

-- The place.
local settling = math.max(whole.ready - now, 0)
local capacity, free = limit - frozen, now
if capacity <= 0 then
  free = now + q.silence -- nobody knows
else
  -- Each call gives its place back a window later, so the places repeat with the capacity.
  local n, places = q.ahead % capacity, capacity - used
  if n >= places then
    free = at[n - places + 1] + window
  elseif n + lent >= places then
    free = now + q.beat -- by then the others lend more
  end
  free = free + math.floor(q.ahead / capacity) * window
end
if settling > 0 and spent + q.ahead >= me.most then
  local last = mine[spent + q.ahead + 1 - me.most]
  free = math.max(free, math.min(last and last + window or whole.ready, whole.ready))
end
free = math.max(free, whole.closed)
if q.call ~= '' and free <= now then
  redis.call('ZADD', calls, now, q.call)
  used, spent, at[used + 1] = used + 1, spent + 1, now
end

-- The rights. Until the replica confirms them it may also use what it had before.
local right, share = me.most, q.share
if settling == 0 then
  local open = limit - shares
  if shared and running == 1 then open = math.floor(open / 2) end
  share = math.max(math.min(math.floor(limit / math.max(count, q.replicas)), open), 0)
  right = math.min(share, spent + math.floor(math.max(capacity - used, 0) / running))
end
right = math.max(math.min(right, capacity - lent - (used - spent)), 0)
me.given, me.right, me.share = right, math.max(right, q.right), math.max(share, q.share)
keep(me)

local last = used > 0 and at[used] + window - now or 0
local alone = missing == 0 and (count == 1 or settling > 0 and shares == 0)
return {math.max(free - now, 0), used + frozen, last, math.max(whole.closed - now, 0), count, now, right, share,
  whole.born, alone and 1 or 0, settling > 0 and 1 or 0}
