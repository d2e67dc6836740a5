"""The context of one request: its caller, and the services that resolvers use."""

from dataclasses import dataclass, field

from ops import Deliveries
from resolvers.feeds import Feeds


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated client of a request."""

    # None for an anonymous caller.
    name: str | None = None
    scopes: frozenset[str] = frozenset()
    # Key of its rate and connection limits, because two callers can have the same name.
    # None for an anonymous caller.
    limit_key: str | None = None


ANONYMOUS = Caller()


@dataclass(slots=True)
class Context:
    """Context of one request, passed to every resolver."""

    deliveries: Deliveries
    request_id: str
    caller: Caller = field(default=ANONYMOUS)
    # None in a process that serves no subscriptions.
    feeds: Feeds | None = None
