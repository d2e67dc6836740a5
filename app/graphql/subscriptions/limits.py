"""Limits of the long-lived connections and subscriptions that one caller has open."""

from contextlib import ExitStack

from app.auth.concurrency_limit import ConcurrencyLimit
from app.config.settings import Settings

__all__ = ["SubscriptionLimits"]


class SubscriptionLimits:
    """The limits MAX_CONNECTIONS and MAX_SUBSCRIPTIONS of this process.

    A WebSocket counts as one connection, and each subscription on it as one subscription. An
    event stream counts as one of each.
    """

    def __init__(self, settings: Settings) -> None:
        self.connections = ConcurrencyLimit(
            settings.max_connections, "connections", setting="MAX_CONNECTIONS"
        )
        self.subscriptions = ConcurrencyLimit(
            settings.max_subscriptions, "subscriptions", setting="MAX_SUBSCRIPTIONS"
        )

    def reserve_event_stream(self, key: str) -> ExitStack:
        """Count an event stream until the returned stack closes.

        Raises ConcurrencyLimitReached.
        """
        with ExitStack() as reservation:
            reservation.enter_context(self.connections.acquire(key))
            reservation.enter_context(self.subscriptions.acquire(key))
            return reservation.pop_all()
