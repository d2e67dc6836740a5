"""Scopes that the fields of the schema require.

A field requires the scope of its type or, on a root type, its own. The defaults are the
restrictive ones: data requires ``read`` and a mutation ``write``, so that a new type or
mutation is protected before it is listed here. A ticket in a mutation's payload requires
``read`` as well.
"""

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema

READ = "read"
WRITE = "write"
OPS = "ops"
ADMIN = "admin"
SCOPES = frozenset({READ, WRITE, OPS, ADMIN})

# Operations that require one of these have side effects, here or in OPS, even if they are queries.
WITH_EFFECT = frozenset({WRITE, OPS})

# No scope: any caller may select the field.
_OPEN = None

_DEFAULTS = {"Query": READ, "Mutation": WRITE, "Subscription": READ}
_FIELDS: dict[str, str | None] = {
    "Query.viewer": _OPEN,
    # Calls OPS and writes a log entry.
    "Query.opsStatus": OPS,
    "Mutation.sendToOps": OPS,
    "Mutation.retryDelivery": OPS,
    "Mutation.cancelDelivery": OPS,
}
_OPEN_TYPES = frozenset({"PageInfo", "UserError", "Viewer"})


def required_scopes(schema: GraphQLSchema) -> dict[str, str | None]:
    """Return the scope that each field requires, by schema coordinate ("Type.field")."""
    return {
        coordinate: _FIELDS[coordinate] if coordinate in _FIELDS else _scope_of(graphql_type)
        for name, graphql_type in schema.type_map.items()
        if isinstance(graphql_type, GraphQLObjectType | GraphQLInterfaceType)
        and not name.startswith("__")
        for coordinate in (f"{name}.{field}" for field in graphql_type.fields)
    }


def _scope_of(graphql_type: GraphQLObjectType | GraphQLInterfaceType) -> str | None:
    names = {graphql_type.name, *(interface.name for interface in graphql_type.interfaces)}
    # A payload holds errors, and rows whose own types require a scope.
    if names & _OPEN_TYPES or graphql_type.name.endswith("Payload"):
        return _OPEN
    return _DEFAULTS.get(graphql_type.name, READ)
