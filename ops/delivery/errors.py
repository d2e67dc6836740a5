"""Why something cannot be done about a delivery."""

from models import OpsDelivery

__all__ = ["DeliveryNotFound", "DeliveryStateError", "NotSent"]


class DeliveryNotFound(Exception):
    """There is no delivery of this id."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(f"there is no delivery {delivery_id!r}")
        self.delivery_id = delivery_id


class DeliveryStateError(Exception):
    """The state of the delivery, given as it is now, does not allow what was asked."""

    def __init__(self, delivery: OpsDelivery, message: str) -> None:
        super().__init__(message)
        self.delivery = delivery
        self.message = message


class NotSent(Exception):
    """OPS has accepted no delivery of this ticket, so it cannot be asked about it."""

    def __init__(self, ticket_id: str) -> None:
        super().__init__(f"OPS has not accepted ticket {ticket_id!r}")
        self.ticket_id = ticket_id
