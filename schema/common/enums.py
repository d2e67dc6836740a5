"""The enumerations, as the API names and describes them.

The types import them from here, never from below: Strawberry must know the
descriptions before it meets an enumeration in a type.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

import strawberry

from models import (
    LogAction,
    LogStatus,
    OpsRemoteStatus,
    OpsState,
    TicketEventType,
    TicketPriority,
    TicketStatus,
)
from ops import CircuitState
from resolvers.errors import ErrorCode

__all__ = [
    "CircuitState",
    "ErrorCode",
    "LogAction",
    "LogStatus",
    "OpsRemoteStatus",
    "OpsState",
    "OrderDirection",
    "TicketEventType",
    "TicketGroupField",
    "TicketOrderField",
    "TicketPriority",
    "TicketStatus",
]

E = TypeVar("E", bound=StrEnum)


class OrderDirection(StrEnum):
    """Which end of an order comes first."""

    ASC = "asc"
    DESC = "desc"


class TicketOrderField(StrEnum):
    """The columns that tickets can be listed by."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    PRIORITY = "priority"
    STATUS = "status"
    SUBJECT = "subject"


class TicketGroupField(StrEnum):
    """The columns that tickets can be counted by."""

    STATUS = "status"
    PRIORITY = "priority"
    CATEGORY = "category"
    ASSIGNED_TO = "assigned_to"
    OPS_STATE = "ops_state"


def _describe(enum: type[E], description: str, values: Mapping[E, str]) -> None:
    strawberry.enum(enum, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by strawberry.enum
        value.description = values[enum[value.name]]


_describe(
    TicketStatus,
    "Where a ticket stands in its life.",
    {
        TicketStatus.OPEN: "Nobody works on it yet.",
        TicketStatus.IN_PROGRESS: "Somebody works on it.",
        TicketStatus.PENDING: "It waits for somebody else, mostly the customer.",
        TicketStatus.RESOLVED: "An answer was found; the customer may still object.",
        TicketStatus.CLOSED: "It is done.",
    },
)
_describe(
    TicketPriority,
    "How urgent a ticket is. Ordered: LOW < MEDIUM < HIGH, in filters and in sorting.",
    {
        TicketPriority.LOW: "It can wait.",
        TicketPriority.MEDIUM: "In its turn.",
        TicketPriority.HIGH: "Before all others.",
    },
)
_describe(
    LogAction,
    "What was done with OPS.",
    {
        LogAction.SEND: "The first attempt of a delivery.",
        LogAction.RETRY: "Any attempt of a delivery after its first.",
        LogAction.QUERY: "OPS was asked how far a ticket is.",
    },
)
_describe(
    LogStatus,
    "How a communication with OPS went.",
    {
        LogStatus.SUCCESS: "OPS did what it was asked.",
        LogStatus.FAILED: "OPS refused, failed, or gave no answer in time.",
    },
)
_describe(
    OpsState,
    "Where a ticket stands on its way to OPS. A delivery is never NOT_SENT.",
    {
        OpsState.NOT_SENT: "Nobody has asked to send it.",
        OpsState.PENDING: "Its delivery is being tried.",
        OpsState.DELIVERED: "OPS has accepted it.",
        OpsState.FAILED: "OPS refused it for good, or all attempts were used up.",
        OpsState.CANCELLED: "Its delivery was stopped before OPS accepted it.",
    },
)
_describe(
    OpsRemoteStatus,
    "What OPS itself says about a ticket that it has received.",
    {
        OpsRemoteStatus.RECEIVED: "OPS has it and has not begun.",
        OpsRemoteStatus.IN_PROGRESS: "OPS works on it.",
        OpsRemoteStatus.COMPLETED: "OPS is done with it.",
        OpsRemoteStatus.REJECTED: "OPS will not work on it.",
    },
)
_describe(
    CircuitState,
    "Whether calls to OPS are let through.",
    {
        CircuitState.CLOSED: "All calls are made.",
        CircuitState.OPEN: "OPS failed too often: no call is made, and deliveries wait.",
        CircuitState.HALF_OPEN: "One call is made to see whether OPS is well again.",
    },
)
_describe(
    TicketEventType,
    "The kinds of change of a ticket.",
    {
        TicketEventType.CREATED: "The ticket was made.",
        TicketEventType.UPDATED: "Fields of the ticket were changed.",
        TicketEventType.DELETED: "The ticket was deleted.",
        TicketEventType.OPS_STATE_CHANGED: "The ticket went a step on its way to OPS.",
    },
)
_describe(
    OrderDirection,
    "Which end of an order comes first.",
    {
        OrderDirection.ASC: "The smallest or oldest first.",
        OrderDirection.DESC: "The largest or newest first.",
    },
)
_describe(
    TicketOrderField,
    "What tickets can be listed by; ties are broken by id.",
    {
        TicketOrderField.CREATED_AT: "When they were made.",
        TicketOrderField.UPDATED_AT: "When they last changed.",
        TicketOrderField.PRIORITY: "Their priority, from LOW to HIGH.",
        TicketOrderField.STATUS: "Their status, from OPEN to CLOSED.",
        TicketOrderField.SUBJECT: "Their subject, as the database sorts text.",
    },
)
_describe(
    TicketGroupField,
    "What tickets can be counted by.",
    {
        TicketGroupField.STATUS: "Their status.",
        TicketGroupField.PRIORITY: "Their priority.",
        TicketGroupField.CATEGORY: "Their category.",
        TicketGroupField.ASSIGNED_TO: "Who they are assigned to; null for nobody.",
        TicketGroupField.OPS_STATE: "Where they stand on their way to OPS.",
    },
)
_describe(
    ErrorCode,
    "Why a mutation, or opsStatus, did not do what it was asked.",
    {
        ErrorCode.REQUIRED: "A value is needed here.",
        ErrorCode.INVALID: "The value does not follow the rule that the message gives.",
        ErrorCode.TOO_LONG: "The value is longer than the message allows.",
        ErrorCode.NOT_FOUND: "There is nothing with this id.",
        ErrorCode.ALREADY_EXISTS: "The id is taken.",
        ErrorCode.VERSION_CONFLICT: "The ticket no longer has the expected version.",
        ErrorCode.IDEMPOTENCY_KEY_REUSED: "The key was used before with another input.",
        ErrorCode.INVALID_STATE: "The delivery's state does not allow it.",
        ErrorCode.NOT_SENT: "OPS has not got the ticket.",
        ErrorCode.OPS_UNAVAILABLE: "OPS could not be reached, or failed.",
        ErrorCode.OPS_TIMEOUT: "OPS gave no answer in time.",
        ErrorCode.OPS_REJECTED: "OPS refused for good.",
        ErrorCode.OPS_CIRCUIT_OPEN: "OPS failed too often of late, so it was not called.",
    },
)
