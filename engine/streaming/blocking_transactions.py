"""The open transaction that holds up the rows of all later ones."""

from typing import Any

from engine.database.queries import fetch

__all__ = ["find_blocking_transaction"]

# The numbers in these views have 32 bits. A role without privileges sees the database and the
# process of each session, but no more of the sessions of other roles.
_FIND = """
SELECT holder.datname AS database, holder.pid, holder.usename AS role, holder.application_name
FROM pg_locks AS lock
JOIN pg_stat_activity AS holder ON holder.pid = lock.pid
WHERE lock.locktype = 'transactionid'
  AND lock.mode = 'ExclusiveLock'
  AND lock.granted
  AND lock.transactionid::text::bigint = $1
UNION ALL
SELECT database, NULL, owner, gid
FROM pg_prepared_xacts
WHERE transaction::text::bigint = $1
LIMIT 1
"""
_NUMBERS = 2**32


async def find_blocking_transaction(transaction: int) -> dict[str, Any]:
    """Return the database and the process of an open transaction as fields of a log line.

    A transaction that is prepared for a two-phase commit has a name instead of a process.
    Without any field, the transaction has ended.
    """
    rows = await fetch(_FIND, [transaction % _NUMBERS])
    if not rows:
        return {}
    database, pid, role, name = rows[0]
    holder = {"prepared": name} if pid is None else {"pid": pid, "application": name}
    fields = {"database": database, "role": role, **holder}
    return {name: value for name, value in fields.items() if value}
