"""The endpoint: one request in, one answer out."""

import asyncio
from http import HTTPStatus
from typing import Any

import orjson
from graphql import OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.graphiql.page import graphiql_page
from app.graphql.errors import Shown, codes_of, request_error, shown, shown_errors
from app.graphql.negotiation import Answer, negotiate
from app.graphql.request import GraphQLRequest, read_json, read_query_string
from app.http.body import read_body
from app.http.context import context_of
from app.http.faults import RETRY_AFTER_S
from app.http.problem import HttpProblem
from app.http.request_record import record_of
from app.settings import Settings
from engine.documents import Document, Documents, InvalidDocument
from engine.execution import InvalidVariables, execute
from schema.build import graphql_schema

__all__ = ["GraphQLEndpoint"]

METHODS = "GET, HEAD, POST, OPTIONS"

# By the code of an answer that has no data.
_STATUS = {
    "SERVICE_UNAVAILABLE": 503,
    "TIMEOUT": 504,
    "INTERNAL": 500,
}


class GraphQLEndpoint:
    """An ASGI application that executes GraphQL operations."""

    def __init__(self, settings: Settings) -> None:
        self._schema = graphql_schema()
        self._documents = Documents(self._schema, max_tokens=settings.max_tokens)
        self._with_page = settings.graphiql
        self._max_body_bytes = settings.max_body_bytes
        self._timeout_s = settings.request_timeout_ms / 1000

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._respond(scope, receive)
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        method = scope["method"]
        if method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": METHODS})
        headers = dict(scope["headers"])
        accept = headers.get(b"accept")
        answer = negotiate(
            None if accept is None else accept.decode("latin-1"),
            with_page=self._with_page and method != "POST",
        )
        if answer is Answer.PAGE:
            return graphiql_page(Request(scope))
        try:
            if answer is None:
                detail = f"Accept must allow {Answer.GRAPHQL.value} or {Answer.JSON.value}."
                raise HttpProblem(406, "NOT_ACCEPTABLE", detail)  # noqa: TRY301  # all are rendered below
            if method == "POST":
                _check_content_type(headers.get(b"content-type"))
                request = read_json(await read_body(scope, receive, max_bytes=self._max_body_bytes))
            else:
                request = read_query_string(scope["query_string"])
            return await self._answer(scope, request, answer)
        except HttpProblem as problem:
            errors = [request_error(problem.code, problem.detail or problem.code)]
            return _response(
                scope,
                answer or Answer.JSON,
                {"errors": errors},
                status=problem.status,
                headers=problem.headers,
            )

    async def _answer(self, scope: Scope, request: GraphQLRequest, answer: Answer) -> Response:
        context = context_of(scope)
        try:
            document = self._documents.prepare(request.query)
        except InvalidDocument as error:
            code = "GRAPHQL_PARSE_FAILED" if error.syntax else "GRAPHQL_VALIDATION_FAILED"
            return _refusal(scope, answer, shown(error.errors, code))
        self._check_operation(scope, document, request)
        try:
            async with asyncio.timeout(self._timeout_s):
                result = await execute(
                    self._schema,
                    document,
                    operation_name=request.operation_name,
                    variables=request.variables,
                    context=context,
                )
        except InvalidVariables as error:
            return _refusal(scope, answer, shown(error.errors, "BAD_USER_INPUT"))
        except TimeoutError:
            raise HttpProblem(504, "TIMEOUT", "The operation ran out of its time.") from None
        content: dict[str, Any] = {"data": result.data}
        if not result.errors:
            return _response(scope, answer, content)
        content["errors"] = shown_errors(result.errors, request_id=context.request_id)
        status = 200
        if result.data is None:
            status = max(_STATUS.get(code, 200) for code in codes_of(content["errors"]))
        return _response(scope, answer, content, status=status)

    def _check_operation(self, scope: Scope, document: Document, request: GraphQLRequest) -> None:
        """Note which operation it is; raises HttpProblem where it is not to be executed."""
        operation = document.operation(request.operation_name)
        if operation is None:
            names = ", ".join(one.name.value for one in document.operations if one.name)
            detail = (
                f"operationName must name one of the document's operations: {names}."
                if names
                else "The document has no operation."
            )
            raise HttpProblem(400, "BAD_USER_INPUT", detail)
        record = record_of(scope)
        record.operation_name = operation.name.value if operation.name else None
        record.operation_type = operation.operation.value
        if operation.operation is OperationType.SUBSCRIPTION:
            detail = "Subscriptions are served over WebSocket and server-sent events only."
            raise HttpProblem(400, "BAD_USER_INPUT", detail)
        if operation.operation is OperationType.MUTATION and scope["method"] != "POST":
            detail = "A mutation must be sent by POST."
            raise HttpProblem(405, "BAD_USER_INPUT", detail, headers={"Allow": "POST"})


def _check_content_type(content_type: bytes | None) -> None:
    media_type, *parameters = (content_type or b"").lower().replace(b" ", b"").split(b";")
    if media_type == b"application/json" and all(
        parameter in {b"", b"charset=utf-8", b"charset=utf8", b'charset="utf-8"'}
        for parameter in parameters
    ):
        return
    detail = "Content-Type must be application/json, in UTF-8."
    raise HttpProblem(415, "BAD_USER_INPUT", detail, headers={"Accept": "application/json"})


def _refusal(scope: Scope, answer: Answer, errors: list[Shown]) -> Response:
    """Answer a request of which nothing was executed."""
    # For application/json a well-formed request is 200, whatever becomes of it (section 6.4.1).
    status = 400 if answer is Answer.GRAPHQL else 200
    return _response(scope, answer, {"errors": errors}, status=status)


def _response(
    scope: Scope,
    answer: Answer,
    content: dict[str, Any],
    *,
    status: int = 200,
    headers: Any = None,
) -> Response:
    if errors := content.get("errors"):
        record_of(scope).error_codes = codes_of(errors)
    all_headers = {
        "content-type": f"{answer.value}; charset=utf-8",
        "vary": "Accept",
        **(headers or {}),
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        all_headers["retry-after"] = str(RETRY_AFTER_S)
    return Response(
        orjson.dumps(content, option=orjson.OPT_UTC_Z), status_code=status, headers=all_headers
    )
