-- wrk sends the requests of a file, one "METHOD path api-key" on each line ("-": no key), over and over in that order.
local requests, count, at = {}, 0, 0

function init(args)
  for line in io.lines(args[1]) do
    local method, path, key = line:match("^(%S+) (%S+) (%S+)$")
    local headers = { Host = "bench.example.com", ["user-agent"] = "wrk", accept = "*/*" }
    if key ~= "-" then headers["x-api-key"] = key end
    count = count + 1
    requests[count] = wrk.format(method, path, headers)
  end
end

function request()
  at = at % count + 1
  return requests[at]
end

-- One line of JSON after wrk's own report; times in microseconds.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"durationUs":%d,"bytes":%d,"p50Us":%d,"p99Us":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
