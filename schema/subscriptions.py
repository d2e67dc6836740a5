"""The root type Subscription."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from resolvers.subscriptions import follow_log_entries, follow_ticket_events
from schema.common.inputs import without_unset
from schema.common.node import Info
from schema.ops.log_entry import LogEntry
from schema.tickets.event import TicketEvent

TicketId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Only follow the ticket with this id. Default: all tickets."),
]


async def _ticket_events(
    info: Info,
    ticket_id: TicketId = UNSET,
    after: Annotated[
        str | None,
        strawberry.argument(
            description="Cursor of the last event received. To start, take the cursor of any event"
            " in `Ticket.history`. Default: only new events."
        ),
    ] = UNSET,
) -> Any:
    return await follow_ticket_events(
        info.context, **without_unset(ticket_id=ticket_id, after=after)
    )


async def _log_entry_added(info: Info, ticket_id: TicketId = UNSET) -> Any:
    return await follow_log_entries(info.context, **without_unset(ticket_id=ticket_id))


@strawberry.type(
    description="Live feeds, over WebSocket (graphql-transport-ws) or server-sent events."
)
class Subscription:
    ticket_events: AsyncIterator[TicketEvent] = strawberry.subscription(
        resolver=_ticket_events,
        description="Every change of a ticket, in commit order, once in each subscription. With"
        " `after`, replays all changes since that cursor, then continues live. A client that"
        " resumes misses no change, but can receive changes again if a transaction was open for"
        " long: recognize them by `id`.",
    )
    log_entry_added: AsyncIterator[LogEntry] = strawberry.subscription(
        resolver=_log_entry_added, description="Every new log entry, in commit order."
    )
