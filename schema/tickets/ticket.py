"""Tickets, as the API shows them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET

import models
from resolvers.deliveries import find_newest_delivery
from resolvers.log_entries import find_log_entries_of_ticket
from resolvers.tickets.history import find_history
from schema.common.enums import OpsState, TicketPriority, TicketStatus
from schema.common.filters import LogEntryFilter
from schema.common.inputs import given
from schema.common.node import After, Before, First, Info, Last, Node, PageInfo
from schema.common.scalars import JSON

if TYPE_CHECKING:
    from schema.ops.delivery import OpsDelivery
    from schema.ops.log_entry import LogEntryConnection
    from schema.tickets.event import TicketEventConnection


def _delivery(parent: strawberry.Parent[models.Ticket], info: Info) -> Any:
    return find_newest_delivery(info.context, parent.id)


def _log_entries(  # noqa: PLR0917  # the arguments of a connection
    parent: strawberry.Parent[models.Ticket],
    info: Info,
    filter: Annotated[
        LogEntryFilter | None, strawberry.argument(description="Which of them; all by default.")
    ] = UNSET,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    arguments = given(filter=filter, first=first, after=after, last=last, before=before)
    return find_log_entries_of_ticket(info.context, parent.id, **arguments)


def _history(  # noqa: PLR0917  # the arguments of a connection
    parent: strawberry.Parent[models.Ticket],
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    arguments = given(first=first, after=after, last=last, before=before)
    return find_history(info.context, parent.id, **arguments)


@strawberry.type(description="A customer's request, from its opening to its closing.")
class Ticket(Node):
    """A customer's request, from its opening to its closing."""

    subject: str = strawberry.field(description="What it is about, in a line: 1 to 500 characters.")
    description: str = strawberry.field(
        description="What it is about, at length: up to 65,536 characters."
    )
    status: TicketStatus = strawberry.field(description="Where it stands in its life.")
    priority: TicketPriority = strawberry.field(description="How urgent it is.")
    category: str = strawberry.field(description="The kind of request: 1 to 100 characters.")
    customer_name: str = strawberry.field(description="Who asks.")
    customer_email: str = strawberry.field(description="Where the answer goes.")
    customer_phone: str | None = strawberry.field(description="Where the customer can be called.")
    assigned_to: str | None = strawberry.field(description="Who works on it; null for nobody.")
    metadata: JSON | None = strawberry.field(
        description="Whatever else is known of it; answered exactly as stored."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(
        description="When it last changed, its way to OPS included."
    )
    version: int = strawberry.field(
        description="Counts changes from 1; send it back as expectedVersion to avoid overwriting"
        " another change. A step on the way to OPS, which no update overwrites, is not counted."
    )
    ops_state: OpsState = strawberry.field(
        description="Where it stands on its way to OPS: the state of its newest delivery."
    )
    delivery: Annotated["OpsDelivery", strawberry.lazy("schema.ops.delivery")] | None = (
        strawberry.field(
            resolver=_delivery,
            description="The newest delivery of this ticket to OPS; null while NOT_SENT.",
        )
    )
    log_entries: Annotated["LogEntryConnection", strawberry.lazy("schema.ops.log_entry")] = (
        strawberry.field(
            resolver=_log_entries, description="Its communications with OPS, newest first."
        )
    )
    history: Annotated["TicketEventConnection", strawberry.lazy("schema.tickets.event")] = (
        strawberry.field(resolver=_history, description="Its changes, newest first.")
    )

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        """Tell whether a row is one of these."""
        return isinstance(value, models.Ticket)


@strawberry.type(description="A ticket in a list, with its cursor.")
class TicketEdge:
    """A ticket in a list, with its cursor."""

    cursor: str = strawberry.field(description="Its place in the list.")
    node: Ticket = strawberry.field(description="The ticket itself.")


@strawberry.type(description="A page of tickets.")
class TicketConnection:
    """A page of tickets."""

    edges: list[TicketEdge] = strawberry.field(description="The tickets with their cursors.")
    nodes: list[Ticket] = strawberry.field(description="The tickets.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in its list.")
    total_count: int = strawberry.field(
        description="How many the whole list has; counted only when selected."
    )
