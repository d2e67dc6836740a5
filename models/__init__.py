"""Database tables as Tortoise models, and their migrations.

Each model module declares one table. The ORM, the migrations and the engine's projections
all read its columns. Enumerations are stored in lower case, times in UTC, ids as text (UUIDv7 if
this service generates them). Features that Tortoise cannot declare (CHECK constraints,
partial and expression indexes, the search column) are raw SQL in `models.migrations`.

Start with `ticket`; `columns` has the column types.
"""

from models.api_token import ApiToken
from models.enums import (
    LogAction,
    LogStatus,
    OpsRemoteStatus,
    OpsState,
    TicketEventType,
    TicketPriority,
    TicketStatus,
)
from models.idempotency_key import IdempotencyKey
from models.log_entry import LogEntry
from models.ops_delivery import OpsDelivery
from models.ticket import Ticket
from models.ticket_event import TicketEvent

# Models that share one namespace of ids; `node(id:)` searches their tables in this order.
NODE_MODELS = (
    Ticket,
    OpsDelivery,
    LogEntry,
    TicketEvent,
)

__all__ = [
    "NODE_MODELS",
    "ApiToken",
    "IdempotencyKey",
    "LogAction",
    "LogEntry",
    "LogStatus",
    "OpsDelivery",
    "OpsRemoteStatus",
    "OpsState",
    "Ticket",
    "TicketEvent",
    "TicketEventType",
    "TicketPriority",
    "TicketStatus",
]
