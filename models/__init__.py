"""What is kept: the tables of tickets and of everything that happens to them.

Each module is one table: a Tortoise model, whose columns are the one source that
the ORM, the migrations and the engine's projections read. Values are stored in
lower case, times in UTC, ids as text (UUIDv7 where we make them). Constraints
that Tortoise cannot say (CHECKs, partial and descending indexes, the search
column) are raw SQL in the migrations beside the models.
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

__all__ = [
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
