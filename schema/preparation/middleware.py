"""Operation directives and schema extensions: functions that wrap the resolvers of an operation."""

from collections.abc import Mapping
from typing import Any

import strawberry
from graphql import GraphQLSchema, MiddlewareManager
from strawberry.extensions import SchemaExtension
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from engine.documents.prepared import Middleware, PreparedOperation
from schema.preparation.fast_resolver import DEFINITION

__all__ = ["middleware_of"]


def middleware_of(schema: GraphQLSchema, strawberry_schema: strawberry.Schema) -> Middleware | None:
    """Return the middleware of a schema; None without operation directives and extensions.

    Extensions apply to every document, directives only to documents that use one.
    """
    directives = [
        directive.name
        for directive in schema.directives
        if directive.extensions.get(DEFINITION) in strawberry_schema.directives
    ]
    if not strawberry_schema.extensions and not directives:
        return None

    def create(
        operation: PreparedOperation, variables: Mapping[str, Any], context: Any
    ) -> MiddlewareManager:
        execution_context = _execution_context(strawberry_schema, operation, variables, context)
        extensions: list[SchemaExtension] = []
        for extension in strawberry_schema.get_extensions():
            extension.execution_context = execution_context
            extensions.append(extension)
        return MiddlewareManager(*extensions)

    names = None if strawberry_schema.extensions else frozenset(directives)
    return Middleware(create, directives=names)


def _execution_context(
    strawberry_schema: strawberry.Schema,
    operation: PreparedOperation,
    variables: Mapping[str, Any],
    context: Any,
) -> ExecutionContext:
    node = operation.document.node
    return ExecutionContext(
        query=node.loc.source.body if node.loc else None,
        schema=strawberry_schema,
        allowed_operations=tuple(OperationType),
        context=context,
        variables=dict(variables),
        provided_operation_name=operation.name,
        graphql_document=node,
    )
