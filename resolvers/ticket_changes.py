"""Tickets created, changed and deleted: each one transaction, with its event."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from engine.database import committed, default_client, violated_constraint
from engine.tables import instance
from models import Ticket
from models.columns import new_id
from models.ticket_event import lock_ticket
from ops.withdraw import withdraw
from resolvers.context import Context
from resolvers.idempotency import claim_key, keyed_call
from resolvers.problems import Conflict, ErrorCode, NotFound
from resolvers.tables import NODE_TABLES, TICKETS
from resolvers.texts import checked_id
from resolvers.ticket_fields import (
    Fields,
    Values,
    check_metadata_size,
    checked_for_create,
    checked_for_update,
    metadata_is_too_long,
)

# The fields whose changes are told, as the API names them.
_TOLD = {
    "subject": "subject",
    "description": "description",
    "status": "status",
    "priority": "priority",
    "category": "category",
    "customer_name": "customerName",
    "customer_email": "customerEmail",
    "customer_phone": "customerPhone",
    "assigned_to": "assignedTo",
    "metadata": "metadata",
}
_COLUMNS = ", ".join(column.sql for column in TICKETS.columns.values())

# One statement is one transaction: the ticket and its event, or neither.
_CREATE = f"""
WITH ticket AS (
    INSERT INTO tickets (
        id, subject, description, status, priority, category,
        customer_name, customer_email, customer_phone, assigned_to, metadata
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb)
    RETURNING {_COLUMNS}
), event AS (
    INSERT INTO ticket_events (id, ticket_id, type, at, actor, request_id, changes)
    SELECT $12, id, 'created', created_at, $13, $14, $15::jsonb
    FROM ticket
)
SELECT * FROM ticket
"""

_ID_IS_TAKEN = " UNION ALL ".join(
    f"SELECT 1 FROM {table.name} WHERE {table.key} = $1"
    for table in NODE_TABLES
    if table is not TICKETS
)

# The row as it is, and what its metadata would become in PostgreSQL's own writing
# of it: both read under the row's lock.
_FIND_FOR_CHANGE = f"""
SELECT
    {_COLUMNS},
    CASE WHEN $3 THEN jsonb_merge_patch(metadata, $2::jsonb) ELSE $2::jsonb END AS new_metadata
