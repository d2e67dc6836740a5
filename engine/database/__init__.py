"""Access to PostgreSQL: connections, statements, transactions, commit callbacks and errors.

`queries.fetch` runs a statement outside any transaction; `transactions` are those of the ORM.
`client` is the backend that Tortoise is configured with, and `pool` its connection pool
(docs/explanation/connection-pool.md), which `shares` divides among callers. `turns` orders the
requests that need the same lock. `commits` calls back after each commit, `errors` classifies
what asyncpg raises, and `batching` coalesces small reads. `timeouts` are cheap time limits.

Start with `queries`, then read `pool`.
"""
