"""Access to PostgreSQL: connections, statements, transactions, commit callbacks and errors.

Start with `queries`, which runs statements outside transactions; `transactions` are those of the
ORM, and `client` is its backend. `connecting` opens sessions for a URL (`dsn`) with the settings of
`session`. `pool` reuses them (docs/explanation/connection-pool.md): `shares` divides them among
callers, `growth` adapts to the number that PostgreSQL grants, and `memory_grants` limits the rows
in memory, counted by `byte_counter` and `text_memory`. `turns` orders requests that need the same
lock. `commit_waits` keeps connections whose commits wait for a standby; `commit_lookup` ends that.
`caller_reads` runs reads on one of the `replicas` that has replayed their caller's last change.
`commits` calls back after commits, `outages` logs `errors`, and `batching` coalesces small reads.
"""
