"""The descriptions of the schema are complete, and state the limits of the tables."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
)
from tortoise import fields

from models.columns import enum_of
from models.ticket import NEW_TICKET, TICKET_COLUMNS
from resolvers.tables import graphql_name
from schema.build import graphql_schema

SCHEMA = graphql_schema()
LIMITS = {
    graphql_name(name): f"{column.max_length:,}"
    for name, column in TICKET_COLUMNS.items()
    if name in NEW_TICKET and isinstance(column, fields.CharField) and not enum_of(column)
}


def elements() -> Iterator[tuple[str, str | None]]:
    """Yield the schema coordinate and the description of each element that we declare."""
    for name, graphql_type in SCHEMA.type_map.items():
        if name.startswith("__") or name in {"Boolean", "Float", "ID", "Int", "String"}:
            continue
        yield name, graphql_type.description
        members: Any = {}
        if isinstance(graphql_type, GraphQLEnumType):
            members = graphql_type.values
        elif isinstance(
            graphql_type, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType
        ):
            members = graphql_type.fields
        for member, definition in members.items():
            yield f"{name}.{member}", definition.description
            for argument, argument_definition in getattr(definition, "args", {}).items():
                yield f"{name}.{member}({argument}:)", argument_definition.description


def test_every_element_has_a_description_that_is_a_sentence() -> None:
    wrong = [
        coordinate
        for coordinate, description in elements()
        if not description or not description[0].isupper() or not description.endswith(".")
    ]
    assert wrong == []


@pytest.mark.parametrize("type_name", ["Ticket", "CreateTicketInput", "UpdateTicketInput"])
def test_descriptions_state_the_maximum_length_of_the_column(type_name: str) -> None:
    members: Any = SCHEMA.type_map[type_name]
    wrong = [
        name for name, limit in LIMITS.items() if limit not in members.fields[name].description
    ]
    assert wrong == []
