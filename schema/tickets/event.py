"""Changes of tickets, as the API shows them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import strawberry

import models
from resolvers.tables import event_cursor
from resolvers.tickets.queries import find_ticket_of
from schema.common.enums import TicketEventType
from schema.common.node import Info, Node, PageInfo
from schema.common.scalars import JSON

if TYPE_CHECKING:
    from schema.tickets.ticket import Ticket


@strawberry.type(description="How one field of a ticket changed.")
class FieldChange:
    """How one field of a ticket changed."""

    field: str = strawberry.field(description="The GraphQL name of the field.")
    before: JSON | None = strawberry.field(description="Its value before; null where it had none.")
    after: JSON | None = strawberry.field(description="Its value after; null where it has none.")


def _cursor(parent: strawberry.Parent[models.TicketEvent]) -> str:
    return event_cursor(parent.transaction, parent.sequence)


def _ticket(parent: strawberry.Parent[models.TicketEvent], info: Info) -> Any:
    return find_ticket_of(info.context, parent.ticket_id)


def _changes(parent: strawberry.Parent[models.TicketEvent]) -> list[FieldChange]:
    return [
        FieldChange(
            field=change["field"],
            before=_as_text(change["before"]),
            after=_as_text(change["after"]),
        )
        for change in orjson.loads(parent.changes)
    ]


def _as_text(value: object) -> JSON | None:
    """Return a JSON value as the scalar takes it: as text."""
    return None if value is None else JSON(orjson.dumps(value).decode())


@strawberry.type(
    description="One change of a ticket."
    " The same record is its history and what subscribers receive."
)
class TicketEvent(Node):
    """One change of a ticket."""

    cursor: str = strawberry.field(
        resolver=_cursor, description="Pass it as ticketEvents(after:) to go on from here."
    )
    type: TicketEventType = strawberry.field(description="What kind of change it is.")
    ticket_id: strawberry.ID = strawberry.field(
        description="The ticket's id, also once that is deleted."
    )
    ticket: Annotated["Ticket", strawberry.lazy("schema.tickets.ticket")] | None = strawberry.field(
        resolver=_ticket, description="The ticket as it is now; null once it is deleted."
    )
    at: datetime = strawberry.field(description="When it was.")
    actor: str | None = strawberry.field(description="Who caused it; null for an anonymous caller.")
    changes: list[FieldChange] = strawberry.field(
        resolver=_changes, description="The fields that changed, with their values."
    )

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        """Tell whether a row is one of these."""
        return isinstance(value, models.TicketEvent)


@strawberry.type(description="A change in a list, with its cursor.")
class TicketEventEdge:
    """A change in a list, with its cursor."""

    cursor: str = strawberry.field(description="Its place in the list.")
    node: TicketEvent = strawberry.field(description="The change itself.")


@strawberry.type(description="A page of changes.")
class TicketEventConnection:
    """A page of changes."""

    edges: list[TicketEventEdge] = strawberry.field(description="The changes with their cursors.")
    nodes: list[TicketEvent] = strawberry.field(description="The changes.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in its list.")
    total_count: int = strawberry.field(
        description="How many the whole list has; counted only when selected."
    )
