"""The context of one request: its caller, and the services that resolvers use."""

from dataclasses import dataclass, field

from engine.database.caller_reads import CallerReads
from ops import Deliveries
from resolvers.feeds import Feeds

# Start of the identity of a caller with an API token.
TOKEN_KIND = "token"  # noqa: S105  # not a secret


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated client of a request."""

    # None for an anonymous caller.
    name: str | None = None
    scopes: frozenset[str] = frozenset()
    # Kind of credential and its whole name. Rate limits, connection limits and idempotency keys
    # belong to it, because an API token and a JWT can have the same name.
    # None for an anonymous caller.
    identity: str | None = None

    @property
    def has_api_token(self) -> bool:
        """Whether the caller's credential is an API token."""
        return self.identity is not None and self.identity.startswith(TOKEN_KIND)


ANONYMOUS = Caller()


@dataclass(slots=True)
class Context:
    """Context of one request, passed to every resolver."""

    deliveries: Deliveries
    request_id: str
    caller: Caller = field(default=ANONYMOUS)
    # None in a process that serves no subscriptions.
    feeds: Feeds | None = None
    # Runs the operations of the request where its caller's changes are visible; None without
    # replicas.
    reads: CallerReads | None = None
