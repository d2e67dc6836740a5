"""Tickets created, changed and deleted: each one transaction, with its event."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import asyncpg
import orjson
from tortoise import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from engine.database.commits import notify_commit
from engine.database.errors import violated_constraint
from engine.database.queries import fetch
from engine.sql.queries import Loaded
from engine.sql.tables import Column
from models import Ticket, TicketPriority, TicketStatus
from models.columns import new_id
from models.ticket_lock import lock_ticket
from ops.delivery.cancellation import cancel_pending
from resolvers.context import Context
from resolvers.errors import Conflict, ErrorCode, NotFound
from resolvers.idempotency import claim_key, keyed_call
from resolvers.tables import TICKETS
from resolvers.text_validation import checked_id
from resolvers.tickets.statements import (
    AUDITED_FIELDS,
    CREATE,
    DELETE,
    FIND,
    FIND_FOR_DELETION,
    ID_IS_TAKEN,
    update_statement,
)
from resolvers.tickets.validation import (
    Fields,
    Values,
    checked_for_create,
    checked_for_update,
    metadata_is_too_long,
)

# What a new ticket has where nothing else is said.
_NEW: Mapping[str, Any] = dict.fromkeys(AUDITED_FIELDS) | {
    "status": TicketStatus.OPEN,
    "priority": TicketPriority.MEDIUM,
    "category": "general",
}
_Fetch: TypeAlias = Callable[[str, Sequence[Any]], Awaitable[Sequence[Any]]]


async def create_ticket(
    context: Context, fields: Fields, *, idempotency_key: str | None = None
) -> Loaded[Ticket]:
    """Make a ticket; raises ApiErrors, or Conflict where its id is taken or the key was used."""
    values = checked_for_create(fields)
    call = keyed_call(context.caller, idempotency_key, "createTicket", values)
    id = values.get("id") or new_id()  # noqa: A001  # the name of the column
    try:
        if call is None:
            ticket = await _create(fetch, context, id, values)
            notify_commit()
            return ticket
        async with in_transaction() as connection:
            earlier = await claim_key(connection, call, id)
            if earlier is None:
                return await _create(partial(_fetch_by, connection), context, id, values)
            return await _get(connection, earlier)
    except Conflict as conflict:
        if conflict.code is ErrorCode.ALREADY_EXISTS:
            conflict.current = await Ticket.get_or_none(id=id)
        raise


async def update_ticket(
    context: Context,
    id: str,
    fields: Fields,
    *,
    expected_version: int | None = None,
) -> Loaded[Ticket]:
    """Change the given fields; one that is absent stays, and what is as it was is no change.

    Raises ApiErrors, NotFound, or Conflict unless the ticket has the expected version.
    """
    checked_id(id, "id")
    values = checked_for_update(fields)
    is_patch = "metadata_patch" in values
    if is_patch:
        values["metadata"] = values.pop("metadata_patch")
    if not values:
        return _found(await fetch(FIND, [id]), id, expected_version)
    try:
        rows = await fetch(
            update_statement(tuple(values), is_patch=is_patch),
            [
                id,
                expected_version,
                new_id(),
                context.caller.name,
                context.request_id,
                *values.values(),
            ],
        )
    except asyncpg.CheckViolationError as error:
        if error.constraint_name == "tickets_metadata_check":
            raise metadata_is_too_long("metadata_patch" if is_patch else "metadata") from None
        raise
    if not rows:
        raise NotFound("ticket", id, "id")
    version, *record = rows[0]
    if record[0] is not None:
        notify_commit()
        return Loaded(TICKETS, record)
    # It was not changed: what it is now does not decide why, for others may have changed it.
    ticket = _found(await fetch(FIND, [id]), id)
    if expected_version is not None and version != expected_version:
        raise _version_conflict(version, expected_version, ticket)
    return ticket


async def delete_ticket(
    context: Context,
    id: str,
    *,
    expected_version: int | None = None,
) -> str:
    """Delete a ticket, cancel its pending delivery, and return its id; its log and history stay.

    Raises NotFound, or Conflict unless the ticket has the expected version.
    """
    checked_id(id, "id")
    async with in_transaction() as connection:
        await lock_ticket(connection, id)
        rows = await _fetch_by(connection, FIND_FOR_DELETION, [id])
        gone = _found(rows, id, expected_version).instance
        await cancel_pending(connection, id)
        await connection.execute_query_dict(
            DELETE,
            [
                id,
                new_id(),
                context.caller.name,
                context.request_id,
                _changes({name: getattr(gone, name) for name in AUDITED_FIELDS}, is_gone=True),
            ],
        )
    return id


async def _create(
    fetch_rows: _Fetch,
    context: Context,
    id: str,
    values: Values,
) -> Loaded[Ticket]:
    # An id is unique among all that `node` finds; those that we make are so by themselves.
    if "id" in values and await fetch_rows(ID_IS_TAKEN, [id]):
        raise _id_is_taken()
    told = {**_NEW, **values}
    told.pop("id", None)
    try:
        [row] = await fetch_rows(
            CREATE,
            [
                id,
                *told.values(),
                new_id(),
                context.caller.name,
                context.request_id,
                _changes(told),
            ],
        )
    except (asyncpg.IntegrityConstraintViolationError, IntegrityError) as error:
        if violated_constraint(error) == "tickets_pkey":
            raise _id_is_taken() from None
        if violated_constraint(error) == "tickets_metadata_check":
            raise metadata_is_too_long("metadata") from None
        raise
    return Loaded(TICKETS, row)


async def _fetch_by(
    connection: BaseDBAsyncClient, statement: str, values: Sequence[Any]
) -> Sequence[Any]:
    """Run a statement in a transaction."""
    _, rows = await connection.execute_query(statement, list(values))
    return rows


def _found(
    rows: Sequence[Any],
    id: str,
    expected_version: int | None = None,
) -> Loaded[Ticket]:
    """Return the ticket that was found; raises NotFound, or Conflict for another version."""
    if not rows:
        raise NotFound("ticket", id, "id")
    ticket: Loaded[Ticket] = Loaded(TICKETS, rows[0])
    if expected_version is not None and ticket.instance.version != expected_version:
        raise _version_conflict(ticket.instance.version, expected_version, ticket)
    return ticket


def _version_conflict(version: int, expected_version: int, ticket: Loaded[Ticket]) -> Conflict:
    message = (
        f"The ticket has version {version}, not {expected_version}: someone else has changed it."
    )
    return Conflict(
        ErrorCode.VERSION_CONFLICT, message, "expected_version", current=ticket.instance
    )


def _id_is_taken() -> Conflict:
    return Conflict(ErrorCode.ALREADY_EXISTS, "This id is already taken.", "id")


async def _get(
    connection: BaseDBAsyncClient,
    id: str,
) -> Loaded[Ticket]:
    rows = await _fetch_by(connection, FIND, [id])
    if not rows:
        raise NotFound("ticket", id, "idempotency_key")
    return Loaded(TICKETS, rows[0])


def _changes(told: Mapping[str, Any], *, is_gone: bool = False) -> str:
    """Return all values of a ticket that is new, or gone, as changes in JSON text."""
    values = [
        (AUDITED_FIELDS[name], _written(TICKETS.columns[name], value))
        for name, value in told.items()
        if value is not None
    ]
    return orjson.dumps(
        [
            {"field": field, "before": value, "after": None}
            if is_gone
            else {"field": field, "before": None, "after": value}
            for field, value in values
        ]
    ).decode()


def _written(column: Column, value: Any) -> Any:
    """Return a value as the API writes it."""
    if column.enum_names is not None:
        return column.enum_names[value]
    return orjson.Fragment(value) if column.is_json else value
