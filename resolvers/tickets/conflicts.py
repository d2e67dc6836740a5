"""Conflicts of a change with the ticket as it is now, or with a deleted one."""

from engine.sql.queries import Loaded
from models import Ticket
from resolvers.errors import Conflict, ErrorCode

__all__ = ["id_is_taken", "id_was_used", "version_conflict"]


def version_conflict(version: int, expected_version: int, ticket: Loaded[Ticket]) -> Conflict:
    """Return the conflict of a ticket that does not have the expected version."""
    message = (
        f"The ticket has version {version}, not {expected_version}: it was changed meanwhile."
        " Read it again and repeat the change."
    )
    return Conflict(
        ErrorCode.VERSION_CONFLICT, message, "expected_version", current=ticket.instance
    )


def id_is_taken() -> Conflict:
    """Return the conflict of a chosen id that another object has."""
    return Conflict(
        ErrorCode.ALREADY_EXISTS, "This id is already taken. Choose another, or omit it.", "id"
    )


def id_was_used() -> Conflict:
    """Return the conflict of a chosen id that a deleted ticket had."""
    message = (
        "This id belonged to a ticket that was deleted; its history, deliveries and log"
        " entries remain. Choose another, or omit it."
    )
    return Conflict(ErrorCode.ALREADY_EXISTS, message, "id")
