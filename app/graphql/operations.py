"""Operations, whatever carries them: prepared, checked against the limits, and run."""

import asyncio
from collections.abc import Mapping
from typing import Any

from app.graphql.errors import Shown, codes_of, request_error, shown, shown_errors
from app.settings import Settings
from engine.documents import Document, Documents, InvalidDocument
from engine.execution import InvalidVariables, execute
from engine.limits import LimitExceeded, Limits
from resolvers.context import Context
from schema.build import graphql_schema
from schema.costs import COSTS

__all__ = ["Content", "Operations", "Refused"]

# A result as GraphQL's specification has it (section 7.1): data, errors, extensions.
Content = dict[str, Any]


class Refused(Exception):
    """Nothing of the operation was executed; ``errors`` say why."""

    def __init__(self, errors: list[Shown]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors

    @property
    def code(self) -> str:
        """The code of the first error; all have the same."""
        return codes_of(self.errors)[0]


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
        self._documents = Documents(graphql_schema(), self._limits, declared_costs=COSTS)
        self._timeout_s = settings.request_timeout_ms / 1000

    def prepare(self, text: str) -> Document:
        """Return the document of a text; raises Refused."""
        try:
            return self._documents.prepare(text)
        except InvalidDocument as error:
            code = "GRAPHQL_PARSE_FAILED" if error.syntax else "GRAPHQL_VALIDATION_FAILED"
            raise Refused(shown(error.errors, code)) from None
        except LimitExceeded as error:
            raise Refused([request_error("QUERY_TOO_COMPLEX", str(error))]) from None

    async def run(
        self,
        document: Document,
        *,
        operation_name: str | None,
        variables: Mapping[str, Any],
        context: Context,
        with_cost: bool = False,
    ) -> Content:
        """Run a query or mutation; raises Refused."""
        try:
            async with asyncio.timeout(self._timeout_s):
                result, cost = await execute(
                    document,
                    operation_name=operation_name,
                    variables=variables,
                    context=context,
                    max_cost=self._limits.cost,
                )
        except InvalidVariables as error:
            raise Refused(shown(error.errors, "BAD_USER_INPUT")) from None
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
