"""Delivery of tickets to OPS: send, retry, cancel, and the status there."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, Unpack

from tortoise import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError

from engine.database.errors import violated_constraint
from engine.database.outdated_statements import repeats_outdated_statements
from engine.sql.expressions import Sql
from engine.sql.queries import Page, SingleRow
from models import LogEntry, OpsDelivery, OpsRemoteStatus, OpsState, Ticket
from models.ticket_lock import ticket_transaction
from ops import (
    Attempt,
    DeliveryNotFound,
    DeliveryStateError,
    FailureKind,
    NotSent,
    OpsFailure,
)
from resolvers.context import Context
from resolvers.errors import Conflict, ErrorCode, NotFound, OpsRequestFailed
from resolvers.filter_operators import Operators, columns_condition
from resolvers.idempotency import (
    KeyedCall,
    claim_key,
    derived_id,
    earlier_result,
    key_reused,
    key_turn,
    keyed_call,
)
from resolvers.pages import PageArguments, page_of
from resolvers.rejections import reports_rejections
from resolvers.tables import DELIVERIES, NEWEST_DELIVERY_FIRST
from resolvers.text_validation import checked_id


@dataclass(frozen=True, slots=True)
class Sent:
    """Result of `send_to_ops`; ``error`` is set if the attempt failed."""

    ticket: Ticket
    delivery: OpsDelivery
    # Entry of the attempt that this call made; None if it made none.
    log_entry: LogEntry | None
    error: OpsRequestFailed | None


@dataclass(frozen=True, slots=True)
class Retried:
    """Result of `retry_delivery`; ``error`` is set if the attempt failed."""

    delivery: OpsDelivery
    log_entry: LogEntry | None
    error: OpsRequestFailed | None


@dataclass(frozen=True, slots=True)
class OpsStatus:
    """Status of a ticket as reported by OPS; ``status`` is None if OPS did not respond."""

    ticket: Ticket
    status: OpsRemoteStatus | None
    reference: str
    checked_at: datetime
    log_entry: LogEntry
    error: OpsRequestFailed | None


class OpsDeliveryFilter(TypedDict, total=False):
    """Filter of deliveries; its fields are joined by AND."""

    ticket_id: Operators
    state: Operators
    created_at: Operators


def delivery_condition(filter: OpsDeliveryFilter | None) -> Sql:
    """Return the condition for deliveries; raises InvalidInput."""
    return columns_condition(DELIVERIES, filter or {})


def find_deliveries(
    context: Context,  # noqa: ARG001  # every resolver takes it
    *,
    filter: OpsDeliveryFilter | None = None,
    **arguments: Unpack[PageArguments],
) -> Page:
    """Return a page of the matching deliveries, newest first."""
    return page_of(DELIVERIES, NEWEST_DELIVERY_FIRST, delivery_condition(filter), arguments)


def find_newest_delivery(context: Context, ticket_id: str) -> SingleRow:  # noqa: ARG001  # every resolver takes it
    """Return the newest delivery of a ticket."""
    return SingleRow(DELIVERIES, Sql('"ticket_id" = $?', (ticket_id,)), NEWEST_DELIVERY_FIRST)


@reports_rejections()
async def send_to_ops(
    context: Context, ticket_id: str, *, idempotency_key: str | None = None
) -> Sent:
    """Create a delivery of a ticket and attempt it, or return the one that is pending.

    Raises NotFound, or Conflict if the idempotency key was used with another ticket.
    """
    checked_id(ticket_id, "ticket_id")
    call = keyed_call(context.caller, idempotency_key, "sendToOps", {"ticket_id": ticket_id})
    ticket, delivery, is_new = await _find_or_request(context, ticket_id, call)
    if not is_new:
        return Sent(ticket, delivery, None, None)
    attempt = await context.deliveries.attempt(delivery, **_origin(context))
    ticket = await Ticket.get_or_none(id=ticket_id) or ticket
    return Sent(ticket, attempt.delivery, attempt.log_entry, _attempt_error(attempt))


@repeats_outdated_statements
async def _find_or_request(
    context: Context, ticket_id: str, call: KeyedCall | None
) -> tuple[Ticket, OpsDelivery, bool]:
    """Return the ticket, its delivery, and whether the delivery is new and has to be attempted."""
    async with (
        nullcontext() if call is None else key_turn(call),
        ticket_transaction(ticket_id) as connection,
    ):
        ticket = await Ticket.get_or_none(id=ticket_id, using_db=connection)
        if ticket is None:
            raise NotFound("ticket", ticket_id, "ticket_id")
        # The lock on the ticket excludes a concurrent call with the same key and ticket.
        earlier = None if call is None else await earlier_result(connection, call)
        if earlier is not None:
            delivery = await OpsDelivery.get(id=earlier, using_db=connection)
            return ticket, delivery, False
        delivery, is_new = await _request(context, connection, ticket, call)
        if call is not None:
            await claim_key(connection, call, delivery.id)
    return ticket, delivery, is_new


async def _request(
    context: Context, connection: BaseDBAsyncClient, ticket: Ticket, call: KeyedCall | None
) -> tuple[OpsDelivery, bool]:
    """Request a delivery. A key determines its id, which is the key for OPS.

    A random id would differ in a repetition after a failover that lost the first transaction.
    """
    delivery_id = None if call is None else derived_id(call)
    try:
        return await context.deliveries.request(
            connection, ticket, delivery_id=delivery_id, **_origin(context)
        )
    except IntegrityError as error:
        if violated_constraint(error) == "ops_deliveries_pkey":
            # Another process sends another ticket with this key.
            raise key_reused() from None
        raise


@reports_rejections()
async def retry_delivery(context: Context, delivery_id: str) -> Retried:
    """Set a failed or cancelled delivery back to pending and attempt it.

    Raises NotFound, or Conflict if the delivery has another state.
    """
    checked_id(delivery_id, "delivery_id")
    with _as_api_errors():
        attempt = await context.deliveries.retry(delivery_id, **_origin(context))
    return Retried(attempt.delivery, attempt.log_entry, _attempt_error(attempt))


@reports_rejections()
async def cancel_delivery(context: Context, delivery_id: str) -> OpsDelivery:
    """Cancel a pending delivery; raises NotFound, or Conflict if it is not pending."""
    checked_id(delivery_id, "delivery_id")
    with _as_api_errors():
        return await context.deliveries.cancel(delivery_id, **_origin(context))


@reports_rejections()
async def ops_status(context: Context, ticket_id: str) -> OpsStatus:
    """Query OPS for the status of a ticket, and log the response.

    Raises NotFound, or OpsRequestFailed if OPS has not accepted the ticket.
    """
    checked_id(ticket_id, "ticket_id")
    ticket = await Ticket.get_or_none(id=ticket_id)
    if ticket is None:
        raise NotFound("ticket", ticket_id, "ticket_id")
    try:
        check = await context.deliveries.check(ticket_id, **_origin(context))
    except NotSent:
        is_pending = ticket.ops_state is OpsState.PENDING
        message = (
            "OPS has not accepted this ticket yet: its delivery is pending. Try again later."
            if is_pending
            else "OPS has not accepted this ticket. Send it to OPS first."
        )
        raise OpsRequestFailed(
            ErrorCode.NOT_SENT, message, "ticket_id", retryable=is_pending
        ) from None
    status = error = None
    if isinstance(check.result, OpsFailure):
        error = _ops_request_failed(check.result, retryable=False)
    else:
        status = check.result.status
    entry = check.log_entry
    return OpsStatus(ticket, status, check.reference, entry.timestamp, entry, error)


class _Origin(TypedDict):
    actor: str | None
    request_id: str


def _origin(context: Context) -> _Origin:
    return {"actor": context.caller.name, "request_id": context.request_id}


@contextmanager
def _as_api_errors() -> Iterator[None]:
    try:
        yield
    except DeliveryNotFound as error:
        raise NotFound("delivery", error.delivery_id, "delivery_id") from None
    except DeliveryStateError as error:
        message = f"{str(error).capitalize()}."
        raise Conflict(ErrorCode.INVALID_STATE, message, "delivery_id") from None


_CODES = {
    FailureKind.TIMEOUT: ErrorCode.OPS_TIMEOUT,
    FailureKind.REJECTED: ErrorCode.OPS_REJECTED,
    FailureKind.CIRCUIT_OPEN: ErrorCode.OPS_CIRCUIT_OPEN,
}


def _attempt_error(attempt: Attempt) -> OpsRequestFailed | None:
    if attempt.failure is None:
        return None
    retryable = attempt.delivery.state is OpsState.PENDING
    retry_after_ms = None
    if retryable and attempt.retry_in_s is not None:
        retry_after_ms = round(attempt.retry_in_s * 1000)
    return _ops_request_failed(attempt.failure, retryable=retryable, retry_after_ms=retry_after_ms)


def _ops_request_failed(
    failure: OpsFailure, *, retryable: bool, retry_after_ms: int | None = None
) -> OpsRequestFailed:
    return OpsRequestFailed(
        _CODES.get(failure.kind, ErrorCode.OPS_UNAVAILABLE),
        failure.message,
        retryable=retryable,
        retry_after_ms=retry_after_ms,
    )
