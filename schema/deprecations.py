"""Check that every deprecation states the date of removal in its reason."""

import re
from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)

__all__ = ["undated"]

_DATE = re.compile(r"\b20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b")


def undated(schema: GraphQLSchema) -> list[str]:
    """Return the schema coordinates of deprecations without a date in the reason."""
    return [coordinate for coordinate, reason in _reasons(schema) if not _DATE.search(reason)]


def _reasons(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Yield the schema coordinate and the reason of each deprecation."""
    for type_name, graphql_type in schema.type_map.items():
        if isinstance(graphql_type, GraphQLEnumType):
            members: Any = graphql_type.values.items()
        elif isinstance(
            graphql_type, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType
        ):
            members = graphql_type.fields.items()
        else:
            continue
        for name, member in members:
            coordinate = f"{type_name}.{name}"
            if member.deprecation_reason is not None:
                yield coordinate, member.deprecation_reason
            for argument, definition in getattr(member, "args", {}).items():
                if definition.deprecation_reason is not None:
                    yield f"{coordinate}({argument}:)", definition.deprecation_reason
