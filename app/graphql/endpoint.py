"""The endpoint: one request in, one answer out."""

from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from http import HTTPStatus
from typing import Any

import orjson
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth.concurrency_limit import ConcurrencyLimitReached
from app.config.settings import Settings
from app.graphiql.page import graphiql_page
from app.graphql.connection_registry import ConnectionRegistry
from app.graphql.errors import codes_of, request_error, shown_fault
from app.graphql.etag import revalidated
from app.graphql.negotiation import MAX_ACCEPT_LENGTH, Answer, lists_events, negotiate
from app.graphql.operations import Operations, Refused
from app.graphql.request import GraphQLRequest, read_json, read_query_string
from app.graphql.subscriptions.event_stream import EventStream, single
from app.http.authentication import authenticate
from app.http.body import read_body_in_time, take_received_body
from app.http.cross_origin import refuse_cross_origin
from app.http.problem import RETRY_AFTER_S, HttpProblem
from app.http.rate_limiting import check_rate_limit, rate_limit_key
from app.http.raw_response import RawHeaders, RawResponse
from app.http.request_cycle import request_cycle_of
from app.http.request_record import record_of
from engine.database.timeouts import Timeouts
from resolvers.context import Context
from schema.access import WITH_EFFECT

__all__ = ["GraphQLEndpoint"]

METHODS = "GET, HEAD, POST, OPTIONS"
_HOW_TO_SUBSCRIBE = (
    "Subscriptions are served over WebSocket (graphql-transport-ws), and as server-sent events"
    " where Accept names text/event-stream."
)

# Where the fault is not the client's, and there is no data: the status says so.
_STATUS = {
    "FORBIDDEN": 403,
    "SERVICE_UNAVAILABLE": 503,
    "TIMEOUT": 504,
    "INTERNAL": 500,
}


_NOTHING = nullcontext()


