"""An operation of a prepared document, executed."""

from collections.abc import Mapping
from typing import Any, cast

from graphql import ExecutionResult, GraphQLError, GraphQLSchema

from engine.documents import Document
from engine.executor import ProjectingExecutor


class InvalidVariables(Exception):
    """The variables do not fit the operation; nothing of it was executed."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


async def execute(
    schema: GraphQLSchema,
    document: Document,
    *,
    operation_name: str | None,
    variables: Mapping[str, Any],
    context: Any,
) -> ExecutionResult:
    """Execute a query or mutation; raises InvalidVariables, and never for a field's error.

    The data is ready for orjson: moments are datetimes, JSON values `orjson.Fragment`.
    """
    executor = ProjectingExecutor.build(
        schema,
        document.node,
        context_value=context,
        raw_variable_values=dict(variables),
        operation_name=operation_name,
        prepared=document,
    )
    if isinstance(executor, list):
        raise InvalidVariables(executor)
    result: Any = executor.execute_operation()
    if executor.is_awaitable(result):
        result = await result
    return cast("ExecutionResult", result)
