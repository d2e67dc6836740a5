"""Declaration of a REST operation: its handler, and its responses for the OpenAPI document."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.requests import Request
from starlette.types import ASGIApp

from resolvers.context import Context
from schema.access import READ

__all__ = ["Handler", "Operation", "Success"]

Handler: TypeAlias = Callable[[Request, Context], Awaitable[ASGIApp]]


@dataclass(frozen=True, slots=True)
class Success:
    """A successful response: its meaning, schema and headers."""

    description: str
    # Name of a component schema; None for a response without a body.
    schema: str | None = None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of a resource. The handler needs the scopes; the rest documents it."""

    id: str
    scope: str
    handler: Handler
    summary: str
    responses: Mapping[int, Success]
    # Codes of the problem documents by status, in addition to the codes of every operation.
    problems: Mapping[int, Sequence[str]] = field(default_factory=dict)
    description: str = ""
    # Name of the component schema of the body, and whether a body is required.
    body: str | None = None
    is_body_required: bool = True
    # Names of the request headers that the operation reads.
    headers: tuple[str, ...] = ()
    has_list_query: bool = False

    @property
    def scopes(self) -> frozenset[str]:
        """Scopes that a caller needs: that of the method, and READ if it responds with rows."""
        shows_rows = any(success.schema is not None for success in self.responses.values())
        return frozenset({self.scope, READ} if shows_rows else {self.scope})
