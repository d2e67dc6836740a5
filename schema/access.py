"""What a caller needs for each field of the schema: the one place where it is declared.

A type's fields need what the type says, unless the field says otherwise. Reading a
ticket, and whatever belongs to one, needs ``read``, also in the answer of a
mutation. A test walks the schema and fails where a field is not declared.
"""

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema

READ = "read"
WRITE = "write"
OPS = "ops"
ADMIN = "admin"
SCOPES = frozenset({READ, WRITE, OPS, ADMIN})

# What needs one of these changes something, here or at OPS, be it a query.
WITH_EFFECT = frozenset({WRITE, OPS})

# The answer of a field that has its own need, and nothing that others must not see.
_NOTHING = None

_TYPES: dict[str, str | None] = {
    "Node": READ,
    "Ticket": READ,
    "TicketConnection": READ,
    "TicketEdge": READ,
    "LogEntry": READ,
    "LogEntryConnection": READ,
    "LogEntryEdge": READ,
    "OpsDelivery": READ,
    "OpsDeliveryConnection": READ,
    "OpsDeliveryEdge": READ,
    "TicketEvent": READ,
    "TicketEventConnection": READ,
    "TicketEventEdge": READ,
    "FieldChange": READ,
    "TicketGroup": READ,
    "OpsHealth": READ,
    "PageInfo": _NOTHING,
    "Viewer": _NOTHING,
    "CreateTicketPayload": _NOTHING,
    "UpdateTicketPayload": _NOTHING,
    "DeleteTicketPayload": _NOTHING,
    "SendToOpsPayload": _NOTHING,
    "RetryDeliveryPayload": _NOTHING,
    "CancelDeliveryPayload": _NOTHING,
    "OpsStatusPayload": _NOTHING,
    "UserError": _NOTHING,
    "InvalidInputError": _NOTHING,
    "NotFoundError": _NOTHING,
    "ConflictError": _NOTHING,
    "OpsError": _NOTHING,
}

_FIELDS: dict[str, str | None] = {
    "Query.node": READ,
    "Query.nodes": READ,
    "Query.ticket": READ,
    "Query.tickets": READ,
    "Query.ticketGroups": READ,
    "Query.logEntries": READ,
    "Query.opsDeliveries": READ,
    "Query.opsHealth": READ,
    "Query.viewer": _NOTHING,
    # It calls OPS, and leaves an entry in the log.
    "Query.opsStatus": OPS,
    "Mutation.createTicket": WRITE,
    "Mutation.updateTicket": WRITE,
    "Mutation.deleteTicket": WRITE,
    "Mutation.sendToOps": OPS,
    "Mutation.retryDelivery": OPS,
    "Mutation.cancelDelivery": OPS,
    "Subscription.ticketEvents": READ,
    "Subscription.logEntryAdded": READ,
}


def required_scopes(schema: GraphQLSchema) -> dict[str, str | None]:
    """Return the scope that each field needs, by "Type.field"; raises KeyError for a new type."""
    return {
        f"{name}.{field}": _FIELDS[f"{name}.{field}"]
        if f"{name}.{field}" in _FIELDS
        else _TYPES[name]
        for name, graphql_type in schema.type_map.items()
        if isinstance(graphql_type, (GraphQLObjectType, GraphQLInterfaceType))
        and not name.startswith("__")
        for field in graphql_type.fields
    }
