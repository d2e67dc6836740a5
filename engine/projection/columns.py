"""Decide whether GraphQL serialization leaves the stored values of a column unchanged."""

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInt,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLString,
    get_nullable_type,
    is_non_null_type,
)

from engine.arguments.fast_resolvers import column_kind_of
from engine.sql.tables import Column

__all__ = ["is_sent_as_stored"]

# Scalars that serialize values of a Python type unchanged. Floats are excluded because they may be
# infinite. A column of 64-bit integers has no `plain_type`, because its values may exceed Int.
_UNCHANGED: dict[type, tuple[GraphQLScalarType, ...]] = {
    str: (GraphQLString, GraphQLID),
    int: (GraphQLInt,),
    bool: (GraphQLBoolean,),
}


def is_sent_as_stored(column: Column, field_type: GraphQLOutputType) -> bool:
    """Return whether graphql-core would serialize every value of a column unchanged."""
    if column.is_nullable and is_non_null_type(field_type):
        return False
    leaf = get_nullable_type(field_type)
    if isinstance(leaf, GraphQLEnumType):
        return column.enum_names == {None: None, **_names(leaf)}
    if not isinstance(leaf, GraphQLScalarType):
        return False
    if column.is_time or column.is_json:
        return column_kind_of(leaf) == ("time" if column.is_time else "json")
    return column.plain_type is not None and leaf in _UNCHANGED[column.plain_type]


def _names(enum_type: GraphQLEnumType) -> dict[object, str]:
    return {value.value: name for name, value in enum_type.values.items()}
