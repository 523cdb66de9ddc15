-- Sends the requests of a file, one after the other and again from the first. Argument: the file, a NUL after each request.

local requests, at = {}, 0

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   for one in file:read("*a"):gmatch("([^%z]+)%z") do
      requests[#requests + 1] = one
   end
   file:close()
end

function request()
   at = at % #requests + 1
   return requests[at]
end

function done(summary, latency)
   local errors = summary.errors
   print(string.format(
      '{"requests": %d, "microseconds": %d, "bytes": %d, "failed": %d, "p50": %d, "p99": %d}',
      summary.requests, summary.duration, summary.bytes,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      latency:percentile(50), latency:percentile(99)
   ))
end
