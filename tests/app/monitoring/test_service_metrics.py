"""Metrics of deliveries, live feeds and notifications."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

from app.database.migrations import migrate
from ops import FailureKind
from tests.app.http.conftest import Serve
from tests.app.http.serving import Served
from tests.app.monitoring.test_metrics import Samples, samples
from tests.feed.readers import connected

CREATE = """
mutation Create {
  createTicket(
    input: { subject: "S", description: "D", customerName: "N", customerEmail: "n@example.com" }
  ) { ticket { id } }
}
"""
SEND = "mutation($id: ID!) { sendToOps(input: {ticketId: $id}) { ticket { opsState } } }"
WITHIN_S = 60


def wait_for(server: Served, is_met: Callable[[Samples], bool]) -> Samples:
    """Scrape until a condition is met, and return the values."""
    deadline = time.monotonic() + WITHIN_S
    while not is_met(values := samples(server)):
        assert time.monotonic() < deadline, values
        time.sleep(0.5)
    return values


def send(server: Served, count: int) -> None:
    """Create tickets and send them to OPS."""
    for _ in range(count):
        created = server.http.post("/graphql", json={"query": CREATE}).json()
        variables = {"id": created["data"]["createTicket"]["ticket"]["id"]}
        sent = server.http.post("/graphql", json={"query": SEND, "variables": variables})
        assert "data" in sent.json()


async def test_deliveries_are_counted_by_state_and_attempts_by_outcome(
    serve: Serve, empty_database_url: str
) -> None:
    await migrate(empty_database_url)
    await asyncio.to_thread(check_counts, partial(serve, empty_database_url))


def check_counts(serve: Serve) -> None:
    accepting = serve()
    send(accepting, 3)
    values = samples(accepting)
    assert values["delivery_attempts_total", "accepted"] == 3
    assert values["delivery_attempt_duration_seconds_count", "accepted"] == 3
    assert values["deliveries_pending",] == values["deliveries_failed",] == 0
    assert values["deliveries_oldest_pending_age_seconds",] == 0
    failing = serve(OPS_SIM_FAILURE_RATE="1", OPS_MAX_ATTEMPTS="5", OPS_RETRY_BASE_MS="100000")
    send(failing, 2)
    rejecting = serve(OPS_SIM_REJECT_RATE="1")
    send(rejecting, 1)
    for server in (accepting, failing, rejecting):
        values = wait_for(server, lambda values: values["deliveries_pending",] == 2)
        assert values["deliveries_failed",] == 1
        assert values["deliveries_oldest_pending_age_seconds",] > 0
    values = samples(failing)
    failures = sum(
        values["delivery_attempts_total", kind] for kind in FailureKind if kind != "circuit_open"
    )
    assert (failures, values["delivery_attempts_total", "accepted"]) == (2, 0)
    assert samples(rejecting)["delivery_attempts_total", "rejected"] == 1


def test_the_state_of_the_circuit_is_a_metric(serve: Serve) -> None:
    server = serve(OPS_SIM_FAILURE_RATE="1", OPS_RETRY_BASE_MS="100000")
    values = samples(server)
    assert values["ops_circuit_state", "closed"] == 1
    # The breaker opens after ten failures, for five seconds.
    deadline = time.monotonic() + WITHIN_S
    while samples(server)["ops_circuit_state", "closed"]:
        assert time.monotonic() < deadline
        send(server, 10)
    values = samples(server)
    assert values["ops_circuit_state", "open"] + values["ops_circuit_state", "half_open"] == 1


async def test_subscribers_and_the_connection_for_notifications_are_metrics(
    serve: Serve, database_url: str
) -> None:
    server = serve()
    query = "subscription { ticketEvents { id } }"
    headers = {"Accept": "text/event-stream"}
    connected_feed = ("notification_connection_up",)
    await asyncio.to_thread(wait_for, server, lambda values: values[connected_feed] == 1)
    subscribers = ("feed_subscribers", "ticket_events")
    assert samples(server)[subscribers] == 0
    assert samples(server)["feed_position_age_seconds", "ticket_events"] == 0
    with server.http.stream("POST", "/graphql", json={"query": query}, headers=headers):
        await asyncio.to_thread(wait_for, server, lambda values: values[subscribers] == 1)
        # The reader cannot pass an open transaction that has written events.
        async with connected(database_url) as holding, connected(database_url) as writing:
            async with holding.transaction():
                await holding.execute("SELECT txid_current()")
                await writing.execute(
                    "INSERT INTO ticket_events (id, ticket_id, type, changes)"
                    " VALUES (gen_random_uuid()::text, 'held', 'updated', '[]')"
                )
                age = ("feed_position_age_seconds", "ticket_events")
                await asyncio.to_thread(wait_for, server, lambda values: values[age] > 3)
            await asyncio.to_thread(wait_for, server, lambda values: values[age] < 3)
    await asyncio.to_thread(wait_for, server, lambda values: values[subscribers] == 0)
