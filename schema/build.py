"""The schema, put together and printed."""

from functools import cache

import strawberry
from graphql import GraphQLSchema, lexicographic_sort_schema, print_schema
from strawberry.schema.config import StrawberryConfig

from schema.common.errors import ERROR_TYPES
from schema.common.scalars import SCALARS
from schema.direct import call_directly
from schema.mutations import Mutation
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
def graphql_schema() -> GraphQLSchema:
    """Return the schema as graphql-core executes it."""
    schema = strawberry_schema._schema  # noqa: SLF001  # Strawberry has no public way to it
    call_directly(schema)
    return schema


def printed() -> str:
    """Return the schema definition, sorted, as it is committed in schema.graphql."""
    return print_schema(lexicographic_sort_schema(graphql_schema())) + "\n"