class GraphQLEndpoint:
    """An ASGI application that executes GraphQL operations."""

    def __init__(
        self, settings: Settings, operations: Operations, standing: ConnectionRegistry
    ) -> None:
        self._operations = operations
        self._standing = standing
        self._with_page = settings.graphiql
        self._max_body_bytes = settings.max_body_bytes
        self._bodies = Timeouts(settings.request_timeout_ms / 1000)
        self._cors_origins = settings.cors_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._respond(scope, receive)
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive) -> ASGIApp:
        method = scope["method"]
        if method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": METHODS})
        headers = dict(scope["headers"])
        accept = headers.get(b"accept", b"")[:MAX_ACCEPT_LENGTH].decode("latin-1")
        answer = negotiate(accept, with_page=self._with_page and method != "POST")
        if answer is Answer.PAGE:
            return graphiql_page(Request(scope))
        try:
            if answer is None:
                detail = f"Accept must allow {Answer.GRAPHQL.value} or {Answer.JSON.value}."
                raise HttpProblem(406, "NOT_ACCEPTABLE", detail)  # noqa: TRY301  # all are rendered below
            # First of all: a stranger's body is not worth reading.
            context = await authenticate(scope)
            await check_rate_limit(scope, context)
            if method == "POST":
                _check_content_type(headers.get(b"content-type"))
                body = take_received_body(receive, max_bytes=self._max_body_bytes)
                if body is None:
                    body = await read_body_in_time(
                        scope, receive, max_bytes=self._max_body_bytes, timeouts=self._bodies
                    )
                request = read_json(body)
            else:
                request = read_query_string(scope["query_string"])
            # A subscription has no other answer; a query may have been wanted as JSON first.
            takes_events = method != "HEAD" and lists_events(accept)
            return await self._answer(
                scope, receive, context, request, answer, takes_events=takes_events
            )
        except HttpProblem as problem:
            errors = [request_error(problem.code, problem.detail or problem.code)]
            if answer is Answer.EVENTS and problem.status == HTTPStatus.BAD_REQUEST:
                # Its protocol wants errors as events: from a status a browser learns nothing.
                record_of(scope).error_codes = codes_of(errors)
                return EventStream(single({"errors": errors}), self._standing)
            return _response(
                scope,
                answer or Answer.JSON,
                {"errors": errors},
                status=problem.status,
                headers=problem.headers,
            )
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001  # nothing of ours may reach the client
            errors = shown_fault(error, request_id=record_of(scope).request_id)
            status = _STATUS[codes_of(errors)[0]]
            return _response(scope, answer or Answer.JSON, {"errors": errors}, status=status)

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        context: Context,
        request: GraphQLRequest,
        answer: Answer,
        *,
        takes_events: bool,
    ) -> ASGIApp:
        status = 200
        headers = None
        can_be_kept = False
        try:
            operation = self._operations.prepare(scope, request)
            is_get = scope["method"] != "POST"
            if is_get and operation.kind is OperationType.MUTATION:
                detail = "A mutation must be sent by POST."
                raise HttpProblem(405, "BAD_USER_INPUT", detail, headers={"Allow": "POST"})
            has_effect = not operation.required_scopes.isdisjoint(WITH_EFFECT)
            if is_get and has_effect:
                refuse_cross_origin(scope, allowed_origins=self._cors_origins)
            if operation.kind is OperationType.SUBSCRIPTION:
                if not takes_events:
                    raise HttpProblem(400, "BAD_USER_INPUT", _HOW_TO_SUBSCRIBE)
                with self._allotted(rate_limit_key(scope, context)) as has:
                    results = await self._operations.subscribe(
                        operation,
                        variables=request.variables,
                        context=context,
                    )
                    return EventStream(results, self._standing, has.pop_all())
            # What has an effect goes on, whoever has left.
            with _NOTHING if has_effect else request_cycle_of(receive) or _NOTHING:
                content = await self._operations.run(
                    operation,
                    variables=request.variables,
                    context=context,
                    with_cost=_wants_cost(scope),
                )
            can_be_kept = (
                is_get and request.query is None and not has_effect and "errors" not in content
            )
            if content["data"] is None and "errors" in content:
                status = max(_STATUS.get(code, 200) for code in codes_of(content["errors"]))
        except Refused as refused:
            content, headers = {"errors": refused.errors}, refused.headers
            # For application/json a well-formed request is 200, whatever becomes of it
            # (section 6.4.1), unless the fault is ours.
            status = _STATUS.get(refused.code, 400 if answer is Answer.GRAPHQL else 200)
        if answer is Answer.EVENTS and status == HTTPStatus.OK:
            return EventStream(single(content), self._standing)
        response = _response(scope, answer, content, status=status, headers=headers)
        return revalidated(scope, response) if can_be_kept else response

    def _allotted(self, asker: str) -> ExitStack:
        """Return what a subscription takes of its caller's share; raises HttpProblem (429)."""
        with ExitStack() as has:
            try:
                has.enter_context(self._standing.connections.acquire(asker))
                has.enter_context(self._standing.subscriptions.acquire(asker))
            except ConcurrencyLimitReached as error:
                raise HttpProblem(429, "RATE_LIMITED", str(error)) from None
            return has.pop_all()


def _check_content_type(content_type: bytes | None) -> None:
    if content_type == b"application/json":
        return
    media_type, *parameters = (content_type or b"").lower().replace(b" ", b"").split(b";")
    if media_type == b"application/json" and all(
        parameter in {b"", b"charset=utf-8", b"charset=utf8", b'charset="utf-8"'}
        for parameter in parameters
    ):
        return
    detail = "Content-Type must be application/json, in UTF-8."
    raise HttpProblem(415, "BAD_USER_INPUT", detail, headers={"Accept": "application/json"})


def _wants_cost(scope: Scope) -> bool:
    return (b"x-graphql-cost", b"1") in scope["headers"]


def _response(
    scope: Scope,
    answer: Answer,
    content: dict[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> RawResponse:
    if errors := content.get("errors"):
        record_of(scope).error_codes = codes_of(errors)
    all_headers = _HEADERS[answer]
    if status == _STATUS["SERVICE_UNAVAILABLE"]:
        headers = {"Retry-After": str(RETRY_AFTER_S), **(headers or {})}
    if headers:
        all_headers = all_headers + [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
        ]
    return RawResponse(status, all_headers, orjson.dumps(content, option=orjson.OPT_UTC_Z))


def _headers_of(answer: Answer) -> RawHeaders:
    media_type = Answer.JSON if answer is Answer.EVENTS else answer
    content_type = f"{media_type.value}; charset=utf-8".encode("ascii")
    return [(b"content-type", content_type), (b"vary", b"Accept")]


_HEADERS = {answer: _headers_of(answer) for answer in Answer}
