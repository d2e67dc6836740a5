"""Operations, whatever carries them: prepared, checked against the limits, and run."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError
from starlette.types import Scope

from app.config.settings import Settings
from app.graphql.errors import (
    Shown,
    codes_of,
    request_error,
    shown,
    shown_errors,
    shown_fault,
    without_suggestions,
)
from app.graphql.persisted_documents import DocumentNotFound, PersistedDocuments, trusted_documents
from app.graphql.request import GraphQLRequest
from app.http.authentication import insufficient_scope_headers
from app.http.problem import HttpProblem
from app.http.request_record import record_of
from engine.database.timeouts import Timeouts
from engine.documents.documents import (
    Documents,
    InvalidDocument,
    PreparedDocument,
    PreparedOperation,
    SchemaRules,
)
from engine.documents.limits import Limits
from engine.errors import LimitExceeded
from engine.execution.execution import InvalidVariables, execute
from engine.streaming.subscription import NoSource, subscribe
from resolvers.context import Context
from schema.access import required_scopes
from schema.build import prepared_schema
from schema.costs import declared_costs

__all__ = ["Content", "Operations", "Refused", "encode", "require_scopes"]

# A result as GraphQL's specification has it (section 7.1): data, errors, extensions.
Content = dict[str, Any]


class Refused(Exception):
    """Nothing of the operation was executed; ``errors`` say why, over HTTP ``headers`` too."""

    def __init__(self, errors: list[Shown], *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors
        self.headers = headers

    @property
    def code(self) -> str:
        """The code of the first error; all have the same."""
        return codes_of(self.errors)[0]


def require_scopes(operation: PreparedOperation, context: Context) -> None:
    """Raise Refused (FORBIDDEN) where the caller lacks a scope that the operation needs."""
    needed = operation.required_scopes
    missing = needed - context.caller.scopes
    if missing:
        scopes = " and ".join(sorted(missing))
        errors = [request_error("FORBIDDEN", f"This needs the scope {scopes}.")]
        raise Refused(errors, headers=insufficient_scope_headers(*needed))


def encode(content: Any) -> str:
    """Return what is answered as JSON text."""
    return orjson.dumps(content, option=orjson.OPT_UTC_Z).decode()


class Operations:
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
            validation=prepared.validation,
            middleware=prepared.middleware,
        )
        self._documents = Documents(
            schema, self._limits, rules=rules, shortcuts=settings.graphql_shortcuts
        )
        self._known = PersistedDocuments(
            trusted_documents(settings.persisted_documents),
            trusted_only=settings.persisted_documents_only,
        )
        # Who may send no text of its own may not ask for the schema either.
        self._hides_names = settings.persisted_documents_only
        self._timeout_s = settings.request_timeout_ms / 1000
        self._deadlines = Timeouts(self._timeout_s)

    def prepare(self, scope: Scope, request: GraphQLRequest) -> PreparedOperation:
        """Return the operation that is asked for, noted for the log.

        Raises Refused, and HttpProblem (400) where it is not told which.
        """
        document = self._document(request)
        operation = document.operation(request.operation_name)
        if operation is None:
            names = ", ".join(one.name for one in document.operations if one.name)
            detail = (
                f"operationName must name one of the document's operations: {names}."
                if names
                else "The document has no operation."
            )
            raise HttpProblem(400, "BAD_USER_INPUT", detail)
        record = record_of(scope)
        record.operation_name = operation.name
        record.operation_type = operation.kind_name
        return operation

    def _document(self, request: GraphQLRequest) -> PreparedDocument:
        try:
            document = self._documents.prepare(self._known.text_of(request))
        except DocumentNotFound as error:
            raise Refused([request_error("DOCUMENT_NOT_FOUND", str(error))]) from None
        except InvalidDocument as error:
            code = "GRAPHQL_PARSE_FAILED" if error.syntax else "GRAPHQL_VALIDATION_FAILED"
            raise Refused(self._told(error.errors, code)) from None
        except LimitExceeded as error:
            raise Refused([request_error("QUERY_TOO_COMPLEX", str(error))]) from None
        if request.document_id is not None:
            self._known.keep(request)
        return document

    async def run(
        self,
        operation: PreparedOperation,
        *,
        variables: Mapping[str, Any],
        context: Context,
        with_cost: bool = False,
    ) -> Content:
        """Run a query or mutation; raises Refused."""
        require_scopes(operation, context)
        try:
            with self._deadlines.apply():
                result, cost = await execute(
                    operation,
                    variables=variables,
                    context=context,
                    max_cost=self._limits.cost,
                )
        except InvalidVariables as error:
            raise Refused(self._told(error.errors, "BAD_USER_INPUT")) from None
        except LimitExceeded as error:
            raise Refused([request_error("QUERY_TOO_COMPLEX", str(error))]) from None
        except TimeoutError:
            message = f"The operation did not end within {self._timeout_s:g} s."
            raise Refused([request_error("TIMEOUT", message)]) from None
        content: Content = {"data": result.data}
        if result.errors:
            content["errors"] = shown_errors(result.errors, request_id=context.request_id)
        if with_cost:
            content["extensions"] = {"cost": {"cost": cost, "limit": self._limits.cost}}
        return content

    async def subscribe(
        self,
        operation: PreparedOperation,
        *,
        variables: Mapping[str, Any],
        context: Context,
    ) -> AsyncGenerator[str, None]:
        """Start a subscription and return its results as JSON texts.

        Raises Refused, also later, where the results cannot go on.
        """
        require_scopes(operation, context)

        def render(result: ExecutionResult) -> str:
            content: Content = {"data": result.data}
            if result.errors:
                content["errors"] = shown_errors(result.errors, request_id=context.request_id)
            return encode(content)

        try:
            async with asyncio.timeout(self._timeout_s):
                answers = await subscribe(
                    operation,
                    variables=variables,
                    context=context,
                    max_cost=self._limits.cost,
                    timeout_s=self._timeout_s,
                    render=render,
                    shared_by=context.caller,
                )
        except InvalidVariables as error:
            raise Refused(self._told(error.errors, "BAD_USER_INPUT")) from None
        except LimitExceeded as error:
            raise Refused([request_error("QUERY_TOO_COMPLEX", str(error))]) from None
        except NoSource as error:
            raise Refused(shown_errors(error.errors, request_id=context.request_id)) from None
        except TimeoutError:
            message = f"The subscription did not start within {self._timeout_s:g} s."
            raise Refused([request_error("TIMEOUT", message)]) from None
        return _refusing(answers, context)

    def unusable_documents(self) -> Iterator[tuple[str, str]]:
        """Yield the hash of each trusted document that cannot be run, and what is wrong with it."""
        for name, text in self._known.trusted.items():
            try:
                self._documents.prepare(text)
            except (InvalidDocument, LimitExceeded) as error:
                yield name, str(error)

    def _told(self, errors: Sequence[GraphQLError], code: str) -> list[Shown]:
        told = shown(errors, code)
        return without_suggestions(told) if self._hides_names else told


async def _refusing(
    answers: AsyncGenerator[str, None], context: Context
) -> AsyncGenerator[str, None]:
    try:
        async with aclosing(answers):
            async for answer in answers:
                yield answer
    except Exception as error:  # noqa: BLE001  # whatever it is, it ends the subscription
        raise Refused(shown_fault(error, request_id=context.request_id)) from None
