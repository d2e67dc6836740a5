"""Create tickets and request their deliveries, as the resolvers do."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

import asyncpg
import orjson
from tortoise.transactions import in_transaction

from models import LogEntry, OpsDelivery, OpsState, Ticket, TicketEvent
from models.ticket_lock import lock_ticket
from ops import Attempt, Deliveries, OpsClient, OpsPolicy

__all__ = [
    "CALLER",
    "create_ticket",
    "cut_connections",
    "deliveries_to",
    "expire_lease",
    "log_entries_of",
    "ops_state_changes_of",
    "request_delivery",
    "send",
]


class Caller(TypedDict):
    """The arguments of a caller, as the resolvers pass them."""

    actor: str | None
    request_id: str | None


CALLER: Caller = {"actor": "alice", "request_id": "request-1"}


def deliveries_to(ops: OpsClient, **settings: int) -> Deliveries:
    """Return deliveries with three attempts without delay, by default."""
    return Deliveries(ops, OpsPolicy(**{"max_attempts": 3, "retry_base_ms": 0, **settings}))


async def create_ticket(**fields: Any) -> Ticket:
    """Create a ticket."""
    values: dict[str, Any] = {
        "subject": "The printer is on fire",
        "description": "Since noon.",
        "customer_name": "Bob",
        "customer_email": "bob@example.com",
    }
    return await Ticket.create(**(values | fields))


async def request_delivery(
    deliveries: Deliveries, ticket: Ticket, *, at_once: bool = True
) -> tuple[OpsDelivery, bool]:
    """Request a delivery in a transaction of its own."""
    async with in_transaction() as connection:
        await lock_ticket(connection, ticket.id)
        return await deliveries.request(connection, ticket, at_once=at_once, **CALLER)


async def send(deliveries: Deliveries, ticket: Ticket) -> Attempt:
    """Request a delivery and make its first attempt."""
    delivery, is_new = await request_delivery(deliveries, ticket)
    assert is_new
    return await deliveries.attempt(delivery, **CALLER)


async def log_entries_of(delivery: OpsDelivery) -> list[LogEntry]:
    """Return the delivery's log entries, oldest first."""
    return await LogEntry.filter(delivery_id=delivery.id).order_by("timestamp", "id")


async def ops_state_changes_of(ticket: Ticket) -> list[str]:
    """Return the ops_state values of the ticket, from its history."""
    events = await TicketEvent.filter(ticket_id=ticket.id).order_by("transaction", "sequence")
    path: list[str] = []
    for event in events:
        assert event.type == "ops_state_changed"
        [change] = orjson.loads(event.changes)
        assert change["field"] == "opsState"
        assert not path or change["before"] == path[-1]
        path += [change["before"], change["after"]] if not path else [change["after"]]
    return path


async def expire_lease(delivery_id: str) -> None:
    """Set the lease of a claim to the past."""
    past = datetime.now(UTC) - timedelta(hours=1)
    delivery = OpsDelivery.filter(id=delivery_id)
    await delivery.update(lease_until=past)
    await delivery.filter(state=OpsState.PENDING).update(next_attempt_at=past)


async def cut_connections(database_url: str) -> None:
    """Terminate every other connection to the database, as a restart does."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()
