"""Enumerations with their descriptions.

Types import the enumerations from here and not from `models`: Strawberry must know
the descriptions before it meets an enumeration in a type.
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
    "TicketPriority",
    "TicketStatus",
    "describe",
]

E = TypeVar("E", bound=StrEnum)


class OrderDirection(StrEnum):
    """Direction of a sort."""

    ASC = "asc"
    DESC = "desc"


def describe(enum: type[E], description: str, values: Mapping[E, str]) -> None:
    """Make an enumeration a GraphQL enum, with a description of it and of each value."""
    strawberry.enum(enum, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by strawberry.enum
        value.description = values[enum[value.name]]


describe(
    TicketStatus,
    "Status of a ticket. Any status can change to any other. Ordered OPEN < IN_PROGRESS <"
    " PENDING < RESOLVED < CLOSED in sorting.",
    {
        TicketStatus.OPEN: "Work has not started.",
        TicketStatus.IN_PROGRESS: "In progress.",
        TicketStatus.PENDING: "Waiting for a reply, usually from the customer.",
        TicketStatus.RESOLVED: "Solved; the customer can still reopen it.",
        TicketStatus.CLOSED: "Closed.",
    },
)
describe(
    TicketPriority,
    "Priority of a ticket. Ordered LOW < MEDIUM < HIGH in filters and in sorting.",
    {
        TicketPriority.LOW: "Below normal.",
        TicketPriority.MEDIUM: "Normal; the default.",
        TicketPriority.HIGH: "Above normal.",
    },
)
describe(
    LogAction,
    "Kind of communication with OPS.",
    {
        LogAction.SEND: "First attempt of a delivery.",
        LogAction.RETRY: "Any later attempt of a delivery.",
        LogAction.QUERY: "Query for the status of a ticket (`opsStatus`).",
    },
)
describe(
    LogStatus,
    "Result of a communication with OPS.",
    {
        LogStatus.SUCCESS: "OPS accepted the request.",
        LogStatus.FAILED: "OPS rejected the request, failed, or did not respond in time.",
    },
)
describe(
    OpsState,
    "Delivery state of a ticket. A delivery is never NOT_SENT.",
    {
        OpsState.NOT_SENT: "The ticket was never sent.",
        OpsState.PENDING: "The delivery is attempted until OPS accepts or rejects the ticket.",
        OpsState.DELIVERED: "OPS accepted the ticket.",
        OpsState.FAILED: "OPS rejected the ticket, or the delivery ran out of attempts.",
        OpsState.CANCELLED: "The delivery was cancelled before OPS accepted the ticket.",
    },
)
describe(
    OpsRemoteStatus,
    "Status of a ticket as reported by OPS.",
    {
        OpsRemoteStatus.RECEIVED: "Received, not started.",
        OpsRemoteStatus.IN_PROGRESS: "In progress.",
        OpsRemoteStatus.COMPLETED: "Completed.",
        OpsRemoteStatus.REJECTED: "Rejected: OPS will not process the ticket.",
    },
)
describe(
    CircuitState,
    "State of the circuit breaker for calls to OPS.",
    {
        CircuitState.CLOSED: "Normal operation: every call is made.",
        CircuitState.OPEN: "OPS failed repeatedly: no calls are made and deliveries wait.",
        CircuitState.HALF_OPEN: "A single trial call decides between CLOSED and OPEN.",
    },
)
describe(
    TicketEventType,
    "Kind of change of a ticket.",
    {
        TicketEventType.CREATED: "The ticket was created.",
        TicketEventType.UPDATED: "Fields of the ticket were changed.",
        TicketEventType.DELETED: "The ticket was deleted.",
        TicketEventType.OPS_STATE_CHANGED: "The field `opsState` of the ticket changed.",
    },
)
describe(
    OrderDirection,
    "Direction of a sort.",
    {
        OrderDirection.ASC: "Ascending: smallest or oldest first.",
        OrderDirection.DESC: "Descending: largest or newest first.",
    },
)
describe(
    ErrorCode,
    "Reason why a mutation or `opsStatus` failed.",
    {
        ErrorCode.REQUIRED: "A required value is missing, null or empty.",
        ErrorCode.INVALID: "A value is invalid, or a rule of the database rejects it; `message`"
        " says why.",
        ErrorCode.TOO_LONG: "The value is longer than the limit in `message`.",
        ErrorCode.NOT_FOUND: "No object has this id, or the caller may not see it.",
        ErrorCode.ALREADY_EXISTS: "Another object has this id, or a deleted ticket had it.",
        ErrorCode.VERSION_CONFLICT: "The ticket's version is not `expectedVersion`.",
        ErrorCode.IDEMPOTENCY_KEY_REUSED: "The idempotency key was used before with another input.",
        ErrorCode.INVALID_STATE: "The current state of the delivery, or of rows of other programs,"
        " does not allow the operation.",
        ErrorCode.NOT_SENT: "OPS has not accepted the ticket.",
        ErrorCode.OPS_UNAVAILABLE: "OPS could not be reached or failed.",
        ErrorCode.OPS_TIMEOUT: "OPS did not respond in time.",
        ErrorCode.OPS_REJECTED: "OPS rejected the ticket; the delivery is not retried.",
        ErrorCode.OPS_CIRCUIT_OPEN: "OPS failed repeatedly, so the call was not made"
        " (`opsHealth.circuit` is OPEN).",
    },
)
