"""The live feeds of a process: one stream of new rows for each table that has subscriptions."""

from engine.streaming.notifications import Notifier
from engine.streaming.stream import Stream
from resolvers.tables import EVENTS, LOG_ENTRIES

__all__ = ["Feeds"]


class Feeds:
    """The streams that all subscribers of one process share."""

    def __init__(self, notifier: Notifier) -> None:
        self.ticket_events = Stream(EVENTS, notifier, key="ticket_id")
        self.log_entries = Stream(LOG_ENTRIES, notifier, key="ticket_id")

    async def close(self) -> None:
        """Close both streams, which ends their subscriptions."""
        await self.ticket_events.close()
        await self.log_entries.close()
