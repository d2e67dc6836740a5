"""An operation of a prepared document, executed."""

from collections.abc import Mapping
from typing import Any, cast

from graphql import (
    ExecutionResult,
    GraphQLError,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution.values import get_variable_values

from engine.cost import check_cost
from engine.documents import Document
from engine.executor import ProjectingExecutor


class InvalidVariables(Exception):
    """The variables do not fit the operation; nothing of it was executed."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


async def execute(
    document: Document,
    *,
    operation_name: str | None,
    variables: Mapping[str, Any],
    context: Any,
    max_cost: int,
) -> tuple[ExecutionResult, int]:
    """Execute a query or mutation and return its result and cost; never raises for a field's error.

    The data is ready for orjson: moments are datetimes, JSON values `orjson.Fragment`.
    Raises InvalidVariables and LimitExceeded, with nothing executed.
    """
    executor, cost = prepare(
        document,
        operation_name=operation_name,
        variables=variables,
        context=context,
        max_cost=max_cost,
    )
    result: Any = executor.execute_operation()
    if executor.is_awaitable(result):
        result = await result
    return cast("ExecutionResult", result), cost


def prepare(
    document: Document,
    *,
    operation_name: str | None,
    variables: Mapping[str, Any],
    context: Any,
    max_cost: int,
) -> tuple[ProjectingExecutor, int]:
    """Return an operation ready to be executed, and its cost; raises as `execute` does."""
    operation = document.operation(operation_name)
    if operation is None:
        raise InvalidVariables([GraphQLError("operationName must name one operation.")])
    # What `Executor.build` does, without going through the document again.
    values = get_variable_values(
        document.schema, operation.variable_definitions or (), dict(variables)
    )
    if isinstance(values, list):
        raise InvalidVariables(values)
    cost = document.cost(operation, values.coerced)
    check_cost(cost, max_cost)
    executor = ProjectingExecutor(
        document.schema,
        document.fragments,
        document.fragment_details,
        None,
        context,
        operation,
        values,
        default_field_resolver,
        default_type_resolver,
        default_field_resolver,
        prepared=document,
    )
    return executor, cost.value
