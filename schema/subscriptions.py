"""What can be listened to."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from resolvers.subscriptions import follow_log_entries, follow_ticket_events
from schema.common.inputs import given
from schema.common.node import Info
from schema.ops.log_entry import LogEntry
from schema.tickets.event import TicketEvent

TicketId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only of this ticket; all by default.")
]


async def _ticket_events(
    info: Info,
    ticket_id: TicketId = UNSET,
    after: Annotated[
        str | None,
        strawberry.argument(description="First all since this cursor; only new ones by default."),
    ] = UNSET,
) -> Any:
    return await follow_ticket_events(info.context, **given(ticket_id=ticket_id, after=after))


async def _log_entry_added(info: Info, ticket_id: TicketId = UNSET) -> Any:
    return await follow_log_entries(info.context, **given(ticket_id=ticket_id))


@strawberry.type(description="What can be listened to, over WebSocket or server-sent events.")
class Subscription:
    """What can be listened to."""

    ticket_events: AsyncIterator[TicketEvent] = strawberry.subscription(
        resolver=_ticket_events,
        description="Every change, in commit order, none lost and none twice:"
        " with after, first all since that cursor, then live.",
    )
    log_entry_added: AsyncIterator[LogEntry] = strawberry.subscription(
        resolver=_log_entry_added, description="Every communication with OPS, as it is logged."
    )
