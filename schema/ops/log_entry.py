"""Log entries, as the API shows them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import models
from resolvers.tickets.queries import find_ticket_of
from schema.common.enums import LogAction, LogStatus
from schema.common.node import Info, Node, PageInfo
from schema.common.scalars import JSON

if TYPE_CHECKING:
    from schema.tickets.ticket import Ticket


def _ticket(parent: strawberry.Parent[models.LogEntry], info: Info) -> Any:
    return find_ticket_of(info.context, parent.ticket_id)


@strawberry.type(description="One communication with OPS, kept for good: it outlives its ticket.")
class LogEntry(Node):
    """One communication with OPS, kept for good: it outlives its ticket."""

    ticket_id: strawberry.ID = strawberry.field(
        description="The ticket's id, also once that is deleted."
    )
    ticket: Annotated["Ticket", strawberry.lazy("schema.tickets.ticket")] | None = strawberry.field(
        resolver=_ticket, description="The ticket; null once it is deleted."
    )
    delivery_id: strawberry.ID | None = strawberry.field(
        description="The delivery it belongs to; null in entries of the former service."
    )
    action: LogAction = strawberry.field(description="What was done.")
    status: LogStatus = strawberry.field(description="How it went.")
    timestamp: datetime = strawberry.field(description="When it ended.")
    response: JSON | None = strawberry.field(
        description="What OPS answered, or how it failed to: secrets masked, size capped."
    )
    attempt: int | None = strawberry.field(
        description="Which attempt of the delivery, from 1; null for QUERY."
    )
    duration_ms: int | None = strawberry.field(
        description="How long OPS took, in milliseconds; null in entries of the former service."
    )
    actor: str | None = strawberry.field(description="Who caused it; null for an anonymous caller.")
    request_id: str | None = strawberry.field(description="The request that caused it.")

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        """Tell whether a row is one of these."""
        return isinstance(value, models.LogEntry)


@strawberry.type(description="A log entry in a list, with its cursor.")
class LogEntryEdge:
    """A log entry in a list, with its cursor."""

    cursor: str = strawberry.field(description="Its place in the list.")
    node: LogEntry = strawberry.field(description="The log entry itself.")


@strawberry.type(description="A page of log entries.")
class LogEntryConnection:
    """A page of log entries."""

    edges: list[LogEntryEdge] = strawberry.field(description="The log entries with their cursors.")
    nodes: list[LogEntry] = strawberry.field(description="The log entries.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in its list.")
    total_count: int = strawberry.field(
        description="How many the whole list has; counted only when selected."
    )
