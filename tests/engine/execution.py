"""The two ways to execute an operation: as the engine does it, and plainly."""

import os
from collections.abc import Mapping
from typing import Any

from graphql import ExecutionResult
from graphql.execution import Executor

from engine.documents.documents import Documents, PreparedDocument, SchemaRules
from engine.documents.limits import Limits
from engine.execution.execution import execute
from resolvers.context import Context
from schema.access import required_scopes
from schema.build import graphql_schema
from tests.engine.reference import ReferenceExecutor, Rows

SCHEMA = graphql_schema()
RULES = SchemaRules(costs={}, scopes=required_scopes(SCHEMA))
NO_LIMIT = 1_000_000_000


def prepared(text: str) -> PreparedDocument:
    """Return a document, valid and within limits that nothing exceeds."""
    limits = Limits(*[NO_LIMIT] * 5)
    shortcuts = os.environ.get("GRAPHQL_SHORTCUTS") != "false"
    return Documents(SCHEMA, limits, rules=RULES, shortcuts=shortcuts).prepare(text)


async def projected(
    document: PreparedDocument, variables: Mapping[str, Any], context: Context
) -> ExecutionResult:
    """Execute as the server does."""
    result, _ = await execute(
        document.operations[0], variables=variables, context=context, max_cost=NO_LIMIT
    )
    return result


async def plain(
    document: PreparedDocument,
    variables: Mapping[str, Any],
    context: Context,
    rows: Rows,
    *,
    all_errors: bool = False,
) -> ExecutionResult:
    """Execute over model instances; with all errors, also those that others would hide."""
    executor = ReferenceExecutor.build(
        SCHEMA,
        document.document.node,
        context_value=context,
        raw_variable_values=dict(variables),
        rows=rows,
    )
    assert isinstance(executor, Executor)
    executor.error_propagation = not all_errors
    result: Any = executor.execute_operation()
    if executor.is_awaitable(result):
        result = await result
    assert isinstance(result, ExecutionResult)
    return result
