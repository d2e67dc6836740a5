"""Routing of REST requests: match the URL, check access, call the handler of the method."""

import asyncio
from functools import partial
from urllib.parse import unquote, unquote_to_bytes

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.authentication import authenticate, require_scopes
from app.http.caller_position import add_position
from app.http.cross_origin import refuse_cross_origin
from app.http.problem import HttpProblem
from app.http.rate_limiting import check_rate_limit
from app.rest.operation import Operation
from app.rest.problems import problem_of, ticket_not_found
from models.columns import ID_MAX_LENGTH
from resolvers.context import Context
from resolvers.errors import ApiError, ApiErrors
from schema.access import READ

__all__ = ["Resource"]

_SAFE_METHODS = frozenset({"GET", "HEAD"})


class Resource(BaseRoute):
    """The operations of a URL template such as ``/tickets/{id}``.

    The raw path is matched, so that ``%2F`` is part of an id. A trailing slash is ignored. HEAD is
    handled like GET, and OPTIONS returns the allowed methods.
    """

    def __init__(self, template: str, *, is_safe: bool = True, **operations: Operation) -> None:
        self.template = template
        # Whether GET is free of side effects, so that pages of other sites may send it.
        self.is_safe = is_safe
        # By method, without HEAD and OPTIONS.
        self.operations = operations
        self._parts = template.strip("/").split("/")
        self._by_method = {
            method: (operation, operation.scopes) for method, operation in operations.items()
        }
        if "GET" in operations:
            self._by_method["HEAD"] = self._by_method["GET"]
        self.allow = ", ".join(sorted([*self._by_method, "OPTIONS"]))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether a request is for this resource, with any method."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path: str = scope["raw_path"].decode("ascii", "replace")
        parts = path[1:].removesuffix("/").split("/")
        if len(parts) != len(self._parts):
            return Match.NONE, {}
        encoded_id = None
        for part, expected in zip(parts, self._parts, strict=True):
            if expected == "{id}":
                encoded_id = part
            elif part != expected and unquote(part) != expected:
                return Match.NONE, {}
        return Match.FULL, {"path_params": {} if encoded_id is None else {"id": encoded_id}}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request that matches."""
        request = Request(scope, receive, send)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> ASGIApp:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": self.allow})
        found = self._by_method.get(request.method)
        if found is None:
            detail = f"Method {request.method} is not allowed here. Allowed: {self.allow}."
            raise HttpProblem(405, "METHOD_NOT_ALLOWED", detail, headers={"Allow": self.allow})
        operation, scopes = found
        if not self.is_safe or request.method not in _SAFE_METHODS:
            refuse_cross_origin(request.scope, allowed_origins=request.state.settings.cors_origins)
        context = await authenticate(request.scope)
        await check_rate_limit(request.scope, context)
        require_scopes(context, scopes)
        if "id" in request.path_params:
            request.path_params["id"] = _decoded_id(request.path_params["id"])
        timeout_s = request.state.settings.request_timeout_ms / 1000
        try:
            async with asyncio.timeout(timeout_s):
                return await self._run(operation, request, context)
        except (ApiError, ApiErrors) as error:
            raise problem_of(error, shows_rows=READ in context.caller.scopes) from error
        except TimeoutError:
            detail = f"The request took longer than {timeout_s:g} s. Try again."
            raise HttpProblem(504, "TIMEOUT", detail) from None
        finally:
            add_position(request.scope, context)

    async def _run(self, operation: Operation, request: Request, context: Context) -> ASGIApp:
        reads = context.reads
        if reads is None:
            return await operation.handler(request, context)
        only_reads = self.is_safe and request.method in _SAFE_METHODS
        return await (reads.read if only_reads else reads.write)(
            partial(operation.handler, request, context)
        )


def _decoded_id(encoded: str) -> str:
    """Return the id in a path; raise HttpProblem (404) if it cannot be an id."""
    try:
        id = unquote_to_bytes(encoded).decode()  # noqa: A001  # the domain's word
    except UnicodeDecodeError:
        raise ticket_not_found() from None
    if not 1 <= len(id) <= ID_MAX_LENGTH or "\0" in id:
        raise ticket_not_found()
    return id
