"""OPS clients: how this service calls the external operations system.

Every client implements `protocol.OpsClient`: submit a ticket under an idempotency key,
read its status, close. `http.HttpOps` calls a real OPS; the simulated one is
`ops.simulator.Simulator`. `circuit_breaker.CircuitBreaker` wraps either, `call.timed_call` limits
and measures one call, `response_body` and `retry_after` read responses, and `redaction` prepares
them for the log.

Start with `protocol`.
"""
