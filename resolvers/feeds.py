"""The live streams of a process, one for each followed table."""

from engine.streaming.notifications import Notifier
from engine.streaming.stream import Stream
from resolvers.tables import EVENTS, LOG_ENTRIES

__all__ = ["Feeds"]


class Feeds:
    """What one process follows for all who listen to it."""

    def __init__(self, notifier: Notifier) -> None:
        self.ticket_events = Stream(EVENTS, notifier, key="ticket_id")
        self.log_entries = Stream(LOG_ENTRIES, notifier, key="ticket_id")

    async def close(self) -> None:
        """End what anybody listens to."""
        await self.ticket_events.close()
        await self.log_entries.close()
