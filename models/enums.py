"""The enumerations of the tables; values as they are stored, in their order."""

from enum import StrEnum


class TicketStatus(StrEnum):
    """The life of a ticket, in its order."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"


class TicketPriority(StrEnum):
    """Ordered: low before medium before high."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class LogAction(StrEnum):
    """What was done with OPS; a retry is any attempt of a delivery after its first."""

    SEND = "send"
    RETRY = "retry"
    QUERY = "query"


class LogStatus(StrEnum):
    """How a communication with OPS went."""

    SUCCESS = "success"
    FAILED = "failed"


class OpsState(StrEnum):
    """Where a ticket stands on its way to OPS; a delivery is never ``not_sent``."""

    NOT_SENT = "not_sent"
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OpsRemoteStatus(StrEnum):
    """What OPS itself says about a ticket that it has received."""

    RECEIVED = "received"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    REJECTED = "rejected"


class TicketEventType(StrEnum):
    """The kinds of change of a ticket."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    OPS_STATE_CHANGED = "ops_state_changed"
