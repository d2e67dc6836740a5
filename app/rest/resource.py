"""A URL and what its methods do: the frame around every REST answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias
from urllib.parse import unquote, unquote_to_bytes

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.authentication import authenticate, require_scope
from app.http.cross_origin import refuse_cross_origin
from app.http.problem import HttpProblem
from app.http.rate_limiting import check_rate_limit
from app.rest.problems import problem_of, ticket_not_found
from models.columns import ID_MAX_LENGTH
from resolvers.context import Context
from resolvers.errors import ApiError, ApiErrors

__all__ = ["Handler", "Resource"]

Handler: TypeAlias = Callable[[Request, Context], Awaitable[ASGIApp]]

_SAFE_METHODS = frozenset({"GET", "HEAD"})


class Resource(BaseRoute):
    """Everything that can be done with the URLs of one template, like ``/tickets/{id}``.

    The path is read as it was sent, so that a ``%2F`` belongs to the id that it is
    part of; a slash at its end is no other resource. HEAD and OPTIONS come by
    themselves.
    """

    def __init__(
        self, template: str, *, safe: bool = True, **handlers: tuple[str, Handler]
    ) -> None:
        self.template = template.strip("/").split("/")
        self.safe = safe
        if "GET" in handlers:
            handlers["HEAD"] = handlers["GET"]
        # By method: the scope that a caller needs, and what is done.
        self.needs = {method: needed for method, (needed, _) in handlers.items()}
        self.handlers = {method: handler for method, (_, handler) in handlers.items()}
        self.allow = ", ".join(sorted([*self.handlers, "OPTIONS"]))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether a request is for this resource, whatever its method."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path: str = scope["raw_path"].decode("ascii", "replace")
        parts = path[1:].removesuffix("/").split("/")
        if len(parts) != len(self.template):
            return Match.NONE, {}
        encoded_id = None
        for part, expected in zip(parts, self.template, strict=True):
            if expected == "{id}":
                encoded_id = part
            elif part != expected and unquote(part) != expected:
                return Match.NONE, {}
        return Match.FULL, {"path_params": {} if encoded_id is None else {"id": encoded_id}}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that matches."""
        request = Request(scope, receive, send)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> ASGIApp:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": self.allow})
        handler = self.handlers.get(request.method)
        if handler is None:
            detail = f"This path knows {self.allow}, and not {request.method}."
            raise HttpProblem(405, "METHOD_NOT_ALLOWED", detail, headers={"Allow": self.allow})
        if not self.safe or request.method not in _SAFE_METHODS:
            refuse_cross_origin(request.scope, allowed_origins=request.state.settings.cors_origins)
        context = await authenticate(request.scope)
        await check_rate_limit(request.scope, context)
        require_scope(context, self.needs[request.method])
        if "id" in request.path_params:
            request.path_params["id"] = _decoded_id(request.path_params["id"])
        timeout_s = request.state.settings.request_timeout_ms / 1000
        try:
            async with asyncio.timeout(timeout_s):
                return await handler(request, context)
        except (ApiError, ApiErrors) as error:
            raise problem_of(error) from error
        except TimeoutError:
            raise HttpProblem(504, "TIMEOUT", "The request ran out of its time.") from None


def _decoded_id(encoded: str) -> str:
    """Return an id of a path; raises HttpProblem (404) for what can be none."""
    try:
        id = unquote_to_bytes(encoded).decode()  # noqa: A001  # the domain's word
    except UnicodeDecodeError:
        raise ticket_not_found() from None
    if not 1 <= len(id) <= ID_MAX_LENGTH or "\0" in id:
        raise ticket_not_found()
    return id
