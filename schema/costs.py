"""What costs more than it looks: the declared costs of fields, by type and field.

All else is derived (see `engine.cost`): a scalar is free, an object costs 1, a page
its size times what is selected of a row.
"""

_CALL_TO_OPS = 50
_COUNT = 20
_WRITE = 10

COSTS = {
    "Query.opsStatus": _CALL_TO_OPS,
    "Query.opsHealth": _COUNT,
    "Query.ticketGroups": _COUNT,
    "TicketConnection.totalCount": _COUNT,
    "LogEntryConnection.totalCount": _COUNT,
    "OpsDeliveryConnection.totalCount": _COUNT,
    "TicketEventConnection.totalCount": _COUNT,
    "Mutation.createTicket": _WRITE,
    "Mutation.updateTicket": _WRITE,
    "Mutation.deleteTicket": _WRITE,
    "Mutation.sendToOps": _CALL_TO_OPS,
    "Mutation.retryDelivery": _CALL_TO_OPS,
    "Mutation.cancelDelivery": _WRITE,
}
