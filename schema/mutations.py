"""What can be changed: for each mutation its input, its answer and its function, side by side."""

from typing import Annotated, TypeVar, cast

import strawberry
from strawberry import UNSET

from resolvers import deliveries
from resolvers.tickets import changes as ticket_changes
from schema.common.enums import TicketPriority, TicketStatus
from schema.common.errors import UserError, returns_errors, user_errors
from schema.common.inputs import fields_of
from schema.common.node import Info
from schema.common.scalars import JSON
from schema.ops.delivery import OpsDelivery
from schema.ops.log_entry import LogEntry
from schema.tickets.ticket import Ticket

T = TypeVar("T")
Input = Annotated[T, strawberry.argument(description="What is to be done.")]

_KEY = (
    "1 to 255 characters of the caller's choice. The same key with the same input answers with"
    " the first result; with another input it is an error."
)
_ERRORS = "What the caller can mend; empty where all went well."


@strawberry.input(description="A new ticket.")
class CreateTicketInput:
    """A new ticket."""

    id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="1 to 64 characters; a UUIDv7 is made when absent."
    )
    subject: str = strawberry.field(description="What it is about: 1 to 500 characters.")
    description: str = strawberry.field(description="At length: up to 65,536 characters.")
    customer_name: str = strawberry.field(description="Who asks: 1 to 200 characters.")
    customer_email: str = strawberry.field(description="An e-mail address, up to 254 characters.")
    customer_phone: str | None = strawberry.field(default=UNSET, description="1 to 50 characters.")
    assigned_to: str | None = strawberry.field(default=UNSET, description="1 to 200 characters.")
    status: TicketStatus = strawberry.field(
        default=TicketStatus.OPEN, description="Where it stands in its life."
    )
    priority: TicketPriority = strawberry.field(
        default=TicketPriority.MEDIUM, description="How urgent it is."
    )
    category: str = strawberry.field(
        default="general", description="The kind of request: 1 to 100 characters."
    )
    metadata: JSON | None = strawberry.field(
        default=UNSET, description="Any JSON value of up to 65,536 bytes, 64 levels deep."
    )
    idempotency_key: str | None = strawberry.field(default=UNSET, description=_KEY)


