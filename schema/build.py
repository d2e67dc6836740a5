"""Build the schema, and print it."""

import copy
from functools import cache

import strawberry
from graphql import GraphQLSchema, lexicographic_sort_schema
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig

from schema.common.errors import ERROR_TYPES
from schema.common.scalars import COLUMN_KINDS, SCALARS
from schema.mutations import Mutation
from schema.preparation.prepare import PreparedSchema, prepare
from schema.queries import Query
from schema.subscriptions import Subscription

strawberry_schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=ERROR_TYPES,
    config=StrawberryConfig(scalar_map=SCALARS),
)


@cache
def prepared_schema() -> PreparedSchema:
    """Return the schema with the metadata that the engine needs."""
    return prepare(strawberry_schema, column_kinds=COLUMN_KINDS)


def graphql_schema() -> GraphQLSchema:
    """Return the schema as graphql-core executes it."""
    return prepared_schema().schema


def printed() -> str:
    """Return the sorted schema definition, which is committed in schema.graphql.

    Use Strawberry's printer, because graphql-core's omits schema directives.
    """
    in_order = copy.copy(strawberry_schema)
    in_order._schema = lexicographic_sort_schema(graphql_schema())  # noqa: SLF001  # as in `prepare`
    return print_schema(in_order) + "\n"
