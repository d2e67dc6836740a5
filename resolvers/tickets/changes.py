"""Create, update and delete tickets: one transaction each, which also records the event."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeAlias

import asyncpg
from tortoise import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from engine.database.commits import notify_commit
from engine.database.errors import violated_constraint
from engine.database.outdated_statements import repeats_outdated_statements
from engine.database.queries import fetch, write
from engine.errors import delete_tracebacks
from engine.sql.queries import Loaded
from models import Ticket
from models.columns import new_id
from models.ticket import NEW_TICKET
from models.ticket_lock import locked_transaction, ticket_transaction, ticket_turn
from ops.delivery.cancellation import cancel_pending
from resolvers.context import Context
from resolvers.errors import ApiErrors, Conflict, ErrorCode, NotFound
from resolvers.idempotency import claim_key, key_turn, keyed_call
from resolvers.rejections import ignored_change, reports_rejections
from resolvers.tables import TICKETS
from resolvers.text_validation import checked_id
from resolvers.tickets.conflicts import id_is_taken, id_was_used, version_conflict
from resolvers.tickets.event_changes import all_changes
from resolvers.tickets.statements import (
    AUDITED_FIELDS,
    CREATE,
    DELETE,
    FIND,
    FIND_LOCKED,
    ID_USE,
    update_statement,
)
from resolvers.tickets.unchanged import fields_to_compare, may_be_unchanged, without_unchanged
from resolvers.tickets.validation import (
    Fields,
    Values,
    checked_for_create,
    checked_for_update,
    metadata_is_too_long,
)

_Fetch: TypeAlias = Callable[[str, Sequence[Any]], Awaitable[Sequence[Any]]]


@reports_rejections()
@repeats_outdated_statements
async def create_ticket(
    context: Context, fields: Fields, *, idempotency_key: str | None = None
) -> Loaded[Ticket]:
    """Create a ticket; raises ApiErrors, or Conflict if its id or the key was used before."""
    values = checked_for_create(fields)
    call = keyed_call(context.caller, idempotency_key, "createTicket", values)
    id = values.get("id") or new_id()  # noqa: A001  # the name of the column
    is_chosen = "id" in values
    try:
        if call is None and not is_chosen:
            ticket = await _create(write, context, id, values)
            notify_commit()
            return ticket
        async with (
            nullcontext() if call is None else key_turn(call),
            # The lock excludes that a ticket of this id is deleted between check and creation.
            ticket_transaction(id) if is_chosen else in_transaction() as connection,
        ):
            earlier = None if call is None else await claim_key(connection, call, id)
            if earlier is not None:
                return await _get(connection, earlier)
            if is_chosen:
                await _check_unused(connection, id)
            return await _create(partial(_fetch_in_transaction, connection), context, id, values)
    except Conflict as conflict:
        if conflict.code is ErrorCode.ALREADY_EXISTS:
            conflict.current = await Ticket.get_or_none(id=id)
        raise


@reports_rejections()
@repeats_outdated_statements
async def update_ticket(
    context: Context,
    id: str,
    fields: Fields,
    *,
    expected_version: int | None = None,
) -> Loaded[Ticket]:
    """Update these fields. An update that changes nothing does not increment ``version``.

    Fields that do not change are not checked. Raises ApiErrors, NotFound, or Conflict unless the
    ticket has the expected version.
    """
    checked_id(id, "id")
    failure: ApiErrors | None = None
    values: Values = {}
    try:
        values = checked_for_update(fields)
    except ApiErrors as invalid:
        if not may_be_unchanged(fields, invalid):
            raise
        delete_tracebacks(invalid)
        failure = invalid
    compared = fields_to_compare(fields, failure)
    if compared:
        async with ticket_transaction(id) as connection:
            fetch_rows = partial(_fetch_in_transaction, connection)
            rows = await fetch_rows(FIND_LOCKED, [id])
            if failure is not None and not rows:
                raise ApiErrors(failure.errors)
            ticket = _found(rows, id).instance
            values = checked_for_update(without_unchanged(fields, compared, ticket))
            updated, _ = await _update(
                fetch_rows, fetch_rows, context, id, values, expected_version
            )
            return updated
    updated, is_changed = await _update(fetch, _fetch_locked, context, id, values, expected_version)
    if is_changed:
        notify_commit()
    return updated


async def _update(  # noqa: PLR0917  # the parts of one statement
    fetch_rows: _Fetch,
    fetch_locked: _Fetch,
    context: Context,
    id: str,
    values: Values,
    expected_version: int | None,
) -> tuple[Loaded[Ticket], bool]:
    """Update a ticket with checked values; return it, and whether it was changed."""
    is_patch = "metadata_patch" in values
    if is_patch:
        values["metadata"] = values.pop("metadata_patch")
    if not values:
        return _found(await fetch_rows(FIND, [id]), id, expected_version), False
    try:
        rows = await fetch_locked(
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
    except (asyncpg.CheckViolationError, IntegrityError) as error:
        if violated_constraint(error) == "tickets_metadata_check":
            raise metadata_is_too_long("metadata_patch" if is_patch else "metadata") from None
        raise
    version, differs, *record = rows[0]
    if version is None:
        raise NotFound("ticket", id, "id")
    if record[0] is not None:
        return Loaded(TICKETS, record), True
    # Nothing was changed. The version that the statement read tells why; the current version may
    # differ, because another transaction may have changed the ticket since.
    ticket = _found(await fetch_rows(FIND, [id]), id)
    if expected_version is not None and version != expected_version:
        raise version_conflict(version, expected_version, ticket)
    if differs:
        raise ignored_change(TICKETS.name)
    return ticket, False


@reports_rejections(is_deletion=True)
@repeats_outdated_statements
async def delete_ticket(
    context: Context,
    id: str,
    *,
    expected_version: int | None = None,
) -> str:
    """Delete a ticket, cancel its pending delivery, and return its id; log and history are kept.

    Raises NotFound, or Conflict unless the ticket has the expected version.
    """
    checked_id(id, "id")
    async with ticket_transaction(id) as connection:
        rows = await _fetch_in_transaction(connection, FIND_LOCKED, [id])
        ticket = _found(rows, id, expected_version).instance
        await cancel_pending(connection, id)
        deleted = await connection.execute_query_dict(
            DELETE,
            [
                id,
                new_id(),
                context.caller.name,
                context.request_id,
                all_changes(
                    {name: getattr(ticket, name) for name in AUDITED_FIELDS}, is_deleted=True
                ),
            ],
        )
        if not deleted:
            raise ignored_change(TICKETS.name)
    return id


async def _create(
    fetch_rows: _Fetch,
    context: Context,
    id: str,
    values: Values,
) -> Loaded[Ticket]:
    written = {**NEW_TICKET, **values}
    written.pop("id", None)
    try:
        rows = await fetch_rows(
            CREATE,
            [
                id,
                *written.values(),
                new_id(),
                context.caller.name,
                context.request_id,
                all_changes(written),
            ],
        )
    except (asyncpg.IntegrityConstraintViolationError, IntegrityError) as error:
        if violated_constraint(error) == "tickets_pkey":
            raise id_is_taken() from None
        if violated_constraint(error) == "tickets_metadata_check":
            raise metadata_is_too_long("metadata") from None
        raise
    if not rows:
        raise ignored_change(TICKETS.name)
    return Loaded(TICKETS, rows[0])


async def _check_unused(connection: BaseDBAsyncClient, id: str) -> None:
    """Raise Conflict if `node` finds an object with this id, or if a deleted ticket had it."""
    [use] = await connection.execute_query_dict(ID_USE, [id])
    if use["is_taken"]:
        raise id_is_taken()
    if use["was_used"]:
        raise id_was_used()


async def _fetch_locked(statement: str, values: Sequence[Any]) -> Sequence[Any]:
    """Run a statement that locks the ticket whose id is its first value, if it is not locked."""
    ticket_id = values[0]
    async with ticket_turn(ticket_id):
        rows = await write(statement, values)
        if not rows:
            # Another process is changing the ticket.
            async with locked_transaction(ticket_id) as connection:
                return await _fetch_in_transaction(connection, statement, values)
        return rows


async def _fetch_in_transaction(
    connection: BaseDBAsyncClient, statement: str, values: Sequence[Any]
) -> Sequence[Any]:
    """Run a statement in the transaction of this connection."""
    _, rows = await connection.execute_query(statement, list(values))
    return rows


def _found(
    rows: Sequence[Any],
    id: str,
    expected_version: int | None = None,
) -> Loaded[Ticket]:
    """Return the ticket of the rows; raises NotFound, or Conflict for another version."""
    if not rows:
        raise NotFound("ticket", id, "id")
    ticket: Loaded[Ticket] = Loaded(TICKETS, rows[0])
    if expected_version is not None and ticket.instance.version != expected_version:
        raise version_conflict(ticket.instance.version, expected_version, ticket)
    return ticket


async def _get(
    connection: BaseDBAsyncClient,
    id: str,
) -> Loaded[Ticket]:
    rows = await _fetch_in_transaction(connection, FIND, [id])
    if not rows:
        raise NotFound("ticket", id, "idempotency_key")
    return Loaded(TICKETS, rows[0])
