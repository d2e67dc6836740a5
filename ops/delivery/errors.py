"""Errors of `Deliveries`: the delivery or its state does not allow the operation."""

from models import OpsDelivery

__all__ = ["DeliveryNotFound", "DeliveryStateError", "NotSent"]


class DeliveryNotFound(Exception):
    """No delivery has this id."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(f"no delivery has the id {delivery_id!r}")
        self.delivery_id = delivery_id


class DeliveryStateError(Exception):
    """The current state of the delivery does not allow the operation."""

    def __init__(self, delivery: OpsDelivery, message: str) -> None:
        super().__init__(message)
        self.delivery = delivery
        self.message = message


class NotSent(Exception):
    """OPS has not accepted this ticket, so it cannot report a status."""

    def __init__(self, ticket_id: str) -> None:
        super().__init__(f"OPS has not accepted ticket {ticket_id!r}")
        self.ticket_id = ticket_id
