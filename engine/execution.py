"""An operation of a prepared document, executed."""

from collections.abc import Mapping
from typing import Any, cast

from graphql import ExecutionResult, GraphQLError

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
    executor: Any = ProjectingExecutor.build(
        document.schema,
        document.node,
        context_value=context,
        raw_variable_values=dict(variables),
        operation_name=operation_name,
        prepared=document,
    )
    if isinstance(executor, list):
        raise InvalidVariables(executor)
    cost = document.cost(executor.operation, executor.variable_values.coerced)
    check_cost(cost, max_cost)
    return executor, cost.value
