-- wrk's side of load.py: the lines of a file are the bodies, sent in turn; each request
-- has a number, which takes the place of a mark where there is one.
-- Arguments: the file, the mark, the number before the first, then headers, each a name and a value.

local requests, marked, mark, number = {}, false, nil, 0

function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  mark, number = args[2], tonumber(args[3])
  for place = 4, #args, 2 do wrk.headers[args[place]] = args[place + 1] end
  for line in io.lines(args[1]) do
    marked = marked or line:find(mark, 1, true)
    requests[#requests + 1] = line
  end
  if not marked then
    for place, body in ipairs(requests) do requests[place] = wrk.format(nil, nil, nil, body) end
  end
end

function request()
  number = number + 1
  local one = requests[number % #requests + 1]
  if not marked then return one end
  return wrk.format(nil, nil, nil, (one:gsub(mark, string.format("%d", number))))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "bytes": %d, "failures": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
end
