"""Execute an operation on a server that has replayed its caller's last change."""

from functools import partial
from typing import Any

from graphql import ExecutionResult, OperationType

from app.graphql.request import GraphQLRequest
from app.http.caller_position import EXTENSION
from engine.database.caller_reads import CallerReads
from engine.documents.prepared import PreparedOperation
from engine.execution.execution import execute
from resolvers.context import Context
from schema.access import WITH_EFFECT

__all__ = ["add_sent_position", "execute_where_visible", "has_effect", "with_position"]


def has_effect(operation: PreparedOperation) -> bool:
    """Return whether an operation is a mutation, or a query that writes."""
    return not operation.required_scopes.isdisjoint(WITH_EFFECT)


async def execute_where_visible(
    operation: PreparedOperation, *, reads: CallerReads, **arguments: Any
) -> tuple[ExecutionResult, int]:
    """Execute an operation as `execute` does, a query on a replica if one may be used."""
    only_reads = operation.kind is OperationType.QUERY and not has_effect(operation)
    run = reads.read if only_reads else reads.write
    return await run(partial(execute, operation, **arguments))


def add_sent_position(context: Context, request: GraphQLRequest) -> None:
    """Add the position in a request to that in the headers."""
    if context.reads is not None and request.position is not None:
        context.reads.add_sent(request.position)


def with_position(result: dict[str, Any], reads: CallerReads | None) -> dict[str, Any]:
    """Add the position of the operation's changes to a result, if there are any."""
    if reads is not None and reads.position:
        result.setdefault("extensions", {})[EXTENSION] = reads.position
    return result
