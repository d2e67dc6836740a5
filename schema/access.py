"""Scopes that the fields of the schema require.

A field requires the scope of its type or, on a root type, its own. The defaults are the
restrictive ones: data requires ``read`` and a mutation ``write``, so that a new type or
mutation is protected before it is listed here. The payload of a mutation, which is an object
type with a field ``errors``, requires no scope in addition to the mutation's; a ticket in it
requires ``read``.
"""

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, get_named_type

READ = "read"
WRITE = "write"
OPS = "ops"
ADMIN = "admin"
SCOPES = frozenset({READ, WRITE, OPS, ADMIN})

# Operations that require one of these have side effects, here or in OPS, even if they are queries.
WITH_EFFECT = frozenset({WRITE, OPS})

# No scope: any caller may select the field.
_OPEN = None

_FIELDS: dict[str, str | None] = {
    "Query.viewer": _OPEN,
    # Calls OPS and writes a log entry.
    "Query.opsStatus": OPS,
    "Mutation.sendToOps": OPS,
    "Mutation.retryDelivery": OPS,
    "Mutation.cancelDelivery": OPS,
}
# A payload is listed only if it is the payload of a query.
_OPEN_TYPES = frozenset({"OpsStatusPayload", "PageInfo", "UserError", "Viewer"})


def required_scopes(schema: GraphQLSchema) -> dict[str, str | None]:
    """Return the scope that each field requires, by schema coordinate ("Type.field")."""
    payloads = _payloads_of_mutations(schema)
    scopes: dict[str, str | None] = {}
    for name, graphql_type in schema.type_map.items():
        if not isinstance(graphql_type, GraphQLObjectType | GraphQLInterfaceType):
            continue
        if name.startswith("__"):
            continue
        default: str | None = READ
        if graphql_type is schema.mutation_type:
            default = WRITE
        elif name in payloads or _is_open(graphql_type):
            default = _OPEN
        for field in graphql_type.fields:
            coordinate = f"{name}.{field}"
            scopes[coordinate] = _FIELDS.get(coordinate, default)
    return scopes


def _payloads_of_mutations(schema: GraphQLSchema) -> frozenset[str]:
    """Return the names of the types that mutations return and that hold their errors."""
    fields = schema.mutation_type.fields.values() if schema.mutation_type else ()
    returned = [get_named_type(field.type) for field in fields]
    return frozenset(
        graphql_type.name
        for graphql_type in returned
        if isinstance(graphql_type, GraphQLObjectType) and "errors" in graphql_type.fields
    )


def _is_open(graphql_type: GraphQLObjectType | GraphQLInterfaceType) -> bool:
    names = {graphql_type.name, *(interface.name for interface in graphql_type.interfaces)}
    return not names.isdisjoint(_OPEN_TYPES)