@strawberry.type(description="The ticket that was made.")
class CreateTicketPayload:
    """The ticket that was made."""

    ticket: Ticket | None = strawberry.field(
        default=None, description="The new ticket; null where there are errors."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@returns_errors(CreateTicketPayload, "input")
async def _create_ticket(info: Info, input: Input[CreateTicketInput]) -> CreateTicketPayload:
    fields = fields_of(input)
    key = fields.pop("idempotency_key", None)
    if fields.get("id") is None:
        fields.pop("id", None)
    ticket = await ticket_changes.create_ticket(info.context, fields, idempotency_key=key)
    return CreateTicketPayload(ticket=cast("Ticket", ticket))


@strawberry.input(
    description="Changes of a ticket."
    " An absent field stays as it is; null clears one that may be null."
)
class UpdateTicketInput:
    """Changes of a ticket."""

    id: strawberry.ID = strawberry.field(description="The ticket's id.")
    expected_version: int | None = strawberry.field(
        default=UNSET,
        description="Refuse with VERSION_CONFLICT unless the ticket still has this version.",
    )
    subject: str | None = strawberry.field(default=UNSET, description="1 to 500 characters.")
    description: str | None = strawberry.field(
        default=UNSET, description="Up to 65,536 characters."
    )
    status: TicketStatus | None = strawberry.field(
        default=UNSET, description="Where it stands in its life."
    )
    priority: TicketPriority | None = strawberry.field(
        default=UNSET, description="How urgent it is."
    )
    category: str | None = strawberry.field(default=UNSET, description="1 to 100 characters.")
    customer_name: str | None = strawberry.field(default=UNSET, description="1 to 200 characters.")
    customer_email: str | None = strawberry.field(
        default=UNSET, description="An e-mail address, up to 254 characters."
    )
    customer_phone: str | None = strawberry.field(
        default=UNSET, description="1 to 50 characters; null clears it."
    )
    assigned_to: str | None = strawberry.field(
        default=UNSET, description="1 to 200 characters; null for nobody."
    )
    metadata: JSON | None = strawberry.field(
        default=UNSET, description="Replaces the whole value; null clears it."
    )
    metadata_patch: JSON | None = strawberry.field(
        default=UNSET,
        description="Merged into the stored value in one atomic step (RFC 7396);"
        " not together with metadata.",
    )


@strawberry.type(description="The ticket that was changed.")
class UpdateTicketPayload:
    """The ticket that was changed."""

    ticket: Ticket | None = strawberry.field(
        default=None, description="The ticket as it is now; null where there are errors."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@returns_errors(UpdateTicketPayload, "input")
async def _update_ticket(info: Info, input: Input[UpdateTicketInput]) -> UpdateTicketPayload:
    fields = fields_of(input)
    ticket = await ticket_changes.update_ticket(
        info.context,
        fields.pop("id"),
        fields,
        expected_version=fields.pop("expected_version", None),
    )
    return UpdateTicketPayload(ticket=cast("Ticket", ticket))


@strawberry.input(description="The ticket to delete.")
class DeleteTicketInput:
    """The ticket to delete."""

    id: strawberry.ID = strawberry.field(description="The ticket's id.")
    expected_version: int | None = strawberry.field(
        default=UNSET,
        description="Refuse with VERSION_CONFLICT unless the ticket still has this version.",
    )


@strawberry.type(description="The ticket that was deleted.")
class DeleteTicketPayload:
    """The ticket that was deleted."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="Its id; null where there are errors."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@returns_errors(DeleteTicketPayload, "input")
async def _delete_ticket(info: Info, input: Input[DeleteTicketInput]) -> DeleteTicketPayload:
    deleted_id = await ticket_changes.delete_ticket(info.context, **fields_of(input))
    return DeleteTicketPayload(deleted_id=strawberry.ID(deleted_id))


@strawberry.input(description="The ticket to send to OPS.")
class SendToOpsInput:
    """The ticket to send to OPS."""

    ticket_id: strawberry.ID = strawberry.field(description="The ticket's id.")
    idempotency_key: str | None = strawberry.field(default=UNSET, description=_KEY)


@strawberry.type(description="A ticket on its way to OPS.")
class SendToOpsPayload:
    """A ticket on its way to OPS."""

    ticket: Ticket | None = strawberry.field(default=None, description="The ticket as it is now.")
    delivery: OpsDelivery | None = strawberry.field(
        default=None, description="The delivery that is to bring it there."
    )
    log_entry: LogEntry | None = strawberry.field(
        default=None,
        description="Of the attempt that this call made; null when it made none.",
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@returns_errors(SendToOpsPayload, "input")
async def _send_to_ops(info: Info, input: Input[SendToOpsInput]) -> SendToOpsPayload:
    sent = await deliveries.send_to_ops(info.context, **fields_of(input))
    return SendToOpsPayload(
        ticket=cast("Ticket", sent.ticket),
        delivery=cast("OpsDelivery", sent.delivery),
        log_entry=cast("LogEntry | None", sent.log_entry),
        errors=user_errors([sent.error], "input"),
    )


@strawberry.input(description="The delivery to try again.")
class RetryDeliveryInput:
    """The delivery to try again."""

    delivery_id: strawberry.ID = strawberry.field(description="The delivery's id.")


@strawberry.type(description="A delivery that is tried again.")
class RetryDeliveryPayload:
    """A delivery that is tried again."""

    delivery: OpsDelivery | None = strawberry.field(
        default=None, description="The delivery as it is now."
    )
    log_entry: LogEntry | None = strawberry.field(
        default=None,
        description="Of the attempt that this call made; null when it made none.",
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@returns_errors(RetryDeliveryPayload, "input")
async def _retry_delivery(info: Info, input: Input[RetryDeliveryInput]) -> RetryDeliveryPayload:
    retried = await deliveries.retry_delivery(info.context, **fields_of(input))
    return RetryDeliveryPayload(
        delivery=cast("OpsDelivery", retried.delivery),
        log_entry=cast("LogEntry | None", retried.log_entry),
        errors=user_errors([retried.error], "input"),
    )


@strawberry.input(description="The delivery to stop.")
class CancelDeliveryInput:
    """The delivery to stop."""

    delivery_id: strawberry.ID = strawberry.field(description="The delivery's id.")


@strawberry.type(description="A delivery that was stopped.")
class CancelDeliveryPayload:
    """A delivery that was stopped."""

    delivery: OpsDelivery | None = strawberry.field(
        default=None, description="The delivery as it is now."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@returns_errors(CancelDeliveryPayload, "input")
async def _cancel_delivery(info: Info, input: Input[CancelDeliveryInput]) -> CancelDeliveryPayload:
    delivery = await deliveries.cancel_delivery(info.context, **fields_of(input))
    return CancelDeliveryPayload(delivery=cast("OpsDelivery", delivery))


@strawberry.type(description="What can be changed. Each mutation is one transaction.")
class Mutation:
    """What can be changed."""

    create_ticket: CreateTicketPayload = strawberry.field(
        resolver=_create_ticket, description="Makes a ticket."
    )
    update_ticket: UpdateTicketPayload = strawberry.field(
        resolver=_update_ticket,
        description="Changes a ticket. What is as it was is no change: it raises no version.",
    )
    delete_ticket: DeleteTicketPayload = strawberry.field(
        resolver=_delete_ticket,
        description="Deletes a ticket and stops its delivery. Its log entries and history stay.",
    )
    send_to_ops: SendToOpsPayload = strawberry.field(
        resolver=_send_to_ops,
        description="Makes a delivery, tries it once at once, and keeps trying in the background"
        " until it is delivered, rejected, given up or cancelled."
        " While one is PENDING, answers with that one.",
    )
    retry_delivery: RetryDeliveryPayload = strawberry.field(
        resolver=_retry_delivery,
        description="Puts a FAILED or CANCELLED delivery back to PENDING and tries it at once.",
    )
    cancel_delivery: CancelDeliveryPayload = strawberry.field(
        resolver=_cancel_delivery, description="Stops a PENDING delivery."
    )
