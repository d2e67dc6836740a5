"""Declared costs of fields that do more work than their result shows.

The engine derives all other costs (see `engine.documents.cost`): a scalar is free, an
object costs 1, and a page costs its size times the cost of one row.
"""

from graphql import GraphQLObjectType, GraphQLSchema

CALL_TO_OPS = 50
COUNT = 20
WRITE = 10

_FIELDS = {
    "Query.opsStatus": CALL_TO_OPS,
    "Query.opsHealth": COUNT,
    "Query.ticketGroups": COUNT,
    "Mutation.sendToOps": CALL_TO_OPS,
    "Mutation.retryDelivery": CALL_TO_OPS,
}


def declared_costs(schema: GraphQLSchema) -> dict[str, int]:
    """Return the declared costs by schema coordinate ("Type.field")."""
    defaults = {
        f"{name}.{field}": WRITE if name == "Mutation" else COUNT
        for name, graphql_type in schema.type_map.items()
        if isinstance(graphql_type, GraphQLObjectType)
        for field in graphql_type.fields
        if name == "Mutation" or field == "totalCount"
    }
    return defaults | _FIELDS
