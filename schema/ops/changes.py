"""Mutations of deliveries: input, payload and resolver of each, side by side."""

from typing import TYPE_CHECKING, Annotated, TypeAlias, cast

import strawberry
from strawberry import UNSET

from resolvers import deliveries
from schema.common.errors import ERRORS, UserError, returns_errors, user_errors
from schema.common.inputs import IDEMPOTENCY_KEY, Data, input_object
from schema.common.node import Info
from schema.ops.delivery import OpsDelivery
from schema.ops.log_entry import LogEntry
from schema.preparation.fast_resolver import fast_resolver

if TYPE_CHECKING:
    from schema.tickets.ticket import Ticket

LazyTicket: TypeAlias = Annotated["Ticket", strawberry.lazy("schema.tickets.ticket")]

_LOG_ENTRY = "Log entry of the attempt that this mutation made; null if it made none."


@strawberry.input(description="Input for `sendToOps`.")
class SendToOpsInput:
    ticket_id: strawberry.ID = strawberry.field(description="Id of the ticket.")
    idempotency_key: str | None = strawberry.field(default=UNSET, description=IDEMPOTENCY_KEY)


@strawberry.type(description="Result of `sendToOps`.")
class SendToOpsPayload:
    ticket: LazyTicket | None = strawberry.field(
        default=None, description="The ticket after the mutation; null if it was not found."
    )
    delivery: OpsDelivery | None = strawberry.field(
        default=None, description="The new delivery, or the one that was already PENDING."
    )
    log_entry: LogEntry | None = strawberry.field(default=None, description=_LOG_ENTRY)
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


@fast_resolver
@returns_errors(SendToOpsPayload, "input")
async def send_to_ops(
    info: Info, input: Annotated[Data, input_object(SendToOpsInput)]
) -> SendToOpsPayload:
    """Resolve `sendToOps`."""
    sent = await deliveries.send_to_ops(info.context, **input)
    return SendToOpsPayload(
        ticket=cast("Ticket", sent.ticket),
        delivery=cast("OpsDelivery", sent.delivery),
        log_entry=cast("LogEntry | None", sent.log_entry),
        errors=user_errors([sent.error], "input"),
    )


@strawberry.input(description="Input for `retryDelivery`.")
class RetryDeliveryInput:
    delivery_id: strawberry.ID = strawberry.field(description="Id of the delivery.")


@strawberry.type(description="Result of `retryDelivery`.")
class RetryDeliveryPayload:
    delivery: OpsDelivery | None = strawberry.field(
        default=None, description="The delivery after the mutation; null if it was not retried."
    )
    log_entry: LogEntry | None = strawberry.field(default=None, description=_LOG_ENTRY)
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


@fast_resolver
@returns_errors(RetryDeliveryPayload, "input")
async def retry_delivery(
    info: Info, input: Annotated[Data, input_object(RetryDeliveryInput)]
) -> RetryDeliveryPayload:
    """Resolve `retryDelivery`."""
    retried = await deliveries.retry_delivery(info.context, **input)
    return RetryDeliveryPayload(
        delivery=cast("OpsDelivery", retried.delivery),
        log_entry=cast("LogEntry | None", retried.log_entry),
        errors=user_errors([retried.error], "input"),
    )


@strawberry.input(description="Input for `cancelDelivery`.")
class CancelDeliveryInput:
    delivery_id: strawberry.ID = strawberry.field(description="Id of the delivery.")


@strawberry.type(description="Result of `cancelDelivery`.")
class CancelDeliveryPayload:
    delivery: OpsDelivery | None = strawberry.field(
        default=None, description="The cancelled delivery; null if there are errors."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


@fast_resolver
@returns_errors(CancelDeliveryPayload, "input")
async def cancel_delivery(
    info: Info, input: Annotated[Data, input_object(CancelDeliveryInput)]
) -> CancelDeliveryPayload:
    """Resolve `cancelDelivery`."""
    delivery = await deliveries.cancel_delivery(info.context, **input)
    return CancelDeliveryPayload(delivery=cast("OpsDelivery", delivery))
