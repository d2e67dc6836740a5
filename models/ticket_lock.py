"""The advisory lock of a ticket, which every transaction that changes a ticket acquires first."""

from collections.abc import Sequence

from tortoise import BaseDBAsyncClient

__all__ = ["TICKET_LOCK", "lock_ticket", "try_lock_tickets"]

# Separates these advisory locks from locks of other programs on the same database.
_LOCK_SEED = 0x7469636B6574

# SQL expression that locks the ticket whose id is the first parameter, as `lock_ticket`
# does. For a statement that is a transaction of its own.
TICKET_LOCK = f"pg_advisory_xact_lock(hashtextextended($1, {_LOCK_SEED}))"
_LOCK = f"SELECT {TICKET_LOCK}"

_TRY_LOCK = """
SELECT ticket_id
FROM unnest($1::text[]) AS ticket_id
WHERE pg_try_advisory_xact_lock(hashtextextended(ticket_id, $2))
"""


async def lock_ticket(connection: BaseDBAsyncClient, ticket_id: str) -> None:
    """Lock a ticket until the end of the transaction, and wait if another transaction holds it.

    Call this as the first statement of the transaction, before PostgreSQL assigns a
    number to the transaction. The numbers of a ticket's events then follow the order of the
    commits. The ticket need not exist.
    """
    await connection.execute_query_dict(_LOCK, [ticket_id])


async def try_lock_tickets(connection: BaseDBAsyncClient, ticket_ids: Sequence[str]) -> set[str]:
    """Lock those tickets that are free, without waiting, and return their ids."""
    rows = await connection.execute_query_dict(_TRY_LOCK, [ticket_ids, _LOCK_SEED])
    return {row["ticket_id"] for row in rows}
