"""Access to PostgreSQL: connections, statements, transactions, commit callbacks and errors.

`queries.fetch` runs a statement outside any transaction; `transactions` are those of the ORM.
`client` is the backend that Tortoise is configured with. `connecting` opens its sessions as the URL
says (`dsn`), each with the settings on which the code relies (`session`).

`pool` is its connection pool (docs/explanation/connection-pool.md). `shares` divides the
connections among callers, `memory_grants` the memory for rows, which `byte_counter` measures, and
`growth` follows the number that PostgreSQL grants. `turns` orders the requests that need the same
lock. `commits` calls back after each commit, `errors` classifies what asyncpg raises, `outages`
logs when the database becomes unavailable, and `batching` coalesces small reads. `timeouts` are
cheap time limits.

Start with `queries`, then read `pool`.
"""
