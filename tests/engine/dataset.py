"""Rows of every kind, few enough to compare whole lists.

They have ties in every order, nulls in every nullable column, every value of every enumeration,
JSON of every type, rows of a deleted ticket, and one id that a ticket and a log entry share. The
former service can have left such rows.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import cycle

from engine.sql.cursors import encode_cursor
from engine.sql.ordering import RowOrder
from models import (
    LogAction,
    LogEntry,
    LogStatus,
    OpsDelivery,
    OpsRemoteStatus,
    OpsState,
    Ticket,
    TicketEvent,
    TicketEventType,
    TicketPriority,
    TicketStatus,
)
from resolvers.tables import (
    NEWEST_DELIVERY_FIRST,
    NEWEST_EVENT_FIRST,
    NEWEST_LOG_ENTRY_FIRST,
    TICKET_ORDERS,
)
from schema.tickets.filters import TicketOrderField

TICKET_IDS = [f"t{number:02}" for number in range(1, 13)]
DELETED_TICKET_ID = "gone"
DELIVERED_TICKET_ID, PENDING_TICKET_ID, NOT_SENT_TICKET_ID = "t01", "t02", "t12"

START = datetime(2026, 1, 31, 8, 15, tzinfo=UTC)
METADATA = [
    None,
    "null",
    '{"b": 1, "a": [1.10, 12345678901234567890, true, null], "": {}}',
    "[]",
    '"text with \\"quotes\\" and é"',
    "0",
    "false",
    '{"deep": {"er": {"est": [[["x"]]]}}}',
]


def _timestamp(step: int) -> datetime:
    """Return a timestamp; several steps share one, and some have microseconds."""
    return START + timedelta(minutes=step // 3, microseconds=step % 2)


def tickets() -> list[Ticket]:
    """Return the tickets."""
    metadata, statuses, priorities = cycle(METADATA), cycle(TicketStatus), cycle(TicketPriority)
    states = {delivery.ticket_id: delivery.state for delivery in reversed(deliveries())}
    return [
        Ticket(
            id=key,
            subject=f"Subject {number % 4}",
            description="" if number % 5 == 0 else f"Line {number}\nand another: 'ü' \\ \t",
            status=next(statuses),
            priority=next(priorities),
            category=("general", "billing")[number % 2],
            customer_name=f"Customer {number % 3}",
            customer_email=f"customer{number % 3}@example.com",
            customer_phone=None if number % 2 else f"+49 30 {number}",
            assigned_to=None if number % 3 == 0 else f"agent {number % 3}",
            metadata=next(metadata),
            created_at=_timestamp(number // 2),
            updated_at=_timestamp(number),
            version=number + 1,
            ops_state=states.get(key, OpsState.NOT_SENT),
        )
        for number, key in enumerate(TICKET_IDS)
    ]


def deliveries() -> list[OpsDelivery]:
    """Return the deliveries, the newest first."""
    rows = [
        ("d01", "t01", OpsState.FAILED, OpsRemoteStatus.REJECTED),
        ("d02", "t01", OpsState.DELIVERED, OpsRemoteStatus.COMPLETED),
        ("d03", "t02", OpsState.PENDING, None),
        ("d04", "t03", OpsState.CANCELLED, OpsRemoteStatus.RECEIVED),
        ("d05", "t04", OpsState.FAILED, None),
        ("d06", "t04", OpsState.FAILED, None),
        ("d07", "t05", OpsState.DELIVERED, OpsRemoteStatus.IN_PROGRESS),
        ("d08", DELETED_TICKET_ID, OpsState.CANCELLED, None),
    ]
    created = []
    for number, (key, ticket_id, state, remote_status) in enumerate(rows):
        is_delivered = state is OpsState.DELIVERED
        created.append(
            OpsDelivery(
                id=key,
                ticket_id=ticket_id,
                payload="{}",
                state=state,
                attempts=number % 3 + 1,
                reference=f"R-{number}" if is_delivered else None,
                remote_status=remote_status,
                last_error=None if is_delivered else "OPS is unavailable",
                requested_by="ada" if number % 2 else None,
                request_id=f"r{number}",
                created_at=_timestamp(number),
                next_attempt_at=_timestamp(99) if state is OpsState.PENDING else None,
                delivered_at=_timestamp(number + 1) if is_delivered else None,
            )
        )
    return created[::-1]


def log_entries() -> list[LogEntry]:
    """Return the log entries. The ticket t06 has more than a page, some tickets have none."""
    owners = [
        *[("t01", "d01"), ("t01", "d02"), ("t01", "d02"), ("t02", "d03"), ("t03", None)],
        *[("t06", None)] * 9,
        *[(DELETED_TICKET_ID, "d08"), (DELETED_TICKET_ID, None)],
    ]
    actions, statuses, responses = cycle(LogAction), cycle(LogStatus), cycle(METADATA)
    entries = []
    for number, (ticket_id, delivery_id) in enumerate(owners):
        action = next(actions)
        entries.append(
            LogEntry(
                # This one has the id of a ticket.
                id="t05" if number == 5 else f"l{number:02}",
                ticket_id=ticket_id,
                delivery_id=delivery_id,
                action=action,
                status=next(statuses),
                timestamp=_timestamp(number),
                response=next(responses),
                attempt=None if action is LogAction.QUERY else number + 1,
                duration_ms=None if number % 4 == 0 else number * 10,
                actor="ada" if number % 3 else None,
                request_id=None if number % 5 == 0 else f"r{number}",
            )
        )
    return entries


def events() -> list[TicketEvent]:
    """Return the events; some are of one transaction."""
    changes = [
        "[]",
        '[{"field": "subject", "before": null, "after": "Subject"}]',
        (
            '[{"field": "metadata", "before": {"b": 1, "a": [null]}, "after": "x"},'
            ' {"field": "status", "before": "OPEN", "after": "CLOSED"}]'
        ),
        '[{"field": "opsState", "before": "NOT_SENT", "after": "PENDING"}]',
    ]
    owners = ["t01", "t01", "t01", "t02", "t03", "t07", "t07", *["t08"] * 7, DELETED_TICKET_ID]
    types, contents = cycle(TicketEventType), cycle(changes)
    return [
        TicketEvent(
            id=f"e{number:02}",
            ticket_id=ticket_id,
            type=next(types),
            at=_timestamp(number),
            actor="ada" if number % 2 else None,
            request_id=None,
            changes=next(contents),
            transaction=1_000 + number // 2,
            sequence=number + 1,
        )
        for number, ticket_id in enumerate(owners)
    ]


async def fill() -> None:
    """Write the rows into the database."""
    await Ticket.bulk_create(tickets())
    await OpsDelivery.bulk_create(deliveries())
    await LogEntry.bulk_create(log_entries())
    await TicketEvent.bulk_create(events())


def all_ids() -> list[str]:
    """Return the ids of all rows."""
    rows: list[Ticket | OpsDelivery | LogEntry | TicketEvent] = [
        *tickets(),
        *deliveries(),
        *log_entries(),
        *events(),
    ]
    return list(dict.fromkeys(row.id for row in rows))


def cursors() -> dict[str, Sequence[str]]:
    """Return cursors by the name of their order: of rows, and between rows."""
    by_order: dict[str, Sequence[str]] = {
        order.name: [
            encode_cursor(order, (_sort_key(row, name), key))
            for row in tickets()
            for key in (row.id, row.id + "x")
        ]
        for (name, _), order in TICKET_ORDERS.items()
        # The columns that clients can sort by.
        if name in list(TicketOrderField)
    }
    by_order |= _by_time(NEWEST_LOG_ENTRY_FIRST, [(row.timestamp, row.id) for row in log_entries()])
    by_order |= _by_time(NEWEST_DELIVERY_FIRST, [(row.created_at, row.id) for row in deliveries()])
    by_order |= _by_time(NEWEST_EVENT_FIRST, [(row.transaction, row.sequence) for row in events()])
    return by_order


def _sort_key(row: Ticket, name: str) -> object:
    """Return the value that tickets are sorted by: the position of an enumeration's value."""
    value = getattr(row, name)
    return list(type(value)).index(value) + 1 if isinstance(value, StrEnum) else value


def _by_time(order: RowOrder, keysets: list[tuple[object, object]]) -> dict[str, Sequence[str]]:
    return {order.name: [encode_cursor(order, keyset) for keyset in keysets]}
