"""Who asks, and what is at hand to answer."""

from dataclasses import dataclass, field

from ops import Deliveries
from resolvers.feeds import Feeds


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request."""

    # None for an anonymous caller.
    name: str | None = None
    scopes: frozenset[str] = frozenset()
    # What its requests and connections are counted under: two who are named the same may
    # be two. None for an anonymous caller.
    counted_as: str | None = None


ANONYMOUS = Caller()


@dataclass(slots=True)
class Context:
    """One request."""

    deliveries: Deliveries
    request_id: str
    caller: Caller = field(default=ANONYMOUS)
    # None where nobody can listen: outside of a server.
    feeds: Feeds | None = None