FROM tickets
WHERE id = $1
FOR UPDATE
"""

_RECORD_CHANGE = f"""
WITH ticket AS (
    UPDATE tickets
    SET %s, version = version + 1, updated_at = clock_timestamp()
    WHERE id = $1
    RETURNING {_COLUMNS}
), event AS (
    INSERT INTO ticket_events (id, ticket_id, type, at, actor, request_id, changes)
    SELECT $2, id, 'updated', updated_at, $3, $4, $5::jsonb
    FROM ticket
)
SELECT * FROM ticket
"""

_DELETE = """
WITH ticket AS (
    DELETE FROM tickets
    WHERE id = $1
    RETURNING id
)
INSERT INTO ticket_events (id, ticket_id, type, at, actor, request_id, changes)
SELECT $2, id, 'deleted', clock_timestamp(), $3, $4, $5::jsonb
FROM ticket
"""


async def create_ticket(
    context: Context, fields: Fields, *, idempotency_key: str | None = None
) -> Ticket:
    """Make a ticket; raises Problems, or Conflict where its id is taken or the key was used."""
    values = checked_for_create(fields)
    call = keyed_call(context.caller, idempotency_key, "createTicket", values)
    id = values.get("id") or new_id()  # noqa: A001  # the domain's word
    try:
        if call is None:
            ticket = await _create(default_client(), context, id, values)
            committed()
            return ticket
        async with in_transaction() as connection:
            earlier = await claim_key(connection, call, id)
            if earlier is None:
                return await _create(connection, context, id, values)
            return await _get(connection, earlier)
    except Conflict as conflict:
        if conflict.code is ErrorCode.ALREADY_EXISTS:
            conflict.current = await Ticket.get_or_none(id=id)
        raise


async def update_ticket(
    context: Context,
    id: str,  # the domain's word
    fields: Fields,
    *,
    expected_version: int | None = None,
) -> Ticket:
    """Change the given fields; one that is absent stays, and what is as it was is no change.

    Raises Problems, NotFound, or Conflict unless the ticket has the expected version.
    """
    checked_id(id, "id")
    values = checked_for_update(fields)
    is_patch = "metadata_patch" in values
    given_metadata = values.pop("metadata_patch") if is_patch else values.get("metadata")
    async with in_transaction() as connection:
        await lock_ticket(connection, id)
        ticket, new_metadata = await _find_for_change(
            connection, id, expected_version, metadata=given_metadata, is_patch=is_patch
        )
        if is_patch or "metadata" in values:
            name = "metadata_patch" if is_patch else "metadata"
            values["metadata"] = new_metadata and check_metadata_size(new_metadata, name)
        changed = {name: value for name, value in values.items() if getattr(ticket, name) != value}
        if not changed:
            return ticket
        assignments = ", ".join(
            f'"{name}" = ${number}' for number, name in enumerate(changed, start=6)
        )
        [row] = await connection.execute_query_dict(
            _RECORD_CHANGE % assignments,
            [
                id,
                new_id(),
                context.caller.name,
                context.request_id,
                _changes(_told(ticket), _told(ticket) | changed),
                *changed.values(),
            ],
        )
        return instance(Ticket, row)


async def delete_ticket(
    context: Context,
    id: str,  # the domain's word
    *,
    expected_version: int | None = None,
) -> str:
    """Delete a ticket, cancel its pending delivery, and return its id; its log and history stay.

    Raises NotFound, or Conflict unless the ticket has the expected version.
    """
    checked_id(id, "id")
    async with in_transaction() as connection:
        await lock_ticket(connection, id)
        ticket, _ = await _find_for_change(connection, id, expected_version)
        await withdraw(connection, id)
        await connection.execute_query_dict(
            _DELETE,
            [
                id,
                new_id(),
                context.caller.name,
                context.request_id,
                _changes(_told(ticket), {}),
            ],
        )
    return id


async def _create(
    connection: BaseDBAsyncClient,
    context: Context,
    id: str,  # the domain's word
    values: Values,
) -> Ticket:
    ticket = Ticket(**(values | {"id": id}))
    # An id is unique among all that `node` finds; those that we make are so by themselves.
    if "id" in values and await connection.execute_query_dict(_ID_IS_TAKEN, [id]):
        raise _id_is_taken()
    try:
        [row] = await connection.execute_query_dict(
            _CREATE,
            [
                id,
                *(getattr(ticket, name) for name in _TOLD),
                new_id(),
                context.caller.name,
                context.request_id,
                _changes({}, _told(ticket)),
            ],
        )
    except IntegrityError as error:
        if violated_constraint(error) == "tickets_pkey":
            raise _id_is_taken() from None
        if violated_constraint(error) == "tickets_metadata_check":
            raise metadata_is_too_long("metadata") from None
        raise
    return instance(Ticket, row)


def _id_is_taken() -> Conflict:
    return Conflict(ErrorCode.ALREADY_EXISTS, "This id is already taken.", "id")


async def _get(connection: BaseDBAsyncClient, id: str) -> Ticket:  # the domain's word
    ticket = await Ticket.get_or_none(id=id, using_db=connection)
    if ticket is None:
        raise NotFound("ticket", id, "idempotency_key")
    return ticket


async def _find_for_change(
    connection: BaseDBAsyncClient,
    id: str,  # the domain's word
    expected_version: int | None,
    *,
    metadata: str | None = None,
    is_patch: bool = False,
) -> tuple[Ticket, str | None]:
    """Return the ticket, locked, and its new metadata: the given value, or that merged in."""
    given = "null" if metadata is None else metadata
    rows = await connection.execute_query_dict(_FIND_FOR_CHANGE, [id, given, is_patch])
    if not rows:
        raise NotFound("ticket", id, "id")
    new_metadata: str = rows[0].pop("new_metadata")
    ticket = instance(Ticket, rows[0])
    if expected_version is not None and ticket.version != expected_version:
        message = (
            f"The ticket has version {ticket.version}, not {expected_version}:"
            " someone else has changed it."
        )
        raise Conflict(ErrorCode.VERSION_CONFLICT, message, "expected_version", current=ticket)
    return ticket, None if new_metadata == "null" else new_metadata


def _told(ticket: Ticket) -> dict[str, Any]:
    return {name: getattr(ticket, name) for name in _TOLD}


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return what differs, as JSON text; a value is written as the API writes it."""
    return orjson.dumps(
        [
            {
                "field": field,
                "before": _written(name, before.get(name)),
                "after": _written(name, after.get(name)),
            }
            for name, field in _TOLD.items()
            if before.get(name) != after.get(name)
        ]
    ).decode()


def _written(name: str, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, StrEnum):
        return value.name
    return orjson.Fragment(value) if name == "metadata" else value
