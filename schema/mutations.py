"""The root type Mutation."""

import strawberry

from schema.ops.changes import (
    CancelDeliveryPayload,
    RetryDeliveryPayload,
    SendToOpsPayload,
    cancel_delivery,
    retry_delivery,
    send_to_ops,
)
from schema.tickets.changes import (
    CreateTicketPayload,
    DeleteTicketPayload,
    UpdateTicketPayload,
    create_ticket,
    delete_ticket,
    update_ticket,
)


@strawberry.type(
    description="Operations that change data. Each runs in its own transaction; several in one"
    " request run in order, and the failure of one does not undo the others."
)
class Mutation:
    create_ticket: CreateTicketPayload = strawberry.field(
        resolver=create_ticket, description="Creates a ticket."
    )
    update_ticket: UpdateTicketPayload = strawberry.field(
        resolver=update_ticket,
        description="Changes fields of a ticket. An update that changes nothing does not increment"
        " `version`.",
    )
    delete_ticket: DeleteTicketPayload = strawberry.field(
        resolver=delete_ticket,
        description="Deletes a ticket and cancels its pending delivery. Log entries and history"
        " are kept.",
    )
    send_to_ops: SendToOpsPayload = strawberry.field(
        resolver=send_to_ops,
        description="Creates a delivery, makes the first attempt immediately, and retries in the"
        " background until OPS accepts or rejects the ticket, the delivery is cancelled, or it runs"
        " out of attempts. If a delivery is already PENDING, returns that one.",
    )
    retry_delivery: RetryDeliveryPayload = strawberry.field(
        resolver=retry_delivery,
        description="Returns a FAILED or CANCELLED delivery to PENDING and attempts it"
        " immediately.",
    )
    cancel_delivery: CancelDeliveryPayload = strawberry.field(
        resolver=cancel_delivery, description="Cancels a PENDING delivery."
    )
