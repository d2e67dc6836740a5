"""The parts of a running server that its metrics describe."""

from dataclasses import dataclass

from engine.database.replicas import Replicas
from engine.streaming.notifications import Notifier
from ops import Deliveries
from resolvers.feeds import Feeds

__all__ = ["Services"]


@dataclass(frozen=True, slots=True)
class Services:
    """What one process runs."""

    deliveries: Deliveries
    feeds: Feeds
    notifier: Notifier
    # None without DATABASE_REPLICA_URL.
    replicas: Replicas | None = None
