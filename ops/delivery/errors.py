"""Errors of `Deliveries`: the delivery, its state or the database does not allow it."""

from models import OpsDelivery

__all__ = ["ChangeIgnored", "DeliveryNotFound", "DeliveryStateError", "NotSent"]


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


class ChangeIgnored(Exception):
    """A trigger or a rule of a table made a statement ineffective."""

    def __init__(self, table: str) -> None:
        super().__init__(f"the table {table!r} did not store a row")
        self.table = table
