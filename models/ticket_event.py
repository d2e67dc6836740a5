"""The table of changes: audit trail, history and feed at once."""

from collections.abc import Sequence

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.fields.db_defaults import SqlDefault
from tortoise.indexes import Index
from tortoise.models import Model

from models.columns import enum_column, id_column, json_column, new_id, text_column, time_column
from models.enums import TicketEventType
from models.log_entry import ACTOR_MAX_LENGTH, REQUEST_ID_MAX_LENGTH

# Keeps our advisory locks apart from those of other programs on the same database.
_LOCK_SEED = 0x7469636B6574

# Of the ticket whose id is the first parameter: what `lock_ticket` calls, for a statement
# that is a transaction of its own.
TICKET_LOCK = f"pg_advisory_xact_lock(hashtextextended($1, {_LOCK_SEED}))"
_LOCK = f"SELECT {TICKET_LOCK}"

_TRY_LOCK = """
SELECT ticket_id
FROM unnest($1::text[]) AS ticket_id
WHERE pg_try_advisory_xact_lock(hashtextextended(ticket_id, $2))
"""


class TicketEvent(Model):
    """One change of a ticket, written in the transaction of that change.

    The order is (transaction, sequence). Transactions commit out of order, so a
    reader of the feed goes only up to the oldest running one
    (``txid_snapshot_xmin``), never by the highest sequence seen. A writer takes
    the ticket's advisory lock before its transaction has a number, so that for
    one ticket this order is the order of commits.
    """

    id = id_column(primary_key=True, default=new_id)
    ticket_id = id_column()
    type = enum_column(TicketEventType)
    at = time_column()
    actor = text_column(ACTOR_MAX_LENGTH, null=True)
    request_id = text_column(REQUEST_ID_MAX_LENGTH, null=True)
    # A list of {"field": GraphQL name, "before": value, "after": value}.
    changes = json_column()
    transaction = fields.BigIntField(db_default=SqlDefault("txid_current()"))
    sequence = fields.BigIntField(db_default=SqlDefault("nextval('ticket_events_sequence')"))

    class Meta:
        table = "ticket_events"
        indexes = (
            Index(fields=("transaction", "sequence"), name="ticket_events_in_order"),
            Index(fields=("ticket_id", "transaction", "sequence"), name="ticket_events_of_ticket"),
        )


async def lock_ticket(connection: BaseDBAsyncClient, ticket_id: str) -> None:
    """Wait until no other transaction changes this ticket, and let none until ours has ended.

    Must be the first statement of its transaction, before it has a number: then the
    events of one ticket are numbered in the order of their commits. The ticket need
    not exist.
    """
    await connection.execute_query_dict(_LOCK, [ticket_id])


async def try_lock_tickets(connection: BaseDBAsyncClient, ticket_ids: Sequence[str]) -> set[str]:
    """Lock those of the tickets, as `lock_ticket` does, whose lock is free, and return them."""
    rows = await connection.execute_query_dict(_TRY_LOCK, [ticket_ids, _LOCK_SEED])
    return {row["ticket_id"] for row in rows}
