"""What is deprecated says why, and until when: a client must know by which day to have moved."""

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
    """Return what is deprecated without a date in its reason, by its place in the schema."""
    return [place for place, reason in _reasons(schema) if not _DATE.search(reason)]


def _reasons(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Yield each deprecation, its place and its reason."""
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
            place = f"{type_name}.{name}"
            if member.deprecation_reason is not None:
                yield place, member.deprecation_reason
            for argument, given in getattr(member, "args", {}).items():
                if given.deprecation_reason is not None:
                    yield f"{place}({argument}:)", given.deprecation_reason
