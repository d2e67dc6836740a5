"""Who asks, and what is at hand to answer."""

from dataclasses import dataclass, field

from ops import Deliveries


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request."""

    # None for an anonymous caller.
    name: str | None = None
    scopes: frozenset[str] = frozenset()


ANONYMOUS = Caller()


@dataclass(frozen=True, slots=True)
class Context:
    """One request."""

    deliveries: Deliveries
    request_id: str
    caller: Caller = field(default=ANONYMOUS)
