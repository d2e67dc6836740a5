"""The TicketEvent type."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import models
from engine.exact_json import dumps, loads
from resolvers.tables import event_cursor
from resolvers.tickets.queries import find_ticket_of
from schema.common.enums import TicketEventType
from schema.common.node import Info, Node
from schema.common.scalars import JSON
from schema.preparation.fast_resolver import fast_resolver
from schema.preparation.row_types import rows_of

if TYPE_CHECKING:
    from schema.tickets.ticket import Ticket


@strawberry.type(description="Change of one field of a ticket.")
class FieldChange:
    field: str = strawberry.field(description="GraphQL name of the field, such as `assignedTo`.")
    before: JSON | None = strawberry.field(
        description="Value before the change; null if it was null or the ticket is new."
    )
    after: JSON | None = strawberry.field(
        description="Value after the change; null if it is null or the ticket was deleted."
    )


@fast_resolver(same_as_column=True)
def _cursor(parent: strawberry.Parent[models.TicketEvent]) -> str:
    return event_cursor(parent.transaction, parent.sequence)


@fast_resolver
def _ticket(parent: strawberry.Parent[models.TicketEvent], info: Info) -> Any:
    return find_ticket_of(info.context, parent.ticket_id)


@fast_resolver(same_as_column=True)
def _changes(parent: strawberry.Parent[models.TicketEvent]) -> list[FieldChange]:
    return [
        FieldChange(
            field=change["field"],
            before=_as_text(change["before"]),
            after=_as_text(change["after"]),
        )
        for change in loads(parent.changes.encode())
    ]


def _as_text(value: object) -> JSON | None:
    """Return a value as JSON text, which the JSON scalar expects."""
    return None if value is None else JSON(dumps(value).decode())


@strawberry.type(
    description="One change of a ticket, as listed in `Ticket.history` and sent to subscribers of"
    " `ticketEvents`."
)
class TicketEvent(Node):
    cursor: str = strawberry.field(
        resolver=_cursor,
        description="Position in the feed; pass it as `ticketEvents(after:)` to resume after this"
        " event.",
    )
    type: TicketEventType = strawberry.field(description="Kind of change.")
    ticket_id: strawberry.ID = strawberry.field(
        description="Id of the ticket; kept after the ticket is deleted."
    )
    ticket: Annotated["Ticket", strawberry.lazy("schema.tickets.ticket")] | None = strawberry.field(
        resolver=_ticket, description="Current state of the ticket; null if it was deleted."
    )
    at: datetime = strawberry.field(description="Time of the change.")
    actor: str | None = strawberry.field(
        description="Name of the caller who made the change; null if anonymous."
    )
    changes: list[FieldChange] = strawberry.field(
        resolver=_changes, description="Changed fields with their values before and after."
    )

    is_type_of = rows_of(models.TicketEvent)
