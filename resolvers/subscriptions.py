"""Subscriptions: live feeds of ticket events and of log entries."""

from collections.abc import AsyncGenerator

from engine.sql.cursors import InvalidPageArgument, decode_cursor
from engine.streaming.stream import UnknownPosition
from engine.streaming.subscriber import Event
from resolvers.context import Context
from resolvers.errors import ErrorCode, InvalidInput
from resolvers.feeds import Feeds
from resolvers.tables import EVENT_ORDER
from resolvers.text_validation import checked_id

__all__ = ["follow_log_entries", "follow_ticket_events"]


async def follow_ticket_events(
    context: Context, *, ticket_id: str | None = None, after: str | None = None
) -> AsyncGenerator[Event, None]:
    """Return the ticket events after a cursor, or without one those committed from now on.

    Raises InvalidInput; the events raise SlowConsumer and HistoryLost.
    """
    position = None
    if after is not None:
        try:
            transaction, sequence = decode_cursor(EVENT_ORDER, after, argument="after")
        except InvalidPageArgument as error:
            raise InvalidInput(ErrorCode.INVALID, str(error), error.argument) from None
        position = (transaction, sequence)
    try:
        return await _feeds(context).ticket_events.follow(
            after=position, only=_checked_key(ticket_id)
        )
    except UnknownPosition:
        message = (
            "after is a cursor of another database, or of this one before it was restored, or of"
            " an event that a failover has lost."
            " Subscribe without after, or take the cursor of an event in Ticket.history."
        )
        raise InvalidInput(ErrorCode.INVALID, message, "after") from None


async def follow_log_entries(
    context: Context, *, ticket_id: str | None = None
) -> AsyncGenerator[Event, None]:
    """Return the log entries committed from now on.

    Raises InvalidInput; the entries raise SlowConsumer and HistoryLost.
    """
    return await _feeds(context).log_entries.follow(only=_checked_key(ticket_id))


def _checked_key(ticket_id: str | None) -> str | None:
    return None if ticket_id is None else checked_id(ticket_id, "ticket_id")


def _feeds(context: Context) -> Feeds:
    if context.feeds is None:
        raise RuntimeError("this process serves no subscriptions")
    return context.feeds
