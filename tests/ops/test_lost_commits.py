"""A failover that loses the last commits: OPS receives a repeated send under the same key."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.database.embedded import EmbeddedPostgres
from app.database.migrations import migrate
from ops.simulator.fault_settings import FaultSettings
from ops.simulator.server import SimulatorServer
from tests.app.http.serving import Served, served
from tests.engine.pools import own_postgres
from tests.ops.sockets import serving_simulator

TICKET = {
    "subject": "S",
    "description": "D",
    "customer_name": "N",
    "customer_email": "n@example.com",
}
SEND = """
mutation ($id: ID!, $key: String) {
  sendToOps(input: {ticketId: $id, idempotencyKey: $key}) { delivery { id state reference } }
}
"""


def send_by_rest(server: Served, ticket: str, key: str | None) -> tuple[str, str, str]:
    headers = {} if key is None else {"Idempotency-Key": key}
    response = server.http.post(f"/api/ops/{ticket}", headers=headers)
    delivery = response.json()["delivery"]
    return delivery["id"], delivery["state"].upper(), delivery["reference"]


def send_by_graphql(server: Served, ticket: str, key: str | None) -> tuple[str, str, str]:
    body = {"query": SEND, "variables": {"id": ticket, "key": key}}
    response = server.http.post("/graphql", json=body)
    delivery = response.json()["data"]["sendToOps"]["delivery"]
    return delivery["id"], delivery["state"], delivery["reference"]


WAYS = {"rest": send_by_rest, "graphql": send_by_graphql}


def back_up(postgres: EmbeddedPostgres, copy: Path) -> None:
    """Copy the data, and continue."""
    postgres.stop()
    subprocess.run(["/bin/cp", "-a", str(postgres.cluster), str(copy)], check=True)
    postgres.start()


def lose_commits(postgres: EmbeddedPostgres, copy: Path) -> None:
    """Go back to a copy, as a standby does that takes over without the last commits."""
    postgres.stop()
    shutil.rmtree(postgres.cluster)
    copy.rename(postgres.cluster)
    postgres.start()


@pytest.fixture
async def simulator() -> AsyncIterator[tuple[SimulatorServer, str]]:
    """Run an OPS that records its calls."""
    simulator = SimulatorServer(FaultSettings(latency_ms=0))
    async with serving_simulator(simulator) as url:
        yield simulator, url


async def test_a_send_that_was_lost_reaches_ops_again_under_its_key(
    simulator: tuple[SimulatorServer, str], tmp_path: Path
) -> None:
    ops, url = simulator
    with own_postgres() as postgres:
        await migrate(postgres.url)
        copy = postgres.data_dir / "copy"

        def lose_and_repeat() -> dict[str, list[tuple[str, str, str]]]:
            sent: dict[str, list[tuple[str, str, str]]] = {}
            with served(tmp_path / "before", postgres.url, OPS_URL=url) as server:
                tickets = [server.http.post("/tickets", json=TICKET).json()["id"] for _ in WAYS]
            back_up(postgres, copy)
            for log in ("lost", "repeated"):
                with served(tmp_path / log, postgres.url, OPS_URL=url) as server:
                    for (name, send), ticket in zip(WAYS.items(), tickets, strict=True):
                        sent.setdefault(name, []).append(send(server, ticket, f"key of {name}"))
                if log == "lost":
                    lose_commits(postgres, copy)
            return sent

        sent = await asyncio.to_thread(lose_and_repeat)
    for first, second in sent.values():
        assert first == second
        assert first[1] == "DELIVERED"
    assert len({call.key for call in ops.record.calls}) == len(WAYS)
    assert len(ops.record.calls) == 2 * len(WAYS)
    assert {call.outcome for call in ops.record.calls} == {"accepted"}
