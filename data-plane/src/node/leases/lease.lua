-- One node's turn with one bucket of a limit: reports what it spent and gives back, and takes a lease of more.
--
-- KEYS[1]  the bucket           KEYS[2]  the generation
-- ARGV  1 run id of this Redis process   2 its age then, ms   3 generation the caller knows, '' for none   4 the caller
--       5 'bucket' or 'window'   6 requests   7 per, ms   8 burst   9 longest lease, ms
--       10 lease the caller has, '' for none   11 spent of it so far   12 given back of it so far   13 wanted
-- Gives: generation, lease, granted by it so far, what is left, ms until there is more (0: there is).
--
-- Tokens of a lease count against the bucket until they are reported as spent, given back, or the lease runs out, and then as spent.
-- So bucket and leases together never hold more than the bucket, and admitting is bounded as if there were no leases.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local longest = tonumber(ARGV[9])

-- The generation: one life of the data. It ends with the process, which may come back with older data, or when it is gone.
local known = ARGV[3]
local generation = redis.call('HMGET', KEYS[2], 'run', 'id', 'born', 'quiet', 'fresh')
local id, born, quiet, fresh = generation[2], tonumber(generation[3]), tonumber(generation[4]), generation[5]
local renewed = false
if generation[1] ~= ARGV[1] then
  renewed = true
  fresh = (not generation[1] and known == '') and '1' or '0'
  -- Leases of the process before have run out once this one is old enough; lost by this one, they last from now.
  local age = (string.sub(known, 1, #ARGV[1]) == ARGV[1]) and 0 or tonumber(ARGV[2])
  quiet = now + math.max(0, longest - age)
elseif fresh == '1' and known ~= '' and known ~= id then
  -- Taken for the first one, and it was not.
  renewed = true
  fresh = '0'
  quiet = now + longest
end
if renewed then
  born = now
  id = ARGV[1] .. '-' .. now .. '-' .. time[2]
  redis.call('HSET', KEYS[2], 'run', ARGV[1], 'id', id, 'born', born, 'quiet', quiet, 'fresh', fresh)
end

local isWindow = ARGV[5] == 'window'
local requests, per, burst = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local caller, wanted = ARGV[4], tonumber(ARGV[13])
local sub = per / 60
local number = math.floor(now / sub)

local fields = redis.call('HGETALL', KEYS[1])
local stored = {}
for i = 1, #fields, 2 do stored[fields[i]] = fields[i + 1] end
if stored.generation and stored.generation ~= id then
  redis.call('DEL', KEYS[1])
  stored = {}
end
local isNew = not stored.generation

-- Leases of others and of the caller; those that ran out count as spent.
local outstanding, lapsed, own = 0, 0, nil
for field, value in pairs(stored) do
  if string.sub(field, 1, 2) == 'n:' then
    local lease, granted, done, expires = string.match(value, '^(%d+) (%d+) (%d+) (%d+)$')
    local open = granted - done
    if tonumber(expires) <= now then
      lapsed = lapsed + open
      redis.call('HDEL', KEYS[1], field)
    else
      outstanding = outstanding + open
      if field == 'n:' .. caller then own = { lease = lease, granted = tonumber(granted), done = tonumber(done) } end
    end
  end
end

-- What came in meanwhile, with all leases still counted as they were.
local level, inWindow, oldest = 0, 0, nil
if isWindow then
  for field, value in pairs(stored) do
    if string.sub(field, 1, 2) == 'w:' then
      local each = tonumber(string.sub(field, 3))
      if each < number - 60 then
        redis.call('HDEL', KEYS[1], field)
      else
        inWindow = inWindow + value
        if not oldest or each < oldest then oldest = each end
      end
    end
  end
  -- Data that was lost may have admitted everything until then.
  if isNew and fresh == '0' then
    local last = math.floor(born / sub)
    if last >= number - 60 then
      inWindow = requests
      oldest = last
      redis.call('HINCRBY', KEYS[1], 'w:' .. last, requests)
    end
  end
  if lapsed > 0 then
    inWindow = inWindow + lapsed
    redis.call('HINCRBY', KEYS[1], 'w:' .. number, lapsed)
  end
else
  local rate = requests / per
  if isNew then
    level = fresh == '1' and burst or math.min(burst, (now - born) * rate)
  else
    level = math.min(burst - outstanding - lapsed, stored.level + math.max(0, now - stored.at) * rate)
    level = math.max(0, level)
  end
end

-- The caller's report. Totals, so that a report whose answer was lost may come twice.
if own and own.lease == ARGV[10] then
  local spent, back = tonumber(ARGV[11]), tonumber(ARGV[12])
  local news = spent + back - own.done
  if news > 0 and own.done + news <= own.granted then
    local before = tonumber(stored['b:' .. caller] or '0')
    local returned = math.max(0, math.min(news, back - before))
    redis.call('HSET', KEYS[1], 'b:' .. caller, back)
    outstanding = outstanding - news
    own.done = own.done + news
    if isWindow then
      if news > returned then
        inWindow = inWindow + news - returned
        redis.call('HINCRBY', KEYS[1], 'w:' .. number, news - returned)
      end
    else
      level = math.min(burst - outstanding, level + returned)
    end
  end
else
  -- Another lease than the caller's: what it held is spent.
  if own then
    local open = own.granted - own.done
    outstanding = outstanding - open
    if isWindow and open > 0 then
      inWindow = inWindow + open
      redis.call('HINCRBY', KEYS[1], 'w:' .. number, open)
    end
  end
  -- Named by the time, so that no name comes twice for a caller, whatever was lost.
  own = { lease = time[1] .. string.format('%06d', time[2]), granted = 0, done = 0 }
  redis.call('HDEL', KEYS[1], 'b:' .. caller)
end

local left = isWindow and math.max(0, requests - inWindow - outstanding) or level
local granted, wait = 0, 0
if now < quiet then
  wait = quiet - now
  left = 0
else
  granted = math.min(wanted, math.floor(left + 1e-6))
  own.granted = own.granted + granted
  left = left - granted
  if not isWindow then level = math.max(0, level - granted) end
  if granted < wanted then
    if not isWindow then
      wait = math.ceil((1 - (level % 1)) * per / requests)
    elseif oldest then
      wait = math.ceil((oldest + 61) * sub) - now
    else
      wait = math.ceil(sub)
    end
    wait = math.max(1, wait)
  end
end

if not isWindow then redis.call('HSET', KEYS[1], 'level', string.format('%.10f', level), 'at', now) end
redis.call('HSET', KEYS[1], 'generation', id)
if own.granted > own.done then
  redis.call('HSET', KEYS[1], 'n:' .. caller, own.lease .. ' ' .. own.granted .. ' ' .. own.done .. ' ' .. (now + longest))
else
  -- Nothing open: the next one is a new lease.
  redis.call('HDEL', KEYS[1], 'n:' .. caller, 'b:' .. caller)
end
local full = isWindow and per + sub or burst * per / requests
redis.call('PEXPIRE', KEYS[1], math.ceil(full + 2 * longest + 60000))
return { id, tostring(own.lease), own.granted, math.floor(left), math.ceil(wait) }
