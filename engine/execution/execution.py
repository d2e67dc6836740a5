"""A prepared operation, executed."""

from collections.abc import Mapping
from typing import Any, cast

from graphql import (
    ExecutionResult,
    default_field_resolver,
    default_type_resolver,
)

from engine.documents.cost import check_cost
from engine.documents.documents import PreparedOperation
from engine.execution.executor import ProjectingExecutor
from engine.execution.plan import PartialResult, plan_of
from engine.projection.context import InvalidVariables, OperationContext

__all__ = ["InvalidVariables", "execute", "executor_of", "select"]


async def execute(
    operation: PreparedOperation,
    *,
    variables: Mapping[str, Any],
    context: Any,
    max_cost: int,
) -> tuple[ExecutionResult, int]:
    """Execute a query or mutation and return its result and cost; never raises for a field's error.

    The data is ready for orjson: moments are datetimes or texts, JSON values `orjson.Fragment`.
    Raises InvalidVariables and LimitExceeded, with nothing executed.
    """
    selection, cost = select(operation, variables=variables, context=context, max_cost=max_cost)
    begun = None
    plan = plan_of(selection)
    if plan is not None:
        begun = await plan.run(selection)
        if begun.is_finished:
            return ExecutionResult(begun.data, None), cost
    executor = executor_of(selection, begun)
    result: Any = executor.execute_operation()
    if executor.is_awaitable(result):
        result = await result
    return cast("ExecutionResult", result), cost


def select(
    operation: PreparedOperation,
    *,
    variables: Mapping[str, Any],
    context: Any,
    max_cost: int,
) -> tuple[OperationContext, int]:
    """Return an operation ready to be executed, and its cost; raises as `execute` does."""
    selection = OperationContext(operation, variables, context)
    cost = operation.cost(selection.variables)
    check_cost(cost, max_cost)
    return selection, cost.value


def executor_of(
    selection: OperationContext, begun: PartialResult | None = None
) -> ProjectingExecutor:
    """Return graphql-core's executor of an operation, to go on from what was begun."""
    # What `Executor.build` does, without going through the document again.
    document = selection.document
    return ProjectingExecutor(
        document.schema,
        document.fragments,
        document.fragment_details,
        None,
        selection.info.context,
        selection.operation.node,
        selection.sources(),
        default_field_resolver,
        default_type_resolver,
        default_field_resolver,
        selection=selection,
        begun=begun,
    )
