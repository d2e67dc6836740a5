"""Reject features of Strawberry that the engine would silently ignore.

Operations do not go through `strawberry.Schema.execute`: a document is parsed and validated
once and executed many times. Features that Strawberry implements there are not available.

=====================================  ===================================================
The schema does not build with         Instead
=====================================  ===================================================
extensions with a lifecycle hook       field extensions, `resolve` of an extension, ASGI
                                       middleware, or the limits in the settings
an ``execution_context_class``         `engine.execution.executor`
an overridden ``process_errors``       `app.graphql.errors`
``disable_field_suggestions``          PERSISTED_DOCUMENTS_ONLY, which removes them
``batching_config``                    one request for each operation
incremental execution                  pages
the ``Upload`` scalar                  an upload outside GraphQL, and its URL as a string
=====================================  ===================================================
"""

from collections.abc import Iterator
from typing import Any

import strawberry
from graphql import GraphQLSchema
from strawberry.extensions import SchemaExtension
from strawberry.extensions.base_extension import HOOK_METHODS
from strawberry.federation import Schema as FederationSchema
from strawberry.file_uploads.scalars import UploadDefinition
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.preparation.fast_resolver import DEFINITION, UnsupportedSchema

__all__ = ["check_features"]

_HOOKS = sorted(HOOK_METHODS | {"get_results"})


def check_features(schema: GraphQLSchema, strawberry_schema: strawberry.Schema) -> None:
    """Raise UnsupportedSchema if the schema uses a feature that the engine would ignore."""
    for extension in strawberry_schema.extensions:
        _check_extension(extension)
    for problem in _unsupported_options(strawberry_schema):
        raise UnsupportedSchema(problem)
    for name, graphql_type in schema.type_map.items():
        if graphql_type.extensions.get(DEFINITION) is UploadDefinition:
            raise UnsupportedSchema(
                f"{_first_use(schema, name)}: file uploads are not supported, since the server"
                " accepts no multipart requests. Upload the file outside GraphQL, and pass its URL"
                " as a string."
            )


def _check_extension(extension: Any) -> None:
    if not isinstance(extension, type) or not issubclass(extension, SchemaExtension):
        raise UnsupportedSchema(
            f"extensions: {extension!r} is not a class, so its hooks are not known. Pass a subclass"
            " of SchemaExtension."
        )
    base: Any = SchemaExtension
    used = [name for name in _HOOKS if getattr(extension, name) is not getattr(base, name)]
    if used:
        raise UnsupportedSchema(
            f"extensions: {extension.__name__}.{used[0]} would not be called, since a document is"
            " parsed and validated once for all its operations. Use `resolve`, a field extension"
            " or an ASGI middleware."
        )


def _unsupported_options(strawberry_schema: strawberry.Schema) -> Iterator[str]:
    config = strawberry_schema.config
    if strawberry_schema.execution_context_class is not StrawberryGraphQLCoreExecutionContext:
        yield (
            "execution_context_class: operations are executed by"
            " engine.execution.executor.ProjectingExecutor. Change that class instead."
        )
    if type(strawberry_schema) not in {strawberry.Schema, FederationSchema}:
        yield (
            f"{type(strawberry_schema).__name__}: its methods would not be called, process_errors"
            " among them. Use strawberry.Schema, and app.graphql.errors for errors."
        )
    if config.disable_field_suggestions:
        yield (
            "disable_field_suggestions: the engine validates documents. Set"
            " PERSISTED_DOCUMENTS_ONLY, which removes suggestions."
        )
    if config.batching_config is not None:
        yield "batching_config: the server accepts one operation in a request. Remove it."
    if config.enable_experimental_incremental_execution:
        yield "enable_experimental_incremental_execution: @defer and @stream are not supported."


def _first_use(schema: GraphQLSchema, name: str) -> str:
    """Return the coordinate of the first field or argument with this type."""
    for type_name, graphql_type in schema.type_map.items():
        for field_name, field in getattr(graphql_type, "fields", {}).items():
            if str(field.type).strip("[]!") == name:
                return f"{type_name}.{field_name}"
            for argument_name, argument in getattr(field, "args", {}).items():
                if str(argument.type).strip("[]!") == name:
                    return f"{type_name}.{field_name}({argument_name}:)"
    return name
