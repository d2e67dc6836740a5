"""SIGTERM: the server drains for SHUTDOWN_DELAY_MS, and stops then; a further signal ends it."""

import asyncio
import json
import signal
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.app.processes.test_serve import COUNT, CREATE
from tests.app.service import Service, running, serving_processes
from tests.waiting import wait_until

# Longer than a test waits for the end of a server.
LONG_MS = "600000"
LARGE_TICKETS = """
INSERT INTO tickets (id, subject, description, customer_name, customer_email)
SELECT 'large-' || n, 'Printer', repeat('€', 65536), 'Ada', 'ada@example.com'
FROM generate_series(1, 70) AS n
"""
STOPPING = {
    "status": "not ready",
    "missing": "running server",
    "reason": "The server is stopping.",
}


@pytest.fixture
def url(empty_database_url: str) -> str:
    """Return the URL of a database without tables."""
    return empty_database_url


def drain(service: Service, workers: int) -> None:
    """Send SIGTERM, and wait until every process drains."""
    service.process.send_signal(signal.SIGTERM)
    stopping = []

    def all_drain() -> bool:
        # The processes accept connections in turn.
        response = httpx2.get(f"{service.url}/readyz")
        stopping.append(response.status_code == 503)
        assert response.status_code == 200 or response.json() == STOPPING
        return sum(stopping[-10 * workers :]) == 10 * workers

    wait_until(all_drain, within_s=120)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_draining_server_answers_and_closes_connections(
    tmp_path: Path, url: str, workers: int
) -> None:
    given = {"DATABASE_URL": url, "WORKERS": str(workers), "SHUTDOWN_DELAY_MS": LONG_MS}
    with running(cwd=tmp_path, **given) as service, httpx2.Client(base_url=service.url) as kept:
        processes = serving_processes(service.process.pid) if workers > 1 else []
        assert "connection" not in kept.post("/graphql", json={"query": COUNT}).headers
        drain(service, workers)
        # On the connection of before, and on new ones.
        for _ in range(3):
            response = kept.post("/graphql", json={"query": CREATE})
            assert response.json()["data"]["createTicket"]["errors"] == []
            assert response.headers["connection"] == "close"
        for process in processes:
            # As a service manager that signals all processes.
            process.send_signal(signal.SIGTERM)
        assert httpx2.get(f"{service.url}/healthz").status_code == 200
        # A further signal ends the server long before the end of the delay.
        assert service.end() == 0
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{service.url}/healthz")
    assert not any(process.is_running() for process in processes)


@pytest.mark.parametrize("workers", [1, 2])
def test_sigint_stops_without_delay(tmp_path: Path, url: str, workers: int) -> None:
    given = {"DATABASE_URL": url, "WORKERS": str(workers), "SHUTDOWN_DELAY_MS": LONG_MS}
    with running(cwd=tmp_path, **given) as service:
        assert "data" in service.graphql(COUNT)
        assert service.end(signal.SIGINT) == 0


def test_pipelined_requests_are_answered_before_the_connection_closes(
    tmp_path: Path, url: str
) -> None:
    given = {"DATABASE_URL": url, "SHUTDOWN_DELAY_MS": LONG_MS}
    request = b"GET /tickets HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with running(cwd=tmp_path, **given) as service:
        port = int(service.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            drain(service, 1)
            connection.sendall(3 * request)
            received = b""
            while part := connection.recv(65_536):
                received += part
        heads = [one.partition(b"\r\n\r\n")[0] for one in received.split(b"HTTP/1.1 200 OK")[1:]]
        assert [b"connection: close" in head for head in heads] == [False, False, True]
        assert service.end() == 0


@asynccontextmanager
async def subscribed(service: Service) -> AsyncIterator[ClientConnection]:
    """Yield a socket with a subscription to the events of tickets that are created."""
    address = service.url.replace("http", "ws", 1) + "/graphql"
    subprotocols = [Subprotocol("graphql-transport-ws")]
    async with connect(address, subprotocols=subprotocols) as websocket:
        await websocket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await websocket.recv())["type"] == "connection_ack"
        payload = {"query": "subscription { ticketEvents { type } }"}
        await websocket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        # Answered after the subscription.
        await websocket.send(json.dumps({"type": "ping"}))
        assert json.loads(await websocket.recv())["type"] == "pong"
        yield websocket


