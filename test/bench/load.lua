-- wrk sends the requests of a file, one "METHOD path header" on each line ("-": no header of its own; a body follows after a
-- tab), over and over in that order. With a second file, @TOKEN@ in a request becomes that file's next line, each of which is sent once.
local requests, count, at = {}, 0, 0
local tokens
local threads = {}
exhausted = 0

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  for line in io.lines(args[1]) do
    local method, path, header, body = line:match("^(%S+) (%S+) ([^\t]+)\t?(.*)$")
    local headers = { Host = "bench.example.com", ["user-agent"] = "wrk", accept = "*/*" }
    local name, value = header:match("^(%S+): (.+)$")
    if name then headers[name] = value end
    count = count + 1
    local text = wrk.format(method, path, headers, body ~= "" and body or nil)
    local head, tail = text:match("^(.*)@TOKEN@(.*)$")
    requests[count] = head and { head, tail } or text
  end
  if args[2] then tokens = assert(io.open(args[2])) end
end

function request()
  at = at % count + 1
  local text = requests[at]
  if not tokens then return text end
  local token = tokens:read("*l")
  if not token then
    exhausted = exhausted + 1
    token = "none-left"
  end
  return text[1] .. token .. text[2]
end

-- One line of JSON after wrk's own report; times in microseconds.
function done(summary, latency)
  local errors, without = summary.errors, 0
  for _, thread in ipairs(threads) do without = without + thread:get("exhausted") end
  io.write(string.format(
    '\n{"requests":%d,"durationUs":%d,"bytes":%d,"p50Us":%d,"p99Us":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d,"withoutToken":%d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout, without))
end
