-- One chat request of 1.1 KB: a system prompt and a question.
local system = string.rep("Answer briefly, do not speculate, cite the source when there is one. ", 12)
wrk.method = "POST"
wrk.body = '{"model":"gpt-4o-mini","messages":[{"role":"system","content":"' .. system .. '"},{"role":"user","content":"What is the capital of France?"}],"max_tokens":100}'
wrk.headers["Content-Type"] = "application/json"

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT {\"requests\":%d,\"seconds\":%f,\"status\":%d,\"socket\":%d,\"p50_us\":%d,\"p99_us\":%d}\n",
    summary.requests, summary.duration / 1e6, e.status, e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
