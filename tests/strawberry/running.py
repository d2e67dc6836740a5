"""One operation, run by the engine as the server does and by `strawberry.Schema.execute`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import strawberry
from graphql import GraphQLError, GraphQLFormattedError

from engine.documents.documents import Documents, InvalidDocument
from engine.documents.limits import Limits
from engine.documents.prepared import PreparedOperation, SchemaRules
from engine.execution.execution import InvalidVariables, execute
from engine.projection.fallbacks import FALLBACKS, FallbackReason
from schema.access import required_scopes
from schema.preparation.prepare import prepare

__all__ = [
    "NO_LIMIT",
    "Answer",
    "Build",
    "Case",
    "Registry",
    "answer_of",
    "by_engine",
    "by_strawberry",
    "fallback_of",
    "prepared_operation",
]

# Builds the schema; called once for each way to run an operation.
Build: TypeAlias = Callable[[], strawberry.Schema]
_Declare: TypeAlias = Callable[[], type | strawberry.Schema]
NO_LIMIT = 1_000_000


@dataclass(frozen=True)
class Case:
    """An operation against a schema of its own."""

    build: Build
    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)


class Registry(dict[str, Case]):
    """The cases of one module, by the feature that each shows."""

    def add(
        self, feature: str, query: str, variables: Mapping[str, Any] | None = None
    ) -> Callable[[_Declare], _Declare]:
        """Add a function that returns a query type or a whole schema."""

        def declare(function: _Declare) -> _Declare:
            def build() -> strawberry.Schema:
                made = function()
                return strawberry.Schema(made) if isinstance(made, type) else made

            assert feature not in self
            self[feature] = Case(build, query, variables or {})
            return function

        return declare


@dataclass(frozen=True)
class Answer:
    """Result of an operation as a client receives it."""

    data: dict[str, Any] | None
    errors: list[GraphQLFormattedError]


async def by_strawberry(case: Case, context: Any = None) -> Answer:
    """Run the operation as Strawberry's manual does."""
    result = await case.build().execute(
        case.query, variable_values=dict(case.variables), context_value=context
    )
    return answer_of(result.data, result.errors)


async def by_engine(
    case: Case, context: Any = None, *, shortcuts: bool = True, times: int = 1
) -> Answer:
    """Run the operation as the server does, and return the last answer."""
    try:
        operation = prepared_operation(case.build(), case.query, shortcuts=shortcuts)
        result = None
        for _ in range(times):
            result, _cost = await execute(
                operation, variables=case.variables, context=context, max_cost=NO_LIMIT
            )
    except (InvalidDocument, InvalidVariables) as error:
        return answer_of(None, error.errors)
    assert result is not None
    return answer_of(result.data, result.errors)


def prepared_operation(
    schema: strawberry.Schema, query: str, *, shortcuts: bool = True
) -> PreparedOperation:
    """Return the only operation of a document; raises InvalidDocument."""
    prepared = prepare(schema)
    rules = SchemaRules(
        costs={},
        scopes=dict.fromkeys(required_scopes(prepared.schema)),
        validation=prepared.validation,
        middleware=prepared.middleware,
    )
    limits = Limits(*[NO_LIMIT] * 5)
    documents = Documents(prepared.schema, limits, rules=rules, shortcuts=shortcuts)
    [operation] = documents.prepare(query).operations
    return operation


async def fallback_of(case: Case, context: Any = None) -> FallbackReason | None:
    """Return why the engine leaves the operation to graphql-core; None where it does not."""
    before = FALLBACKS.copy()
    await by_engine(case, context)
    reasons = list((FALLBACKS - before).elements())
    assert len(reasons) <= 1
    return reasons[0] if reasons else None


def answer_of(data: dict[str, Any] | None, errors: list[GraphQLError] | None) -> Answer:
    """Return a result as a client sees it; the order of errors is not specified."""
    return Answer(data, sorted((error.formatted for error in errors or ()), key=repr))
