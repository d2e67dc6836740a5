"""The OpsDelivery type."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET

import models
from resolvers.log_entries import find_log_entries_of_delivery
from resolvers.tickets.queries import find_ticket_of
from schema.common.connection import After, Before, Connection, First, Last
from schema.common.enums import OpsRemoteStatus, OpsState
from schema.common.inputs import without_unset
from schema.common.node import Info, Node
from schema.preparation.fast_resolver import fast_resolver
from schema.preparation.row_types import rows_of

if TYPE_CHECKING:
    from schema.ops.log_entry import LogEntry
    from schema.tickets.ticket import Ticket


@fast_resolver
def _ticket(parent: strawberry.Parent[models.OpsDelivery], info: Info) -> Any:
    return find_ticket_of(info.context, parent.ticket_id)


@fast_resolver
def _log_entries(  # noqa: PLR0917  # the arguments of a connection
    parent: strawberry.Parent[models.OpsDelivery],
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    arguments = without_unset(first=first, after=after, last=last, before=before)
    return find_log_entries_of_delivery(info.context, parent.id, **arguments)


@strawberry.type(
    description="Delivery of one ticket to OPS, with all its attempts. Its id is the idempotency"
    " key sent to OPS."
)
class OpsDelivery(Node):
    ticket_id: strawberry.ID = strawberry.field(
        description="Id of the ticket; kept after the ticket is deleted."
    )
    ticket: Annotated["Ticket", strawberry.lazy("schema.tickets.ticket")] | None = strawberry.field(
        resolver=_ticket, description="The ticket; null if it was deleted."
    )
    state: OpsState = strawberry.field(description="State; never NOT_SENT.")
    attempts: int = strawberry.field(description="Number of attempts started.")
    reference: str | None = strawberry.field(
        description="OPS's id for the ticket; null until OPS accepts it."
    )
    remote_status: OpsRemoteStatus | None = strawberry.field(
        description="Last status reported by OPS; null before the first report."
    )
    last_error: str | None = strawberry.field(
        description="Error of the last attempt; null if it succeeded or there was none."
    )
    requested_by: str | None = strawberry.field(
        description="Name of the caller who requested it; null if anonymous."
    )
    created_at: datetime = strawberry.field(description="Time of creation.")
    next_attempt_at: datetime | None = strawberry.field(
        description="Time at which the next attempt is due; null unless PENDING."
    )
    delivered_at: datetime | None = strawberry.field(
        description="Time at which OPS accepted the ticket; null until then."
    )
    log_entries: Connection[Annotated["LogEntry", strawberry.lazy("schema.ops.log_entry")]] = (
        strawberry.field(
            resolver=_log_entries, description="Attempts and status queries, newest first."
        )
    )

    is_type_of = rows_of(models.OpsDelivery)