async def test_subscriptions_continue_during_the_delay(tmp_path: Path, url: str) -> None:
    given = {"DATABASE_URL": url, "SHUTDOWN_DELAY_MS": LONG_MS}
    with running(cwd=tmp_path, **given) as service:
        async with subscribed(service) as websocket:
            await asyncio.to_thread(drain, service, 1)
            async with asyncio.timeout(60), httpx2.AsyncClient() as http:
                await http.post(f"{service.url}/graphql", json={"query": CREATE})
                message = json.loads(await websocket.recv())
            assert message["payload"] == {"data": {"ticketEvents": {"type": "CREATED"}}}
            assert await asyncio.to_thread(service.end) == 0


async def test_subscriptions_end_after_the_delay(tmp_path: Path, url: str) -> None:
    given = {"DATABASE_URL": url, "SHUTDOWN_DELAY_MS": "500"}
    with running(cwd=tmp_path, **given) as service:
        async with subscribed(service) as websocket:
            service.process.send_signal(signal.SIGTERM)
            assert [message async for message in websocket] == []
            await websocket.wait_closed()
        assert websocket.close_code == 1001
        assert await asyncio.to_thread(service.process.wait, 60) == 0


def test_a_request_that_runs_at_the_end_of_the_delay_is_answered(tmp_path: Path, url: str) -> None:
    ops = {"OPS_SIM_LATENCY_MS": "4000", "OPS_TIMEOUT_MS": "30000"}
    send = "mutation($id: ID!) { sendToOps(input: {ticketId: $id}) { ticket { opsState } } }"
    responses = []
    given = {"DATABASE_URL": url, "WORKERS": "2", "SHUTDOWN_DELAY_MS": "500"}
    with running(cwd=tmp_path, **given, **ops) as service:
        ticket_id = service.graphql(CREATE)["data"]["createTicket"]["ticket"]["id"]
        thread = threading.Thread(
            target=lambda: responses.append(service.graphql(send, id=ticket_id))
        )
        thread.start()
        read = "query($id: ID!) { ticket(id: $id) { opsState } }"
        pending = {"data": {"ticket": {"opsState": "PENDING"}}}
        wait_until(lambda: service.graphql(read, id=ticket_id) == pending)
        assert service.end() == 0
        thread.join(60)
    assert responses == [{"data": {"sendToOps": {"ticket": {"opsState": "DELIVERED"}}}}]


async def test_connections_of_clients_that_do_not_read_are_closed(tmp_path: Path, url: str) -> None:
    """When the time of their requests is over, with one line in the log."""
    given = {"DATABASE_URL": url, "REQUEST_TIMEOUT_MS": "5000"}
    with running(cwd=tmp_path, **given) as service, socket.socket() as wire:
        connection = await asyncpg.connect(url)
        await connection.execute(LARGE_TICKETS)
        await connection.close()
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        address = httpx2.URL(service.url)
        wire.connect((address.host, address.port))
        body = json.dumps({"query": "{ tickets(first: 70) { nodes { description } } }"})
        wire.sendall(
            f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        # The response has begun.
        assert wire.recv(1, socket.MSG_PEEK)
        assert await asyncio.to_thread(service.end) == 0
        assert service.process.stderr is not None
        log = [json.loads(line) for line in service.process.stderr if line.startswith("{")]
    assert [event for event in log if event["level"] == "error"] == []
    [warning] = [event for event in log if event["message"] == "unread responses dropped"]
    assert warning["connections"] == 1
