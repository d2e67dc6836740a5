"""The health checks and metrics of a worker process."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.auth.tokens import create_token
from models import OpsDelivery
from tests.app.readiness import readiness
from tests.ops.outbox import many_due, none_pending
from tests.ops.processes import CliProcess, running_processes
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database")

ATTEMPTS = ("ticketops_delivery_attempts_total", (("outcome", "accepted"),))


@pytest.fixture
async def worker(database_url: str, tmp_path: Path) -> AsyncIterator[CliProcess]:
    """Run a worker that requires a token, on a free port."""
    settings = {
        "DATABASE_URL": database_url,
        "AUTH": "required",
        "WORKER_PORT": "0",
        "LOG_LEVEL": "info",
        "OPS_SIM_FAILURE_RATE": "0",
        "OPS_SIM_LATENCY_MS": "5",
    }
    async with running_processes(tmp_path, servers=0, workers=1, **settings) as group:
        [worker] = group.workers
        yield worker


def events(worker: CliProcess) -> list[dict[str, str]]:
    lines = worker.log_file.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


async def url_of(worker: CliProcess) -> str:
    """Wait until the worker listens, and return its URL."""
    await until(lambda: [event for event in events(worker) if event["message"] == "listening"])
    return next(event["url"] for event in events(worker) if event["message"] == "listening")


async def test_a_worker_reports_its_health_and_its_attempts(worker: CliProcess) -> None:
    token = await create_token("prometheus", ["admin"], expires_at=None)
    await many_due(20)
    async with httpx2.AsyncClient(base_url=await url_of(worker), trust_env=False) as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        assert readiness(await http.get("/readyz")) == {"status": "ready"}
        await until(none_pending)
        headers = {"Authorization": f"Bearer {token}"}
        text = (await http.get("/metrics", headers=headers)).text
        values = {
            (sample.name, tuple(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert values[ATTEMPTS] == 20
        assert values["ticketops_ops_circuit_state", (("state", "closed"),)] == 1
        assert values["ticketops_notification_connection_up", ()] == 1

        refused = await http.get("/metrics")
        assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED")
        # It has no API.
        for path in ("/graphql", "/tickets", "/openapi.json"):
            assert (await http.get(path, headers=headers)).status_code == 404
    assert await worker.stop() == 0


async def test_a_worker_is_monitored_while_it_finishes_its_last_calls(
    database_url: str, tmp_path: Path
) -> None:
    ops = CliProcess("ops-simulator", {}, tmp_path / "ops.log", ["--fault", "latency_ms=60000"])
    await ops.start()
    await many_due(1)
    settings = {
        "DATABASE_URL": database_url,
        "OPS_URL": ops.url,
        "OPS_TIMEOUT_MS": "60000",
        "WORKER_PORT": "0",
        "LOG_LEVEL": "info",
    }
    async with (
        running_processes(tmp_path, servers=0, workers=1, **settings) as group,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        [worker] = group.workers
        url = await url_of(worker)

        async def is_called() -> bool:
            try:
                return bool((await http.get(f"{ops.url}/simulator/calls")).json())
            except httpx2.TransportError:
                return False

        await until(is_called)
        assert worker.process is not None
        worker.process.terminate()
        await until(lambda: any(event["message"] == "stopping" for event in events(worker)))
        assert (await http.get(f"{url}/healthz")).status_code == 200
        # The call fails, and the worker records that.
        await ops.kill()
        assert await worker.stop() == 0
    [delivery] = await OpsDelivery.all()
    assert (delivery.attempts, delivery.lease_until) == (1, None)


async def test_a_port_that_is_in_use_is_refused(database_url: str, tmp_path: Path) -> None:
    async with running_processes(
        tmp_path, servers=1, workers=0, DATABASE_URL=database_url
    ) as group:
        [server] = group.servers
        async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as http:

            async def is_up() -> bool:
                try:
                    return (await http.get("/healthz")).is_success
                except httpx2.TransportError:
                    return False

            await until(is_up)
        worker = CliProcess(
            "worker", {**server.environ, "WORKER_PORT": str(server.port)}, tmp_path / "log"
        )
        await worker.start()
        assert worker.process is not None
        assert await worker.process.wait() == 2
        log = worker.log_file.read_text()
        assert "another program uses it" in log
        assert "--worker-port or WORKER_PORT" in log
