"""Deliveries, as the API shows them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET

import models
from resolvers.log_entries import find_log_entries_of_delivery
from resolvers.tickets.queries import find_ticket_of
from schema.common.enums import OpsRemoteStatus, OpsState
from schema.common.inputs import given
from schema.common.node import After, Before, First, Info, Last, Node, PageInfo

if TYPE_CHECKING:
    from schema.ops.log_entry import LogEntryConnection
    from schema.tickets.ticket import Ticket


def _ticket(parent: strawberry.Parent[models.OpsDelivery], info: Info) -> Any:
    return find_ticket_of(info.context, parent.ticket_id)


def _log_entries(  # noqa: PLR0917  # the arguments of a connection
    parent: strawberry.Parent[models.OpsDelivery],
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    arguments = given(first=first, after=after, last=last, before=before)
    return find_log_entries_of_delivery(info.context, parent.id, **arguments)


@strawberry.type(
    description="One order to bring a ticket to OPS, with all its attempts."
    " Its id is the idempotency key that OPS sees."
)
class OpsDelivery(Node):
    """One order to bring a ticket to OPS, with all its attempts."""

    ticket_id: strawberry.ID = strawberry.field(
        description="The ticket's id, also once that is deleted."
    )
    ticket: Annotated["Ticket", strawberry.lazy("schema.tickets.ticket")] | None = strawberry.field(
        resolver=_ticket, description="The ticket; null once it is deleted."
    )
    state: OpsState = strawberry.field(description="How far it is; never NOT_SENT.")
    attempts: int = strawberry.field(description="How many attempts were begun.")
    reference: str | None = strawberry.field(
        description="OPS's own id of the ticket, once it has accepted it."
    )
    remote_status: OpsRemoteStatus | None = strawberry.field(
        description="As of the last answer from OPS; null before the first."
    )
    last_error: str | None = strawberry.field(
        description="Why the last attempt failed; null where none has, or after a success."
    )
    requested_by: str | None = strawberry.field(
        description="Who ordered it; null for an anonymous caller."
    )
    created_at: datetime = strawberry.field(description="When it was ordered.")
    next_attempt_at: datetime | None = strawberry.field(
        description="When the next attempt is due; null unless PENDING."
    )
    delivered_at: datetime | None = strawberry.field(description="When OPS accepted it.")
    log_entries: Annotated["LogEntryConnection", strawberry.lazy("schema.ops.log_entry")] = (
        strawberry.field(
            resolver=_log_entries, description="Its attempts and inquiries, newest first."
        )
    )

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        """Tell whether a row is one of these."""
        return isinstance(value, models.OpsDelivery)


@strawberry.type(description="A delivery in a list, with its cursor.")
class OpsDeliveryEdge:
    """A delivery in a list, with its cursor."""

    cursor: str = strawberry.field(description="Its place in the list.")
    node: OpsDelivery = strawberry.field(description="The delivery itself.")


@strawberry.type(description="A page of deliveries.")
class OpsDeliveryConnection:
    """A page of deliveries."""

    edges: list[OpsDeliveryEdge] = strawberry.field(
        description="The deliveries with their cursors."
    )
    nodes: list[OpsDelivery] = strawberry.field(description="The deliveries.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in its list.")
    total_count: int = strawberry.field(
        description="How many the whole list has; counted only when selected."
    )
