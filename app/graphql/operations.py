"""Prepare and run GraphQL operations within the limits, independently of the transport."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError
from starlette.types import Scope

from app.config.settings import Settings
from app.graphql.errors import (
    FormattedError,
    codes_of,
    format_errors,
    format_exception,
    format_execution_errors,
    request_error,
    without_suggestions,
)
from app.graphql.operation_names import unselected_reason
from app.graphql.persisted_documents import DocumentNotFound, PersistedDocuments, read_manifest
from app.graphql.request import GraphQLRequest
from app.graphql.server_choice import execute_where_visible, with_position
from app.http.answer_size import answer_too_large
from app.http.authentication import insufficient_scope_headers
from app.http.problem import HttpProblem
from app.http.request_record import record_of
from app.monitoring.request_counts import OTHER, count_operation
from engine.database.timeouts import Timeouts
from engine.documents.documents import Documents, InvalidDocument
from engine.documents.limits import Limits
from engine.documents.prepared import PreparedDocument, PreparedOperation, SchemaRules
from engine.errors import LimitExceeded
from engine.execution.execution import InvalidVariables, execute
from engine.projection.response_size import ResponseTooLarge
from engine.streaming.subscription import NoSource, subscribe
from resolvers.context import Context
from schema.access import required_scopes
from schema.build import prepared_schema
from schema.costs import FilterCost, declared_costs

__all__ = ["GraphQLRequestError", "OperationRunner", "Result", "encode", "require_scopes"]

# Response of an operation (GraphQL specification, section 7.1): data, errors, extensions.
Result = dict[str, Any]


class GraphQLRequestError(Exception):
    """An operation was rejected before its execution, or a subscription ended by an error.

    ``errors`` are for the client; ``headers`` belong to a response over HTTP.
    """

    def __init__(
        self, errors: list[FormattedError], *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors
        self.headers = headers

    @property
    def code(self) -> str:
        """The code of the first error; all errors have the same code."""
        return codes_of(self.errors)[0]


def require_scopes(operation: PreparedOperation, context: Context) -> None:
    """Raise GraphQLRequestError (FORBIDDEN) if the caller lacks a scope of the operation."""
    needed = operation.required_scopes
    missing = needed - context.caller.scopes
    if missing:
        scopes = " and ".join(sorted(missing))
        message = f"The scope {scopes} is required. Use a credential that has it."
        raise GraphQLRequestError(
            [request_error("FORBIDDEN", message)], headers=insufficient_scope_headers(*needed)
        )


def encode(content: Any) -> str:
    """Return JSON text for a client."""
    return orjson.dumps(content, option=orjson.OPT_UTC_Z).decode()


class OperationRunner:
    """Runs operations against the schema, within the limits of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._limits = Limits(
            tokens=settings.max_tokens,
            depth=settings.max_depth,
            aliases=settings.max_aliases,
            directives=settings.max_directives,
            cost=settings.max_cost,
        )
        prepared = prepared_schema()
        schema = prepared.schema
        rules = SchemaRules(
            costs=declared_costs(schema),
            scopes=required_scopes(schema),
            filter_cost=FilterCost(max_values=settings.max_filter_values),
            validation=prepared.validation,
            middleware=prepared.middleware,
        )
        self._documents = Documents(
            schema,
            self._limits,
            rules=rules,
            shortcuts=settings.graphql_shortcuts,
            budget_bytes=settings.cache_max_bytes,
        )
        self._persisted = PersistedDocuments(
            read_manifest(settings.persisted_documents),
            trusted_only=settings.persisted_documents_only,
            budget_bytes=settings.cache_max_bytes,
        )
        # A client that may not send its own documents must not learn the schema from errors.
        self._hides_suggestions = settings.persisted_documents_only
        self._max_answer_bytes = settings.max_answer_bytes
        self._timeout_s = settings.request_timeout_ms / 1000
        self._timeouts = Timeouts(self._timeout_s)

    async def prepare(self, scope: Scope, request: GraphQLRequest) -> PreparedOperation:
        """Return the requested operation, and record its name and type for the log.

        Raises GraphQLRequestError, and HttpProblem (400) if operationName selects no operation.
        """
        document = await self._prepare_document(request)
        operation = document.operation(request.operation_name)
        if operation is None:
            detail = unselected_reason(document, request.operation_name)
            raise HttpProblem(400, "BAD_USER_INPUT", detail)
        record = record_of(scope)
        record.operation_name = operation.name
        record.operation_type = operation.kind_name
        return operation

    async def _prepare_document(self, request: GraphQLRequest) -> PreparedDocument:
        try:
            text = self._persisted.text_of(request)
            document = self._documents.cached(text)
            if document is None:
                document = await self._documents.prepare_in_turns(text)
        except DocumentNotFound as error:
            raise GraphQLRequestError([request_error("DOCUMENT_NOT_FOUND", str(error))]) from None
        except InvalidDocument as error:
            code = "GRAPHQL_PARSE_FAILED" if error.syntax else "GRAPHQL_VALIDATION_FAILED"
            raise GraphQLRequestError(self._format(error.errors, code)) from None
        except LimitExceeded as error:
            raise GraphQLRequestError([request_error("QUERY_TOO_COMPLEX", str(error))]) from None
        if request.document_id is not None:
            self._persisted.register(request)
        if self._persisted.is_trusted(text):
            for operation in document.operations:
                operation.counted_as = operation.name
        return document

    async def run(
        self,
        operation: PreparedOperation,
        *,
        variables: Mapping[str, Any],
        context: Context,
        with_cost: bool = False,
    ) -> Result:
        """Run a query or mutation; raises GraphQLRequestError."""
        require_scopes(operation, context)
        started_s = time.perf_counter()
        reads = context.reads
        run = execute if reads is None else partial(execute_where_visible, reads=reads)
        try:
            with self._timeouts.apply():
                execution, cost = await run(
                    operation,
                    variables=variables,
                    context=context,
                    max_cost=self._limits.cost,
                    max_response_bytes=self._max_answer_bytes,
                )
        except InvalidVariables as error:
            raise GraphQLRequestError(self._format(error.errors, "BAD_USER_INPUT")) from None
        except LimitExceeded as error:
            raise GraphQLRequestError([request_error("QUERY_TOO_COMPLEX", str(error))]) from None
        except ResponseTooLarge as error:
            raise _too_large(error) from None
        except TimeoutError:
            message = (
                f"The operation did not finish within {self._timeout_s:g} s."
                " Request less data, or try again later."
            )
            raise GraphQLRequestError([request_error("TIMEOUT", message)]) from None
        finally:
            count_operation(operation.counted_as or OTHER, time.perf_counter() - started_s)
        result: Result = {"data": execution.data}
        if execution.errors:
            result["errors"] = format_execution_errors(
                execution.errors, request_id=context.request_id
            )
        if with_cost:
            result["extensions"] = {"cost": {"cost": cost, "limit": self._limits.cost}}
        return with_position(result, reads)

    def encode(self, result: Result) -> bytes:
        """Return the JSON of a result; raises GraphQLRequestError if it is too large.

        `run` has counted what weighs most, but not exactly.
        """
        body = orjson.dumps(result, option=orjson.OPT_UTC_Z)
        if len(body) > self._max_answer_bytes:
            raise _too_large(ResponseTooLarge(self._max_answer_bytes))
        return body

    async def subscribe(
        self,
        operation: PreparedOperation,
        *,
        variables: Mapping[str, Any],
        context: Context,
        count: Callable[[], Awaitable[None]] | None,
    ) -> AsyncGenerator[str, None]:
        """Start a subscription and return its results as JSON texts.

        ``count`` is called for each event, and ends the subscription if it raises HttpProblem.
        Raises GraphQLRequestError; the results raise it if an error ends the subscription later.
        """
        require_scopes(operation, context)

        def render(execution: ExecutionResult) -> str:
            result: Result = {"data": execution.data}
            if execution.errors:
                result["errors"] = format_execution_errors(
                    execution.errors, request_id=context.request_id
                )
            try:
                return self.encode(result).decode()
            except GraphQLRequestError as error:
                return encode({"data": None, "errors": error.errors})

        try:
            async with asyncio.timeout(self._timeout_s):
                results = await subscribe(
                    operation,
                    variables=variables,
                    context=context,
                    max_cost=self._limits.cost,
                    max_response_bytes=self._max_answer_bytes,
                    timeout_s=self._timeout_s,
                    render=render,
                    shared_by=context.caller,
                )
        except InvalidVariables as error:
            raise GraphQLRequestError(self._format(error.errors, "BAD_USER_INPUT")) from None
        except LimitExceeded as error:
            raise GraphQLRequestError([request_error("QUERY_TOO_COMPLEX", str(error))]) from None
        except NoSource as error:
            errors = format_execution_errors(error.errors, request_id=context.request_id)
            raise GraphQLRequestError(errors) from None
        except TimeoutError:
            message = f"The subscription did not start within {self._timeout_s:g} s. Try again."
            raise GraphQLRequestError([request_error("TIMEOUT", message)]) from None
        return _with_request_errors(results, context, count)

    def invalid_trusted_documents(self) -> Iterator[tuple[str, str]]:
        """Yield the hash of each trusted document that cannot be run, and the reason."""
        for sha256, text in self._persisted.trusted.items():
            try:
                self._documents.prepare(text)
            except (InvalidDocument, LimitExceeded) as error:
                yield sha256, str(error)

    def _format(self, errors: Sequence[GraphQLError], code: str) -> list[FormattedError]:
        formatted = format_errors(errors, code)
        return without_suggestions(formatted) if self._hides_suggestions else formatted


def _too_large(error: ResponseTooLarge) -> GraphQLRequestError:
    return GraphQLRequestError([request_error("RESPONSE_TOO_LARGE", answer_too_large(error))])


async def _with_request_errors(
    results: AsyncGenerator[str, None],
    context: Context,
    count: Callable[[], Awaitable[None]] | None,
) -> AsyncGenerator[str, None]:
    """Yield the results of a subscription, and end with GraphQLRequestError on any exception."""
    try:
        async with aclosing(results):
            async for result in results:
                if count is not None:
                    await count()
                yield result
    except HttpProblem as problem:
        raise GraphQLRequestError([request_error(problem.code, str(problem))]) from None
    except Exception as error:  # noqa: BLE001  # any exception ends the subscription
        errors = format_exception(error, request_id=context.request_id)
        raise GraphQLRequestError(errors) from None
