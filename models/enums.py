"""Enumerations of the tables, with the values as stored, in sort order."""

from enum import StrEnum


class TicketStatus(StrEnum):
    """Status of a ticket, in the order of its life cycle."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"


class TicketPriority(StrEnum):
    """Priority of a ticket, lowest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class LogAction(StrEnum):
    """Kind of a communication with OPS. Every attempt of a delivery after its first is a retry."""

    SEND = "send"
    RETRY = "retry"
    QUERY = "query"


class LogStatus(StrEnum):
    """Result of a communication with OPS."""

    SUCCESS = "success"
    FAILED = "failed"


class OpsState(StrEnum):
    """Delivery state of a ticket, and state of a delivery, which is never ``not_sent``."""

    NOT_SENT = "not_sent"
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OpsRemoteStatus(StrEnum):
    """Status of a ticket in OPS, as OPS reports it."""

    RECEIVED = "received"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    REJECTED = "rejected"


class TicketEventType(StrEnum):
    """Kind of a ticket event."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    OPS_STATE_CHANGED = "ops_state_changed"
