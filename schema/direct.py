"""Strawberry declares the schema, graphql-core calls our functions directly.

Strawberry's own wrapping of a resolver costs more than the rest of a small query:
it copies input objects into classes, only for them to become data again. Here a
resolver gets what graphql-core has coerced: arguments by their Python names, and
input objects as dictionaries that hold just the fields that were given.
"""

from collections.abc import Callable, Container
from typing import Any, cast

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

_DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF


def call_directly(schema: GraphQLSchema) -> None:
    """Replace the resolvers that Strawberry made, in the whole schema."""
    for graphql_type in schema.type_map.values():
        if isinstance(graphql_type, GraphQLInputObjectType):
            graphql_type.out_type = _as_it_is  # type: ignore[method-assign]  # an option of the type's
            for input_field in graphql_type.fields.values():
                input_field.out_name = _python_name(input_field)
        elif isinstance(graphql_type, GraphQLObjectType):
            for field in graphql_type.fields.values():
                if _DEFINITION in field.extensions:
                    _call_directly(field, field.extensions[_DEFINITION])


def _call_directly(field: GraphQLField, definition: StrawberryField) -> None:
    for argument in field.args.values():
        argument.out_name = _python_name(argument)
    if definition.base_resolver is None:
        field.resolve = _attribute(definition.python_name)
        return
    function = cast("Callable[..., Any]", definition.base_resolver.wrapped_func)
    resolve = _adapted(function, definition.base_resolver.signature.parameters)
    if definition.is_subscription:
        field.subscribe = resolve
    else:
        field.resolve = resolve


def _python_name(element: Any) -> str:
    # A name that is a word of Python's ends in an underscore there.
    name: str = element.extensions[_DEFINITION].python_name
    return name.rstrip("_")


def _as_it_is(value: dict[str, Any]) -> dict[str, Any]:
    return value


def _attribute(name: str) -> Callable[..., Any]:
    def resolve(source: Any, _info: GraphQLResolveInfo[Any]) -> Any:
        return getattr(source, name)

    return resolve


def _adapted(function: Callable[..., Any], parameters: Container[str]) -> Callable[..., Any]:
    """Return the function as graphql-core calls it: with the parent and the info, in this order."""
    match ("parent" in parameters, "info" in parameters):
        case (True, True):
            return function
        case (True, False):
            return lambda source, _info, **arguments: function(source, **arguments)
        case (False, True):
            return lambda _source, info, **arguments: function(info, **arguments)
        case _:
            return lambda _source, _info, **arguments: function(**arguments)
