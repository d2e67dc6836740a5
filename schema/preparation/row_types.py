"""Object types whose objects are rows of a model."""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema
from tortoise.models import Model

from engine.arguments.fast_resolvers import record_row_model
from schema.preparation.fast_resolver import DEFINITION

__all__ = ["record_row_types", "rows_of"]

_MODEL = "__row_model__"


def rows_of(model: type[Model]) -> Callable[[object, object], bool]:
    """Return an ``is_type_of`` for a type whose objects are exactly the rows of a model.

    The engine reads such a type from columns. A type with another ``is_type_of`` is read from
    model instances, because the function must be called with each of them.
    """

    def is_type_of(value: object, _info: object) -> bool:
        return isinstance(value, model)

    setattr(is_type_of, _MODEL, model)
    return staticmethod(is_type_of)


def record_row_types(schema: GraphQLSchema) -> None:
    """Record which types the engine may read from columns."""
    for graphql_type in schema.type_map.values():
        definition: Any = graphql_type.extensions.get(DEFINITION)
        if isinstance(graphql_type, GraphQLObjectType):
            model = _row_model(graphql_type)
            if model is not None:
                record_row_model(graphql_type, model)
        elif isinstance(graphql_type, GraphQLInterfaceType) and definition is not None:
            types = schema.get_possible_types(graphql_type)
            # graphql-core then finds the type of a row by `is_type_of`, which accepts one model.
            if definition.resolve_type is None and not any(map(_has_own_is_type_of, types)):
                record_row_model(graphql_type, object)


def _row_model(object_type: GraphQLObjectType) -> object | None:
    if object_type.is_type_of is None:
        return object
    model: object | None = getattr(object_type.is_type_of, _MODEL, None)
    return model


def _has_own_is_type_of(object_type: GraphQLObjectType) -> bool:
    definition = object_type.extensions.get(DEFINITION)
    return (
        definition is not None
        and definition.is_type_of is not None
        and _row_model(object_type) is None
    )
