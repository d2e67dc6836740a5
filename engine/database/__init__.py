"""Access to PostgreSQL: connections, statements, transactions, commit callbacks and errors.

`queries.fetch` runs a statement outside any transaction; `transactions` adapts the ORM's
transactions. `client` is the backend that Tortoise is configured with, and `pool` its connection
pool (docs/explanation/connection-pool.md). `commits` calls back after each commit, `errors`
classifies the exceptions of asyncpg, and `batching` coalesces small reads. `timeouts` are cheap
time limits, for the server too.

Start with `queries`, then read `pool`.
"""
