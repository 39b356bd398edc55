-- Keeps an answer, unless something that it may be forgotten by was forgotten since its node asked.
-- KEYS: the answer, then the cells. ARGV: this run of the server, the epoch it was asked in, for how long (ms), how long cells last (ms), it.
local marks = { ARGV[1] }
for i = 2, #KEYS do
  local mark = redis.call('GET', KEYS[i])
  if not mark then return 0 end
  marks[i] = mark
end
if redis.sha1hex(table.concat(marks, '\n')) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[2] .. ARGV[5], 'PX', ARGV[3])
for i = 2, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[4]) end
return 1
