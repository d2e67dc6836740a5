"""Execute an operation with the engine, and with the reference implementation."""

import os
from collections.abc import Mapping
from typing import Any

from graphql import ExecutionResult
from graphql.execution import Executor

from engine.documents.documents import Documents
from engine.documents.limits import Limits
from engine.documents.prepared import PreparedDocument, SchemaRules
from engine.execution.execution import execute
from resolvers.context import Context
from schema.access import required_scopes
from schema.build import graphql_schema
from tests.engine.reference import ReferenceExecutor, Rows

SCHEMA = graphql_schema()
RULES = SchemaRules(costs={}, scopes=required_scopes(SCHEMA))
NO_LIMIT = 1_000_000_000


# As in the fixture `settings`, so that the tests can run without the shortcuts.
SHORTCUTS = os.environ.get("GRAPHQL_SHORTCUTS") != "false"


def prepare(text: str, *, shortcuts: bool = SHORTCUTS) -> PreparedDocument:
    """Return a prepared document; the limits are so high that no test exceeds them."""
    limits = Limits(*[NO_LIMIT] * 5)
    return Documents(SCHEMA, limits, rules=RULES, shortcuts=shortcuts).prepare(text)


async def execute_projected(
    document: PreparedDocument, variables: Mapping[str, Any], context: Context
) -> ExecutionResult:
    """Execute an operation with the engine, as the server does."""
    result, _ = await execute(
        document.operations[0], variables=variables, context=context, max_cost=NO_LIMIT
    )
    return result


async def execute_reference(
    document: PreparedDocument,
    variables: Mapping[str, Any],
    context: Context,
    rows: Rows,
    *,
    all_errors: bool = False,
) -> ExecutionResult:
    """Execute an operation over model instances.

    With ``all_errors``, errors do not propagate, and the result has all of them.
    """
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
