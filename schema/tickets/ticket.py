"""The Ticket type."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET

import models
from resolvers.deliveries import find_newest_delivery
from resolvers.log_entries import find_log_entries_of_ticket
from resolvers.tickets.history import find_history
from schema.common.connection import After, Before, Connection, First, Last
from schema.common.enums import OpsState, TicketPriority, TicketStatus
from schema.common.inputs import Data, input_object, without_unset
from schema.common.node import Info, Node
from schema.common.scalars import JSON
from schema.ops.filters import LogEntryFilter
from schema.preparation.fast_resolver import fast_resolver
from schema.preparation.row_types import rows_of

if TYPE_CHECKING:
    from schema.ops.delivery import OpsDelivery
    from schema.ops.log_entry import LogEntry
    from schema.tickets.event import TicketEvent


@fast_resolver
def _delivery(parent: strawberry.Parent[models.Ticket], info: Info) -> Any:
    return find_newest_delivery(info.context, parent.id)


@fast_resolver
def _log_entries(  # noqa: PLR0917  # the arguments of a connection
    parent: strawberry.Parent[models.Ticket],
    info: Info,
    filter: Annotated[
        Data | None,
        input_object(LogEntryFilter | None, "Return only matching entries; all by default."),
    ] = UNSET,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    arguments = without_unset(filter=filter, first=first, after=after, last=last, before=before)
    return find_log_entries_of_ticket(info.context, parent.id, **arguments)


@fast_resolver
def _history(  # noqa: PLR0917  # the arguments of a connection
    parent: strawberry.Parent[models.Ticket],
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    arguments = without_unset(first=first, after=after, last=last, before=before)
    return find_history(info.context, parent.id, **arguments)


@strawberry.type(description="Support request of a customer.")
class Ticket(Node):
    subject: str = strawberry.field(description="Subject line: 1 to 500 characters.")
    description: str = strawberry.field(description="Full text: up to 65,536 characters.")
    status: TicketStatus = strawberry.field(description="Status.")
    priority: TicketPriority = strawberry.field(description="Priority.")
    category: str = strawberry.field(description="Category: 1 to 100 characters.")
    customer_name: str = strawberry.field(description="Customer's name: 1 to 200 characters.")
    customer_email: str = strawberry.field(
        description="Customer's email address: up to 254 characters."
    )
    customer_phone: str | None = strawberry.field(
        description="Customer's telephone number: 1 to 50 characters; null if unknown."
    )
    assigned_to: str | None = strawberry.field(
        description="Assignee: 1 to 200 characters; null if unassigned."
    )
    metadata: JSON | None = strawberry.field(
        description="Custom JSON value of up to 65,536 bytes, returned exactly as stored;"
        " null if not set."
    )
    created_at: datetime = strawberry.field(description="Time of creation.")
    updated_at: datetime = strawberry.field(
        description="Time of the last change, including changes of `opsState`."
    )
    version: int = strawberry.field(
        description="Version: 1 for a new ticket, incremented by each update that changes a"
        " field. Changes of `opsState` do not increment it. Pass it as `expectedVersion` to"
        " avoid overwriting a concurrent update."
    )
    ops_state: OpsState = strawberry.field(
        description="Delivery state: the state of the newest delivery, or NOT_SENT."
    )
    delivery: Annotated["OpsDelivery", strawberry.lazy("schema.ops.delivery")] | None = (
        strawberry.field(
            resolver=_delivery,
            description="Newest delivery of the ticket to OPS; null while `opsState` is NOT_SENT.",
        )
    )
    log_entries: Connection[Annotated["LogEntry", strawberry.lazy("schema.ops.log_entry")]] = (
        strawberry.field(
            resolver=_log_entries,
            description="Communications with OPS about the ticket, newest first.",
        )
    )
    history: Connection[Annotated["TicketEvent", strawberry.lazy("schema.tickets.event")]] = (
        strawberry.field(resolver=_history, description="Changes of the ticket, newest first.")
    )

    is_type_of = rows_of(models.Ticket)
