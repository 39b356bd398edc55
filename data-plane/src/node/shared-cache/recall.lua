-- What is kept under a key, if nothing that it may be forgotten by was forgotten since it was fetched.
-- KEYS: the answer, then the cells. ARGV: this run of the server, a mark nobody used, how long cells last (ms), the most bytes of use.
-- Gives the epoch (empty: nothing can be kept now), the answer or false, the time here in ms, and 1 where what was there is of no use.
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local marks = { ARGV[1] }
for i = 2, #KEYS do
  local mark = redis.call('GET', KEYS[i])
  if not mark then
    -- Forgotten, or never there. Where memory is full it stays so, and nothing counts.
    mark = ARGV[2]
    if redis.pcall('SET', KEYS[i], mark, 'PX', ARGV[3]).err then return { '', false, nowMs, 0 } end
  end
  marks[i] = mark
end
local epoch = redis.sha1hex(table.concat(marks, '\n'))
local found = redis.pcall('STRLEN', KEYS[1])
if type(found) == 'number' and found == 0 then return { epoch, false, nowMs, 0 } end
if type(found) == 'number' and found <= tonumber(ARGV[4]) + #epoch then
  if redis.call('GETRANGE', KEYS[1], 0, #epoch - 1) == epoch then
    return { epoch, redis.call('GET', KEYS[1]), nowMs, 0 }
  end
  redis.call('UNLINK', KEYS[1])
  return { epoch, false, nowMs, 0 }
end
redis.call('UNLINK', KEYS[1])
return { epoch, false, nowMs, 1 }
