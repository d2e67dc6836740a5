"""The LogEntry type."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import models
from resolvers.tickets.queries import find_ticket_of
from schema.common.enums import LogAction, LogStatus
from schema.common.node import Info, Node
from schema.common.scalars import JSON
from schema.preparation.fast_resolver import fast_resolver
from schema.preparation.row_types import rows_of

if TYPE_CHECKING:
    from schema.tickets.ticket import Ticket


@fast_resolver
def _ticket(parent: strawberry.Parent[models.LogEntry], info: Info) -> Any:
    return find_ticket_of(info.context, parent.ticket_id)


@strawberry.type(description="One communication with OPS. Kept after its ticket is deleted.")
class LogEntry(Node):
    ticket_id: strawberry.ID = strawberry.field(
        description="Id of the ticket; kept after the ticket is deleted."
    )
    ticket: Annotated["Ticket", strawberry.lazy("schema.tickets.ticket")] | None = strawberry.field(
        resolver=_ticket, description="The ticket; null if it was deleted."
    )
    delivery_id: strawberry.ID | None = strawberry.field(
        description="Id of the delivery; null in entries of the former service."
    )
    action: LogAction = strawberry.field(description="Kind of communication.")
    status: LogStatus = strawberry.field(description="Result of the communication.")
    timestamp: datetime = strawberry.field(description="Time at which the communication ended.")
    response: JSON | None = strawberry.field(
        description="Response of OPS or a description of the failure, with secrets masked and size"
        " limited; null if there is neither."
    )
    attempt: int | None = strawberry.field(
        description="Number of the attempt, from 1; null for QUERY and in entries of the former"
        " service."
    )
    duration_ms: int | None = strawberry.field(
        description="Duration of the call in milliseconds; null in entries of the former service."
    )
    actor: str | None = strawberry.field(
        description="Name of the caller who caused it; null if anonymous."
    )
    request_id: str | None = strawberry.field(
        description="Id of the request that caused it (`X-Request-Id`)."
    )

    is_type_of = rows_of(models.LogEntry)
