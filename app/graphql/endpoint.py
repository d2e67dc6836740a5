"""The GraphQL endpoint over HTTP (GraphQL over HTTP, draft of 2025)."""

from collections.abc import Mapping
from contextlib import nullcontext
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
from app.graphql.errors import codes_of, format_exception, request_error
from app.graphql.etag import conditional_response
from app.graphql.negotiation import MAX_ACCEPT_LENGTH, ResponseFormat, accepts_events, negotiate
from app.graphql.operations import GraphQLRequestError, OperationRunner
from app.graphql.request import GraphQLRequest, read_json, read_query_string
from app.graphql.server_choice import add_sent_position, has_effect
from app.graphql.subscriptions.connection_registry import ConnectionRegistry
from app.graphql.subscriptions.event_stream import EventStream, single_result
from app.graphql.subscriptions.limits import SubscriptionLimits
from app.http.authentication import authenticate
from app.http.body import LARGE_BYTES, read_content
from app.http.caller_position import add_position
from app.http.content_coding import ACCEPTED_CODINGS, InvalidContent, UnsupportedCoding
from app.http.cross_origin import refuse_cross_origin
from app.http.header_lines import combined_by_name
from app.http.problem import RETRY_AFTER_S, HttpProblem
from app.http.rate_limiting import check_rate_limit, event_counter, rate_limit_key
from app.http.raw_response import RawHeaders, RawResponse
from app.http.request_cycle import request_cycle_of
from app.http.request_record import record_of
from engine.database.timeouts import Timeouts
from engine.documents.prepared import PreparedOperation
from engine.long_work import pause
from resolvers.context import Context

__all__ = ["GRAPHQL_PATH", "GraphQLEndpoint"]

GRAPHQL_PATH = "/graphql"
METHODS = "GET, HEAD, POST, OPTIONS"
_HOW_TO_SUBSCRIBE = (
    "Subscriptions need a WebSocket (graphql-transport-ws), or server-sent events:"
    " add text/event-stream to Accept."
)

# Status of a response without data, by error code. Other codes are errors of the client.
_STATUS = {
    "FORBIDDEN": 403,
    "SERVICE_UNAVAILABLE": 503,
    "TIMEOUT": 504,
    "INTERNAL": 500,
}

_NO_CONTEXT = nullcontext()


