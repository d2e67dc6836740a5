"""The served simulator implements the OPS protocol, with faults by its settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from models.columns import new_id
from ops.clients.http import HttpOps
from ops.clients.protocol import FailureKind, OpsFailure
from ops.simulator import reference_of
from ops.simulator.fault_settings import FaultSettings
from ops.simulator.server import SimulatorServer
from tests.ops.sockets import serving_simulator

INSTANT = FaultSettings(latency_ms=0)


@asynccontextmanager
async def serving(
    fault_settings: FaultSettings,
    *,
    token: str | None = None,
    server_token: str | None = None,
    timeout_s: float = 60,
) -> AsyncIterator[tuple[SimulatorServer, HttpOps, httpx2.AsyncClient]]:
    """Serve a simulator; yield it with an OPS client and a plain HTTP client."""
    simulator = SimulatorServer(fault_settings, token=server_token)
    async with serving_simulator(simulator) as url:
        client = HttpOps(url, token=token, timeout_s=timeout_s)
        async with httpx2.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
            yield simulator, client, http
        await client.close()


async def kind_of(client: HttpOps, key: str = "k", payload: str = "{}") -> str:
    """Submit a ticket, and return the kind of the failure or "accepted"."""
    try:
        await client.submit(payload, key=key, attempt=1)
    except OpsFailure as failure:
        return failure.kind.value
    return "accepted"


async def test_a_repeated_submit_returns_the_same_reference() -> None:
    key = new_id()
    async with serving(INSTANT) as (simulator, client, http):
        answers = [await client.submit('{"id": "T"}', key=key, attempt=n) for n in (1, 2)]
        assert {answer.reference for answer in answers} == {reference_of(key)}
        again = await http.post("/tickets", content='{"id": "T"}', headers={"Idempotency-Key": key})
        assert again.status_code == 200
        new = await http.post("/tickets", content="{}", headers={"Idempotency-Key": new_id()})
        assert new.status_code == 201
        report = await client.status(reference_of(key))
        assert report.status == "received"
    assert [(call.key, call.attempt, call.ticket_id) for call in simulator.record.calls[:2]] == [
        (key, 1, "T"),
        (key, 2, "T"),
    ]


async def test_a_key_with_another_ticket_is_rejected() -> None:
    async with serving(INSTANT) as (simulator, client, _):
        assert await kind_of(client, payload='{"id": "A"}') == "accepted"
        assert await kind_of(client, payload='{"id": "B"}') == "rejected"
    assert [call.outcome for call in simulator.record.calls] == ["accepted", "conflict"]


async def test_a_call_without_the_token_is_rejected() -> None:
    async with serving(INSTANT, server_token="a", token="b") as (simulator, client, http):  # noqa: S106  # not a real secret
        assert await kind_of(client) == "rejected"
        assert (await http.get("/tickets/R")).status_code == 401
    assert simulator.record.calls == []
    async with serving(INSTANT, server_token="a", token="a") as (_, client, _):  # noqa: S106  # not a real secret
        assert await kind_of(client) == "accepted"


async def test_a_submit_without_a_key_is_a_bad_request() -> None:
    async with serving(INSTANT) as (_, _, http):
        assert (await http.post("/tickets", content="{}")).status_code == 400


@pytest.mark.parametrize(
    ("fault_settings", "kind", "outcome"),
    [
        ({"is_down": True}, "unavailable", "down"),
        ({"failure_rate": 1.0}, "unavailable", "unavailable"),
        ({"reject_rate": 1.0}, "rejected", "rejected"),
        ({"too_many_rate": 1.0}, "unavailable", "too many"),
        ({"hang_rate": 1.0}, "timeout", "hung"),
        ({"latency_ms": 60_000}, "timeout", "cut off"),
        ({"garbage_rate": 1.0}, "unavailable", "accepted, then garbage"),
    ],
)
async def test_each_fault_setting_has_its_effect(
    fault_settings: dict[str, Any], kind: str, outcome: str
) -> None:
    # Only what hangs may take this long.
    timeout_s = 0.5 if kind == "timeout" else 60
    async with serving(INSTANT, timeout_s=timeout_s) as (simulator, client, http):
        changed = await http.patch("/simulator/faults", json=fault_settings)
        assert changed.json() == (await http.get("/simulator/faults")).json()
        assert changed.json().items() >= fault_settings.items()
        assert await kind_of(client) == kind
        async with asyncio.timeout(60):
            while (call := simulator.record.calls[0]).outcome is None:  # noqa: ASYNC110  # it ends by itself
                await asyncio.sleep(0.01)
        assert call.outcome == outcome
        shown = (await http.get("/simulator/calls")).json()
        assert [seen["outcome"] for seen in shown] == [outcome]
        assert (await http.get("/simulator/calls?after=1")).json() == []


async def test_connections_are_dropped_before_and_after_the_acceptance() -> None:
    async with serving(FaultSettings(latency_ms=0, reset_rate=1.0)) as (simulator, client, _):
        kinds = {await kind_of(client, key=f"key-{number}") for number in range(20)}
    assert kinds == {"unavailable"}
    assert {call.outcome for call in simulator.record.calls} == {"reset", "accepted, then reset"}


async def test_a_429_has_retry_after() -> None:
    fault_settings = FaultSettings(latency_ms=0, too_many_rate=1.0, retry_after_s=17)
    async with serving(fault_settings) as (_, client, _):
        with pytest.raises(OpsFailure) as caught:
            await client.submit("{}", key="k", attempt=1)
    assert caught.value.retry_after_s == 17


async def test_status_checks_have_faults_too() -> None:
    async with serving(FaultSettings(latency_ms=0, failure_rate=1.0)) as (_, client, _):
        with pytest.raises(OpsFailure) as caught:
            await client.status(reference_of("k"))
        assert caught.value.kind is FailureKind.UNAVAILABLE
        with pytest.raises(OpsFailure) as caught:
            await client.status("no-such")
        assert caught.value.kind is FailureKind.NOT_FOUND


@pytest.mark.parametrize(
    "given",
    [
        {"failure_rate": 2},
        {"failure_rate": "1"},
        {"latency_ms": 0.5},
        {"is_down": 1},
        {"no such": 1},
        [1],
        None,
    ],
)
async def test_an_invalid_fault_setting_is_rejected(given: object) -> None:
    async with serving(INSTANT) as (simulator, _, http):
        refused = await http.patch("/simulator/faults", json=given)
        assert refused.status_code == 400
        assert "error" in refused.json()
        assert simulator.fault_settings == INSTANT
