"""Authentication, rate limits and concurrency limits of callers, for every transport.

A caller sends an API token or a JWT as `Authorization: Bearer` (RFC 6750).
`authenticator.Authenticator` returns the caller of a request; start there. `tokens` stores API
tokens, `jwt` verifies JWTs with the keys of `key_set`, and `revocation` says how long a revoked
credential still works. `rate_limit` and `concurrency_limit` count what a caller does.
`schema.access` declares what each scope permits.
"""