class GraphQLEndpoint:
    """ASGI application that executes GraphQL operations."""

    def __init__(
        self,
        settings: Settings,
        runner: OperationRunner,
        registry: ConnectionRegistry,
        limits: SubscriptionLimits,
    ) -> None:
        self._runner = runner
        self._registry = registry
        self._limits = limits
        self._with_page = settings.graphiql
        self._max_body_bytes = settings.max_body_bytes
        self._max_json_values = settings.max_json_values
        self._body_timeouts = Timeouts(settings.request_timeout_ms / 1000)
        self._cors_origins = settings.cors_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        response = await self._respond(scope, receive)
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive) -> ASGIApp:
        method = scope["method"]
        if method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": METHODS})
        headers = combined_by_name(scope["headers"])
        accept = headers.get(b"accept", b"")[:MAX_ACCEPT_LENGTH].decode("latin-1")
        response_format = negotiate(accept, with_page=self._with_page and method != "POST")
        if response_format is ResponseFormat.PAGE:
            return graphiql_page(Request(scope))
        try:
            if response_format is None:
                detail = (
                    f"Accept must include {ResponseFormat.GRAPHQL.value}"
                    f" or {ResponseFormat.JSON.value}."
                )
                raise HttpProblem(406, "NOT_ACCEPTABLE", detail)  # noqa: TRY301  # all are rendered below
            # Authenticate first: the server reads no body of a client without a credential.
            context = await authenticate(scope)
            await check_rate_limit(scope, context)
            if method == "POST":
                _check_content_type(headers.get(b"content-type", b""))
                request = await self._read_body(scope, receive)
            else:
                query_string = scope["query_string"]
                if len(query_string) > LARGE_BYTES:
                    await pause()
                request = read_query_string(query_string, max_values=self._max_json_values)
            # Only events can carry a subscription, even if the client prefers JSON for queries.
            can_subscribe = method != "HEAD" and accepts_events(accept)
            return await self._execute(
                scope, receive, context, request, response_format, can_subscribe=can_subscribe
            )
        except HttpProblem as problem:
            errors = [request_error(problem.code, problem.detail or problem.code)]
            is_bad_request = problem.status == HTTPStatus.BAD_REQUEST
            if response_format is ResponseFormat.EVENTS and is_bad_request:
                # graphql-sse sends such errors as events, because a browser's EventSource does not
                # show the body of a response with an error status.
                record_of(scope).error_codes = codes_of(errors)
                return EventStream(single_result({"errors": errors}), self._registry)
            return _response(
                scope,
                response_format or ResponseFormat.JSON,
                {"errors": errors},
                status=problem.status,
                headers=problem.headers,
            )
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001  # internal details must not reach the client
            errors = format_exception(error, request_id=record_of(scope).request_id)
            status = _STATUS[codes_of(errors)[0]]
            response_format = response_format or ResponseFormat.JSON
            return _response(scope, response_format, {"errors": errors}, status=status)

    async def _read_body(self, scope: Scope, receive: Receive) -> GraphQLRequest:
        try:
            body = await read_content(
                scope, receive, max_bytes=self._max_body_bytes, timeouts=self._body_timeouts
            )
        except UnsupportedCoding as error:
            raise _unsupported(str(error)) from None
        except InvalidContent as error:
            raise HttpProblem(400, "BAD_USER_INPUT", str(error)) from None
        request = read_json(body, max_values=self._max_json_values)
        if len(body) > LARGE_BYTES:
            await pause()
        return request

    async def _execute(
        self,
        scope: Scope,
        receive: Receive,
        context: Context,
        request: GraphQLRequest,
        response_format: ResponseFormat,
        *,
        can_subscribe: bool,
    ) -> ASGIApp:
        """Execute the requested operation and return its response.

        An operation with an effect (a mutation, or a query that writes) never runs for a page of
        another origin, and always runs to its end. Every other one is cancelled when its client
        disconnects. Raises HttpProblem.
        """
        headers = None
        is_cacheable = False
        try:
            add_sent_position(context, request)
            operation = await self._runner.prepare(scope, request)
            is_effective = has_effect(operation)
            is_get = scope["method"] != "POST"
            if is_get:
                self._check_get(scope, operation, has_effect=is_effective)
            if operation.kind is OperationType.SUBSCRIPTION:
                if not can_subscribe:
                    raise HttpProblem(400, "BAD_USER_INPUT", _HOW_TO_SUBSCRIBE)
                return await self._subscribe(scope, context, request, operation)
            # The request cycle cancels this task on a disconnect while its context is entered.
            with _NO_CONTEXT if is_effective else request_cycle_of(receive) or _NO_CONTEXT:
                result = await self._runner.run(
                    operation,
                    variables=request.variables,
                    context=context,
                    with_cost=_wants_cost(scope),
                )
            body = self._runner.encode(result)
            has_errors = "errors" in result
            is_cacheable = is_get and request.query is None and not is_effective and not has_errors
            status = _status_of_errors(result) if has_errors and result["data"] is None else 200
        except GraphQLRequestError as error:
            result, headers = {"errors": error.errors}, error.headers
            body = None
            # With application/json a well-formed request always has status 200 (GraphQL over
            # HTTP, section 6.4.1), unless the server failed.
            is_graphql = response_format is ResponseFormat.GRAPHQL
            status = _STATUS.get(error.code, 400 if is_graphql else 200)
        finally:
            add_position(scope, context)
        if response_format is ResponseFormat.EVENTS and status == HTTPStatus.OK:
            return EventStream(single_result(result), self._registry)
        response = _response(
            scope, response_format, result, status=status, headers=headers, body=body
        )
        return conditional_response(scope, response) if is_cacheable else response

    def _check_get(self, scope: Scope, operation: PreparedOperation, *, has_effect: bool) -> None:
        """Raise HttpProblem if an operation may not be requested by GET."""
        if operation.kind is OperationType.MUTATION:
            detail = "A mutation is not allowed by GET. Send it by POST."
            raise HttpProblem(405, "BAD_USER_INPUT", detail, headers={"Allow": "POST"})
        if has_effect:
            refuse_cross_origin(scope, allowed_origins=self._cors_origins)

    async def _subscribe(
        self, scope: Scope, context: Context, request: GraphQLRequest, operation: PreparedOperation
    ) -> EventStream:
        """Start a subscription; raises HttpProblem (429) at the limit of its caller."""
        try:
            reservation = self._limits.reserve_event_stream(rate_limit_key(scope, context))
        except ConcurrencyLimitReached as error:
            raise HttpProblem(429, "RATE_LIMITED", str(error)) from None
        with reservation:
            results = await self._runner.subscribe(
                operation,
                variables=request.variables,
                context=context,
                count=event_counter(scope, context),
            )
            # Nothing can fail after this: the stream releases the reservation at its end.
            return EventStream(results, self._registry, reservation.pop_all())


def _check_content_type(content_type: bytes) -> None:
    if content_type == b"application/json":
        return
    media_type, *parameters = content_type.lower().replace(b" ", b"").split(b";")
    if media_type == b"application/json" and all(
        parameter in {b"", b"charset=utf-8", b"charset=utf8", b'charset="utf-8"'}
        for parameter in parameters
    ):
        return
    raise _unsupported("Content-Type must be application/json, in UTF-8.")


def _unsupported(detail: str) -> HttpProblem:
    headers = {"Accept": "application/json", "Accept-Encoding": ACCEPTED_CODINGS}
    return HttpProblem(415, "BAD_USER_INPUT", detail, headers=headers)


def _wants_cost(scope: Scope) -> bool:
    return (b"x-graphql-cost", b"1") in scope["headers"]


def _status_of_errors(result: Mapping[str, Any]) -> int:
    """Return the status of an executed operation without data."""
    return max(_STATUS.get(code, 200) for code in codes_of(result["errors"]))


def _response(
    scope: Scope,
    response_format: ResponseFormat,
    result: dict[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> RawResponse:
    """Return the response with a result, which may be encoded already."""
    if errors := result.get("errors"):
        record_of(scope).error_codes = codes_of(errors)
    all_headers = _HEADERS[response_format]
    if status == _STATUS["SERVICE_UNAVAILABLE"]:
        headers = {"Retry-After": str(RETRY_AFTER_S), **(headers or {})}
    if headers:
        all_headers = all_headers + [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
        ]
    if body is None:
        body = orjson.dumps(result, option=orjson.OPT_UTC_Z)
    return RawResponse(status, all_headers, body)


def _headers_of(response_format: ResponseFormat) -> RawHeaders:
    is_events = response_format is ResponseFormat.EVENTS
    media_type = ResponseFormat.JSON if is_events else response_format
    content_type = f"{media_type.value}; charset=utf-8".encode("ascii")
    return [(b"content-type", content_type), (b"vary", b"Accept")]


# Headers of a complete response; a rejected event stream responds in JSON.
_HEADERS = {response_format: _headers_of(response_format) for response_format in ResponseFormat}
