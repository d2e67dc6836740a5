"""Mutations of tickets: input, payload and resolver of each, side by side."""

from typing import Annotated, cast

import strawberry
from strawberry import UNSET

from models.ticket import DEFAULT_CATEGORY
from resolvers.tickets import changes
from schema.common.enums import TicketPriority, TicketStatus
from schema.common.errors import ERRORS, UserError, returns_errors
from schema.common.inputs import IDEMPOTENCY_KEY, Data, input_object
from schema.common.node import Info
from schema.common.scalars import JSON
from schema.preparation.fast_resolver import fast_resolver
from schema.tickets.ticket import Ticket

_EXPECTED_VERSION = (
    "Fail with VERSION_CONFLICT unless this is the ticket's current `version`; not checked by"
    " default."
)


@strawberry.input(description="Input for `createTicket`.")
class CreateTicketInput:
    id: strawberry.ID | None = strawberry.field(
        default=UNSET,
        description="Id of the ticket: 1 to 64 characters, but not `.` or `..`. The id of a deleted"
        " ticket cannot be used again. Default: a new UUIDv7.",
    )
    subject: str = strawberry.field(description="Subject line: 1 to 500 characters.")
    description: str = strawberry.field(
        description="Full text: up to 65,536 characters; may be empty."
    )
    customer_name: str = strawberry.field(description="Customer's name: 1 to 200 characters.")
    customer_email: str = strawberry.field(
        description="Customer's email address: up to 254 characters."
    )
    customer_phone: str | None = strawberry.field(
        default=UNSET, description="Customer's telephone number: 1 to 50 characters."
    )
    assigned_to: str | None = strawberry.field(
        default=UNSET, description="Assignee: 1 to 200 characters. Default: unassigned."
    )
    status: TicketStatus = strawberry.field(default=TicketStatus.OPEN, description="Status.")
    priority: TicketPriority = strawberry.field(
        default=TicketPriority.MEDIUM, description="Priority."
    )
    category: str = strawberry.field(
        default=DEFAULT_CATEGORY, description="Category: 1 to 100 characters."
    )
    metadata: JSON | None = strawberry.field(
        default=UNSET,
        description="Custom JSON value: up to 65,536 bytes and 64 levels of nesting, with numbers"
        " in the range of 64-bit floats.",
    )
    idempotency_key: str | None = strawberry.field(default=UNSET, description=IDEMPOTENCY_KEY)


@strawberry.type(description="Result of `createTicket`.")
class CreateTicketPayload:
    ticket: Ticket | None = strawberry.field(
        default=None, description="The new ticket; null if there are errors."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


@fast_resolver
@returns_errors(CreateTicketPayload, "input")
async def create_ticket(
    info: Info, input: Annotated[Data, input_object(CreateTicketInput)]
) -> CreateTicketPayload:
    """Resolve `createTicket`."""
    fields = dict(input)
    key = fields.pop("idempotency_key", None)
    if fields.get("id") is None:
        fields.pop("id", None)
    ticket = await changes.create_ticket(info.context, fields, idempotency_key=key)
    return CreateTicketPayload(ticket=cast("Ticket", ticket))


@strawberry.input(
    description="Input for `updateTicket`. Absent fields keep their value; null clears a nullable"
    " field. Fields that do not change are not checked."
)
class UpdateTicketInput:
    id: strawberry.ID = strawberry.field(description="Id of the ticket.")
    expected_version: int | None = strawberry.field(default=UNSET, description=_EXPECTED_VERSION)
    subject: str | None = strawberry.field(
        default=UNSET, description="Subject line: 1 to 500 characters; not null."
    )
    description: str | None = strawberry.field(
        default=UNSET, description="Full text: up to 65,536 characters; not null."
    )
    status: TicketStatus | None = strawberry.field(default=UNSET, description="Status; not null.")
    priority: TicketPriority | None = strawberry.field(
        default=UNSET, description="Priority; not null."
    )
    category: str | None = strawberry.field(
        default=UNSET, description="Category: 1 to 100 characters; not null."
    )
    customer_name: str | None = strawberry.field(
        default=UNSET, description="Customer's name: 1 to 200 characters; not null."
    )
    customer_email: str | None = strawberry.field(
        default=UNSET, description="Customer's email address: up to 254 characters; not null."
    )
    customer_phone: str | None = strawberry.field(
        default=UNSET,
        description="Customer's telephone number: 1 to 50 characters; null clears it.",
    )
    assigned_to: str | None = strawberry.field(
        default=UNSET, description="Assignee: 1 to 200 characters; null for unassigned."
    )
    metadata: JSON | None = strawberry.field(
        default=UNSET,
        description="Replaces the whole value; null clears it. Limits as in `CreateTicketInput`.",
    )
    metadata_patch: JSON | None = strawberry.field(
        default=UNSET,
        description="JSON merge patch (RFC 7396), applied to the stored value in one atomic step."
        " Cannot be combined with `metadata`.",
    )


@strawberry.type(description="Result of `updateTicket`.")
class UpdateTicketPayload:
    ticket: Ticket | None = strawberry.field(
        default=None, description="The updated ticket; null if there are errors."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


@fast_resolver
@returns_errors(UpdateTicketPayload, "input")
async def update_ticket(
    info: Info, input: Annotated[Data, input_object(UpdateTicketInput)]
) -> UpdateTicketPayload:
    """Resolve `updateTicket`."""
    fields = dict(input)
    ticket = await changes.update_ticket(
        info.context,
        fields.pop("id"),
        fields,
        expected_version=fields.pop("expected_version", None),
    )
    return UpdateTicketPayload(ticket=cast("Ticket", ticket))


@strawberry.input(description="Input for `deleteTicket`.")
class DeleteTicketInput:
    id: strawberry.ID = strawberry.field(description="Id of the ticket.")
    expected_version: int | None = strawberry.field(default=UNSET, description=_EXPECTED_VERSION)


@strawberry.type(description="Result of `deleteTicket`.")
class DeleteTicketPayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="Id of the deleted ticket; null if there are errors."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


@fast_resolver
@returns_errors(DeleteTicketPayload, "input")
async def delete_ticket(
    info: Info, input: Annotated[Data, input_object(DeleteTicketInput)]
) -> DeleteTicketPayload:
    """Resolve `deleteTicket`."""
    deleted_id = await changes.delete_ticket(info.context, **input)
    return DeleteTicketPayload(deleted_id=strawberry.ID(deleted_id))
